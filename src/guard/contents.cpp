// SPDX-License-Identifier: Apache-2.0
#include "efface/guard/contents.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "efface/base/json.hpp"
#include "efface/inventory/machine_state.hpp"

namespace efface::guard {

using inventory::FoundSignature;
using inventory::Identity;
using inventory::Kind;

namespace {

constexpr const char* kUnreadable = "unreadable";

constexpr const char* kHardLinks = "hard-links";
constexpr const char* kOfAGroup = "a member of a group of several devices";
constexpr const char* kJournal = "the journal of a file system on another device";
constexpr const char* kShared = "other hosts may have it mounted, which this one cannot see";

/// What else needs a device, by the names of libblkid (util-linux, libblkid/src/superblocks) and of
/// inventory::signatures_on(): what is lost there is not only what is here.
struct MemberRule {
    std::string_view type;
    const char* words;
};
constexpr std::array<MemberRule, 22> kMembers = {{
    {"LVM2_member", kOfAGroup},
    {"LVM1_member", kOfAGroup},
    {"zfs_member", kOfAGroup},
    {"bcache", kOfAGroup},
    {"ceph_bluestore", kOfAGroup},
    {"mpath_member", kOfAGroup},
    {"drbd", kOfAGroup},
    {"stratis", kOfAGroup},
    {"mpool", kOfAGroup},
    {"oracleasm", kOfAGroup},
    {"jbd", kJournal},               // mke2fs -O journal_dev
    {"xfs_external_log", kJournal},  // mkfs.xfs -l logdev=
    {"VMFS", kShared},               // VMware: clustered
    {"VMFS_volume_member", kShared},
    {"ocfs", kShared},
    {"ntocfs", kShared},
    {"ocfs2", kShared},
    {"gfs", kShared},
    {"gfs2", kShared},
    {"exfs", kShared},  // SGI's CXFS
    {"scoutfs_meta", kShared},
    {"scoutfs_data", kShared},
}};

/// nullptr for what stands alone.
const char* member_words(std::string_view type, std::uint64_t devices) {
    const auto* const rule =
        std::find_if(kMembers.begin(), kMembers.end(),
                     [&](const MemberRule& candidate) { return candidate.type == type; });
    if (rule != kMembers.end()) {
        return rule->words;
    }
    return type.ends_with("_raid_member") || devices != 1 ? kOfAGroup : nullptr;
}

std::string lower(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return text;
}

/// For a comparison of UUIDs as people type them.
std::string plain(const std::string& uuid) {
    auto text = lower(uuid);
    std::erase(text, '-');
    std::erase(text, ':');
    return text;
}

void add_contents(const std::string& path, std::vector<Content>& contents) {
    const auto where = path.substr(path.rfind('/') + 1);
    std::vector<FoundSignature> signatures;
    try {
        signatures = inventory::signatures_on(path);
    } catch (const Error&) {
        // A dying disk is erased all the same; the plan says that nobody knows what is on it.
        Content unknown;
        unknown.where = printable(where);
        unknown.type = kUnreadable;
        contents.push_back(std::move(unknown));
    }
    for (const auto& found : signatures) {
        Content content;
        content.where = printable(where);
        content.type = found.type;
        // LVM's identifiers tell capital letters apart.
        content.uuid = found.type.starts_with("LVM") ? found.uuid : lower(found.uuid);
        content.label = found.label;
        content.last_mounted = found.last_mounted;
        content.member = member_words(found.type, found.devices) != nullptr;
        contents.push_back(std::move(content));
    }
}

/// A file loses its content under all of its names.
void add_names(const Identity& identity, std::vector<Content>& contents) {
    struct stat status {};
    if (::stat(identity.canonical_path.c_str(), &status) == 0 && status.st_nlink > 1) {
        const auto where = std::filesystem::path(identity.canonical_path).filename().string();
        contents.push_back({printable(where),
                            kHardLinks,
                            {},
                            fmt::format("{} names", status.st_nlink),
                            {},
                            false});
    }
}

}  // namespace

std::string Content::name() const {
    return !uuid.empty() ? uuid : (!label.empty() ? label : type);
}

Json to_json(const std::vector<Content>& contents) {
    Json list = Json::array();
    for (const auto& one : contents) {
        ObjectWriter entry;
        entry.add("where", one.where).add("type", one.type);
        for (const auto& [key, text] :
             {std::pair{"uuid", &one.uuid}, std::pair{"label", &one.label},
              std::pair{"lastMounted", &one.last_mounted}}) {
            if (!text->empty()) {
                entry.add(key, *text);
            }
        }
        if (one.member) {
            entry.add("member", true);
        }
        list.push_back(entry.take());
    }
    return list;
}

std::string to_text(const Content& content) {
    if (content.type == kUnreadable) {
        return "what is on " + content.where + ", which cannot be read: unknown";
    }
    if (content.type == kHardLinks) {
        return fmt::format("the content of {} under {} (hard links)", content.where, content.label);
    }
    std::string text = fmt::format("{} on {}", content.type, content.where);
    if (!content.label.empty()) {
        text += fmt::format(", \"{}\"", content.label);
    }
    if (!content.uuid.empty()) {
        text += ", UUID " + content.uuid;
    }
    if (!content.last_mounted.empty()) {
        text += ", last mounted at " + content.last_mounted;
    }
    if (content.member) {
        const auto* const words = member_words(content.type, 1);
        text += fmt::format(": {}", words == nullptr ? kOfAGroup : words);
    }
    return text;
}

std::vector<Content> contents_of(const Identity& identity, const inventory::SystemView& view) {
    std::vector<Content> contents;
    if (!view.live) {
        return contents;
    }
    add_contents(identity.canonical_path, contents);
    if (identity.kind == Kind::file) {
        add_names(identity, contents);
        return contents;
    }
    const auto name =
        std::filesystem::path(inventory::Folder::open(view.sysfs / "dev" / "block")
                                  .link(fmt::format("{}:{}", identity.major, identity.minor))
                                  .text)
            .filename()
            .string();
    if (identity.kind == Kind::partition || name.empty()) {
        return contents;
    }
    const auto folder = inventory::Folder::open(view.sysfs / "class" / "block").enter(name);
    for (const auto& entry : folder.list(".").names) {
        if (entry.starts_with(name) && !folder.enter(entry).read("partition").text.empty()) {
            add_contents(inventory::device_path(view, entry).string(), contents);
        }
    }
    return contents;
}

std::vector<Reason> unreleased_members(const std::vector<Content>& contents,
                                       const std::vector<std::string>& released) {
    std::vector<Reason> reasons;
    for (const auto& content : contents) {
        const bool named =
            std::any_of(released.begin(), released.end(), [&](const std::string& name) {
                return name == content.name() ||
                       (!content.label.empty() && name == content.label) ||
                       (!content.uuid.empty() && plain(name) == plain(content.uuid));
            });
        if (content.member && !named) {
            reasons.push_back({ReasonCode::member, to_text(content)});
        }
    }
    return reasons;
}

}  // namespace efface::guard

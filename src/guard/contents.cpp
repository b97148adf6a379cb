// SPDX-License-Identifier: Apache-2.0
#include "efface/guard/contents.hpp"

#include <fmt/format.h>

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

bool is_member(const FoundSignature& found) {
    static constexpr std::array<std::string_view, 10> kMembers = {
        "LVM2_member",  "LVM1_member", "zfs_member", "bcache", "ceph_bluestore",
        "mpath_member", "drbd",        "stratis",    "mpool",  "VMFS_volume_member"};
    return found.type.ends_with("_raid_member") ||
           std::find(kMembers.begin(), kMembers.end(), found.type) != kMembers.end() ||
           found.devices > 1;
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
        content.member = is_member(found);
        contents.push_back(std::move(content));
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
        text += ": a member of a group that is not running here";
    }
    return text;
}

std::vector<Content> contents_of(const Identity& identity, const inventory::SystemView& view) {
    std::vector<Content> contents;
    if (!view.live) {
        return contents;
    }
    add_contents(identity.canonical_path, contents);
    const auto name =
        std::filesystem::path(inventory::Folder::open(view.sysfs / "dev" / "block")
                                  .link(fmt::format("{}:{}", identity.major, identity.minor))
                                  .text)
            .filename()
            .string();
    if (identity.kind == Kind::file || identity.kind == Kind::partition || name.empty()) {
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

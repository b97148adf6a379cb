// SPDX-License-Identifier: Apache-2.0
#include "efface/inventory/list.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <map>

#include "efface/device/bounded_questions.hpp"
#include "efface/inventory/hardware.hpp"
#include "efface/inventory/machine_state.hpp"

#include "block/devices.hpp"
#include "place.hpp"

namespace efface::inventory {
namespace {

// LUKS1 and LUKS2 headers agree in these (luks.md, 1.1 and 1.2).
constexpr std::size_t kHeadBytes = 4096;
constexpr std::string_view kLuksMagic{"LUKS\xba\xbe", 6};
constexpr std::size_t kVersionOffset = 6;
constexpr std::size_t kLabelOffset = 24;  // LUKS2 only
constexpr std::size_t kLabelBytes = 48;
constexpr std::size_t kUuidOffset = 168;
constexpr std::size_t kUuidBytes = 40;

Signature luks_signature(const std::string& uuid, std::string label) {
    Signature signature;
    signature.type = "crypto_LUKS";
    signature.uuid = uuid;
    signature.label = std::move(label);
    signature.usage = "crypto";
    return signature;
}

std::string text_at(std::string_view head, std::size_t offset, std::size_t bytes_max) {
    const std::string_view field = head.substr(offset, bytes_max);
    return printable(field.substr(0, std::min(field.find('\0'), field.size())));
}

/// Fills what the first 4 KiB tell. Not being able to read them is an answer too.
void read_head(const std::filesystem::path& path, ListEntry& entry) {
    entry.signature.code = -1;
    const UniqueFd fd{::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    std::array<char, kHeadBytes> buffer;
    const ssize_t got = fd ? ::pread(fd.get(), buffer.data(), buffer.size(), 0) : -1;
    if (got < 0) {
        return;
    }
    entry.signature.code = 1;
    const std::string_view head{buffer.data(), static_cast<std::size_t>(got)};
    if (head.size() < kUuidOffset + kUuidBytes || !head.starts_with(kLuksMagic)) {
        return;
    }
    entry.luks_version = read_be<std::uint16_t>(as_bytes(head), kVersionOffset);
    entry.luks_uuid = text_at(head, kUuidOffset, kUuidBytes);
    entry.signature = luks_signature(entry.luks_uuid, entry.luks_version == 2
                                                          ? text_at(head, kLabelOffset, kLabelBytes)
                                                          : std::string());
}

constexpr const char* kAnswerKey = "answer";
constexpr const char* kLeaveKey = "leave";
constexpr const char* kHeadsKey = "heads";

/// A whole disk and its partitions, which share its fate: places in the list, the disk first.
using DiskRows = std::vector<std::size_t>;

std::vector<DiskRows> rows_by_disk(const std::vector<ListEntry>& entries) {
    std::vector<DiskRows> disks;
    std::map<std::string, std::size_t> by_name;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].parent.empty()) {
            by_name[std::filesystem::path(entries[i].identity.path).filename()] = disks.size();
            disks.push_back({i});
        }
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (entries[i].parent.empty()) {
            continue;
        }
        const auto disk = by_name.find(entries[i].parent);
        if (disk != by_name.end()) {
            disks[disk->second].push_back(i);
        } else {
            disks.push_back({i});
        }
    }
    return disks;
}

/// Asks one disk: first what is wanted of it, then, unless it is to be left alone, its blocks.
void ask_disk(const DiskRows& rows, const std::vector<std::filesystem::path>& paths,
              const DiskQuestions* questions, const device::Tell& tell) {
    if (questions != nullptr && questions->asks(rows.front())) {
        auto answer = questions->ask(rows.front());
        tell(ObjectWriter()
                 .add(kAnswerKey, std::move(answer.told))
                 .add(kLeaveKey, answer.leave_alone)
                 .take()
                 .dump());
        if (!answer.leave_alone.empty()) {
            return;
        }
    }
    Json heads = Json::array();
    for (const std::size_t row : rows) {
        ListEntry entry;
        read_head(paths[row], entry);
        heads.push_back(ObjectWriter()
                            .add("code", entry.signature.code)
                            .add("version", entry.luks_version)
                            .add("uuid", entry.luks_uuid)
                            .add("label", entry.signature.label)
                            .take());
    }
    tell(ObjectWriter().add(kHeadsKey, std::move(heads)).take().dump());
}

void take_head(const Json& head, ListEntry& entry) {
    head.at("code").get_to(entry.signature.code);
    head.at("version").get_to(entry.luks_version);
    head.at("uuid").get_to(entry.luks_uuid);
    if (entry.luks_version > 0) {
        entry.signature = luks_signature(entry.luks_uuid, head.at("label").get<std::string>());
    }
}

/// A drive of hardware that is not taken out: of 0 bytes when it has failed, or has sectors that
/// Linux cannot address. A reader without a card in it is none.
bool is_fixed_drive(const Folder& class_block, const BlockNode& node) {
    if (node.kind != Kind::disk) {
        return false;
    }
    const Folder folder = class_block.enter(node.name);
    return folder.enter("device").reading() == Reading::present &&
           folder.read("removable").text == "0";
}

void note_unread(ListEntry& entry, const std::string& why) {
    entry.uses.push_back({ReasonCode::unreadable_state, why});
}

/// What came of one disk in time. Blocks that were not read are a use of their own.
void take_disk(const DiskRows& rows, const std::vector<std::string>& texts,
               std::chrono::milliseconds deadline, DiskQuestions* questions,
               std::vector<ListEntry>& entries) {
    const auto late = fmt::format("no answer in {} s", deadline.count() / 1000);
    std::string why = "its first blocks: " + late;
    if (questions != nullptr && questions->asks(rows.front())) {
        const Json first = texts.empty() ? Json() : Json::parse(texts.front());
        std::string leave = late;
        if (first.contains(kAnswerKey)) {
            questions->take(rows.front(), first.at(kAnswerKey));
            first.at(kLeaveKey).get_to(leave);
        } else {
            questions->give_up(rows.front(), late);
        }
        if (!leave.empty()) {
            why = "not read: " + leave;
        }
    }
    const Json last = texts.empty() ? Json() : Json::parse(texts.back());
    const bool read = last.contains(kHeadsKey);
    for (std::size_t i = 0; i < rows.size(); ++i) {
        if (read) {
            take_head(last.at(kHeadsKey).at(i), entries[rows[i]]);
        } else {
            note_unread(entries[rows[i]], why);
        }
    }
}

/// Asks all disks at once, in another process: a drive that hangs, or is busy with erasing itself,
/// would keep the reader.
void ask_disks(const std::vector<std::filesystem::path>& paths, DiskQuestions* questions,
               std::chrono::milliseconds deadline, std::vector<ListEntry>& entries) {
    std::vector<Identity> identities;
    for (auto& entry : entries) {
        entry.signature.code = -1;
        identities.push_back(entry.identity);
    }
    if (questions != nullptr) {
        questions->look_at(identities);
    }
    const auto disks = rows_by_disk(entries);
    const auto count = std::min(disks.size(), device::kQuestionsMax);
    const auto answers = device::ask_all(
        count,
        [&](std::size_t i, const device::Tell& tell) {
            ask_disk(disks[i], paths, questions, tell);
        },
        deadline);
    const std::string too_many = "not read: there are too many";
    for (std::size_t i = 0; i < disks.size(); ++i) {
        if (i < count) {
            take_disk(disks[i], answers[i], deadline, questions, entries);
            continue;
        }
        for (const std::size_t row : disks[i]) {
            note_unread(entries[row], too_many);
        }
    }
}

/// "loop2" before "loop10": runs of digits compare as numbers.
bool natural_less(const std::string& a, const std::string& b) {
    const auto digit = [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; };
    std::size_t i = 0;
    std::size_t j = 0;
    while (i < a.size() && j < b.size()) {
        if (!digit(a[i]) || !digit(b[j])) {
            if (a[i] != b[j]) {
                return a[i] < b[j];
            }
            ++i;
            ++j;
            continue;
        }
        const auto run = [&digit](const std::string& text, std::size_t& at) {
            const std::size_t begin = at;
            while (at < text.size() && digit(text[at])) {
                ++at;
            }
            return number_or(text.substr(begin, at - begin), 0);
        };
        const std::uint64_t x = run(a, i);
        const std::uint64_t y = run(b, j);
        if (x != y) {
            return x < y;
        }
    }
    return a.size() - i < b.size() - j;
}

}  // namespace

std::vector<ListEntry> list_storage(const MachineState& state, bool probe, DiskQuestions* questions,
                                    std::chrono::milliseconds deadline) {
    const SystemView& view = state.view();
    const BlockGraph& graph = state.graph();
    const Folder class_block = Folder::open(view.sysfs / "class" / "block");
    const NodeLookup lookup = [&graph](const std::string& name) -> const BlockNode* {
        const auto index = graph.find_name(name);
        return index ? &graph.at(*index) : nullptr;
    };
    std::vector<const BlockNode*> shown;
    for (const BlockNode& node : graph.nodes()) {
        if (node.size_bytes > 0 || is_fixed_drive(class_block, node)) {
            shown.push_back(&node);
        }
    }
    std::sort(shown.begin(), shown.end(), [](const BlockNode* a, const BlockNode* b) {
        return natural_less(a->name, b->name);
    });
    const PathNames path_names = read_path_names(view);
    std::vector<ListEntry> entries;
    entries.reserve(shown.size());
    for (const BlockNode* node : shown) {
        ListEntry entry;
        entry.identity = identity_of(class_block, *node, lookup);
        entry.identity.path = device_path(SystemView{}, node->name).string();
        entry.identity.canonical_path = entry.identity.path;
        entry.parent = node->parent;
        if (node->kind == Kind::disk) {
            entry.vendor = vendor_of(class_block, node->name);
            entry.controller = raid_controller_of(entry.vendor, entry.identity.model);
            entry.place = place_of(class_block, node->name, path_names);
        }
        entries.push_back(std::move(entry));
    }
    if (view.live) {
        std::vector<std::filesystem::path> paths;
        for (const BlockNode* node : shown) {
            paths.push_back(device_path(view, node->name));
        }
        ask_disks(paths, questions, deadline, entries);
    }
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (view.live && probe && entries[i].signature.code >= 0) {
            entries[i].signature = probe_signature(device_path(view, shown[i]->name));
        }
    }
    return entries;
}

std::vector<std::string> mappings_of_luks_uuid(const std::string& luks_uuid,
                                               const SystemView& view) {
    const auto plain = [](std::string text) {
        text.erase(std::remove(text.begin(), text.end(), '-'), text.end());
        std::transform(text.begin(), text.end(), text.begin(),
                       [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
        return text;
    };
    const std::string wanted = plain(luks_uuid);
    if (wanted.empty()) {
        return {};
    }
    constexpr std::string_view kPrefix = "CRYPT-LUKS";
    const Folder class_block = Folder::open(view.sysfs / "class" / "block");
    const Listing devices = class_block.list(".");
    if (devices.reading != Reading::present) {
        throw_errno(ErrorCode::internal, "list of block devices", devices.error);
    }
    std::vector<std::string> names;
    for (const std::string& device : devices.names) {
        if (!device.starts_with("dm-")) {
            continue;
        }
        const Folder folder = class_block.enter(device);
        const Attribute uuid = folder.read("dm/uuid");
        const Attribute name = folder.read("dm/name");
        if (uuid.reading == Reading::unreadable || name.reading == Reading::unreadable) {
            throw_errno(ErrorCode::internal, device + ": its device-mapper UUID",
                        uuid.error != 0 ? uuid.error : name.error);
        }
        // CRYPT-LUKS2-<32 digits>-<name>
        const std::size_t dash = uuid.text.find('-', kPrefix.size());
        if (!uuid.text.starts_with(kPrefix) || dash == std::string::npos) {
            continue;
        }
        const std::string rest = uuid.text.substr(dash + 1);
        if (plain(rest.substr(0, rest.find('-'))) == wanted) {
            names.push_back(name.text.empty() ? device : name.text);
        }
    }
    return names;
}

}  // namespace efface::inventory

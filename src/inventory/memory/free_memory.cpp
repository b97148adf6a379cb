// SPDX-License-Identifier: Apache-2.0
#include "efface/inventory/free_memory.hpp"

#include <algorithm>
#include <limits>
#include <sstream>

#include "efface/inventory/folder.hpp"

#include "host/proc_numbers.hpp"

namespace efface::inventory {
namespace {

constexpr std::size_t kGroupsBytesMax = std::size_t{64} << 10U;
constexpr std::size_t kSegmentsBytesMax = std::size_t{16} << 20U;
constexpr std::size_t kGroupDepthMax = 64;

std::vector<NodeMemory> nodes_of(const SystemView& view) {
    std::vector<NodeMemory> nodes;
    constexpr std::string_view kPrefix = "node";
    constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
    const Folder folder = Folder::open(view.sysfs / "devices" / "system" / "node");
    for (const std::string& name : folder.list(".").names) {
        const auto id =
            name.starts_with(kPrefix) ? number_or(name.substr(kPrefix.size()), kNone) : kNone;
        const Attribute text = folder.read(name + "/meminfo", kMeminfoBytesMax);
        if (id == kNone || !text.present()) {
            continue;
        }
        const auto values = meminfo(text.text);
        const auto total = values.find("MemTotal");
        const auto free = values.find("MemFree");
        if (total != values.end() && total->second != 0 && free != values.end()) {
            nodes.push_back({static_cast<unsigned>(id), free->second});
        }
    }
    std::sort(nodes.begin(), nodes.end(),
              [](const NodeMemory& a, const NodeMemory& b) { return a.id < b.id; });
    return nodes;
}

/// The attributes of one version of control groups.
struct GroupVersion {
    std::vector<std::string> trees;  ///< below /sys/fs/cgroup: where it may stand
    std::vector<std::string> limits;
    std::string usage;
    std::string controllers;  ///< the file that names those of a group; empty: there is none
};

/// Reads the limits of one group. False when nothing says whether it has any.
bool read_group(FreeMemory& memory, const Folder& folder, const GroupVersion& version,
                const std::string& group) {
    constexpr std::uint64_t kNoNumber = std::numeric_limits<std::uint64_t>::max();
    constexpr std::uint64_t kNoLimit = std::numeric_limits<std::int64_t>::max() / 2;
    bool known = false;
    const Attribute usage = folder.read(version.usage);
    for (const auto& name : version.limits) {
        const Attribute limit = folder.read(name);
        if (!limit.present()) {
            memory.limit_unknown |= limit.reading == Reading::unreadable;
            continue;
        }
        known = true;
        const auto bytes = number_or(limit.text, kNoNumber);
        // "max", and a number beyond all memory, are no limit.
        memory.limit_unknown |= bytes == kNoNumber && limit.text != "max";
        if (bytes >= kNoLimit) {
            continue;
        }
        const auto used = number_or(usage.text, bytes);  // not known: nothing is left
        const std::uint64_t room = bytes > used ? bytes - used : 0;
        if (!memory.limit || room < memory.limit->room_bytes) {
            memory.limit = GroupLimit{safe_text(group), room};
        }
    }
    if (known || version.controllers.empty()) {
        return known;
    }
    // A group that the controller of memory does not govern has no such attributes.
    const Attribute controllers = folder.read(version.controllers);
    return controllers.present() &&
           (' ' + controllers.text + ' ').find(" memory ") == std::string::npos;
}

/// Reads one group and its parents up to the root of the tree, which need not have limits.
void read_groups(FreeMemory& memory, const SystemView& view, const GroupVersion& version,
                 std::string group) {
    for (std::size_t depth = 0; depth < kGroupDepthMax; ++depth) {
        const bool root = group.empty() || group == "/";
        bool known = root;
        for (const auto& tree : version.trees) {
            const auto path = view.sysfs / "fs" / "cgroup" / tree;
            known |= read_group(memory,
                                Folder::open(path / std::filesystem::path(group).relative_path()),
                                version, group);
        }
        memory.limit_unknown |= !known;
        if (root) {
            return;
        }
        group = group.substr(0, group.rfind('/'));
    }
    memory.limit_unknown = true;
}

void read_limits(FreeMemory& memory, const SystemView& view) {
    const Attribute groups = Folder::open(view.proc).read("self/cgroup", kGroupsBytesMax);
    if (!groups.present()) {
        memory.limit_unknown = groups.reading == Reading::unreadable;  // else a kernel without them
        return;
    }
    // Beside version 1 the second one often is in a folder of its own.
    const GroupVersion unified{
        {"", "unified"}, {"memory.max", "memory.high"}, "memory.current", "cgroup.controllers"};
    const GroupVersion legacy{{"memory"}, {"memory.limit_in_bytes"}, "memory.usage_in_bytes", ""};
    std::optional<std::string> unified_group;
    bool of_legacy = false;
    std::istringstream lines(groups.text);
    for (std::string line; std::getline(lines, line);) {
        const auto first = line.find(':');
        const auto second = line.find(':', first + 1);
        if (first == std::string::npos || second == std::string::npos) {
            memory.limit_unknown = true;
            continue;
        }
        const std::string controllers = ',' + line.substr(first + 1, second - first - 1) + ',';
        const std::string group = line.substr(second + 1);
        if (controllers == ",,") {
            unified_group = group;
        } else if (controllers.find(",memory,") != std::string::npos) {
            of_legacy = true;
            read_groups(memory, view, legacy, group);
        }
    }
    // A controller belongs to one version at a time.
    if (unified_group && !of_legacy) {
        read_groups(memory, view, unified, *unified_group);
    }
}

}  // namespace

FreeMemory read_free_memory(const SystemView& view) {
    auto values = meminfo(Folder::open(view.proc).read("meminfo", kMeminfoBytesMax).text);
    FreeMemory memory;
    memory.total_bytes = values["MemTotal"];
    memory.free_bytes = values["MemFree"];
    memory.available_bytes = values["MemAvailable"];
    memory.nodes = nodes_of(view);
    read_limits(memory, view);
    return memory;
}

std::vector<HugePool> read_huge_pools(const SystemView& view) {
    constexpr std::string_view kPrefix = "hugepages-";
    constexpr std::string_view kUnit = "kB";
    std::vector<HugePool> pools;
    const Folder folder = Folder::open(view.sysfs / "kernel" / "mm" / "hugepages");
    for (const std::string& name : folder.list(".").names) {
        if (!name.starts_with(kPrefix) || !name.ends_with(kUnit)) {
            continue;
        }
        const auto digits =
            name.substr(kPrefix.size(), name.size() - kPrefix.size() - kUnit.size());
        const auto value = [&](const char* attribute) {
            return number_or(folder.read(name + '/' + attribute).text, 0);
        };
        pools.push_back({number_or(digits, 0) * kKibibyte, value("nr_hugepages"),
                         value("free_hugepages"), value("resv_hugepages")});
    }
    std::sort(pools.begin(), pools.end(),
              [](const HugePool& a, const HugePool& b) { return a.page_bytes < b.page_bytes; });
    return pools;
}

std::optional<SegmentPages> read_segment_pages(int id, const SystemView& view) {
    std::istringstream lines(Folder::open(view.proc).read("sysvipc/shm", kSegmentsBytesMax).text);
    std::string line;
    std::getline(lines, line);
    // The columns by their names: kernels add some.
    std::vector<std::string> names;
    std::istringstream heading(line);
    for (std::string name; heading >> name;) {
        names.push_back(name);
    }
    while (std::getline(lines, line)) {
        std::map<std::string, std::string> row;
        std::istringstream words(line);
        for (const auto& name : names) {
            words >> row[name];
        }
        if (row["shmid"] == std::to_string(id) && row.contains("rss") && row.contains("swap")) {
            return SegmentPages{number_or(row["rss"], 0), number_or(row["swap"], 0)};
        }
    }
    return std::nullopt;
}

}  // namespace efface::inventory

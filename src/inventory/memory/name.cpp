// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "efface/base/error.hpp"
#include "efface/inventory/memory_name.hpp"

namespace efface::inventory {

namespace {

constexpr std::string_view kPrefix = "memory:";
constexpr std::size_t kPlaceBytesMax = 4096;

/// What is behind the kind; `nothing`: there is one of it on each machine.
enum class Place { path, device_name, nothing, number, queue_name, page_size };

struct KindEntry {
    const char* kind;
    Place place;
    const char* device_prefix;  ///< what a device name begins with
};

const std::vector<KindEntry>& kinds() {
    static const std::vector<KindEntry> kKinds = {
        {"tmpfs", Place::path, ""},
        {"ramfs", Place::path, ""},
        {"file", Place::path, ""},
        {"zram", Place::device_name, "zram"},
        {"brd", Place::device_name, "ram"},
        {"pmem", Place::device_name, "pmem"},
        {"devdax", Place::device_name, "dax"},
        {"dimm", Place::device_name, "nmem"},
        {"cxl", Place::device_name, "mem"},
        {"hugetlbfs", Place::path, ""},
        {"swap", Place::path, ""},
        {"sysv", Place::number, ""},
        {"mqueue", Place::queue_name, ""},
        {"hugepages", Place::page_size, ""},
        {"free", Place::nothing, ""},
    };
    return kKinds;
}

[[noreturn]] void refuse(std::string_view text, const std::string& problem) {
    throw Error(ErrorCode::usage, fmt::format("{}: {}", printable(text), problem),
                fmt::format("write memory:KIND:PLACE; KIND is one of {}; examples: "
                            "memory:tmpfs:/mnt/scratch, memory:zram:zram1",
                            fmt::join(memory_kinds(), ", ")));
}

/// PREFIX, a number, and what the kernel adds to it ("pmem1.1", "pmem0s", "dax0.0").
bool is_device_name(std::string_view place, std::string_view prefix) {
    if (!place.starts_with(prefix)) {
        return false;
    }
    const std::string_view rest = place.substr(prefix.size());
    return !rest.empty() && std::isdigit(static_cast<unsigned char>(rest.front())) != 0 &&
           std::all_of(rest.begin(), rest.end(), [](char c) {
               return std::isdigit(static_cast<unsigned char>(c)) != 0 || c == '.' || c == 's';
           });
}

bool all_digits(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return std::isdigit(static_cast<unsigned char>(c)) != 0;
    });
}

/// A number as the kernel writes it, without zeros in front.
bool is_number(std::string_view text, std::size_t digits_max) {
    return all_digits(text) && text.size() <= digits_max && (text == "0" || text.front() != '0');
}

/// What is wrong with a word in the place of a path; nullptr: nothing.
const char* word_problem(Place kind, std::string_view place) {
    constexpr std::string_view kUnit = "kB";
    constexpr std::size_t kIdDigitsMax = 9;     // an int of the kernel, and some
    constexpr std::size_t kSizeDigitsMax = 10;  // a TiB in kB
    constexpr std::size_t kQueueNameMax = 255;  // mq_overview(7)
    if (kind == Place::number && !is_number(place, kIdDigitsMax) &&
        !(is_number(place, kIdDigitsMax + 1) && place <= "2147483647")) {
        return "the place must be the number (shmid) that ipcs -m shows";
    }
    if (kind == Place::queue_name &&
        (place.size() > kQueueNameMax || place.find('/') != std::string_view::npos ||
         place == "." || place == "..")) {
        return "the place must be the name of a queue, without its slash";
    }
    if (kind == Place::page_size &&
        (!place.ends_with(kUnit) || place.front() == '0' ||
         !is_number(place.substr(0, place.size() - kUnit.size()), kSizeDigitsMax))) {
        return "the place must be a huge page size in the kernel's spelling (2048kB)";
    }
    return nullptr;
}

void check_place(std::string_view text, const KindEntry& entry, std::string_view place) {
    if (entry.place == Place::nothing) {
        if (text.size() != kPrefix.size() + std::string_view(entry.kind).size()) {
            refuse(text, fmt::format("memory:{} takes no place after it", entry.kind));
        }
        return;
    }
    if (place.empty() || place.size() > kPlaceBytesMax) {
        refuse(text, "the place is missing after the kind");
    }
    if (entry.place == Place::device_name && !is_device_name(place, entry.device_prefix)) {
        refuse(text, fmt::format("the place must be the kernel's name of the device ({}0)",
                                 entry.device_prefix));
    }
    if (const char* problem = word_problem(entry.place, place); problem != nullptr) {
        refuse(text, problem);
    }
    if (entry.place == Place::path) {
        const bool normal = place.find("//") == std::string_view::npos &&
                            (place.size() == 1 || !place.ends_with('/')) &&
                            place.find("/../") == std::string_view::npos &&
                            place.find("/./") == std::string_view::npos &&
                            !place.ends_with("/..") && !place.ends_with("/.");
        if (!place.starts_with('/') || !normal) {
            refuse(text,
                   "the place must be an absolute path without \".\", \"..\" or a trailing slash");
        }
    }
}

}  // namespace

const std::vector<std::string>& memory_kinds() {
    static const std::vector<std::string> kNames = [] {
        std::vector<std::string> names;
        for (const auto& entry : kinds()) {
            names.emplace_back(entry.kind);
        }
        return names;
    }();
    return kNames;
}

std::optional<MemoryTargetName> parse_memory_target(std::string_view text) {
    if (!text.starts_with(kPrefix)) {
        return std::nullopt;
    }
    const std::string_view rest = text.substr(kPrefix.size());
    const std::size_t colon = rest.find(':');
    const std::string_view kind = rest.substr(0, colon);
    const auto entry = std::find_if(kinds().begin(), kinds().end(),
                                    [&](const KindEntry& one) { return one.kind == kind; });
    if (entry == kinds().end()) {
        refuse(text, fmt::format("\"{}\" is not a kind of memory", printable(kind)));
    }
    const std::string_view place =
        colon == std::string_view::npos ? std::string_view{} : rest.substr(colon + 1);
    check_place(text, *entry, place);
    return MemoryTargetName{std::string(kind), std::string(place)};
}

std::string to_string(const MemoryTargetName& name) {
    return fmt::format("{}{}{}{}", kPrefix, name.kind, name.place.empty() ? "" : ":", name.place);
}

}  // namespace efface::inventory

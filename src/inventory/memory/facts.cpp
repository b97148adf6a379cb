// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <sstream>

#include "efface/inventory/folder.hpp"
#include "efface/inventory/machine_state.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "host/proc_numbers.hpp"

namespace efface::inventory {
namespace {

constexpr std::size_t kCommandLineBytesMax = std::size_t{64} << 10U;
constexpr std::size_t kConfigurationBytesMax = std::size_t{1} << 20U;
constexpr std::size_t kKernelLogRecordsMax = std::size_t{1} << 16U;
constexpr std::size_t kKernelLogRecordBytes = 8192;  // larger than any record of /dev/kmsg

/// Since Linux 5.19 the kernel counts what zswap takes; without zswap there is nothing to count.
void read_zswap(MemoryFacts& facts, const std::string& vmstat,
                const std::map<std::string, std::uint64_t>& values) {
    facts.zswapped_out_pages = vmstat_counter(vmstat, "zswpout");
    if (const auto pool = values.find("Zswapped"); pool != values.end()) {
        facts.zswap_bytes = pool->second;
    }
    if (facts.zswap == "absent") {
        facts.zswapped_out_pages = facts.zswapped_out_pages.value_or(0);
        facts.zswap_bytes = facts.zswap_bytes.value_or(0);
    }
}

/// The value of the last NAME=VALUE for the kernel; what is behind "--" is for init.
std::optional<std::string> command_line_value(const std::string& line, std::string_view name) {
    std::optional<std::string> value;
    std::istringstream words(line);
    for (std::string word; words >> word && word != "--";) {
        if (word.size() > name.size() && word.starts_with(name) && word[name.size()] == '=') {
            value = word.substr(name.size() + 1);
        }
    }
    return value;
}

std::optional<bool> as_switch(const std::string& text) {
    if (text == "1" || text == "on" || text == "y" || text == "Y") {
        return true;
    }
    if (text == "0" || text == "off" || text == "n" || text == "N") {
        return false;
    }
    return std::nullopt;
}

/// Whether the record ("PRIORITY,SEQUENCE,MICROSECONDS,FLAGS;TEXT",
/// Documentation/ABI/testing/dev-kmsg) is later than anything that the kernel says of its own
/// start.
bool is_after_start(std::string_view record) {
    constexpr std::uint64_t kStartMicroseconds = 60'000'000;
    for (int field = 0; field < 2; ++field) {
        const std::size_t comma = record.find(',');
        if (comma == std::string_view::npos) {
            return false;
        }
        record.remove_prefix(comma + 1);
    }
    std::uint64_t time = 0;
    const auto [stop, error] = std::from_chars(record.begin(), record.end(), time);
    return error == std::errc{} && time > kStartMicroseconds;
}

/// The kernel's line "mem auto-init: ... heap free:on", while the log still has it.
std::string auto_init_line(const SystemView& view) {
    const std::filesystem::path path = view.dev / "kmsg";
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    std::array<char, kKernelLogRecordBytes> record;
    for (std::size_t count = 0; fd && count < kKernelLogRecordsMax; ++count) {
        const ssize_t got = ::read(fd.get(), record.data(), record.size());
        if (got < 0 && (errno == EPIPE || errno == EINTR)) {
            continue;  // records that went away while we read
        }
        if (got <= 0) {
            break;
        }
        const std::string_view text(record.data(), static_cast<std::size_t>(got));
        if (is_after_start(text)) {
            break;
        }
        const std::size_t at = text.find("mem auto-init:");
        if (at != std::string_view::npos) {
            return std::string(text.substr(at, text.find('\n', at) - at));
        }
    }
    return {};
}

/// Is the configuration of the running kernel in /boot, and does it set `name`?
KernelSetting configured(const SystemView& view, const std::string& release,
                         const std::string& name) {
    // The boot folder is beside proc, also in a recording.
    const Folder boot = Folder::open(view.proc.parent_path() / "boot");
    const Attribute text = boot.read("config-" + release, kConfigurationBytesMax);
    if (release.empty() || release.find('/') != std::string::npos || !text.present()) {
        return {};
    }
    std::istringstream lines(text.text);
    for (std::string line; std::getline(lines, line);) {
        if (line == name + "=y") {
            return {true, "kernel configuration"};
        }
    }
    return {false, "kernel configuration"};
}

/// What the kernel initialises, and where that is said: `word` in its log, `parameter` on its
/// command line, `option` in its configuration.
struct AutoInit {
    const char* word;
    const char* parameter;
    const char* option;
};
constexpr AutoInit kOnAlloc{"heap alloc:", "init_on_alloc", "CONFIG_INIT_ON_ALLOC_DEFAULT_ON"};
constexpr AutoInit kOnFree{"heap free:", "init_on_free", "CONFIG_INIT_ON_FREE_DEFAULT_ON"};

/// `logged`: auto_init_line().
KernelSetting auto_initialised(const SystemView& view, const std::string& logged,
                               const std::string& command_line, const std::string& release,
                               const AutoInit& what) {
    const std::string word = what.word;
    if (logged.find(word + "on") != std::string::npos) {
        return {true, "kernel log"};
    }
    if (logged.find(word + "off") != std::string::npos) {
        return {false, "kernel log"};
    }
    if (const auto value = command_line_value(command_line, what.parameter)) {
        if (const auto on = as_switch(*value)) {
            return {on, "kernel command line"};
        }
    }
    return configured(view, release, what.option);
}

KernelSetting page_poisoning(const SystemView& view, const std::string& command_line,
                             const std::string& release) {
    if (const auto value = command_line_value(command_line, "page_poison")) {
        if (const auto on = as_switch(*value)) {
            return {on, "kernel command line"};
        }
    }
    // Compiled in, it is off until the command line turns it on.
    KernelSetting setting = configured(view, release, "CONFIG_PAGE_POISONING");
    if (setting.on) {
        setting.on = false;
    }
    return setting;
}

std::optional<std::vector<SwapArea>> swap_areas(const SystemView& view) {
    std::string problem;
    const auto paths = read_swaps(view, problem);
    const Attribute text = Folder::open(view.proc).read("swaps", kSwapsBytesMax);
    if (!paths || text.reading == Reading::unreadable) {
        return std::nullopt;
    }
    std::vector<SwapArea> areas;
    std::istringstream lines(text.text);
    std::string line;
    std::getline(lines, line);  // the heading
    for (const std::string& path : *paths) {
        if (!std::getline(lines, line)) {
            return std::nullopt;  // it changed between the two reads
        }
        std::istringstream words(line);
        std::string name;
        std::string type;
        std::string size;
        std::string used;
        if (!(words >> name >> type >> size >> used)) {
            return std::nullopt;
        }
        areas.push_back(
            {path, type == "file", number_or(size, 0) * kKibibyte, number_or(used, 0) * kKibibyte});
    }
    return areas;
}

/// Who hands pages of this machine to somebody outside it.
std::vector<std::string> memory_to_host(const SystemView& view) {
    std::vector<std::string> found;
    const Folder drivers = Folder::open(view.sysfs / "bus" / "virtio" / "drivers");
    for (const std::string& name : drivers.enter("virtio_balloon").list(".").names) {
        if (name.starts_with("virtio")) {
            found.push_back("virtio_balloon " + name);
        }
    }
    for (const char* module : {"page_reporting", "xen_balloon", "hv_balloon", "vmw_balloon"}) {
        if (Folder::open(view.sysfs / "module" / module).reading() == Reading::present) {
            found.emplace_back(module);
        }
    }
    return found;
}

std::vector<std::string> zram_write_backs(const SystemView& view) {
    std::vector<std::string> found;
    const Folder block = Folder::open(view.sysfs / "block");
    for (const std::string& name : block.list(".").names) {
        if (!name.starts_with("zram")) {
            continue;
        }
        const Attribute device = block.enter(name).read("backing_dev");
        if (device.present() && device.text != "none" && !device.text.empty()) {
            found.push_back(name + ": " + safe_text(device.text));
        }
    }
    return found;
}

std::string hibernation_device(const SystemView& view, const std::string& command_line) {
    if (const auto value = command_line_value(command_line, "resume")) {
        return safe_text(*value);
    }
    const Attribute number = Folder::open(view.sysfs / "power").read("resume");
    return number.present() && number.text != "0:0" ? "block device " + safe_text(number.text) : "";
}

std::string crash_kernel(const SystemView& view, const std::string& command_line) {
    const Folder kernel = Folder::open(view.sysfs / "kernel");
    const Attribute size = kernel.read("kexec_crash_size");
    if (size.present() && size.text != "0") {
        return fmt::format("{} bytes reserved", safe_text(size.text));
    }
    const auto value = command_line_value(command_line, "crashkernel");
    return value ? "crashkernel=" + safe_text(*value) : "";
}

std::string on_off_absent(const Attribute& attribute) {
    if (!attribute.present()) {
        return "absent";
    }
    return as_switch(attribute.text).value_or(true) ? "on" : "off";
}

Json to_json(const KernelSetting& setting) {
    return ObjectWriter()
        .add("state", !setting.on ? "unknown" : (*setting.on ? "on" : "off"))
        .add("source", setting.source.empty() ? "not reported" : setting.source)
        .take();
}

}  // namespace

std::optional<std::uint64_t> MemoryFacts::swap_used_bytes() const {
    if (!swaps) {
        return std::nullopt;
    }
    std::uint64_t sum = 0;
    for (const SwapArea& area : *swaps) {
        sum += area.used_bytes;
    }
    return sum;
}

MemoryFacts read_memory_facts(const SystemView& view) {
    const Folder proc = Folder::open(view.proc);
    const Folder sysfs = Folder::open(view.sysfs);
    const std::string command_line = proc.read("cmdline", kCommandLineBytesMax).text;
    auto memory = meminfo(proc.read("meminfo", kMeminfoBytesMax).text);
    MemoryFacts facts;
    facts.boot_id = safe_text(proc.read("sys/kernel/random/boot_id").text);
    facts.kernel_release = safe_text(proc.read("sys/kernel/osrelease").text);
    facts.swaps = swap_areas(view);
    facts.available_bytes = memory["MemAvailable"];
    facts.swap_cached_bytes = memory["SwapCached"];
    const std::string vmstat = proc.read("vmstat", kVmstatBytesMax).text;
    facts.swapped_out_pages = vmstat_counter(vmstat, "pswpout");
    const std::string logged = auto_init_line(view);
    facts.init_on_alloc =
        auto_initialised(view, logged, command_line, facts.kernel_release, kOnAlloc);
    facts.init_on_free =
        auto_initialised(view, logged, command_line, facts.kernel_release, kOnFree);
    facts.page_poisoning = page_poisoning(view, command_line, facts.kernel_release);
    facts.zswap = on_off_absent(sysfs.read("module/zswap/parameters/enabled"));
    read_zswap(facts, vmstat, memory);
    facts.transparent_hugepages =
        safe_text(sysfs.read("kernel/mm/transparent_hugepage/enabled").text);
    facts.shmem_hugepages =
        safe_text(sysfs.read("kernel/mm/transparent_hugepage/shmem_enabled").text);
    for (const std::string& name : sysfs.list("devices/system/node").names) {
        if (name.starts_with("node") && name.size() > 4) {
            facts.numa_nodes.push_back(name);
        }
    }
    facts.page_merging = on_off_absent(sysfs.read("kernel/mm/ksm/run"));
    facts.memory_to_host = memory_to_host(view);
    facts.hibernation_device = hibernation_device(view, command_line);
    facts.crash_kernel = crash_kernel(view, command_line);
    facts.zram_write_backs = zram_write_backs(view);
    return facts;
}

Json swap_json(const MemoryFacts& facts) {
    Json areas = Json::array();
    for (const SwapArea& area : facts.swaps.value_or(std::vector<SwapArea>{})) {
        areas.push_back(ObjectWriter()
                            .add("path", safe_text(area.path))
                            .add("type", area.is_file ? "file" : "partition")
                            .add("sizeBytes", area.size_bytes)
                            .add("usedBytes", area.used_bytes)
                            .take());
    }
    const std::string swap_state =
        !facts.swaps
            ? "unknown"
            : (facts.swaps->empty() ? "off" : (facts.swap_used_bytes() == 0U ? "empty" : "used"));
    ObjectWriter swap;
    swap.add("state", swap_state)
        .add("areas", std::move(areas))
        .add("cachedBytes", facts.swap_cached_bytes);
    const auto add_known = [&](const char* key, const std::optional<std::uint64_t>& value) {
        if (value) {
            swap.add(key, *value);
        }
    };
    add_known("pagesWrittenOut", facts.swapped_out_pages);
    add_known("zswapPagesWrittenOut", facts.zswapped_out_pages);
    add_known("zswapBytes", facts.zswap_bytes);
    return swap.take();
}

Json to_json(const MemoryFacts& facts) {
    return ObjectWriter()
        .add("bootId", facts.boot_id)
        .add("kernel", facts.kernel_release)
        .add("swap", swap_json(facts))
        .add("initOnAlloc", to_json(facts.init_on_alloc))
        .add("initOnFree", to_json(facts.init_on_free))
        .add("pagePoisoning", to_json(facts.page_poisoning))
        .add("zswap", facts.zswap)
        .add("zramWriteBack", facts.zram_write_backs)
        .add("transparentHugepages", facts.transparent_hugepages)
        .add("shmemHugepages", facts.shmem_hugepages)
        .add("numaNodes", facts.numa_nodes)
        .add("pageMerging", facts.page_merging)
        .add("memoryToHost", facts.memory_to_host)
        .add("hibernationDevice", facts.hibernation_device)
        .add("crashKernel", facts.crash_kernel)
        .take();
}

std::vector<std::string> memory_not_reached(const MemoryFacts& facts) {
    std::vector<std::string> areas;
    const bool cleared = facts.init_on_free.on.value_or(false);
    areas.push_back(fmt::format(
        "freed pages: user space cannot look at them; the kernel {} them when they are freed "
        "(init_on_free: {}, {})",
        cleared ? "clears" : "is not known to clear",
        cleared ? "on" : (facts.init_on_free.on ? "off" : "unknown"),
        facts.init_on_free.source.empty() ? "not reported" : facts.init_on_free.source));
    areas.emplace_back(
        "earlier places of pages that the kernel moved (compaction, NUMA balancing, huge pages)");
    if (!facts.swaps) {
        areas.emplace_back("swap: the list of areas cannot be read");
    }
    for (const SwapArea& area : facts.swaps.value_or(std::vector<SwapArea>{})) {
        areas.push_back(fmt::format("swap slots on {}, including those that are free now",
                                    safe_text(area.path)));
    }
    if (facts.zswap == "on" || facts.zswapped_out_pages != 0U || facts.zswap_bytes != 0U) {
        areas.emplace_back(
            "zswap: compressed copies of pages on their way to swap, including freed ones");
    }
    for (const std::string& device : facts.zram_write_backs) {
        areas.push_back("write-back device of " + device);
    }
    areas.push_back(facts.hibernation_device.empty()
                        ? "hibernation image: no resume device is configured; an earlier one may "
                          "have left an image in a swap area"
                        : "hibernation image on " + facts.hibernation_device);
    areas.push_back(facts.crash_kernel.empty()
                        ? "crash images of earlier kernels (/var/crash, pstore)"
                        : "crash images: /var/crash, pstore, and the memory of the crash kernel (" +
                              facts.crash_kernel + ")");
    std::string host = "copies that a host below may hold (its swap, snapshots, migration)";
    if (!facts.memory_to_host.empty()) {
        host += fmt::format("; freed pages are returned to it ({})",
                            fmt::join(facts.memory_to_host, ", "));
    }
    areas.push_back(std::move(host));
    return areas;
}

}  // namespace efface::inventory

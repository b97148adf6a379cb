// SPDX-License-Identifier: Apache-2.0
#include "efface/inventory/machine_facts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>
#include <limits>

#include "efface/inventory/folder.hpp"
#include "efface/inventory/free_memory.hpp"

#include "machine_looks.hpp"
#include "proc_numbers.hpp"

namespace efface::inventory {
namespace {

constexpr std::size_t kMountsBytesMax = std::size_t{16} << 20U;

Seen of_setting(const KernelSetting& setting) {
    if (!setting.on) {
        return {Presence::unknown, "not reported"};
    }
    return {*setting.on ? Presence::present : Presence::absent,
            fmt::format("{} ({})", *setting.on ? "on" : "off", setting.source)};
}

Seen look_at_init_on_alloc(const Look& look) {
    return of_setting(look.memory.init_on_alloc);
}
Seen look_at_init_on_free(const Look& look) {
    return of_setting(look.memory.init_on_free);
}
Seen look_at_poisoning(const Look& look) {
    return of_setting(look.memory.page_poisoning);
}

Seen look_at_zswap(const Look& look) {
    const auto pages = vmstat_counter(
        Folder::open(look.view.proc).read("vmstat", kVmstatBytesMax).text, "zswpout");
    const std::string history =
        pages ? fmt::format("{} pages were written to its pool since the machine started", *pages)
              : "the kernel does not report how many pages were written to its pool";
    if (look.memory.zswap == "on" || pages.value_or(0) != 0) {
        return {Presence::present, look.memory.zswap + "; " + history};
    }
    // One that was switched off may have been used before.
    return {look.memory.zswap == "absent" || pages ? Presence::absent : Presence::unknown,
            look.memory.zswap + (pages ? "" : "; " + history)};
}

Seen look_at_swap(const Look& look) {
    if (!look.memory.swaps) {
        return {Presence::unknown, "the list of areas cannot be read"};
    }
    std::vector<std::string> names;
    for (const auto& area : *look.memory.swaps) {
        names.push_back(area.path);
    }
    return of_list(names, "no area is active");
}

Seen look_at_swap_history(const Look& look) {
    const auto& pages = look.memory.swapped_out_pages;
    if (!pages) {
        return {Presence::unknown, "the kernel does not report it"};
    }
    return {*pages == 0 ? Presence::absent : Presence::present,
            fmt::format("{} pages were written to swap since the machine started", *pages)};
}

Seen look_at_hibernation(const Look& look) {
    if (!look.memory.hibernation_device.empty()) {
        return {Presence::present, "an image may be on " + look.memory.hibernation_device};
    }
    const Attribute states = Folder::open(look.view.sysfs / "power").read("state");
    if (states.reading != Reading::present) {
        return {states.reading == Reading::missing ? Presence::absent : Presence::unknown,
                states.reading == Reading::missing ? "this kernel does not support hibernation"
                                                   : "the sleep states cannot be read"};
    }
    return {Presence::absent, "no resume device is configured"};
}

Seen look_at_crash_kernel(const Look& look) {
    if (!look.memory.crash_kernel.empty()) {
        return {Presence::present, look.memory.crash_kernel};
    }
    const Attribute size = Folder::open(look.view.sysfs / "kernel").read("kexec_crash_size");
    return size.reading == Reading::unreadable
               ? Seen{Presence::unknown, "its size cannot be read"}
               : Seen{Presence::absent, "no memory is reserved for it"};
}

Seen look_at_crash_dumps(const Look& look) {
    // Stands beside proc, also in a recording.
    return of_folder(look.view.proc.parent_path() / "var" / "crash",
                     {Presence::absent, "there is no /var/crash"}, "/var/crash is empty");
}

Seen look_at_pstore(const Look& look) {
    const Attribute mounts = Folder::open(look.view.proc).read("self/mounts", kMountsBytesMax);
    const Seen none{Presence::absent, "this kernel has none"};
    if (Folder::open(look.view.sysfs / "fs" / "pstore").reading() == Reading::missing) {
        return none;
    }
    if (!mounts.present() || mounts.text.find(" pstore ") == std::string::npos) {
        const Attribute backend =
            Folder::open(look.view.sysfs / "module" / "pstore" / "parameters").read("backend");
        return backend.present() && backend.text == "(null)"
                   ? Seen{Presence::absent, "it has no backend to write to"}
                   : Seen{Presence::unknown, "it is not mounted"};
    }
    return of_folder(look.view.sysfs / "fs" / "pstore", none, "it is empty");
}

/// Variables that are not those of the UEFI specification (boot entries, keys of Secure Boot).
Seen look_at_efi(const Look& look) {
    constexpr std::array<std::string_view, 2> kStandard = {
        "8be4df61-93ca-11d2-aa0d-00e098032b8c",   // EFI_GLOBAL_VARIABLE
        "d719b2cb-3d3a-4596-a3bc-dad00e67656f"};  // EFI_IMAGE_SECURITY_DATABASE_GUID
    const Folder efi = Folder::open(look.view.sysfs / "firmware" / "efi");
    if (efi.reading() == Reading::missing) {
        return {Presence::absent, "this machine was not booted with EFI"};
    }
    const Listing listing = efi.list("efivars");
    if (listing.reading != Reading::present || listing.names.empty()) {
        return {Presence::unknown, "the variables are not mounted or cannot be read"};
    }
    std::vector<std::string> others;
    std::copy_if(listing.names.begin(), listing.names.end(), std::back_inserter(others),
                 [&](const std::string& name) {
                     return std::none_of(kStandard.begin(), kStandard.end(),
                                         [&](auto vendor) { return name.ends_with(vendor); });
                 });
    return of_list(others, "only standard variables");
}

Seen look_at_huge_pages(const Look& look) {
    const Folder folder = Folder::open(look.view.sysfs / "kernel" / "mm" / "hugepages");
    const Listing listing = folder.list(".");
    if (listing.reading == Reading::unreadable) {
        return {Presence::unknown, "the pools cannot be read"};
    }
    std::vector<std::string> silent;
    for (const auto& name : listing.names) {
        constexpr std::uint64_t kNone = std::numeric_limits<std::uint64_t>::max();
        if (number_or(folder.read(name + "/nr_hugepages").text, kNone) == kNone) {
            silent.push_back(name);
        }
    }
    std::vector<std::string> pools;
    for (const auto& pool : read_huge_pools(look.view)) {
        if (pool.pages != 0) {
            pools.push_back(
                fmt::format("{}kB ({} of {} free)", pool.page_bytes / 1024, pool.free, pool.pages));
        }
    }
    return of_list(pools, silent, "no pool has pages");
}

struct Row {
    const char* fact;
    Seen (*look)(const Look&);
    const char* when_present;  ///< advice
    const char* when_unknown;
    const char* when_absent = "";
};

constexpr const char* kPowerOff = "switch the machine off before someone else gets it";

const std::vector<Row>& rows() {
    static const std::vector<Row> kRows = {
        {"init-on-alloc", look_at_init_on_alloc, "",
         "boot with init_on_alloc=1: memory is then cleared before it is handed out",
         "boot with init_on_alloc=1: memory is then cleared before it is handed out"},
        {"init-on-free", look_at_init_on_free, "",
         "boot with init_on_free=1, or sweep: efface erase memory:free",
         "boot with init_on_free=1, or sweep: efface erase memory:free"},
        {"page-poisoning", look_at_poisoning, "", ""},
        {"zswap", look_at_zswap,
         "switch it off (/sys/module/zswap/parameters/enabled), then sweep: memory:free", ""},
        {"swap-areas", look_at_swap, "erase each of them: efface erase memory:swap:PATH", ""},
        {"swap-history", look_at_swap_history,
         "erase every area that has been in use since the machine started, inactive ones included: "
         "memory:swap:PATH",
         ""},
        {"hibernation-image", look_at_hibernation, "erase the resume device", ""},
        {"crash-kernel", look_at_crash_kernel,
         "its memory cannot be reached; release it: echo 0 > /sys/kernel/kexec_crash_size", ""},
        {"crash-dumps", look_at_crash_dumps, "erase the files: efface erase FILE", ""},
        {"pstore", look_at_pstore, "remove its entries: rm /sys/fs/pstore/*",
         "mount it and check: mount -t pstore pstore /sys/fs/pstore"},
        {"efi-variables", look_at_efi, "check them; efface does not change them", ""},
        {"huge-pages", look_at_huge_pages, "sweep each pool: efface erase memory:hugepages:SIZE",
         ""},
        {"persistent-memory", look_at_persistent_memory,
         "create a namespace in it and erase that: memory:pmem:NAME", ""},
        {"nvme-memory", look_at_nvme, kPowerOff, kPowerOff},
        {"graphics-memory", look_at_graphics, kPowerOff, ""},
        {"bmc", look_at_bmc, "its logs and memory cannot be reached; use its own tools",
         "load its driver and check: modprobe ipmi_si"},
        {"tpm", look_at_tpm, "clear it if it holds keys: tpm2_clear", "check the firmware setup"},
    };
    return kRows;
}

}  // namespace

const char* to_string(Presence presence) noexcept {
    switch (presence) {
        case Presence::present:
            return "present";
        case Presence::absent:
            return "absent";
        case Presence::unknown:
            break;
    }
    return "unknown";
}

std::vector<MachineFact> read_machine_facts(const SystemView& view) {
    const MemoryFacts memory = read_memory_facts(view);
    std::vector<MachineFact> facts;
    for (const auto& row : rows()) {
        auto seen = row.look({view, memory});
        const char* advice = seen.state == Presence::present   ? row.when_present
                             : seen.state == Presence::unknown ? row.when_unknown
                                                               : row.when_absent;
        facts.push_back({row.fact, seen.state, std::move(seen.detail), advice});
    }
    return facts;
}

Json to_json(const std::vector<MachineFact>& facts) {
    Json list = Json::array();
    for (const auto& fact : facts) {
        list.push_back(ObjectWriter()
                           .add("fact", fact.fact)
                           .add("state", to_string(fact.state))
                           .add("detail", fact.detail)
                           .add("advice", fact.advice)
                           .take());
    }
    return list;
}

Json states_of(const std::vector<MachineFact>& facts) {
    ObjectWriter states;
    for (const auto& fact : facts) {
        states.add(fact.fact.c_str(), to_string(fact.state));
    }
    return states.take();
}

}  // namespace efface::inventory

// SPDX-License-Identifier: Apache-2.0
// Free memory, its limits, and the facts of a machine, from recorded trees.
#include "efface/inventory/machine_facts.hpp"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <functional>

#include "efface/inventory/free_memory.hpp"

#include "catch.hpp"
#include "fake/scratch.hpp"

namespace fs = std::filesystem;
using namespace efface::inventory;

namespace {

/// A machine of files that has nothing.
class Tree {
  public:
    Tree() {
        view.proc = scratch_.path() / "proc";
        view.sysfs = scratch_.path() / "sys";
        view.dev = scratch_.path() / "dev";
        view.live = false;
        put("proc/meminfo", "MemTotal: 1024 kB\nMemFree: 512 kB\nMemAvailable: 600 kB\n");
    }
    void put(const std::string& path, const std::string& text = "\n") const {
        fs::create_directories((scratch_.path() / path).parent_path());
        std::ofstream(scratch_.path() / path, std::ios::trunc) << text;
    }
    void folder(const std::string& path) const { fs::create_directories(scratch_.path() / path); }
    [[nodiscard]] Presence state(const std::string& name) const {
        for (const auto& fact : read_machine_facts(view)) {
            if (fact.fact == name) {
                return fact.state;
            }
        }
        FAIL("there is no fact " << name);
        return Presence::unknown;
    }
    SystemView view;

  private:
    efface::fake::ScratchDirectory scratch_;
};

using Change = std::function<void(const Tree&)>;

struct Row {
    const char* fact;
    Presence expected;
    Change change;
};

Change put(const char* path, const char* text = "\n") {
    return [=](const Tree& tree) { tree.put(path, text); };
}
Change folder(const char* path) {
    return [=](const Tree& tree) { tree.folder(path); };
}
Change both(const Change& one, const Change& other) {
    return [=](const Tree& tree) {
        one(tree);
        other(tree);
    };
}

constexpr const char* kHeading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
constexpr const char* kSwaps =
    "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n/dev/vdb partition 1024 0 -2\n";

std::vector<Row> rows() {
    const auto nothing = [](const Tree&) {};
    using enum Presence;
    return {
        {"init-on-alloc", unknown, nothing},
        {"init-on-alloc", present, put("proc/cmdline", "quiet init_on_alloc=1\n")},
        {"init-on-alloc", absent, put("proc/cmdline", "init_on_alloc=0\n")},
        {"init-on-free", unknown, nothing},
        {"init-on-free", present, put("proc/cmdline", "init_on_free=1\n")},
        {"init-on-free", absent, put("dev/kmsg", "6,1,0,-;mem auto-init: heap free:off\n")},
        {"page-poisoning", present, put("proc/cmdline", "page_poison=on\n")},
        {"zswap", absent, nothing},
        {"zswap", present, put("sys/module/zswap/parameters/enabled", "Y\n")},
        {"zswap", unknown, put("sys/module/zswap/parameters/enabled", "N\n")},
        {"zswap", absent,
         both(put("sys/module/zswap/parameters/enabled", "N\n"),
              put("proc/vmstat", "zswpout 0\n"))},
        {"zswap", present, put("proc/vmstat", "zswpout 5\n")},
        {"swap-areas", absent, put("proc/swaps", kHeading)},
        {"swap-areas", present, put("proc/swaps", kSwaps)},
        {"swap-history", unknown, nothing},
        {"swap-history", absent, put("proc/vmstat", "pswpout 0\n")},
        {"swap-history", present, put("proc/vmstat", "pswpout 9\n")},
        {"hibernation-image", absent, nothing},
        {"hibernation-image", absent, put("sys/power/state", "mem disk\n")},
        {"hibernation-image", present, put("sys/power/resume", "254:1\n")},
        {"hibernation-image", present, put("proc/cmdline", "resume=/dev/vda2\n")},
        {"crash-kernel", absent, nothing},
        {"crash-kernel", present, put("sys/kernel/kexec_crash_size", "134217728\n")},
        {"crash-dumps", absent, nothing},
        {"crash-dumps", absent, folder("var/crash")},
        {"crash-dumps", present, put("var/crash/202611301200/dump")},
        {"pstore", absent, nothing},
        {"pstore", unknown, folder("sys/fs/pstore")},
        {"pstore", absent,
         both(folder("sys/fs/pstore"), put("sys/module/pstore/parameters/backend", "(null)\n"))},
        {"pstore", absent,
         both(folder("sys/fs/pstore"),
              put("proc/self/mounts", "none /sys/fs/pstore pstore rw 0 0\n"))},
        {"pstore", present,
         both(put("sys/fs/pstore/dmesg-efi-1"),
              put("proc/self/mounts", "none /sys/fs/pstore pstore rw 0 0\n"))},
        {"efi-variables", absent, nothing},
        {"efi-variables", unknown, folder("sys/firmware/efi")},
        {"efi-variables", absent,
         put("sys/firmware/efi/efivars/Boot0000-8be4df61-93ca-11d2-aa0d-00e098032b8c")},
        {"efi-variables", present,
         put("sys/firmware/efi/efivars/Note-12345678-93ca-11d2-aa0d-00e098032b8c")},
        {"huge-pages", absent, nothing},
        {"huge-pages", present,
         put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "4\n")},
        // A file where a folder should be, and the other way round, cannot be read.
        {"huge-pages", unknown, put("sys/kernel/mm/hugepages")},
        {"huge-pages", unknown, folder("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages")},
        {"huge-pages", unknown,
         put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "?\n")},
        {"huge-pages", absent, put("sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages", "0\n")},
        {"persistent-memory", unknown, put("sys/bus/nd/devices")},
        {"persistent-memory", absent, nothing},
        {"persistent-memory", absent, put("sys/bus/nd/devices/region0/available_size", "0\n")},
        {"persistent-memory", present,
         put("sys/bus/nd/devices/region0/available_size", "1073741824\n")},
        {"persistent-memory", unknown, folder("sys/bus/nd/devices/region0")},
        {"nvme-memory", absent, nothing},
        {"nvme-memory", unknown, folder("sys/class/nvme/nvme0")},
        {"nvme-memory", absent, put("sys/class/nvme/nvme0/hmb", "0\n")},
        {"nvme-memory", present, put("sys/class/nvme/nvme0/hmb", "1\n")},
        {"nvme-memory", present, put("sys/class/nvme/nvme0/cmb", "cmbloc : x0\n")},
        {"nvme-memory", unknown, put("sys/class/nvme")},
        {"nvme-memory", unknown,
         both(put("sys/class/nvme/nvme0/hmb", "0\n"), folder("sys/class/nvme/nvme0/cmb"))},
        {"graphics-memory", unknown, put("sys/bus/pci/devices")},
        {"graphics-memory", unknown, folder("sys/bus/pci/devices/0000:00:01.0/class")},
        {"graphics-memory", absent, put("sys/bus/pci/devices/0000:00:01.0/class", "0x010802\n")},
        {"graphics-memory", present, put("sys/bus/pci/devices/0000:00:02.0/class", "0x030000\n")},
        {"bmc", unknown, nothing},
        {"bmc", absent, put("sys/firmware/dmi/entries/1-0/raw")},
        {"bmc", unknown, both(put("sys/firmware/dmi/entries/1-0/raw"), put("sys/class/ipmi"))},
        {"bmc", present, both(put("sys/firmware/dmi/entries/38-0/raw"), put("sys/class/ipmi"))},
        {"bmc", present, put("sys/firmware/dmi/entries/38-0/raw")},
        {"bmc", present, folder("sys/class/ipmi/ipmi0")},
        {"tpm", unknown, nothing},
        {"tpm", absent, put("sys/firmware/acpi/tables/DSDT")},
        {"tpm", unknown, both(put("sys/firmware/acpi/tables/DSDT"), put("sys/class/tpm"))},
        {"tpm", present, put("sys/firmware/acpi/tables/TPM2")},
        {"tpm", present, folder("sys/class/tpm/tpm0")},
    };
}

}  // namespace

TEST_CASE("each fact of a machine is present, absent or unknown by what the kernel shows") {
    for (const auto& row : rows()) {
        const Tree tree;
        row.change(tree);
        INFO(row.fact << " to be " << to_string(row.expected));
        CHECK(tree.state(row.fact) == row.expected);
    }
}

TEST_CASE(
    "every fact is told on every machine, with what was seen, and each is in the table above") {
    const Tree tree;
    const auto facts = read_machine_facts(tree.view);
    const auto known = rows();
    for (const auto& fact : facts) {
        INFO(fact.fact);
        CHECK_FALSE(fact.detail.empty());
        CHECK(std::any_of(known.begin(), known.end(),
                          [&](const Row& row) { return row.fact == fact.fact; }));
    }
    CHECK(to_json(facts).size() == facts.size());
    CHECK(states_of(facts).size() == facts.size());
    CHECK(states_of(facts).at("bmc") == "unknown");
    CHECK_NOTHROW(efface::canonical_json(to_json(facts)));
}

TEST_CASE("what is shown of strange names can be printed") {
    const Tree tree;
    tree.put("var/crash/a\x1b[2Jb\n\xff");
    for (const auto& fact : read_machine_facts(tree.view)) {
        CHECK(fact.detail.find('\x1b') == std::string::npos);
        CHECK(fact.detail.find('\n') == std::string::npos);
    }
}

TEST_CASE("free memory is that of the machine, of its nodes and of the tightest control group") {
    const Tree tree;
    CHECK(read_free_memory(tree.view).free_bytes == 512U * 1024);
    CHECK(read_free_memory(tree.view).available_bytes == 600U * 1024);
    CHECK_FALSE(read_free_memory(tree.view).limit);
    CHECK_FALSE(read_free_memory(tree.view).limit_unknown);
    tree.put("sys/devices/system/node/node1/meminfo",
             "Node 1 MemTotal:       2048 kB\nNode 1 MemFree:        100 kB\n");
    tree.put("sys/devices/system/node/node0/meminfo",
             "Node 0 MemTotal:       2048 kB\nNode 0 MemFree:        200 kB\n");
    tree.put("sys/devices/system/node/node2/meminfo",  // processors only
             "Node 2 MemTotal:       0 kB\nNode 2 MemFree:        0 kB\n");
    const auto nodes = read_free_memory(tree.view).nodes;
    REQUIRE(nodes.size() == 2);
    CHECK(nodes[0].id == 0);
    CHECK(nodes[1].free_bytes == 100U * 1024);

    const auto room = [&] { return read_free_memory(tree.view).limit.value().room_bytes; };
    tree.put("proc/self/cgroup", "0::/a/b\n");
    const auto unknown = [&] { return read_free_memory(tree.view).limit_unknown; };
    CHECK(unknown());  // none of its groups is there
    tree.put("sys/fs/cgroup/a/b/memory.max", "max\n");
    tree.put("sys/fs/cgroup/a/b/memory.current", "10000\n");
    CHECK(unknown());                                         // its parent is not
    tree.put("sys/fs/cgroup/unified/a/memory.max", "max\n");  // but in the other place
    CHECK_FALSE(unknown());
    CHECK_FALSE(read_free_memory(tree.view).limit);
    tree.put("sys/fs/cgroup/unified/a/memory.max", "17 apples\n");
    CHECK(unknown());
    tree.put("sys/fs/cgroup/unified/a/memory.max", "max\n");
    tree.put("sys/fs/cgroup/a/memory.max", "500000\n");
    tree.put("sys/fs/cgroup/a/memory.current", "100000\n");
    CHECK(room() == 400000U);
    CHECK(read_free_memory(tree.view).limit->group == "/a");
    tree.put("sys/fs/cgroup/a/b/memory.high", "15000\n");
    CHECK(room() == 5000U);
    tree.put("sys/fs/cgroup/a/b/memory.current", "20000\n");  // above it already
    CHECK(room() == 0U);
    tree.put("sys/fs/cgroup/a/b/memory.current", "strange\n");
    CHECK(room() == 0U);

    // A group that the controller of memory does not govern has no limit of its own.
    tree.put("proc/self/cgroup", "0::/other\n");
    tree.put("sys/fs/cgroup/other/cgroup.controllers", "cpu memory pids\n");
    CHECK(unknown());
    tree.put("sys/fs/cgroup/other/cgroup.controllers", "cpu pids\n");
    CHECK_FALSE(unknown());
    tree.folder("sys/fs/cgroup/other/memory.high");  // cannot be read
    CHECK(unknown());

    tree.put("proc/self/cgroup", "12:pids:/x\n5:memory,cpu:/old\n0::/\n");
    tree.put("sys/fs/cgroup/memory/old/memory.limit_in_bytes", "9223372036854771712\n");
    tree.put("sys/fs/cgroup/memory/old/memory.usage_in_bytes", "1000\n");
    CHECK_FALSE(unknown());  // the root may have none
    CHECK_FALSE(read_free_memory(tree.view).limit);
    tree.put("sys/fs/cgroup/memory/old/memory.limit_in_bytes", "3000\n");
    CHECK(room() == 2000U);
    tree.put("proc/self/cgroup", "5:memory,cpu:/old/deeper\n0::/\n");
    CHECK(unknown());
    tree.put("proc/self/cgroup", "nonsense\n");
    CHECK(read_free_memory(tree.view).limit_unknown);
}

TEST_CASE("pools of huge pages and pages of a segment are read by the kernel's names") {
    const Tree tree;
    CHECK(read_huge_pools(tree.view).empty());
    for (const char* pool : {"hugepages-1048576kB", "hugepages-2048kB"}) {
        const std::string folder = std::string("sys/kernel/mm/hugepages/") + pool + '/';
        tree.put(folder + "nr_hugepages", "7\n");
        tree.put(folder + "free_hugepages", "5\n");
        tree.put(folder + "resv_hugepages", "2\n");
    }
    const auto pools = read_huge_pools(tree.view);
    REQUIRE(pools.size() == 2);
    CHECK(pools[0].page_bytes == 2U << 20U);
    CHECK(pools[0].pages == 7);
    CHECK(pools[0].free == 5);
    CHECK(pools[1].reserved == 2);

    CHECK_FALSE(read_segment_pages(3, tree.view));
    tree.put(
        "proc/sysvipc/shm",
        "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid "
        " cgid      atime      dtime      ctime                   rss                  swap\n"
        "         0          3  1600               1048576   812   812      0     0     0     0 "
        "    0 1764470000 1764470000 1764469990                409600                  8192\n");
    const auto pages = read_segment_pages(3, tree.view);
    REQUIRE(pages);
    CHECK(pages->resident_bytes == 409600);
    CHECK(pages->swapped_bytes == 8192);
    CHECK_FALSE(read_segment_pages(4, tree.view));
}

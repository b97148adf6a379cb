// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "efface/base/file.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "catch.hpp"

namespace fs = std::filesystem;
using namespace efface::inventory;

namespace {

/// A machine of files, each as /proc and /sys show it (texts taken from running kernels).
class Machine {
  public:
    Machine() {
        std::string name = fs::temp_directory_path() / "efface-test-XXXXXX";
        REQUIRE(::mkdtemp(name.data()) != nullptr);
        root = name;
        view.proc = root / "proc";
        view.sysfs = root / "sys";
        view.dev = root / "dev";
        view.live = false;
        put("proc/sys/kernel/osrelease", "6.1.0-18-amd64\n");
        put("proc/sys/kernel/random/boot_id", "0c40baad-30c0-4484-8446-60f2b6e9149e\n");
        put("proc/meminfo",
            "MemTotal:       24682416 kB\nMemFree:        21797000 kB\n"
            "MemAvailable:   22314000 kB\nSwapCached:           12 kB\n");
        put("proc/vmstat", "nr_free_pages 5449250\npswpin 3\npswpout 17\nzswpout 0\n");
        put("proc/swaps", kHeading);
    }
    ~Machine() { fs::remove_all(root); }
    Machine(const Machine&) = delete;
    Machine& operator=(const Machine&) = delete;

    void put(const std::string& path, const std::string& text) const {
        fs::create_directories((root / path).parent_path());
        std::ofstream(root / path, std::ios::trunc) << text;
    }
    [[nodiscard]] MemoryFacts facts() const { return read_memory_facts(view); }

    static constexpr const char* kHeading = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n";
    fs::path root;
    SystemView view;
};

}  // namespace

TEST_CASE("sizes of memory and swap are read in bytes") {
    const Machine machine;
    machine.put("proc/swaps",
                std::string(Machine::kHeading) +
                    "/dev/dm-1                               partition\t999420\t\t1024\t\t-2\n"
                    "/srv/a\\040b/swapfile                    file\t\t65532\t\t0\t\t-3\n");
    const auto facts = machine.facts();
    CHECK(facts.boot_id == "0c40baad-30c0-4484-8446-60f2b6e9149e");
    CHECK(facts.available_bytes == 22849536000U);
    CHECK(facts.swap_cached_bytes == 12288U);
    CHECK(facts.swapped_out_pages == 17U);
    REQUIRE(facts.swaps);
    REQUIRE(facts.swaps->size() == 2);
    CHECK((*facts.swaps)[0].path == "/dev/dm-1");
    CHECK_FALSE((*facts.swaps)[0].is_file);
    CHECK((*facts.swaps)[0].size_bytes == 1023406080U);
    CHECK((*facts.swaps)[0].used_bytes == 1048576U);
    CHECK((*facts.swaps)[1].path == "/srv/a b/swapfile");
    CHECK((*facts.swaps)[1].is_file);
    CHECK(facts.swap_used_bytes() == 1048576U);
    CHECK(to_json(facts).at("swap").at("state") == "used");
    CHECK_NOTHROW(efface::canonical_json(to_json(facts)));
}

TEST_CASE("no swap, empty swap and a list that cannot be read are told apart") {
    const Machine machine;
    CHECK(to_json(machine.facts()).at("swap").at("state") == "off");
    machine.put("proc/swaps", std::string(Machine::kHeading) + "/dev/vdb partition 1024 0 -2\n");
    CHECK(to_json(machine.facts()).at("swap").at("state") == "empty");
    machine.put("proc/swaps", std::string(Machine::kHeading) + "/dev/vdb partition\n");
    CHECK(to_json(machine.facts()).at("swap").at("state") == "unknown");
    CHECK_FALSE(machine.facts().swap_used_bytes());
}

TEST_CASE("init_on_free is what the kernel logged, else its command line, else its configuration") {
    const Machine machine;
    CHECK_FALSE(machine.facts().init_on_free.on);
    machine.put("boot/config-6.1.0-18-amd64",
                "CONFIG_INIT_ON_ALLOC_DEFAULT_ON=y\n# CONFIG_INIT_ON_FREE_DEFAULT_ON is not set\n");
    CHECK(machine.facts().init_on_free.on == false);
    CHECK(machine.facts().init_on_free.source == "kernel configuration");
    machine.put("boot/config-6.1.0-18-amd64", "CONFIG_INIT_ON_FREE_DEFAULT_ON=y\n");
    CHECK(machine.facts().init_on_free.on == true);
    machine.put("proc/cmdline", "BOOT_IMAGE=/vmlinuz root=/dev/sda1 init_on_free=0 quiet\n");
    CHECK(machine.facts().init_on_free.on == false);
    CHECK(machine.facts().init_on_free.source == "kernel command line");
    machine.put("proc/cmdline", "quiet -- init_on_free=1\n");  // for init, not for the kernel
    machine.put("boot/config-6.1.0-18-amd64", "");
    CHECK(machine.facts().init_on_free.on == false);
    machine.put("proc/cmdline", "not_init_on_free=1 init_on_freed=1\n");
    CHECK(machine.facts().init_on_free.on == false);
    machine.put("dev/kmsg",
                "6,222,0,-;mem auto-init: stack:all(zero), heap alloc:on, heap free:on\n");
    CHECK(machine.facts().init_on_free.on == true);
    CHECK(machine.facts().init_on_free.source == "kernel log");
    // Only what the kernel says while it starts: later, others write into its log, too.
    machine.put("dev/kmsg",
                "12,9222,86400000000,-;mem auto-init: stack:off, heap alloc:on, heap free:on\n");
    CHECK(machine.facts().init_on_free.on == false);
}

TEST_CASE("whoever may have copies of memory is named") {
    const Machine machine;
    const auto text = [&] {
        std::string all;
        for (const auto& area : memory_not_reached(machine.facts())) {
            all += area + '\n';
        }
        return all;
    };
    CHECK(text().find("freed pages") != std::string::npos);
    CHECK(text().find("no resume device") != std::string::npos);
    machine.put("proc/cmdline", "resume=/dev/vdb2 crashkernel=256M\n");
    machine.put("proc/swaps", std::string(Machine::kHeading) + "/dev/vdb partition 1024 0 -2\n");
    machine.put("sys/module/zswap/parameters/enabled", "Y\n");
    machine.put("sys/block/zram0/backing_dev", "/dev/loop7\n");
    machine.put("sys/block/zram1/backing_dev", "none\n");
    machine.put("sys/bus/virtio/drivers/virtio_balloon/virtio3/device", "0x0005\n");
    const std::string all = text();
    for (const char* part : {"/dev/vdb2", "crashkernel=256M", "swap slots on /dev/vdb", "zswap",
                             "zram0: /dev/loop7", "virtio_balloon virtio3"}) {
        INFO(part);
        CHECK(all.find(part) != std::string::npos);
    }
    CHECK(all.find("zram1") == std::string::npos);
}

TEST_CASE("a mount is found with its number, its options and what else shows its file system") {
    const Machine machine;
    machine.put("proc/self/mountinfo",
                "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                "42 27 0:39 / /mnt/a rw,relatime shared:5 - tmpfs tmpfs rw,size=8192k,noswap\n"
                "43 42 0:40 / /mnt/a/in rw - tmpfs tmpfs rw\n"
                "44 27 0:39 /sub /mnt/b\\040c rw - tmpfs tmpfs rw\n"
                "45 27 0:41 / /mnt/ab rw - tmpfs tmpfs rw\n"
                "46 27 0:42 / /mnt/over rw - tmpfs first rw\n"
                "47 46 0:43 / /mnt/over rw - ramfs second rw\n");
    fs::create_directories(machine.root / "proc/self/ns");
    const auto mount = mount_with_id(42, machine.view);
    REQUIRE(mount);
    CHECK(mount->target == "/mnt/a");
    CHECK(mount->major == 0);
    CHECK(mount->minor == 39);
    CHECK(mount->type == "tmpfs");
    CHECK(mount->has_option("noswap"));
    CHECK_FALSE(mount->has_option("swap"));
    CHECK_FALSE(mount->has_option("size"));
    CHECK(mount->below == std::vector<std::string>{"/mnt/a/in"});
    REQUIRE_FALSE(mount->elsewhere.empty());
    CHECK(mount->elsewhere.front() == "/mnt/b c");
    CHECK_FALSE(mount_with_id(48, machine.view));
    CHECK(mounts_at("/mnt", machine.view).empty());
    const auto stacked = mounts_at("/mnt/over", machine.view);
    REQUIRE(stacked.size() == 2);
    CHECK(stacked[0].source == "first");
    CHECK(stacked[1].source == "second");
}

TEST_CASE("odd names in the list of mounts are found as they are and shown printable") {
    const Machine machine;
    machine.put("proc/self/mountinfo",
                "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
                "42 27 0:39 / /mnt/new\\012line rw - tmpfs \x1b[31m rw\n"
                "43 42 0:40 / /mnt/new\\012line/\xff rw - tmpfs tmpfs rw\n");
    fs::create_directories(machine.root / "proc/self/ns");
    const auto mounts = mounts_at("/mnt/new\nline", machine.view);
    REQUIRE(mounts.size() == 1);
    CHECK(mounts[0].source == "?[31m");
    const auto mount = mount_with_id(42, machine.view);
    REQUIRE(mount);
    CHECK(mount->below == std::vector<std::string>{"/mnt/new?line/?"});
}

TEST_CASE("an open folder says which mount it lies on, and when it was made") {
    const auto fd = efface::open_file("/proc/self", O_RDONLY | O_DIRECTORY);
    const auto facts = opened_facts(fd.get());
    CHECK(facts.filesystem_magic == 0x9fa0);  // PROC_SUPER_MAGIC
    const auto mount = mount_with_id(facts.mount_id);
    REQUIRE(mount);
    CHECK(mount->type == "proc");
    CHECK(facts.birth.empty());  // of /proc nobody keeps it
    const std::string folder = fs::temp_directory_path() / "efface-test-birth-XXXXXX";
    std::string name = folder;
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    const auto made = efface::open_file(name, O_RDONLY | O_DIRECTORY);
    const auto again = efface::open_file(name, O_RDONLY | O_DIRECTORY);
    CHECK(opened_facts(made.get()).birth == opened_facts(again.get()).birth);
    CHECK(opened_facts(made.get()).unique_mount_id == opened_facts(again.get()).unique_mount_id);
    fs::remove(name);
}

TEST_CASE("what zswap took is counted, and is unknown where the kernel does not say") {
    const Machine machine;
    CHECK(machine.facts().zswap == "absent");
    CHECK(machine.facts().zswapped_out_pages == 0U);
    CHECK(machine.facts().zswap_bytes == 0U);
    machine.put("sys/module/zswap/parameters/enabled", "N\n");
    CHECK(machine.facts().zswapped_out_pages == 0U);
    CHECK_FALSE(
        machine.facts().zswap_bytes);  // an older kernel: switched off says nothing of before
    machine.put("proc/vmstat", "pswpout 17\n");
    CHECK_FALSE(machine.facts().zswapped_out_pages);
    CHECK_FALSE(swap_json(machine.facts()).contains("zswapPagesWrittenOut"));
    machine.put("proc/vmstat", "pswpout 17\nzswpin 5\nzswpout 26144\n");
    machine.put("proc/meminfo",
                "MemAvailable: 1 kB\nSwapCached: 0 kB\nZswap: 51200 kB\nZswapped: 104576 kB\n");
    const auto swap = swap_json(machine.facts());
    CHECK(swap.at("pagesWrittenOut") == 17);
    CHECK(swap.at("zswapPagesWrittenOut") == 26144);
    CHECK(swap.at("zswapBytes") == 107085824);
}

TEST_CASE("processes that have a file open, mapped or as a folder are named") {
    const Machine machine;
    machine.put("file", "x");
    machine.put("other", "y");
    struct stat status {};
    REQUIRE(::stat((machine.root / "file").c_str(), &status) == 0);
    FileKey key;
    key.device = status.st_dev;
    key.inode = status.st_ino;
    const auto users = [&] {
        std::vector<std::string> texts;
        for (const auto& user : processes_using(key, machine.view).users) {
            CHECK_FALSE(user.efface);
            texts.push_back(user.text);
        }
        return texts;
    };
    machine.put("proc/17/comm", "postgres\n");
    fs::create_directories(machine.root / "proc/17/fd");
    fs::create_symlink(machine.root / "other", machine.root / "proc/17/fd/0");
    CHECK(users().empty());
    fs::create_symlink(machine.root / "file", machine.root / "proc/17/fd/1");
    REQUIRE(users().size() == 1);
    CHECK(users()[0].starts_with("process 17 (postgres) has it open: "));
    fs::remove(machine.root / "proc/17/fd/1");
    const std::string inode = std::to_string(status.st_ino);
    char device[32];
    std::snprintf(device, sizeof device, "%02x:%02x", static_cast<unsigned>(status.st_dev >> 8U),
                  static_cast<unsigned>(status.st_dev & 0xffU));
    machine.put("proc/17/maps", std::string("7f00-7f10 rw-s 00000000 ") + device + " " + inode +
                                    "    /srv/file (deleted)\n");
    CHECK(users() == std::vector<std::string>{"process 17 (postgres) has it mapped"});
    machine.put("proc/17/maps", std::string("7f00-7f10 rw-s 00000000 ") + device + " 1\n");
    CHECK(users().empty());
    fs::create_symlink(machine.root / "file", machine.root / "proc/17/cwd");
    CHECK(users() == std::vector<std::string>{"process 17 (postgres) has it as cwd"});
}

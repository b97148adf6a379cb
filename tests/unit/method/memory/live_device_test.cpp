// SPDX-License-Identifier: Apache-2.0
// Swap, zram, huge pages and devices in memory of the running kernel.
#include "live.hpp"

namespace fs = std::filesystem;
using efface::Error;
using efface::ErrorCode;
using efface::ReasonCode;
using namespace efface::test;

TEST_CASE("pages that went to swap are named, and are gone after the swap area was erased") {
    const Loop loop("64M");
    run("mkswap -q " + loop.device());
    run("swapon " + loop.device());
    const Mount mount("tmpfs", "size=16m");
    const fs::path path = mount.path() / "secret";
    write(path, marked(1 << 20));
    {
        const auto fd = efface::open_file(path, O_RDWR);
        void* pages = ::mmap(nullptr, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
        REQUIRE(pages != MAP_FAILED);
        // Only pages that the mapping has touched are paged out.
        CHECK(std::string(static_cast<const char*>(pages), 1 << 20).find(kMark) == 0);
        REQUIRE(::madvise(pages, 1 << 20, MADV_PAGEOUT) == 0);
        ::munmap(pages, 1 << 20);
    }
    run("sync");
    REQUIRE(marks_on_device(loop.device()) > 0);

    Driver driver("memory:tmpfs:" + mount.path().string());
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
    CHECK(has(outcome.exceptions, ReasonCode::swap_in_use));
    CHECK(joined(outcome.exceptions).find(loop.device()) != std::string::npos);
    CHECK(marks_on_device(loop.device()) > 0);  // the reason for the exception

    Driver swap("memory:swap:" + loop.device());
    const auto survey = swap.method->survey();
    INFO(joined(survey.objections));
    REQUIRE(survey.objections.empty());
    CHECK(survey.facts.at("active") == true);
    const auto erased = swap.run();
    INFO(erased.record.dump(1));
    CHECK(erased.verdict == Verdict::sanitized);
    CHECK(marks_on_device(loop.device()) == 0);
    CHECK(run("grep -c '^" + loop.device() + " ' /proc/swaps || true") == "0");
    CHECK(erased.record.at("passes").at(0).at("bytesWritten") == 64U << 20U);
    CHECK(erased.record.at("verification").at("bytesCompared") == 64U << 20U);
    CHECK(std::string(control(erased.record, "no-signature")) == "pass");
    CHECK(run("blkid -p -s TYPE -o value " + loop.device() + " || true").empty());
    require_keys(erased.record);
    // A new job finds nothing that says it was swap; the one that did it does, by its pattern.
    CHECK(has(swap.method->survey().objections, ReasonCode::other_identity));
    const auto of_job = [&](const efface::Bytes& key) {
        Driver again("memory:swap:" + loop.device());
        efface::method::MemoryBegan began;
        began.identity = survey.identity;
        began.keys.emplace_back(efface::ByteView(key));
        again.method->began_with(std::move(began));
        return again.method->survey();
    };
    const efface::Bytes key(32, 0x42);
    CHECK(of_job(key).objections.empty());
    CHECK(of_job(key).identity == survey.identity);
    CHECK_FALSE(of_job(efface::Bytes(32, 0x43)).objections.empty());
    run("mkswap -q " + loop.device());  // another area by now
    CHECK(of_job(key).identity != survey.identity);
}

TEST_CASE("a device that is no swap area, or is used for something else, is not taken for one") {
    const Loop loop("64M");
    Driver swap("memory:swap:" + loop.device());
    CHECK_FALSE(swap.method->survey().objections.empty());
    run("mkfs.ext4 -q " + loop.device());
    CHECK(has(swap.method->survey().objections, ReasonCode::other_identity));
    run("mkswap -q -f " + loop.device());
    CHECK(swap.method->survey().objections.empty());
    const auto fd = efface::open_file(loop.device(), O_RDONLY | O_EXCL);
    // Held exclusively between the look and the run: the run cannot open it.
    const auto outcome = [&]() -> std::string {
        try {
            return to_string(swap.run().verdict);
        } catch (const Error& error) {
            return error.code() == ErrorCode::safety ? "refused" : "error";
        }
    }();
    CHECK(outcome != "sanitized");
    CHECK(run("blkid -p -s TYPE -o value " + loop.device()) == "swap");
}

TEST_CASE("an inactive swap file is overwritten where it lies") {
    const Loop loop("64M");
    run("mkfs.ext4 -q " + loop.device());
    const Mount mount("ext4", "rw", loop.device());
    const fs::path path = mount.path() / "swapfile";
    write(path, marked(4 << 20));
    run("chmod 600 '" + path.string() + "' && mkswap -q '" + path.string() + "' && sync");
    REQUIRE(marks_on_device(loop.device()) > 0);
    Driver swap("memory:swap:" + path.string());
    const auto survey = swap.method->survey();
    INFO(joined(survey.objections));
    REQUIRE(survey.objections.empty());
    const auto outcome = swap.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    run("sync");
    CHECK(marks_on_device(loop.device()) == 0);
    CHECK(fs::file_size(path) == 4U << 20U);
}

TEST_CASE("a zram device is reset, and freed pages are an exception unless the kernel clears them",
          "[zram]") {
    const std::string number = run("cat /sys/class/zram-control/hot_add");
    const std::string name = "zram" + number;
    const Undo remove("echo " + number + " > /sys/class/zram-control/hot_remove");
    run("echo 16M > /sys/block/" + name + "/disksize");
    run("yes " + kMark + " | dd of=/dev/" + name +
        " bs=1M count=8 iflag=fullblock oflag=direct status=none");
    REQUIRE(marks_on_device("/dev/" + name) > 0);

    Driver driver("memory:zram:" + name);
    const auto survey = driver.method->survey();
    INFO(joined(survey.objections));
    REQUIRE(survey.objections.empty());
    CHECK(survey.confirm_token.starts_with(name + "-16MiB-"));
    {
        const auto fd = efface::open_file("/dev/" + name, O_RDONLY);
        // Open without O_EXCL: only the reset finds it, and tries again before it gives up.
        try {
            (void)driver.run();
            FAIL("a zram that somebody has open was reset");
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::busy);
        }
        CHECK(run("cat /sys/block/" + name + "/disksize") == "16777216");
    }
    {
        const auto fd = efface::open_file("/dev/" + name, O_RDONLY | O_EXCL);
        // Nothing was touched yet: refused, as any target in use.
        CHECK_THROWS_AS(driver.run(), Error);
        CHECK(run("cat /sys/block/" + name + "/disksize") == "16777216");
    }
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(run("cat /sys/block/" + name + "/disksize") == "0");
    CHECK(run("awk '{print $1 + $2 + $3}' /sys/block/" + name + "/mm_stat") == "0");
    const bool cleared = survey.facts.at("machine").at("initOnFree").at("state") == "on";
    CHECK(outcome.verdict == (cleared ? Verdict::sanitized : Verdict::sanitized_with_exceptions));
    CHECK(outcome.record.at("passes").empty());
    CHECK(outcome.record.at("verification").at("method") == "device-state");
    require_keys(outcome.record);
    CHECK_FALSE(driver.method->survey().objections.empty());  // nothing is stored in it any more
}

TEST_CASE("a zram device that is mounted is refused, and one used as swap goes by its own name",
          "[zram]") {
    const std::string number = run("cat /sys/class/zram-control/hot_add");
    const std::string name = "zram" + number;
    const Undo remove("echo " + number + " > /sys/class/zram-control/hot_remove");
    run("echo 64M > /sys/block/" + name + "/disksize");
    Driver driver("memory:zram:" + name);
    {
        run("mkfs.ext4 -q /dev/" + name);
        const Mount mount("ext4", "rw", "/dev/" + name);
        CHECK(has(driver.method->survey().objections, ReasonCode::mounted));
        CHECK_THROWS_AS(driver.run(), Error);
    }
    run("mkswap -q -f /dev/" + name + " && swapon /dev/" + name);
    CHECK(has(driver.method->survey().objections, ReasonCode::swap));
    Driver swap("memory:swap:/dev/" + name);
    const auto outcome = swap.run();
    INFO(outcome.record.dump(1));
    CHECK((outcome.verdict == Verdict::sanitized ||
           outcome.verdict == Verdict::sanitized_with_exceptions));
    CHECK(run("cat /sys/block/" + name + "/disksize") == "0");
    CHECK(run("grep -c '^/dev/" + name + " ' /proc/swaps || true") == "0");
}

TEST_CASE("huge pages are overwritten through a mapping before they are given back", "[huge]") {
    const std::string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    const std::string before = run("cat " + pool);
    const Undo restore("echo " + before + " > " + pool);
    run("echo $((" + before + " + 4)) > " + pool);
    const Mount mount("hugetlbfs", "pagesize=2M,size=8M", "none");
    const fs::path path = mount.path() / "secret";
    constexpr std::size_t kHuge = 2U << 20U;
    {
        const auto fd = efface::open_file(path, O_RDWR | O_CREAT);
        REQUIRE(::ftruncate(fd.get(), 2 * kHuge) == 0);
        void* pages = ::mmap(nullptr, 2 * kHuge, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
        REQUIRE(pages != MAP_FAILED);
        const std::string text = marked(kHuge);
        std::copy(text.begin(), text.end(), static_cast<char*>(pages) + kHuge);  // a hole before it
        ::munmap(pages, 2 * kHuge);
    }
    REQUIRE(marks_in_file(path) > 0);
    Driver file("memory:file:" + path.string());
    const auto in_place = file.run();
    INFO(in_place.record.dump(1));
    CHECK(in_place.verdict == Verdict::sanitized);
    CHECK(marks_in_file(path) == 0);
    CHECK(in_place.record.at("passes").at(0).at("bytesWritten") == kHuge);  // not the hole
    write(mount.outside() / "x", "");
    Driver driver("memory:hugetlbfs:" + mount.path().string());
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(fs::is_empty(mount.path()));
    CHECK(std::string(control(outcome.record, "no-pages")) == "pass");
}

TEST_CASE("a file of huge pages that is larger than the pool is erased, and so is its neighbour",
          "[huge]") {
    const std::string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    const std::string before = run("cat " + pool);
    const Undo restore("echo " + before + " > " + pool);
    run("echo $((" + before + " + 2)) > " + pool);
    const Mount mount("hugetlbfs", "pagesize=2M", "none");
    constexpr std::size_t kHuge = 2U << 20U;
    for (const char* name : {"a", "b"}) {
        const auto fd = efface::open_file(mount.path() / name, O_RDWR | O_CREAT);
        REQUIRE(::ftruncate(fd.get(), off_t{2} << 30U) == 0);
        void* page = ::mmap(nullptr, kHuge, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(),
                            off_t{700} * kHuge);
        REQUIRE(page != MAP_FAILED);
        const std::string text = marked(kHuge);
        std::copy(text.begin(), text.end(), static_cast<char*>(page));
        ::munmap(page, kHuge);
    }
    Driver driver("memory:hugetlbfs:" + mount.path().string());
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(fs::is_empty(mount.path()));
    CHECK(outcome.record.at("passes").at(0).at("bytesWritten") == 2 * kHuge);
}

TEST_CASE("a ram disk is overwritten in place and compared", "[brd]") {
    if (!fs::exists("/dev/ram0")) {
        WARN("skipped: no /dev/ram0");
        return;
    }
    run("yes " + kMark +
        " | dd of=/dev/ram0 bs=64k count=16 iflag=fullblock oflag=direct "
        "status=none");
    REQUIRE(marks_on_device("/dev/ram0") > 0);
    Driver driver("memory:brd:ram0");
    const auto survey = driver.method->survey();
    INFO(joined(survey.objections));
    REQUIRE(survey.objections.empty());
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(marks_on_device("/dev/ram0") == 0);
    CHECK(outcome.record.at("passes").at(0).at("bytesWritten") == survey.size_bytes);
    CHECK(driver.progressed == 2 * survey.size_bytes);
    require_keys(outcome.record);
}

namespace {

/// This machine with one more block device: a loop that is shown as persistent memory.
class FakePmem {
  public:
    explicit FakePmem(const Loop& loop) {
        view.sysfs = scratch_.path() / "sys";
        view.dev = scratch_.path() / "dev";
        fs::create_directories(view.sysfs / "block");
        fs::create_directories(view.dev);
        for (const auto& entry : fs::directory_iterator("/sys")) {
            if (entry.path().filename() != "block") {
                fs::create_directory_symlink(entry.path(), view.sysfs / entry.path().filename());
            }
        }
        for (const auto& entry : fs::directory_iterator("/sys/block")) {
            fs::create_directory_symlink(fs::canonical(entry.path()),
                                         view.sysfs / "block" / entry.path().filename());
        }
        const fs::path real = "/sys/block/" + fs::path(loop.device()).filename().string();
        for (const char* name : {"pmem0", "pmem1s"}) {
            fs::create_directories(view.sysfs / "block" / name / "device");
            for (const char* attribute : {"dev", "size", "diskseq"}) {
                write(view.sysfs / "block" / name / attribute,
                      run("cat " + (real / attribute).string()) + '\n');
            }
            write(view.sysfs / "block" / name / "badblocks", "");
            fs::create_symlink(loop.device(), view.dev / name);
        }
        // The guard opens the device under the name that the link leads to, and asks each loop
        // device what is below it; tests that run beside this one attach others.
        for (int number = 0; number < kLoopsMax; ++number) {
            const auto name = "loop" + std::to_string(number);
            fs::create_symlink("/dev/" + name, view.dev / name);
        }
    }
    efface::inventory::SystemView view;

  private:
    static constexpr int kLoopsMax = 256;
    efface::fake::ScratchDirectory scratch_;
};

}  // namespace

TEST_CASE("persistent memory is overwritten, and sectors that stay poisoned are exceptions") {
    const Loop loop("16M");
    run("yes " + kMark + " | dd of=" + loop.device() +
        " bs=1M count=16 iflag=fullblock oflag=direct status=none");
    const FakePmem machine(loop);
    Driver driver("memory:pmem:pmem0", machine.view);
    const auto survey = driver.method->survey();
    INFO(joined(survey.objections));
    REQUIRE(survey.objections.empty());
    const auto good = driver.run();
    INFO(good.record.dump(1));
    CHECK(good.verdict == Verdict::sanitized);
    CHECK(marks_on_device(loop.device()) == 0);
    write(machine.view.sysfs / "block/pmem0/badblocks", "128 8\n");
    const auto outcome = driver.run();
    CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
    CHECK(has(outcome.exceptions, ReasonCode::bad_blocks));
    CHECK(joined(outcome.exceptions).find("128 8") != std::string::npos);
}

TEST_CASE("persistent memory in sector mode is refused: an overwrite misses the old block") {
    const Loop loop("16M");
    run("yes " + kMark + " | dd of=" + loop.device() +
        " bs=1M count=16 iflag=fullblock oflag=direct status=none");
    const FakePmem machine(loop);
    Driver by_name("memory:pmem:pmem1s", machine.view);
    CHECK(has(by_name.method->survey().objections, ReasonCode::sector_mode));
    CHECK_THROWS_AS(by_name.run(), Error);
    write(machine.view.sysfs / "block/pmem0/device/holder_class", "btt\n");
    Driver by_class("memory:pmem:pmem0", machine.view);
    CHECK(has(by_class.method->survey().objections, ReasonCode::sector_mode));
    CHECK_THROWS_AS(by_class.run(), Error);
    CHECK(marks_on_device(loop.device()) > 0);
}

TEST_CASE("what is not there, or of another kind, is a mistake in the command line") {
    const Mount mount("tmpfs", "noswap,size=8m");
    for (const std::string& target :
         {"memory:ramfs:" + mount.path().string(), std::string("memory:tmpfs:/nowhere"),
          std::string("memory:zram:zram9999"), std::string("memory:brd:ram9999"),
          std::string("memory:pmem:pmem9999"), std::string("memory:devdax:dax99.0"),
          std::string("memory:dimm:nmem99"), std::string("memory:cxl:mem99"),
          std::string("memory:file:/etc/passwd"), std::string("memory:file:/dev/null"),
          std::string("memory:swap:/nowhere")}) {
        INFO(target);
        Driver driver(target);
        try {
            static_cast<void>(driver.method->survey());
            FAIL("it was accepted");
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::usage);
        }
    }
}

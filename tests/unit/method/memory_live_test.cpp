// SPDX-License-Identifier: Apache-2.0
// Memory of the running kernel: every mount, file, loop and zram device is the test's own. What was
// erased is looked for by other programs (grep, dd with direct reads).
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include "efface/base/file.hpp"

#include "catch.hpp"
#include "fake/scratch.hpp"
#include "memory_support.hpp"

namespace fs = std::filesystem;
using efface::Error;
using efface::ErrorCode;
using efface::Json;
using efface::method::Verdict;
using efface::test::Driver;
using efface::test::joined;

namespace {

/// Repeated all over whatever is to be erased; found by its text.
const std::string kMark = "ORIGINAL-CONTENT-OF-A-TENANT-7f3a";

std::string run(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) {
        throw std::runtime_error(command);
    }
    std::string text;
    std::array<char, 4096> buffer{};
    for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        text.append(buffer.data(), got);
    }
    if (::pclose(pipe) != 0) {
        throw std::runtime_error("failed: " + command + '\n' + text);
    }
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

/// Lines that hold the mark; 0 when none does.
std::size_t marks_in_file(const fs::path& path) {
    return std::stoul(run("grep -a -c " + kMark + " '" + path.string() + "' || true"));
}
/// The same past the page cache.
std::size_t marks_on_device(const std::string& device) {
    return std::stoul(run("dd if=" + device + " iflag=direct bs=1M status=none | grep -a -c " +
                          kMark + " || true"));
}

std::string marked(std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) {
        text += kMark + '\n';
    }
    text.resize(bytes);
    return text;
}
void write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// Something that a command takes down again, whatever happens.
class Undo final {
  public:
    explicit Undo(std::string command) : command_(std::move(command)) {}
    ~Undo() {
        if (!command_.empty() && std::system((command_ + " 2>/dev/null").c_str()) != 0) {
            std::fprintf(stderr, "could not be taken down: %s\n", command_.c_str());
        }
    }
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    void now() {
        run(command_);
        command_.clear();
    }

  private:
    std::string command_;
};

class Mount final {
  public:
    explicit Mount(const std::string& type, const std::string& options = "rw")
        : Mount(type, options, type) {}
    Mount(const std::string& type, const std::string& options, const std::string& source)
        : path_(scratch_.path() / "mount") {
        fs::create_directory(path_);
        run("mount -t " + type + " -o " + options + ' ' + source + " '" + path_.string() + "'");
    }
    ~Mount() { ::umount2(path_.c_str(), MNT_DETACH); }
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }
    [[nodiscard]] fs::path outside() const { return scratch_.path(); }

  private:
    efface::fake::ScratchDirectory scratch_;
    fs::path path_;
};

class Loop final {
  public:
    explicit Loop(const std::string& size) {
        const fs::path image = scratch_.path() / "image";
        run("truncate -s " + size + " '" + image.string() + "'");
        device_ = run("losetup -f --show '" + image.string() + "'");
    }
    ~Loop() {
        // A failed test may have left it in use as swap.
        static_cast<void>(std::system(("swapoff " + device_ + " 2>/dev/null").c_str()));
        run("losetup -d " + device_);
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    [[nodiscard]] const std::string& device() const { return device_; }

  private:
    efface::fake::ScratchDirectory scratch_;
    std::string device_;
};

/// As /proc/vmstat says it now, read by another program.
bool ever_swapped() {
    return run("awk '$1 == \"pswpout\" {print $2}' /proc/vmstat") != "0";
}

const char* control(const Json& record, const std::string& name) {
    for (const auto& entry : record.at("negativeControls")) {
        if (entry.at("name") == name) {
            return entry.at("result").get_ref<const std::string&>().c_str();
        }
    }
    return "missing";
}

void require_keys(const Json& record) {
    for (const char* key : {"technique", "passes", "verification", "steps", "negativeControls",
                            "notReached", "facts", "identity", "identityAfter"}) {
        INFO(key);
        CHECK(record.contains(key));
    }
    CHECK_NOTHROW(efface::canonical_json(record));
}

}  // namespace

TEST_CASE("every file of a tmpfs is overwritten before it goes, and the mount stays empty") {
    const Mount mount("tmpfs", "noswap,size=32m");
    const fs::path secret = mount.outside() / "outside";
    write(secret, marked(5000));
    fs::create_directories(mount.path() / "a" / "b");
    write(mount.path() / "a" / "b" / "odd", marked(100001));
    write(mount.path() / "a" / "empty", "");
    fs::create_hard_link(mount.path() / "a" / "b" / "odd", mount.path() / "second");
    fs::create_symlink(secret, mount.path() / "link");
    REQUIRE(::mkfifo((mount.path() / "fifo").c_str(), 0600) == 0);
    run("truncate -s 1G '" + (mount.path() / "sparse").string() + "'");
    run("printf '" + kMark + "' | dd of='" + (mount.path() / "sparse").string() +
        "' bs=1 seek=500000000 conv=notrunc status=none");

    Driver driver("memory:tmpfs:" + mount.path().string());
    const auto survey = driver.method->survey();
    INFO(joined(survey.objections));
    REQUIRE(survey.objections.empty());
    CHECK(survey.facts.at("files") == 4);  // the hard link is a name of its own
    CHECK(survey.confirm_token.starts_with("mount-32MiB-"));
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(driver.progressed > 0);
    CHECK(fs::is_empty(mount.path()));
    CHECK(run("stat -f -c '%b %f' '" + mount.path().string() + "'") == "8192 8192");
    CHECK(marks_in_file(secret) > 0);  // no link was followed
    // 100001 bytes are 25 pages; the sparse file has one or two pages of data.
    const auto written = outcome.record.at("passes")[0].at("bytesWritten").get<std::uint64_t>();
    CHECK((written == 26U * 4096 || written == 27U * 4096));
    CHECK(outcome.record.at("verification").at("bytesCompared") == written);
    CHECK(outcome.record.at("verification").at("result") == "pass");
    CHECK(std::string(control(outcome.record, "empty")) == "pass");
    CHECK(std::string(control(outcome.record, "no-pages")) == "pass");
    require_keys(outcome.record);
}

TEST_CASE("content is gone from the pages before a file of a tmpfs is removed") {
    const Mount mount("tmpfs", "noswap,size=8m");
    const fs::path path = mount.path() / "secret";
    write(path, marked(200000));
    REQUIRE(marks_in_file(path) > 0);
    Driver driver("memory:tmpfs:" + mount.path().string());
    std::vector<std::size_t> found;
    const auto outcome = driver.run([&] { found.push_back(marks_in_file(path)); });
    CHECK(outcome.verdict == Verdict::sanitized);
    REQUIRE(found.size() == 2);  // once written, once compared; each time still there
    CHECK(found[0] == 0);
    CHECK(found[1] == 0);
}

TEST_CASE("what stands behind the end of a file in its last page is overwritten as well") {
    const Mount mount("tmpfs", "noswap,size=8m");
    const fs::path path = mount.path() / "short";
    write(path, "x");
    {
        const auto fd = efface::open_file(path, O_RDWR);
        void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd.get(), 0);
        REQUIRE(page != MAP_FAILED);
        const std::string text = marked(4000);
        std::copy(text.begin(), text.end(), static_cast<char*>(page) + 50);
        ::munmap(page, 4096);
    }
    const auto behind_end = [&] {
        const auto fd = efface::open_file(path, O_RDONLY);
        void* page = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), 0);
        REQUIRE(page != MAP_FAILED);
        const std::string text(static_cast<const char*>(page), 4096);
        ::munmap(page, 4096);
        return text.find(kMark) != std::string::npos;
    };
    REQUIRE(behind_end());
    Driver driver("memory:file:" + path.string());
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK_FALSE(behind_end());
    CHECK(fs::file_size(path) == 1);
}

TEST_CASE("one file is overwritten in place: its name and size stay, its neighbours as well") {
    const Mount mount("tmpfs", "noswap,size=8m");
    const fs::path path = mount.path() / "secret";
    write(path, marked(10001));
    write(mount.path() / "other", marked(5000));
    Driver driver("memory:file:" + path.string());
    const auto survey = driver.method->survey();
    CHECK(joined(survey.steps).find("name, size") != std::string::npos);
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(marks_in_file(path) == 0);
    CHECK(fs::file_size(path) == 10001);
    CHECK(marks_in_file(mount.path() / "other") > 0);
    require_keys(outcome.record);
}

TEST_CASE("a tmpfs that may be swapped is sanitized only where the kernel never wrote to swap") {
    const Mount mount("tmpfs", "size=8m");
    write(mount.path() / "secret", marked(50000));
    const bool before = ever_swapped();
    Driver driver("memory:tmpfs:" + mount.path().string());
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == (before ? Verdict::sanitized_with_exceptions : Verdict::sanitized));
    CHECK(outcome.exceptions.empty() == !before);
}

TEST_CASE("files of a ramfs are overwritten and removed") {
    const Mount mount("ramfs");
    const fs::path path = mount.path() / "secret";
    write(path, marked(123457));
    Driver driver("memory:ramfs:" + mount.path().string());
    std::vector<std::size_t> found;
    const auto outcome = driver.run([&] { found.push_back(marks_in_file(path)); });
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(found == std::vector<std::size_t>{0, 0});
    CHECK(fs::is_empty(mount.path()));
}

TEST_CASE("a file that a process has open, mapped or as working folder stops the run") {
    const Mount mount("tmpfs", "noswap,size=8m");
    const fs::path path = mount.path() / "secret";
    write(path, marked(5000));
    Driver driver("memory:tmpfs:" + mount.path().string());
    Driver file("memory:file:" + path.string());
    const auto refused = [&] {
        const auto survey = driver.method->survey();
        CHECK_FALSE(survey.objections.empty());
        CHECK_FALSE(file.method->survey().objections.empty());
        try {
            static_cast<void>(driver.run());
            FAIL("it ran");
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::safety);
        }
        CHECK(marks_in_file(path) > 0);
        return joined(survey.objections);
    };
    {
        const auto fd = efface::open_file(path, O_RDONLY);
        CHECK(refused().find("open: " + path.string()) != std::string::npos);
    }
    {
        auto fd = efface::open_file(path, O_RDONLY);
        void* page = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), 0);
        REQUIRE(page != MAP_FAILED);
        fd.reset();
        CHECK(refused().find("mapped") != std::string::npos);
        ::munmap(page, 4096);
    }
    {
        // Opened and unlinked: no name leads to it any more.
        const auto fd = efface::open_file(mount.path() / "nameless", O_RDWR | O_CREAT);
        fs::remove(mount.path() / "nameless");
        CHECK(joined(driver.method->survey().objections).find("1 removed files") !=
              std::string::npos);
    }
    const fs::path here = fs::current_path();
    fs::current_path(mount.path());
    const auto objections = joined(driver.method->survey().objections);
    fs::current_path(here);
    CHECK(objections.find("as cwd") != std::string::npos);
    CHECK(driver.method->survey().objections.empty());
}

TEST_CASE("mounts inside, elsewhere or of the system are refused, and so are loops and read-only") {
    const Mount mount("tmpfs", "noswap,size=16m");
    Driver driver("memory:tmpfs:" + mount.path().string());
    REQUIRE(driver.method->survey().objections.empty());
    {
        fs::create_directory(mount.path() / "inner");
        run("mount -t tmpfs tmpfs '" + (mount.path() / "inner").string() + "'");
        const Undo undo("umount '" + (mount.path() / "inner").string() + "'");
        CHECK(joined(driver.method->survey().objections).find("mounted in it") !=
              std::string::npos);
    }
    {
        const fs::path bound = mount.outside() / "bound";
        fs::create_directory(bound);
        run("mount --bind '" + mount.path().string() + "' '" + bound.string() + "'");
        const Undo undo("umount '" + bound.string() + "'");
        CHECK(joined(driver.method->survey().objections).find(bound.string()) != std::string::npos);
    }
    {
        run("truncate -s 1M '" + (mount.path() / "image").string() + "'");
        const std::string loop =
            run("losetup -f --show '" + (mount.path() / "image").string() + "'");
        const Undo undo("losetup -d " + loop);
        CHECK(joined(driver.method->survey().objections).find("loop device") != std::string::npos);
    }
    {
        run("mount -o remount,ro '" + mount.path().string() + "'");
        CHECK(joined(driver.method->survey().objections).find("read-only") != std::string::npos);
        run("mount -o remount,rw '" + mount.path().string() + "'");
    }
    CHECK(driver.method->survey().objections.empty());
    Driver shm("memory:tmpfs:/dev/shm");
    CHECK_FALSE(shm.method->survey().objections.empty());
}

TEST_CASE("another mount at the same place is not the one that was planned") {
    const Mount mount("tmpfs", "noswap,size=8m");
    Driver driver("memory:tmpfs:" + mount.path().string());
    static_cast<void>(driver.method->survey());
    run("mount -t tmpfs -o noswap,size=8m tmpfs '" + mount.path().string() + "'");
    const Undo undo("umount '" + mount.path().string() + "'");
    write(mount.path() / "new", marked(5000));
    try {
        static_cast<void>(driver.run());
        FAIL("it ran");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::safety);
    }
    CHECK(marks_in_file(mount.path() / "new") > 0);
}

TEST_CASE("a stop leaves a tmpfs not sanitized, and running again finishes it") {
    const Mount mount("tmpfs", "noswap,size=32m");
    for (int i = 0; i < 8; ++i) {
        write(mount.path() / std::to_string(i), marked(1000000));
    }
    Driver driver("memory:tmpfs:" + mount.path().string());
    std::stop_source stop;
    std::size_t calls = 0;
    const auto stopped = driver.run(
        [&] {
            if (++calls == 5) {
                stop.request_stop();
            }
        },
        stop.get_token());
    CHECK(stopped.verdict == Verdict::not_sanitized);
    CHECK_FALSE(fs::is_empty(mount.path()));
    const auto outcome = driver.run();
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(fs::is_empty(mount.path()));
}

TEST_CASE("a file that appears during the run keeps the mount from being sanitized") {
    const Mount mount("tmpfs", "noswap,size=8m");
    write(mount.path() / "a", marked(5000));
    Driver driver("memory:tmpfs:" + mount.path().string());
    const auto outcome = driver.run([&] { write(mount.path() / "late", marked(5000)); });
    CHECK(outcome.verdict == Verdict::not_sanitized);
    CHECK(std::string(control(outcome.record, "empty")) == "fail");
}

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
    CHECK(erased.record.at("passes")[0].at("bytesWritten") == 64U << 20U);
    CHECK(erased.record.at("verification").at("bytesCompared") == 64U << 20U);
    CHECK(std::string(control(erased.record, "no-signature")) == "pass");
    CHECK(run("blkid -p -s TYPE -o value " + loop.device() + " || true").empty());
    require_keys(erased.record);
    // A second time there is nothing that says it was swap.
    CHECK(joined(swap.method->survey().objections).find("swap signature") != std::string::npos);
}

TEST_CASE("a device that is no swap area, or is used for something else, is not taken for one") {
    const Loop loop("64M");
    Driver swap("memory:swap:" + loop.device());
    CHECK_FALSE(swap.method->survey().objections.empty());
    run("mkfs.ext4 -q " + loop.device());
    CHECK(joined(swap.method->survey().objections).find("ext4") != std::string::npos);
    run("mkswap -q -f " + loop.device());
    CHECK(swap.method->survey().objections.empty());
    const auto fd = efface::open_file(loop.device(), O_RDONLY | O_EXCL);
    // Held exclusively between the look and the run: the run can not open it.
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
        const auto refused = driver.run();  // open without O_EXCL: only the reset finds it
        CHECK(refused.verdict == Verdict::not_sanitized);
        CHECK(run("cat /sys/block/" + name + "/disksize") == "16777216");
    }
    {
        const auto fd = efface::open_file("/dev/" + name, O_RDONLY | O_EXCL);
        const auto refused = driver.run();
        CHECK(refused.verdict == Verdict::not_sanitized);
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
        CHECK(joined(driver.method->survey().objections).find("mounted") != std::string::npos);
        CHECK_THROWS_AS(driver.run(), Error);
    }
    run("mkswap -q -f /dev/" + name + " && swapon /dev/" + name);
    CHECK(joined(driver.method->survey().objections).find("swap") != std::string::npos);
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
    CHECK(in_place.record.at("passes")[0].at("bytesWritten") == kHuge);  // not the hole
    write(mount.outside() / "x", "");
    Driver driver("memory:hugetlbfs:" + mount.path().string());
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(fs::is_empty(mount.path()));
    CHECK(std::string(control(outcome.record, "no-pages")) == "pass");
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
    CHECK(outcome.record.at("passes")[0].at("bytesWritten") == survey.size_bytes);
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
    }
    efface::inventory::SystemView view;

  private:
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
    CHECK(joined(outcome.exceptions).find("128 8") != std::string::npos);
}

TEST_CASE("persistent memory in sector mode is refused: an overwrite misses the old block") {
    const Loop loop("16M");
    run("yes " + kMark + " | dd of=" + loop.device() +
        " bs=1M count=16 iflag=fullblock oflag=direct status=none");
    const FakePmem machine(loop);
    Driver by_name("memory:pmem:pmem1s", machine.view);
    CHECK(joined(by_name.method->survey().objections).find("BTT") != std::string::npos);
    CHECK_THROWS_AS(by_name.run(), Error);
    write(machine.view.sysfs / "block/pmem0/device/holder_class", "btt\n");
    Driver by_class("memory:pmem:pmem0", machine.view);
    CHECK(joined(by_class.method->survey().objections).find("BTT") != std::string::npos);
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

// SPDX-License-Identifier: Apache-2.0
// File systems in memory of the running kernel.
#include "live.hpp"

namespace fs = std::filesystem;
using efface::Error;
using efface::ErrorCode;
using efface::ReasonCode;
using namespace efface::test;

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
    const auto written = outcome.record.at("passes").at(0).at("bytesWritten").get<std::uint64_t>();
    CHECK((written == 26U * 4096 || written == 27U * 4096));
    CHECK(outcome.record.at("verification").at("bytesCompared") == written);
    CHECK(outcome.record.at("verification").at("result") == "pass");
    CHECK(std::string(control(outcome.record, "empty")) == "pass");
    CHECK(std::string(control(outcome.record, "no-pages")) == "pass");
    require_keys(outcome.record);
}

TEST_CASE("a large file is compared behind the writes, every byte of it and each once") {
    constexpr std::size_t kBytes = (std::size_t{9} << 20U) + 5;
    const Mount mount("tmpfs", "noswap,size=16m");
    const fs::path path = mount.path() / "large";
    write(path, marked(kBytes));
    Driver driver("memory:tmpfs:" + mount.path().string());
    std::size_t left = 0;
    const auto outcome = driver.run([&] { left = marks_in_file(path); });
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(left == 0);  // at the last report, when the file was still there
    constexpr std::uint64_t kWholePages = (kBytes + 4095) / 4096 * 4096;
    CHECK(outcome.record.at("passes").at(0).at("bytesWritten") == kWholePages);
    CHECK(outcome.record.at("verification").at("bytesCompared") == kWholePages);
    CHECK(outcome.record.at("verification").at("mismatches") == 0);
    CHECK(driver.progressed == 2 * kWholePages);
    CHECK(fs::is_empty(mount.path()));
}

TEST_CASE("a large file is let go of when the run is stopped, or something fails beside it") {
    const Mount mount("tmpfs", "noswap,size=16m");
    write(mount.path() / "large", marked(std::size_t{12} << 20U));
    Driver driver("memory:tmpfs:" + mount.path().string());
    unsigned looks = 0;
    SECTION("stopped in the middle") {
        std::stop_source stop;
        const auto outcome = driver.run([&] { looks++ == 3 ? (void)stop.request_stop() : void(); },
                                        stop.get_token());
        CHECK(outcome.verdict == Verdict::not_sanitized);
    }
    SECTION("the writing thread fails") {
        const auto outcome = driver.run([&] {
            if (looks++ == 3) {
                throw Error(ErrorCode::internal, "out of descriptors");
            }
        });
        CHECK(outcome.verdict == Verdict::not_sanitized);
        CHECK(joined(outcome.reasons).find("out of descriptors") != std::string::npos);
    }
    CHECK(looks > 3);
    CHECK(fs::file_size(mount.path() / "large") == std::size_t{12} << 20U);
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
    // With the pattern, like the rest, and not only with the zeros of a truncation.
    CHECK(outcome.record.at("passes").at(0).at("bytesWritten") == 4096);
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
        return survey.objections;
    };
    {
        const auto fd = efface::open_file(path, O_RDONLY);
        CHECK(has(refused(), ReasonCode::opened));
    }
    {
        auto fd = efface::open_file(path, O_RDONLY);
        void* page = ::mmap(nullptr, 4096, PROT_READ, MAP_SHARED, fd.get(), 0);
        REQUIRE(page != MAP_FAILED);
        fd.reset();
        CHECK(has(refused(), ReasonCode::opened));
        ::munmap(page, 4096);
    }
    {
        // Opened and unlinked: no name leads to it any more.
        const auto fd = efface::open_file(mount.path() / "nameless", O_RDWR | O_CREAT);
        fs::remove(mount.path() / "nameless");
        CHECK(has(driver.method->survey().objections, ReasonCode::opened));
    }
    const fs::path here = fs::current_path();
    fs::current_path(mount.path());
    const auto objections = driver.method->survey().objections;
    fs::current_path(here);
    CHECK(has(objections, ReasonCode::opened));
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
        CHECK(has(driver.method->survey().objections, ReasonCode::mounted));
    }
    {
        const fs::path bound = mount.outside() / "bound";
        fs::create_directory(bound);
        run("mount --bind '" + mount.path().string() + "' '" + bound.string() + "'");
        const Undo undo("umount '" + bound.string() + "'");
        CHECK(has(driver.method->survey().objections, ReasonCode::mounted));
        CHECK(joined(driver.method->survey().objections).find(bound.string()) != std::string::npos);
    }
    {
        run("truncate -s 1M '" + (mount.path() / "image").string() + "'");
        const std::string loop =
            run("losetup -f --show '" + (mount.path() / "image").string() + "'");
        const Undo undo("losetup -d " + loop);
        CHECK(has(driver.method->survey().objections, ReasonCode::loop_backing));
    }
    {
        run("mount -o remount,ro '" + mount.path().string() + "'");
        CHECK(has(driver.method->survey().objections, ReasonCode::read_only));
        run("mount -o remount,rw '" + mount.path().string() + "'");
    }
    CHECK(driver.method->survey().objections.empty());
    Driver shm("memory:tmpfs:/dev/shm");
    bool refused = false;
    try {
        refused = !shm.method->survey().objections.empty();
    } catch (const Error& error) {
        refused = error.reason() == ReasonCode::hidden_mount;  // some machines mount it twice
    }
    CHECK(refused);
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

TEST_CASE("what a job left is told from what was written since") {
    const Mount mount("tmpfs", "noswap,size=8m");
    const fs::path path = mount.path() / "data";
    write(path, marked(10001));
    Driver file("memory:file:" + path.string());
    const auto began = [&](const Driver& driver) {
        efface::method::MemoryBegan state;
        state.identity = driver.method->survey().identity;
        state.keys.emplace_back(efface::ByteView(efface::Bytes(32, 0x42)));
        return state;
    };
    CHECK_FALSE(file.method->as_left(began(file)));
    CHECK(file.run().verdict == Verdict::sanitized);
    CHECK(file.method->as_left(began(file)));
    auto other = began(file);
    other.keys.emplace_back(efface::ByteView(efface::Bytes(32, 0x43)));
    CHECK_FALSE(file.method->as_left(other));
    other = began(file);
    other.identity["inode"] = 4711;
    CHECK_FALSE(file.method->as_left(other));
    other = began(file);
    other.keys.clear();
    CHECK_FALSE(file.method->as_left(other));
    Driver tree("memory:tmpfs:" + mount.path().string());
    CHECK_FALSE(tree.method->as_left(began(tree)));
    const auto emptied = [&] {
        const auto outcome = tree.run();
        CHECK(outcome.verdict == Verdict::sanitized);
        auto state = began(tree);
        state.left = outcome.record.at("identityAfter");
        return state;
    };
    auto state = emptied();
    CHECK(tree.method->as_left(state));
    CHECK_FALSE(tree.method->as_left(began(tree)));  // nothing says when it was left
    fs::create_directory(mount.path() / "new");
    CHECK_FALSE(tree.method->as_left(state));
    fs::remove(mount.path() / "new");
    CHECK_FALSE(tree.method->as_left(state));  // what was in it was not overwritten
    state = emptied();
    {
        // Removed, but its content is still there.
        const auto fd = efface::open_file(mount.path() / "nameless", O_RDWR | O_CREAT);
        REQUIRE(::write(fd.get(), kMark.data(), kMark.size()) > 0);
        fs::remove(mount.path() / "nameless");
        CHECK_FALSE(tree.method->as_left(state));
    }
    state = emptied();
    CHECK(tree.method->as_left(state));
    run("mount -t tmpfs -o noswap,size=8m tmpfs '" + mount.path().string() + "'");
    const Undo undo("umount '" + mount.path().string() + "'");
    CHECK_FALSE(tree.method->as_left(state));
}

TEST_CASE("a file that a killed job left whole pages long is still its file, and gets its size") {
    const Mount mount("tmpfs", "noswap,size=8m");
    const fs::path path = mount.path() / "data";
    write(path, marked(10001));
    Driver first("memory:file:" + path.string());
    const auto survey = first.method->survey();
    fs::resize_file(path, 12288);
    Driver fresh("memory:file:" + path.string());
    CHECK(fresh.method->survey().identity != survey.identity);
    Driver second("memory:file:" + path.string());
    efface::method::MemoryBegan began;
    began.identity = survey.identity;
    second.method->began_with(std::move(began));
    CHECK(second.method->survey().identity == survey.identity);
    CHECK(second.run().verdict == Verdict::sanitized);
    CHECK(fs::file_size(path) == 10001);
    CHECK(marks_in_file(path) == 0);
}

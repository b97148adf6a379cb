// SPDX-License-Identifier: Apache-2.0
// FIEMAP on file systems that the test makes, compared with filefrag(8) where it says the same.
#include <fcntl.h>
#include <unistd.h>

#include "efface/base/file.hpp"
#include "efface/device/linux_target.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::device::blocks_moved;
using efface::device::ExtentReport;

namespace {

class FileSystem final {
  public:
    explicit FileSystem(const std::string& type, const std::string& options = "")
        : image_((make_file(folder_ / "image", 320 * kMiB), folder_ / "image")),
          mount_((require("mkfs." + type + " -q " + options + " " + image_.string()),
                  "-o loop " + image_.string()),
                 folder_ / "mounted") {}
    [[nodiscard]] fs::path operator/(const std::string& name) const { return mount_ / name; }

  private:
    ScratchFolder folder_;
    fs::path image_;
    Mount mount_;
};

ExtentReport report_of(const fs::path& file) {
    const efface::UniqueFd fd(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    REQUIRE(fd);
    return efface::device::extents_of(fd.get());
}

}  // namespace

TEST_CASE("a plain file on ext4 has its own written extents") {
    const FileSystem ext4("ext4");
    write_bytes(ext4 / "file", 4 * kMiB, 0x55);
    const ExtentReport report = report_of(ext4 / "file");
    CHECK(report.supported);
    CHECK(report.filesystem == "ext4");
    CHECK_FALSE(report.copy_on_write);
    CHECK_FALSE(report.remote);
    CHECK_FALSE(report.memory);
    CHECK(report.shared_count == 0);
    CHECK(report.unwritten_count == 0);
    CHECK(report.encoded_count == 0);
    const std::string tool = output_of("filefrag " + (ext4 / "file").string());
    CHECK(tool.find(": " + std::to_string(report.extent_count) + " extent") != std::string::npos);
    CHECK_FALSE(report.extents.empty());
}

TEST_CASE("space that was only reserved is unwritten") {
    const FileSystem ext4("ext4");
    require("fallocate -l 1M " + (ext4 / "file").string());
    const ExtentReport report = report_of(ext4 / "file");
    CHECK(report.extent_count >= 1);
    CHECK(report.unwritten_count == report.extent_count);
}

TEST_CASE("a hole is no extent, and an empty file has none") {
    const FileSystem ext4("ext4");
    make_file(ext4 / "sparse", kMiB);
    make_file(ext4 / "empty", 0);
    CHECK(report_of(ext4 / "sparse").supported);
    CHECK(report_of(ext4 / "sparse").extent_count == 0);
    CHECK(report_of(ext4 / "empty").extent_count == 0);
}

TEST_CASE("a file in more extents than one call returns is counted whole") {
    const FileSystem ext4("ext4", "-b 1024");
    {
        // Every second kilobyte is a hole.
        const efface::UniqueFd fd(
            ::open((ext4 / "file").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        const efface::Bytes kilobyte(1024, 0x55);
        for (off_t i = 0; i < 800; ++i) {
            REQUIRE(::pwrite(fd.get(), kilobyte.data(), kilobyte.size(), i * 2048) == 1024);
        }
    }
    CHECK(report_of(ext4 / "file").extent_count == 800);
}

TEST_CASE("writing in place on ext4 keeps the layout, rewriting the file does not") {
    const FileSystem ext4("ext4");
    write_bytes(ext4 / "file", kMiB, 0x55);
    const auto before = report_of(ext4 / "file").extents;
    require("dd if=/dev/urandom bs=64k count=16 conv=notrunc,fsync of=" + (ext4 / "file").string());
    CHECK_FALSE(blocks_moved(before, report_of(ext4 / "file").extents));
    require("cp " + (ext4 / "file").string() + " " + (ext4 / "copy").string() + " && mv " +
            (ext4 / "copy").string() + " " + (ext4 / "file").string());
    CHECK(blocks_moved(before, report_of(ext4 / "file").extents));
}

TEST_CASE("a hole that is filled moves nothing") {
    const FileSystem ext4("ext4");
    make_file(ext4 / "file", kMiB);
    require("dd if=/dev/urandom bs=64k count=1 seek=4 conv=notrunc,fsync of=" +
            (ext4 / "file").string());
    const auto before = report_of(ext4 / "file").extents;
    REQUIRE(before.size() == 1);
    require("dd if=/dev/urandom bs=64k count=16 conv=notrunc,fsync of=" + (ext4 / "file").string());
    CHECK_FALSE(blocks_moved(before, report_of(ext4 / "file").extents));
}

TEST_CASE("a small inline file is encoded") {
    const FileSystem ext4("ext4", "-O inline_data -I 256");
    write_bytes(ext4 / "file", 40, 0x55);
    const ExtentReport report = report_of(ext4 / "file");
    CHECK(report.supported);
    CHECK(report.encoded_count == 1);
}

TEST_CASE("xfs writes in place until a reflink shares the extents") {
    const FileSystem xfs("xfs");
    write_bytes(xfs / "file", kMiB, 0x55);
    const ExtentReport alone = report_of(xfs / "file");
    CHECK(alone.supported);
    CHECK(alone.filesystem == "xfs");
    CHECK_FALSE(alone.copy_on_write);
    CHECK(alone.shared_count == 0);
    require("cp --reflink=always " + (xfs / "file").string() + " " + (xfs / "copy").string());
    const ExtentReport shared = report_of(xfs / "file");
    CHECK(shared.shared_count > 0);
    CHECK_FALSE(shared.copy_on_write);
}

TEST_CASE("btrfs copies on write unless the file is marked NOCOW") {
    const FileSystem btrfs("btrfs");
    write_bytes(btrfs / "file", kMiB, 0x55);
    const ExtentReport report = report_of(btrfs / "file");
    CHECK(report.supported);
    CHECK(report.filesystem == "btrfs");
    CHECK(report.copy_on_write);
    CHECK(report.shared_count == 0);
    make_file(btrfs / "nocow", 0);
    require("chattr +C " + (btrfs / "nocow").string());
    require("dd if=/dev/urandom bs=64k count=16 conv=notrunc of=" + (btrfs / "nocow").string());
    CHECK_FALSE(report_of(btrfs / "nocow").copy_on_write);
}

TEST_CASE("btrfs shows reflinks, and moves blocks that are written again") {
    const FileSystem btrfs("btrfs");
    write_bytes(btrfs / "file", kMiB, 0x55);
    const auto before = report_of(btrfs / "file").extents;
    require("dd if=/dev/urandom bs=64k count=16 conv=notrunc,fsync of=" +
            (btrfs / "file").string());
    CHECK(blocks_moved(before, report_of(btrfs / "file").extents));
    require("cp --reflink=always " + (btrfs / "file").string() + " " + (btrfs / "copy").string());
    CHECK(report_of(btrfs / "file").shared_count > 0);
}

TEST_CASE("overlay is copy on write, and tmpfs is memory") {
    ScratchFolder folder;
    const Mount memory("-t tmpfs tmpfs", folder / "memory");
    write_bytes(memory / "file", kMiB, 0x55);
    CHECK(report_of(memory / "file").memory);
    CHECK_FALSE(report_of(memory / "file").supported);
    require("mkdir " + (memory / "lower").string() + " " + (memory / "upper").string() + " " +
            (memory / "work").string());
    if (run("grep -qw overlay /proc/filesystems || modprobe overlay") != 0) {
        WARN("this kernel has no overlay file system");
        return;
    }
    const Mount overlay("-t overlay overlay -o lowerdir=" + (memory / "lower").string() +
                            ",upperdir=" + (memory / "upper").string() +
                            ",workdir=" + (memory / "work").string(),
                        folder / "merged");
    write_bytes(overlay / "file", 4096, 0x55);
    CHECK(report_of(overlay / "file").filesystem == "overlay");
    CHECK(report_of(overlay / "file").copy_on_write);
}

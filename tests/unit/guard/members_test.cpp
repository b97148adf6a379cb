// SPDX-License-Identifier: Apache-2.0
// What is on a target, from images that the tools of others made, and which of it must be
// named before it is torn.
#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "efface/guard/contents.hpp"

#include "catch.hpp"
#include "recorded_machine.hpp"

using namespace efface;
using guard::Content;

namespace {

bool made(const std::string& command) {
    return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

std::vector<Content> contents(const std::filesystem::path& file) {
    return guard::contents_of(inventory::identify(file));
}

const Content* find(const std::vector<Content>& all, const std::string& type) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const Content& one) { return one.type == type; });
    return found == all.end() ? nullptr : &*found;
}

Content member(const char* uuid, const char* label) {
    return {"sda", "linux_raid_member", uuid, label, {}, true};
}

}  // namespace

TEST_CASE("the plan says which file system stands there and where it was mounted last") {
    const test::ScratchFolder scratch;
    const auto file = scratch.path() / "a.img";
    if (!made("truncate -s 8M " + file.string()) ||
        !made("mkfs.ext4 -q -L data -U 01234567-89AB-cdef-0123-456789abcdef -M /srv/pg " +
              file.string())) {
        return;  // no mkfs.ext4 here
    }
    const auto all = contents(file);
    const auto* ext4 = find(all, "ext4");
    REQUIRE(ext4 != nullptr);
    CHECK(ext4->label == "data");
    CHECK(ext4->uuid == "01234567-89ab-cdef-0123-456789abcdef");
    CHECK(ext4->last_mounted == "/srv/pg");
    CHECK_FALSE(ext4->member);
    CHECK(guard::to_json(all).at(0).at("lastMounted") == "/srv/pg");
}

TEST_CASE("a file system on several devices makes each of them a member") {
    const test::ScratchFolder scratch;
    const auto one = (scratch.path() / "one.img").string();
    const auto two = (scratch.path() / "two.img").string();
    if (!made("truncate -s 128M " + one + " " + two) || !made("mkfs.btrfs -q " + one + " " + two)) {
        return;  // no mkfs.btrfs here
    }
    for (const auto& file : {one, two}) {
        const auto all = contents(file);
        const auto* btrfs = find(all, "btrfs");
        REQUIRE(btrfs != nullptr);
        CHECK(btrfs->member);
        CHECK(guard::unreleased_members(all, {}).size() == 1);
        CHECK(guard::unreleased_members(all, {btrfs->uuid}).empty());
    }
    if (made("mkfs.btrfs -q -f " + one)) {
        CHECK_FALSE(find(contents(one), "btrfs")->member);
    }
}

TEST_CASE("partition tables and old superblocks are told, too") {
    const test::ScratchFolder scratch;
    const auto file = (scratch.path() / "a.img").string();
    if (!made("truncate -s 16M " + file) || !made("echo 'label: gpt' | sfdisk -q " + file)) {
        return;  // no sfdisk here
    }
    CHECK(find(contents(file), "gpt") != nullptr);
    CHECK(guard::unreleased_members(contents(file), {}).empty());
}

TEST_CASE("an empty file has no contents") {
    const test::ScratchFolder scratch;
    const auto file = scratch.path() / "a.img";
    REQUIRE(made("truncate -s 1M " + file.string()));
    CHECK(contents(file).empty());
}

TEST_CASE("a member is released by its UUID in any form or by its exact label") {
    const std::vector<Content> all = {member("0123abcd:4567ef01", "host:0")};
    CHECK(guard::unreleased_members(all, {}).size() == 1);
    CHECK(guard::unreleased_members(all, {}).front().code == ReasonCode::member);
    CHECK(guard::unreleased_members(all, {"0123ABCD4567EF01"}).empty());
    CHECK(guard::unreleased_members(all, {"0123abcd-4567ef01"}).empty());
    CHECK(guard::unreleased_members(all, {"host:0"}).empty());
    CHECK(guard::unreleased_members(all, {"HOST:0"}).size() == 1);
    CHECK(guard::unreleased_members(all, {"linux_raid_member"}).size() == 1);
    const std::vector<Content> nameless = {member("", "")};
    CHECK(guard::unreleased_members(nameless, {"linux_raid_member"}).empty());
    const std::vector<Content> two = {member("aa", ""), member("bb", "")};
    CHECK(guard::unreleased_members(two, {"aa"}).size() == 1);
}

TEST_CASE("what others need is named before it is torn: generated superblocks") {
    // The marks of each: libblkid/src/superblocks of util-linux, bcachefs_format.h of bcachefs.
    struct Row {
        const char* type;
        std::uint64_t at;
        std::string mark;
        bool member;
        const char* words;
    };
    const std::string bcachefs_old =
        "\xc6\x85\x73\xf6\x4e\x1a\x45\xca\x82\x65\xf5\x7f\x48\xba\x6d\x81";
    const std::string bcachefs_new =
        "\xc6\x85\x73\xf6\x66\xce\x90\xa9\xd9\x6a\x60\xcf\x80\x3d\xf7\xef";
    const std::string one_device(1, '\1');
    const std::string two_devices(1, '\2');
    const std::string gap(123 - 24 - 16, '\0');
    const std::string scoutfs = "\x8b\x42\x3c\x10" + std::string(40, '\0');
    const auto row = GENERATE_REF(
        Row{"bcachefs", 4096 + 24, bcachefs_old + gap + one_device, false, ""},
        Row{"bcachefs", 4096 + 24, bcachefs_new + gap + one_device, false, ""},
        Row{"bcachefs", 4096 + 24, bcachefs_new + gap + two_devices, true, "several devices"},
        Row{"scoutfs_data", 0x10004, scoutfs, true, "other hosts"},
        Row{"scoutfs_meta", 0x10004, scoutfs + '\1', true, "other hosts"});
    const test::ScratchFolder scratch;
    const auto file = scratch.path() / "a.img";
    std::string image(1U << 20U, '\0');
    image.replace(row.at, row.mark.size(), row.mark);
    std::ofstream(file, std::ios::binary) << image;
    const auto all = contents(file);
    const auto* found = find(all, row.type);
    REQUIRE(found != nullptr);
    CHECK(all.size() == 1);
    CHECK(found->member == row.member);
    CHECK(guard::to_text(*found).find(row.words) != std::string::npos);
    CHECK(guard::unreleased_members(all, {}).size() == (row.member ? 1U : 0U));
    CHECK(guard::unreleased_members(all, {found->name()}).empty());
}

TEST_CASE("journals of other devices and file systems of other hosts are members: real ones") {
    struct Row {
        const char* type;
        const char* make;
        const char* words;
    };
    const auto row = GENERATE(
        Row{"jbd", "mke2fs -q -b 4096 -O journal_dev ", "another device"},
        Row{"ocfs2", "mkfs.ocfs2 -q -F -T mail --fs-feature-level=max-compat ", "other hosts"},
        Row{"gfs2", "mkfs.gfs2 -q -O -p lock_nolock -j 1 -J 8 ", "other hosts"});
    const test::ScratchFolder scratch;
    const auto file = (scratch.path() / "a.img").string();
    if (!made("truncate -s 256M " + file) || !made(row.make + file)) {
        return;  // no such tool here
    }
    const auto all = contents(file);
    const auto* found = find(all, row.type);
    REQUIRE(found != nullptr);
    CHECK(found->member);
    CHECK(guard::to_text(*found).find(row.words) != std::string::npos);
    CHECK(guard::unreleased_members(all, {}).size() == 1);
}

TEST_CASE("a file says how many names lose its content") {
    const test::ScratchFolder scratch;
    const auto file = scratch.path() / "a";
    std::ofstream(file) << "content";
    CHECK(contents(file).empty());
    std::filesystem::create_hard_link(file, scratch.path() / "b");
    const auto all = contents(file);
    REQUIRE(all.size() == 1);
    CHECK(guard::to_text(all.front()) == "the content of a under 2 names (hard links)");
    CHECK(guard::unreleased_members(all, {}).empty());
}

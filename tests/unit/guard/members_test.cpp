// SPDX-License-Identifier: Apache-2.0
// What is on a target, from images that the tools of others made, and which of it must be
// named before it is torn.
#include <algorithm>
#include <cstdlib>

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

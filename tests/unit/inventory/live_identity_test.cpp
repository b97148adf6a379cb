// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <thread>

#include "efface/base/error.hpp"
#include "efface/guard/users.hpp"
#include "efface/inventory/list.hpp"

#include "catch.hpp"
#include "live_machine.hpp"

using namespace efface;
using inventory::identify;
using inventory::Kind;
using inventory::probe_signature;
using inventory::Signature;
using test::Loop;
using test::make_file;
using test::run;
using test::ScratchFolder;

namespace {

constexpr std::uintmax_t kMiB = std::uintmax_t{1} << 20U;
constexpr const char* kUuid = "0f4d5e6b-7c81-4e9c-8f0a-7b1d4c589a55";

ErrorCode refusal_of(const std::filesystem::path& path) {
    try {
        static_cast<void>(identify(path));
    } catch (const Error& error) {
        return error.code();
    }
    return ErrorCode::internal;
}

std::filesystem::path make_luks(const ScratchFolder& scratch, const std::string& options) {
    const auto file = make_file(scratch.path(), "luks.img", 32 * kMiB);
    std::ofstream{scratch.path() / "key"} << "passphrase";
    run("cryptsetup luksFormat -q --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid " +
        std::string{kUuid} + " " + options + " '" + file.string() + "' '" +
        (scratch.path() / "key").string() + "'");
    return file;
}

/// Asks every device; one of them is to be left alone, another never answers.
class Questions final : public inventory::DiskQuestions {
  public:
    explicit Questions(std::string left, std::string silent = {})
        : left_(std::move(left)), silent_(std::move(silent)) {}
    void look_at(const std::vector<inventory::Identity>& all) override {
        for (const auto& identity : all) {
            paths_.push_back(identity.path);
        }
        told.resize(all.size());
    }
    [[nodiscard]] bool asks(std::size_t i) const override {
        return paths_.at(i).starts_with("/dev/loop");
    }
    [[nodiscard]] Answer ask(std::size_t i) const override {
        if (paths_.at(i) == silent_) {
            ::pause();
        }
        return {paths_.at(i), paths_.at(i) == left_ ? "it is busy" : ""};
    }
    void take(std::size_t i, const Json& json) override { told.at(i) = json.get<std::string>(); }
    void give_up(std::size_t i, const std::string& why) override { told.at(i) = why; }

    std::vector<std::string> told;

  private:
    std::string left_;
    std::string silent_;
    std::vector<std::string> paths_;
};

}  // namespace

TEST_CASE("a loop device is identified as the system's tools see it") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", 3 * kMiB);
    const Loop loop{file, "--sector-size 4096"};
    std::filesystem::create_symlink(loop.path(), scratch.path() / "alias");
    const auto identity = identify(scratch.path() / "alias");
    CHECK(identity.path == (scratch.path() / "alias").string());
    CHECK(identity.canonical_path == loop.path());
    CHECK(identity.kind == Kind::loop);
    CHECK(std::to_string(identity.size_bytes) == run("blockdev --getsize64 " + loop.path()));
    CHECK(std::to_string(identity.logical_block_bytes) == run("blockdev --getss " + loop.path()));
    CHECK(identity.backing_file == file.string());
    CHECK(identity.transport == "loop");
    CHECK_FALSE(identity.read_only);
}

TEST_CASE("the file below a loop device is known under whatever name it has") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", 3 * kMiB);
    const auto below = identify(file);
    const auto check = [&](const Loop& loop, std::uint64_t offset) {
        const auto identity = identify(loop.path());
        REQUIRE(identity.backing);
        CHECK(identity.backing->inode == below.inode);
        CHECK(identity.backing->major == below.major);
        CHECK(identity.backing->minor == below.minor);
        CHECK(identity.backing->birth_time == below.birth_time);
        CHECK(identity.backing->offset_bytes == offset);
        CHECK(to_json(identity).at("backing").at("inode") == std::to_string(below.inode));
    };
    const Loop loop{file};
    check(loop, 0);
    std::filesystem::rename(file, scratch.path() / "b.img");
    check(loop, 0);
    check(Loop{scratch.path() / "b.img", "--offset 4096"}, 4096);
    std::filesystem::remove(scratch.path() / "b.img");
    const auto orphan = identify(loop.path());  // its file has no name that leads there
    REQUIRE(orphan.backing);
    CHECK(orphan.backing->inode == below.inode);
    CHECK(orphan.backing->birth_time.empty());
}

TEST_CASE("the disk sequence tells two attachments of one loop device apart") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", kMiB);
    std::optional<std::uint64_t> first;
    {
        const Loop loop{file};
        first = identify(loop.path()).disk_sequence;
    }
    const Loop again{file};
    REQUIRE(first);
    CHECK(identify(again.path()).disk_sequence != first);
}

TEST_CASE("a file is identified by file system and inode") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", 3 * kMiB);
    const auto identity = identify(file);
    CHECK(identity.kind == Kind::file);
    CHECK(identity.size_bytes == 3 * kMiB);
    CHECK(std::to_string(identity.inode) == run("stat -c %i '" + file.string() + "'"));
    CHECK(std::to_string(identity.minor) == run("stat -c %Ld '" + file.string() + "'"));
}

TEST_CASE("what is no storage is refused as wrong use") {
    const ScratchFolder scratch;
    CHECK(refusal_of(scratch.path() / "missing") == ErrorCode::usage);
    CHECK(refusal_of(scratch.path()) == ErrorCode::usage);
    CHECK(refusal_of("/dev/null") == ErrorCode::usage);
    std::filesystem::create_symlink("loop", scratch.path() / "loop");
    CHECK(refusal_of(scratch.path() / "loop") == ErrorCode::usage);
}

TEST_CASE("libblkid's answer carries type, UUID, label and usage") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "fs.img", 8 * kMiB);
    run("mkfs.ext4 -q -L pg-data -U " + std::string{kUuid} + " '" + file.string() + "'");
    const Signature found = probe_signature(file);
    CHECK(found.code == 0);
    CHECK(found.type == "ext4");
    CHECK(found.uuid == kUuid);
    CHECK(found.label == "pg-data");
    CHECK(found.usage == "filesystem");
    CHECK_FALSE(found.ambiguous);
}

TEST_CASE("a LUKS volume is recognised in either version") {
    const ScratchFolder scratch;
    for (const char* version : {"luks1", "luks2"}) {
        const Signature found =
            probe_signature(make_luks(scratch, std::string{"--type "} + version));
        CHECK(found.code == 0);
        CHECK(found.type == "crypto_LUKS");
        CHECK(found.uuid == kUuid);
        CHECK(found.usage == "crypto");
    }
}

TEST_CASE("empty storage has no signature") {
    const ScratchFolder scratch;
    const Signature found = probe_signature(make_file(scratch.path(), "a.img", kMiB));
    CHECK(found.code == 1);
    CHECK(found.type.empty());
}

TEST_CASE("a signature is looked for from the offset on") {
    const ScratchFolder scratch;
    const auto inner = make_file(scratch.path(), "fs.img", 8 * kMiB);
    run("mkfs.ext4 -q '" + inner.string() + "'");
    const auto file = make_file(scratch.path(), "disk.img", 16 * kMiB);
    run("dd if='" + inner.string() + "' of='" + file.string() +
        "' bs=1M seek=4 conv=notrunc status=none");
    CHECK(probe_signature(file).code == 1);
    CHECK(probe_signature(file, 4 * kMiB).type == "ext4");
}

TEST_CASE("contradicting signatures are ambiguous, not one of them") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "fs.img", 8 * kMiB);
    run("mkfs.ext4 -q '" + file.string() + "'");
    // The magic of a Minix file system version 3 is at 1048 and fits beside nothing; that of
    // romfs at 0 leaves the ext4 superblock at 1024 whole.
    run("printf -- '-rom1fs-\\000\\020\\000\\000\\000\\000\\000\\000' | dd of='" + file.string() +
        "' conv=notrunc status=none");
    const Signature found = probe_signature(file);
    CHECK(found.ambiguous);
    CHECK(found.code == -2);
    CHECK(found.type.empty());
}

TEST_CASE("a missing file cannot be probed") {
    const ScratchFolder scratch;
    CHECK_THROWS_AS(probe_signature(scratch.path() / "missing"), Error);
}

TEST_CASE("the layers of a loop device lead through its file to the file system") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", kMiB);
    const Loop loop{file};
    const auto layers = inventory::layers_below(identify(loop.path()));
    REQUIRE(layers.size() >= 3);
    CHECK(layers[0].type == "loop");
    CHECK(layers[1].type == "file");
    CHECK(layers[1].name == file.string());
    CHECK(layers[2].type == "filesystem");
}

TEST_CASE("a file in memory says so") {
    const auto file = make_file("/dev/shm", "efface-test-" + std::to_string(::getpid()), kMiB);
    const auto layers = inventory::layers_below(identify(file));
    std::filesystem::remove(file);
    REQUIRE(layers.size() == 2);
    CHECK(layers[1].name == "tmpfs file system");
    CHECK(layers[1].note.find("memory") != std::string::npos);
}

namespace {

bool any_without_name(const std::vector<inventory::Layer>& layers) {
    return std::any_of(layers.begin(), layers.end(), [](const inventory::Layer& layer) {
        return layer.note.find("no name any more") != std::string::npos;
    });
}

bool any_unknown(const std::vector<inventory::Layer>& layers) {
    return std::any_of(layers.begin(), layers.end(), [](const inventory::Layer& layer) {
        return layer.type == "unknown" && layer.copy_on_write;
    });
}

}  // namespace

TEST_CASE("the deleted file of a loop device is judged by the file system it lay on") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "a.img", kMiB);
    const Loop loop{file};
    CHECK_FALSE(any_unknown(inventory::layers_below(identify(loop.path()))));
    std::filesystem::remove(file);
    CHECK(any_without_name(inventory::layers_below(identify(loop.path()))));
}

TEST_CASE("another file under the name of a loop device's file is not taken for it") {
    const ScratchFolder scratch;
    std::filesystem::create_directory(scratch.path() / "other");
    const Loop loop{make_file(scratch.path() / "other", "a.img", kMiB)};
    const test::Mounted over{"tmpfs", scratch.path() / "other", "-t tmpfs"};
    make_file(scratch.path() / "other", "a.img", kMiB);
    CHECK(any_without_name(inventory::layers_below(identify(loop.path()))));
}

TEST_CASE("the file of a loop device is followed when its folder is renamed") {
    const ScratchFolder scratch;
    std::filesystem::create_directory(scratch.path() / "old");
    const Loop loop{make_file(scratch.path() / "old", "a.img", kMiB)};
    std::filesystem::rename(scratch.path() / "old", scratch.path() / "new");
    const auto layers = inventory::layers_below(identify(loop.path()));
    REQUIRE(layers.size() >= 3);
    CHECK(layers[1].name == (scratch.path() / "new/a.img").string());
    CHECK_FALSE(any_unknown(layers));
}

TEST_CASE("the list tells LUKS volumes with version, UUID and label") {
    const ScratchFolder scratch;
    for (const char* options : {"--type luks1", "--type luks2 --label pg-data"}) {
        const Loop loop{make_luks(scratch, options)};
        auto list = guard::list_storage();
        const auto find = [&] {
            return std::find_if(list.begin(), list.end(), [&](const auto& candidate) {
                return candidate.identity.path == loop.path();
            });
        };
        auto entry = find();
        // Others, as losetup of another test, look at every loop device for a moment.
        for (int again = 0; again < 50 && entry != list.end() && !entry->uses.empty(); ++again) {
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
            list = guard::list_storage();
            entry = find();
        }
        REQUIRE(entry != list.end());
        const bool second = std::string{options}.find("luks2") != std::string::npos;
        CHECK(entry->luks_version == (second ? 2 : 1));
        CHECK(entry->luks_uuid == kUuid);
        CHECK(entry->signature.type == "crypto_LUKS");
        CHECK(entry->signature.label == (second ? "pg-data" : ""));
        CHECK(test::text_of(entry->uses) == "");
    }
}

TEST_CASE("a list with signatures tells file systems too") {
    const ScratchFolder scratch;
    const auto file = make_file(scratch.path(), "fs.img", 8 * kMiB);
    run("mkfs.ext4 -q '" + file.string() + "'");
    const Loop loop{file};
    for (const bool probe : {false, true}) {
        const auto list = guard::list_storage({}, probe);
        const auto entry = std::find_if(list.begin(), list.end(), [&](const auto& candidate) {
            return candidate.identity.path == loop.path();
        });
        REQUIRE(entry != list.end());
        CHECK(entry->signature.type == (probe ? "ext4" : ""));
    }
}

TEST_CASE("of a device that is to be left alone the list reads nothing, and says why") {
    const ScratchFolder scratch;
    const ScratchFolder other;
    const Loop left{make_luks(other, "--type luks2")};
    const Loop read{make_luks(scratch, "--type luks1")};
    Questions questions(left.path());
    const auto list = guard::list_storage({}, false, &questions);
    for (std::size_t i = 0; i < list.size(); ++i) {
        const auto& entry = list[i];
        if (entry.identity.kind == Kind::loop) {
            CHECK(questions.told.at(i) == entry.identity.path);
        }
        if (entry.identity.path == left.path()) {
            CHECK(entry.luks_version == 0);
            CHECK(test::text_of(entry.uses).find("not read: it is busy") != std::string::npos);
        } else if (entry.identity.path == read.path()) {
            CHECK(entry.luks_version == 1);
        }
    }
}

TEST_CASE("a device that does not answer costs the others nothing, and is not read") {
    const ScratchFolder scratch;
    const ScratchFolder other;
    const Loop silent{make_luks(other, "--type luks2")};
    const Loop read{make_luks(scratch, "--type luks1")};
    Questions questions("", silent.path());
    // Long, so that a loaded machine reads the other one in it; the silent one takes all of it.
    const auto list = guard::list_storage({}, false, &questions, std::chrono::seconds(5));
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (list[i].identity.path == silent.path()) {
            CHECK(questions.told.at(i) == "no answer in 5 s");
            CHECK(list[i].luks_version == 0);
            CHECK(test::text_of(list[i].uses).find("not read: no answer in 5 s") !=
                  std::string::npos);
        } else if (list[i].identity.path == read.path()) {
            CHECK(list[i].luks_version == 1);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Real images, made by cryptsetup; what the library answers through the child.
#include <cerrno>

#include "efface/base/error.hpp"
#include "efface/device/luks_library.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::SecretBytes;
using efface::device::LuksLibraryProcess;
using efface::device::LuksLocation;

namespace {

LuksLibraryProcess library() {
    return LuksLibraryProcess(EFFACE_LUKS_WORKER);
}

int unlock_code(const LuksLocation& location, const std::string& passphrase) {
    return library().try_unlock(location, SecretBytes(efface::as_bytes(passphrase))).code;
}

}  // namespace

TEST_CASE("a LUKS2 header is loaded with its UUID and slots") {
    ScratchFolder folder;
    const fs::path image = folder / "image";
    make_luks(image, "luks2", "alpha", "--uuid 12345678-1234-4abc-8def-1234567890ab ");
    require("printf alpha > " + (folder / "old").string() + "; printf beta > " +
            (folder / "new").string());
    require("cryptsetup luksAddKey -q --key-slot 5" + std::string(kCheap) + "--key-file " +
            (folder / "old").string() + " " + image.string() + " " + (folder / "new").string());
    const auto answer = library().load({image, {}});
    CHECK(answer.code == 0);
    CHECK(answer.type == "LUKS2");
    CHECK(answer.uuid == "12345678-1234-4abc-8def-1234567890ab");
    CHECK(answer.keyslots == std::vector<int>{0, 5});
    CHECK(answer.reencryption == "none");
    CHECK(unlock_code({image, {}}, "alpha") == 0);
    CHECK(unlock_code({image, {}}, "beta") == 5);
    CHECK(unlock_code({image, {}}, "gamma") == -EPERM);
    CHECK(unlock_code({image, {}}, "") == -EPERM);
}

TEST_CASE("a LUKS1 header is loaded, unlocked and destroyed") {
    ScratchFolder folder;
    const fs::path image = folder / "image";
    make_luks(image, "luks1", "alpha");
    const auto answer = library().load({image, {}});
    CHECK(answer.code == 0);
    CHECK(answer.type == "LUKS1");
    CHECK(answer.keyslots == std::vector<int>{0});
    CHECK(unlock_code({image, {}}, "alpha") == 0);
    const auto destroyed = library().destroy_keyslots({image, {}});
    CHECK(destroyed.load_code == 0);
    REQUIRE(destroyed.slots.size() == 1);
    CHECK(destroyed.slots[0].status == "active-last");
    CHECK(destroyed.slots[0].code == 0);
    CHECK(library().load({image, {}}).keyslots.empty());
    // LUKS1 tells "no usable slot" from "wrong passphrase" as LUKS2 does.
    CHECK(unlock_code({image, {}}, "alpha") == -ENOENT);
    CHECK(run("printf alpha | cryptsetup open --test-passphrase --key-file - " + image.string()) !=
          0);
}

TEST_CASE("unbound slots and tokens go with the others") {
    ScratchFolder folder;
    const fs::path image = folder / "image";
    make_luks(image, "luks2", "alpha");
    require("printf beta > " + (folder / "beta").string());
    require("cryptsetup luksAddKey -q --unbound --key-slot 7 --key-size 512" + std::string(kCheap) +
            image.string() + " " + (folder / "beta").string());
    require(
        "printf '{\"type\":\"efface-test\",\"keyslots\":[\"0\"],\"x\":\"y\"}' | "
        "cryptsetup token import --token-id 3 " +
        image.string());
    // "Any slot" of the library would not try the unbound one.
    CHECK(unlock_code({image, {}}, "beta") == 7);
    CHECK(unlock_code({image, {}}, "alpha") == 0);
    const auto destroyed = library().destroy_keyslots({image, {}});
    REQUIRE(destroyed.slots.size() == 2);
    CHECK(destroyed.slots[0].slot == 0);
    CHECK(destroyed.slots[1].slot == 7);
    CHECK(destroyed.slots[1].status == "unbound");
    CHECK(destroyed.slots[1].code == 0);
    CHECK(destroyed.tokens_removed == std::vector<int>{3});
    CHECK(unlock_code({image, {}}, "alpha") == -ENOENT);
    CHECK(unlock_code({image, {}}, "beta") == -ENOENT);
    CHECK(output_of("cryptsetup luksDump " + image.string()).find("efface-test") ==
          std::string::npos);
}

TEST_CASE("a slot of priority ignore is tried too") {
    ScratchFolder folder;
    const fs::path image = folder / "image";
    make_luks(image, "luks2", "alpha");
    require("cryptsetup config --priority ignore --key-slot 0 " + image.string());
    CHECK(unlock_code({image, {}}, "alpha") == 0);
    CHECK(unlock_code({image, {}}, "beta") < 0);
}

TEST_CASE("a detached header is served with its data device") {
    ScratchFolder folder;
    const fs::path header = folder / "header";
    make_file(folder / "data", 4 * kMiB);
    make_file(header, 16 * kMiB);
    require("printf alpha | cryptsetup luksFormat -q --type luks2" + std::string(kCheap) +
            "--header " + header.string() + " --key-file - " + (folder / "data").string());
    const LuksLocation location{header, folder / "data"};
    CHECK(library().load(location).keyslots == std::vector<int>{0});
    CHECK(unlock_code(location, "alpha") == 0);
    CHECK(library().destroy_keyslots(location).slots.size() == 1);
    CHECK(unlock_code(location, "alpha") == -ENOENT);
    CHECK(read_bytes(folder / "data") == efface::Bytes(4 * kMiB, 0));
}

TEST_CASE("destroying goes on after a refusal and every key is gone") {
    ScratchFolder folder;
    const fs::path image = folder / "image";
    // Interrupted before it began: a reencrypt slot, which the library refuses to destroy.
    make_file(image, 20 * kMiB);
    require(
        "printf alpha | cryptsetup reencrypt -q --encrypt --init-only --type luks2 "
        "--reduce-device-size 16M" +
        std::string(kCheap) + "--key-file - --disable-locks " + image.string());
    const auto loaded = library().load({image, {}});
    CHECK(loaded.reencryption == "clean");
    REQUIRE(loaded.keyslots.size() == 2);
    const auto destroyed = library().destroy_keyslots({image, {}});
    REQUIRE(destroyed.slots.size() == 2);
    CHECK(destroyed.slots[0].code == 0);
    CHECK(destroyed.slots[1].code == -EINVAL);
    CHECK(unlock_code({image, {}}, "alpha") < 0);
}

TEST_CASE("something that is no LUKS header is answered, not thrown") {
    ScratchFolder folder;
    make_file(folder / "image", kMiB);
    CHECK(library().load({folder / "image", {}}).code == -EINVAL);
    CHECK(library().destroy_keyslots({folder / "image", {}}).load_code == -EINVAL);
    CHECK(unlock_code({folder / "image", {}}, "alpha") == -EINVAL);
    CHECK(library().load({folder / "none", {}}).code < 0);
}

TEST_CASE("loading does not repair the first header copy from the second") {
    ScratchFolder folder;
    const fs::path image = folder / "image";
    make_luks(image, "luks2", "alpha");
    require("dd if=/dev/zero bs=4096 count=1 conv=notrunc of=" + image.string());
    CHECK(library().load({image, {}}).code == 0);
    CHECK(unlock_code({image, {}}, "alpha") == 0);
    const efface::Bytes bytes = read_bytes(image);
    CHECK(efface::all_zero(efface::ByteView(bytes).first(4096)));
}

TEST_CASE("a path that is not UTF-8 reaches the child as it is") {
    ScratchFolder folder;
    const fs::path image = folder / "im\xff\x80'age";
    make_luks(folder / "plain", "luks2", "alpha");
    fs::rename(folder / "plain", image);
    CHECK(library().load({image, {}}).code == 0);
}

TEST_CASE("a binary key of the largest usual size unlocks") {
    ScratchFolder folder;
    const fs::path image = folder / "image";
    require("head -c 4096 /dev/urandom > " + (folder / "key").string());
    make_file(image, 20 * kMiB);
    require("cryptsetup luksFormat -q --type luks2" + std::string(kCheap) + "--key-file " +
            (folder / "key").string() + " " + image.string());
    const SecretBytes key(efface::ByteView(read_bytes(folder / "key")));
    CHECK(library().try_unlock({image, {}}, key).code == 0);
}

TEST_CASE("the library's version is what cryptsetup prints") {
    const std::string tool = output_of("cryptsetup --version");
    const std::string version = efface::device::luks_library_version();
    REQUIRE_FALSE(version.empty());
    CHECK(tool.rfind("cryptsetup " + version, 0) == 0);
    CHECK(efface::device::luks_library_version() == version);  // asked again, in one process
}

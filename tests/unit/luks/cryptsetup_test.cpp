// SPDX-License-Identifier: Apache-2.0
// Images that cryptsetup makes, in files of a scratch folder, and its own reading of them.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <regex>
#include <sstream>

#include "efface/luks/header.hpp"

#include "catch.hpp"
#include "images.hpp"

using namespace efface;
using namespace efface::test;
using luks::SlotState;

namespace {

constexpr const char* kFast = " --pbkdf pbkdf2 --pbkdf-force-iterations 1000 ";

struct PipeCloser {
    void operator()(std::FILE* pipe) const { pclose(pipe); }
};

std::string output_of(const std::string& command) {
    const std::unique_ptr<std::FILE, PipeCloser> pipe(popen((command + " 2>&1").c_str(), "r"));
    std::string result;
    std::array<char, 4096> piece{};
    while (pipe) {
        const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe.get());
        if (got == 0) {
            break;
        }
        result.append(piece.data(), got);
    }
    return result;
}

/// A folder with an image file, a passphrase file, and cryptsetup to work on them.
class Workshop final {
  public:
    explicit Workshop(unsigned mebibytes = 20) {
        if (std::system("PATH=$PATH:/usr/sbin:/sbin command -v cryptsetup >/dev/null") != 0) {
            std::cerr << "skipped: no cryptsetup on this machine\n";
            std::_Exit(77);
        }
        std::string name = (std::filesystem::temp_directory_path() / "efface-XXXXXX").string();
        REQUIRE(mkdtemp(name.data()) != nullptr);
        folder_ = name;
        std::ofstream(folder_ / "pw") << "correct horse";
        std::ofstream(folder_ / "pw2") << "battery staple";
        std::ofstream(image()).close();
        std::filesystem::resize_file(image(), std::uintmax_t{mebibytes} << 20U);
    }
    ~Workshop() { std::filesystem::remove_all(folder_); }
    Workshop(const Workshop&) = delete;
    Workshop& operator=(const Workshop&) = delete;

    [[nodiscard]] std::filesystem::path image() const { return folder_ / "image"; }
    [[nodiscard]] std::filesystem::path file(const char* name) const { return folder_ / name; }

    /// Runs in the folder; fails the test unless it succeeds.
    void run(const std::string& arguments) const {
        const std::string command = in_folder("cryptsetup -q " + arguments);
        INFO(command);
        REQUIRE(std::system((command + " >/dev/null 2>&1").c_str()) == 0);
    }
    [[nodiscard]] bool succeeds(const std::string& arguments) const {
        return std::system(
                   (in_folder("cryptsetup -q " + arguments) + " >/dev/null 2>&1").c_str()) == 0;
    }
    [[nodiscard]] std::string dump(const std::string& name = "image") const {
        return output_of(in_folder("LC_ALL=C cryptsetup luksDump " + name));
    }
    void patch(std::uint64_t offset, const std::string& bytes) const {
        std::fstream stream(image(), std::ios::in | std::ios::out | std::ios::binary);
        stream.seekp(static_cast<std::streamoff>(offset));
        stream.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
        REQUIRE(stream.good());
    }

  private:
    [[nodiscard]] std::string in_folder(const std::string& command) const {
        return "cd " + folder_.string() + " && PATH=$PATH:/usr/sbin:/sbin " + command;
    }
    std::filesystem::path folder_;
};

class FileTarget final : public device::BlockTarget {
  public:
    explicit FileTarget(const std::filesystem::path& path)
        : descriptor_(open(path.c_str(), O_RDONLY | O_CLOEXEC)),
          size_(std::filesystem::file_size(path)) {}
    ~FileTarget() override { close(descriptor_); }
    FileTarget(const FileTarget&) = delete;
    FileTarget& operator=(const FileTarget&) = delete;

    [[nodiscard]] std::uint64_t size_bytes() const override { return size_; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return 512; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        const ssize_t got =
            pread(descriptor_, into.data(), into.size(), static_cast<off_t>(offset));
        return got < 0 ? device::IoResult{0, errno}
                       : device::IoResult{static_cast<std::size_t>(got), 0};
    }
    device::IoResult write_at(std::uint64_t /*offset*/, ByteView /*from*/) override {
        return {0, EROFS};
    }
    [[nodiscard]] int flush() override { return EROFS; }

  private:
    int descriptor_;
    std::uint64_t size_;
};

luks::Header read(const std::filesystem::path& path) {
    FileTarget target(path);
    return luks::inspect(target);
}

/// Every value behind `label` in a luksDump, digits only: "Area offset:32768 [bytes]".
std::vector<std::uint64_t> numbers_behind(const std::string& dump, const std::string& label) {
    const std::regex pattern(label + R"(\s*(\d+))");
    std::vector<std::uint64_t> numbers;
    for (std::sregex_iterator it(dump.begin(), dump.end(), pattern), end; it != end; ++it) {
        numbers.push_back(std::stoull((*it)[1]));
    }
    return numbers;
}

std::string uuid_in(const std::string& dump) {
    std::smatch match;
    REQUIRE(std::regex_search(dump, match, std::regex(R"(UUID:\s*([0-9a-f-]{36}))")));
    return match[1];
}

/// What cryptsetup says of a LUKS2 image is what we read.
void compare_luks2(const std::string& dump, const luks::Header& header) {
    CHECK(header.uuid == uuid_in(dump));
    REQUIRE_FALSE(header.copies.empty());
    CHECK(numbers_behind(dump, "Metadata area:").at(0) == header.copies[0].header_bytes);
    CHECK(numbers_behind(dump, "Epoch:").at(0) == header.copies[0].sequence_id);
    CHECK(2 * numbers_behind(dump, "Metadata area:").at(0) +
              numbers_behind(dump, "Keyslots area:").at(0) ==
          header.metadata_end);
    const auto offsets = numbers_behind(dump, "Area offset:");
    const auto lengths = numbers_behind(dump, "Area length:");
    const auto key_bits = numbers_behind(dump, "Key:");
    REQUIRE(header.keyslots.size() == offsets.size());
    for (std::size_t i = 0; i < offsets.size(); ++i) {
        CHECK(header.keyslots[i].area == luks::Range{offsets[i], lengths.at(i)});
        CHECK(header.keyslots[i].key_bytes * 8 == key_bits.at(i));
    }
    const auto segments = numbers_behind(dump, R"(\n\s+offset:)");
    REQUIRE(header.segments.size() == segments.size());
    for (std::size_t i = 0; i < segments.size(); ++i) {
        CHECK(header.segments[i].offset == segments[i]);
    }
    const auto sectors = numbers_behind(dump, "sector:");
    for (std::size_t i = 0; i < sectors.size() && i < header.segments.size(); ++i) {
        CHECK(
            (header.segments[i].sector_bytes == sectors[i] || header.segments[i].type == "linear"));
    }
}

/// And so for LUKS1.
void compare_luks1(const std::string& dump, const luks::Header& header) {
    CHECK(header.uuid == uuid_in(dump));
    CHECK(header.version == 1);
    CHECK(numbers_behind(dump, "Payload offset:").at(0) * 512 == header.data_offset);
    CHECK(numbers_behind(dump, "MK bits:").at(0) == header.key_bytes * 8);
    const auto offsets = numbers_behind(dump, "Key material offset:");
    std::vector<std::uint64_t> ours;
    for (const luks::Keyslot& slot : header.keyslots) {
        if (slot.state == SlotState::active) {
            ours.push_back(slot.area.offset / 512);
        }
    }
    CHECK(ours == offsets);
}

}  // namespace

TEST_CASE("LUKS1 images in both ciphers are read as cryptsetup reads them") {
    const Workshop shop(8);
    const auto [cipher, bits, length] = GENERATE(table<std::string, std::string, std::uint64_t>(
        {{"aes-xts-plain64", "512", 256000}, {"aes-cbc-essiv:sha256", "256", 128000}}));
    shop.run("luksFormat --type luks1 --pbkdf-force-iterations 1000 -d pw -c " + cipher + " -s " +
             bits + " image");
    shop.run("luksAddKey --pbkdf-force-iterations 1000 -d pw --key-slot 5 image pw2");
    const auto header = read(shop.image());
    compare_luks1(shop.dump(), header);
    CHECK(header.intact);
    CHECK(header.segments.at(0).encryption == cipher);
    CHECK(header.keyslots.at(5).state == SlotState::active);
    CHECK(header.keyslots.at(5).area.length == length);
    CHECK(header.keyslots.at(1).state == SlotState::inactive);
    CHECK(header.gap.length == 0);
}

TEST_CASE("LUKS2 images of each header size are read as cryptsetup reads them") {
    const Workshop shop(24);
    const auto* const size =
        GENERATE("16k", "32k", "64k", "128k", "256k", "512k", "1m", "2m", "4m");
    shop.run("luksFormat --type luks2 -d pw --luks2-metadata-size " + std::string(size) + kFast +
             "image");
    const auto header = read(shop.image());
    compare_luks2(shop.dump(), header);
    CHECK(header.intact);
    CHECK(header.copies.size() == 2);
    FileTarget target(shop.image());
    const auto region = luks::metadata_region(header, target.size_bytes(), false);
    CHECK_FALSE(region.widened);
    CHECK(region.ranges == std::vector<luks::Range>{{0, *header.data_offset}});
}

TEST_CASE("slots, an unbound slot, tokens and labels are read as cryptsetup reads them") {
    const Workshop shop;
    shop.run(
        "luksFormat --type luks2 -d pw --label vol-7 --subsystem pg -c aes-cbc-essiv:sha256"
        " -s 256" +
        std::string(kFast) + "image");
    shop.run("luksAddKey -d pw --key-slot 11" + std::string(kFast) + "image pw2");
    shop.run("luksAddKey -d pw --unbound --key-slot 3 --key-size 512" + std::string(kFast) +
             "image pw2");
    shop.run("token add --key-description efface-test --key-slot 11 image");
    std::ofstream(shop.file("token.json"))
        << R"({"type":"clevis","keyslots":["0"],"jwe":{"ciphertext":"c2VjcmV0"}})";
    shop.run("token import --json-file token.json image");
    const std::string dump = shop.dump();
    const auto header = read(shop.image());
    compare_luks2(dump, header);
    CHECK(header.intact);
    REQUIRE(header.keyslots.size() == 3);
    CHECK(header.keyslots[0].state == SlotState::active);
    CHECK(header.keyslots[1].index == 3);
    CHECK(header.keyslots[1].state == SlotState::unbound);
    CHECK(dump.find("3: luks2 (unbound)") != std::string::npos);
    CHECK(header.keyslots[2].index == 11);
    CHECK(header.keyslots[2].state == SlotState::active);
    CHECK(header.copies[0].label == "vol-7");
    CHECK(header.copies[0].subsystem == "pg");
    CHECK(header.segments.at(0).encryption == "aes-cbc-essiv:sha256");
    CHECK(header.key_bytes == 32);
    REQUIRE(header.tokens.size() == 2);
    CHECK(header.tokens[0].type == "luks2-keyring");
    CHECK(header.tokens[0].keyslots == std::vector<int>{11});
    CHECK(header.tokens[1].type == "clevis");
}

TEST_CASE("an unbound slot that cryptsetup's erase leaves behind is still seen") {
    const Workshop shop;
    shop.run("luksFormat --type luks2 -d pw" + std::string(kFast) + "image");
    shop.run("luksAddKey -d pw --unbound --key-size 512" + std::string(kFast) + "image pw2");
    shop.run("erase image");
    const auto header = read(shop.image());
    REQUIRE(header.keyslots.size() == 1);
    CHECK(header.keyslots[0].state == SlotState::unbound);
    CHECK(header.digests.size() == 2);
}

TEST_CASE("a detached header of cryptsetup has data offset 0 and is intact") {
    const Workshop shop;
    shop.run("luksFormat --type luks2 -d pw --header detached" + std::string(kFast) + "image");
    const auto header = read(shop.file("detached"));
    compare_luks2(shop.dump("detached"), header);
    CHECK(header.intact);
    CHECK(header.data_offset == 0);
    CHECK_FALSE(read(shop.image()).found());
}

TEST_CASE("a header backup is the same header, by the hash of its digest too") {
    const Workshop shop;
    shop.run("luksFormat --type luks2 -d pw" + std::string(kFast) + "image");
    shop.run("luksHeaderBackup --header-backup-file backup image");
    const auto header = read(shop.image());
    const auto backup = read(shop.file("backup"));
    CHECK(backup.uuid == header.uuid);
    REQUIRE(backup.digests.size() == 1);
    CHECK(backup.digests[0].sha256 == header.digests.at(0).sha256);
    CHECK(backup.copies.at(0).sha256 == header.copies.at(0).sha256);
    shop.run("luksFormat --type luks2 -d pw" + std::string(kFast) + "image");
    CHECK(read(shop.image()).digests.at(0).sha256 != backup.digests[0].sha256);
}

TEST_CASE("a reencryption that cryptsetup began is read with its slot and requirement") {
    const Workshop shop;
    const auto* const resilience = GENERATE("journal", "checksum", "none");
    shop.run("luksFormat --type luks2 -d pw" + std::string(kFast) + "image");
    shop.run("reencrypt --init-only -d pw --resilience " + std::string(resilience) + kFast +
             "image");
    const auto header = read(shop.image());
    compare_luks2(shop.dump(), header);
    CHECK(header.requirements == std::vector<std::string>{"online-reencrypt-v2"});
    REQUIRE(header.keyslots.size() == 3);
    CHECK(header.keyslots[1].state == SlotState::active);  // bound to the segment to come
    CHECK(header.keyslots[2].state == SlotState::reencrypt);
    CHECK(header.keyslots[2].detail == "mode=reencrypt resilience=" + std::string(resilience));
    CHECK(header.segments.size() == 3);
    CHECK(luks::metadata_region(header, 20U << 20U, false).widened);
}

TEST_CASE("an encryption that cryptsetup began shows the segment that is still in clear") {
    const Workshop shop;
    shop.run("reencrypt --encrypt --init-only --type luks2 --header detached -d pw" +
             std::string(kFast) + "image");
    const auto header = read(shop.file("detached"));
    compare_luks2(shop.dump("detached"), header);
    CHECK(header.segments.at(0).type == "linear");
    CHECK(header.keyslots.back().detail.starts_with("mode=encrypt resilience="));
}

TEST_CASE("what wipefs leaves is still seen: cryptsetup opens it once the magic is back") {
    const Workshop shop;
    shop.run("luksFormat --type luks2 -d pw" + std::string(kFast) + "image");
    const std::string uuid = uuid_in(shop.dump());
    shop.patch(0, std::string(6, '\0'));
    shop.patch(16384, std::string(6, '\0'));
    CHECK_FALSE(shop.succeeds("isLuks image"));
    const auto header = read(shop.image());
    CHECK(header.uuid == uuid);
    CHECK(header.copies.at(0).checksum_valid);
    shop.patch(0, "LUKS\xba\xbe");
    CHECK(shop.succeeds("open --test-passphrase -d pw image"));
}

TEST_CASE("one flipped byte is a wrong checksum to cryptsetup's format and to us") {
    const Workshop shop;
    shop.run("luksFormat --type luks2 -d pw" + std::string(kFast) + "image");
    shop.patch(600, "x");
    const auto header = read(shop.image());
    CHECK_FALSE(header.copies.at(0).checksum_valid);
    CHECK(header.copies.at(1).checksum_valid);
    CHECK_FALSE(header.intact);
}

TEST_CASE("the images that the other tests write themselves are LUKS to cryptsetup") {
    const Workshop shop(3);
    SECTION("LUKS2") {
        const Bytes image = luks2_image(luks2_document());
        shop.patch(0, std::string(as_text(image)));
        compare_luks2(shop.dump(), read(shop.image()));
    }
    SECTION("LUKS2 with an OPAL requirement") {
        Json document = luks2_document();
        document["config"]["requirements"] = {{"mandatory", {"opal"}}};
        shop.patch(0, std::string(as_text(luks2_image(document))));
        CHECK(shop.dump().find("opal") != std::string::npos);
        CHECK(read(shop.image()).requirements == std::vector<std::string>{"opal"});
    }
    SECTION("LUKS1") {
        shop.patch(0, std::string(as_text(luks1_image())));
        compare_luks1(shop.dump(), read(shop.image()));
    }
}

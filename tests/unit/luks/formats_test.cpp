// SPDX-License-Identifier: Apache-2.0
// What real compressors and linkers write, with and without its magic.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <memory>
#include <random>

#include "efface/luks/payload_sample.hpp"

#include "catch.hpp"

using namespace efface;
using luks::PieceClass;

namespace {

struct PipeCloser {
    void operator()(std::FILE* pipe) const { pclose(pipe); }
};

Bytes output_of(const std::string& command) {
    const std::unique_ptr<std::FILE, PipeCloser> pipe(popen(command.c_str(), "r"));
    Bytes result;
    Bytes piece(65536);
    while (pipe) {
        const std::size_t got = std::fread(piece.data(), 1, piece.size(), pipe.get());
        if (got == 0) {
            break;
        }
        result.insert(result.end(), piece.begin(), piece.begin() + static_cast<long>(got));
    }
    return result;
}

/// 8 MiB that look like a dump of a table, in a file of its own.
class Dump final {
  public:
    Dump() {
        std::string name = (std::filesystem::temp_directory_path() / "efface-XXXXXX").string();
        const int descriptor = mkstemp(name.data());
        REQUIRE(descriptor >= 0);
        std::FILE* file = fdopen(descriptor, "w");
        path_ = name;
        std::mt19937 random(7);  // its sequence is fixed by the C++ standard
        std::size_t size = 0;
        for (int row = 0; size < (8U << 20U); ++row) {
            const int written = std::fprintf(
                file, "INSERT INTO orders VALUES (%d, 'customer-%u', %u.%02u, '2026-%02u-%02u');\n",
                row, static_cast<unsigned>(random() % 100000),
                static_cast<unsigned>(random() % 900), static_cast<unsigned>(random() % 100),
                static_cast<unsigned>(1 + random() % 12), static_cast<unsigned>(1 + random() % 28));
            size += static_cast<std::size_t>(written);
        }
        std::fclose(file);
    }
    ~Dump() { std::filesystem::remove(path_); }
    Dump(const Dump&) = delete;
    Dump& operator=(const Dump&) = delete;

    Bytes through(const std::string& tool, const std::string& options) const {
        if (std::system(("command -v " + tool + " >/dev/null").c_str()) != 0) {
            std::cerr << "skipped: no " << tool << " on this machine\n";
            std::_Exit(77);
        }
        return output_of(tool + " " + options + " <" + path_.string());
    }

  private:
    std::filesystem::path path_;
};

/// How many of a hundred whole pieces are structured, the first one and its magic left out.
std::size_t percent_structured(const Bytes& bytes) {
    std::size_t pieces = 0;
    std::size_t structured = 0;
    for (std::size_t at = luks::kSampleBytes; at + luks::kSampleBytes <= bytes.size();
         at += luks::kSampleBytes) {
        ++pieces;
        const auto verdict = luks::classify(ByteView(bytes).subspan(at, luks::kSampleBytes));
        structured += verdict.piece_class == PieceClass::structured ? 1 : 0;
    }
    REQUIRE(pieces >= 8);
    return structured * 100 / pieces;
}

std::string first_reason(const Bytes& bytes) {
    REQUIRE(bytes.size() >= luks::kSampleBytes);
    return luks::classify(ByteView(bytes).first(luks::kSampleBytes)).reason;
}

}  // namespace

TEST_CASE("text is found in every piece") {
    CHECK(percent_structured(Dump().through("cat", "")) == 100);
}

TEST_CASE("an ELF program is found by its magic and in nearly every piece") {
    const Bytes bytes = output_of("cat /proc/" + std::to_string(getpid()) + "/exe");
    CHECK(first_reason(bytes) == "magic ELF at 0");
    CHECK(percent_structured(bytes) >= 90);
}

TEST_CASE("gzip is found by its magic, and without it in most pieces") {
    const Bytes bytes = Dump().through("gzip", "-6");
    CHECK(first_reason(bytes) == "magic gzip at 0");
    CHECK(percent_structured(bytes) >= 50);
}

TEST_CASE("zstd is found by its magic, and without it in most pieces") {
    const Bytes bytes = Dump().through("zstd", "-q -3 -c");
    CHECK(first_reason(bytes) == "magic zstd at 0");
    CHECK(percent_structured(bytes) >= 50);
}

TEST_CASE("bzip2 is found in most pieces") {
    CHECK(percent_structured(Dump().through("bzip2", "-9")) >= 50);
}

TEST_CASE("lz4 is found in most pieces") {
    CHECK(percent_structured(Dump().through("lz4", "-q -c")) >= 90);
}

TEST_CASE("xz is found by its magic only: without it, it passes for ciphertext") {
    const Bytes bytes = Dump().through("xz", "-T1 -6");
    CHECK(first_reason(bytes) == "magic xz at 0");
    CHECK(percent_structured(bytes) == 0);
}

// SPDX-License-Identifier: Apache-2.0
// LUKS images for tests, written from the specifications with OpenSSL's SHA-256 and none of the
// code under test. cryptsetup_test.cpp shows that cryptsetup takes them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/base/json.hpp"
#include "efface/luks/header.hpp"

namespace efface::test {

constexpr const char* kUuid = "9e1d2a51-7b0c-4d37-8c11-0f6a3e5b7c42";

/// One keyslot at 32768 (258048 bytes), bound to a crypt segment from 1 MiB on; a keyslots area of
/// 1015808 bytes behind two headers of 16 KiB.
Json luks2_document();

struct Luks2Options {
    std::uint64_t header_bytes = 16384;
    std::uint64_t sequence_id = 3;
    std::string uuid = kUuid;
    std::string label;
    std::string subsystem;
    std::string checksum_algorithm = "sha256";
};
/// One header copy of options.header_bytes: binary header with its checksum, and the JSON text.
Bytes luks2_header(const std::string& text, bool secondary, const Luks2Options& options = {});

/// A target of `bytes` with both headers; key areas and payload filled with 0xA5.
Bytes luks2_image(const std::string& text, std::uint64_t bytes = 2U << 20U,
                  const Luks2Options& options = {});
inline Bytes luks2_image(const Json& document) {
    return luks2_image(document.dump());
}

/// aes-xts-plain64, 64-byte key, 8 slots of 256000 bytes, slots 0 and 3 enabled, payload at 2 MiB.
Bytes luks1_image(std::uint64_t bytes = 3U << 20U);

void put(Bytes& image, std::size_t offset, ByteView bytes);
inline void put(Bytes& image, std::size_t offset, std::string_view text) {
    put(image, offset, as_bytes(text));
}
/// Big endian.
void put_u32(Bytes& image, std::size_t offset, std::uint32_t value);
void put_u64(Bytes& image, std::size_t offset, std::uint64_t value);

/// What inspect() finds in an image.
luks::Header read(Bytes image);

/// Whether any of `texts` contains `part`.
bool mentions(const std::vector<std::string>& texts, std::string_view part);

}  // namespace efface::test

// SPDX-License-Identifier: Apache-2.0
#include "images.hpp"

#include <openssl/sha.h>

#include <algorithm>

#include "fake/disk/memory_disk.hpp"

namespace efface::test {

Json luks2_document() {
    return Json::parse(R"({
      "keyslots": {"0": {"type": "luks2", "key_size": 64,
        "af": {"type": "luks1", "stripes": 4000, "hash": "sha256"},
        "area": {"type": "raw", "offset": "32768", "size": "258048",
                 "encryption": "aes-xts-plain64", "key_size": 64},
        "kdf": {"type": "pbkdf2", "hash": "sha256", "iterations": 1000,
                "salt": "KzbpFdm13ZBBpF4fGedVHUyfKfYK/2rhaNQIF/5PPTE="}}},
      "tokens": {},
      "segments": {"0": {"type": "crypt", "offset": "1048576", "size": "dynamic", "iv_tweak": "0",
                         "encryption": "aes-xts-plain64", "sector_size": 4096}},
      "digests": {"0": {"type": "pbkdf2", "keyslots": ["0"], "segments": ["0"], "hash": "sha256",
        "iterations": 1000, "salt": "TeyQEdyyc7FfaVwXHjaPjjhMY/J+xoUZ6nKPZzMWgKc=",
        "digest": "/VIaUwEUrzXqWdqAL3+veElzlGJjGsXCV4e6xVOPOVw="}},
      "config": {"json_size": "12288", "keyslots_size": "1015808"}})");
}

void put(Bytes& image, std::size_t offset, ByteView bytes) {
    EFFACE_ASSERT(offset <= image.size() && bytes.size() <= image.size() - offset);
    std::copy(bytes.begin(), bytes.end(), image.begin() + static_cast<long>(offset));
}

void put_u32(Bytes& image, std::size_t offset, std::uint32_t value) {
    for (std::size_t i = 0; i < 4; ++i) {
        image[offset + i] = static_cast<std::uint8_t>(value >> (24 - 8 * i));
    }
}

void put_u64(Bytes& image, std::size_t offset, std::uint64_t value) {
    put_u32(image, offset, static_cast<std::uint32_t>(value >> 32U));
    put_u32(image, offset + 4, static_cast<std::uint32_t>(value));
}

Bytes luks2_header(const std::string& text, bool secondary, const Luks2Options& options) {
    Bytes header(options.header_bytes, 0);
    put(header, 0, secondary ? "SKUL\xba\xbe" : "LUKS\xba\xbe");
    header[7] = 2;
    put_u64(header, 8, options.header_bytes);
    put_u64(header, 16, options.sequence_id);
    put(header, 24, options.label);
    put(header, 72, options.checksum_algorithm);
    put(header, 104, Bytes(64, secondary ? 0x22 : 0x11));
    put(header, 168, options.uuid);
    put(header, 208, options.subsystem);
    put_u64(header, 256, secondary ? options.header_bytes : 0);
    put(header, 4096, text);
    Bytes digest(SHA256_DIGEST_LENGTH);
    SHA256(header.data(), header.size(), digest.data());
    put(header, 448, digest);
    return header;
}

Bytes luks2_image(const std::string& text, std::uint64_t bytes, const Luks2Options& options) {
    Bytes image(bytes, 0xa5);
    put(image, 0, luks2_header(text, false, options));
    put(image, options.header_bytes, luks2_header(text, true, options));
    return image;
}

Bytes luks1_image(std::uint64_t bytes) {
    Bytes image(bytes, 0);
    put(image, 0, "LUKS\xba\xbe");
    image[7] = 1;
    put(image, 8, "aes");
    put(image, 40, "xts-plain64");
    put(image, 72, "sha256");
    put_u32(image, 104, 4096);  // payload at 2 MiB
    put_u32(image, 108, 64);
    put(image, 112, Bytes(20, 0x31));
    put(image, 132, Bytes(32, 0x32));
    put_u32(image, 164, 1000);
    put(image, 168, kUuid);
    for (std::uint32_t slot = 0; slot < 8; ++slot) {
        const std::size_t at = 208 + 48 * slot;
        const bool enabled = slot == 0 || slot == 3;
        const std::uint32_t sector = 8 + 504 * slot;  // 4096 + 258048 * slot bytes
        put_u32(image, at, enabled ? 0x00AC71F3 : 0x0000DEAD);
        put_u32(image, at + 40, sector);
        put_u32(image, at + 44, 4000);
        put(image, std::size_t{sector} * 512, Bytes(256000, 0xa5));
    }
    return image;
}

bool mentions(const std::vector<std::string>& texts, std::string_view part) {
    return std::any_of(texts.begin(), texts.end(), [&](const std::string& text) {
        return text.find(part) != std::string::npos;
    });
}

luks::Header read(Bytes image) {
    fake::MemoryDisk disk(std::move(image));
    return luks::inspect(disk);
}

}  // namespace efface::test

// SPDX-License-Identifier: Apache-2.0
#include "luks1_image.hpp"

#include <algorithm>

#include "fake/disk/fixed.hpp"

namespace efface::fake {

namespace {
constexpr std::uint32_t kKeyBytes = 64;
constexpr std::uint32_t kStripes = 4000;
constexpr std::uint32_t kAreaSectors = 504;  // 64 * 4000 bytes, up to the next 4 KiB
constexpr std::uint32_t kSlotEnabled = 0x00AC71F3;
constexpr std::uint32_t kSlotDisabled = 0x0000DEAD;

void put(Bytes& image, std::size_t offset, const std::string& text) {
    std::copy(text.begin(), text.end(), image.begin() + static_cast<std::ptrdiff_t>(offset));
}
}  // namespace

Bytes luks1_image(const std::string& uuid) {
    Bytes image(kLuks1ImageBytes);
    SeededRandom noise(uuid);
    noise.fill(MutableByteView(image).subspan(4096));
    const Bytes magic = {'L', 'U', 'K', 'S', 0xba, 0xbe, 0, 1};
    std::copy(magic.begin(), magic.end(), image.begin());
    put(image, 8, "aes");
    put(image, 40, "xts-plain64");
    put(image, 72, "sha256");
    write_be<std::uint32_t>(image, 104, kLuks1PayloadOffset / 512);
    write_be<std::uint32_t>(image, 108, kKeyBytes);
    noise.fill(MutableByteView(image).subspan(112, 52));  // mkDigest and its salt
    write_be<std::uint32_t>(image, 164, 1000);
    put(image, 168, uuid);
    for (std::uint32_t slot = 0; slot < 8; ++slot) {
        const std::size_t at = 208 + std::size_t{48} * slot;
        write_be<std::uint32_t>(image, at, slot == 0 ? kSlotEnabled : kSlotDisabled);
        write_be<std::uint32_t>(image, at + 4, slot == 0 ? 1000 : 0);
        write_be<std::uint32_t>(image, at + 40, 8 + slot * kAreaSectors);
        write_be<std::uint32_t>(image, at + 44, kStripes);
    }
    return image;
}

}  // namespace efface::fake

// SPDX-License-Identifier: Apache-2.0
#include "secure_erase.hpp"

namespace efface::inventory {

namespace {

/// VIRTIO_BLK_F_SECURE_ERASE (Virtual I/O Device 1.3, section 5.2.3). sysfs shows the bits that
/// driver and device agreed on as characters, the lowest first.
constexpr std::size_t kVirtioSecureErase = 16;
constexpr std::size_t kVirtioBits = 64;

SecureErase of_virtio(const std::string& features) {
    using Offer = SecureErase::Offer;
    if (features.size() < kVirtioBits) {
        return {Offer::not_told, "the features of the virtio disk cannot be read"};
    }
    return features[kVirtioSecureErase] == '1'
               ? SecureErase{Offer::yes, "the virtio disk supports it (feature 16)"}
               : SecureErase{Offer::none, "the virtio disk does not support it (feature 16)"};
}

SecureErase of_mmc(const std::string& type) {
    using Offer = SecureErase::Offer;
    if (type == "MMC") {
        return {Offer::not_told, "the kernel does not report whether this eMMC supports it"};
    }
    return {Offer::none, "only an eMMC can support it; this is " +
                             (type.empty() ? std::string("not reported as one") : type)};
}

}  // namespace

SecureErase secure_erase_of(const Folder& class_block, const std::string& name) {
    if (name.starts_with("vd")) {
        return of_virtio(class_block.read(name + "/device/features").text);
    }
    return name.starts_with("mmcblk") ? of_mmc(class_block.read(name + "/device/type").text)
                                      : SecureErase{};
}

}  // namespace efface::inventory

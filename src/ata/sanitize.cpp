// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/sanitize.hpp"

#include "commands.hpp"

namespace efface::ata {

namespace {

constexpr std::uint8_t kSanitizeDevice = 0xb4;
constexpr unsigned kPassesMax = 16;

// Signatures that keep an accident from becoming an erase (ACS-4, section 7.36).
constexpr std::uint64_t kCryptoScrambleKey = 0x43727970;  // "Cryp"
constexpr std::uint64_t kBlockEraseKey = 0x426b4572;      // "BkEr"
constexpr std::uint64_t kOverwriteKey = 0x4f57;           // "OW", in 47:32

device::AtaCommand sanitize(SanitizeFeature feature, std::uint16_t count, std::uint64_t lba) {
    auto command = non_data(kSanitizeDevice, true);
    command.features = static_cast<std::uint16_t>(feature);
    command.count = count;
    command.lba = lba;
    return command;
}

}  // namespace

device::AtaCommand sanitize_status(bool clear_failure) {
    return sanitize(SanitizeFeature::status, clear_failure ? 1 : 0, 0);
}

device::AtaCommand sanitize_crypto_scramble() {
    return sanitize(SanitizeFeature::crypto_scramble, 0, kCryptoScrambleKey);
}

device::AtaCommand sanitize_block_erase() {
    return sanitize(SanitizeFeature::block_erase, 0, kBlockEraseKey);
}

device::AtaCommand sanitize_overwrite(std::uint32_t pattern, unsigned passes) {
    EFFACE_ASSERT(passes >= 1 && passes <= kPassesMax);
    // 16 passes are written as 0.
    return sanitize(SanitizeFeature::overwrite, static_cast<std::uint16_t>(passes % kPassesMax),
                    (kOverwriteKey << 32U) | pattern);
}

SanitizeStatus decode_sanitize_status(const device::AtaRegisters& registers) {
    const auto bit = [&](unsigned number) {
        return ((std::uint32_t{registers.count} >> number) & 1U) != 0;
    };
    SanitizeStatus status{.completed_without_error = bit(15),
                          .in_progress = bit(14),
                          .frozen = bit(13),
                          .antifreeze = bit(12),
                          .progress = {}};
    const auto progress = static_cast<std::uint16_t>(registers.lba & 0xffffU);
    if (status.in_progress && progress != 0xffff) {
        status.progress = progress;
    }
    return status;
}

SanitizeError decode_sanitize_error(const device::AtaRegisters& registers) {
    const auto reason = static_cast<std::uint8_t>(registers.lba & 0xffU);
    return reason <= static_cast<std::uint8_t>(SanitizeError::antifreeze)
               ? static_cast<SanitizeError>(reason)
               : SanitizeError::reserved;
}

const char* to_string(SanitizeError error) noexcept {
    switch (error) {
        case SanitizeError::not_reported:
            return "no reason given, or the operation failed";
        case SanitizeError::unsuccessful:
            return "the operation left sectors that were not sanitized";
        case SanitizeError::unsupported:
            return "unsupported subcommand";
        case SanitizeError::frozen:
            return "SANITIZE is frozen";
        case SanitizeError::antifreeze:
            return "freezing is refused after ANTIFREEZE LOCK";
        case SanitizeError::reserved:
            break;
    }
    return "reserved reason";
}

}  // namespace efface::ata

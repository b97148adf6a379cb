// SPDX-License-Identifier: Apache-2.0
// How the model erases itself: SANITIZE DEVICE and the SECURITY feature set.
#include <algorithm>

#include "drive.hpp"

namespace efface::fake {

using device::AtaCommand;
using device::AtaRegisters;

namespace {

constexpr std::uint16_t kStatus = 0x0000;
constexpr std::uint16_t kCrypto = 0x0011;
constexpr std::uint16_t kBlock = 0x0012;
constexpr std::uint16_t kOverwrite = 0x0014;
constexpr std::uint16_t kFreeze = 0x0020;
constexpr std::uint16_t kAntifreeze = 0x0040;

bool signature_matches(std::uint16_t feature, std::uint64_t lba) {
    switch (feature) {
        case kCrypto:
            return lba == 0x000043727970;
        case kBlock:
            return lba == 0x0000426b4572;
        case kOverwrite:
            return lba >> 32U == 0x4f57;
        case kFreeze:
            return lba == 0x000046724c6b;
        case kAntifreeze:
            return lba == 0x0000416e7469;
        default:
            return false;
    }
}

}  // namespace

void AtaDrive::tick() {
    if (sanitize_ == Sanitize::running && !options.progress_stuck &&
        clock_.steady_now() - sanitize_began_ >= options.sanitize_time) {
        finish_sanitize();
    }
}

void AtaDrive::finish_sanitize() {
    if (options.sanitize_fails) {
        sanitize_ = Sanitize::failed;
        return;
    }
    if (options.sanitize_forgotten) {
        sanitize_ = Sanitize::idle;
        return;
    }
    const bool overwrite = sanitize_feature_ == kOverwrite;
    erase(options.blocks, true,
          sanitize_feature_ == kCrypto ? DriveMedia::Leave::noise : DriveMedia::Leave::zeros,
          overwrite ? std::optional(pattern_) : std::nullopt);
    sanitize_ = Sanitize::succeeded;
    completed_without_error_ = true;
}

AtaRegisters AtaDrive::sanitize_status(std::uint16_t count) {
    const bool clear = (count & 1U) != 0;
    if (sanitize_ == Sanitize::failed) {
        if (!clear || !failure_mode_) {
            return abort(0x04, 1);
        }
        sanitize_ = Sanitize::idle;
    }
    const bool running = sanitize_ == Sanitize::running;
    if (running && options.status_aborted_at_work) {
        return abort(0x04, 0);
    }
    std::uint16_t told = completed_without_error_ ? 0x8000 : 0;
    told = static_cast<std::uint16_t>(told | (running ? 0x4000U : 0U) |
                                      (sanitize_ == Sanitize::frozen ? 0x2000U : 0U) |
                                      (antifreeze_ ? 0x1000U : 0U));
    std::uint64_t progress = 0xffff;
    if (running) {
        const auto gone = std::chrono::duration_cast<std::chrono::milliseconds>(
            clock_.steady_now() - sanitize_began_);
        const auto whole = std::max<std::int64_t>(options.sanitize_time.count(), 1);
        progress = static_cast<std::uint64_t>(std::min<std::int64_t>(
            gone.count() * 65536 / whole, options.progress_stuck ? 0x8000 : 0xfffe));
    }
    return good(progress, told);
}

AtaRegisters AtaDrive::sanitize(const AtaCommand& command) {
    if (!options.sanitize) {
        return abort();
    }
    if (command.features == kStatus) {
        return sanitize_status(command.count);
    }
    const bool supported = (command.features == kCrypto && options.crypto_scramble) ||
                           (command.features == kBlock && options.block_erase) ||
                           (command.features == kOverwrite && options.overwrite) ||
                           command.features == kFreeze || command.features == kAntifreeze;
    if (!supported || !signature_matches(command.features, command.lba)) {
        return abort(0x04, 2);
    }
    if (sanitize_ == Sanitize::frozen) {
        return abort(0x04, 3);
    }
    if (command.features == kAntifreeze) {
        antifreeze_ = true;
        return sanitize_status(0);
    }
    if (sanitize_ == Sanitize::running || options.sanitize_refused) {
        return abort(0x04, 0);
    }
    if (command.features == kFreeze) {
        if (antifreeze_) {
            return abort(0x04, 4);
        }
        sanitize_ = Sanitize::frozen;
        return sanitize_status(0);
    }
    failure_mode_ = (command.count & 0x10U) != 0;
    sanitize_feature_ = command.features;
    pattern_ = static_cast<std::uint32_t>(command.lba & 0xffffffffU);
    sanitize_ = Sanitize::running;
    completed_without_error_ = false;
    sanitize_began_ = clock_.steady_now();
    // Its own command it answers in any case.
    return options.status_aborted_at_work ? good(0, 0x4000) : sanitize_status(0);
}

bool AtaDrive::password_matches(const AtaCommand& command) {
    const auto given = command.write_from.subspan(2, 32);
    if (password_ && attempts_left_ > 0 &&
        std::equal(password_->begin(), password_->end(), given.begin(), given.end())) {
        return true;
    }
    if (attempts_left_ > 0) {
        --attempts_left_;
    }
    return false;
}

AtaRegisters AtaDrive::security(const AtaCommand& command, bool& lost) {
    const bool with_data = command.command != 0xf3 && command.command != 0xf5;
    if (!options.security || (with_data && command.write_from.size() != 512)) {
        return abort();
    }
    if (command.command == 0xf5) {
        security_frozen_ = true;
        return good();
    }
    if (security_frozen_) {
        return abort();
    }
    switch (command.command) {
        case 0xf1: {
            const auto given = command.write_from.subspan(2, 32);
            if ((command.write_from[0] & 1U) == 0) {
                password_ = Bytes(given.begin(), given.end());
                level_maximum_ = (command.write_from[1] & 1U) != 0;
            }
            lost = options.password_answer_lost;
            return good();
        }
        case 0xf2:
            if (options.unlock_refused || (password_ && !password_matches(command))) {
                return abort();
            }
            locked_ = false;
            return good();
        case 0xf3:
            return options.prepare_refused ? abort() : good();
        case 0xf4:
            return erase_unit(command, lost);
        default:
            if (options.disable_refused || locked_ || (password_ && !password_matches(command))) {
                return abort();
            }
            password_.reset();
            return good();
    }
}

AtaRegisters AtaDrive::erase_unit(const AtaCommand& command, bool& lost) {
    const bool enhanced = (command.write_from[0] & 2U) != 0;
    if (previous_ != 0xf3 || !password_matches(command) || options.erase_refused ||
        (enhanced && !options.enhanced_erase)) {
        return abort();
    }
    const std::uint64_t end = enhanced ? options.blocks : accessible_;
    if (options.power_lost_in_erase || options.erase_time > command.timeout) {
        erase(end / 2, false, DriveMedia::Leave::zeros);
        power_cycle();
        lost = true;
        return abort();
    }
    erase(end, enhanced, DriveMedia::Leave::zeros);
    if (enhanced && !options.erases_nothing) {
        media_.erase_retired(DriveMedia::Leave::zeros);
    }
    if (!options.stays_enabled) {
        password_.reset();
        locked_ = false;
    }
    lost = options.erase_answer_lost;
    return good();
}

}  // namespace efface::fake

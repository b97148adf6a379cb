// SPDX-License-Identifier: Apache-2.0
// Sanitize (NVMe Base 2.3, section 8.1.24) and Format NVM (5.2.10) of the model.
#include <algorithm>

#include "drive_state.hpp"

namespace efface::fake {

namespace {

constexpr std::uint64_t kWhole = 1000;
constexpr std::uint32_t kBlockErase = 2;
constexpr std::uint32_t kOverwrite = 3;
constexpr std::uint32_t kCryptoErase = 4;
constexpr unsigned kSixteenPasses = 16;

constexpr std::uint8_t kNever = 0;
constexpr std::uint8_t kSuccess = 1;
constexpr std::uint8_t kInProgress = 2;
constexpr std::uint8_t kFailed = 3;
constexpr std::uint8_t kSuccessDeallocated = 4;

constexpr std::uint8_t kFormatStart = 0x07;
constexpr std::uint8_t kFormatCompletion = 0x08;
constexpr std::uint8_t kSanitizeStart = 0x09;
constexpr std::uint8_t kSanitizeCompletion = 0x0a;
constexpr std::uint8_t kVerificationEvent = 0x0e;

std::uint32_t action_of(std::uint32_t cdw10) {
    return cdw10 & 7U;
}
bool allows_unrestricted(std::uint32_t cdw10) {
    return (cdw10 & 8U) != 0;
}
bool keeps_allocated(std::uint32_t cdw10) {
    return (cdw10 & 0x200U) != 0;
}
bool wants_verification(std::uint32_t cdw10) {
    return (cdw10 & 0x400U) != 0;
}

/// Spread, and the same each time.
bool kept(std::uint64_t block, unsigned permille) {
    return (block * 2654435761U >> 7U) % kWhole < permille;
}

}  // namespace

std::chrono::milliseconds NvmeDrive::State::duration() const {
    switch (action_of(scdw10)) {
        case kBlockErase:
            return options.block_time;
        case kCryptoErase:
            return options.crypto_time;
        default: {
            const unsigned passes = (scdw10 >> 4U) & 0xfU;
            return options.overwrite_time * (passes == 0 ? kSixteenPasses : passes);
        }
    }
}

std::uint16_t NvmeDrive::State::sprog() const {
    const auto whole =
        machine == NvmeMachine::deallocation ? options.deallocation_time : duration();
    if (!processing() && machine != NvmeMachine::deallocation) {
        return 0xffff;
    }
    if (!options.tells_progress) {
        return 0;
    }
    const auto share = whole.count() == 0 ? 0 : worked.count() * 65536 / whole.count();
    return static_cast<std::uint16_t>(std::min<std::int64_t>(share, 65534));
}

void NvmeDrive::State::erase_space(NvmeSpace& place, std::uint64_t first, std::uint64_t count,
                                   DriveMedia::Leave leave) {
    for (std::uint64_t block = first; block < first + count; ++block) {
        if (!kept(block, options.lies.keeps_permille)) {
            place.media.erase(block, 1, leave);
            place.lost[block] =
                options.leaves == NvmeLeaves::unreadable && leave != DriveMedia::Leave::zeros;
        }
    }
}

void NvmeDrive::State::erase_share(std::uint64_t from_permille, std::uint64_t to_permille) {
    reads_hidden = true;
    if (options.lies.erases_nothing || options.lies.reverts_writes) {
        return;
    }
    const auto leave = action_of(scdw10) == kBlockErase    ? DriveMedia::Leave::ones
                       : action_of(scdw10) == kCryptoErase ? DriveMedia::Leave::noise
                                                           : DriveMedia::Leave::zeros;
    if (options.lies.only_forgets) {
        for (auto& place : spaces) {
            place.media.forget(0, to_permille == kWhole ? place.media.blocks() : 0);
        }
        return;
    }
    for (auto& place : spaces) {
        if (place.options.kept) {
            continue;
        }
        const std::uint64_t blocks = place.media.blocks();
        const std::uint64_t first = blocks * from_permille / kWhole;
        erase_space(place, first, blocks * to_permille / kWhole - first, leave);
        if (to_permille == kWhole) {
            place.media.erase_spare(leave);
            place.media.erase_retired(leave);
            if (action_of(scdw10) == kOverwrite && pattern != 0) {
                Bytes repeated(4);
                write_le<std::uint32_t>(repeated, 0, pattern);
                for (std::uint64_t block = 0; block < blocks; ++block) {
                    place.media.fill(block, kept(block, options.lies.keeps_permille) ? 0 : 1,
                                     repeated);
                }
            }
        }
    }
    if (to_permille == kWhole) {
        unallocated.erase(0, unallocated.blocks(), leave);
    }
}

/// What a host reads of deallocated blocks; the medium itself keeps what the erasure left.
void NvmeDrive::State::deallocate_erased(unsigned one_in) {
    if (options.lies.erases_nothing || options.lies.reverts_writes ||
        options.leaves != NvmeLeaves::zeros) {
        return;
    }
    const auto leave =
        options.deallocated_reads == 2 ? DriveMedia::Leave::ones : DriveMedia::Leave::zeros;
    for (auto& place : spaces) {
        for (std::uint64_t at = 0; at < place.media.blocks() && !place.options.kept; at += one_in) {
            erase_space(place, at, 1, leave);
        }
    }
}

void NvmeDrive::State::revert_writes() {
    for (auto& place : spaces) {
        if (options.lies.reverts_writes && place.before_writes) {
            place.media = *place.before_writes;
        }
    }
}

void NvmeDrive::State::add_event(std::uint8_t type, Bytes data) {
    const auto since = clock.now().time_since_epoch();
    events.push_front({type, static_cast<std::uint64_t>(since.count()), std::move(data)});
}

void NvmeDrive::State::add_completion_event() {
    Bytes data(8);
    write_le<std::uint16_t>(data, 0, 0xffff);
    write_le<std::uint16_t>(
        data, 2, static_cast<std::uint16_t>(outcome | (global_data_erased ? 0x100U : 0U)));
    add_event(kSanitizeCompletion, std::move(data));
}

void NvmeDrive::State::finish(std::uint8_t sos) {
    options.health.erased();
    outcome = sos;
    machine = NvmeMachine::idle;
    if (sos == kSuccess || sos == kSuccessDeallocated) {
        global_data_erased = true;
        revert_writes();
    }
    if (options.lies.idle_after_sanitize) {
        outcome = kNever;
    }
    add_completion_event();
}

void NvmeDrive::State::finish_processing() {
    if (options.lies.sanitize_fails) {
        outcome = kFailed;
        failed_state = static_cast<std::uint8_t>(machine);
        machine = machine == NvmeMachine::restricted_processing ? NvmeMachine::restricted_failure
                                                                : NvmeMachine::unrestricted_failure;
        add_completion_event();
        return;
    }
    erase_share(done_permille, kWhole);
    done_permille = kWhole;
    if (wants_verification(scdw10)) {
        machine = NvmeMachine::media_verification;
        worked = std::chrono::milliseconds(0);
        add_event(kVerificationEvent, Bytes(4));
        return;
    }
    const bool modified = options.sanicap >> 30U == 2;
    if (!keeps_allocated(scdw10)) {
        deallocate_erased(1);
    } else if (modified && options.deallocates_one_in != 0) {
        deallocate_erased(options.deallocates_one_in);
    }
    finish(keeps_allocated(scdw10) && modified ? kSuccessDeallocated : kSuccess);
}

void NvmeDrive::State::trouble_in_the_middle() {
    middle_done = true;
    if (options.lies.reset_in_the_middle) {
        lose_one = true;
        was_reset = true;
    }
    if (options.lies.power_cut_in_the_middle) {
        powered = false;
    }
    if (options.lies.hangs_in_the_middle) {
        hanging = true;
    }
}

void NvmeDrive::State::settle() {
    const auto now = clock.steady_now();
    const auto passed = std::chrono::duration_cast<std::chrono::milliseconds>(now - last_look);
    last_look = now;
    if (!powered) {
        return;  // without power nothing goes on
    }
    if (machine == NvmeMachine::deallocation) {
        worked += passed;
        if (worked >= options.deallocation_time) {
            deallocate_erased(1);
            finish(kSuccess);
        }
        return;
    }
    if (!processing()) {
        return;
    }
    worked += passed;
    const auto whole = duration();
    if (options.lies.progress_stuck) {
        worked = std::min(worked, whole / 4);
    }
    if (!middle_done && worked >= whole / 2) {
        trouble_in_the_middle();
        if (!powered) {
            worked = whole / 2;
        }
    }
    const auto reached = whole.count() == 0 ? kWhole
                                            : static_cast<std::uint64_t>(std::min<std::int64_t>(
                                                  worked.count() * 1000 / whole.count(), kWhole));
    if (reached > done_permille && reached < kWhole) {
        erase_share(done_permille, reached);
        done_permille = reached;
    }
    if (worked >= whole) {
        finish_processing();
    }
}

void NvmeDrive::State::cancel_verification() {
    if (machine == NvmeMachine::media_verification) {
        verification_cancelled = true;
        machine = NvmeMachine::deallocation;
        worked = std::chrono::milliseconds(0);
    }
}

std::uint16_t NvmeDrive::State::start_sanitize(std::uint32_t cdw10, std::uint32_t cdw11) {
    const std::uint32_t action = action_of(cdw10);
    if (action == 5) {
        if (machine != NvmeMachine::media_verification) {
            return kInvalidField;
        }
        machine = NvmeMachine::deallocation;
        worked = std::chrono::milliseconds(0);
        return 0;
    }
    if (processing() || machine == NvmeMachine::media_verification ||
        machine == NvmeMachine::deallocation) {
        return kSanitizeInProgress | kDnr;
    }
    if (action == 1) {
        if (machine == NvmeMachine::restricted_failure) {
            return kSanitizeFailed;
        }
        machine = NvmeMachine::idle;  // and SOS stays what it was
        return 0;
    }
    const std::uint32_t bit = action == kCryptoErase ? 1U : action == kBlockErase ? 2U : 4U;
    const bool offered =
        action >= kBlockErase && action <= kCryptoErase && (options.sanicap & bit) != 0;
    const bool verifiable =
        (options.sanicap & 8U) != 0 && action != kOverwrite && !keeps_allocated(cdw10);
    const bool inhibited = keeps_allocated(cdw10) && (options.sanicap & (1U << 29U)) != 0;
    if (!offered || (wants_verification(cdw10) && !verifiable) || inhibited) {
        return kInvalidField;
    }
    if (machine == NvmeMachine::restricted_failure && allows_unrestricted(cdw10)) {
        return kSanitizeFailed;
    }
    if (std::any_of(spaces.begin(), spaces.end(),
                    [](const NvmeSpace& one) { return one.options.write_protected; })) {
        return kWriteProtected;
    }
    if (options.lies.sanitize_status != 0) {
        return options.lies.sanitize_status;
    }
    if (options.lies.ignores_sanitize) {
        return 0;
    }
    machine = allows_unrestricted(cdw10) ? NvmeMachine::unrestricted_processing
                                         : NvmeMachine::restricted_processing;
    outcome = kInProgress;
    scdw10 = cdw10;
    pattern = cdw11;
    global_data_erased = false;
    verification_cancelled = false;
    failed_state = 0;
    middle_done = false;
    done_permille = 0;
    worked = std::chrono::milliseconds(0);
    last_look = clock.steady_now();
    Bytes data(12);
    write_le<std::uint32_t>(data, 0, options.sanicap);
    write_le<std::uint32_t>(data, 4, cdw10);
    write_le<std::uint32_t>(data, 8, cdw11);
    add_event(kSanitizeStart, std::move(data));
    return 0;
}

void NvmeDrive::State::format_space(std::size_t index, unsigned secure_erase) {
    auto& place = spaces[index];
    reads_hidden = true;
    if (secure_erase == 0 || place.options.kept || options.lies.erases_nothing ||
        options.lies.reverts_writes) {
        return;
    }
    const auto leave =
        options.leaves == NvmeLeaves::noise ? DriveMedia::Leave::noise : DriveMedia::Leave::zeros;
    erase_space(place, 0, place.media.blocks(), leave);
    // A user data erase does what a host reaches; a changed key reaches what is spare, too.
    if (secure_erase == 2) {
        place.media.erase_spare(DriveMedia::Leave::noise);
    }
}

std::uint16_t NvmeDrive::State::format(std::uint32_t nsid, std::uint32_t cdw10) {
    const unsigned secure_erase = (cdw10 >> 9U) & 7U;
    const bool all = nsid == 0xffffffff;
    const bool reaches_all = (options.fna & (secure_erase == 0 ? 1U : 2U)) != 0;
    if (!options.format) {
        return kInvalidOpcode;
    }
    if (secure_erase > 2 || (secure_erase == 2 && (options.fna & 4U) == 0) ||
        (all && (options.fna & 8U) != 0)) {
        return kInvalidField;
    }
    if ((cdw10 & 0xfU) != 0 || (cdw10 & 0x10U) != 0) {
        return kInvalidFormat;
    }
    if (!all && (space(nsid) == nullptr || !space(nsid)->options.attached)) {
        return kInvalidNamespace;
    }
    if (options.lies.format_status != 0) {
        return options.lies.format_status;
    }
    if (all && options.broadcast_refused) {
        return kInvalidField;
    }
    Bytes start(12);
    write_le<std::uint32_t>(start, 0, nsid);
    start[4] = options.fna;
    write_le<std::uint32_t>(start, 8, cdw10);
    add_event(kFormatStart, std::move(start));
    for (std::size_t index = 0; index < spaces.size(); ++index) {
        const bool attached = spaces[index].options.attached;
        if (reaches_all || (all && attached) || index + 1 == nsid) {
            format_space(index, secure_erase);
        }
    }
    revert_writes();
    Bytes completion(12);
    write_le<std::uint32_t>(completion, 0, nsid);
    add_event(kFormatCompletion, std::move(completion));
    return 0;
}

}  // namespace efface::fake

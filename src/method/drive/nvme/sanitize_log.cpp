// SPDX-License-Identifier: Apache-2.0
// What the Sanitize Status log (81h) proves, and what it does not.
#include <fmt/format.h>

#include "parts.hpp"

namespace efface::method {

namespace {

using nvme::SanitizeOutcome;
using nvme::SanitizeState;

/// The outcome alone; states and flags come after.
Phase phase_of(const nvme::SanitizeLog& log) {
    switch (log.outcome()) {
        case SanitizeOutcome::never:
            return Phase::idle;
        case SanitizeOutcome::success:
        case SanitizeOutcome::success_deallocated:
            return Phase::succeeded;
        case SanitizeOutcome::in_progress:
            return Phase::running;
        case SanitizeOutcome::failed:
            return Phase::failed;
    }
    return Phase::unknown;
}

/// Of the drives from 2.1 on, which tell a state besides; it has the last word while work goes on,
/// and where both can't be true nothing is proven.
Phase with_state(Phase phase, SanitizeState state) {
    switch (state) {
        case SanitizeState::idle:
            return phase;
        case SanitizeState::restricted_processing:
        case SanitizeState::unrestricted_processing:
            return phase == Phase::running ? phase : Phase::unknown;
        case SanitizeState::restricted_failure:
        case SanitizeState::unrestricted_failure:
            return phase == Phase::failed ? phase : Phase::unknown;
        case SanitizeState::media_verification:
            return phase == Phase::failed ? Phase::unknown : Phase::verifying;
        case SanitizeState::post_verification_deallocation:
            return phase == Phase::failed ? Phase::unknown : Phase::running;
    }
    return Phase::unknown;
}

std::string state_words(const nvme::SanitizeLog& log) {
    std::string words =
        fmt::format("{} (SOS {}), {} (SANS {})", to_string(log.outcome()), log.sstat & 7U,
                    to_string(log.state), static_cast<unsigned>(log.state));
    if (log.outcome() == SanitizeOutcome::failed) {
        words += log.state == SanitizeState::restricted_failure
                     ? ": it accepts nothing else until a sanitize succeeds; start one again"
                     : ": it must not be used until a sanitize succeeds; start one again";
    }
    if (log.verification_cancelled()) {
        words += ", media verification was cancelled by a reset";
    }
    if (log.outcome() == SanitizeOutcome::success ||
        log.outcome() == SanitizeOutcome::success_deallocated) {
        words += log.global_data_erased() ? ", no user data written since (GDE 1)"
                                          : ", user data written since (GDE 0)";
    }
    return words;
}

}  // namespace

std::string nvme_sanitize_technique(std::uint32_t cdw10) {
    switch (nvme::decode_sanitize(cdw10).action) {
        case nvme::SanitizeAction::block_erase:
            return std::string(kNvmeSanitizeBlock);
        case nvme::SanitizeAction::crypto_erase:
            return std::string(kNvmeSanitizeCrypto);
        case nvme::SanitizeAction::overwrite:
            return std::string(kNvmeSanitizeOverwrite);
        case nvme::SanitizeAction::none:
        case nvme::SanitizeAction::exit_failure_mode:
        case nvme::SanitizeAction::exit_media_verification:
            return "";
    }
    return "";
}

OperationState nvme_sanitize_state(const NvmeReading& log) {
    OperationState now;
    if (!log.ok()) {
        now.detail = "Sanitize Status log: " + log.error;
        return now;
    }
    now.pages.push_back({"NVMe log 81h", log.bytes});
    const auto decoded = nvme::decode_sanitize_log(log.bytes);
    if (!decoded) {
        now.detail = "the Sanitize Status log is all zero and contains no information";
        return now;
    }
    now.phase = with_state(phase_of(*decoded), decoded->state);
    now.technique = nvme_sanitize_technique(decoded->scdw10);
    now.detail = state_words(*decoded);
    if (now.phase == Phase::running) {
        now.progress = decoded->progress();
    }
    return now;
}

OperationState read_nvme_sanitize_state(device::NvmeTransport& transport) {
    const auto log =
        nvme_read_log(transport, nvme::LogPage::sanitize_status, nvme::kSanitizeLogBytes);
    if (!log.ok() && log.refused) {
        const auto page = nvme_read_identify(transport, nvme::Cns::controller, 0);
        const auto controller = nvme::decode_controller(page.bytes);
        if (controller && !controller->sanitize.any()) {
            OperationState idle;
            idle.phase = Phase::idle;
            idle.detail = "the drive has no Sanitize command";
            return idle;
        }
    }
    return nvme_sanitize_state(log);
}

}  // namespace efface::method

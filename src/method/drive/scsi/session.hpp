// SPDX-License-Identifier: Apache-2.0
// Commands to a SCSI disk with their unit attentions taken, and what the disk is at.
#pragma once

#include <optional>

#include "efface/device/drive/scsi_transport.hpp"
#include "efface/method/drive/command_set.hpp"
#include "efface/scsi/sense.hpp"

namespace efface::method {

/// The transport is borrowed.
class ScsiSession final {
  public:
    explicit ScsiSession(device::ScsiTransport& transport) noexcept : transport_(transport) {}
    [[nodiscard]] device::ScsiTransport& transport() const noexcept { return transport_; }

    /// Repeats a command that only met a unit attention, a bounded number of times.
    [[nodiscard]] device::ScsiCompletion send(const device::ScsiCommand& command);
    /// What the disk sends for a CDB that asks, at most `bytes`; nullopt unless the status is GOOD.
    [[nodiscard]] std::optional<Bytes> ask(Bytes cdb, std::size_t bytes);
    /// Resets and power cycles that the disk has told of so far.
    [[nodiscard]] unsigned resets() const noexcept { return resets_; }
    void note(const scsi::SenseData& sense) noexcept { resets_ += sense.tells_reset() ? 1U : 0U; }

  private:
    device::ScsiTransport& transport_;
    unsigned resets_ = 0;
};

/// A status in words: "good", "3/31/03 sanitize command failed", "no answer (host status 3)".
[[nodiscard]] std::string scsi_answer_text(const device::ScsiCompletion& completion);
/// The sense data of a CHECK CONDITION.
[[nodiscard]] std::optional<scsi::SenseData> scsi_sense(const device::ScsiCompletion& completion);

/// What runs on the disk, or ran and failed.
enum class ScsiWork { none, sanitize, format, other };
struct ScsiReadiness {
    Phase phase = Phase::unknown;  ///< idle, running, failed or unknown
    ScsiWork work = ScsiWork::none;
    std::optional<double> progress;
    std::string detail;
    std::vector<RawPage> pages;
    bool reserved = false;  ///< for another host
};
/// REQUEST SENSE; when that tells of nothing TEST UNIT READY, and when that is good READ CAPACITY:
/// only a disk that passes all three is idle.
[[nodiscard]] ScsiReadiness ask_scsi_readiness(ScsiSession& session);
/// The part of it that an OperationState has; no technique.
[[nodiscard]] OperationState state_of(ScsiReadiness readiness);

}  // namespace efface::method

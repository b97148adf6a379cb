// SPDX-License-Identifier: Apache-2.0
// A drive that erases itself on a clock, without any command set of its own: for the engine above
// them. It is honest unless told otherwise.
#pragma once

#include <functional>

#include "efface/device/block_target.hpp"
#include "efface/method/drive/command_set.hpp"

#include "fake/disk/drive_media.hpp"
#include "fake/disk/fixed.hpp"

namespace efface::fake {

struct DriveLies {
    bool erases_nothing = false;
    double keeps_share = 0;  ///< of the medium, from its middle
    bool fails = false;
    bool forgets = false;       ///< idle after it ran: neither success nor failure
    bool stands_still = false;  ///< its progress never moves
    bool refuses = false;
    bool no_status = false;       ///< its status proves nothing
    bool reverts_writes = false;  ///< what was written last comes back after the erasure
    bool drops_canaries = false;  ///< takes writes and keeps the old content
    bool breaks_promise = false;  ///< leaves noise where zeros are promised
    std::string serial_after;     ///< another drive answers after the erasure
    unsigned vanishes_for = 0;    ///< so many questions stay unanswered in the middle
    bool gone_for_good = false;   ///< from the middle on
    bool unreadable_after = false;
    bool unreadable_as_expected = true;
    bool promises_nothing = false;  ///< else zeros
    double unreadable_share = 1;    ///< of the medium, from its beginning
    bool clean_up_fails = false;
    bool hidden_area = false;        ///< the last eighth can't be addressed at first
    bool hidden_area_stays = false;  ///< and can't be opened
    bool hidden_area_needs_power = false;
    std::string runs_already;  ///< technique that somebody else began
};

class ScriptedDrive final : public method::CommandSet, public device::BlockTarget {
  public:
    static constexpr std::uint64_t kBlocks = 8192;
    static constexpr std::uint32_t kBlockBytes = 512;
    static constexpr std::chrono::seconds kDuration{40};
    static constexpr const char* kTechnique = "nvme-sanitize-block";

    explicit ScriptedDrive(FixedClock& clock, DriveLies lies = {});

    // CommandSet
    [[nodiscard]] std::string_view name() const override { return "nvme"; }
    method::DriveSurvey survey() override;
    method::OperationState state() override;
    std::unique_ptr<method::Operation> make(std::string_view technique,
                                            method::OperationMemory& memory) override;
    method::OpenedAreas open_hidden_areas(method::OperationMemory& memory) override;
    method::ReadStatus read_status(const std::string& surface, std::uint64_t offset,
                                   MutableByteView into) override;
    // BlockTarget
    [[nodiscard]] std::uint64_t size_bytes() const override;
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return kBlockBytes; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override;
    device::IoResult write_at(std::uint64_t offset, ByteView from) override;
    int flush() override { return 0; }

    /// Anything of the first content, of the kept places included.
    [[nodiscard]] bool old_content_remains() const;
    void power_cycle();
    /// Called before every answer: to kill or stop the caller there.
    std::function<void(const std::string& what)> on_command;
    DriveLies lies;
    unsigned starts = 0;

  private:
    class Operation;
    enum class Doing { nothing, erasing, done, failed };
    void asked(const std::string& what);
    void catch_up();
    void erase();
    [[nodiscard]] bool answers();
    [[nodiscard]] method::RawPage status_page() const;
    [[nodiscard]] bool unreadable(std::uint64_t offset) const;

    FixedClock& clock_;
    DriveMedia media_;
    Bytes original_;
    std::uint64_t visible_blocks_;
    Doing doing_ = Doing::nothing;
    SteadyTime started_{};
    bool erased_ = false;
    bool powered_since_opening_ = false;
};

}  // namespace efface::fake

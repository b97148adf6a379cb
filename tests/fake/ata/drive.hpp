// SPDX-License-Identifier: Apache-2.0
// An ATA drive: what ACS-4 says that one does, and ways of not doing it.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "efface/base/clock.hpp"
#include "efface/device/drive/ata_transport.hpp"
#include "efface/device/drive/security_transport.hpp"

#include "fake/disk/drive_media.hpp"
#include "fake/disk/health.hpp"

namespace efface::fake {

struct AtaDriveOptions {
    std::uint64_t blocks = 2048;  ///< all of them, those that are hidden too
    std::uint32_t block_bytes = 512;
    std::uint64_t spare_blocks = 0;
    std::string model = "EFFACE RIG SSD";
    std::string serial = "RIGATA0001";
    std::string firmware = "1.0";
    std::uint64_t wwn = 0x5001405aabbccdd1;
    std::uint16_t rotation = 1;
    bool sanitize = true;
    bool crypto_scramble = true;
    bool block_erase = true;
    bool overwrite = true;
    bool encrypts_all = false;
    std::chrono::milliseconds sanitize_time{2'000};
    bool security = true;
    bool enhanced_erase = true;
    std::uint16_t normal_time_word = 1;
    std::uint16_t enhanced_time_word = 1;
    std::chrono::milliseconds erase_time{0};
    /// Blocks at the end, above one another: accessible, protected area, overlay.
    bool protected_area = false;
    std::uint64_t protected_blocks = 0;
    bool overlay = false;
    std::uint64_t overlay_blocks = 0;
    bool accessible_max = false;
    std::uint64_t above_accessible_blocks = 0;
    /// DCO RESTORE is refused in the power cycle of a SET MAX ADDRESS.
    bool restore_needs_power_cycle = false;
    bool frozen_at_power_on = false;  ///< by the firmware of the host
    bool overlay_frozen_at_power_on = false;
    bool standby = false;
    HealthFigures health = {};
    // What a vendor may choose.
    bool protected_area_off = false;  ///< supported, not enabled: its commands are aborted
    bool checksum_wrong = false;      ///< of IDENTIFY DEVICE, each time
    /// SANITIZE STATUS EXT is aborted, no reason given, as long as the operation runs.
    bool status_aborted_at_work = false;

    // Lies and faults.
    bool erases_nothing = false;
    bool only_forgets = false;            ///< where data lie: all reads as zeros
    std::uint64_t keeps_blocks = 0;       ///< the last so many of the addressable ones
    bool progress_stuck = false;          ///< at a half, for ever
    bool sanitize_refused = false;        ///< aborted, although it is supported
    bool sanitize_fails = false;          ///< in the end
    bool sanitize_forgotten = false;      ///< its progress vanishes, and no success bit comes
    bool hangs_while_sanitizing = false;  ///< no answer as long as it runs
    bool registers_lost = false;          ///< on the way to the host
    bool password_answer_lost = false;    ///< SET PASSWORD works, nobody hears of it
    bool prepare_refused = false;
    bool erase_refused = false;        ///< after the password was taken
    bool erase_answer_lost = false;    ///< ERASE UNIT works, nobody hears of it
    bool power_lost_in_erase = false;  ///< halfway
    bool stays_enabled = false;        ///< ERASE UNIT succeeds, the password is still there
    bool unlock_refused = false;
    bool disable_refused = false;
    bool another_identity = false;  ///< after the next reset or power cycle
    bool writes_reverted = false;   ///< written blocks go back at an erasure or reset
    bool identify_corrupt = false;  ///< otherwise each time
    bool set_max_ignored = false;   ///< accepted, changes nothing
};

/// The clock and the security transport outlive it.
class AtaDrive final : public device::AtaTransport {
  public:
    AtaDrive(const AtaDriveOptions& options, const Clock& clock,
             device::SecurityTransport* trusted = nullptr);

    device::AtaCompletion submit(const device::AtaCommand& command) override;
    /// Whether its TCG functions keep blocks from being read and written.
    void lock_by(std::function<bool()> locked) { range_locked_ = std::move(locked); }

    void power_cycle();
    void reset();   ///< hardware reset
    void freeze();  ///< SECURITY FREEZE LOCK, as the firmware of a host sends it
    void set_password_of_somebody();
    /// As after a SET MAX ADDRESS by the firmware of the host in this power cycle.
    void use_up_set_max() { set_max_used_ = true; }

    [[nodiscard]] DriveMedia& media() noexcept { return media_; }
    [[nodiscard]] std::uint64_t addressable() const noexcept { return accessible_; }
    [[nodiscard]] bool password_set() const noexcept { return password_.has_value(); }
    [[nodiscard]] bool locked() const noexcept { return locked_; }
    [[nodiscard]] unsigned commands_of(std::uint8_t code) const;
    /// A test may change what it does from here on.
    AtaDriveOptions options;

  private:
    enum class Sanitize { idle, frozen, running, failed, succeeded };

    void tick();
    [[nodiscard]] device::AtaRegisters good(std::uint64_t lba = 0, std::uint16_t count = 0) const;
    [[nodiscard]] device::AtaRegisters abort(std::uint8_t error = 0x04,
                                             std::uint64_t lba = 0) const;
    [[nodiscard]] device::AtaRegisters execute(const device::AtaCommand& command, bool& lost);
    [[nodiscard]] bool refused_while_sanitizing(const device::AtaCommand& command) const;
    [[nodiscard]] bool refused_while_locked(const device::AtaCommand& command) const;

    [[nodiscard]] Bytes identify();
    [[nodiscard]] std::uint16_t security_word() const;
    [[nodiscard]] Bytes smart_page(const device::AtaCommand& command) const;
    [[nodiscard]] device::AtaRegisters smart(const device::AtaCommand& command) const;
    [[nodiscard]] Bytes statistics_page(std::uint8_t number) const;
    [[nodiscard]] device::AtaRegisters read_log(const device::AtaCommand& command) const;
    [[nodiscard]] device::AtaRegisters transfer(const device::AtaCommand& command);
    [[nodiscard]] device::AtaRegisters trusted(const device::AtaCommand& command, bool& lost);

    [[nodiscard]] device::AtaRegisters sanitize(const device::AtaCommand& command);
    [[nodiscard]] device::AtaRegisters sanitize_status(std::uint16_t count);
    void finish_sanitize();

    [[nodiscard]] device::AtaRegisters security(const device::AtaCommand& command, bool& lost);
    [[nodiscard]] device::AtaRegisters erase_unit(const device::AtaCommand& command, bool& lost);
    [[nodiscard]] bool password_matches(const device::AtaCommand& command);

    [[nodiscard]] std::uint64_t native() const;
    [[nodiscard]] device::AtaRegisters capacity(const device::AtaCommand& command);
    [[nodiscard]] device::AtaRegisters set_max(const device::AtaCommand& command);
    [[nodiscard]] device::AtaRegisters overlay(const device::AtaCommand& command);
    [[nodiscard]] Bytes overlay_page() const;

    /// All blocks below `end` (and the spare ones), but for what the options leave out.
    void erase(std::uint64_t end, bool spare, DriveMedia::Leave leave,
               std::optional<std::uint32_t> pattern = {});

    const Clock& clock_;
    device::SecurityTransport* trusted_;
    std::function<bool()> range_locked_;
    DriveMedia media_;
    std::map<std::uint64_t, Bytes> reverting_;  ///< writes that will be taken back
    std::map<std::uint8_t, unsigned> counts_;
    std::uint8_t previous_ = 0;  ///< the command before this one
    unsigned identified_ = 0;

    // Kept without power.
    Sanitize sanitize_ = Sanitize::idle;
    bool completed_without_error_ = false;
    bool failure_mode_ = false;
    std::uint16_t sanitize_feature_ = 0;
    std::uint32_t pattern_ = 0;
    SteadyTime sanitize_began_{};
    std::optional<Bytes> password_;
    bool level_maximum_ = false;
    std::uint64_t accessible_;
    bool overlay_set_;
    // Lost without power.
    bool antifreeze_ = false;
    bool security_frozen_ = false;
    bool locked_ = false;
    bool overlay_frozen_ = false;
    bool set_max_used_ = false;
    unsigned attempts_left_ = 5;
};

}  // namespace efface::fake

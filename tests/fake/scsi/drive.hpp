// SPDX-License-Identifier: Apache-2.0
// A SCSI disk: what SPC-5 and SBC-4 say of INQUIRY, sense, SANITIZE, FORMAT UNIT and the rest, on a
// clock, over a medium that a test can look at. It shares no encoding with src/scsi. Options make
// it an older, smaller, failing or lying disk.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/device/drive/scsi_transport.hpp"
#include "efface/device/drive/security_transport.hpp"

#include "fake/disk/drive_media.hpp"
#include "fake/disk/health.hpp"

namespace efface::fake {

struct ScsiDriveOptions {
    // The disk.
    std::uint64_t blocks = 2048;  ///< in all, also those that are kept from the host
    std::uint32_t block_bytes = 512;
    std::uint64_t spare_blocks = 0;
    std::string vendor = "EFFACE";
    std::string product = "MODEL DISK";
    std::string revision = "0001";
    std::string serial = "SCSI0001";
    std::uint64_t naa = 0x5000c500a1b2c3d4;
    std::uint8_t device_type = 0;
    std::uint16_t rotation = 1;
    std::uint8_t after_block_erase = 0;   ///< WABEREQ
    std::uint8_t after_crypto_erase = 0;  ///< WACEREQ
    std::uint8_t zoned = 0;
    std::uint8_t protection_type = 0;
    std::uint16_t self_test_seconds = 0;
    std::uint64_t write_same_blocks_max = 0;
    std::uint32_t logical_units = 1;
    bool descriptor_sense = false;         ///< D_SENSE
    bool translation_layer = false;        ///< an ATA device behind one: VPD 89h
    std::uint64_t reduced_blocks = 0;      ///< not 0: the capacity that MODE SELECT left
    std::uint64_t depopulated_blocks = 0;  ///< not 0: at the end, in an element out of use
    bool element_restorable = true;
    std::chrono::milliseconds sanitize_time{10'000};
    std::chrono::milliseconds format_time{20'000};
    std::chrono::milliseconds restore_time{30'000};
    HealthFigures health = {};
    // What it takes.
    bool has_overwrite = true;
    bool has_block_erase = true;
    bool has_crypto_erase = true;
    bool has_format = true;
    bool has_write_same = true;
    bool changes_sectors = true;          ///< MODE SELECT takes another LOGICAL BLOCK LENGTH
    bool short_descriptors_only = false;  ///< of MODE SELECT (6)
    bool reports_opcodes = true;
    bool tells_as_made_capacity = true;
    // Faults; from an erasure's half on, where they need a time.
    bool fails = false;             ///< 3/31/03, or 3/31/01 of a format
    bool sanitize_refused = false;  ///< 5/24/00 although it reports support
    bool progress_stuck = false;    ///< never ends
    bool hangs = false;             ///< no command is answered any more
    bool resets = false;            ///< a bus reset; the erasure goes on
    bool write_same_fails = false;  ///< a medium error in the middle of the unit
    // Lies.
    bool erases_nothing = false;  ///< SANITIZE
    /// With erases_nothing: afterwards no block can be read; 1: 3/11/00, 2: 3/11/15.
    std::uint8_t hides = 0;
    bool shows_after_write = false;  ///< with `hides`: one written block, and all are there again
    bool only_forgets = false;       ///< SANITIZE: where data lie, all reads as zeros
    bool format_erases_nothing = false;
    bool keeps_sectors = false;          ///< FORMAT UNIT leaves their size as it is
    double keeps_share = 0;              ///< of the blocks, the last ones
    bool vanishes = false;               ///< no longer at it, nothing done, no failure told
    bool forgets_on_power_loss = false;  ///< a sanitize ends like a format
    bool reverts_writes = false;         ///< what was there at the start comes back
    std::string serial_after_reset;
};

class ScsiDrive final : public device::ScsiTransport {
  public:
    /// The clock outlives the drive.
    ScsiDrive(ScsiDriveOptions options, const Clock& clock);

    device::ScsiCompletion submit(const device::ScsiCommand& command) override;

    /// Power off and on: unit attention 29/01. A sanitize goes on, a format is gone.
    void power_cycle();
    void bus_reset();
    /// No answer to any command until resume(): host status 3.
    void hang() noexcept { hanging_ = true; }
    void resume() noexcept { hanging_ = false; }
    /// What was written until now is what reverts_writes brings back. Also done at construction.
    void remember();
    /// SECURITY PROTOCOL IN and OUT go there; borrowed. nullptr: the commands are refused.
    /// `locked` says whether blocks may be neither read nor written.
    void attach(device::SecurityTransport* security, std::function<bool()> locked = {}) {
        security_ = security;
        locked_ = std::move(locked);
    }

    [[nodiscard]] DriveMedia& media() noexcept { return media_; }
    [[nodiscard]] ScsiDriveOptions& options() noexcept { return options_; }
    [[nodiscard]] bool busy();
    /// Every CDB since the start.
    [[nodiscard]] const std::vector<Bytes>& received() const noexcept { return received_; }
    [[nodiscard]] std::uint64_t host_blocks() const noexcept { return host_blocks_; }

  private:
    enum class State { normal, sanitizing, formatting, restoring, sanitize_failed, format_failed };
    enum class Unreadable : std::uint8_t { no, medium_error, write_required };
    struct Sense {
        std::uint8_t key = 0;
        std::uint16_t code = 0;
        std::optional<std::uint16_t> progress;
    };
    using Answer = device::ScsiCompletion;

    [[nodiscard]] Answer dispatch(const device::ScsiCommand& command);
    [[nodiscard]] Answer carry_out(const device::ScsiCommand& command);
    [[nodiscard]] Answer move_blocks(const device::ScsiCommand& command);
    [[nodiscard]] Answer ask(const device::ScsiCommand& command);
    [[nodiscard]] Answer refused(const Sense& sense) const;
    [[nodiscard]] Answer data_in(const device::ScsiCommand& command, ByteView data,
                                 std::size_t allocation) const;
    [[nodiscard]] Bytes encode(const Sense& sense, bool descriptor) const;

    [[nodiscard]] std::optional<Sense> obstacle(const Bytes& cdb);
    [[nodiscard]] Sense running_sense() const;
    [[nodiscard]] Answer request_sense(const device::ScsiCommand& command);
    [[nodiscard]] Answer inquiry(const device::ScsiCommand& command) const;
    [[nodiscard]] std::optional<Bytes> vital_page(std::uint8_t page) const;
    [[nodiscard]] Answer report_opcodes(const device::ScsiCommand& command) const;
    [[nodiscard]] Answer mode_sense(const device::ScsiCommand& command) const;
    [[nodiscard]] Bytes mode_pages(std::uint8_t control, std::uint8_t page) const;
    [[nodiscard]] Answer mode_select(const device::ScsiCommand& command);
    [[nodiscard]] Answer read_capacity(const device::ScsiCommand& command) const;
    [[nodiscard]] std::optional<Bytes> log_parameters(std::uint8_t page,
                                                      std::uint8_t subpage) const;
    [[nodiscard]] Answer log_sense(const device::ScsiCommand& command) const;
    [[nodiscard]] Answer defect_data(const device::ScsiCommand& command) const;
    [[nodiscard]] Answer element_status(const device::ScsiCommand& command) const;
    [[nodiscard]] Answer read(const device::ScsiCommand& command, std::uint64_t block,
                              std::uint64_t count) const;
    [[nodiscard]] Answer write(const device::ScsiCommand& command, std::uint64_t block,
                               std::uint64_t count);
    [[nodiscard]] Answer write_same(const device::ScsiCommand& command, std::uint64_t block,
                                    std::uint64_t count);
    [[nodiscard]] Answer sanitize(const device::ScsiCommand& command);
    [[nodiscard]] Answer format(const device::ScsiCommand& command);
    [[nodiscard]] Answer secure(const device::ScsiCommand& command);
    [[nodiscard]] bool supports(std::uint8_t opcode, std::uint16_t action) const;

    void begin(State state, std::chrono::milliseconds duration);
    void tick();
    void midway();
    void finish();
    void erase_all();
    void change_sectors();

    ScsiDriveOptions options_;
    const Clock& clock_;
    DriveMedia media_;
    Bytes original_;
    std::uint64_t host_blocks_ = 0;
    std::uint32_t next_block_bytes_ = 0;  ///< of the next format; 0: as they are
    std::vector<Unreadable> unreadable_;
    bool descriptor_sense_ = false;
    bool depopulated_ = false;
    State state_ = State::normal;
    std::uint8_t action_ = 0;
    bool unrestricted_ = false;
    Bytes pattern_;
    SteadyTime began_{};
    std::chrono::milliseconds duration_{};
    bool half_passed_ = false;
    bool hanging_ = false;
    std::optional<std::uint16_t> attention_;
    device::SecurityTransport* security_ = nullptr;
    std::function<bool()> locked_;
    std::vector<Bytes> received_;
};

}  // namespace efface::fake

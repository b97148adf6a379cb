// SPDX-License-Identifier: Apache-2.0
// A model of an NVMe subsystem (NVMe Base 2.3): controllers, namespaces, Format, Sanitize with its
// whole state machine, log pages, on a clock. It can lie and fail as drives do.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/device/drive/nvme_transport.hpp"
#include "efface/device/drive/security_transport.hpp"

#include "fake/disk/drive_media.hpp"
#include "fake/disk/health.hpp"

namespace efface::fake {

struct NvmeNamespaceOptions {
    std::uint64_t blocks = 4096;
    std::uint32_t block_bytes = 512;
    bool attached = true;  ///< to every controller, until Namespace Attachment changes it
    bool write_protected = false;
    bool kept = false;  ///< a lie: no erasure reaches it
};

/// What an erasure leaves for a host to read.
enum class NvmeLeaves {
    zeros,       ///< deallocated blocks read as zeros
    noise,       ///< old content behind a new key
    unreadable,  ///< Unrecovered Read Error until the block is written
};

/// Lies and faults. Those "in the middle" happen once, half-way through a sanitize.
struct NvmeLies {
    bool erases_nothing = false;           ///< and reports success
    bool only_forgets = false;             ///< where data lie: all reads as zeros
    unsigned keeps_permille = 0;           ///< of the blocks, spread
    bool progress_stuck = false;           ///< stays at a quarter and never ends
    bool sanitize_fails = false;           ///< SOS 3 at the end
    bool idle_after_sanitize = false;      ///< SOS 0 at the end, as after a failure mode's exit
    bool ignores_sanitize = false;         ///< accepts it, does nothing, keeps its old status
    bool reset_in_the_middle = false;      ///< one command is lost (EIO)
    bool power_cut_in_the_middle = false;  ///< no answer (ENODEV) until power_on()
    bool hangs_in_the_middle = false;      ///< no answer (ETIME) until power_cycle() or reset()
    bool other_serial_after_reset = false;
    bool hides_last_namespace = false;  ///< from every list; it is still there
    bool loses_last_namespace = false;  ///< once a sanitize succeeded no command reaches it
    /// What was written since power-on is gone after an erasure, what stood before is back.
    bool reverts_writes = false;
    bool status_log_zero = false;       ///< log page 81h is all zero
    std::uint16_t reads_status = 0;     ///< of every read after an erasure, ...
    bool reads_until_write = false;     ///< ... until something is written
    std::uint16_t attach_status = 0;    ///< Namespace Attachment is refused with it
    std::uint16_t format_status = 0;    ///< Format NVM is refused with it
    std::uint16_t sanitize_status = 0;  ///< Sanitize is refused with it
    bool format_unanswered = false;     ///< it is carried out, the answer is lost (ETIME)
};

struct NvmeDriveOptions {
    std::string serial = "EFM0001";
    std::string model = "EFFACE MODEL NVME";
    std::string firmware = "1.0";
    std::string subsystem_nqn = "nqn.2026-01.example:nvme:model";
    std::uint32_t version = 0x00020100;
    std::uint32_t sanicap = 0x40000007;  ///< crypto, block, overwrite; NODMMAS 1
    std::uint8_t fna = 0x04;             ///< CRYES
    bool namespace_management = true;
    bool format = true;
    bool event_log = true;
    HealthFigures health = {};
    unsigned controllers = 1;
    std::vector<NvmeNamespaceOptions> namespaces = {{}};
    std::uint64_t unallocated_blocks = 0;  ///< of 512 bytes, with content of deleted namespaces
    std::uint64_t spare_blocks = 0;        ///< of each namespace
    NvmeLeaves leaves = NvmeLeaves::zeros;
    std::uint8_t deallocated_reads = 1;  ///< DLFEAT 2:0
    bool dulbe = false;                  ///< Error Recovery: until a reset
    std::chrono::milliseconds crypto_time{2'000};
    std::chrono::milliseconds block_time{60'000};
    std::chrono::milliseconds overwrite_time{600'000};  ///< of one pass
    std::chrono::milliseconds deallocation_time{5'000};
    /// Seconds as log page 81h tells them; FFFFFFFFh is none. The overwrite's is for 16 passes.
    std::uint32_t overwrite_estimate = 9'600;
    std::uint32_t block_estimate = 60;
    std::uint32_t crypto_estimate = 2;
    // What a vendor may choose.
    std::uint32_t scdw10_told = 0xffffffff;  ///< the bits of CDW10 that log page 81h gives back
    bool tells_erased = true;                ///< Global Data Erased
    bool tells_progress = true;              ///< SPROG
    bool broadcast_refused = false;          ///< Format NVM of FFFFFFFFh, whatever FNA says
    /// With NODMMAS 2: of every so many blocks one is deallocated after No-Deallocate, 0: none.
    unsigned deallocates_one_in = 1;
    NvmeLies lies;
};

class NvmeDrive final {
  public:
    /// `clock` outlives the drive; so does `security`, which Security Send and Receive go to
    /// (none: the drive has no security commands).
    NvmeDrive(NvmeDriveOptions options, const Clock& clock,
              device::SecurityTransport* security = nullptr);
    ~NvmeDrive();
    NvmeDrive(const NvmeDrive&) = delete;
    NvmeDrive& operator=(const NvmeDrive&) = delete;

    [[nodiscard]] device::NvmeTransport& controller(std::size_t index = 0);
    [[nodiscard]] std::size_t controllers() const noexcept;

    void power_off();
    void power_on();
    void power_cycle() {
        power_off();
        power_on();
    }
    /// Whether the drive's TCG functions keep blocks from being read and written.
    void lock_by(std::function<bool()> locked);
    /// NVM subsystem reset: ends a hang and media verification, not a sanitize.
    void reset();
    [[nodiscard]] bool answers() const noexcept;
    /// ENODEV, ETIME, or 0 when it answers.
    [[nodiscard]] int silence() const noexcept;

    // Behind the drive's back.
    [[nodiscard]] DriveMedia& media(std::uint32_t nsid);
    [[nodiscard]] DriveMedia& unallocated();
    /// Anywhere: in a namespace, spare, unallocated (blocks of the same size only).
    [[nodiscard]] bool holds(ByteView block) const;
    [[nodiscard]] bool retired_holds(ByteView block) const;
    /// May be changed while it runs.
    [[nodiscard]] NvmeLies& lies() noexcept;
    /// Of every command that a controller was given: opcode and cdw10.
    struct Seen {
        bool admin = true;
        std::uint8_t opcode = 0;
        std::uint32_t nsid = 0;
        std::uint32_t cdw10 = 0;
    };
    [[nodiscard]] const std::vector<Seen>& seen() const noexcept;

  private:
    struct State;
    class Port;
    std::unique_ptr<State> state_;
    std::vector<std::unique_ptr<Port>> ports_;
};

}  // namespace efface::fake

// SPDX-License-Identifier: Apache-2.0
// The inside of the NVMe model.
#pragma once

#include <deque>

#include "drive.hpp"

namespace efface::fake {

// Status field values (NVMe Base 2.3, section 4.2.3), with Do Not Retry where drives set it.
constexpr std::uint16_t kDnr = 0x4000;
constexpr std::uint16_t kInvalidOpcode = 0x4001;
constexpr std::uint16_t kInvalidField = 0x4002;
constexpr std::uint16_t kInvalidNamespace = 0x400b;
constexpr std::uint16_t kSequenceError = 0x400c;
constexpr std::uint16_t kSanitizeFailed = 0x401c;
constexpr std::uint16_t kSanitizeInProgress = 0x001d;
constexpr std::uint16_t kWriteProtected = 0x4020;
constexpr std::uint16_t kOutOfRange = 0x4080;
constexpr std::uint16_t kInvalidLogPage = 0x4109;
constexpr std::uint16_t kInvalidFormat = 0x410a;
constexpr std::uint16_t kMediaVerificationRead = 0x019c;
constexpr std::uint16_t kUnrecoveredRead = 0x4281;
constexpr std::uint16_t kAccessDenied = 0x4286;

struct NvmeSpace {
    NvmeNamespaceOptions options;
    DriveMedia media;
    std::optional<DriveMedia> before_writes;  ///< for reverts_writes
    std::vector<bool> lost;                   ///< NvmeLeaves::unreadable
};

/// SANS of log page 81h.
enum class NvmeMachine : std::uint8_t {
    idle = 0,
    restricted_processing = 1,
    restricted_failure = 2,
    unrestricted_processing = 3,
    unrestricted_failure = 4,
    media_verification = 5,
    deallocation = 6,
};

struct NvmeDrive::State {
    State(NvmeDriveOptions given, const Clock& clock_given,
          device::SecurityTransport* security_given);

    NvmeDriveOptions options;
    const Clock& clock;
    device::SecurityTransport* security;
    int security_error = 0;  ///< the answer to the security command under way is lost
    std::function<bool()> locked;
    std::deque<NvmeSpace> spaces;  ///< nsid - 1
    DriveMedia unallocated;
    std::vector<Seen> seen;

    // Power and answers.
    bool powered = true;
    bool hanging = false;
    bool lose_one = false;
    bool was_reset = false;
    unsigned power_cycles = 1;

    // Sanitize: all of it lives over power cycles.
    NvmeMachine machine = NvmeMachine::idle;
    std::uint8_t outcome = 0;  ///< SOS
    std::uint32_t scdw10 = 0;
    std::uint32_t pattern = 0;
    bool global_data_erased = true;
    bool verification_cancelled = false;
    std::uint8_t failed_state = 0;
    bool middle_done = false;
    std::uint64_t done_permille = 0;  ///< of the media
    std::chrono::milliseconds worked{0};
    SteadyTime last_look{};

    struct Event {
        std::uint8_t type = 0;
        std::uint64_t milliseconds = 0;
        Bytes data;
    };
    std::deque<Event> events;  ///< newest first
    bool event_context = false;
    bool reads_hidden = false;  ///< NvmeLies::reads_status

    /// Lets the time that has passed have its effect.
    void settle();
    [[nodiscard]] bool processing() const noexcept {
        return machine == NvmeMachine::restricted_processing ||
               machine == NvmeMachine::unrestricted_processing;
    }
    [[nodiscard]] bool failure() const noexcept {
        return machine == NvmeMachine::restricted_failure ||
               machine == NvmeMachine::unrestricted_failure;
    }
    [[nodiscard]] std::chrono::milliseconds duration() const;
    [[nodiscard]] std::uint16_t sprog() const;
    std::uint16_t start_sanitize(std::uint32_t cdw10, std::uint32_t cdw11);
    void finish_processing();
    void finish(std::uint8_t sos);
    void cancel_verification();
    void add_event(std::uint8_t type, Bytes data);
    void add_completion_event();
    void trouble_in_the_middle();

    /// Erases the blocks of the media between two shares, as SANACT or SES says.
    void erase_share(std::uint64_t from_permille, std::uint64_t to_permille);
    void erase_space(NvmeSpace& space, std::uint64_t first, std::uint64_t count,
                     DriveMedia::Leave leave);
    /// One in so many blocks.
    void deallocate_erased(unsigned one_in);
    void revert_writes();
    std::uint16_t format(std::uint32_t nsid, std::uint32_t cdw10);
    std::uint16_t attach(const device::NvmeCommand& command, std::uint16_t controller_id);
    void format_space(std::size_t index, unsigned secure_erase);

    [[nodiscard]] NvmeSpace* space(std::uint32_t nsid);
    [[nodiscard]] bool listed(std::size_t index) const;
    [[nodiscard]] std::string serial() const;

    // Pages.
    std::uint16_t identify(const device::NvmeCommand& command, std::uint16_t controller_id);
    void identify_controller(MutableByteView page, std::uint16_t controller_id) const;
    void identify_space(MutableByteView page, std::uint32_t nsid) const;
    std::uint16_t log_page(const device::NvmeCommand& command);
    [[nodiscard]] Bytes sanitize_log() const;
    [[nodiscard]] Bytes smart_log() const;
    [[nodiscard]] Bytes event_log() const;

    std::uint16_t admin(const device::NvmeCommand& command, std::uint16_t controller_id,
                        std::uint32_t& dword0);
    std::uint16_t io(const device::NvmeCommand& command);
    std::uint16_t read(NvmeSpace& place, const device::NvmeCommand& command);
    std::uint16_t write(NvmeSpace& place, const device::NvmeCommand& command);
    std::uint16_t deallocate(NvmeSpace& place, const device::NvmeCommand& command);
};

}  // namespace efface::fake

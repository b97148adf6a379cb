// SPDX-License-Identifier: Apache-2.0
// A self-encrypting drive behind a SecurityTransport: what Opal 2.30, Pyrite 2.00, Enterprise 1.00
// and their feature sets ask of it, and what they do not.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/device/drive/security_transport.hpp"
#include "efface/tcg/tokens.hpp"

#include "fake/disk/drive_media.hpp"

namespace efface::fake {

/// Names on the wire, as the kernel's sed-opal has them: not ours, so that a wrong name is noticed.
namespace tcg_names {
constexpr std::uint64_t kSessionManager = 0xff;
constexpr std::uint64_t kAdminSp = 0x0000020500000001;
constexpr std::uint64_t kLockingSp = 0x0000020500000002;
constexpr std::uint64_t kLockingSpEnterprise = 0x0000020500010001;
constexpr std::uint64_t kSid = 0x0000000900000006;
constexpr std::uint64_t kPsid = 0x000000090001ff01;
constexpr std::uint64_t kAdmin1 = 0x0000000900010001;
constexpr std::uint64_t kEraseMaster = 0x0000000900008401;
}  // namespace tcg_names

struct TcgDriveOptions {
    enum class Ssc { opal2, opalite, pyrite2, ruby, enterprise } ssc = Ssc::opal2;
    bool has_tcg = true;            ///< false: discovery is empty
    bool refuses_security = false;  ///< the commands below are refused
    bool locking_active = true;     ///< always, on Enterprise
    bool locked = false;            ///< the host's blocks, until a Revert or an Erase
    bool media_encryption = true;   ///< never, on Pyrite
    std::string msid = "MSID0123456789MSID0123456789MSID";
    std::string sid;                                        ///< empty: the MSID
    std::string psid = "PSID0123456789PSID0123456789PSID";  ///< empty: no such authority
    std::string locking_admin = "the-admin-of-the-locking-sp";
    unsigned tries = 5;
    struct Range {
        std::uint64_t first = 0;
        std::uint64_t blocks = 0;
    };
    std::vector<Range> ranges;     ///< beside the global one
    std::uint64_t ranges_max = 4;  ///< of which the rest has no blocks
    bool block_sid_feature = true;
    bool sid_blocked = false;
    bool removal_feature = false;
    std::uint8_t removal_mechanisms = 0x04;
    std::uint64_t active_mechanism = 2;
    std::uint16_t crypto_time = 1;  ///< in units of 2 s
    std::chrono::milliseconds removal_time{0};
    bool reverts_before_removal = false;  ///< the Locking SP is inactive while data still goes

    // What an honest drive may choose.
    bool numbers_in_sync_header = false;  ///< of the new session, in the header of SyncSession
    unsigned empty_answers = 0;          ///< receives that bring nothing at all, before each answer
    bool silent_while_working = false;   ///< as if it had nothing to say, Outstanding 0
    std::uint32_t minimum_transfer = 0;  ///< bytes that a receive must ask for
    bool credit_subpackets = false;      ///< one before each that has data
    bool needs_properties = false;       ///< no session before Properties
    bool refuses_anybody = false;        ///< a session without an authority
    bool refuses_idle_receive = false;   ///< a receive when nothing waits
    unsigned refused_sends = 0;          ///< so many of those to come
    std::chrono::milliseconds busy_for{0};  ///< SP_BUSY, from the beginning on
    std::chrono::milliseconds activate_after{0};
    bool revert_sp_is_no_function = false;     ///< Enterprise: INVALID_FUNCTION, Revert does it
    bool enterprise_is_inactive = false;       ///< its Locking SP, from the beginning on
    bool enterprise_becomes_inactive = false;  ///< by a Revert
    std::uint8_t initial_sid_pin = 0;          ///< of the feature of its class
    enum class Locking { plain, repeated, cut } locking_descriptor = Locking::plain;

    // Faults and lies; those of methods are about the ones that erase.
    bool keeps_data = false;      ///< all as if it had erased
    bool stays_active = false;    ///< SUCCESS, and nothing else
    bool hangs = false;           ///< works for ever
    bool loses_answer = false;    ///< done, then the command that fetches the answer fails
    bool loses_command = false;   ///< the command that sends it fails, nothing is done
    bool closes_session = false;  ///< ends the session in the place of an answer
    std::uint8_t fails_with = 0;  ///< a status, nothing is done
    std::chrono::milliseconds answer_after{0};  ///< done and answered then
    bool answers_garbage = false;
    bool answers_for_another = false;  ///< with the numbers of another session
    bool gone = false;                 ///< every command fails with ENODEV
};

/// What a host did that it must not, or only once.
struct TcgCounts {
    std::map<std::uint64_t, unsigned> tries;  ///< of each authority
    unsigned resets_at_work = 0;              ///< while a method or a data removal was running
    unsigned sends_at_work = 0;
    unsigned ends_at_work = 0;  ///< of the session
    unsigned resets = 0;
    std::map<std::uint64_t, unsigned> carried_out;  ///< methods that erase, or activate
};

class TcgDrive final : public device::SecurityTransport {
  public:
    /// References outlive the drive.
    TcgDrive(TcgDriveOptions options, DriveMedia& media, const Clock& clock);

    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override;
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override;

    /// Sessions, tries and the block of SID are gone; what was running is interrupted.
    void power_cycle();

    [[nodiscard]] TcgDriveOptions& options() noexcept { return options_; }
    [[nodiscard]] bool locking_active() const noexcept { return options_.locking_active; }
    /// A drive in front answers reads and writes with a refusal then.
    [[nodiscard]] bool locked() const noexcept { return options_.locked; }
    [[nodiscard]] const TcgCounts& counts() const noexcept { return counts_; }
    [[nodiscard]] unsigned wrong_passwords() const noexcept { return wrong_passwords_; }
    [[nodiscard]] bool session_open() const noexcept { return session_.has_value(); }
    [[nodiscard]] unsigned sends() const noexcept { return sends_; }
    /// UIDs of the methods that came, in order.
    [[nodiscard]] const std::vector<std::uint64_t>& methods() const noexcept { return methods_; }
    [[nodiscard]] bool key_changed(std::size_t range) const { return key_changes_.contains(range); }

  private:
    struct Session {
        std::uint32_t tper = 0;
        std::uint32_t host = 0;
        std::uint64_t sp = 0;
        std::uint64_t authority = 0;  ///< 0: anybody
    };
    struct Call {
        std::uint64_t object = 0;
        std::uint64_t method = 0;
        std::vector<tcg::Token> parameters;  ///< within the list
        [[nodiscard]] std::optional<tcg::Token> named(std::uint64_t name) const;
        [[nodiscard]] std::optional<tcg::Token> named(std::string_view name) const;
    };
    struct Answer {
        Bytes stream;
        SteadyTime ready{};
        std::function<void()> effect;  ///< carried out when it is ready
        bool lost = false;
        bool never = false;
        unsigned empty = 0;  ///< receives that bring nothing first
        std::uint32_t tper = 0;
        std::uint32_t host = 0;
    };

    [[nodiscard]] bool enterprise() const {
        return options_.ssc == TcgDriveOptions::Ssc::enterprise;
    }
    [[nodiscard]] bool pyrite() const { return options_.ssc == TcgDriveOptions::Ssc::pyrite2; }
    void settle();
    [[nodiscard]] Bytes discovery() const;
    [[nodiscard]] static Bytes protocol_list();
    void answer_packet(MutableByteView into);
    [[nodiscard]] bool waits() const;  ///< for the end of a method
    [[nodiscard]] bool at_work() const;
    void count_send(ByteView from);
    void answer_properties();
    device::SecurityAnswer take_packet(ByteView from);
    void reply(Bytes stream, std::function<void()> effect = {});
    void start_session(const Call& call);
    [[nodiscard]] std::uint8_t authenticate(std::uint64_t sp, std::uint64_t authority,
                                            ByteView password);
    device::SecurityAnswer run(const Call& call);
    void get(const Call& call);
    void set(const Call& call);
    [[nodiscard]] std::uint8_t permission(const Call& call) const;
    void carry_out(const Call& call);
    void revert_all();
    void revert_locking(bool keep_global);
    void finish_removal();
    void change_key(std::size_t range);  ///< 0: the global one
    void change_all_keys();
    void reset_pins();

    TcgDriveOptions options_;
    DriveMedia& media_;
    const Clock& clock_;
    std::string sid_;
    std::map<std::uint64_t, unsigned> failures_;
    std::map<std::size_t, unsigned> key_changes_;
    std::optional<Session> session_;
    std::optional<Answer> answer_;
    std::optional<SteadyTime> removal_until_;
    bool interrupted_ = false;
    bool reset_requested_ = false;
    bool properties_said_ = false;
    SteadyTime busy_until_{};
    TcgCounts counts_;
    std::uint32_t next_session_ = 0x1000;
    unsigned sends_ = 0;
    unsigned wrong_passwords_ = 0;
    std::vector<std::uint64_t> methods_;
};

}  // namespace efface::fake

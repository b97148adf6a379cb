// SPDX-License-Identifier: Apache-2.0
// The states of the disk, the commands that erase, and what is in the way of the others.
#include "drive.hpp"

#include <algorithm>
#include <utility>

#include "sense_keys.hpp"

namespace efface::fake {

namespace {

constexpr std::uint16_t kTimedOut = 3;  // DID_TIME_OUT
constexpr std::uint8_t kCheckCondition = 2;
constexpr std::uint8_t kNotReady = 2;
constexpr std::uint8_t kUnitAttention = 6;
constexpr std::size_t kReceivedMax = 1 << 20;

/// Commands that are carried out whatever state the unit is in (SBC-4, section 4.11.2).
bool always_allowed(const Bytes& cdb) {
    return cdb[0] == 0x03 || cdb[0] == 0x12 || cdb[0] == 0xa0 ||
           (cdb[0] == 0xa3 && (cdb[1] & 0x1fU) == 0x0c);
}

/// Commands that do not need the medium.
bool about_the_unit(const Bytes& cdb) {
    return cdb[0] == 0x4d || cdb[0] == 0x1a || cdb[0] == 0x5a || cdb[0] == 0x1b || cdb[0] == 0x1e ||
           cdb[0] == 0xa2 || cdb[0] == 0xb5;
}

}  // namespace

ScsiDrive::ScsiDrive(ScsiDriveOptions options, const Clock& clock)
    : options_(std::move(options)),
      clock_(clock),
      media_(options_.blocks, options_.block_bytes, options_.spare_blocks),
      host_blocks_(options_.blocks - options_.depopulated_blocks),
      unreadable_(options_.blocks, Unreadable::no),
      descriptor_sense_(options_.descriptor_sense),
      depopulated_(options_.depopulated_blocks > 0) {
    EFFACE_ASSERT(options_.depopulated_blocks < options_.blocks);
    if (options_.reduced_blocks > 0) {
        EFFACE_ASSERT(options_.reduced_blocks <= host_blocks_);
        host_blocks_ = options_.reduced_blocks;
    }
    remember();
}

void ScsiDrive::remember() {
    original_.resize(options_.reverts_writes ? options_.blocks * options_.block_bytes : 0);
    if (!original_.empty()) {
        media_.read(0, original_);
    }
}

bool ScsiDrive::busy() {
    tick();
    return state_ == State::sanitizing || state_ == State::formatting || state_ == State::restoring;
}

void ScsiDrive::bus_reset() {
    attention_ = 0x2902;
    if (!options_.serial_after_reset.empty()) {
        options_.serial = options_.serial_after_reset;
    }
}

void ScsiDrive::power_cycle() {
    tick();
    bus_reset();
    attention_ = 0x2901;
    descriptor_sense_ = options_.descriptor_sense;
    if (state_ == State::formatting && next_block_bytes_ != 0) {
        state_ = State::format_failed;
        next_block_bytes_ = 0;
    }
    if (state_ == State::formatting ||
        (state_ == State::sanitizing && options_.forgets_on_power_loss)) {
        state_ = State::normal;
    }
}

void ScsiDrive::begin(State state, std::chrono::milliseconds duration) {
    state_ = state;
    began_ = clock_.steady_now();
    duration_ = duration;
    half_passed_ = false;
}

/// Brings the state up to the clock.
void ScsiDrive::tick() {
    const bool runs =
        state_ == State::sanitizing || state_ == State::formatting || state_ == State::restoring;
    if (!runs) {
        return;
    }
    const auto elapsed = clock_.steady_now() - began_;
    if (!half_passed_ && elapsed * 2 >= duration_) {
        half_passed_ = true;
        midway();
    }
    const bool still_runs =
        state_ == State::sanitizing || state_ == State::formatting || state_ == State::restoring;
    if (still_runs && elapsed >= duration_ && !options_.progress_stuck) {
        finish();
    }
}

void ScsiDrive::midway() {
    if (state_ == State::restoring) {
        return;
    }
    if (options_.resets) {
        bus_reset();
    }
    if (options_.hangs) {
        hanging_ = true;
    }
    if (options_.vanishes) {
        state_ = State::normal;
    } else if (options_.fails) {
        state_ = state_ == State::sanitizing ? State::sanitize_failed : State::format_failed;
    }
}

void ScsiDrive::finish() {
    const State ended = state_;
    state_ = State::normal;
    if (ended == State::restoring) {
        depopulated_ = false;
        host_blocks_ = options_.blocks;
        return;
    }
    const bool lies =
        ended == State::sanitizing ? options_.erases_nothing : options_.format_erases_nothing;
    if (!lies) {
        if (ended == State::formatting) {
            action_ = 0;
        }
        erase_all();
        change_sectors();
    } else if (options_.hides != 0) {
        std::fill(unreadable_.begin(), unreadable_.end(),
                  options_.hides == 1 ? Unreadable::medium_error : Unreadable::write_required);
    }
    if (!original_.empty()) {
        media_.write(0, original_);
    }
}

/// As many blocks as fill the medium.
void ScsiDrive::change_sectors() {
    if (action_ != 0 || next_block_bytes_ == 0 || options_.keeps_sectors) {
        return;
    }
    media_.reblock(next_block_bytes_);
    options_.block_bytes = std::exchange(next_block_bytes_, 0);
    options_.blocks = host_blocks_ = media_.blocks();
    options_.protection_type = 0;
    unreadable_.assign(options_.blocks, Unreadable::no);
    attention_ = 0x2a09;  // CAPACITY DATA HAS CHANGED
}

/// Ends as SANITIZE with action_ does, or FORMAT UNIT when that is 0.
void ScsiDrive::erase_all() {
    options_.health.erased();
    using Leave = DriveMedia::Leave;
    if (options_.only_forgets && action_ != 0) {
        media_.forget(0, host_blocks_);
        return;
    }
    const auto kept =
        static_cast<std::uint64_t>(options_.keeps_share * static_cast<double>(host_blocks_));
    const std::uint64_t count = host_blocks_ - kept;
    const auto gone = static_cast<std::ptrdiff_t>(count);
    Unreadable reads = Unreadable::no;
    const auto required = [](std::uint8_t field) {
        return field == 2   ? Unreadable::medium_error
               : field == 3 ? Unreadable::write_required
                            : Unreadable::no;
    };
    switch (action_) {
        case 1:
            media_.fill(0, count, pattern_);
            break;
        case 3:
            media_.erase(0, count, Leave::noise);
            reads = required(options_.after_crypto_erase);
            break;
        default:
            media_.erase(0, count, Leave::zeros);
            reads = action_ == 2 ? required(options_.after_block_erase) : Unreadable::no;
            break;
    }
    std::fill(unreadable_.begin(), unreadable_.begin() + gone, reads);
    if (action_ != 0) {  // a format leaves retired and spare places alone
        media_.erase_spare(action_ == 3 ? Leave::noise : Leave::zeros);
        media_.erase_retired(action_ == 3 ? Leave::noise : Leave::zeros);
    }
}

device::ScsiCompletion ScsiDrive::submit(const device::ScsiCommand& command) {
    EFFACE_ASSERT(command.cdb.size() >= 6 && received_.size() < kReceivedMax);
    received_.push_back(command.cdb);
    tick();
    if (hanging_) {
        Answer answer;
        answer.host_status = kTimedOut;
        return answer;
    }
    return dispatch(command);
}

ScsiDrive::Sense ScsiDrive::running_sense() const {
    const auto elapsed = clock_.steady_now() - began_;
    const double share =
        options_.progress_stuck && half_passed_
            ? 0.5
            : std::chrono::duration<double>(elapsed) / std::chrono::duration<double>(duration_);
    const auto progress = static_cast<std::uint16_t>(std::clamp(share, 0.0, 1.0) * 65535);
    const std::uint16_t code = state_ == State::sanitizing   ? 0x041b
                               : state_ == State::formatting ? 0x0404
                                                             : 0x0425;
    return {kNotReady, code, progress};
}

/// What a command meets before it is looked at any further.
std::optional<ScsiDrive::Sense> ScsiDrive::obstacle(const Bytes& cdb) {
    if (always_allowed(cdb)) {
        return std::nullopt;
    }
    if (attention_) {
        const Sense sense{kUnitAttention, *attention_, std::nullopt};
        attention_.reset();
        return sense;
    }
    switch (state_) {
        case State::normal:
            return std::nullopt;
        case State::sanitizing:
            return running_sense();
        case State::formatting:
        case State::restoring:
            return about_the_unit(cdb) ? std::nullopt : std::optional<Sense>(running_sense());
        case State::sanitize_failed:
            return cdb[0] == 0x48 ? std::nullopt
                                  : std::optional<Sense>({kMediumError, 0x3103, std::nullopt});
        case State::format_failed: {
            const bool erases = cdb[0] == 0x48 || cdb[0] == 0x04 || cdb[0] == 0x15 ||
                                cdb[0] == 0x55 || about_the_unit(cdb);
            return erases ? std::nullopt
                          : std::optional<Sense>({kMediumError, 0x3101, std::nullopt});
        }
    }
    return std::nullopt;
}

device::ScsiCompletion ScsiDrive::dispatch(const device::ScsiCommand& command) {
    const auto sense = obstacle(command.cdb);
    if (sense) {
        return refused(*sense);
    }
    const std::uint8_t opcode = command.cdb[0];
    const bool has_action = opcode == 0x48 || opcode == 0x9e || opcode == 0xa3;
    if (!supports(opcode, has_action ? command.cdb[1] & 0x1fU : 0)) {
        const bool known = has_action && (opcode == 0x48 || opcode == 0x9e);
        return refused({kIllegalRequest, static_cast<std::uint16_t>(known ? 0x2400 : 0x2000), {}});
    }
    return carry_out(command);
}

device::ScsiCompletion ScsiDrive::carry_out(const device::ScsiCommand& command) {
    switch (command.cdb[0]) {
        case 0x00:  // TEST UNIT READY
        case 0x1b:  // START STOP UNIT
        case 0x1e:  // PREVENT ALLOW MEDIUM REMOVAL
        case 0x35:  // SYNCHRONIZE CACHE (10)
        case 0x91:  // (16)
            return {};
        case 0x04:
            return format(command);
        case 0x48:
            return sanitize(command);
        case 0x15:
        case 0x55:
            return mode_select(command);
        case 0xa2:
        case 0xb5:
            return secure(command);
        case 0x28:
        case 0x88:
        case 0x2a:
        case 0x8a:
        case 0x41:
        case 0x93:
            return move_blocks(command);
        default:
            return ask(command);
    }
}

// SBC-4, sections 5.30 and 4.11.
device::ScsiCompletion ScsiDrive::sanitize(const device::ScsiCommand& command) {
    const Bytes& cdb = command.cdb;
    const auto action = static_cast<std::uint8_t>(cdb[1] & 0x1fU);
    const bool wants_unrestricted = (cdb[1] & 0x20U) != 0;
    const std::size_t length = read_be<std::uint16_t>(cdb, 7);
    const Sense bad_field{kIllegalRequest, 0x2400, {}};
    if (state_ == State::sanitize_failed && !unrestricted_ &&
        (action == 0x1f || wants_unrestricted)) {
        return refused(bad_field);
    }
    if (options_.sanitize_refused || (action != 1 && length != 0) ||
        (action == 1 && (length <= 4 || length >= options_.block_bytes + 5U))) {
        return refused(bad_field);
    }
    if (action == 0x1f) {
        state_ = State::normal;
        return {};
    }
    if (action == 1) {
        const ByteView list = command.write_from;
        const std::size_t pattern = list.size() < length ? 0 : read_be<std::uint16_t>(list, 2);
        if (pattern == 0 || pattern + 4 != length || (list[0] & 0x1fU) == 0) {
            return refused({kIllegalRequest, 0x2600, {}});
        }
        pattern_.assign(list.begin() + 4, list.begin() + static_cast<std::ptrdiff_t>(length));
        if ((list[0] & 0x80U) != 0 && (list[0] & 0x01U) == 1 && (list[0] & 0x1fU) == 1) {
            std::transform(pattern_.begin(), pattern_.end(), pattern_.begin(),
                           [](std::uint8_t byte) { return static_cast<std::uint8_t>(~byte); });
        }
    }
    action_ = action;
    unrestricted_ = wants_unrestricted;
    begin(State::sanitizing, options_.sanitize_time);
    if ((cdb[1] & 0x80U) == 0) {
        // The caller waits, and its time is not ours.
        if (options_.fails) {
            state_ = State::sanitize_failed;
            return refused({kMediumError, 0x3103, {}});
        }
        finish();
    }
    Answer answer;
    answer.transferred = length;
    return answer;
}

device::ScsiCompletion ScsiDrive::format(const device::ScsiCommand& command) {
    const bool has_list = (command.cdb[1] & 0x10U) != 0;
    if (has_list && command.write_from.size() < 4) {
        return refused({kIllegalRequest, 0x1a00, {}});
    }
    begin(State::formatting, options_.format_time);
    if (!has_list || (command.write_from[1] & 0x02U) == 0) {
        finish();
    }
    Answer answer;
    answer.transferred = has_list ? 4 : 0;
    return answer;
}

device::ScsiCompletion ScsiDrive::refused(const Sense& sense) const {
    Answer answer;
    answer.status = kCheckCondition;
    answer.sense = encode(sense, descriptor_sense_);
    return answer;
}

device::ScsiCompletion ScsiDrive::data_in(const device::ScsiCommand& command, ByteView data,
                                          std::size_t allocation) const {
    Answer answer;
    answer.transferred = std::min({data.size(), allocation, command.read_into.size()});
    std::copy_n(data.begin(), answer.transferred, command.read_into.begin());
    return answer;
}

}  // namespace efface::fake

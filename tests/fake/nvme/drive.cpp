// SPDX-License-Identifier: Apache-2.0
#include "drive.hpp"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "drive_state.hpp"

namespace efface::fake {

namespace {

constexpr std::uint32_t kUnallocatedBlockBytes = 512;
constexpr std::size_t kSeenMax = 100'000;

std::uint64_t first_block(const device::NvmeCommand& command) {
    return command.cdw10 | (std::uint64_t{command.cdw11} << 32U);
}

}  // namespace

class NvmeDrive::Port final : public device::NvmeTransport {
  public:
    Port(NvmeDrive& drive, std::uint16_t id) : drive_(drive), id_(id) {}

    device::NvmeCompletion submit(const device::NvmeCommand& command) override {
        auto& state = *drive_.state_;
        const bool admin_queue = command.queue == device::NvmeCommand::Queue::admin;
        if (state.seen.size() < kSeenMax) {
            state.seen.push_back({admin_queue, command.opcode, command.nsid, command.cdw10});
        }
        state.settle();
        device::NvmeCompletion completion;
        completion.error = drive_.silence();
        if (completion.error == 0 && std::exchange(state.lose_one, false)) {
            completion.error = EIO;
        }
        if (completion.error != 0) {
            return completion;
        }
        state.security_error = 0;
        completion.status =
            admin_queue ? state.admin(command, id_, completion.dword0) : state.io(command);
        if (admin_queue && command.opcode == 0x80 && completion.status == 0 &&
            state.options.lies.format_unanswered) {
            completion.error = ETIME;
        }
        if (state.security_error != 0) {
            completion.error = state.security_error;
        }
        return completion;
    }

  private:
    NvmeDrive& drive_;
    std::uint16_t id_;
};

NvmeDrive::State::State(NvmeDriveOptions given, const Clock& clock_given,
                        device::SecurityTransport* security_given)
    : options(std::move(given)),
      clock(clock_given),
      security(security_given),
      unallocated(options.unallocated_blocks, kUnallocatedBlockBytes),
      last_look(clock.steady_now()) {
    for (const auto& one : options.namespaces) {
        spaces.push_back({one, DriveMedia(one.blocks, one.block_bytes, options.spare_blocks),
                          std::nullopt, std::vector<bool>(one.blocks, false)});
    }
}

NvmeSpace* NvmeDrive::State::space(std::uint32_t nsid) {
    return nsid >= 1 && nsid <= spaces.size() ? &spaces[nsid - 1] : nullptr;
}

bool NvmeDrive::State::listed(std::size_t index) const {
    return !options.lies.hides_last_namespace || index + 1 < spaces.size();
}

std::string NvmeDrive::State::serial() const {
    return was_reset && options.lies.other_serial_after_reset ? "X" + options.serial
                                                              : options.serial;
}

std::uint16_t NvmeDrive::State::admin(const device::NvmeCommand& command,
                                      std::uint16_t controller_id, std::uint32_t& dword0) {
    // What section 8.1.24.4 allows while a sanitize runs and in a failure mode.
    const bool always = command.opcode == 0x02 || command.opcode == 0x06 ||
                        command.opcode == 0x09 || command.opcode == 0x0a || command.opcode == 0x84;
    if (!always && failure()) {
        return kSanitizeFailed;
    }
    if (!always && machine != NvmeMachine::idle) {
        return kSanitizeInProgress;
    }
    switch (command.opcode) {
        case 0x02:
            return log_page(command);
        case 0x06:
            return identify(command, controller_id);
        case 0x09:
        case 0x0a:
            dword0 = options.dulbe && (command.cdw10 & 0xffU) == 0x05 ? 1U << 16U : 0U;
            return (command.cdw10 & 0xffU) == 0x05 || (command.cdw10 & 0xffU) == 0x02 ||
                           (command.cdw10 & 0xffU) == 0x06 || (command.cdw10 & 0xffU) == 0x0b
                       ? std::uint16_t{0}
                       : kInvalidField;
        case 0x15:
            return attach(command, controller_id);
        case 0x80:
            return format(command.nsid, command.cdw10);
        case 0x81:
        case 0x82: {
            if (security == nullptr) {
                return kInvalidOpcode;
            }
            const auto protocol = static_cast<std::uint8_t>(command.cdw10 >> 24U);
            const auto specific = static_cast<std::uint16_t>((command.cdw10 >> 8U) & 0xffffU);
            const auto answer = command.opcode == 0x81
                                    ? security->send(protocol, specific, command.write_from)
                                    : security->receive(protocol, specific, command.read_into);
            security_error = answer.error;
            return answer.accepted ? std::uint16_t{0} : kInvalidField;
        }
        case 0x84:
            return start_sanitize(command.cdw10, command.cdw11);
        default:
            return kInvalidOpcode;
    }
}

/// Section 5.2.20: a list of one controller.
std::uint16_t NvmeDrive::State::attach(const device::NvmeCommand& command,
                                       std::uint16_t controller_id) {
    constexpr std::uint16_t kAlreadyAttached = 0x4118;
    constexpr std::uint16_t kNotAttached = 0x411a;
    constexpr std::uint16_t kListInvalid = 0x411c;
    NvmeSpace* place = space(command.nsid);
    if (!options.namespace_management) {
        return kInvalidOpcode;
    }
    if (options.lies.attach_status != 0) {
        return options.lies.attach_status;
    }
    if (place == nullptr || command.cdw10 > 1) {
        return kInvalidField;
    }
    if (command.write_from.size() != 4096 || read_le<std::uint16_t>(command.write_from, 0) != 1 ||
        read_le<std::uint16_t>(command.write_from, 2) != controller_id) {
        return kListInvalid;
    }
    const bool attaches = command.cdw10 == 0;
    if (place->options.attached == attaches) {
        return attaches ? kAlreadyAttached : kNotAttached;
    }
    place->options.attached = attaches;
    return 0;
}

std::uint16_t NvmeDrive::State::read(NvmeSpace& place, const device::NvmeCommand& command) {
    const std::uint32_t block_bytes = place.media.block_bytes();
    const std::uint64_t first = first_block(command);
    const std::uint64_t count = (command.cdw12 & 0xffffU) + 1U;
    if (count > place.media.blocks() || first > place.media.blocks() - count) {
        return kOutOfRange;
    }
    if (command.read_into.size() != count * block_bytes) {
        return kInvalidField;
    }
    if (reads_hidden && options.lies.reads_status != 0) {
        return options.lies.reads_status;
    }
    for (std::uint64_t block = first; block < first + count; ++block) {
        if (place.lost[block]) {
            return kUnrecoveredRead;
        }
    }
    place.media.read(first, command.read_into);
    return machine == NvmeMachine::media_verification ? kMediaVerificationRead : std::uint16_t{0};
}

std::uint16_t NvmeDrive::State::write(NvmeSpace& place, const device::NvmeCommand& command) {
    const std::uint32_t block_bytes = place.media.block_bytes();
    const std::uint64_t first = first_block(command);
    const std::uint64_t count = (command.cdw12 & 0xffffU) + 1U;
    if (count > place.media.blocks() || first > place.media.blocks() - count) {
        return kOutOfRange;
    }
    if (place.options.write_protected) {
        return kWriteProtected;
    }
    const bool zeroes = command.opcode == 0x08;
    if (!zeroes && command.write_from.size() != count * block_bytes) {
        return kInvalidField;
    }
    if (options.lies.reverts_writes && !place.before_writes) {
        place.before_writes = place.media;
    }
    reads_hidden = reads_hidden && !options.lies.reads_until_write;
    place.media.write(first, zeroes ? ByteView(Bytes(count * block_bytes)) : command.write_from);
    std::fill_n(place.lost.begin() + static_cast<std::ptrdiff_t>(first), count, false);
    global_data_erased = false;
    return 0;
}

std::uint16_t NvmeDrive::State::deallocate(NvmeSpace& place, const device::NvmeCommand& command) {
    constexpr std::size_t kRangeBytes = 16;
    const std::size_t ranges = (command.cdw10 & 0xffU) + 1U;
    if (command.write_from.size() < ranges * kRangeBytes) {
        return kInvalidField;
    }
    for (std::size_t i = 0; i < ranges && (command.cdw11 & 4U) != 0; ++i) {
        const auto count = read_le<std::uint32_t>(command.write_from, i * kRangeBytes + 4);
        const auto first = read_le<std::uint64_t>(command.write_from, i * kRangeBytes + 8);
        if (count > place.media.blocks() || first > place.media.blocks() - count) {
            return kOutOfRange;
        }
        if (count != 0) {  // the old content goes to the spare blocks
            place.media.write(first, Bytes(std::size_t{count} * place.media.block_bytes()));
        }
    }
    return 0;
}

std::uint16_t NvmeDrive::State::io(const device::NvmeCommand& command) {
    const bool reading = command.opcode == 0x02;
    if (failure()) {
        return kSanitizeFailed;
    }
    const bool verifying = machine == NvmeMachine::media_verification;
    if (machine != NvmeMachine::idle && !(verifying && reading) && command.opcode != 0x00) {
        return kSanitizeInProgress;
    }
    NvmeSpace* place = space(command.nsid);
    if (command.opcode == 0x00) {
        return 0;
    }
    if (locked && locked()) {
        return kAccessDenied;
    }
    constexpr std::uint8_t kSanitized = 1;  // SOS
    const bool lost =
        options.lies.loses_last_namespace && outcome == kSanitized && command.nsid == spaces.size();
    if (place == nullptr || !place->options.attached || lost) {
        return kInvalidNamespace;
    }
    switch (command.opcode) {
        case 0x01:
        case 0x08:
            return write(*place, command);
        case 0x02:
            return read(*place, command);
        case 0x09:
            return deallocate(*place, command);
        default:
            return kInvalidOpcode;
    }
}

NvmeDrive::NvmeDrive(NvmeDriveOptions options, const Clock& clock,
                     device::SecurityTransport* security)
    : state_(std::make_unique<State>(std::move(options), clock, security)) {
    for (unsigned i = 0; i < state_->options.controllers; ++i) {
        ports_.push_back(std::make_unique<Port>(*this, static_cast<std::uint16_t>(i + 1)));
    }
}
NvmeDrive::~NvmeDrive() = default;

device::NvmeTransport& NvmeDrive::controller(std::size_t index) {
    EFFACE_ASSERT(index < ports_.size());
    return *ports_[index];
}
std::size_t NvmeDrive::controllers() const noexcept {
    return ports_.size();
}

void NvmeDrive::lock_by(std::function<bool()> locked) {
    state_->locked = std::move(locked);
}
void NvmeDrive::power_off() {
    state_->settle();
    state_->powered = false;
}
void NvmeDrive::power_on() {
    state_->settle();
    state_->powered = true;
    ++state_->power_cycles;
    reset();
}
void NvmeDrive::reset() {
    state_->hanging = false;
    state_->was_reset = true;
    state_->options.dulbe = false;
    state_->event_context = false;
    state_->cancel_verification();
}
int NvmeDrive::silence() const noexcept {
    return !state_->powered ? ENODEV : state_->hanging ? ETIME : 0;
}
bool NvmeDrive::answers() const noexcept {
    return silence() == 0;
}

DriveMedia& NvmeDrive::media(std::uint32_t nsid) {
    EFFACE_ASSERT(state_->space(nsid) != nullptr);
    return state_->space(nsid)->media;
}
DriveMedia& NvmeDrive::unallocated() {
    return state_->unallocated;
}
bool NvmeDrive::holds(ByteView block) const {
    state_->settle();
    const auto in = [&](const DriveMedia& media) {
        return media.block_bytes() == block.size() && media.holds(block);
    };
    return in(state_->unallocated) ||
           std::any_of(state_->spaces.begin(), state_->spaces.end(),
                       [&](const NvmeSpace& one) { return in(one.media); });
}
bool NvmeDrive::retired_holds(ByteView block) const {
    state_->settle();
    return std::any_of(state_->spaces.begin(), state_->spaces.end(),
                       [&](const NvmeSpace& one) { return one.media.retired_holds(block); });
}
NvmeLies& NvmeDrive::lies() noexcept {
    return state_->options.lies;
}
const std::vector<NvmeDrive::Seen>& NvmeDrive::seen() const noexcept {
    return state_->seen;
}

}  // namespace efface::fake

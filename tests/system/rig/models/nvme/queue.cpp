// SPDX-License-Identifier: Apache-2.0
#include "queue.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

namespace efface::rig {

namespace {

constexpr std::size_t kCommonHeader = 8;
constexpr std::size_t kHandshakeBytes = 128;
constexpr std::size_t kEntryBytes = 64;
constexpr std::size_t kShortHeader = 24;
constexpr std::uint32_t kDataMax = 1U << 20U;
constexpr std::uint32_t kInCapsuleBytes = 8192;

// PDU types.
constexpr std::uint8_t kHandshake = 0x00;
constexpr std::uint8_t kHandshakeAnswer = 0x01;
constexpr std::uint8_t kCommand = 0x04;
constexpr std::uint8_t kCompletion = 0x05;
constexpr std::uint8_t kHostData = 0x06;
constexpr std::uint8_t kControllerData = 0x07;
constexpr std::uint8_t kReadyToTransfer = 0x09;
constexpr std::uint8_t kLastPdu = 0x04;

constexpr std::uint8_t kTransportData = 0x5a;  // SGL: the data come by H2CData
constexpr std::uint8_t kFabricsOpcode = 0x7f;
constexpr std::uint16_t kBusy = 0x4181;           // Connect: Controller Busy
constexpr std::uint16_t kBadParameters = 0x4182;  // Connect Invalid Parameters
constexpr std::uint16_t kInvalidFieldStatus = 0x4002;

Bytes header(std::uint8_t type, std::uint8_t flags, std::size_t header_bytes, std::size_t data) {
    Bytes pdu(header_bytes);
    pdu[0] = type;
    pdu[1] = flags;
    pdu[2] = static_cast<std::uint8_t>(header_bytes);
    pdu[3] = data == 0 ? std::uint8_t{0} : static_cast<std::uint8_t>(header_bytes);
    write_le<std::uint32_t>(pdu, 4, static_cast<std::uint32_t>(header_bytes + data));
    return pdu;
}

bool host_to_controller(ByteView entry) {
    const unsigned direction = (entry[0] == kFabricsOpcode ? entry[4] : entry[0]) & 3U;
    return direction == 1;
}
bool controller_to_host(ByteView entry) {
    return entry[0] != kFabricsOpcode && (entry[0] & 3U) == 2;
}

}  // namespace

NvmeQueue::~NvmeQueue() {
    const std::lock_guard guard(target_.lock_);
    if (!controller_) {
        return;
    }
    auto& association = target_.associations_[*controller_];
    std::erase(association.sockets, socket_);
    if (queue_ == 0) {  // the controller goes with its admin queue
        for (const int other : association.sockets) {
            ::shutdown(other, SHUT_RDWR);
        }
        association = Association{};
    }
}

bool NvmeQueue::receive(MutableByteView into) const {
    while (!into.empty()) {
        const ssize_t got = ::recv(socket_, into.data(), into.size(), 0);
        if (got <= 0) {
            return false;
        }
        into = into.subspan(static_cast<std::size_t>(got));
    }
    return true;
}

bool NvmeQueue::send(ByteView from) const {
    while (!from.empty()) {
        const ssize_t sent = ::send(socket_, from.data(), from.size(), MSG_NOSIGNAL);
        if (sent <= 0) {
            return false;
        }
        from = from.subspan(static_cast<std::size_t>(sent));
    }
    return true;
}

void NvmeQueue::run() {
    if (!handshake()) {
        return;
    }
    while (one_command()) {
    }
}

bool NvmeQueue::handshake() {
    Bytes request(kHandshakeBytes);
    if (!receive(request) || request[0] != kHandshake) {
        return false;
    }
    Bytes answer = header(kHandshakeAnswer, 0, kHandshakeBytes, 0);
    write_le<std::uint32_t>(answer, 12, kDataMax);
    return send(answer);
}

bool NvmeQueue::receive_capsule(ByteView begun, Capsule& capsule) {
    capsule.pdu.assign(begun.begin(), begun.end());
    capsule.pdu.resize(kCommonHeader + kEntryBytes);
    if (!receive(MutableByteView(capsule.pdu).subspan(begun.size())) ||
        capsule.pdu[0] != kCommand) {
        return false;
    }
    const auto length = read_le<std::uint32_t>(capsule.pdu, 4);
    if (length < capsule.pdu.size() || length - capsule.pdu.size() > kDataMax) {
        return false;
    }
    capsule.data.resize(length - capsule.pdu.size());
    return receive(capsule.data);
}

bool NvmeQueue::one_command() {
    Capsule capsule;
    if (!waiting_.empty()) {
        capsule = std::move(waiting_.front());
        waiting_.pop_front();
    } else if (!receive_capsule({}, capsule)) {
        return false;
    }
    const auto entry = ByteView(capsule.pdu).subspan(kCommonHeader);
    if (!fetch_data(entry, capsule.data)) {
        return false;
    }
    Bytes into;
    const Answer answer = entry[0] == kFabricsOpcode ? fabrics(entry, capsule.data)
                                                     : command(entry, capsule.data, into);
    if (answer.disconnect || answer.silent) {
        return !answer.disconnect;
    }
    return complete(read_le<std::uint16_t>(entry, 2), answer, into);
}

/// What the host did not send with the command is asked for.
bool NvmeQueue::fetch_data(ByteView entry, Bytes& data) {
    const auto wanted = read_le<std::uint32_t>(entry, 32);
    if (!data.empty() || !host_to_controller(entry) || entry[39] != kTransportData || wanted == 0) {
        return true;
    }
    if (wanted > kDataMax) {
        return false;
    }
    Bytes ready = header(kReadyToTransfer, 0, kShortHeader, 0);
    write_le<std::uint16_t>(ready, 8, read_le<std::uint16_t>(entry, 2));
    write_le<std::uint32_t>(ready, 16, wanted);
    if (!send(ready)) {
        return false;
    }
    data.resize(wanted);
    for (std::size_t got = 0; got < wanted;) {
        Bytes head(kShortHeader);
        if (!receive(head)) {
            return false;
        }
        if (head[0] == kCommand) {  // the host has more than one command on its way
            if (!receive_capsule(head, waiting_.emplace_back())) {
                return false;
            }
            continue;
        }
        if (head[0] != kHostData) {
            return false;
        }
        const auto offset = read_le<std::uint32_t>(head, 12);
        const auto length = read_le<std::uint32_t>(head, 16);
        if (offset != got || length == 0 || length > wanted - got ||
            !receive(MutableByteView(data).subspan(offset, length))) {
            return false;
        }
        got += length;
    }
    return true;
}

bool NvmeQueue::complete(std::uint16_t id, const Answer& answer, ByteView data) {
    // Media verification gives data with a status that is not 0: whatever was read is sent.
    if (!data.empty()) {
        Bytes head = header(kControllerData, kLastPdu, kShortHeader, data.size());
        write_le<std::uint16_t>(head, 8, id);
        write_le<std::uint32_t>(head, 16, static_cast<std::uint32_t>(data.size()));
        if (!send(head) || !send(data)) {
            return false;
        }
    }
    Bytes pdu = header(kCompletion, 0, kShortHeader, 0);
    write_le<std::uint64_t>(pdu, 8, answer.result);
    write_le<std::uint16_t>(pdu, 18, queue_);
    write_le<std::uint16_t>(pdu, 20, id);
    write_le<std::uint16_t>(pdu, 22, static_cast<std::uint16_t>(answer.status << 1U));
    return send(pdu);
}

NvmeQueue::Answer NvmeQueue::fabrics(ByteView entry, ByteView data) {
    return entry[4] == 0x01 ? connect(entry, data) : property(entry);
}

NvmeQueue::Answer NvmeQueue::connect(ByteView entry, ByteView data) {
    constexpr std::size_t kConnectBytes = 1024;
    constexpr std::uint16_t kAnyController = 0xffff;
    if (data.size() < kConnectBytes || controller_) {
        return {kBadParameters};
    }
    const std::lock_guard guard(target_.lock_);
    if (!target_.drive_.answers()) {
        return {.disconnect = true};
    }
    queue_ = read_le<std::uint16_t>(entry, 42);
    const auto wanted = read_le<std::uint16_t>(data, 16);
    auto& all = target_.associations_;
    const std::size_t count = target_.drive_.controllers();
    std::size_t index = wanted - std::size_t{1};
    if (queue_ == 0 && wanted == kAnyController) {
        for (index = 0; index < count && all[index].taken; ++index) {
        }
        if (index == count) {
            return {kBusy};
        }
    } else if (queue_ == 0 || index >= count || !all[index].taken) {
        return {kBadParameters};
    }
    all[index].taken = true;
    all[index].sockets.push_back(socket_);
    controller_ = index;
    return {0, index + 1};
}

NvmeQueue::Answer NvmeQueue::property(ByteView entry) {
    constexpr std::uint64_t kCapabilities = 127U | (1U << 16U) | (20U << 24U) | (1ULL << 37U);
    constexpr std::uint32_t kVersion = 0x00010400;
    if (!controller_) {
        return {kInvalidFieldStatus};
    }
    const std::lock_guard guard(target_.lock_);
    auto& association = target_.associations_[*controller_];
    const auto offset = read_le<std::uint32_t>(entry, 44);
    if (entry[4] == 0x00 && offset == 0x14) {
        association.configuration = read_le<std::uint32_t>(entry, 48);
        const bool shutting_down = (association.configuration >> 14U & 3U) != 0;
        association.status = (association.configuration & 1U) | (shutting_down ? 8U : 0U);
        return {};
    }
    if (entry[4] != 0x04) {
        return {kInvalidFieldStatus};
    }
    switch (offset) {
        case 0x00:
            return {0, kCapabilities};
        case 0x08:
            return {0, kVersion};
        case 0x14:
            return {0, association.configuration};
        case 0x1c:
            return {0, association.status};
        default:
            return {0, 0};
    }
}

/// Commands of the transport, which the model has nothing to do with.
std::optional<NvmeQueue::Answer> NvmeQueue::own_admin(ByteView entry) {
    switch (entry[0]) {
        case 0x08:  // Abort: not aborted
            return Answer{0, 1};
        case 0x0c:  // Asynchronous Event Request: kept
            return Answer{.silent = true};
        case 0x18:  // Keep Alive
            return Answer{};
        case 0x09:
        case 0x0a:
            if (entry[40] == 0x07) {  // Number of Queues, counted from 0
                return Answer{0, (kQueuesMax - 1) | ((kQueuesMax - 1) << 16U)};
            }
            if (entry[40] == 0x0f) {  // Keep Alive Timer
                return Answer{};
            }
            return std::nullopt;
        default:
            return std::nullopt;
    }
}

/// Of Identify Controller, what a fabrics host reads.
void NvmeQueue::add_fabrics_fields(Bytes& page) const {
    write_le<std::uint16_t>(page, 320, 100);  // KAS
    write_le<std::uint16_t>(page, 514, 128);  // MAXCMD
    page[536] = 1;                            // SGLS: supported, with offsets into the capsule
    page[538] = 0x10;
    write_le<std::uint32_t>(page, 1792, (kEntryBytes + kInCapsuleBytes) / 16);  // IOCCSZ
    write_le<std::uint32_t>(page, 1796, 1);                                     // IORCSZ
}

NvmeQueue::Answer NvmeQueue::command(ByteView entry, ByteView data, Bytes& into) {
    if (!controller_) {
        return {.disconnect = true};
    }
    const std::lock_guard guard(target_.lock_);
    auto& drive = target_.drive_;
    const auto own = queue_ == 0 ? own_admin(entry) : std::nullopt;
    if (own) {
        return drive.silence() == 0 ? *own : Answer{.silent = true};
    }
    const auto length = read_le<std::uint32_t>(entry, 32);
    if (length > kDataMax) {
        return {kInvalidFieldStatus};
    }
    device::NvmeCommand command;
    command.queue =
        queue_ == 0 ? device::NvmeCommand::Queue::admin : device::NvmeCommand::Queue::io;
    command.opcode = entry[0];
    command.nsid = read_le<std::uint32_t>(entry, 4);
    command.cdw10 = read_le<std::uint32_t>(entry, 40);
    command.cdw11 = read_le<std::uint32_t>(entry, 44);
    command.cdw12 = read_le<std::uint32_t>(entry, 48);
    command.cdw13 = read_le<std::uint32_t>(entry, 52);
    command.cdw14 = read_le<std::uint32_t>(entry, 56);
    command.cdw15 = read_le<std::uint32_t>(entry, 60);
    command.write_from = data;
    if (controller_to_host(entry)) {
        into.resize(length);
        command.read_into = into;
    }
    const auto completion = drive.controller(*controller_).submit(command);
    if (completion.error == ETIME) {
        return {.silent = true};
    }
    if (completion.error != 0) {
        return {.disconnect = true};
    }
    if (completion.status != 0 && (completion.status & 0x7ffU) != 0x19c) {
        into.clear();
    } else if (queue_ == 0 && entry[0] == 0x06 && entry[40] == 0x01) {
        add_fabrics_fields(into);
    }
    return {completion.status, completion.dword0};
}

}  // namespace efface::rig

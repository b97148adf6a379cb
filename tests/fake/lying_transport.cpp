// SPDX-License-Identifier: Apache-2.0
#include "lying_transport.hpp"

#include <array>
#include <cerrno>

namespace efface::fake {

namespace {

using Answer = Disguise::Answer;

device::ScsiCompletion sense(std::uint8_t key, std::uint8_t code, std::uint8_t qualifier) {
    device::ScsiCompletion completion;
    completion.status = 0x02;
    completion.sense = Bytes(18, 0);
    completion.sense[0] = 0x70;
    completion.sense[2] = key;
    completion.sense[7] = 10;
    completion.sense[12] = code;
    completion.sense[13] = qualifier;
    return completion;
}

}  // namespace

std::uint64_t Garbler::next() {  // splitmix64
    state_ += 0x9e3779b97f4a7c15U;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9U;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111ebU;
    return mixed ^ (mixed >> 31U);
}

bool Garbler::strikes() {
    return one_in_ != 0 && next() % one_in_ == 0;
}

void Garbler::garble(MutableByteView bytes) {
    const bool zeros = next() % 4 == 0;
    const bool ones = next() % 4 == 0;
    for (auto& byte : bytes) {
        byte = zeros  ? std::uint8_t{0}
               : ones ? std::uint8_t{0xff}
                      : static_cast<std::uint8_t>(next());
    }
}

device::NvmeCompletion LyingNvme::submit(const device::NvmeCommand& command) {
    auto completion = lie(command);
    if (garbler_.strikes()) {
        garbler_.garble(command.read_into);
        completion.status = garbler_.next() % 2 == 0
                                ? std::uint16_t{0}
                                : static_cast<std::uint16_t>(garbler_.next() & 0x7fffU);
        completion.error = garbler_.next() % 8 == 0 ? EIO : 0;
        completion.dword0 = static_cast<std::uint32_t>(garbler_.next());
    }
    return completion;
}

device::ScsiCompletion LyingScsi::submit(const device::ScsiCommand& command) {
    auto completion = lie(command);
    if (garbler_.strikes()) {
        garbler_.garble(command.read_into);
        completion.transferred = garbler_.next() % 4 == 0 ? 0 : command.read_into.size();
        completion.status = garbler_.next() % 2 == 0 ? std::uint8_t{0} : std::uint8_t{2};
        completion.sense = Bytes(garbler_.next() % 40);
        garbler_.garble(completion.sense);
        completion.host_status = garbler_.next() % 8 == 0 ? std::uint16_t{3} : std::uint16_t{0};
    }
    return completion;
}

device::AtaCompletion LyingAta::submit(const device::AtaCommand& command) {
    auto completion = lie(command);
    if (garbler_.strikes()) {
        garbler_.garble(command.read_into);
        completion.accepted = garbler_.next() % 2 == 0;
        completion.error = garbler_.next() % 8 == 0 ? EIO : 0;
        completion.registers = device::AtaRegisters{
            static_cast<std::uint8_t>(garbler_.next()), static_cast<std::uint8_t>(garbler_.next()),
            static_cast<std::uint16_t>(garbler_.next()), garbler_.next() >> 16U,
            static_cast<std::uint8_t>(garbler_.next())};
    }
    return completion;
}

device::NvmeCompletion LyingNvme::lie(const device::NvmeCommand& command) {
    static constexpr std::array<std::uint16_t, kNvmeLieStatuses> kStatuses{0x4287, 0x4281, 0x4286,
                                                                           0};
    const bool io = command.queue == device::NvmeCommand::Queue::io;
    const std::uint64_t block = command.cdw10 | (std::uint64_t{command.cdw11} << 32U);
    if (io && command.opcode == 0x01 && !disguise_.takes_write(block)) {
        return {};
    }
    if (!io || command.opcode != 0x02) {
        return below_.submit(command);
    }
    device::NvmeCompletion completion;
    switch (disguise_.read(false, block, command.read_into)) {
        case Answer::real:
            return below_.submit(command);
        case Answer::status:
            completion.status = kStatuses[disguise_.lie().status];
            completion.error = completion.status == 0 ? EIO : 0;
            break;
        case Answer::filled:
        case Answer::nothing:
            break;
    }
    return completion;
}

device::ScsiCompletion LyingScsi::lie(const device::ScsiCommand& command) {
    const std::uint8_t opcode = command.cdb[0];
    const std::uint64_t block =
        command.cdb.size() == 16 ? read_be<std::uint64_t>(command.cdb, 2) : 0;
    device::ScsiCompletion completion;
    if (opcode == 0x8a && !disguise_.takes_write(block)) {
        completion.transferred = command.write_from.size();
        return completion;
    }
    if (opcode != 0x88) {
        return below_.submit(command);
    }
    switch (disguise_.read(false, block, command.read_into)) {
        case Answer::real:
            return below_.submit(command);
        case Answer::status:
            break;
        case Answer::filled:
        case Answer::nothing:
            completion.transferred = command.read_into.size();
            return completion;
    }
    switch (disguise_.lie().status) {
        case 0:
            return sense(3, 0x11, 0x00);
        case 1:
            return sense(3, 0x11, 0x15);
        case 2:
            return sense(4, 0x44, 0x00);
        default:
            completion.host_status = 3;
            return completion;
    }
}

device::AtaCompletion LyingAta::lie(const device::AtaCommand& command) {
    device::AtaCompletion completion;
    completion.accepted = true;
    completion.registers = device::AtaRegisters{0x50, 0, 0, 0, 0x40};
    const bool write = command.command == 0x34 || command.command == 0x30;
    if (write && !disguise_.takes_write(command.lba)) {
        return completion;
    }
    if (command.command != 0x24 && command.command != 0x20) {
        return below_.submit(command);
    }
    switch (disguise_.read(false, command.lba, command.read_into)) {
        case Answer::real:
            return below_.submit(command);
        case Answer::status:
            completion.accepted = false;
            completion.registers->status = 0x51;
            completion.registers->error = disguise_.lie().status == 0 ? 0x40 : 0x04;
            if (disguise_.lie().status == 2) {
                completion.registers.reset();
                completion.error = EIO;
            }
            break;
        case Answer::filled:
        case Answer::nothing:
            break;
    }
    return completion;
}

device::IoResult LyingTarget::read_at(std::uint64_t offset, MutableByteView into) {
    const std::uint64_t block = offset / media_.block_bytes();
    if (offset + into.size() > size_bytes()) {
        return {0, EIO};
    }
    switch (disguise_.read(true, block, into)) {
        case Answer::real:
            media_.read(block, into);
            return {into.size(), 0};
        case Answer::status:
            return {0, EIO};
        case Answer::filled:
        case Answer::nothing:
            break;
    }
    return {into.size(), 0};
}

device::IoResult LyingTarget::write_at(std::uint64_t offset, ByteView from) {
    const std::uint64_t block = offset / media_.block_bytes();
    if (offset + from.size() > size_bytes()) {
        return {0, EIO};
    }
    if (disguise_.takes_write(block)) {
        media_.write(block, from);
    }
    return {from.size(), 0};
}

}  // namespace efface::fake

// SPDX-License-Identifier: Apache-2.0
// What a host has of a device that it reaches by SCSI commands: the command sets that the device
// shows to have, as job/host/drive.cpp connects them, and the block device of the kernel's driver.
#pragma once

#include <cerrno>

#include "efface/ata/sat_tunnel.hpp"
#include "efface/device/block_target.hpp"
#include "efface/method/drive/command_sets.hpp"

#include "fake/disk/fixed.hpp"

namespace efface::job::variants {

/// Reads and writes as sd does: by commands of sixteen bytes, or of ten where there are no others.
class KernelDisk final : public device::BlockTarget {
  public:
    KernelDisk(device::ScsiTransport& transport, std::uint32_t block_bytes, bool ten)
        : transport_(transport), block_bytes_(block_bytes), ten_(ten) {}
    [[nodiscard]] std::uint64_t size_bytes() const override {
        Bytes data(32);
        device::ScsiCommand command;
        command.cdb = ten_ ? Bytes{0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0}
                           : Bytes{0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0};
        command.read_into = data;
        if (transport_.submit(command).good()) {
            const std::uint64_t last =
                ten_ ? read_be<std::uint32_t>(data, 0) : read_be<std::uint64_t>(data, 0);
            size_ = (last + 1) * block_bytes_;
        }
        return size_;
    }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return block_bytes_; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        auto command = transfer(ten_ ? 0x28 : 0x88, offset, into.size());
        command.read_into = into;
        return done(command, into.size());
    }
    device::IoResult write_at(std::uint64_t offset, ByteView from) override {
        auto command = transfer(ten_ ? 0x2a : 0x8a, offset, from.size());
        command.write_from = from;
        return done(command, from.size());
    }
    int flush() override {
        device::ScsiCommand command;
        command.cdb = {0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        return transport_.submit(command).good() ? 0 : EIO;
    }

  private:
    [[nodiscard]] device::ScsiCommand transfer(std::uint8_t opcode, std::uint64_t offset,
                                               std::size_t bytes) const {
        device::ScsiCommand command;
        command.cdb.resize(ten_ ? 10 : 16);
        command.cdb[0] = opcode;
        const std::uint64_t block = offset / block_bytes_;
        const std::uint64_t count = bytes / block_bytes_;
        if (ten_) {
            write_be<std::uint32_t>(command.cdb, 2, static_cast<std::uint32_t>(block));
            write_be<std::uint16_t>(command.cdb, 7, static_cast<std::uint16_t>(count));
        } else {
            write_be<std::uint64_t>(command.cdb, 2, block);
            write_be<std::uint32_t>(command.cdb, 10, static_cast<std::uint32_t>(count));
        }
        return command;
    }
    device::IoResult done(const device::ScsiCommand& command, std::size_t bytes) {
        for (unsigned tries = 0; tries < 3; ++tries) {  // a unit attention is told once
            if (transport_.submit(command).good()) {
                return {bytes, 0};
            }
        }
        return {0, EIO};
    }
    device::ScsiTransport& transport_;
    std::uint32_t block_bytes_;
    bool ten_;
    mutable std::uint64_t size_ = 0;
};

class BehindScsi final {
  public:
    /// `transport` and `clock` outlive it.
    BehindScsi(device::ScsiTransport& transport, std::uint32_t block_bytes, bool ten,
               const Clock& clock)
        : tunnel_(transport),
          scsi_(method::make_scsi_drive(transport, "a", clock)),
          disk_(transport, block_bytes, ten) {
        (void)disk_.size_bytes();  // as the kernel found it
        if (method::scsi_is_translated(transport)) {
            ata_ = method::make_ata_drive(tunnel_, "a", random_);
        }
    }
    [[nodiscard]] std::vector<method::CommandSet*> command_sets() {
        return ata_ ? std::vector<method::CommandSet*>{ata_.get(), scsi_.get()}
                    : std::vector<method::CommandSet*>{scsi_.get()};
    }
    [[nodiscard]] device::BlockTarget& disk() { return disk_; }

  private:
    ata::SatTunnel tunnel_;
    fake::SeededRandom random_{"ata"};
    std::unique_ptr<method::CommandSet> scsi_;
    std::unique_ptr<method::CommandSet> ata_;
    KernelDisk disk_;
};

}  // namespace efface::job::variants

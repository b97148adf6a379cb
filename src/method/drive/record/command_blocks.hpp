// SPDX-License-Identifier: Apache-2.0
// What lies behind the end that the host sees, read and written by the drive's own commands.
#pragma once

#include "efface/device/block_target.hpp"
#include "efface/method/drive/command_set.hpp"

namespace efface::method {

/// [part.from, part.to) of a surface as storage of its own, from 0. The set outlives it.
class CommandBlocks final : public device::BlockTarget {
  public:
    CommandBlocks(CommandSet& commands, NotShown part)
        : commands_(commands), part_(std::move(part)) {}

    [[nodiscard]] std::uint64_t size_bytes() const override { return part_.to - part_.from; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return part_.block_bytes; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override;
    device::IoResult write_at(std::uint64_t offset, ByteView from) override;
    [[nodiscard]] int flush() override;

    [[nodiscard]] const NotShown& part() const noexcept { return part_; }

  private:
    CommandSet& commands_;
    NotShown part_;
};

/// The name of its canaries in the record: "sda by command".
[[nodiscard]] std::string name_of(const NotShown& part);

}  // namespace efface::method

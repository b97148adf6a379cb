// SPDX-License-Identifier: Apache-2.0
// A disk in memory that knows the difference between written and durable, with faults by hook.
#pragma once

#include <functional>

#include "efface/device/block_target.hpp"

namespace efface::fake {

struct Operation {
    enum class Kind { read, write, flush } kind = Kind::read;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::uint64_t ordinal = 0;  ///< counts all operations of the disk from 1
};

/// What the disk does instead of serving the operation honestly.
struct Fault {
    enum class Kind {
        none,
        fail,     ///< nothing happens; `error` is returned
        drop,     ///< reports success and does nothing; a read leaves the buffer as it was
        shorten,  ///< transfers only `bytes` and reports that, without an error
        partial,  ///< transfers only `bytes`, and returns `error`
        corrupt,  ///< transfers, with one bit of the data flipped
        stale,    ///< a read returns what the disk was made with; a write is an honest one
    } kind = Kind::none;
    int error = 0;
    std::size_t bytes = 0;
};

class MemoryDisk final : public device::BlockTarget {
  public:
    using Hook = std::function<Fault(const Operation&)>;

    explicit MemoryDisk(Bytes contents, std::uint32_t alignment = 512);

    [[nodiscard]] std::uint64_t size_bytes() const override;
    [[nodiscard]] std::uint32_t preferred_alignment() const override;
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override;
    device::IoResult write_at(std::uint64_t offset, ByteView from) override;
    [[nodiscard]] int flush() override;

    /// What a reader sees now / after a loss of power.
    [[nodiscard]] const Bytes& media() const noexcept { return media_; }
    [[nodiscard]] Bytes& media() noexcept { return media_; }
    [[nodiscard]] const Bytes& durable() const noexcept { return durable_; }
    /// Loses everything that was not flushed.
    void cut_power() { media_ = durable_; }
    void set_hook(Hook hook) { hook_ = std::move(hook); }
    [[nodiscard]] std::uint64_t operations() const noexcept { return operations_; }

  private:
    Fault next(Operation::Kind kind, std::uint64_t offset, std::uint64_t length);
    Bytes media_;
    Bytes durable_;
    Bytes original_;
    std::uint32_t alignment_;
    Hook hook_;
    std::uint64_t operations_ = 0;
};

}  // namespace efface::fake

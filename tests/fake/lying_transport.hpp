// SPDX-License-Identifier: Apache-2.0
// Decorators that tell a Disguise's lie on every way to a drive's blocks. What is no read or write
// of blocks goes through.
#pragma once

#include <functional>

#include "efface/device/block_target.hpp"
#include "efface/device/drive/ata_transport.hpp"
#include "efface/device/drive/nvme_transport.hpp"
#include "efface/device/drive/scsi_transport.hpp"

#include "fake/disk/disguise.hpp"

namespace efface::fake {

/// Now and then any completion is any bytes: seeded, so that each run can be had again.
class Garbler final {
  public:
    /// One in `one_in` completions; 0: none.
    explicit Garbler(std::uint64_t seed = 0, unsigned one_in = 0) : state_(seed), one_in_(one_in) {}
    [[nodiscard]] bool strikes();
    [[nodiscard]] std::uint64_t next();
    void garble(MutableByteView bytes);

  private:
    std::uint64_t state_;
    unsigned one_in_;
};

/// Statuses of an unreadable block, by their number in a Lie.
constexpr unsigned kNvmeLieStatuses = 4;  ///< 287h, 281h, 286h, no answer
constexpr unsigned kScsiLieStatuses = 4;  ///< 3/11/00, 3/11/15, 4/44/00, no answer
constexpr unsigned kAtaLieStatuses = 3;   ///< UNC, ABRT, no answer

class LyingNvme final : public device::NvmeTransport {
  public:
    LyingNvme(device::NvmeTransport& below, Disguise& disguise, Garbler& garbler)
        : below_(below), disguise_(disguise), garbler_(garbler) {}
    device::NvmeCompletion submit(const device::NvmeCommand& command) override;

  private:
    [[nodiscard]] device::NvmeCompletion lie(const device::NvmeCommand& command);
    device::NvmeTransport& below_;
    Disguise& disguise_;
    Garbler& garbler_;
};

class LyingScsi final : public device::ScsiTransport {
  public:
    LyingScsi(device::ScsiTransport& below, Disguise& disguise, Garbler& garbler)
        : below_(below), disguise_(disguise), garbler_(garbler) {}
    device::ScsiCompletion submit(const device::ScsiCommand& command) override;

  private:
    [[nodiscard]] device::ScsiCompletion lie(const device::ScsiCommand& command);
    device::ScsiTransport& below_;
    Disguise& disguise_;
    Garbler& garbler_;
};

class LyingAta final : public device::AtaTransport {
  public:
    LyingAta(device::AtaTransport& below, Disguise& disguise, Garbler& garbler)
        : below_(below), disguise_(disguise), garbler_(garbler) {}
    device::AtaCompletion submit(const device::AtaCommand& command) override;

  private:
    [[nodiscard]] device::AtaCompletion lie(const device::AtaCommand& command);
    device::AtaTransport& below_;
    Disguise& disguise_;
    Garbler& garbler_;
};

/// The kernel's block device over the same medium, as large as it is shown.
class LyingTarget final : public device::BlockTarget {
  public:
    LyingTarget(DriveMedia& media, Disguise& disguise, std::uint64_t shown_blocks)
        : media_(media), disguise_(disguise), blocks_(shown_blocks) {}
    [[nodiscard]] std::uint64_t size_bytes() const override {
        return blocks_ * media_.block_bytes();
    }
    [[nodiscard]] std::uint32_t preferred_alignment() const override {
        return media_.block_bytes();
    }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override;
    device::IoResult write_at(std::uint64_t offset, ByteView from) override;
    [[nodiscard]] int flush() override { return 0; }

  private:
    DriveMedia& media_;
    Disguise& disguise_;
    std::uint64_t blocks_;
};

}  // namespace efface::fake

// SPDX-License-Identifier: Apache-2.0
// An NVMe model full of old data, and whole jobs on it.
#pragma once

#include <cerrno>
#include <deque>
#include <string>

#include "efface/method/drive/command_sets.hpp"
#include "efface/method/drive/erase.hpp"

#include "fake/disk/fixed.hpp"
#include "fake/nvme/drive.hpp"
#include "memory/support.hpp"

namespace efface::test {

constexpr std::uint32_t kNvmeBlockBytes = 512;

/// One block of what was on the drive before.
inline Bytes old_nvme_block() {
    Bytes block(kNvmeBlockBytes);
    for (std::size_t i = 0; i < block.size(); ++i) {
        block[i] = static_cast<std::uint8_t>("OLD-DATA"[i % 8]);
    }
    return block;
}

/// A namespace as the kernel's block layer would show it.
class NvmeStorage final : public device::BlockTarget {
  public:
    NvmeStorage(fake::NvmeDrive& drive, std::uint32_t nsid) : drive_(drive), nsid_(nsid) {}
    [[nodiscard]] std::uint64_t size_bytes() const override {
        return drive_.media(nsid_).blocks() * kNvmeBlockBytes;
    }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return kNvmeBlockBytes; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        return move(0x02, offset, into, {});
    }
    device::IoResult write_at(std::uint64_t offset, ByteView from) override {
        return move(0x01, offset, {}, from);
    }
    [[nodiscard]] int flush() override { return 0; }

  private:
    device::IoResult move(std::uint8_t opcode, std::uint64_t offset, MutableByteView into,
                          ByteView from) {
        const std::size_t bytes = into.size() + from.size();
        device::NvmeCommand command;
        command.queue = device::NvmeCommand::Queue::io;
        command.opcode = opcode;
        command.nsid = nsid_;
        command.cdw10 = static_cast<std::uint32_t>(offset / kNvmeBlockBytes);
        command.cdw12 = static_cast<std::uint32_t>(bytes / kNvmeBlockBytes - 1);
        command.read_into = into;
        command.write_from = from;
        const bool moved = drive_.controller().submit(command).succeeded();
        return {moved ? bytes : 0, moved ? 0 : EIO};
    }
    fake::NvmeDrive& drive_;
    std::uint32_t nsid_;
};

/// A whole job on the drive, through the engine; its namespaces are all full of old data.
class NvmeJob final : private method::DriveAccess {
  public:
    NvmeJob(const char* technique, const fake::NvmeDriveOptions& options) : drive(options, clock) {
        for (std::uint32_t nsid = 1; nsid <= options.namespaces.size(); ++nsid) {
            auto& media = drive.media(nsid);
            media.fill(0, media.blocks(), old_nvme_block());
            media.retire(7);
        }
        if (options.unallocated_blocks > 0) {
            drive.unallocated().fill(0, options.unallocated_blocks, old_nvme_block());
        }
        find();
        state.seed = Bytes(method::kCanarySeedBytes, 7);
        task_.path = "/dev/nvme0n1";
        task_.technique = technique;
    }

    method::Outcome run() {
        Watcher watcher;
        return erase_drive(
            task_, state, *this, clock,
            guard::clear_memory("/dev/nvme0n1", {}, [] { return guard::MemoryLook(); }), watcher,
            {});
    }
    /// CDW10 of every Namespace Attachment: 0 attaches, 1 detaches.
    [[nodiscard]] std::vector<std::uint32_t> attachments() const {
        std::vector<std::uint32_t> found;
        for (const auto& one : drive.seen()) {
            if (one.admin && one.opcode == 0x15) {
                found.push_back(one.cdw10);
            }
        }
        return found;
    }
    [[nodiscard]] bool old_data_remains() const {
        return drive.holds(old_nvme_block()) || drive.retired_holds(old_nvme_block());
    }

    fake::FixedClock clock;
    fake::NvmeDrive drive;
    method::EraseState state;
    std::function<void()> on_wait;
    unsigned resets = 0;
    /// How many looks in vain there are each time before the kernel has the drive again, and how
    /// many more before it has the last of its namespaces.
    unsigned away_for = 0;
    unsigned in_part_for = 0;
    /// Of namespaces that the kernel makes no block device of.
    std::uint32_t without_device = 0;

  private:
    void save(const method::EraseState& /*state*/) override {}
    bool wait(std::chrono::milliseconds pause) override {
        clock.advance(pause);
        if (on_wait) {
            on_wait();
        }
        return true;
    }
    method::CommandSet& commands() override { return *commands_; }
    std::vector<method::Surface> surfaces() override { return surfaces_; }
    std::string reattach() override {
        if (!drive.answers() || looks_away_ < away_for) {
            ++looks_away_;
            return "it is not there";
        }
        find();
        if (looks_away_ < away_for + in_part_for) {
            ++looks_away_;
            surfaces_.pop_back();
        } else {
            looks_away_ = 0;
        }
        return {};
    }
    bool reset() override {
        ++resets;
        drive.reset();
        return true;
    }

    /// What the kernel makes of the active namespaces.
    void find() {
        Bytes list(4096);
        device::NvmeCommand identify;
        identify.opcode = 0x06;
        identify.cdw10 = 0x02;
        identify.read_into = list;
        if (!drive.controller().submit(identify).succeeded()) {
            return;  // as before
        }
        std::vector<method::NvmePlace> places;
        surfaces_.clear();
        storages_.clear();
        for (std::size_t at = 0; read_le<std::uint32_t>(list, at) != 0; at += 4) {
            const auto nsid = read_le<std::uint32_t>(list, at);
            if (nsid == without_device) {
                continue;
            }
            places.push_back({"nvme0n" + std::to_string(nsid), nsid});
            storages_.emplace_back(drive, nsid);
            surfaces_.push_back({places.back().device, &storages_.back()});
        }
        commands_ = method::make_nvme_drive(drive.controller(), places);
    }
    std::deque<NvmeStorage> storages_;
    std::vector<method::Surface> surfaces_;
    std::unique_ptr<method::CommandSet> commands_;
    method::EraseTask task_;
    unsigned looks_away_ = 0;
};

}  // namespace efface::test

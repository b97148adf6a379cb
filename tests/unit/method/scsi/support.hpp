// SPDX-License-Identifier: Apache-2.0
// A SCSI disk model that is full of old data, its command set, and whole jobs on it.
#pragma once

#include <algorithm>
#include <cerrno>

#include "efface/method/drive/command_sets.hpp"
#include "efface/method/drive/erase.hpp"

#include "catch.hpp"
#include "fake/disk/fixed.hpp"
#include "fake/scsi/drive.hpp"
#include "memory/support.hpp"

namespace efface::test {

constexpr std::uint32_t kScsiBlockBytes = 512;
constexpr std::uint64_t kScsiBlocks = 8192;

/// One block of what was on the disk before.
inline Bytes old_block() {
    Bytes block(kScsiBlockBytes);
    for (std::size_t i = 0; i < block.size(); ++i) {
        block[i] = static_cast<std::uint8_t>("OLD-DATA"[i % 8]);
    }
    return block;
}

/// The disk as the kernel's block layer would show it.
class ScsiStorage final : public device::BlockTarget {
  public:
    explicit ScsiStorage(fake::ScsiDrive& drive) : drive_(drive) {}
    [[nodiscard]] std::uint64_t size_bytes() const override {
        return drive_.host_blocks() * kScsiBlockBytes;
    }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return kScsiBlockBytes; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        return move(0x88, offset, into, {});
    }
    device::IoResult write_at(std::uint64_t offset, ByteView from) override {
        return move(0x8a, offset, {}, from);
    }
    [[nodiscard]] int flush() override { return 0; }

  private:
    device::IoResult move(std::uint8_t opcode, std::uint64_t offset, MutableByteView into,
                          ByteView from) {
        const std::size_t bytes = into.size() + from.size();
        device::ScsiCommand command;
        command.cdb = Bytes(16, 0);
        command.cdb[0] = opcode;
        write_be<std::uint64_t>(command.cdb, 2, offset / kScsiBlockBytes);
        write_be<std::uint32_t>(command.cdb, 10,
                                static_cast<std::uint32_t>(bytes / kScsiBlockBytes));
        command.read_into = into;
        command.write_from = from;
        auto completion = drive_.submit(command);
        if (!completion.good()) {
            completion = drive_.submit(command);  // the kernel takes a unit attention by itself
        }
        return {completion.good() ? bytes : 0, completion.good() ? 0 : EIO};
    }
    fake::ScsiDrive& drive_;
};

/// A disk with old data everywhere, also where the host does not reach.
struct ScsiBench {
    explicit ScsiBench(fake::ScsiDriveOptions options = {})
        : drive(sized(std::move(options)), clock) {
        const Bytes old = old_block();
        drive.media().fill(0, kScsiBlocks, old);
        drive.media().retire(7);
        drive.remember();
        commands = method::make_scsi_drive(drive, "disk", clock);
        memory.save = [this] { ++saves; };
    }
    static fake::ScsiDriveOptions sized(fake::ScsiDriveOptions options) {
        options.blocks = kScsiBlocks;
        options.block_bytes = kScsiBlockBytes;
        return options;
    }
    [[nodiscard]] std::unique_ptr<method::Operation> make(const char* technique) {
        return commands->make(technique, memory);
    }
    [[nodiscard]] bool old_data_remains() { return drive.media().holds(old_block()); }

    fake::FixedClock clock;
    fake::ScsiDrive drive;
    std::unique_ptr<method::CommandSet> commands;
    Json kept = Json::object();
    method::OperationMemory memory{.kept = kept};
    unsigned saves = 0;
};

inline const method::TechniqueFacts& technique(const method::DriveSurvey& survey,
                                               const std::string& name) {
    const auto found =
        std::find_if(survey.techniques.begin(), survey.techniques.end(),
                     [&](const method::TechniqueFacts& facts) { return facts.name == name; });
    REQUIRE(found != survey.techniques.end());
    return *found;
}

inline std::optional<ReasonCode> objection(const method::DriveSurvey& survey,
                                           const std::string& name) {
    const auto& objection = technique(survey, name).objection;
    return objection ? std::optional(objection->code) : std::nullopt;
}

/// CDBs of commands that change something, in hex.
inline std::vector<std::string> changes(fake::ScsiDrive& drive) {
    std::vector<std::string> sent;
    for (const auto& cdb : drive.received()) {
        const bool restores = cdb[0] == 0x9e && cdb[1] == 0x19;
        if (cdb[0] == 0x04 || cdb[0] == 0x48 || cdb[0] == 0x55 || cdb[0] == 0x93 || restores) {
            sent.push_back(to_hex(cdb));
        }
    }
    return sent;
}

/// A whole job on the disk, through the engine.
class ScsiJob final : private method::DriveAccess {
  public:
    ScsiJob(const char* technique, fake::ScsiDriveOptions options)
        : bench(std::move(options)), storage_(bench.drive) {
        state.seed = Bytes(method::kCanarySeedBytes, 7);
        task_.path = "/dev/disk";
        task_.technique = technique;
    }

    method::Outcome run() {
        Watcher watcher;
        return erase_drive(task_, state, *this, bench.clock,
                           guard::clear_memory("/dev/disk", {}, [] { return guard::MemoryLook(); }),
                           watcher, {});
    }

    ScsiBench bench;
    method::EraseState state;
    std::function<void()> on_wait;

  private:
    void save(const method::EraseState& /*state*/) override {}
    bool wait(std::chrono::milliseconds pause) override {
        bench.clock.advance(pause);
        if (on_wait) {
            on_wait();
        }
        return true;
    }
    method::CommandSet& commands() override { return *bench.commands; }
    std::vector<method::Surface> surfaces() override { return {{"disk", &storage_}}; }
    std::string reattach() override { return {}; }

    ScsiStorage storage_;
    method::EraseTask task_;
};

}  // namespace efface::test

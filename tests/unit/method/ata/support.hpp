// SPDX-License-Identifier: Apache-2.0
// An ATA drive with a secret on it, and a journal that survives what happens to the process.
#pragma once

#include <memory>
#include <stdexcept>
#include <string>

#include "efface/method/drive/command_sets.hpp"

#include "fake/ata/drive.hpp"
#include "fake/disk/fixed.hpp"

namespace efface::method {

/// The process ends here.
struct Crash final : std::runtime_error {
    Crash() : std::runtime_error("crash") {}
};

[[nodiscard]] inline bool contains(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

/// Ends the process at a command: before the drive has it, or after, when its answer is lost.
class CrashingTransport final : public device::AtaTransport {
  public:
    explicit CrashingTransport(device::AtaTransport& below) : below_(below) {}
    device::AtaCompletion submit(const device::AtaCommand& command) override {
        if (++count_ == crash_before) {
            throw Crash();
        }
        auto completion = below_.submit(command);
        if (count_ == crash_after) {
            throw Crash();
        }
        return completion;
    }
    unsigned crash_before = 0;
    unsigned crash_after = 0;

  private:
    device::AtaTransport& below_;
    unsigned count_ = 0;
};

struct AtaBench {
    explicit AtaBench(const fake::AtaDriveOptions& options = {}) : drive(options, clock) {
        drive.media().fill(0, options.blocks, secret);
        new_process();
    }

    /// What is not in the journal is lost.
    void new_process() {
        transport = std::make_unique<CrashingTransport>(drive);
        set = make_ata_drive(*transport, "sda", random);
        memory.pattern = Bytes(kOverwritePatternBytes, 0);
        memory.kept = journal;
        memory.save = [this] { journal = memory.kept; };
    }

    TechniqueFacts facts(std::string_view technique) {
        for (auto& facts : set->survey().techniques) {
            if (facts.name == technique) {
                return facts;
            }
        }
        throw std::runtime_error("no such technique");
    }
    std::optional<ReasonCode> objection(std::string_view technique) {
        const auto objection = facts(technique).objection;
        return objection ? std::optional(objection->code) : std::nullopt;
    }

    [[nodiscard]] bool secret_left() const { return drive_holds(secret); }
    [[nodiscard]] bool drive_holds(ByteView content) const {
        return const_cast<fake::AtaDrive&>(drive).media().holds(content);
    }

    fake::FixedClock clock;
    fake::SeededRandom random;
    const Bytes secret = Bytes(512, 0x77);
    fake::AtaDrive drive;
    std::unique_ptr<CrashingTransport> transport;
    std::unique_ptr<CommandSet> set;
    Json journal = Json::object();
    Json kept = Json::object();
    OperationMemory memory{.kept = kept};
};

}  // namespace efface::method

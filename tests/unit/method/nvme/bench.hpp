// SPDX-License-Identifier: Apache-2.0
// An NVMe model, its command set, and what a job keeps: for tests of the operations themselves.
#pragma once

#include <algorithm>

#include "efface/method/drive/command_sets.hpp"

#include "catch.hpp"
#include "fake/disk/fixed.hpp"
#include "fake/nvme/drive.hpp"

namespace efface::test {

/// With one block that can be found again.
struct NvmeBench {
    explicit NvmeBench(fake::NvmeDriveOptions options = {}) : drive(std::move(options), clock) {
        for (std::size_t i = 0; i < old_block.size(); ++i) {
            old_block[i] = static_cast<std::uint8_t>(i * 7 + 1);
        }
        memory.save = [this] { ++saves; };
        set = method::make_nvme_drive(drive.controller(), {{"nvme0n1", 1}});
    }
    void put_old_block(std::uint32_t nsid, std::uint64_t block) {
        drive.media(nsid).write(block, old_block);
    }
    std::unique_ptr<method::Operation> make(std::string_view technique) {
        auto operation = set->make(technique, memory);
        REQUIRE(operation != nullptr);
        return operation;
    }
    method::TechniqueFacts facts(std::string_view technique) {
        const auto survey = set->survey();
        const auto found = std::find_if(survey.techniques.begin(), survey.techniques.end(),
                                        [&](const auto& one) { return one.name == technique; });
        REQUIRE(found != survey.techniques.end());
        return *found;
    }
    /// CDW10 of every Sanitize (84h) or Format NVM (80h) that the drive was sent.
    std::vector<std::uint32_t> sent(std::uint8_t opcode) {
        std::vector<std::uint32_t> found;
        for (const auto& one : drive.seen()) {
            if (one.admin && one.opcode == opcode) {
                found.push_back(one.cdw10);
            }
        }
        return found;
    }

    fake::FixedClock clock;
    fake::NvmeDrive drive;
    Bytes old_block = Bytes(512);
    Json kept = Json::object();
    method::OperationMemory memory{.kept = kept};
    unsigned saves = 0;
    std::unique_ptr<method::CommandSet> set;
};

inline fake::NvmeDriveOptions with_lie(void (*set)(fake::NvmeLies&)) {
    fake::NvmeDriveOptions options;
    set(options.lies);
    return options;
}

constexpr std::uint8_t kSanitize = 0x84;
constexpr std::uint8_t kFormat = 0x80;

}  // namespace efface::test

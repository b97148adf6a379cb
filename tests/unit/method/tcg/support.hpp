// SPDX-License-Identifier: Apache-2.0
// A TCG drive model full of old data, and its command set.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "efface/method/drive/command_sets.hpp"

#include "fake/disk/drive_media.hpp"
#include "fake/disk/fixed.hpp"
#include "fake/tcg/drive.hpp"

namespace efface::test {

constexpr std::uint64_t kTcgBlocks = 64;
constexpr std::uint32_t kTcgBlockBytes = 512;
constexpr const char* kTcgSid = "password-of-the-owner-0123456789";

/// Pauses move the clock: nothing here waits.
class TcgBench final {
  public:
    explicit TcgBench(fake::TcgDriveOptions options = {})
        : media_(kTcgBlocks, kTcgBlockBytes, 8),
          psid(options.psid),
          admin(options.locking_admin),
          drive(std::move(options), media_, clock) {
        for (std::uint64_t block = 0; block < kTcgBlocks; ++block) {
            media_.write(block, original(block));
        }
        media_.retire(3);
        memory.save = [this] {
            ++saves;
            journal = memory.kept.dump();
        };
    }

    /// No two are the same.
    static Bytes original(std::uint64_t block) {
        Bytes content(kTcgBlockBytes, 0x5a);
        content[0] = static_cast<std::uint8_t>(block);
        return content;
    }
    /// How many of the old blocks stand anywhere on the medium.
    [[nodiscard]] std::uint64_t originals_left() const {
        std::uint64_t left = 0;
        for (std::uint64_t block = 0; block < kTcgBlocks; ++block) {
            const bool held =
                media_.holds(original(block)) || media_.retired_holds(original(block));
            left += held ? 1U : 0U;
        }
        return left;
    }

    /// Shown the right credential for this technique, unless told otherwise. What was made before
    /// stays usable.
    method::CommandSet& commands(std::string_view technique = "tcg-psid-revert") {
        if (technique == "tcg-psid-revert") {
            return use(psid, mandate::Authority::psid);
        }
        return technique == "tcg-genkey" ? use(admin, std::nullopt)
                                         : use(sid, mandate::Authority::sid);
    }
    method::CommandSet& use(const std::string& secret,
                            std::optional<mandate::Authority> authority) {
        sets_.push_back(method::make_tcg_drive(
            drive, {SecretBytes(as_bytes(secret)), authority}, clock,
            [this](std::chrono::milliseconds time) { clock.advance(time); }));
        return *sets_.back();
    }
    std::unique_ptr<method::Operation> make(const char* technique) {
        return commands(technique).make(technique, memory);
    }
    /// Another process: what is known is what was journalled.
    std::unique_ptr<method::Operation> make_after_crash(const char* technique) {
        memory.kept = journal.empty() ? Json::object() : Json::parse(journal);
        return commands(technique).make(technique, memory);
    }
    /// The same from a journal of release 0.2, which has these notes beside those of other sets.
    std::unique_ptr<method::Operation> make_after_upgrade(const char* technique) {
        memory.kept = Json::parse(journal).at("tcg");
        return commands(technique).make(technique, memory);
    }
    [[nodiscard]] std::optional<Reason> objection(const char* technique) {
        for (const auto& facts : commands(technique).survey().techniques) {
            if (facts.name == technique) {
                return facts.objection;
            }
        }
        return Reason{ReasonCode::internal, "there is no such technique"};
    }

    fake::FixedClock clock;

  private:
    fake::DriveMedia media_;
    std::vector<std::unique_ptr<method::CommandSet>> sets_;

  public:
    std::string psid;
    std::string sid;  ///< empty: the MSID is SID's password
    std::string admin;
    fake::TcgDrive drive;
    Json kept = Json::object();
    method::OperationMemory memory{.kept = kept};
    std::string journal;
    unsigned saves = 0;
};

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace efface::test

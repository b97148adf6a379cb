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

    /// With the right passwords, unless told otherwise.
    method::CommandSet& commands() {
        if (!commands_) {
            use({SecretBytes(as_bytes(psid)), SecretBytes(as_bytes(sid)),
                 SecretBytes(as_bytes(admin))});
        }
        return *commands_;
    }
    void use(method::TcgCredentials credentials) {
        commands_ =
            method::make_tcg_drive(drive, std::move(credentials), clock,
                                   [this](std::chrono::milliseconds time) { clock.advance(time); });
    }
    std::unique_ptr<method::Operation> make(const char* technique) {
        return commands().make(technique, memory);
    }
    /// Another process: what is known is what was journalled.
    std::unique_ptr<method::Operation> make_after_crash(const char* technique) {
        memory.kept = journal.empty() ? Json::object() : Json::parse(journal);
        return commands().make(technique, memory);
    }
    /// The same from a journal of release 0.2, which has these notes beside those of other sets.
    std::unique_ptr<method::Operation> make_after_upgrade(const char* technique) {
        memory.kept = Json::parse(journal).at("tcg");
        return commands().make(technique, memory);
    }
    [[nodiscard]] std::optional<Reason> objection(const char* technique) {
        for (const auto& facts : commands().survey().techniques) {
            if (facts.name == technique) {
                return facts.objection;
            }
        }
        return Reason{ReasonCode::internal, "there is no such technique"};
    }

    fake::FixedClock clock;

  private:
    fake::DriveMedia media_;
    std::unique_ptr<method::CommandSet> commands_;

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

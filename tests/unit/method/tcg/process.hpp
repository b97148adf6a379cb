// SPDX-License-Identifier: Apache-2.0
// Processes that work on a TCG drive as the engine has them do it, and that die between any two
// commands to it.
#pragma once

#include <algorithm>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "support.hpp"

namespace efface::test {

struct TcgKilled {};

/// Kills the process at one command: before the drive has it, or before its answer is seen.
class TcgWire final : public device::SecurityTransport {
  public:
    explicit TcgWire(fake::TcgDrive& drive) : drive_(drive) {}
    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override {
        return around([&] { return drive_.receive(protocol, specific, into); });
    }
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override {
        return around([&] { return drive_.send(protocol, specific, from); });
    }
    void kill_at(unsigned command, bool before) {
        at_ = command;
        before_ = before;
    }
    [[nodiscard]] unsigned commands() const noexcept { return commands_; }

  private:
    template <typename Submit>
    device::SecurityAnswer around(const Submit& submit) {
        const bool now = ++commands_ == at_;
        if (now && before_) {
            throw TcgKilled{};
        }
        auto answer = submit();
        if (now) {
            throw TcgKilled{};
        }
        return answer;
    }
    fake::TcgDrive& drive_;
    unsigned commands_ = 0;
    unsigned at_ = 0;
    bool before_ = false;
};

/// What a job's journal has.
struct TcgJob {
    bool begun = false;    ///< a start was announced
    bool started = false;  ///< and answered: it is watched from now on
    bool refused = false;
    Json notes = Json::object();
    std::vector<method::SentCommand> commands;
};

struct TcgCase {
    std::string technique;
    fake::TcgDriveOptions options;
    std::string secret;
    std::optional<mandate::Authority> authority;
};

/// One drive, and the processes of one job on it.
class TcgProcesses final {
  public:
    explicit TcgProcesses(const TcgCase& one) : bench(one.options), wire(bench.drive), case_(one) {}

    /// One process. False: it was killed.
    bool run() {
        const auto before = bench.drive.counts().tries;
        ++processes;
        const bool lived = live();
        for (const auto& [authority, tries] : bench.drive.counts().tries) {
            const auto earlier = before.find(authority);
            const unsigned more = tries - (earlier == before.end() ? 0 : earlier->second);
            tries_of_a_process = std::max(tries_of_a_process, more);
        }
        return lived;
    }
    /// In a record: sent, and not refused in words that say so.
    [[nodiscard]] bool was_sent(const std::string& begins) const {
        return std::any_of(job.commands.begin(), job.commands.end(), [&](const auto& command) {
            const bool capitals =
                std::all_of(command.answer.begin(), command.answer.end(),
                            [](char c) { return (c >= 'A' && c <= 'Z') || c == '_'; });
            return command.name.rfind(begins, 0) == 0 && (!capitals || command.answer == "SUCCESS");
        });
    }

    TcgBench bench;
    TcgWire wire;
    TcgJob job;
    method::OperationState end;  ///< as the last process found it
    method::StartAnswer answer;  ///< of the last start
    unsigned tries_of_a_process = 0;
    unsigned processes = 0;

  private:
    bool live() {
        const auto set = method::make_tcg_drive(
            wire, {SecretBytes(as_bytes(case_.secret)), case_.authority}, bench.clock,
            [this](std::chrono::milliseconds time) { bench.clock.advance(time); });
        TcgJob now = job;
        method::OperationMemory memory{.kept = now.notes};
        memory.save = [&] { job = now; };
        try {
            work(*set, memory, now);
        } catch (const TcgKilled&) {
            return false;
        }
        job = now;
        return true;
    }
    void work(method::CommandSet& set, method::OperationMemory& memory, TcgJob& now) {
        auto operation = set.make(case_.technique, memory);
        if (now.refused) {
            return;
        }
        if (!now.started) {
            start(set, *operation, now);
            memory.save();
            if (now.refused) {
                return;
            }
        }
        watch(*operation);
        std::vector<method::SentCommand> commands;
        (void)operation->clean_up(commands);
    }
    void start(method::CommandSet& set, method::Operation& operation, TcgJob& now) {
        const bool running = set.state().phase == method::Phase::running;
        if (running && now.begun) {
            add(now, operation.sent_before());
            now.started = true;
            return;
        }
        now.begun = true;
        job.begun = true;  // journalled before anything is sent
        answer = operation.start();
        add(now, answer.commands);
        now.refused = answer.start == method::Start::refused;
        now.started = !now.refused;
    }
    void watch(method::Operation& operation) {
        constexpr unsigned kUnknownMax = 5;
        constexpr unsigned kPollsMax = 400;
        unsigned unknown = 0;
        for (unsigned poll = 0; poll < kPollsMax; ++poll) {
            end = operation.state();
            unknown = end.phase == method::Phase::unknown ? unknown + 1 : 0;
            if ((end.phase != method::Phase::running && unknown == 0) || unknown >= kUnknownMax) {
                return;
            }
            bench.clock.advance(std::chrono::seconds{1});
        }
    }
    static void add(TcgJob& now, const std::vector<method::SentCommand>& commands) {
        now.commands.insert(now.commands.end(), commands.begin(), commands.end());
    }

    TcgCase case_;
};

}  // namespace efface::test

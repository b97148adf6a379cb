// SPDX-License-Identifier: Apache-2.0
// An erasure by a scripted drive over several processes, for tests of the engine.
#pragma once

#include "efface/method/drive/erase.hpp"

#include "catch.hpp"
#include "fake/scripted_drive.hpp"
#include "memory/support.hpp"

namespace efface::method {

using fake::DriveLies;
using fake::ScriptedDrive;

constexpr const char* kPath = "/dev/drive";

/// Ends the process that the test plays: thrown where it would be killed.
struct Killed {};

/// A connection to the drive: what it made must not be used once it is gone.
class Connected final : public CommandSet {
  public:
    explicit Connected(ScriptedDrive& drive) : drive_(drive) {}
    ~Connected() override { *alive_ = false; }
    Connected(const Connected&) = delete;
    Connected& operator=(const Connected&) = delete;
    [[nodiscard]] std::string_view name() const override { return drive_.name(); }
    DriveSurvey survey() override { return drive_.survey(); }
    OperationState state() override { return drive_.state(); }
    std::unique_ptr<Operation> make(std::string_view technique, OperationMemory& memory) override {
        return std::make_unique<Checked>(drive_.make(technique, memory), alive_);
    }
    OpenedAreas open_hidden_areas(OperationMemory& memory) override {
        return drive_.open_hidden_areas(memory);
    }
    ReadStatus read_status(const std::string& surface, std::uint64_t offset,
                           MutableByteView into) override {
        return drive_.read_status(surface, offset, into);
    }

  private:
    class Checked final : public Operation {
      public:
        Checked(std::unique_ptr<Operation> below, std::shared_ptr<bool> alive)
            : below_(std::move(below)), alive_(std::move(alive)) {}
        [[nodiscard]] std::string_view technique() const override { return checked().technique(); }
        [[nodiscard]] Promise promise() const override { return checked().promise(); }
        OperationState state() override { return checked().state(); }
        StartAnswer start() override { return checked().start(); }
        std::optional<std::string> clean_up(std::vector<SentCommand>& commands) override {
            return checked().clean_up(commands);
        }

      private:
        [[nodiscard]] Operation& checked() const {
            REQUIRE(*alive_);
            return *below_;
        }
        std::unique_ptr<Operation> below_;
        std::shared_ptr<bool> alive_;
    };
    ScriptedDrive& drive_;
    std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

/// A job over several processes: what was saved is what the next one begins with.
class Job final : private DriveAccess {
  public:
    explicit Job(DriveLies lies = {}) : drive(clock, std::move(lies)) {
        EraseState state;
        state.seed = Bytes(kCanarySeedBytes, 7);
        saved = to_json(state);
        task.path = kPath;
        task.technique = ScriptedDrive::kTechnique;
    }

    Outcome run() {
        auto state = erase_state_from_json(saved);
        connected_ = std::make_unique<Connected>(drive);
        tries_ = 0;
        test::Watcher watcher;
        auto outcome =
            erase_drive(task, state, *this, clock,
                        guard::clear_memory(kPath, {}, [] { return guard::MemoryLook(); }), watcher,
                        stop.get_token());
        progress = watcher.bytes;
        return outcome;
    }
    /// Runs again and again until a process lives to the end.
    Outcome run_killed() {
        for (unsigned i = 0; i < 64; ++i) {
            try {
                return run();
            } catch (const Killed&) {
                clock.advance(std::chrono::seconds(1));
            }
        }
        FAIL("it never came to an end");
        return {};
    }

    fake::FixedClock clock;
    ScriptedDrive drive;
    EraseTask task;
    Json saved;
    std::function<void()> on_save;
    std::stop_source stop;
    unsigned saves = 0;
    std::uint64_t progress = 0;
    std::chrono::milliseconds waited{0};

  private:
    void save(const EraseState& now) override {
        saved = to_json(now);
        ++saves;
        if (on_save) {
            on_save();
        }
    }
    bool wait(std::chrono::milliseconds pause) override {
        waited = std::max(waited, pause);
        clock.advance(pause);
        return !stop.stop_requested();
    }
    CommandSet& commands() override { return *connected_; }
    std::vector<Surface> surfaces() override { return {{"drive", &drive}}; }
    std::string reattach() override {  // every other time it is not there
        connected_ = std::make_unique<Connected>(drive);
        return ++tries_ % 2 == 0 || drive.lies.vanishes_for == 0 ? "" : "away";
    }

    std::unique_ptr<Connected> connected_;
    unsigned tries_ = 0;
};

inline DriveLies lie(bool DriveLies::*which) {
    DriveLies lies;
    lies.*which = true;
    return lies;
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
// One station and what it has to erase, from a seed: some runs, killed, disturbed, continued and
// given again, until the world is let come to its end. What must be true after each of them is
// asked after each of them (checks.cpp).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/evidence/keys.hpp"
#include "efface/job/jobs.hpp"

#include "fake/scratch.hpp"
#include "worlds/storage/storage.hpp"

namespace efface::job::worlds {

/// Where something may happen to a run.
enum class At { nowhere, device, event, file, wait };

enum class What {
    kill,           ///< the process
    kill_and_cut,   ///< and the power is gone
    stop,           ///< the operator asks for an end at a safe point
    one_error,      ///< a call that changes a file fails
    no_space,       ///< and every one after it
    events_break,   ///< nobody takes events from here on
    log_moves,      ///< the folder of the log is somewhere else
    foreign_write,  ///< on the medium
    clock_jumps,
};

/// What happens to one run.
struct Fate {
    At at = At::nowhere;
    std::uint64_t nth = 0;
    What what = What::kill;
    std::chrono::minutes jump{0};
};

struct Before {
    std::vector<Bytes> media;
    WallTime now;
    bool by_itself = false;  ///< the medium changes whatever this command does
};

class World final {
  public:
    /// `verified`: what it certified is verified as a verifier does, at its end.
    World(std::uint64_t seed, bool verified);
    ~World();
    World(const World&) = delete;
    World& operator=(const World&) = delete;

    /// What was not as it must be, in words.
    std::vector<std::string> live();
    /// Line by line.
    [[nodiscard]] const std::vector<std::string>& story() const noexcept { return story_; }
    [[nodiscard]] std::uint64_t runs() const noexcept { return runs_; }

  private:
    // world.cpp: one command.
    void command(const Asked& asked, const Fate& fate);
    void plan(const Asked& asked);
    [[nodiscard]] int moment(At at, bool can_throw);
    int strike(const Fate& fate);
    void move_log(bool away);
    template <typename Call>
    void as_process(const Fate& fate, const Call& call);

    // world_life.cpp: what comes after what.
    void turn();
    void interfere();
    void damage_journal();
    void lose_jobs();
    void end();
    void close_jobs();
    [[nodiscard]] Fate drawn_fate();
    [[nodiscard]] Asked drawn_question();

    // checks.cpp
    void check(const Asked& asked, const Before& before, const RunResult& result);
    void check_success(const Asked& asked, const Before& before, const RunResult& result);
    void check_status(const RunResult& result);
    void check_terms(const Asked& asked, const Before& before, const RunResult& result);
    void check_bundles();
    void check_log();
    [[nodiscard]] std::string changed_since(const Before& before);
    void defect(const std::string& what);
    void tell(const std::string& what) { story_.push_back(what); }

    Dice dice_;
    fake::ScratchDirectory scratch_;
    StateDirectory state_;
    fake::FakeHost host_;
    fake::FixedClock clock_;
    fake::SeededRandom random_;
    std::optional<evidence::KeyStore> keys_;
    std::unique_ptr<Storage> storage_;
    bool is_project_ = false;
    bool verified_ = true;

    // The process that runs.
    Fate fate_;
    std::map<At, std::uint64_t> moments_;
    bool at_work_ = false;  ///< a run goes on
    bool by_hand_ = false;  ///< files are changed by the world itself
    bool dead_ = false;
    bool no_space_ = false;
    bool events_broken_ = false;
    bool clock_jumped_ = false;
    bool station_disturbed_ = false;  ///< a failure of the station is no wonder
    bool log_away_ = false;
    std::stop_source stop_;
    Ranges foreign_;  ///< written by somebody else during the run

    // What was said before.
    bool carried_out_ = false;          ///< the order or manifest
    std::vector<std::string> ordered_;  ///< jobs of the order
    std::vector<Bytes> as_left_;        ///< by the last success
    bool jobs_lost_ = false;            ///< the folder of one
    WallTime latest_;                   ///< of the clock
    std::uint64_t runs_ = 0;
    std::vector<std::string> story_;
    std::vector<std::string> defects_;
};

}  // namespace efface::job::worlds

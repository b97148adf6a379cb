// SPDX-License-Identifier: Apache-2.0
// What a world has to erase: a disk, a file, a drive that erases itself, memory, the
// volumes of a project.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/job/project_run.hpp"
#include "efface/job/target_run.hpp"

#include "fake/disk/fixed.hpp"
#include "fake/fake_host.hpp"
#include "worlds/content.hpp"
#include "worlds/dice.hpp"

namespace efface::job::worlds {

/// What the machine of a world tells its devices.
struct Surroundings {
    fake::FakeHost& host;
    fake::FixedClock& clock;
    /// One more operation of a device. May throw Killed; false: this process is dead already, and
    /// nothing that it still asks for happens.
    std::function<bool()> operation;
};

struct Asked {
    bool ordered = false;  ///< else a person types
    std::string job_id;    ///< of `efface resume`
    bool last = false;     ///< at the end of the world: whatever works
};

class Storage {
  public:
    virtual ~Storage() = default;
    [[nodiscard]] virtual RunResult erase(RunContext& context, const Asked& asked,
                                          const std::stop_token& stop) = 0;
    /// Throws Error.
    virtual void plan(RunContext& context, const Asked& asked) = 0;
    /// nullptr: only typed runs.
    [[nodiscard]] virtual const mandate::Terms* terms() const = 0;

    /// Every byte of every medium, from behind.
    [[nodiscard]] virtual std::vector<Bytes> media() = 0;
    /// What of the original content is on what this record says to have sanitized.
    [[nodiscard]] virtual std::string left(const RunResult& result, const Json& predicate) = 0;
    /// What was changed that this command was not to touch.
    [[nodiscard]] virtual std::string touched_wrongly(const std::vector<Bytes>& /*before*/,
                                                      const Asked& /*asked*/) {
        return {};
    }

    /// An order that was carried out runs again where something was written since.
    [[nodiscard]] virtual bool runs_again() const { return false; }
    /// What was announced can be named no more.
    [[nodiscard]] virtual bool is_another_for_ever() const { return false; }
    /// Somebody slept. May throw Killed.
    virtual void time_passes() {}

    /// An erasure that was begun before goes on, whoever asks for what.
    [[nodiscard]] virtual bool changes_by_itself() { return false; }

    // Each says in words what it did; empty: nothing.
    /// Somebody else, between two runs.
    virtual std::string interfere(Dice& dice) = 0;
    /// Faults and lies of the next run.
    virtual std::string trouble(Dice& dice) = 0;
    /// Somebody else writes, now: where, on media().front().
    virtual Ranges write_in_between(Dice& dice) = 0;
    virtual void cut_power() = 0;
    /// No faults, no lies, everything at its own place again.
    virtual void mend() = 0;
    /// How many different things there are, each of which a last run is made on.
    [[nodiscard]] virtual unsigned places() const { return 1; }
    virtual void put_in_place(unsigned /*number*/) {}
};

[[nodiscard]] std::unique_ptr<Storage> make_disk(Surroundings surroundings, Dice& dice);
[[nodiscard]] std::unique_ptr<Storage> make_drive(Surroundings surroundings, Dice& dice);
[[nodiscard]] std::unique_ptr<Storage> make_self_encrypting(Surroundings surroundings, Dice& dice);
[[nodiscard]] std::unique_ptr<Storage> make_memory(Surroundings surroundings, Dice& dice);
[[nodiscard]] std::unique_ptr<Storage> make_project(Surroundings surroundings, Dice& dice);

/// `"not_before":...,"not_after":...,` of a document, or nothing.
[[nodiscard]] std::string drawn_dates(Dice& dice, WallTime now);

}  // namespace efface::job::worlds

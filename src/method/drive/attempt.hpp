// SPDX-License-Identifier: Apache-2.0
// One process's work on a drive that erases itself. What its steps share is the Attempt; each step
// is a function that moves the journal's step on: open.cpp recognises the drive and opens hidden
// areas, format.cpp formats odd sectors before, start.cpp places canaries and starts, watch.cpp
// waits and cleans up, check.cpp looks again. erase.cpp joins them and writes the record.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/method/drive/erase.hpp"

#include "drive/medium/canaries.hpp"
#include "drive/record/record.hpp"

namespace efface::method {

using Step = EraseState::Step;

struct Attempt {
    /// References outlive it.
    Attempt(const EraseTask& its_task, EraseState& its_state, DriveAccess& its_access,
            const Clock& its_clock, ProgressSink& its_progress, const std::stop_token& its_stop);
    Attempt(const Attempt&) = delete;
    Attempt& operator=(const Attempt&) = delete;

    void fail(Verdict verdict, ReasonCode code, const std::string& text);
    void keep(Step step);
    void observe(const char* what, Json raw);
    [[nodiscard]] std::string now() const { return to_rfc3339(clock.now()); }
    /// Of whatever answers now; the one before must not be used any more.
    void remake_operation();
    /// Whether `survey` is of the drive that the job began with.
    [[nodiscard]] bool same_drive() const;
    void add_commands(const std::vector<SentCommand>& commands);

    const EraseTask& task;
    EraseState& state;
    DriveAccess& access;
    const Clock& clock;
    ProgressSink& progress;
    const std::stop_token& stop;

    OperationMemory memory;
    Outcome outcome;
    DriveSurvey survey;  ///< the newest
    std::optional<std::chrono::seconds> estimate;
    std::unique_ptr<Operation> operation;  ///< nullptr: this process has not looked at it yet
    EraseEnd end;
    MarksReport report;
    Json health;  ///< of the record
};

/// Who is this, is it the drive that this job began with, and has it the technique? Comes first, in
/// every process.
[[nodiscard]] bool recognise(Attempt& attempt);

// The steps. Each is entered where the journal's step stands and no reason speaks against going on.
void format_step(Attempt& attempt);
void open_step(Attempt& attempt);
void mark_step(Attempt& attempt);
void start_step(Attempt& attempt);
void run_step(Attempt& attempt);
void check_step(Attempt& attempt);

/// Takes back what start() had set.
void clean_up(Attempt& attempt);
/// Takes back what open_step() opened for a time. Best effort: what stays open is named.
void close_hidden_areas(Attempt& attempt);

}  // namespace efface::method

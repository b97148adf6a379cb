// SPDX-License-Identifier: Apache-2.0
// What a document of a job may say: whoever works by it finds every number inside its target, every
// key as long as it must be, and every part that goes into a record fit for one. Whatever else it
// says is damage, and nothing is begun or continued.
#pragma once

#include <string>

#include "journal.hpp"
#include "record/target_record.hpp"
#include "work/project/volume_run.hpp"

namespace efface::job {

/// Throws Error(internal, journal_damaged).
[[noreturn]] void journal_damaged(const std::string& document, const std::string& why);

/// Calls `read`, and takes what it throws for damage of this document, but for the refusal of
/// another version's.
template <typename Read>
auto read_journal(const std::string& document, Read&& read) {
    try {
        return read();
    } catch (const Json::exception& error) {
        journal_damaged(document, error.what());
    } catch (const Error& error) {
        if (error.reason() == ReasonCode::other_journal_version ||
            error.reason() == ReasonCode::journal_damaged) {
            throw;
        }
        journal_damaged(document, error.what());
    }
}

[[nodiscard]] method::Level level_from_journal(const Json& json);
/// Of a date that a journal has; the epoch for that of a version which kept none.
[[nodiscard]] WallTime date_from_journal(const std::string& text);

// Each throws Error for what cannot be, or Json::exception: for read_journal().
void check_run_state(const RunState& state);
void check_target_state(const TargetState& state);
void check_volume_state(const VolumeState& state);

}  // namespace efface::job

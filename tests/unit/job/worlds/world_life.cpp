// SPDX-License-Identifier: Apache-2.0
// What comes after what in a world, until it is let come to its end.
#include <algorithm>

#include "efface/base/file.hpp"
#include "efface/evidence/log.hpp"

#include "world.hpp"

namespace efface::job::worlds {

namespace {

constexpr std::uint64_t kTurnsMax = 4;
constexpr unsigned kTriesToEnd = 8;
constexpr std::size_t kJournalBytes = std::size_t{16} << 20U;

const Asked kTyped{};

}  // namespace

std::vector<std::string> World::live() {
    const auto turns = 1 + dice_.below(kTurnsMax);
    for (std::uint64_t i = 0; i < turns; ++i) {
        turn();
    }
    end();
    return defects_;
}

/// One thing in one run, or nothing.
Fate World::drawn_fate() {
    if (dice_.one_in(4)) {
        return {};
    }
    Fate fate;
    fate.what = static_cast<What>(dice_.below(static_cast<std::uint64_t>(What::clock_jumps) + 1));
    fate.at = static_cast<At>(1 + dice_.below(4));
    if (fate.what == What::one_error || fate.what == What::no_space) {
        fate.at = At::file;
    } else if (fate.what > What::no_space && dice_.one_in(2)) {
        fate.at = At::event;
    }
    const auto most = fate.at == At::event ? 8 : fate.at == At::file ? 120 : 24;
    fate.nth = 1 + dice_.below(static_cast<std::uint64_t>(most));
    fate.jump = std::chrono::minutes(dice_.below(60 * 60)) - std::chrono::hours(12);
    tell("  fate " + std::to_string(static_cast<int>(fate.what)) + " at " +
         std::to_string(static_cast<int>(fate.at)) + " number " + std::to_string(fate.nth));
    return fate;
}

Asked World::drawn_question() {
    Asked asked;
    asked.ordered = storage_->terms() != nullptr && (is_project_ || !dice_.one_in(4));
    const auto jobs = is_project_ || !dice_.one_in(3) ? std::vector<JobEntry>() : list_jobs(state_);
    if (!jobs.empty()) {
        asked.job_id = dice_.of(jobs).id;
        asked.ordered = false;
    }
    return asked;
}

void World::turn() {
    if (runs_ > 0 && dice_.one_in(2)) {
        interfere();
    }
    if (const auto trouble = storage_->trouble(dice_); !trouble.empty()) {
        tell(trouble);
    }
    const auto asked = drawn_question();
    if (dice_.one_in(6)) {
        tell("plan");
        plan(asked);
    }
    tell(!asked.job_id.empty() ? "resume " + asked.job_id
         : asked.ordered       ? "the order is given"
                               : "somebody types");
    command(asked, drawn_fate());
    if (dice_.one_in(2)) {
        move_log(false);
    }
    clock_.advance(std::chrono::seconds(1 + dice_.below(3600)));
    latest_ = std::max(latest_, clock_.now());
}

void World::interfere() {
    switch (dice_.below(8)) {
        case 0:
            tell("a job folder is deleted");
            lose_jobs();
            return;
        case 1:
            damage_journal();
            return;
        case 2:
            tell("the log is moved");
            move_log(!log_away_);
            return;
        case 3: {
            const auto hours = static_cast<int>(dice_.below(80)) - 20;
            tell("the clock is set by hours: " + std::to_string(hours));
            clock_.set(clock_.now() + std::chrono::hours(hours));
            latest_ = std::max(latest_, clock_.now());
            return;
        }
        default:
            tell(storage_->interfere(dice_));
    }
}

void World::lose_jobs() {
    const auto jobs = list_jobs(state_);
    if (!jobs.empty()) {
        jobs_lost_ = true;
        std::filesystem::remove_all(state_.jobs() / dice_.of(jobs).id);
    }
}

void World::damage_journal() {
    const auto jobs = list_jobs(state_);
    if (jobs.empty()) {
        return;
    }
    std::vector<std::filesystem::path> files;
    for (const auto& entry :
         std::filesystem::directory_iterator(state_.jobs() / dice_.of(jobs).id)) {
        if (entry.path().extension() == ".json") {
            files.push_back(entry.path());
        }
    }
    std::sort(files.begin(), files.end());
    if (files.empty()) {
        return;
    }
    const auto file = dice_.of(files);
    auto text = read_text_file(file, kJournalBytes).value_or("");
    if (text.empty()) {
        return;
    }
    jobs_lost_ = true;
    tell("a journal is damaged: " + file.filename().string());
    if (dice_.one_in(2)) {
        text.resize(dice_.below(text.size()));
    } else {
        const auto at = dice_.below(text.size());
        text[at] = static_cast<char>(text[at] ^ 0x80);  // what is still JSON is not noticed
    }
    write_file_durably(file, text);
}

/// What waits goes on, or is given up where its journal is damaged.
void World::close_jobs() {
    for (unsigned i = 0; i < kTriesToEnd; ++i) {
        const auto jobs = list_jobs(state_);
        const auto waits = std::find_if(jobs.begin(), jobs.end(), [](const JobEntry& job) {
            return job.reason || job.resumable();
        });
        if (waits == jobs.end()) {
            return;
        }
        Asked asked;
        asked.job_id = waits->id;
        const auto phase = waits->phase;
        if (!waits->reason) {
            tell("at last: resume " + waits->id);
            command(asked, {});
        }
        const auto after = list_jobs(state_);
        const bool stays = std::any_of(after.begin(), after.end(), [&](const JobEntry& job) {
            return job.id == asked.job_id && job.phase == phase;
        });
        if (stays) {
            tell("at last: forget " + asked.job_id);
            try {
                (void)forget_job(state_, clock_, asked.job_id);
            } catch (const Error& error) {
                defect(std::string("a job cannot be given up: ") + error.what());
            }
        }
    }
}

void World::end() {
    move_log(false);
    storage_->mend();
    clock_.set(latest_);
    clock_.advance(std::chrono::hours(1));
    close_jobs();
    const auto open = [this] {
        return !evidence::audit_log(state_.log(), keys_->log_verifier_key()).open_intents.empty();
    };
    for (unsigned i = 0; !is_project_ && i < storage_->places() && open(); ++i) {
        storage_->put_in_place(i);
        tell("at last: somebody types");
        Asked asked;
        asked.last = true;
        command(asked, {});
    }
    if (is_project_ && open()) {
        tell("at last: the project is given");
        Asked asked;
        asked.ordered = true;
        command(asked, {});
    }
    check_log();
    check_bundles();
}

}  // namespace efface::job::worlds

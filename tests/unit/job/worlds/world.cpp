// SPDX-License-Identifier: Apache-2.0
// A command in a world: what happens to its process.
#include "world.hpp"

#include <algorithm>
#include <cerrno>

#include "efface/job/events.hpp"
#include "efface/job/session_cache.hpp"

#include "fixture/killed.hpp"
#include "fixture/station_state.hpp"
#include "system_calls.hpp"

namespace efface::job::worlds {

namespace {

/// Of all worlds: they have the same keys, and each file is known by what it is.
SessionCache& cache() {
    static SessionCache of_process;
    return of_process;
}

}  // namespace

World::World(std::uint64_t seed, bool verified)
    : dice_(seed),
      state_{scratch_.path()},
      random_("world " + std::to_string(seed)),
      verified_(verified) {
    put_station_with_shared_keys(state_);
    keys_ = cache().keys.open(state_.keys());
    clock_.advance(std::chrono::hours(24 * 30));  // the station is not of today
    latest_ = clock_.now();
    Surroundings around{host_, clock_, [this] {
                            (void)moment(At::device, true);
                            return !dead_;
                        }};
    // By the seed alone: the worlds of all other seeds stay as they were.
    constexpr std::uint64_t kOneInSeeds = 11;
    constexpr std::uint64_t kSelfEncrypting = 5;
    constexpr std::uint64_t kMemory = 9;
    if (seed % kOneInSeeds == kSelfEncrypting) {
        storage_ = make_self_encrypting(std::move(around), dice_);
        return;
    }
    if (seed % kOneInSeeds == kMemory) {
        storage_ = make_memory(std::move(around), dice_);
        return;
    }
    switch (dice_.below(8)) {
        case 0:
            is_project_ = true;
            storage_ = make_project(std::move(around), dice_);
            break;
        case 1:
        case 2:
            storage_ = make_drive(std::move(around), dice_);
            break;
        default:
            storage_ = make_disk(std::move(around), dice_);
            break;
    }
}

World::~World() = default;

void World::move_log(bool away) {
    if (away != log_away_) {
        const auto other = scratch_.path() / "log-elsewhere";
        std::filesystem::rename(away ? state_.log() : other, away ? other : state_.log());
        log_away_ = away;
    }
}

/// The errno that a call fails with from now on or once; 0.
int World::strike(const Fate& fate) {
    by_hand_ = true;
    switch (fate.what) {
        case What::kill:
        case What::kill_and_cut:
            dead_ = true;
            break;
        case What::stop:
            stop_.request_stop();
            break;
        case What::one_error:
            by_hand_ = false;
            station_disturbed_ = true;
            return EIO;
        case What::no_space:
            station_disturbed_ = no_space_ = true;
            break;
        case What::events_break:
            events_broken_ = true;
            break;
        case What::log_moves:
            station_disturbed_ = true;
            move_log(true);
            break;
        case What::foreign_write:
            foreign_ = storage_->write_in_between(dice_);
            break;
        case What::clock_jumps:
            clock_jumped_ = true;
            clock_.set(clock_.now() + fate.jump);
            latest_ = std::max(latest_, clock_.now());
            break;
    }
    by_hand_ = false;
    return 0;
}

/// Of a run: 0, or the errno with which the call fails that is about to be made. Who is dead gets
/// nothing done any more.
int World::moment(At at, bool can_throw) {
    if (!at_work_ || by_hand_) {
        return 0;
    }
    int error = 0;
    if (!dead_ && ++moments_[at] == fate_.nth && at == fate_.at) {
        error = strike(fate_);
    }
    if (dead_) {
        if (can_throw && std::uncaught_exceptions() == 0) {
            throw Killed();
        }
        return EIO;
    }
    return at == At::file && no_space_ ? ENOSPC : error;
}

/// Calls with a context in which the fate strikes. What escapes is Killed, or a defect.
template <typename Call>
void World::as_process(const Fate& fate, const Call& call) {
    fate_ = fate;
    moments_.clear();
    foreign_.clear();
    dead_ = no_space_ = events_broken_ = clock_jumped_ = false;
    station_disturbed_ = log_away_;
    stop_ = {};
    Events sink(
        [this](const Json& /*event*/) {
            (void)moment(At::event, true);
            if (events_broken_) {
                throw std::runtime_error("nobody takes it");
            }
        },
        clock_);
    RunContext context{state_,
                       host_,
                       clock_,
                       random_,
                       sink,
                       [this](std::chrono::milliseconds pause, const std::stop_token& stop) {
                           clock_.advance(pause);
                           latest_ = std::max(latest_, clock_.now());
                           (void)moment(At::wait, true);
                           return !stop.stop_requested();
                       },
                       &cache()};
    watch_calls([this](bool can_throw) { return moment(At::file, can_throw); });
    watch_sleep([this](long long pause) {
        clock_.advance(std::chrono::milliseconds(pause));
        storage_->time_passes();
    });
    at_work_ = true;
    try {
        call(context);
    } catch (const Killed&) {
        dead_ = true;
    } catch (const std::exception& error) {
        if (!dead_) {
            defect(std::string("this left the engine: ") + error.what());
        }
    } catch (...) {
        defect("something left the engine");
    }
    at_work_ = false;
    watch_calls({});
    watch_sleep({});
    latest_ = std::max(latest_, clock_.now());
}

void World::command(const Asked& asked, const Fate& fate) {
    ++runs_;
    const bool by_itself = storage_->changes_by_itself();
    const Before before{storage_->media(), clock_.now(), by_itself};
    std::optional<RunResult> result;
    as_process(fate, [&](RunContext& context) {
        result = storage_->erase(context, asked, stop_.get_token());
    });
    if (dead_) {
        tell("  killed");
        if (fate.what == What::kill_and_cut) {
            storage_->cut_power();
        }
        return;
    }
    if (result) {
        tell("  status " + std::to_string(result->exit_code()) + ", job " + result->job_id +
             (result->verdict ? std::string(", ") + method::to_string(*result->verdict) : "") +
             (result->changed ? ", changed" : "") + (result->done_before ? ", done before" : "") +
             (result->error ? std::string(": ") + to_string(result->error->reason()) + ": " +
                                  result->error->what()
                            : ""));
        for (const auto* list : {&result->reasons, &result->exceptions}) {
            for (const auto& reason : *list) {
                tell("    " + reason.text);
            }
        }
        check(asked, before, *result);
    }
}

void World::plan(const Asked& asked) {
    const bool by_itself = storage_->changes_by_itself();
    const Before before{storage_->media(), clock_.now(), by_itself};
    as_process({}, [&](RunContext& context) {
        try {
            storage_->plan(context, asked);
        } catch (const Error&) {  // it says so
        }
    });
    if (const auto place = changed_since(before); !place.empty()) {
        defect("a plan changed " + place);
    }
}

}  // namespace efface::job::worlds

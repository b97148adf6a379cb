// SPDX-License-Identifier: Apache-2.0
#include "efface/job/session.hpp"

#include <algorithm>
#include <array>
#include <memory>
#include <thread>

#include "efface/inventory/memory_name.hpp"

namespace efface::job {

int worst_status(int a, int b) noexcept {
    constexpr std::array kFromWorst{3, 1, 7, 6, 2, 75, 8, 4, 5, 0};
    const auto rank = [&](int status) {
        return std::find(kFromWorst.begin(), kFromWorst.end(), status) - kFromWorst.begin();
    };
    return rank(a) <= rank(b) ? a : b;
}

int SessionResult::exit_status() const noexcept {
    int status = 0;
    for (const auto& run : runs) {
        status = worst_status(status, run.exit_code());
    }
    return status;
}

bool SessionResult::changed() const noexcept {
    return std::any_of(runs.begin(), runs.end(), [](const RunResult& run) { return run.changed; });
}

Session::Session(Basis basis, EventReceiver receiver)
    : basis_(std::move(basis)), receiver_(std::move(receiver)) {}

void Session::add(TargetRequest request) {
    Run run;
    run.name = run.event_target = request.target;
    run.after_others = request.target == inventory::kFreeMemoryTarget;
    const auto kept = std::make_shared<const TargetRequest>(std::move(request));
    run.work = [kept](RunContext& context, const std::stop_token& stop) {
        return run_target(context, *kept, stop);
    };
    run.began = [this, kept] { return may_have_changed(basis_.state, *kept); };
    runs_.push_back(std::move(run));
}

void Session::add_project(std::string name, Work work, std::function<bool()> began) {
    Run run;
    run.name = std::move(name);
    run.work = std::move(work);
    run.began = std::move(began);
    runs_.push_back(std::move(run));
}

void Session::carry_out() {
    for (const bool after_others : {false, true}) {
        carry_out(after_others);
    }
}

/// A project, which has workers of its own, in this thread. No target: a write that hangs would
/// keep the caller's thread, by which a process is seen to have ended.
void Session::carry_out(bool after_others) {
    std::vector<std::jthread> threads;
    Run* here = nullptr;
    for (auto& run : runs_) {
        if (run.after_others != after_others) {
            continue;
        }
        if (run.event_target.empty() && here == nullptr) {
            here = &run;
        } else {
            threads.emplace_back([this, &run] { carry_out(run); });
        }
    }
    if (here != nullptr) {
        carry_out(*here);
    }
}

void Session::carry_out(Run& run) {
    Events events(
        [this](const Json& event) {
            const std::lock_guard lock(receiving_);
            receiver_(event);
        },
        basis_.clock, run.event_target);
    auto result = result_of(run, events);
    const std::lock_guard lock(ending_);
    run.result = std::move(result);
    run.ended = true;
    events_lost_ += events.lost();
}

/// Before there was a run.
RunResult Session::refused(const Run& run, Events& events, Error error) {
    RunResult result;
    result.name = run.name;
    result.changed = run.began();
    emit_failure(events, run.event_target, error, result.changed);
    result.error = std::move(error);
    return result;
}

RunResult Session::result_of(const Run& run, Events& events) {
    try {
        if (run.after_others && stop_.stop_requested()) {
            throw Error(ErrorCode::interrupted, run.name + ": not started, as the run was stopped",
                        "run the same command again");
        }
        RunContext context{basis_.state, basis_.host, basis_.clock, basis_.random,
                           events,       basis_.wait, &cache_};
        return run.work(context, stop_.get_token());
    } catch (const Error& error) {
        return refused(run, events, error);
    } catch (const std::exception& error) {
        return refused(run, events, Error(ErrorCode::internal, error.what()));
    }
}

SessionResult Session::result() const {
    const std::lock_guard lock(ending_);
    SessionResult all;
    all.events_lost = events_lost_;
    for (const auto& run : runs_) {
        auto& result = all.runs.emplace_back(run.result);
        if (!run.ended) {
            result.name = run.name;
            result.error = Error(
                ErrorCode::interrupted,
                run.name + ": left while the kernel was still working on a transfer or a command",
                "efface resume JOB, or run the same command again");
            result.changed = true;  // it may be at work
        }
    }
    return all;
}

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
#include "prompt.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "efface/job/places.hpp"
#include "efface/job/session_cache.hpp"

#include "erase_options.hpp"
#include "erase_run.hpp"
#include "list/past.hpp"
#include "plan_text.hpp"
#include "run/run_io.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

/// A serial number may be typed or scanned by its end, when that is long enough to tell disks
/// apart.
constexpr std::size_t kTokenEndMin = 6;
constexpr int kTries = 3;

bool confirms(const std::string& answer, const std::string& token, bool end_is_enough) {
    return answer == token ||
           (end_is_enough && answer.size() >= kTokenEndMin && token.ends_with(answer));
}

std::string question_for(const job::TargetPlan& plan) {
    const bool serial = plan.identity.value("serial", "") == plan.confirm_token;
    return fmt::format("type {}{}: ", serial ? "the serial number " : "",
                       one_line(plan.confirm_token));
}

/// The reason without the name of the target, which is before it.
std::string without_name(const std::string& reason, const std::string& name) {
    return reason.starts_with(name + ": ") ? reason.substr(name.size() + 2) : reason;
}

/// One target as it is known before anybody is asked.
struct Candidate {
    const job::TargetRequest* request = nullptr;
    std::optional<job::TargetPlan> plan;
    std::optional<Error> error;  ///< in place of a plan

    /// Why it is not asked about; empty: it is.
    [[nodiscard]] std::string refusal() const {
        if (error) {
            return error->what();
        }
        return plan->objections.empty() ? std::string() : plan->objections.front().reason.text;
    }
    [[nodiscard]] bool done() const { return plan && plan->done_before.has_value(); }
};

Candidate looked_at(job::RunContext& context, const job::TargetRequest& request) {
    Candidate candidate{&request, {}, {}};
    try {
        candidate.plan = job::make_target_plan(context, request);
        show(plan_text(*candidate.plan, Confirmation::asked_below,
                       Screen::of(STDERR_FILENO).columns));
    } catch (const Error& error) {
        candidate.error = error;
        show(refused_text(request.target, error));
    }
    return candidate;
}

void say_refused(const std::vector<Candidate>& candidates) {
    std::string refused;
    std::size_t count = 0;
    for (const auto& candidate : candidates) {
        if (const auto why = candidate.refusal(); !why.empty()) {
            ++count;
            const auto& name = candidate.request->target;
            refused += "\n    " + one_line(name) + ": " + one_line(without_name(why, name));
        }
    }
    if (count != 0) {
        say(fmt::format("{} of {} will NOT be erased:{}", count, candidates.size(), refused),
            Meaning::bad);
    }
}

/// What an earlier run left on the device, whatever this one does about it.
void say_open_jobs(const std::vector<Candidate>& candidates, const job::StateDirectory& state) {
    const auto jobs = job::list_jobs(state);
    for (const auto& candidate : candidates) {
        const auto& name = candidate.request->target;
        for (const auto& job : open_jobs_on(jobs, name)) {
            const bool joins = candidate.plan && candidate.plan->open_job &&
                               candidate.plan->open_job->job_id == job.id;
            say(fmt::format(
                    "{}: {} began at {} and {}", one_line(name), job_in_words(job), job.started_at,
                    job.running ? "runs now"
                    : joins     ? "was interrupted: this command resumes it"
                                : "was interrupted: efface resume continues it, and so does this "
                                  "command if it asks for the same; otherwise that job is given up"),
                Meaning::caution);
        }
    }
}

Error nothing_changed(const std::string& what) {
    return {ErrorCode::interrupted, what + ": nothing was changed", "the same command asks again"};
}

/// Ends the process where a signal finds it: no run has begun, and a plan may wait for a drive.
[[noreturn]] void leave(const job::StateDirectory& state,
                        const std::vector<job::TargetRequest>& requests, bool json) {
    const auto error = nothing_changed("stopped before all was confirmed");
    show("\n");  // the question stays on a line of its own
    say_error(error);
    if (json) {
        print_refusal(state, requests, error);
    }
    finish_words();
    std::_Exit(static_cast<int>(error.code()));
}

}  // namespace

void ask_for_token(const std::string& question, const std::string& token, const std::string& name,
                   bool end_is_enough, const std::stop_token& stop) {
    for (int left = kTries; left > 0;) {
        const auto answer = ask(question, stop);
        if (stop.stop_requested()) {
            throw nothing_changed(name + ": stopped before it was confirmed");
        }
        if (!answer) {
            throw Error(ErrorCode::authorisation, ReasonCode::wrong_token,
                        name + ": nothing was typed: nothing was changed",
                        "the same command asks again");
        }
        if (confirms(*answer, token, end_is_enough)) {
            return;
        }
        if (--left > 0) {
            say(fmt::format("\"{}\" is not it: {}{} is expected ({} left)", one_line(*answer),
                            one_line(token),
                            end_is_enough && token.size() > kTokenEndMin
                                ? fmt::format(", or its last {} characters or more,", kTokenEndMin)
                                : "",
                            left == 1 ? "1 try" : fmt::format("{} tries", left)),
                Meaning::caution);
        }
    }
    throw Error(ErrorCode::authorisation, ReasonCode::wrong_token,
                name + ": what was typed does not name it: nothing was changed",
                "compare with what efface plan shows of it, and with the label of the disk");
}

Confirmed confirm(const Program& program, const std::vector<job::TargetRequest>& requests,
                  bool json) {
    const auto state = program.state();
    const auto stop = [&] { leave(state, requests, json); };
    const SignalWatch signals(
        {[] { say("nothing has begun: efface asks first"); }, stop, stop, nullptr});
    const auto host = job::make_linux_host(executable_path());
    job::Places(*host, names_of(requests)).check_distinct();
    const SystemClock clock;
    SystemRandom random;
    job::Events events({}, clock);
    job::SessionCache cache;
    job::RunContext context{state, *host, clock, random, events, job::wait_or_stop, &cache};
    std::vector<Candidate> candidates;
    for (const auto& request : requests) {
        candidates.push_back(looked_at(context, request));
    }
    say_open_jobs(candidates, state);
    say_refused(candidates);
    const auto asked_for =
        std::count_if(candidates.begin(), candidates.end(), [](const Candidate& candidate) {
            return candidate.refusal().empty() && !candidate.done();
        });
    std::ptrdiff_t asked = 0;
    Confirmed confirmed;
    for (const auto& candidate : candidates) {
        if (!candidate.refusal().empty()) {
            continue;  // the run itself refuses and says why
        }
        const auto& plan = *candidate.plan;
        if (!candidate.done()) {
            say(fmt::format("{}to erase {} permanently,",
                            asked_for > 1 ? fmt::format("{} of {}: ", ++asked, asked_for) : "",
                            one_line(plan.name)));
            ask_for_token(question_for(plan), plan.confirm_token, one_line(plan.name), true, {});
        }
        confirmed[candidate.request->target] = job::plan_digest(plan);
    }
    return confirmed;
}

}  // namespace efface::cli

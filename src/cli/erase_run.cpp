// SPDX-License-Identifier: Apache-2.0
#include "erase_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <mutex>
#include <optional>
#include <thread>

#include "efface/inventory/memory_name.hpp"

#include "console.hpp"
#include "display.hpp"
#include "run_io.hpp"

namespace efface::cli {

namespace {

Json document_of(const job::RunResult& result) {
    Json document = run_document(result);
    document["target"] = printable(result.name);
    document["reasons"] = efface::to_json(result.reasons);
    document["exceptions"] = efface::to_json(result.exceptions);
    return document;
}

job::RunResult ended_by(const std::string& name, Error error) {
    job::RunResult result;
    result.name = name;
    result.error = std::move(error);
    return result;
}

void tell(const job::RunResult& result) {
    if (result.error) {
        say_error(*result.error);
        return;
    }
    std::string text =
        fmt::format("{}: {}, level {}{}\n", one_line(result.name), to_string(*result.verdict),
                    to_string(result.level),
                    result.done_before ? " (was done before, at " + result.completed_at + ")" : "");
    for (const auto& exception : result.exceptions) {
        text += "  exception: " + one_line(exception.text) + "\n";
    }
    text += "  certificate: " + one_line(result.bundle.string()) + "\n";
    if (result.exit_code() == 3) {
        text += "  Data may still be readable: do not release this storage.\n";
    }
    print_ending(text);
}

/// Whether one of them may be changed is what the document says of all.
Json whole_document(const std::vector<job::RunResult>& results, std::size_t events_lost) {
    int status = 0;
    bool changed = false;
    Json targets = Json::array();
    for (const auto& result : results) {
        status = worst_status(status, result.exit_code());
        targets.push_back(document_of(result));
        changed = changed || result.changed;
    }
    return ObjectWriter()
        .add("schema", "efface.erase/1")
        .add("exitCode", status)
        .add("changed", changed)
        .add("eventsLost", events_lost)
        .add("targets", std::move(targets))
        .take();
}

/// Several targets at once, and what became of each: one object lives as long as the run.
class TargetRuns final {
  public:
    TargetRuns(const Program& program, const EraseReporting& reporting,
               std::vector<job::TargetRequest> requests)
        : state_(program.state()),
          reporting_(reporting),
          requests_(std::move(requests)),
          names_(names_of(requests_)),
          events_(reporting.events, reporting.json),
          results_(requests_.size()),
          ended_(requests_.size()) {}

    int run(const std::vector<std::string>& documents) {
        const SignalWatch signals({[this] { display_.show_status(); }, [this] { leave(); }});
        const auto host = job::make_linux_host(executable_path());
        job::refuse_own_files(*host, state_, names_, events_.outputs(), documents);
        job::check_distinct(*host, names_);
        // What the others free is swept after them.
        for (const bool sweep : {false, true}) {
            std::vector<std::jthread> threads;
            for (std::size_t i = 0; i < requests_.size(); ++i) {
                if ((requests_[i].target == inventory::kFreeMemoryTarget) == sweep) {
                    threads.emplace_back(
                        [this, i, &host, &signals] { run_one(i, *host, signals.token()); });
                }
            }
        }
        display_.finish();
        return report();
    }

  private:
    void run_one(std::size_t index, job::Host& host, const std::stop_token& stop) {
        const SystemClock clock;
        job::Events events([this](const Json& event) { receive(event); }, clock,
                           requests_[index].target);
        auto result = result_of(requests_[index], host, clock, events, stop);
        const std::lock_guard lock(ending_);
        results_[index] = std::move(result);
        ended_[index] = true;
        events_lost_ += events.lost();
    }

    job::RunResult result_of(job::TargetRequest& request, job::Host& host, const Clock& clock,
                             job::Events& events, const std::stop_token& stop) {
        if (request.target == inventory::kFreeMemoryTarget && stop.stop_requested()) {
            auto result =
                ended_by(request.target, {ErrorCode::interrupted,
                                          request.target + ": not begun, as the run was stopped",
                                          "give the same command again"});
            job::emit_failure(events, request.target, *result.error, false);
            return result;
        }
        SystemRandom random;
        job::RunContext context{state_, host, clock, random, events};
        request.program = executable_path();
        return job::run_target(context, request, stop);
    }

    void receive(const Json& event) {
        const std::lock_guard lock(receiving_);
        events_.write(event);
        display_.show(event);
    }

    int report() {
        const std::size_t unwritten = events_.end();
        const std::lock_guard lock(ending_);
        const std::size_t lost = unwritten + events_lost_;
        const auto document = whole_document(results_, lost);
        if (reporting_.json) {
            print_ending_json(document);
            return document.at("exitCode").get<int>();
        }
        for (const auto& result : results_) {
            if (!events_.takes_standard_output()) {
                tell(result);
            }
        }
        if (lost != 0) {
            say(fmt::format("{} events were lost", lost));
        }
        return document.at("exitCode").get<int>();
    }

    [[noreturn]] void leave() {
        {
            const std::lock_guard lock(ending_);
            for (std::size_t i = 0; i < results_.size(); ++i) {
                if (!ended_[i]) {  // it may be at work
                    results_[i] = ended_by(names_[i], left_while_hanging(names_[i]));
                    results_[i].changed = true;
                }
            }
        }
        const int status = report();
        finish_words();
        std::_Exit(status);
    }

    job::StateDirectory state_;
    EraseReporting reporting_;
    std::vector<job::TargetRequest> requests_;
    std::vector<std::string> names_;
    std::mutex receiving_;
    EventFile events_;
    RunDisplay display_;
    std::mutex ending_;
    std::vector<job::RunResult> results_;
    std::vector<bool> ended_;
    std::size_t events_lost_ = 0;  ///< that no view took
};

}  // namespace

int worst_status(int a, int b) noexcept {
    constexpr std::array kFromWorst{3, 1, 7, 6, 2, 75, 8, 4, 5, 0};
    const auto rank = [&](int status) {
        return std::find(kFromWorst.begin(), kFromWorst.end(), status) - kFromWorst.begin();
    };
    return rank(a) <= rank(b) ? a : b;
}

std::vector<std::string> names_of(const std::vector<job::TargetRequest>& requests) {
    std::vector<std::string> names;
    for (const auto& request : requests) {
        names.push_back(request.target);
    }
    return names;
}

int run_targets(const Program& program, std::vector<job::TargetRequest> requests,
                const EraseReporting& reporting, const std::vector<std::string>& documents) {
    return TargetRuns(program, reporting, std::move(requests)).run(documents);
}

void print_refusal(const std::vector<job::TargetRequest>& requests, const Error& error) {
    std::vector<job::RunResult> results;
    for (const auto& request : requests) {
        results.push_back(ended_by(request.target, error));
    }
    auto document = whole_document(results, 0);
    document["error"] = error_document(error);
    print_ending_json(document);
}

}  // namespace efface::cli

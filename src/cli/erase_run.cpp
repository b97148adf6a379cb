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

/// What became of one target: a result, or why there is none.
struct Ending {
    std::optional<job::TargetResult> result;
    std::optional<Error> error;

    [[nodiscard]] int status() const {
        return result ? result->exit_code() : static_cast<int>(error->code());
    }
};

Json document_of(const std::string& target, const Ending& ending) {
    if (!ending.result) {
        const auto& error = *ending.error;
        return ObjectWriter()
            .add("target", printable(target))
            .add("status", "none")
            .add("exitCode", ending.status())
            .add("changed", job::may_have_changed(error))
            .add("error", error_document(error))
            .take();
    }
    const auto& result = *ending.result;
    return ObjectWriter()
        .add("target", result.name)
        .add("jobId", result.job_id)
        .add("runId", result.run_id)
        .add("status", to_string(result.verdict))
        .add("level", to_string(result.level))
        .add("exitCode", ending.status())
        .add("changed", result.changed)
        .add("reasons", result.reasons)
        .add("exceptions", result.exceptions)
        .add("bundle", result.bundle.string())
        .add("certificateSha256", result.certificate_sha256)
        .take();
}

void tell(const Ending& ending) {
    if (!ending.result) {
        say_error(*ending.error);
        return;
    }
    const auto& result = *ending.result;
    std::string text =
        fmt::format("{}: {}, level {}{}\n", one_line(result.name), to_string(result.verdict),
                    to_string(result.level), result.changed ? "" : " (was done before)");
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
Json whole_document(const std::vector<std::string>& names, const std::vector<Ending>& endings,
                    std::size_t events_lost) {
    int status = 0;
    bool changed = false;
    Json results = Json::array();
    for (std::size_t i = 0; i < endings.size(); ++i) {
        status = worst_status(status, endings[i].status());
        results.push_back(document_of(names[i], endings[i]));
        changed = changed || results.back().at("changed").get<bool>();
    }
    return ObjectWriter()
        .add("schema", "efface.erase/1")
        .add("exitCode", status)
        .add("changed", changed)
        .add("eventsLost", events_lost)
        .add("targets", std::move(results))
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
          endings_(requests_.size()) {}

    int run(const std::vector<std::string>& documents) {
        const SignalWatch signals({[this] { display_.show_status(); }, [this] { leave(); }});
        const auto host = job::make_linux_host(executable_path());
        job::refuse_own_files(*host, names_, events_.outputs(), documents);
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
    void run_one(std::size_t index, job::Host& host, std::stop_token stop) {
        const SystemClock clock;
        job::Events events([this](const Json& event) { receive(event); }, clock,
                           requests_[index].target);
        auto ending = ending_of(requests_[index], host, clock, events, std::move(stop));
        const std::lock_guard lock(ending_);
        endings_[index] = std::move(ending);
        events_lost_ += events.lost();
    }

    Ending ending_of(job::TargetRequest& request, job::Host& host, const Clock& clock,
                     job::Events& events, std::stop_token stop) {
        SystemRandom random;
        job::RunContext context{state_, host, clock, random, events};
        const auto fail = [&](const Error& error) {
            job::emit_failure(events, request.target, error);
            return Ending{std::nullopt, error};
        };
        if (request.target == inventory::kFreeMemoryTarget && stop.stop_requested()) {
            return fail({ErrorCode::interrupted,
                         request.target + ": not begun, as the run was stopped",
                         "give the same command again"});
        }
        request.program = executable_path();
        try {
            return {job::run_target(context, request, std::move(stop)), std::nullopt};
        } catch (const Error& error) {
            return fail(error);
        } catch (const std::exception& error) {
            return fail({ErrorCode::internal, error.what()});
        }
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
        const auto document = whole_document(names_, endings_, lost);
        if (reporting_.json) {
            print_ending_json(document);
            return document.at("exitCode").get<int>();
        }
        for (const auto& ending : endings_) {
            if (!events_.takes_standard_output()) {
                tell(ending);
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
            for (std::size_t i = 0; i < endings_.size(); ++i) {
                if (!endings_[i].result && !endings_[i].error) {
                    endings_[i].error = left_while_hanging(names_[i]);
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
    std::vector<Ending> endings_;
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
    const std::vector<Ending> endings(requests.size(), Ending{std::nullopt, error});
    auto document = whole_document(names_of(requests), endings, 0);
    document["error"] = error_document(error);
    print_ending_json(document);
}

}  // namespace efface::cli

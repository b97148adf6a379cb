// SPDX-License-Identifier: Apache-2.0
#include "terminal_session.hpp"

#include <fmt/format.h>

#include <cstdlib>

#include "efface/job/places.hpp"

#include "terminal/console.hpp"

namespace efface::cli {

TerminalSession::TerminalSession(const Program& program, const EraseReporting& reporting,
                                 Ending ending)
    : state_(program.state()),
      reporting_(reporting),
      ending_(ending),
      host_(job::make_linux_host(executable_path())),
      events_(reporting.events, reporting.json),
      runs_({state_, *host_, clock_, random_},
            [this](const Json& event) {
                events_.write(event);
                display_.show(event);
            }),
      signals_({[this] { display_.show_status(); }, [this] { runs_.request_stop(); },
                [this] { leave(); }}) {}

void TerminalSession::refuse_own_files(const std::vector<std::string>& targets,
                                       const std::vector<std::string>& documents, bool distinct) {
    const job::Places places(*host_, targets);
    places.refuse_own_files(state_, events_.outputs(), documents);
    if (distinct) {
        places.check_distinct();
    }
}

int TerminalSession::carry_out() {
    runs_.carry_out();
    return tell();
}

int TerminalSession::tell() {
    const std::lock_guard lock(telling_);
    if (told_) {
        return *told_;
    }
    display_.finish();
    const std::size_t unwritten = events_.end();
    auto result = runs_.result();
    result.events_lost += unwritten;
    for (const auto& run : result.runs) {
        if (run.error) {
            say_error(*run.error);
        } else if (!reporting_.json && !events_.takes_standard_output()) {
            print_ending(ending_.words(run));
        }
    }
    if (reporting_.json) {
        print_ending_json(ending_.document(result));
    } else if (result.events_lost != 0) {
        say(fmt::format("{} events were lost", result.events_lost));
    }
    told_ = result.exit_status();
    return *told_;
}

/// As if it were killed, which every run bears.
void TerminalSession::leave() {
    const int status = tell();
    finish_words();
    std::_Exit(status);
}

}  // namespace efface::cli

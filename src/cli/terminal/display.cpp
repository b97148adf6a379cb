// SPDX-License-Identifier: Apache-2.0
#include "display.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <string_view>

#include "console.hpp"
#include "text.hpp"

namespace efface::cli {

namespace {

constexpr std::uint64_t kPercentStep = 10;
constexpr std::chrono::seconds kLineInterval{60};

std::string name_in(const Json& event) {
    return event.contains("target") ? one_line(event.at("target").value("name", ""))
                                    : std::string();
}

/// How long it took, and how fast that was.
std::string speed_text(std::chrono::steady_clock::duration took, std::uint64_t bytes) {
    const auto milliseconds = static_cast<std::uint64_t>(std::max<std::int64_t>(
        1, std::chrono::duration_cast<std::chrono::milliseconds>(took).count()));
    constexpr std::uint64_t kPerSecond = 1000;
    constexpr std::uint64_t kMinute = 60;
    const auto seconds = milliseconds / kPerSecond;
    std::string text = seconds == 0        ? std::string(", in less than a second")
                       : seconds < kMinute ? fmt::format(", in {} s", seconds)
                                           : ", in " + human_seconds(seconds);
    if (bytes > 0) {
        text += fmt::format(" ({}, {}/s)", human_bytes(bytes),
                            human_bytes(bytes / milliseconds * kPerSecond));
    }
    return text;
}

/// "writing pass 2 of 3": how many passes there are; 0 for other phases.
std::uint64_t passes_in(const std::string& phase) {
    constexpr std::string_view kWriting = "writing pass ";
    const auto of = phase.rfind(" of ");
    return phase.starts_with(kWriting) && of != std::string::npos
               ? parse_bytes(phase.substr(of + 4)).value_or(0)
               : 0;
}

Meaning meaning_of(const std::string& status) {
    return status == "sanitized"                   ? Meaning::good
           : status == "sanitized-with-exceptions" ? Meaning::caution
                                                   : Meaning::bad;
}

}  // namespace

RunDisplay::RunDisplay()
    : terminal_(Screen::of(STDERR_FILENO).terminal),
      results_follow_(terminal_ && ::isatty(STDOUT_FILENO) != 0) {}

/// What takes the lines back that are drawn now.
std::string RunDisplay::erasing() const {
    std::string text;
    for (std::size_t i = 0; i < lines_drawn_; ++i) {
        text += "\033[A\r\033[K";
    }
    return text;
}

/// In one piece: where it is lost the screen stays as it is.
void RunDisplay::redraw() {
    // Lines must not wrap, or they could not be taken back line by line.
    constexpr const char* kNoWrap = "\033[?7l";
    constexpr const char* kWrap = "\033[?7h";
    std::vector<Progress> rows;
    for (const auto& [name, target] : targets_) {
        if (target.progress) {
            rows.push_back(*target.progress);
        }
    }
    std::string text = erasing();
    const auto lines = rows.empty() ? std::vector<std::string>()
                                    : frame(std::move(rows), ended(), Screen::of(STDERR_FILENO));
    for (const auto& one : lines) {
        text += kNoWrap + one + kWrap + "\n";
    }
    if (!lines.empty() && !typing_) {
        typing_.emplace(STDERR_FILENO);
    }
    if (draw(std::move(text))) {
        lines_drawn_ = lines.size();
    }
}

std::string RunDisplay::ended() const {
    std::string text = finished_ == 0 ? "" : fmt::format("{} finished", finished_);
    text += failed_ == 0 ? "" : fmt::format("{}{} FAILED", text.empty() ? "" : ", ", failed_);
    return text;
}

void RunDisplay::line(const std::string& text, Meaning meaning) {
    if (lines_drawn_ > 0 && draw(erasing())) {
        lines_drawn_ = 0;
    }
    say(text, meaning);
    if (terminal_) {
        redraw();
    }
}

void RunDisplay::finish() {
    const std::lock_guard lock(mutex_);
    targets_.clear();
    if (lines_drawn_ > 0) {
        redraw();
    }
    typing_.reset();
}

/// Which part of the work this is, and how much it is; of a run that goes on only what it has left
/// is known, and so where the reading begins, not where the writing did.
void RunDisplay::find_phase(Target& target, const Json& event) {
    auto& progress = *target.progress;
    progress.phase = one_line(event.value("phase", ""));
    progress.phase_done = event.value("phase_done", std::uint64_t{0});
    const auto passes = passes_in(progress.phase);
    if (passes == 1) {
        progress.phase = "writing";
    }
    if (passes != 0 && !target.resumed && target.size != 0 && progress.total != 0) {
        progress.phase_total = target.size;
        progress.phase_ends = static_cast<double>(passes) * static_cast<double>(target.size) /
                              static_cast<double>(progress.total);
    } else if (passes == 0) {
        const auto before = progress.done - std::min(progress.done, progress.phase_done);
        progress.phase_total = progress.total - std::min(progress.total, before);
        if (progress.total != 0) {
            progress.phase_ends = static_cast<double>(before) / static_cast<double>(progress.total);
        }
    }
}

void RunDisplay::show_progress(const Json& event) {
    auto& target = targets_[name_in(event)];
    auto& progress = target.progress.emplace();
    progress.name = name_in(event);
    progress.done = event.at("bytes_done").get<std::uint64_t>();
    progress.total = event.at("total").get<std::uint64_t>();
    progress.rate = event.at("bps").get<std::uint64_t>();
    progress.failed = event.value("errors", std::uint64_t{0});
    if (event.contains("eta_s")) {
        progress.seconds_left = event.at("eta_s").get<std::uint64_t>();
    }
    if (event.contains("temp_c")) {
        progress.celsius = event.at("temp_c").get<int>();
    }
    find_phase(target, event);
    if (terminal_) {
        redraw();
        return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (target.shown.time_since_epoch().count() == 0) {
        target.shown = now;
    }
    if (progress.percent() >= target.percent_shown + kPercentStep ||
        now - target.shown >= kLineInterval) {
        target.percent_shown = progress.percent();
        target.shown = now;
        line(progress_line(progress, 0));
    }
}

void RunDisplay::show_status() {
    const std::lock_guard lock(mutex_);
    bool any = false;
    for (const auto& [name, target] : targets_) {
        if (target.progress) {
            any = true;
            line(progress_line(*target.progress, 0));
        }
    }
    if (!any) {
        line("nothing has been written yet");
    }
}

/// The verdict stands among the results, too: it is not said twice on one terminal.
void RunDisplay::show_verified(const Json& event) {
    const auto name = name_in(event);
    const auto target = targets_[name];
    targets_.erase(name);
    const auto status = event.at("status").get<std::string>();
    const auto meaning = meaning_of(status);
    (meaning == Meaning::bad ? failed_ : finished_) += 1;
    std::string text =
        name + ": " +
        (results_follow_ && meaning == Meaning::good
             ? std::string("finished")
             : fmt::format("{}, level {}", status, event.at("level").get<std::string>()));
    if (target.began.time_since_epoch().count() != 0) {
        text += speed_text(std::chrono::steady_clock::now() - target.began,
                           target.progress ? target.progress->total : 0);
    }
    for (const auto& reason : event.at("reasons")) {
        text += "\n        " + one_line(reason.at("text").get<std::string>());
    }
    line(text, meaning);
}

/// Of a run without a verdict: what it says is at the end, and where others go on, now.
void RunDisplay::show_end(const Json& event) {
    const auto name = name_in(event);
    targets_.erase(name);
    ++failed_;
    if (terminal_ && !targets_.empty()) {
        line(name + ": " + event.at("event").get<std::string>() + " (" +
                 event.at("reason").get<std::string>() + ")",
             Meaning::bad);
    }
}

void RunDisplay::show_other(const Json& event, const std::string& kind) {
    if (kind == "lowered") {
        std::string text = fmt::format("the recorded facts support only {}, level {}",
                                       event.at("status").get<std::string>(),
                                       event.at("level").get<std::string>());
        for (const auto& objection : event.at("objections")) {
            text += "\n        " + one_line(objection.get<std::string>());
        }
        line(text, Meaning::caution);
    } else if (kind == "fallback") {
        line(fmt::format("{}: the drive refused {}: {}\n        trying {} instead", name_in(event),
                         event.at("refused").get<std::string>(), event.at("why").get<std::string>(),
                         event.at("technique").get<std::string>()),
             Meaning::caution);
    } else if (kind == "log-set-aside") {
        line(
            "the log had lines that its key never signed; they were moved, unsigned, to:\n       "
            " " +
                event.at("file").get<std::string>(),
            Meaning::caution);
    }
}

void RunDisplay::show(const Json& event) {
    const std::lock_guard lock(mutex_);
    const auto kind = event.at("event").get<std::string>();
    if (kind == "progress") {
        show_progress(event);
    } else if (kind == "started") {
        auto& target = targets_[name_in(event)];
        target.began = std::chrono::steady_clock::now();
        target.size = event.value("size_bytes", std::uint64_t{0});
    } else if (kind == "verified") {
        show_verified(event);
    } else if (kind == "refused" || kind == "stopped") {
        show_end(event);
    } else if (kind == "resumed") {
        const auto name = name_in(event);
        targets_[name].resumed = true;
        line((name.empty() ? "" : name + ": ") +
             "an earlier run was interrupted: resuming where it stopped");
    } else {
        show_other(event, kind);
    }
}

}  // namespace efface::cli

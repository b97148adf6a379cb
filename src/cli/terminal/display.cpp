// SPDX-License-Identifier: Apache-2.0
#include "display.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "console.hpp"
#include "text.hpp"

namespace efface::cli {

namespace {

constexpr std::uint64_t kPercentStep = 10;
constexpr std::chrono::seconds kLineInterval{60};

bool can_rewrite() {
    const char* term = std::getenv("TERM");
    return ::isatty(STDERR_FILENO) != 0 && (term == nullptr || std::string_view(term) != "dumb");
}

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

std::string progress_text(const Json& event) {
    const auto done = event.at("bytes_done").get<std::uint64_t>();
    const auto total = event.at("total").get<std::uint64_t>();
    std::string text = fmt::format("{:3} %  {} of {}  {}/s", total == 0 ? 100 : done * 100 / total,
                                   human_bytes(done), human_bytes(total),
                                   human_bytes(event.at("bps").get<std::uint64_t>()));
    if (event.contains("eta_s")) {
        text += "  ETA " + human_seconds(event.at("eta_s").get<std::uint64_t>());
    }
    if (event.contains("temp_c")) {
        text += fmt::format("  {} °C", event.at("temp_c").get<int>());
    }
    if (event.value("errors", std::uint64_t{0}) > 0) {
        text += "  " + human_bytes(event.at("errors").get<std::uint64_t>()) + " FAILED";
    }
    if (event.contains("phase")) {
        text += "  " + event.at("phase").get<std::string>();
    }
    return text;
}

}  // namespace

RunDisplay::RunDisplay()
    : terminal_(can_rewrite()), results_follow_(terminal_ && ::isatty(STDOUT_FILENO) != 0) {}

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
    std::string frame = erasing();
    std::size_t lines = 0;
    for (const auto& [name, target] : targets_) {
        if (!target.progress.empty()) {
            frame += kNoWrap + ("efface: " + progress_line(name, target)) + kWrap + "\n";
            ++lines;
        }
    }
    if (draw(std::move(frame))) {
        lines_drawn_ = lines;
    }
}

std::string RunDisplay::progress_line(const std::string& name, const Target& target) {
    return (name.empty() ? "" : one_line(name) + "  ") + one_line(target.progress);
}

void RunDisplay::line(const std::string& text) {
    if (lines_drawn_ > 0 && draw(erasing())) {
        lines_drawn_ = 0;
    }
    say(text);
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
}

void RunDisplay::show_progress(const Json& event) {
    const auto name = name_in(event);
    auto& target = targets_[name];
    target.progress = progress_text(event);
    target.bytes = event.at("total").get<std::uint64_t>();
    if (terminal_) {
        redraw();
        return;
    }
    const auto total = event.at("total").get<std::uint64_t>();
    const std::uint64_t percent =
        total == 0 ? 100 : event.at("bytes_done").get<std::uint64_t>() * 100 / total;
    const auto now = std::chrono::steady_clock::now();
    const bool first = target.shown.time_since_epoch().count() == 0;
    if (first) {
        target.shown = now;
    }
    if (percent >= target.percent_shown + kPercentStep || now - target.shown >= kLineInterval) {
        target.percent_shown = percent;
        target.shown = now;
        line(progress_line(name, target));
    }
}

void RunDisplay::show_status() {
    const std::lock_guard lock(mutex_);
    bool any = false;
    for (const auto& [name, target] : targets_) {
        if (!target.progress.empty()) {
            any = true;
            line(progress_line(name, target));
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
    std::string text =
        name + ": " +
        (results_follow_ ? std::string("finished")
                         : fmt::format("{}, level {}", event.at("status").get<std::string>(),
                                       event.at("level").get<std::string>()));
    if (target.began.time_since_epoch().count() != 0) {
        text += speed_text(std::chrono::steady_clock::now() - target.began, target.bytes);
    }
    for (const auto& reason : event.at("reasons")) {
        text += "\n        " + one_line(reason.at("text").get<std::string>());
    }
    line(text);
}

void RunDisplay::show(const Json& event) {
    const std::lock_guard lock(mutex_);
    const auto kind = event.at("event").get<std::string>();
    if (kind == "progress") {
        show_progress(event);
    } else if (kind == "started") {
        targets_[name_in(event)].began = std::chrono::steady_clock::now();
    } else if (kind == "verified") {
        show_verified(event);
    } else if (kind == "lowered") {
        std::string text = fmt::format("the recorded facts support only {}, level {}",
                                       event.at("status").get<std::string>(),
                                       event.at("level").get<std::string>());
        for (const auto& objection : event.at("objections")) {
            text += "\n        " + one_line(objection.get<std::string>());
        }
        line(text);
    } else if (kind == "fallback") {
        line(fmt::format("{}: the drive refused {}: {}\n        trying {} instead", name_in(event),
                         event.at("refused").get<std::string>(), event.at("why").get<std::string>(),
                         event.at("technique").get<std::string>()));
    } else if (kind == "log-set-aside") {
        line(
            "the log had lines that its key never signed; they were moved, unsigned, to:\n       "
            " " +
            event.at("file").get<std::string>());
    } else if (kind == "resumed") {
        line("an earlier run was interrupted: resuming where it stopped");
    }
}

}  // namespace efface::cli

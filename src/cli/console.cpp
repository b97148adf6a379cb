// SPDX-License-Identifier: Apache-2.0
#include "console.hpp"

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cstdio>
#include <iostream>

#include "text.hpp"

namespace efface::cli {

namespace {

constexpr std::uint64_t kPercentStep = 10;

spdlog::logger& logger() {
    static const auto instance = [] {
        auto made = std::make_shared<spdlog::logger>(
            "efface", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_pattern("efface: %v");
        return made;
    }();
    return *instance;
}

}  // namespace

void print(std::string_view text) {
    if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() ||
        std::fflush(stdout) != 0) {
        throw Error(ErrorCode::internal, "standard output can not be written");
    }
}

void print_json(const Json& document) {
    print(document.dump() + "\n");
}

void say(const std::string& text) {
    logger().info(text);
}

void say_error(const Error& error) {
    logger().error(error.what());
    if (!error.hint().empty()) {
        logger().error("hint: " + error.hint());
    }
}

RunDisplay::RunDisplay() : terminal_(::isatty(STDERR_FILENO) != 0) {}

void RunDisplay::line(const std::string& text) {
    finish();
    say(text);
}

void RunDisplay::finish() {
    if (line_open_) {
        (void)std::fputs("\r\033[K", stderr);
        line_open_ = false;
    }
}

void RunDisplay::show_progress(const Json& event) {
    const auto done = event.at("bytes_done").get<std::uint64_t>();
    const auto total = event.at("total").get<std::uint64_t>();
    const std::uint64_t percent = total == 0 ? 100 : done * 100 / total;
    std::string text =
        fmt::format("{:3} %  {} of {}  {}/s", percent, human_bytes(done), human_bytes(total),
                    human_bytes(event.at("bps").get<std::uint64_t>()));
    if (event.contains("eta_s")) {
        text += "  ETA " + human_seconds(event.at("eta_s").get<std::uint64_t>());
    }
    last_progress_ = text;
    if (terminal_) {
        (void)std::fputs(("\r\033[Kefface: " + text).c_str(), stderr);
        (void)std::fflush(stderr);
        line_open_ = true;
    } else if (percent >= percent_shown_ + kPercentStep) {
        percent_shown_ = percent;
        line(text);
    }
}

void RunDisplay::show(const Json& event) {
    const auto name = event.at("event").get<std::string>();
    if (name == "progress") {
        show_progress(event);
    } else if (name == "verified") {
        std::string text = fmt::format(
            "{}: {}, level {}", event.at("target").at("name").get<std::string>(),
            event.at("status").get<std::string>(), event.at("level").get<std::string>());
        for (const auto& reason : event.at("reasons")) {
            text += "\n        " + reason.get<std::string>();
        }
        line(text);
    } else if (name == "status") {
        line(last_progress_);
    } else if (name == "resumed") {
        line("an earlier run was interrupted: going on where it stopped");
    }
}

bool standard_input_is_terminal() noexcept {
    return ::isatty(STDIN_FILENO) != 0;
}

std::string ask(const std::string& question) {
    (void)std::fputs(("efface: " + question).c_str(), stderr);
    (void)std::fflush(stderr);
    std::string answer;
    std::getline(std::cin, answer);
    return answer;
}

}  // namespace efface::cli

// SPDX-License-Identifier: Apache-2.0
#include "console.hpp"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <iostream>
#include <sstream>

namespace efface::cli {

namespace {

spdlog::logger& logger() {
    static const auto instance = [] {
        auto made = std::make_shared<spdlog::logger>(
            "efface", std::make_shared<spdlog::sinks::stderr_sink_mt>());
        made->set_pattern("efface: %v");
        return made;
    }();
    return *instance;
}

/// The error's own next step, else that of its code; general codes know none that helps.
std::string hint_of(const Error& error) {
    const bool general = error.reason() == general_reason(error.code());
    return error.hint().empty() && !general ? next_step(error.reason()) : error.hint();
}

}  // namespace

namespace {

bool write_out(std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
           std::fflush(stdout) == 0;
}

}  // namespace

void print(std::string_view text) {
    if (write_out(text)) {
        return;
    }
    if (errno == EPIPE) {  // as of any program in a pipe whose reader has enough
        (void)::signal(SIGPIPE, SIG_DFL);
        (void)::raise(SIGPIPE);
    }
    throw Error(ErrorCode::internal, "standard output can not be written");
}

void print_json(const Json& document) {
    print(document.dump() + "\n");
}

void print_ending(std::string_view text) {
    if (!write_out(text)) {
        say("standard output can not be written: efface jobs and the certificate say how the run "
            "ended");
    }
}

void print_ending_json(const Json& document) {
    print_ending(document.dump() + "\n");
}

Json error_document(const Error& error) {
    std::istringstream lines(error.what());
    std::string message;
    for (std::string line; std::getline(lines, line);) {
        const auto text = line.find_first_not_of(' ');
        message += (message.empty() ? "" : "\n") + line.substr(0, text);
        message += text == std::string::npos ? "" : printable(line.substr(text));
    }
    return ObjectWriter()
        .add("reason", to_string(error.reason()))
        .add("message", message)
        .add("hint", hint_of(error))
        .take();
}

void say(const std::string& text) {
    logger().info(text);
}

void say_error(const Error& error) {
    logger().error(error.what());
    const auto hint = hint_of(error);
    if (!hint.empty()) {
        logger().error("hint: " + hint);
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

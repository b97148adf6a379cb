// SPDX-License-Identifier: Apache-2.0
#include "console.hpp"

#include <fcntl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <sstream>

#include "efface/view/page.hpp"

#include "process/outlet.hpp"

namespace efface::cli {

namespace {

/// A result is worth more than an event: who reads it may be slow.
constexpr std::chrono::seconds kResultPatience{30};
constexpr const char* kContinued = "        ";

Outlet& words() {
    static Outlet instance(STDERR_FILENO);
    return instance;
}

std::atomic<bool>& printed() {
    static std::atomic<bool> instance{false};
    return instance;
}

/// The error's own next step, else that of its code; general codes know none that helps.
std::string hint_of(const Error& error) {
    const bool general = error.reason() == general_reason(error.code());
    return error.hint().empty() && !general ? next_step(error.reason()) : error.hint();
}

bool write_out(std::string_view text) {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size() &&
           std::fflush(stdout) == 0;
}

void write_answer(std::string_view text) {
    (void)words().settle(kReaderPatience);  // in the order in which it was said
    if (write_out(text)) {
        return;
    }
    if (errno == EPIPE) {  // as of any program in a pipe whose reader has enough
        (void)::signal(SIGPIPE, SIG_DFL);
        (void)::raise(SIGPIPE);
    }
    throw Error(ErrorCode::internal, "standard output cannot be written");
}

void write_ending(std::string text) {
    (void)words().settle(kReaderPatience);
    Outlet out(STDOUT_FILENO);
    (void)out.put(std::move(text));
    out.end(kResultPatience);
    if (out.lost() != 0) {
        say("standard output cannot be written: efface jobs and the certificate show how the run "
            "ended");
    }
}

/// No text makes a line that looks like one of ours.
std::string indented(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto end = text.find('\n');
        const auto line = text.substr(0, end);
        const bool follows = !out.empty();
        out += follows ? "\n" : "";
        out += follows && !line.starts_with("    ") ? kContinued : "";
        out += line;
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return out;
}

/// Lines that a terminal would break within a word are broken before it.
std::string filled(const std::string& text, std::size_t columns) {
    if (columns == 0) {
        return text;
    }
    std::string out;
    std::string line;
    const auto end_line = [&](const std::string& next) {
        out += line + "\n";
        line = next;
    };
    for (std::size_t at = 0; at < text.size();) {
        const auto end = std::min(text.find_first_of(" \n", at), text.size());
        const auto word = text.substr(at, end - at);
        const bool fresh = line.find_first_not_of(' ') == std::string::npos;
        if (!fresh && view::columns_of(line) + view::columns_of(word) > columns) {
            line.erase(line.find_last_not_of(' ') + 1);
            end_line(kContinued);
        }
        line += word;
        if (end < text.size() && text[end] == '\n') {
            end_line("");
        } else if (end < text.size()) {
            line += ' ';
        }
        at = end + 1;
    }
    return out + line;
}

/// Becomes readable when a stop is requested.
class StopPipe final {
  public:
    StopPipe() {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) == 0) {
            reader_ = UniqueFd(ends[0]);
            writer_ = UniqueFd(ends[1]);
        }
    }
    void wake() const { (void)!::write(writer_.get(), "x", 1); }
    [[nodiscard]] int reader() const { return reader_.get(); }

  private:
    UniqueFd reader_;
    UniqueFd writer_;
};

/// Of a terminal. What is longer than it lets anybody type is no answer to anything.
std::optional<std::string> read_line(const std::stop_token& stop) {
    constexpr std::size_t kLineMax = 4096;
    const StopPipe stopped;
    const std::stop_callback wake(stop, [&] { stopped.wake(); });
    std::string line;
    while (line.size() < kLineMax) {
        std::array<pollfd, 2> waited{pollfd{STDIN_FILENO, POLLIN, 0},
                                     pollfd{stopped.reader(), POLLIN, 0}};
        if (::poll(waited.data(), waited.size(), -1) < 0 && errno != EINTR) {
            return std::nullopt;
        }
        if (stop.stop_requested()) {
            return std::nullopt;
        }
        if (waited[0].revents == 0) {
            continue;
        }
        char letter = 0;
        const ssize_t got = ::read(STDIN_FILENO, &letter, 1);
        if (got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN)) {
            return std::nullopt;
        }
        if (got == 1 && letter == '\n') {
            return line;
        }
        line.append(got == 1 ? 1 : 0, letter);
    }
    return line;
}

}  // namespace

std::string one_line(std::string_view text) {
    return view::visible(text);
}

std::string on_screen(std::string_view text) {
    std::string out;
    for (;;) {
        const auto end = text.find('\n');
        out += view::visible(text.substr(0, end));
        if (end == std::string_view::npos) {
            return out;
        }
        out += '\n';
        text.remove_prefix(end + 1);
    }
}

std::string json_text(const Json& document, int indent) {
    return document.dump(indent, ' ', true, Json::error_handler_t::replace);
}

void print(std::string_view text) {
    write_answer(on_screen(text));
}

void print_made_safe(std::string_view text) {
    write_answer(text);
}

void print_json(const Json& document) {
    print_json_part(json_text(document) + "\n");
}

void print_json_part(std::string_view text) {
    printed() = true;
    write_answer(text);
}

void print_ending(std::string_view text) {
    write_ending(on_screen(text));
}

void print_ending_json(const Json& document) {
    printed() = true;
    write_ending(json_text(document) + "\n");
}

bool document_printed() noexcept {
    return printed();
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
        .add("code", to_string(error.reason()))
        .add("reason", to_string(error.reason()))
        .add("message", message)
        .add("hint", hint_of(error))
        .take();
}

void say(const std::string& text, Meaning meaning) {
    const Screen screen = Screen::of(STDERR_FILENO);
    const auto lines = filled("efface: " + on_screen(indented(text)), screen.columns);
    (void)words().put(screen.paint(meaning, lines) + "\n");
}

void say_error(const Error& error) {
    say(error.what(), Meaning::bad);
    const auto hint = hint_of(error);
    if (!hint.empty()) {
        say("hint: " + hint);
    }
}

void show(std::string_view text) {
    (void)words().put(on_screen(text));
}

bool draw(std::string text) {
    return words().put(std::move(text));
}

void finish_words() {
    words().end(kReaderPatience);
}

bool standard_input_is_terminal() noexcept {
    return ::isatty(STDIN_FILENO) != 0;
}

std::optional<std::string> ask(const std::string& question, const std::stop_token& stop) {
    (void)words().put("efface: " + on_screen(question));
    (void)words().settle(kReaderPatience);
    const auto line = read_line(stop);
    if (!line) {
        (void)words().put("\n");  // the question stays on a line of its own
        return std::nullopt;
    }
    constexpr const char* kBlanks = " \t\r";
    const auto first = line->find_first_not_of(kBlanks);
    return first == std::string::npos
               ? std::string()
               : line->substr(first, line->find_last_not_of(kBlanks) - first + 1);
}

}  // namespace efface::cli

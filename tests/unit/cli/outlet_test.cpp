// SPDX-License-Identifier: Apache-2.0
#include "process/outlet.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <string>

#include "catch.hpp"

using namespace efface;
using namespace efface::cli;

namespace {

constexpr std::chrono::milliseconds kMoment{200};

struct Pipe {
    UniqueFd reader;
    UniqueFd writer;
};

Pipe make_pipe() {
    std::array<int, 2> ends{};
    REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
    return {UniqueFd(ends[0]), UniqueFd(ends[1])};
}

std::string read_all(int fd, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t have = 0;
    while (have < bytes) {
        const auto got = ::read(fd, text.data() + have, bytes - have);
        if (got <= 0) {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    text.resize(have);
    return text;
}

}  // namespace

TEST_CASE("outlet: everything arrives in order", "[cli][outlet]") {
    const Pipe pipe = make_pipe();
    Outlet outlet(pipe.writer.get());
    CHECK(outlet.put("one\n"));
    CHECK(outlet.put("two\n"));
    outlet.end(kMoment);
    CHECK(outlet.lost() == 0);
    CHECK(read_all(pipe.reader.get(), 8) == "one\ntwo\n");
    CHECK_FALSE(outlet.put("late\n"));
    CHECK(outlet.lost() == 1);
}

TEST_CASE("outlet: a pipe that nobody reads holds up nobody, and what is lost is counted",
          "[cli][outlet]") {
    const Pipe pipe = make_pipe();
    Outlet outlet(pipe.writer.get());
    const std::string text(64 * 1024, 'x');
    constexpr std::size_t kTexts = 64;
    for (std::size_t i = 0; i < kTexts; ++i) {
        (void)outlet.put(text);
    }
    CHECK_FALSE(outlet.settle(kMoment));
    outlet.end(kMoment);
    // The pipe took one text at most: the others were refused, or waited until the end.
    CHECK(outlet.lost() >= kTexts - 1);
    CHECK(outlet.lost() <= kTexts);
}

TEST_CASE("outlet: a reader that comes back gets what waited and what comes then",
          "[cli][outlet]") {
    const Pipe pipe = make_pipe();
    Outlet outlet(pipe.writer.get());
    const std::string text(256 * 1024, 'x');
    CHECK(outlet.put(text));
    CHECK(outlet.put("end\n"));
    CHECK_FALSE(outlet.settle(kMoment));
    CHECK(read_all(pipe.reader.get(), text.size() + 4) == text + "end\n");
    CHECK(outlet.settle(kMoment));
    CHECK(outlet.put("more\n"));
    outlet.end(kMoment);
    CHECK(read_all(pipe.reader.get(), 5) == "more\n");
    CHECK(outlet.lost() == 0);
}

TEST_CASE("outlet: what cannot be written is lost, with the system's word", "[cli][outlet]") {
    (void)::signal(SIGPIPE, SIG_IGN);
    Pipe pipe = make_pipe();
    pipe.reader.reset();
    Outlet broken(pipe.writer.get());
    (void)broken.put("one\n");
    (void)broken.put("two\n");
    broken.end(kMoment);
    CHECK(broken.lost() == 2);
    CHECK(broken.first_error() == EPIPE);
    Outlet full(UniqueFd(::open("/dev/full", O_WRONLY | O_CLOEXEC)));
    (void)full.put("one\n");
    full.end(kMoment);
    CHECK(full.lost() == 1);
    CHECK(full.first_error() == ENOSPC);
}

TEST_CASE("outlet: a descriptor that others made non-blocking is waited for", "[cli][outlet]") {
    const Pipe pipe = make_pipe();
    REQUIRE(::fcntl(pipe.writer.get(), F_SETFL, O_NONBLOCK) == 0);
    Outlet outlet(pipe.writer.get());
    const std::string text(256 * 1024, 'x');
    CHECK(outlet.put(text));
    CHECK_FALSE(outlet.settle(kMoment));
    CHECK(read_all(pipe.reader.get(), text.size()) == text);
    outlet.end(kMoment);
    CHECK(outlet.lost() == 0);
}

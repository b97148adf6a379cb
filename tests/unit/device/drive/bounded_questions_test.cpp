// SPDX-License-Identifier: Apache-2.0
#include "efface/device/bounded_questions.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <string>

#include "efface/base/file.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::device;

namespace {

/// Nothing that ends by itself is to be cut short, however slow the machine.
constexpr std::chrono::minutes kPatience{10};

struct Pipe {
    Pipe() {
        std::array<int, 2> ends{};
        REQUIRE(::pipe2(ends.data(), O_CLOEXEC) == 0);
        from = UniqueFd{ends[0]};
        to = UniqueFd{ends[1]};
    }
    UniqueFd from;
    UniqueFd to;
};

}  // namespace

TEST_CASE("each question gets what it was told, in its own place and order") {
    constexpr std::size_t kCount = 300;
    const auto answers = ask_all(
        kCount,
        [](std::size_t i, const Tell& tell) {
            if (i % 3 != 0) {
                tell("first " + std::to_string(i));
                tell(std::string(i, 'x'));
            }
        },
        kPatience);
    REQUIRE(answers.size() == kCount);
    for (std::size_t i = 0; i < kCount; ++i) {
        const std::vector<std::string> wanted{"first " + std::to_string(i), std::string(i, 'x')};
        CHECK(answers[i] == (i % 3 == 0 ? std::vector<std::string>{} : wanted));
    }
}

TEST_CASE("who asks keeps what it has open to itself, or not") {
    const bool kept = GENERATE(false, true);
    const Pipe pipe;
    const auto answers = ask_all(
        1,
        [&](std::size_t /*i*/, const Tell& tell) {
            for (const int fd : {pipe.from.get(), pipe.to.get()}) {
                tell(::fcntl(fd, F_GETFD) >= 0 ? "open" : "closed");
            }
        },
        kPatience, kept ? Descriptors::kept : Descriptors::closed);
    CHECK(answers.front() == std::vector<std::string>(2, kept ? "open" : "closed"));
}

TEST_CASE("questions behind many that hang are asked all the same") {
    constexpr std::size_t kCount = 64;
    const Pipe pipe;
    // All but the last hang until the last one is asked.
    const auto answers = ask_all(
        kCount,
        [&](std::size_t i, const Tell& tell) {
            std::string byte(1, 'x');
            if (i + 1 == kCount) {
                for (std::size_t other = 0; other + 1 < kCount; ++other) {
                    (void)!::write(pipe.to.get(), byte.data(), 1);
                }
            } else if (::read(pipe.from.get(), byte.data(), 1) != 1) {
                return;
            }
            tell("asked");
        },
        kPatience);
    for (const auto& answer : answers) {
        CHECK(answer == std::vector<std::string>{"asked"});
    }
}

TEST_CASE("what was told before a question hung is not lost") {
    const Pipe pipe;  // nobody writes to it
    const auto answers = ask_all(
        1,
        [&](std::size_t /*i*/, const Tell& tell) {
            tell("as far as this");
            char byte = 0;
            (void)!::read(pipe.from.get(), &byte, 1);
            tell("never");
        },
        std::chrono::seconds(5));  // all of it passes, on any machine
    CHECK(answers.front() == std::vector<std::string>{"as far as this"});
}

TEST_CASE("a text that is too long, and more texts than are allowed, are left out") {
    const auto answers = ask_all(
        2,
        [](std::size_t i, const Tell& tell) {
            tell(std::string(i == 0 ? kAnswerBytesMax + 1 : kAnswerBytesMax, 'x'));
            for (std::size_t more = 0; more < 2 * kAnswersMax; ++more) {
                tell("more");
            }
        },
        kPatience);
    CHECK(answers.at(0) == std::vector<std::string>(kAnswersMax, "more"));
    REQUIRE(answers.at(1).size() == kAnswersMax);
    CHECK(answers.at(1).front().size() == kAnswerBytesMax);
}

TEST_CASE("no question makes no process") {
    CHECK(ask_all(
              0, [](std::size_t /*i*/, const Tell& /*tell*/) {}, kPatience)
              .empty());
}

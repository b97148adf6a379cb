// SPDX-License-Identifier: Apache-2.0
// The process boundary: children that misbehave, a server that dies, and what a child holds.
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>
#include <vector>

#include "efface/base/error.hpp"
#include "efface/base/file.hpp"
#include "efface/device/luks_library.hpp"

#include "catch.hpp"
#include "linux/luks/worker_client.hpp"
#include "support.hpp"

using namespace device_test;
using efface::Error;
using efface::ErrorCode;
using efface::SecretBytes;
using efface::device::LoadAnswer;
using efface::device::LuksLibraryProcess;

namespace {

constexpr unsigned kPatienceMs = 20'000;

const std::string kLoaded = R"({"code":0,"type":"","uuid":"","keyslots":[],"reencryption":"none"})";

std::string failure_of(LuksLibraryProcess& library, const fs::path& what,
                       const fs::path& parameter = "/") {
    return library.load({what, parameter}).failure;
}

std::string failure_of(const fs::path& what, unsigned deadline_ms = kPatienceMs) {
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, deadline_ms);
    const std::string failure = failure_of(library, what);
    CHECK_FALSE(failure.empty());
    return failure;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

/// Waits for what has to come about by itself; how long is not the point.
template <typename Condition>
bool comes_true(Condition condition) {
    const auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(kPatienceMs);
    while (!condition()) {
        if (std::chrono::steady_clock::now() > end) {
            return false;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
}

bool runs(const std::string& pid) {
    REQUIRE_FALSE(pid.empty());
    return fs::exists("/proc/" + pid);
}

std::string word(const fs::path& file, unsigned number) {
    std::ifstream stream(file);
    std::string text;
    for (unsigned i = 0; i <= number; ++i) {
        stream >> text;
    }
    return text;
}

std::size_t open_descriptors() {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()));
}

}  // namespace

TEST_CASE("a child that never answers is killed at the deadline, and its server serves on") {
    ScratchFolder folder;
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, 1000);
    CHECK(contains(failure_of(library, "/hang", folder / "pids"), "within 1000 ms"));
    CHECK_FALSE(runs(word(folder / "pids", 0)));
    CHECK(failure_of(library, "/server", folder / "server").empty());
    CHECK(word(folder / "server", 0) == word(folder / "pids", 1));
}

TEST_CASE("a child that answers and then hangs is killed at the deadline") {
    CHECK(contains(failure_of("/hang-after-answer", 1000), "within 1000 ms"));
}

TEST_CASE("a child that says too much is stopped") {
    CHECK(contains(failure_of("/flood"), "answered with more than"));
}

TEST_CASE("a child that fails gives no answer, whatever it printed") {
    CHECK(contains(failure_of("/fail-after-answer"), "status 3"));
}

TEST_CASE("a child that dies by a signal gives no answer, and the next call has another child") {
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
    CHECK(contains(failure_of(library, "/abort"), "signal 6"));
    CHECK(failure_of(library, "/say", kLoaded).empty());
}

TEST_CASE("an answer that is not the expected JSON is refused") {
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
    CHECK(failure_of(library, "/say", kLoaded).empty());
    for (const std::string answer :
         {"nonsense", "[]", R"({"code":0})",
          R"({"code":"0","type":"","uuid":"","keyslots":[],"reencryption":"none"})",
          R"({"code":0,"type":"","uuid":"","keyslots":[],"reencryption":"none","x":1})"}) {
        INFO(answer);
        CHECK_FALSE(failure_of(library, "/say", answer).empty());
    }
    CHECK_FALSE(failure_of(library, "/nothing").empty());
}

TEST_CASE("a program that is not there is an error that names it") {
    LuksLibraryProcess library("/nonexistent/efface", kPatienceMs);
    CHECK(contains(failure_of(library, "/x"), "/nonexistent/efface"));
}

TEST_CASE("a program that is no server is started a few times, then no more") {
    LuksLibraryProcess library("/bin/true", kPatienceMs);
    for (unsigned i = 0; i < efface::device::kServerStartsMax; ++i) {
        CHECK_FALSE(failure_of(library, "/x").empty());
    }
    CHECK(contains(failure_of(library, "/x"), "was started 8 times"));
}

TEST_CASE("a server that was killed is a failure of that call and is started again") {
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
    CHECK_FALSE(failure_of(library, "/kill-server").empty());
    CHECK(failure_of(library, "/say", kLoaded).empty());
}

TEST_CASE("a credential that got no answer in time could not be tried, and is not wrong") {
    using Result = efface::device::CredentialTrial::Result;
    ScratchFolder folder;
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, 1000);
    const auto late = trial_of(library.try_unlock({"/hang", folder / "pids"}, SecretBytes()));
    CHECK(late.result == Result::not_tried);
    CHECK(late.why == efface::ReasonCode::luks_deadline);
    const auto dead = trial_of(library.try_unlock({"/abort", {}}, SecretBytes()));
    CHECK(dead.result == Result::not_tried);
    CHECK(dead.why == efface::ReasonCode::control_not_asked);
}

TEST_CASE("a child that does not read its request does not hang or kill us") {
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
    const SecretBytes large(std::size_t{4} << 20U);
    CHECK(contains(library.try_unlock({"/deaf", {}}, large).failure, "status 4"));
}

TEST_CASE("a credential above the library's limit is refused before any child starts") {
    LuksLibraryProcess library("/nonexistent/efface");
    const SecretBytes huge((std::size_t{8} << 20U) + 1);
    try {
        (void)library.try_unlock({"/nowhere", {}}, huge);
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::usage);
    }
}

TEST_CASE("calls of two threads are served at the same time, each with its own answer") {
    ScratchFolder folder;
    fs::create_directory(folder / "meeting");
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
    std::vector<LoadAnswer> answers(2);
    {
        std::vector<std::jthread> threads;
        for (auto& answer : answers) {
            threads.emplace_back([&] { answer = library.load({"/meet", folder / "meeting"}); });
        }
    }
    CHECK(answers[0].failure.empty());
    CHECK(answers[1].failure.empty());
    constexpr int kCalls = 200;
    constexpr int kThreads = 4;
    std::vector<int> right(kThreads, 0);
    {
        std::vector<std::jthread> threads;
        for (int thread = 0; thread < kThreads; ++thread) {
            threads.emplace_back([&, thread] {
                for (int call = 0; call < kCalls / kThreads; ++call) {
                    const int number = -1 - thread * 1000 - call;
                    const auto answer = library.load(
                        {"/say", R"({"code":)" + std::to_string(number) +
                                     R"(,"type":"","uuid":"","keyslots":[],"reencryption":""})"});
                    right[static_cast<std::size_t>(thread)] += answer.code == number ? 1 : 0;
                }
            });
        }
    }
    CHECK(right == std::vector<int>(kThreads, kCalls / kThreads));
}

TEST_CASE("the credential travels in the conversation: not in arguments, environment or files") {
    ScratchFolder folder;
    const std::string seen = (folder / "seen").string();
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
    REQUIRE(::setenv("EFFACE_TEST_ENVIRONMENT", "leaks", 1) == 0);
    const SecretBytes credential(efface::as_bytes("hunter2-secret"));
    const efface::UniqueFd inheritable(::dup(1));
    CHECK(library.try_unlock({"/record", seen}, credential).code == 2);
    CHECK(output_of("tr '\\0' '\\n' < " + seen + ".argv") ==
          std::string(EFFACE_MISBEHAVING_WORKER) + "\nluks-worker");
    CHECK(output_of("tr '\\0' '\\n' < " + seen + ".env | sort") ==
          "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin");
    const std::string input = output_of("cat " + seen + ".input | tr '\\0' '.'");
    CHECK(contains(input, "\n.......\x0ehunter2-secret"));
    CHECK_FALSE(contains(input.substr(0, input.find('\n')), "hunter2"));
}

TEST_CASE("a child holds the conversation and the standard streams, nothing of its siblings") {
    ScratchFolder folder;
    const fs::path seen = folder / "seen";
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
    LoadAnswer hung;
    {
        const std::jthread sibling([&] { hung = library.load({"/hang", folder / "pids"}); });
        REQUIRE(comes_true([&] { return fs::exists(folder / "pids"); }));
        CHECK(library.try_unlock({"/record", seen}, SecretBytes()).code == 2);
        REQUIRE(::kill(std::stoi(word(folder / "pids", 0)), SIGKILL) == 0);
    }
    CHECK(contains(hung.failure, "signal 9"));
    const std::string list = output_of("cat " + seen.string() + ".fd");
    INFO(list);
    CHECK(output_of("grep -c socket: " + seen.string() + ".fd") == "1");
    // Standard input and output; the listing has one of its own.
    CHECK(output_of("grep -c ^/dev/null " + seen.string() + ".fd") == "2");
    CHECK_FALSE(contains(list, "pidfd"));
}

TEST_CASE("calls leave no descriptors open, here or in the server") {
    ScratchFolder folder;
    LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
    REQUIRE(failure_of(library, "/server", folder / "first").empty());
    const std::size_t before = open_descriptors();
    for (int call = 0; call < 50; ++call) {
        (void)failure_of(library, call % 2 == 0 ? "/say" : "/abort", kLoaded);
    }
    CHECK(open_descriptors() == before);
    REQUIRE(failure_of(library, "/server", folder / "second").empty());
    CHECK(output_of("wc -l < " + (folder / "second").string()) ==
          output_of("wc -l < " + (folder / "first").string()));
    CHECK(word(folder / "first", 0) == word(folder / "second", 0));
}

TEST_CASE("the server ends with the object that started it") {
    ScratchFolder folder;
    {
        LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
        REQUIRE(failure_of(library, "/server", folder / "server").empty());
        REQUIRE(runs(word(folder / "server", 0)));
    }
    CHECK_FALSE(runs(word(folder / "server", 0)));
}

TEST_CASE("server and child end when the process that asks is killed") {
    ScratchFolder folder;
    const pid_t asking = ::fork();
    REQUIRE(asking >= 0);
    if (asking == 0) {
        LuksLibraryProcess library(EFFACE_MISBEHAVING_WORKER, kPatienceMs);
        (void)library.load({"/hang", folder / "pids"});
        ::_exit(0);
    }
    const bool hung = comes_true([&] { return fs::exists(folder / "pids"); });
    (void)::kill(asking, SIGKILL);
    (void)::waitpid(asking, nullptr, 0);
    REQUIRE(hung);
    CHECK(comes_true([&] { return !runs(word(folder / "pids", 0)); }));
    CHECK(comes_true([&] { return !runs(word(folder / "pids", 1)); }));
}

TEST_CASE("the worker refuses a request that is cut short or malformed") {
    ScratchFolder folder;
    const std::string worker = EFFACE_LUKS_WORKER " luks-request";
    CHECK(run("true | " + worker) != 0);
    CHECK(run("echo '{}' | " + worker) != 0);
    CHECK(run("echo '{\"operation\":\"format\",\"header\":\"2f78\"}' | " + worker) != 0);
    CHECK(run("printf '{\"operation\":\"load\",\"header\":\"2f78\"}\\n' | " + worker) != 0);
    CHECK(run("printf '{\"operation\":\"load\",\"header\":\"2f78\"}\\n\\377\\377\\377\\377"
              "\\377\\377\\377\\377' | " +
              worker) != 0);
    CHECK(run("head -c 100000 /dev/zero | " + worker) != 0);
    CHECK(
        output_of("printf '{\"operation\":\"load\",\"header\":\"2f78\"}\\n\\0\\0\\0\\0\\0\\0\\0\\0'"
                  " | " +
                  worker + " | head -c 10") == R"({"code":-1)");
}

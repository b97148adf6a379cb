// SPDX-License-Identifier: Apache-2.0
#include "efface/device/memory/taken_memory.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/file.h>
#include <sys/shm.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "efface/device/memory/ipc_objects.hpp"

#include "catch.hpp"
#include "fake/scratch.hpp"

using namespace efface::device;

namespace {

constexpr std::size_t kBytes = std::size_t{4} << 20U;
constexpr unsigned kPatienceMs = 60'000;

/// "Name:   123 kB" of this process.
std::uint64_t status_kib(const std::string& name) {
    std::ifstream lines("/proc/self/status");
    for (std::string word; lines >> word;) {
        if (word == name + ':') {
            std::uint64_t value = 0;
            lines >> value;
            return value;
        }
    }
    return 0;
}

ExpendableWorker::Heard hear_soon(const ExpendableWorker& worker, WorkerReport& report) {
    return worker.hear(report, kPatienceMs);
}

}  // namespace

TEST_CASE("memory that was taken is present, locked, and unlocked again when it is given back") {
    const auto before = status_kib("VmLck");
    {
        const auto taking = TakenMemory::take({kBytes, 0, std::nullopt});
        if (taking.error == EPERM || taking.error == EAGAIN || taking.error == ENOMEM) {
            WARN("this user may not lock so much memory");
            return;
        }
        REQUIRE(taking.memory);
        CHECK(taking.memory->bytes().size() == kBytes);
        CHECK(status_kib("VmLck") >= before + (kBytes >> 10U));
        if (const auto frames = page_frames(taking.memory->bytes())) {
            CHECK(frames->size() == kBytes / kFrameBytes);
            CHECK(std::set(frames->begin(), frames->end()).size() == frames->size());
        } else {
            CHECK(::geteuid() != 0);
        }
    }
    CHECK(status_kib("VmLck") == before);
}

TEST_CASE("pages that the pool has not, and nodes that there are not, are an errno") {
    const auto huge = TakenMemory::take({std::size_t{1} << 40U, std::size_t{1} << 30U, {}});
    CHECK_FALSE(huge.memory);
    CHECK(huge.error != 0);
    const auto node = TakenMemory::take({kBytes, 0, 1023U});
    CHECK_FALSE(node.memory);
    CHECK(node.error != 0);
    CHECK(TakenMemory::take({kBytes, 0, 5000U}).error == EINVAL);
}

TEST_CASE("a worker tells what it does, ends, and is the first that the kernel takes") {
    auto worker = ExpendableWorker::start([](const WorkerLine& line) {
        std::uint64_t score = 0;
        std::ifstream("/proc/self/oom_score_adj") >> score;
        line.tell({1, score});
        return 7;
    });
    WorkerReport report{};
    REQUIRE(hear_soon(worker, report) == ExpendableWorker::Heard::report);
    CHECK(report[0] == 1);
    CHECK(report[1] == 1000);
    CHECK(hear_soon(worker, report) == ExpendableWorker::Heard::end);
    const auto end = worker.wait();
    CHECK(end.status == 7);
    CHECK(end.signal == 0);
}

TEST_CASE("a worker that is asked to stop knows it, and one that is killed has ended") {
    const auto wait_for_stop = [](const WorkerLine& line) {
        line.tell({});
        while (!line.stopped()) {
            ::usleep(1000);
        }
        return 0;
    };
    WorkerReport report{};
    {
        auto worker = ExpendableWorker::start(wait_for_stop);
        REQUIRE(hear_soon(worker, report) == ExpendableWorker::Heard::report);
        worker.ask_to_stop();
        CHECK(worker.wait().status == 0);
    }
    auto worker = ExpendableWorker::start(wait_for_stop);
    REQUIRE(hear_soon(worker, report) == ExpendableWorker::Heard::report);
    worker.kill();
    CHECK(hear_soon(worker, report) == ExpendableWorker::Heard::end);
    CHECK(worker.wait().signal == SIGKILL);
    pid_t left = 0;
    {
        const auto abandoned = ExpendableWorker::start(wait_for_stop);
        left = abandoned.pid();
    }
    CHECK(::kill(left, 0) != 0);
}

TEST_CASE("an exception in a worker is its failure, not ours") {
    auto worker =
        ExpendableWorker::start([](const WorkerLine&) -> int { throw std::runtime_error("no"); });
    CHECK(worker.wait().status == 1);
}

TEST_CASE("a worker keeps no lock, no descriptor and no segment of another target") {
    const efface::fake::ScratchDirectory scratch;
    const std::string path = scratch.path() / "held";
    int held = -1;
    {
        // Not the lowest number, which the line takes.
        constexpr int kHigh = 100;
        const efface::UniqueFd low(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));
        held = ::fcntl(low.get(), F_DUPFD_CLOEXEC, kHigh);
    }
    REQUIRE(held >= 0);
    REQUIRE(::flock(held, LOCK_EX) == 0);
    const int id = ::shmget(IPC_PRIVATE, kBytes, IPC_CREAT | 0600);
    REQUIRE(id >= 0);
    {
        const auto segment = AttachedSegment::attach(id);
        const auto worker = ExpendableWorker::start([](const WorkerLine& line) {
            line.tell({});
            while (!line.stopped()) {
                ::usleep(1000);
            }
            return 0;
        });
        WorkerReport report{};
        CHECK(hear_soon(worker, report) == ExpendableWorker::Heard::report);
        CHECK(segment_state(id)->attached == 1);
        // The lock goes with the last copy of the descriptor.
        REQUIRE(::close(held) == 0);
        held = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
        REQUIRE(held >= 0);
        CHECK(::flock(held, LOCK_EX | LOCK_NB) == 0);
    }
    REQUIRE(::close(held) == 0);
    CHECK(remove_segment(id) == 0);
}

// SPDX-License-Identifier: Apache-2.0
// System V segments and POSIX message queues of the running kernel, each the test's own.
#include <mqueue.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include <cstring>

#include "memory_live.hpp"

using efface::Error;
using efface::ErrorCode;
using efface::ReasonCode;
using namespace efface::test;

namespace {

class Segment final {
  public:
    explicit Segment(std::size_t bytes, int flags = 0)
        : id_(::shmget(IPC_PRIVATE, bytes, IPC_CREAT | 0600 | flags)) {
        REQUIRE(id_ >= 0);
    }
    ~Segment() { static_cast<void>(::shmctl(id_, IPC_RMID, nullptr)); }
    Segment(const Segment&) = delete;
    Segment& operator=(const Segment&) = delete;
    [[nodiscard]] std::string target() const { return "memory:sysv:" + std::to_string(id_); }
    [[nodiscard]] char* attach() const {
        void* at = ::shmat(id_, nullptr, 0);
        REQUIRE(at != reinterpret_cast<void*>(-1));
        return static_cast<char*>(at);
    }
    [[nodiscard]] bool there() const {
        shmid_ds state{};
        return ::shmctl(id_, IPC_STAT, &state) == 0;
    }

  private:
    int id_;
};

class Queue final {
  public:
    Queue() {
        mq_attr attributes{};
        attributes.mq_maxmsg = 4;
        attributes.mq_msgsize = 512;
        queue_ = ::mq_open(('/' + name).c_str(), O_RDWR | O_CREAT | O_EXCL, 0600, &attributes);
        REQUIRE(queue_ >= 0);
    }
    ~Queue() {
        close();
        static_cast<void>(::mq_unlink(('/' + name).c_str()));
    }
    Queue(const Queue&) = delete;
    Queue& operator=(const Queue&) = delete;
    void send(const std::string& text) const {
        REQUIRE(::mq_send(queue_, text.data(), text.size(), 0) == 0);
    }
    void close() {
        if (queue_ >= 0) {
            static_cast<void>(::mq_close(std::exchange(queue_, -1)));
        }
    }
    [[nodiscard]] bool there() const {
        const mqd_t again = ::mq_open(('/' + name).c_str(), O_RDONLY);
        return again >= 0 && ::mq_close(again) == 0;
    }
    const std::string name = "efface-test-" + std::to_string(::getpid());

  private:
    mqd_t queue_ = -1;
};

constexpr std::size_t kPage = 4096;

}  // namespace

TEST_CASE("a segment that nobody has attached is overwritten where it has pages, and removed") {
    const Segment segment(16 * kPage + 100);
    char* memory = segment.attach();
    std::memcpy(memory + 3 * kPage, kMark.data(), kMark.size());
    std::memcpy(memory + 16 * kPage, kMark.data(), kMark.size());
    Driver driver(segment.target());
    CHECK(has(driver.method->survey().objections, ReasonCode::opened));
    CHECK_THROWS_AS(driver.run(), Error);
    CHECK(std::memcmp(memory + 3 * kPage, kMark.data(), kMark.size()) == 0);
    REQUIRE(::shmdt(memory) == 0);

    const auto survey = driver.method->survey();
    INFO(joined(survey.objections));
    REQUIRE(survey.objections.empty());
    CHECK(survey.identity.at("sizeBytes") == 16 * kPage + 100);
    CHECK(survey.size_bytes == 17 * kPage);
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1) << joined(outcome.reasons));
    CHECK((outcome.verdict == Verdict::sanitized ||
           (ever_swapped() && outcome.verdict == Verdict::sanitized_with_exceptions)));
    // The two pages that were there, and no hole was filled.
    CHECK(outcome.record.at("passes").at(0).at("bytesWritten") == 2 * kPage);
    CHECK(outcome.record.at("verification").at("bytesCompared") == 2 * kPage);
    CHECK(std::string(control(outcome.record, "segment-gone")) == "pass");
    CHECK(outcome.record.at("identityAfter").at("removed") == true);
    CHECK_FALSE(segment.there());
    require_keys(outcome.record);
    CHECK_THROWS_AS(driver.method->survey(), Error);
}

TEST_CASE("a segment that was never touched is removed with one page written") {
    const Segment segment(std::size_t{1} << 30U);  // no page of it is there
    Driver driver(segment.target());
    const auto outcome = driver.run();
    INFO(joined(outcome.reasons));
    CHECK(outcome.record.at("passes").at(0).at("bytesWritten") == kPage);
    CHECK_FALSE(segment.there());
}

TEST_CASE("a segment of huge pages is overwritten as a whole", "[huge]") {
    constexpr std::size_t kHuge = std::size_t{2} << 20U;
    const std::string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    const std::string before = run("cat " + pool);
    const Undo pages("echo " + before + " > " + pool);
    run("echo " + std::to_string(std::stoul(before) + 2) + " > " + pool);
    const Segment segment(2 * kHuge, SHM_HUGETLB);
    char* memory = segment.attach();
    std::memset(memory, 0x55, 2 * kHuge);
    REQUIRE(::shmdt(memory) == 0);
    Driver driver(segment.target());
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1) << joined(outcome.reasons));
    CHECK(outcome.record.at("passes").at(0).at("bytesWritten") == 2 * kHuge);
    CHECK_FALSE(segment.there());
}

TEST_CASE("free pages of a pool are taken, overwritten, compared and given back", "[huge]") {
    const std::string folder = "/sys/kernel/mm/hugepages/hugepages-2048kB/";
    const std::string before = run("cat " + folder + "nr_hugepages");
    const Undo pages("echo " + before + " > " + folder + "nr_hugepages");
    run("echo " + std::to_string(std::stoul(before) + 4) + " > " + folder + "nr_hugepages");
    const std::string free = run("cat " + folder + "free_hugepages");
    Driver driver("memory:hugepages:2048kB");
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1) << joined(outcome.reasons));
    CHECK((outcome.verdict == Verdict::sanitized ||
           outcome.verdict == Verdict::sanitized_with_exceptions));
    const auto& written = outcome.record.at("passes").at(0).at("bytesWritten");
    CHECK(written.get<std::uint64_t>() >= std::uint64_t{8} << 20U);
    CHECK(outcome.record.at("verification").at("bytesCompared") == written);
    CHECK(run("cat " + folder + "free_hugepages") == free);
    require_keys(outcome.record);
}

TEST_CASE("a queue is emptied and removed, and its messages are said to be freed only") {
    Queue queue;
    queue.send(kMark);
    queue.send("two");
    Driver driver("memory:mqueue:" + queue.name);
    // This process, which the method must leave out as it is its own, has it open twice; another
    // one is seen.
    const pid_t child = ::fork();
    if (child == 0) {
        ::pause();
        ::_exit(0);
    }
    CHECK(has(driver.method->survey().objections, ReasonCode::opened));
    CHECK_THROWS_AS(driver.run(), Error);
    REQUIRE(::kill(child, SIGKILL) == 0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    queue.close();
    const auto survey = driver.method->survey();
    INFO(joined(survey.objections));
    REQUIRE(survey.objections.empty());
    CHECK(survey.facts.at("messages") == 2);
    CHECK(survey.identity.at("sizeBytes") == 4 * 512);
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1) << joined(outcome.reasons));
    const bool cleared = survey.facts.at("machine").at("initOnFree").at("state") == "on";
    CHECK(outcome.verdict == (cleared ? Verdict::sanitized : Verdict::sanitized_with_exceptions));
    CHECK(has(outcome.exceptions, ReasonCode::content_only_freed) == !cleared);
    CHECK(std::string(control(outcome.record, "queue-empty")) == "pass");
    CHECK_FALSE(queue.there());
    require_keys(outcome.record);
    CHECK_THROWS_AS(driver.method->survey(), Error);
}

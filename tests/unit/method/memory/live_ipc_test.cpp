// SPDX-License-Identifier: Apache-2.0
// System V segments and POSIX message queues of the running kernel, each the test's own.
#include <mqueue.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/wait.h>

#include <cstring>

#include "live.hpp"

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
    [[nodiscard]] int id() const { return id_; }
    void remove() const { REQUIRE(::shmctl(id_, IPC_RMID, nullptr) == 0); }
    [[nodiscard]] bool there() const {
        shmid_ds state{};
        return ::shmctl(id_, IPC_STAT, &state) == 0;
    }

  private:
    int id_;
};

class Queue final {
  public:
    Queue() { make(); }
    void make() {
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
    void remove() {
        close();
        REQUIRE(::mq_unlink(('/' + name).c_str()) == 0);
    }
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

/// What a job that began with this identity knows of it.
efface::method::MemoryBegan began(const efface::Json& identity) {
    efface::method::MemoryBegan began;
    began.identity = identity;
    const efface::Bytes key(32, 0x42);
    began.keys.emplace_back(efface::ByteView(key));
    return began;
}

/// An interrupted job whose target is gone: it ends, and nobody knows how well.
void check_concluded(const std::string& target, const efface::Json& identity, const char* gone,
                     const char* not_seen) {
    Driver next(target);
    next.method->began_with(began(identity));
    const auto survey = next.method->survey();
    CHECK(survey.identity == identity);
    CHECK(survey.objections.empty());
    const auto outcome = next.run();
    INFO(outcome.record.dump(1) << joined(outcome.reasons));
    CHECK(outcome.verdict == Verdict::indeterminate);
    CHECK(has(outcome.reasons, ReasonCode::control_not_asked));
    CHECK(std::string(control(outcome.record, gone)) == "pass");
    CHECK(std::string(control(outcome.record, not_seen)) == "unknown");
    CHECK(outcome.record.at("passes").empty());
    CHECK(outcome.record.at("identityAfter").at("removed") == true);
    require_keys(outcome.record);
    CHECK(next.method->as_left(began(identity)));
}

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

TEST_CASE("a segment that is locked now may have been swapped before") {
    const Segment segment(kPage);
    Driver driver(segment.target());
    REQUIRE(::shmctl(segment.id(), SHM_LOCK, nullptr) == 0);
    CHECK(driver.method->survey().facts.at("swappable") == true);
    CHECK(driver.run().record.at("facts").contains("swapAfter"));
}

TEST_CASE("a segment that somebody attaches meanwhile is not removed") {
    const Segment segment(2 * kPage);
    Driver driver(segment.target());
    char* memory = nullptr;
    const auto outcome =
        driver.run([&] { memory = memory == nullptr ? segment.attach() : memory; });
    CHECK(outcome.verdict == Verdict::not_sanitized);
    CHECK(std::string(control(outcome.record, "attached-by-nobody-else")) == "fail");
    CHECK(segment.there());
    REQUIRE(::shmdt(memory) == 0);
}

TEST_CASE("a segment of huge pages is overwritten as a whole", "[huge]") {
    constexpr std::size_t kHuge = std::size_t{2} << 20U;
    const std::string pool = "/sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages";
    const std::string before = run("cat " + pool);
    const Undo pages("echo " + before + " > " + pool);
    run("echo " + std::to_string(std::stoul(before) + 2) + " > " + pool);
    // Its last page is whole, however little of it was asked for.
    const Segment segment(2 * kHuge - 5 * kPage - 1, SHM_HUGETLB);
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

TEST_CASE("a job whose segment or queue was removed before it was interrupted can be ended") {
    {
        const Segment segment(kPage);
        const auto identity = Driver(segment.target()).method->survey().identity;
        Driver looker(segment.target());
        CHECK_FALSE(looker.method->as_left(began(identity)));
        segment.remove();
        check_concluded(segment.target(), identity, "segment-gone", "attached-by-nobody-else");
        CHECK_THROWS_AS(Driver(segment.target()).method->survey(), Error);
    }
    Queue queue;
    queue.close();
    const std::string target = "memory:mqueue:" + queue.name;
    const auto identity = Driver(target).method->survey().identity;
    queue.remove();
    check_concluded(target, identity, "queue-gone", "queue-empty");
    CHECK_THROWS_AS(Driver(target).method->survey(), Error);
    // Another one of this name is not what it began with, and not as it left it.
    queue.make();
    queue.close();
    Driver next(target);
    next.method->began_with(began(identity));
    CHECK(next.method->survey().identity != identity);
    CHECK_FALSE(next.method->as_left(began(identity)));
}

TEST_CASE("a queue that gets its messages meanwhile, or is another one, is not removed") {
    Queue queue;
    queue.send("one");
    queue.close();
    Driver driver("memory:mqueue:" + queue.name);
    SECTION("refilled") {
        const auto outcome = driver.run([&] {
            const mqd_t again = ::mq_open(('/' + queue.name).c_str(), O_WRONLY);
            REQUIRE(again >= 0);
            REQUIRE(::mq_send(again, "more", 4, 0) == 0);
            REQUIRE(::mq_close(again) == 0);
        });
        CHECK(outcome.verdict == Verdict::not_sanitized);
        CHECK(std::string(control(outcome.record, "queue-empty")) == "fail");
        CHECK(std::string(control(outcome.record, "queue-gone")) == "missing");
    }
    SECTION("made anew under its name") {
        const auto outcome = driver.run([&] {
            queue.remove();
            queue.make();
            queue.close();
        });
        CHECK(outcome.verdict == Verdict::not_sanitized);
        CHECK(has(outcome.reasons, ReasonCode::other_identity));
    }
    CHECK(queue.there());
}

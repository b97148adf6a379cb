// SPDX-License-Identifier: Apache-2.0
// Looks that several threads share: none is older than the question that it answers.
#include <memory>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "efface/guard/users.hpp"

#include "catch.hpp"
#include "recorded_machine.hpp"

using namespace efface;

TEST_CASE("a look that was there before the question never answers it, in any of many threads") {
    constexpr int kThreads = 6;
    constexpr int kQuestions = 12;
    const test::RecordedMachine machine("aliases.tree");
    guard::Looks looks(machine.view());
    std::mutex mutex;
    std::set<std::shared_ptr<const guard::Look>> given;
    int stale = 0;
    const auto ask = [&] {
        for (int i = 0; i < kQuestions; ++i) {
            std::unique_lock lock(mutex);
            const auto before = given;
            lock.unlock();
            const auto look = looks.fresh();
            lock.lock();
            stale += before.contains(look) ? 1 : 0;
            given.insert(look);
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
        threads.emplace_back(ask);
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(stale == 0);
    CHECK(given.size() >= kQuestions);  // one thread alone never gets the same twice
    CHECK(given.size() <= std::size_t{kThreads} * kQuestions);
}

TEST_CASE("what begins to use a target is in the next look and not in one before") {
    const test::RecordedMachine machine("aliases.tree");
    const auto disk = inventory::identify("/dev/sda", machine.view());
    guard::Looks looks(machine.view());
    const auto before = looks.fresh();
    machine.write("proc/swaps", "Filename Type Size Used Priority\n/dev/sda partition 1000 0 -2\n");
    CHECK(test::text_of(before->uses_of(disk)) == "");
    CHECK(test::has(looks.users_of(disk).uses, ReasonCode::swap));
}

TEST_CASE("users come with the other names of the storage, from one look") {
    const test::RecordedMachine machine("aliases.tree");
    guard::Looks looks(machine.view());
    const auto disk = inventory::identify("/dev/sda", machine.view());
    CHECK(looks.users_of(disk).aliases == looks.fresh()->aliases_of(disk));
}

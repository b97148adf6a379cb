// SPDX-License-Identifier: Apache-2.0
// Runs a memory method in a test. Programs that include this do not link job, whose guard gives
// clearances elsewhere; this one gives them to the test alone.
#pragma once

#include <algorithm>
#include <functional>
#include <string>

#include "efface/method/memory.hpp"

#include "fake/disk/fixed.hpp"

namespace efface::test {

/// Calls back at each step of progress.
class Watcher final : public ProgressSink {
  public:
    explicit Watcher(std::function<void()> look = [] {}) : look_(std::move(look)) {}
    void advance(std::uint64_t count) override {
        bytes += count;
        look_();
    }
    std::uint64_t bytes = 0;

  private:
    std::function<void()> look_;
};

/// One target with its method, the key that all tests use, and a clock that stands still.
struct Driver {
    explicit Driver(const std::string& target, const inventory::SystemView& view = {})
        : name(*inventory::parse_memory_target(target)),
          method(method::make_memory_method(name, Bytes(32, 0x42), clock, view)) {}

    method::Outcome run(
        std::function<void()> look = [] {}, std::stop_token stop = {}) {
        Watcher watcher(std::move(look));
        auto outcome = method->run(
            guard::clear_memory(inventory::to_string(name), {}, [] { return guard::MemoryLook(); }),
            watcher, stop);
        progressed = watcher.bytes;
        return outcome;
    }

    fake::FixedClock clock;
    inventory::MemoryTargetName name;
    std::unique_ptr<method::MemoryMethod> method;
    std::uint64_t progressed = 0;
};

[[nodiscard]] inline bool has(const std::vector<Reason>& reasons, ReasonCode code) {
    return std::any_of(reasons.begin(), reasons.end(),
                       [&](const Reason& reason) { return reason.code == code; });
}

/// All of a list, for messages.
inline std::string joined(const std::vector<Reason>& reasons) {
    std::string all;
    for (const auto& reason : reasons) {
        all += std::string(to_string(reason.code)) + ": " + reason.text + '\n';
    }
    return all;
}

/// All of a list of texts, for messages and for searching.
inline std::string joined(const std::vector<std::string>& texts) {
    std::string all;
    for (const auto& text : texts) {
        all += text + '\n';
    }
    return all;
}

}  // namespace efface::test

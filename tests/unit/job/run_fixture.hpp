// SPDX-License-Identifier: Apache-2.0
// A station with keys and log in a scratch folder, a fake machine, and a project of two volumes.
#pragma once

#include <string>

#include "efface/job/project_run.hpp"

#include "fake/fake_host.hpp"
#include "fake/fixed.hpp"
#include "fake/scratch.hpp"

namespace efface::job {

extern const std::string kUuidA;
extern const std::string kUuidB;

class RunFixture {
  public:
    RunFixture();

    /// One process: runs to its end, or throws what stands in `ended`.
    RunResult run();
    [[nodiscard]] ProjectPlan plan();
    [[nodiscard]] std::string log_text() const;
    [[nodiscard]] evidence::KeyStore keys() const;
    /// True when any 4 KiB block of the old metadata is still on the medium, flushed or not.
    [[nodiscard]] bool old_metadata_remains(const std::string& path, const Bytes& before);
    /// Every bundle in certificates/ verifies; returns how many there are.
    [[nodiscard]] std::size_t verified_bundles() const;

    fake::ScratchDirectory scratch;
    StateDirectory state;
    fake::FakeHost host;
    fake::FixedClock clock;
    fake::SeededRandom random{"run"};
    std::vector<Json> events;
    std::function<void(const Json&)> on_event;
    std::string manifest_text;
    std::string plan_digest;
    std::stop_source stop;
    RunResult ended;  ///< of the last run
    unsigned authorizations = 0;
    unsigned workers = 1;
    Bytes before_a;
    Bytes before_b;
};

}  // namespace efface::job

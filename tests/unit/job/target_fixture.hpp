// SPDX-License-Identifier: Apache-2.0
// A station with keys and log in a scratch folder, and one disk in memory that is to be erased.
#pragma once

#include <string>

#include "efface/job/target_run.hpp"

#include "fake/fake_host.hpp"
#include "fake/fixed.hpp"
#include "fake/scratch.hpp"

namespace efface::job {

class TargetFixture {
  public:
    /// No multiple of a transfer, so that the last piece is a short one.
    static constexpr std::size_t kDiskBytes = (std::size_t{5} << 20U) / 2 + 3 * 512;

    TargetFixture();

    /// One process: runs to its end, or throws what stands in `ended`. Each asks again.
    RunResult run();
    RunResult resume(const std::string& job_id);
    [[nodiscard]] TargetPlan plan();
    [[nodiscard]] evidence::KeyStore keys() const;
    [[nodiscard]] std::size_t log_entries(const std::string& type) const;
    /// True when any block of the old content is still on the medium, flushed or not.
    [[nodiscard]] bool old_content_remains();
    /// Every bundle verifies; returns how many there are.
    [[nodiscard]] std::size_t verified_bundles() const;
    [[nodiscard]] fake::MemoryDisk& disk() { return *host.at(target).disk; }
    /// The job that waits to be resumed.
    [[nodiscard]] std::string open_job() const;

    fake::ScratchDirectory scratch;
    StateDirectory state;
    fake::FakeHost host;
    fake::FixedClock clock;
    fake::SeededRandom random{"target"};
    std::string target = "/dev/a";
    mandate::ErasureChoice choice;
    std::optional<mandate::Order> order;
    std::function<void(const Json&)> on_event;
    /// Who is asked; nullptr: somebody types.
    std::function<mandate::Authorization()> authorize;
    std::stop_source stop;
    RunResult ended;  ///< of the last run
    unsigned authorizations = 0;
    Bytes before;

  private:
    RunResult run(TargetRequest request);
};

}  // namespace efface::job

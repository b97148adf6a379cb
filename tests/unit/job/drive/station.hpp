// SPDX-License-Identifier: Apache-2.0
// A station with one drive at /dev/a, which is a model behind its own command set: what the kernel
// does between them is left out.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "efface/job/target_run.hpp"

#include "fake/disk/drive_media.hpp"
#include "fake/disk/fixed.hpp"
#include "fake/fake_host.hpp"
#include "fake/scratch.hpp"

namespace efface::job {

/// A drive model with everything that a host has of it.
class DriveModel {
  public:
    virtual ~DriveModel() = default;
    virtual std::vector<method::CommandSet*> command_sets() = 0;
    /// One a block device, in order: /dev/a, /dev/b, ...
    virtual std::vector<device::BlockTarget*> surfaces() = 0;
    /// What lies on the medium, for a look behind the drive's back; one a surface.
    virtual std::vector<fake::DriveMedia*> media() = 0;
};

class DriveStation {
  public:
    DriveStation();
    /// The drive is there from now on, filled with blocks that are all different. `serial` is what
    /// the kernel has.
    void attach(DriveModel& model, const std::string& serial);
    /// The kernel calls one of its block devices otherwise.
    void rename(const std::string& from, const std::string& to);

    TargetPlan plan();
    /// One process. Throws Error as run_target() does.
    RunResult run();
    /// True when a block of the first content still stands where a host can come, or (`spare`) in a
    /// place that only the drive reaches.
    [[nodiscard]] bool old_content_remains(bool spare) const;
    [[nodiscard]] std::size_t verified_bundles() const;
    /// Of the only job.
    [[nodiscard]] std::string job_id() const;
    [[nodiscard]] std::string certificate() const;
    [[nodiscard]] std::string observations() const;

    fake::ScratchDirectory scratch;
    StateDirectory state;
    fake::FakeHost host;
    fake::FixedClock clock;
    fake::SeededRandom random{"drive"};
    TargetRequest request;
    std::stop_source stop;
    RunResult ended;  ///< of the last run
    std::function<void(const Json&)> on_event;
    std::function<void()> on_wait;  ///< called at each pause, after the clock was advanced

  private:
    template <typename Run>
    auto with_context(const Run& run);
    [[nodiscard]] std::string file_of_bundle(const char* name) const;
    DriveModel* model_ = nullptr;
    std::vector<Bytes> before_;
};

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
// The two kinds of storage behind a target run: what is addressed by blocks, and memory.
#pragma once

#include <functional>
#include <memory>

#include "efface/job/target_run.hpp"
#include "efface/method/memory.hpp"

#include "drive/choice.hpp"
#include "record/target_record.hpp"
#include "run/run.hpp"

namespace efface::job {

/// Keeps what an interrupted erase needs to go on. May throw Error.
using SaveState = std::function<void(const Json& state)>;

class TargetStorage {
  public:
    virtual ~TargetStorage() = default;
    /// An earlier process got as far as `state`: said before survey().
    virtual void going_on(const Json& /*state*/) {}
    /// Looks; changes nothing. Throws Error(usage) when there is no such thing.
    virtual TargetPlan survey() = 0;
    /// The state of a fresh erase: keys, seeds.
    virtual Json begin(Random& random) = 0;
    /// The state of another attempt: what the earlier one left on the target must not be forgotten.
    virtual Json begin_again(Random& random, const Json& /*before*/, const Json& /*outcome*/) {
        return begin(random);
    }
    /// The state of this erase after another technique, whose state was `before`, was refused by
    /// the drive.
    virtual Json begin_instead(Random& random, const Json& /*before*/) { return begin(random); }
    /// Whether an attempt that ended has left something behind that another one must take back.
    [[nodiscard]] virtual bool unfinished(const Json& /*outcome*/) const { return false; }
    /// How what a job erased that ended well stands today; `state` is that job's. An order for a
    /// medium is carried out once.
    [[nodiscard]] virtual Standing as_left(const TargetState& state) = 0;
    /// A few digests of what is there now, by which as_left() sees later that something was
    /// written since; empty where there is nothing to read.
    [[nodiscard]] virtual std::vector<SurfaceSample> sample() { return {}; }
    /// Clears, erases and verifies, carrying `state` on. Throws Error(safety) when the guard
    /// refuses: nothing was written by this call then.
    virtual method::Outcome erase(const TargetPlan& plan, const Json& state, const SaveState& save,
                                  ProgressSink& progress, const std::stop_token& stop) = 0;
    /// The record of a process that was interrupted where `state` stands; empty where the method
    /// keeps nothing for one.
    [[nodiscard]] virtual Json interrupted_record(const TargetPlan& /*plan*/,
                                                  const Json& /*state*/) const {
        return Json::object();
    }
    /// `then` is called when erase() has got past the guard, before anything may be changed.
    void when_cleared(std::function<void()> then) { cleared_ = std::move(then); }
    /// Bytes that erase() will report, given how far it is.
    [[nodiscard]] virtual std::uint64_t bytes_left(const TargetPlan& plan, const Json& state) = 0;
    /// What is there now, as the certificate's `identityAfter`; null when it can't be asked.
    virtual Json identity_now() = 0;
    /// Why that is not what was erased; nullopt when it is, or when the method itself has looked.
    [[nodiscard]] virtual std::optional<Reason> other_now(const TargetPlan& /*plan*/,
                                                          const Json& /*now*/) const {
        return std::nullopt;
    }
    /// Of the device, where it tells.
    virtual std::optional<int> celsius() { return std::nullopt; }

  protected:
    void set_cleared() const {
        if (cleared_) {
            cleared_();
        }
    }

  private:
    std::function<void()> cleared_;
};

/// The same for whatever the host addresses by blocks: where it is now, who it is, what is at
/// the places of the samples.
[[nodiscard]] Standing medium_as_left(Host& host, const TargetState& state);
/// Of a medium, for `left`.
[[nodiscard]] std::vector<SurfaceSample> sample_medium(Host& host, const std::string& path);
/// The same of every block device of the drive at `path`: what a drive erases itself is all of it.
[[nodiscard]] std::vector<SurfaceSample> sample_drive(Host& host, const std::string& path);

/// `look`: one that was just made, for the first survey().
[[nodiscard]] std::unique_ptr<TargetStorage> make_block_storage(
    RunContext& context, const std::string& path, const mandate::ErasureChoice& choice,
    std::optional<DriveLook> look);
[[nodiscard]] std::unique_ptr<TargetStorage> make_drive_storage(
    RunContext& context, const std::string& path, const mandate::ErasureChoice& choice,
    std::optional<DriveLook> look);
[[nodiscard]] std::unique_ptr<TargetStorage> make_memory_storage(
    RunContext& context, const inventory::MemoryTargetName& name);

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
// The two kinds of storage behind a target run: what is addressed by blocks, and memory.
#pragma once

#include <memory>

#include "efface/job/target_run.hpp"
#include "efface/method/memory_method.hpp"

namespace efface::job {

/// Keeps what an interrupted erasure needs to go on. May throw Error.
using SaveState = std::function<void(const Json& state)>;

class TargetStorage {
  public:
    virtual ~TargetStorage() = default;
    /// An earlier process got as far as `state`: said before survey().
    virtual void going_on(const Json& /*state*/) {}
    /// Looks; changes nothing. Throws Error(usage) when there is no such thing.
    virtual TargetPlan survey() = 0;
    /// The state of a fresh erasure: keys, seeds.
    virtual Json begin(Random& random) = 0;
    /// The state of another attempt: what the earlier one left on the target must not be forgotten.
    virtual Json begin_again(Random& random, const Json& /*before*/, const Json& /*outcome*/) {
        return begin(random);
    }
    /// The state of this erasure after another technique, whose state was `before`, was refused by
    /// the drive.
    virtual Json begin_instead(Random& random, const Json& /*before*/) { return begin(random); }
    /// Whether an attempt that ended has left something behind that another one must take back.
    [[nodiscard]] virtual bool unfinished(const Json& /*outcome*/) const { return false; }
    /// Whether what a job erased that ended well is still as it left it. Media are, unasked: an
    /// order for one is carried out once. `identity`, `state` and `record` (of its
    /// outcome) are those of that job.
    [[nodiscard]] virtual bool as_left(const Json& /*identity*/, const Json& /*state*/,
                                       const Json& /*record*/) {
        return true;
    }
    /// Clears, erases and verifies, carrying `state` on. Throws Error(safety) when the guard
    /// refuses: nothing was written by this call then.
    virtual method::Outcome erase(const TargetPlan& plan, const Json& state, const SaveState& save,
                                  ProgressSink& progress, const std::stop_token& stop) = 0;
    /// Whether erase() got past the guard: from then on something may be changed.
    [[nodiscard]] bool cleared() const noexcept { return cleared_; }
    /// Bytes that erase() will report, given how far it is.
    [[nodiscard]] virtual std::uint64_t bytes_left(const TargetPlan& plan, const Json& state) = 0;
    /// What stands there now, as the certificate's `identityAfter`; null when it can't be asked.
    virtual Json identity_now() = 0;
    /// Why that is not what was erased; nullopt when it is, or when the method itself has looked.
    [[nodiscard]] virtual std::optional<Reason> other_now(const TargetPlan& /*plan*/,
                                                          const Json& /*now*/) const {
        return std::nullopt;
    }
    /// Of the device, where it tells.
    virtual std::optional<int> celsius() { return std::nullopt; }

  protected:
    void set_cleared() noexcept { cleared_ = true; }

  private:
    bool cleared_ = false;
};

[[nodiscard]] std::unique_ptr<TargetStorage> make_block_storage(
    RunContext& context, const std::string& path, const mandate::ErasureChoice& choice);
[[nodiscard]] std::unique_ptr<TargetStorage> make_drive_storage(
    RunContext& context, const std::string& path, const mandate::ErasureChoice& choice);
[[nodiscard]] std::unique_ptr<TargetStorage> make_memory_storage(
    RunContext& context, const inventory::MemoryTargetName& name);

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "efface/method/overwrite.hpp"

namespace efface::method {

/// Watches the passes of one run: hands on progress, journals watermarks, and applies the limits,
/// of which the deadline counts from here. Keeps why it stopped a pass.
class OverwriteWatch final : public stream::PassWatcher {
  public:
    OverwriteWatch(const OverwriteTask& task, OverwriteState& state, const OverwriteHooks& hooks,
                   const Clock& clock, ProgressSink& progress);

    Go go(const stream::Pace& pace) override;
    void advance(std::uint64_t bytes) override { progress_.advance(bytes); }
    void written(std::uint64_t offset_bytes, const stream::FillReport& so_far) override;
    void compared(std::uint64_t offset_bytes, const stream::CheckReport& so_far) override;

    /// What was known before the pass that follows: its own counts are added to it.
    void begin_fill(PassState& pass);

    [[nodiscard]] bool vanished() const noexcept { return vanished_; }
    /// Why a pass was stopped from here: by a limit, or as the device vanished; nullopt when not.
    [[nodiscard]] const std::optional<Reason>& stopped_because() const noexcept {
        return stopped_because_;
    }

  private:
    Go limited(Limit limit, const std::string& what, mandate::Then then, bool& said);
    Go temperature();

    const OverwriteTask& task_;
    OverwriteState& state_;
    const OverwriteHooks& hooks_;
    const Clock& clock_;
    ProgressSink& progress_;
    SteadyTime started_;
    PassState* pass_ = nullptr;
    stream::FillReport fill_before_;
    bool said_slow_ = false;
    bool said_late_ = false;
    bool said_hot_ = false;
    bool hot_ = false;
    bool vanished_ = false;
    std::optional<Reason> stopped_because_;
};

/// Adds the counts of a later part to those of an earlier one.
void add(stream::FillReport& sum, const stream::FillReport& part);

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
// Overwrites a whole target in one or more passes and reads the last one back.
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/base/progress.hpp"
#include "efface/device/block_target.hpp"
#include "efface/guard/clearance.hpp"
#include "efface/method/limits.hpp"
#include "efface/method/outcome.hpp"
#include "efface/stream/pass.hpp"

namespace efface::method {

/// How one pass stands: kept in the journal, so that an interrupted run resumes the same
/// stream from what was durable.
struct PassState {
    stream::Pattern pattern;
    std::string started_at;
    std::string completed_at;      ///< empty: not complete
    std::uint64_t written_to = 0;  ///< everything before was tried and flushed
    stream::FillReport report;     ///< of everything before written_to
    std::vector<std::uint64_t> resumed_at;
};

struct OverwriteState {
    std::vector<PassState> passes;
    /// How far the read-back is, for who asks. It always begins again: between two processes the
    /// power may have gone, or somebody may have used the target.
    std::uint64_t compared_to = 0;
    Json limit_events = Json::array();
};
[[nodiscard]] Json to_json(const OverwriteState& state);
/// Of the journal. Throws Json::exception for anything else.
[[nodiscard]] OverwriteState overwrite_state_from_json(const Json& json);

enum class ReadBack { full, representative, none };

struct OverwriteTask {
    std::string path;  ///< canonical
    ReadBack read_back = ReadBack::full;
    Bytes seed;                             ///< of stream::representative_ranges
    bool bad_blocks_are_exceptions = true;  ///< else they make the target not sanitized
    bool in_order = false;  ///< the target takes writes from its beginning to its end alone
    mandate::Limits limits;
    stream::PassOptions options;
};

/// The machine around the target while it is overwritten.
struct OverwriteHooks {
    /// Keeps the state durably. May throw Error, which ends the run.
    std::function<void(const OverwriteState&)> save;
    /// False when the opened target is gone or is no longer what was cleared.
    std::function<bool()> still_there;
    std::function<std::optional<int>()> celsius;
    /// Makes later reads come from the medium. 0 or an errno.
    std::function<int()> drop_cache;
};

class OverwriteWatch;

class Overwrite final {
  public:
    /// References must outlive the method. `state` is carried on and saved as it changes.
    Overwrite(const OverwriteTask& task, OverwriteState& state, device::BlockTarget& target,
              OverwriteHooks hooks, const Clock& clock);

    /// Erases and verifies. Answers of the medium are in the Outcome; throws Error only for
    /// failures outside it. After a stop the verdict is not_sanitized and running again resumes.
    [[nodiscard]] Outcome run(guard::Clearance clearance, ProgressSink& progress,
                              std::stop_token stop);

  private:
    bool fill_passes(Outcome& outcome, OverwriteWatch& watch, ProgressSink& progress,
                     const std::stop_token& stop);
    void verify(Outcome& outcome, OverwriteWatch& watch, ProgressSink& progress,
                const std::stop_token& stop);
    void look_at_failed_areas(Outcome& outcome, const std::stop_token& stop);
    void judge_pass(const PassState& pass, Outcome& outcome) const;
    [[nodiscard]] bool keeps_what_it_says(Outcome& outcome) const;
    void judge_check(const stream::CheckReport& check, Outcome& outcome) const;
    [[nodiscard]] std::vector<stream::Range> ranges_to_check() const;
    [[nodiscard]] const stream::FaultAreas& failed_areas() const;
    void except(Outcome& outcome, Reason what) const;
    static void limit_exceptions(std::uint64_t failed, std::uint64_t of, Outcome& outcome);
    void observe(Outcome& outcome, const char* what, const Json& raw) const;

    const OverwriteTask& task_;
    OverwriteState& state_;
    device::BlockTarget& target_;
    OverwriteHooks hooks_;
    const Clock& clock_;
    /// A sample proves nothing of what an earlier process wrote, as somebody may have used the
    /// target since: then everything is read.
    ReadBack read_back_;
};

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
// Clears storage that lives in memory: one method per kind, each with its own honest claim.
// Freed pages can't be looked at from user space: what no tool reaches is named, never claimed.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/base/clock.hpp"
#include "efface/base/json.hpp"
#include "efface/base/progress.hpp"
#include "efface/base/secret.hpp"
#include "efface/guard/clearance.hpp"
#include "efface/inventory/inventory.hpp"
#include "efface/inventory/memory_name.hpp"
#include "efface/method/outcome.hpp"

namespace efface::method {

/// Whether erasing takes the target itself away (segments and queues): what has its name
/// afterwards is another one.
[[nodiscard]] bool is_removed_by_erasing(const inventory::MemoryTargetName& name);

/// What is there, looked at without changing anything.
struct MemorySurvey {
    /// What names this storage and must still hold when run() begins: kind, place, and as far as
    /// the kind has them device numbers, disk sequence, mount id, inode, size, boot id.
    Json identity = Json::object();
    /// What a person types: its serial number, else NAME-SIZE-xxxxxx where xxxxxx is derived from
    /// `identity`. Never empty, and another one for every other target.
    std::string confirm_token;
    std::uint64_t size_bytes = 0;  ///< bytes that run() will overwrite, as of now
    /// Reasons to refuse; empty: may run. `busy` where another efface works on it: while nothing
    /// else but what that one does is in the way, it is the only one (exit 75, else 7).
    std::vector<Reason> objections;
    /// Objections that another efface, where one is at work, is the cause of. Empty after
    /// MemoryMethod::survey().
    std::vector<Reason> traces;
    std::vector<std::string> steps;        ///< what run() does, in order
    std::vector<std::string> not_reached;  ///< named areas that no user space tool reaches
    /// Everything that a claim depends on; policy/memory.hpp computes the level from it alone:
    /// policy::memory_claim(survey.facts).
    Json facts = Json::object();
    /// st_dev, where all files of one file system are erased.
    std::optional<std::uint64_t> filesystem;
};

/// What a job of an earlier process, or an earlier attempt, began with.
struct MemoryBegan {
    Json identity;                  ///< as survey() gave it then
    std::vector<SecretBytes> keys;  ///< of every attempt: their patterns may be in the target
    Json left;  ///< "identityAfter" of its record; null: unknown, or it has not ended
};

class MemoryMethod {
  public:
    virtual ~MemoryMethod() = default;
    /// Looks again at each call, for kOpenersWait while it is busy. Throws Error(usage) when there
    /// is no such thing or it is of another kind, Error(busy) where another efface is at it.
    [[nodiscard]] virtual MemorySurvey survey() = 0;
    /// To be said before survey(): what that job itself changes (a signature that is overwritten, a
    /// device that is reset, a file that has grown to whole pages, a segment or queue that is gone)
    /// is then the target as it began, and no objection. Of one that is gone run() sees only that:
    /// its verdict is indeterminate.
    virtual void began_with(MemoryBegan began) = 0;
    /// Whether the target is as a run of that job left it: it is empty and nothing was made in it
    /// since (a mount), all of it is the pattern of
    /// its last key, or it is away where erasing takes it away (is_removed_by_erasing()). Reads;
    /// false for what can't be looked at.
    [[nodiscard]] virtual bool as_left(const MemoryBegan& began) = 0;
    /// Erases and verifies. Surveys again first, and throws Error(safety) before anything is
    /// changed when an objection is there or the identity is not the one of the last survey(),
    /// Error(busy) where another efface is at it: while it runs it holds a lock on the target's
    /// name. A stop leaves not_sanitized; running again with the same key begins again. The
    /// record's keys: technique, passes, verification, steps, negativeControls, notReached, facts
    /// (with "swapAfter" where pages of the target may be swapped), identity, identityAfter,
    /// status, startedAt, completedAt.
    [[nodiscard]] virtual Outcome run(guard::Clearance clearance, ProgressSink& progress,
                                      std::stop_token stop) = 0;
};

/// `key`: stream::kStreamKeyBytes, copied, for the pattern of the overwrite; fresh for each run.
/// `clock` must outlive the method. Nothing is opened before survey().
[[nodiscard]] std::unique_ptr<MemoryMethod> make_memory_method(
    const inventory::MemoryTargetName& name, ByteView key, const Clock& clock,
    const inventory::SystemView& view = {});

}  // namespace efface::method

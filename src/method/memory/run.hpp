// SPDX-License-Identifier: Apache-2.0
// What one run on memory-backed storage did and saw. Kinds tell it; it alone makes the verdict:
// anything that was not reported as good is not good.
#pragma once

#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/base/progress.hpp"
#include "efface/method/memory.hpp"
#include "efface/stream/overwrite.hpp"
#include "efface/stream/pass.hpp"

namespace efface::method {

enum class ControlResult { pass, fail, unknown };

/// Counts of areas that were not transferred: all counted, the first kept.
struct MemoryFaults {
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    Json areas = Json::array();

    /// `where`: the file within a tree, or empty.
    void add(const std::string& where, std::uint64_t offset, std::uint64_t length, int error);
    void add(const stream::FaultAreas& faults);
};

/// The only pass of a memory method: the keyed stream, once.
struct MemoryPass {
    bool begun = false;
    std::string started_at;
    std::string completed_at;
    std::uint64_t bytes_planned = 0;
    std::uint64_t bytes_written = 0;
    MemoryFaults write_faults;
    int flush_error = 0;
};

struct MemoryVerification {
    std::string method;  ///< "full-read-back", "device-state"
    bool performed = false;
    std::uint64_t bytes_planned = 0;
    std::uint64_t bytes_compared = 0;
    std::uint64_t mismatches = 0;  ///< pieces of kMemoryPieceBytes, or blocks of a device
    MemoryFaults read_faults;
};

/// Unit in which files are written and compared, and in which faults are listed.
constexpr std::size_t kMemoryPieceBytes = 4096;

class MemoryRun final {
  public:
    MemoryRun(std::string technique, ByteView key, const Clock& clock, ProgressSink& progress,
              std::stop_token stop);

    [[nodiscard]] ByteView key() const noexcept { return key_; }
    [[nodiscard]] const Clock& clock() const noexcept { return clock_; }
    [[nodiscard]] ProgressSink& progress() const noexcept { return progress_; }
    [[nodiscard]] const std::stop_token& stop() const noexcept { return stop_; }
    [[nodiscard]] bool stopped() const noexcept { return stop_.stop_requested(); }

    MemoryPass pass;
    MemoryVerification verification;
    void begin_pass(std::uint64_t bytes_planned);
    void end_pass();

    /// From here on the target, or its use, is no longer what it was.
    void touch() noexcept { touched_ = true; }
    [[nodiscard]] bool touched() const noexcept { return touched_; }
    void step(const std::string& name, const std::string& result, const std::string& detail = {});
    void control(const std::string& name, ControlResult result, const std::string& detail = {});
    void observe(const std::string& what, Json raw);
    /// What inventory::swap_json() says at the end: the claim depends on it.
    void note_swap_after(Json swap) { swap_after_ = std::move(swap); }
    /// A named area that was not reached.
    void except(Reason area) { exceptions_.push_back(std::move(area)); }
    /// How much of what was free was taken (sweep.hpp): is in the record, and in the
    /// facts in the place of what was expected.
    void learn_sweep(Json sweep) { sweep_ = std::move(sweep); }
    /// Why the target is not sanitized.
    void fail(Reason reason) { failures_.push_back(std::move(reason)); }
    /// Why it is unknown.
    void doubt(Reason reason) { doubts_.push_back(std::move(reason)); }
    /// The technique ran to its end; without it nothing is sanitized.
    void complete() { completed_ = true; }

    [[nodiscard]] Outcome finish(const MemorySurvey& before, Json identity_after);

  private:
    [[nodiscard]] Verdict judge();
    void judge_pass();
    void judge_verification();
    [[nodiscard]] Json pass_json() const;
    [[nodiscard]] Json verification_json() const;

    std::string technique_;
    ByteView key_;
    const Clock& clock_;
    ProgressSink& progress_;
    std::stop_token stop_;
    std::string started_at_;
    bool completed_ = false;
    bool touched_ = false;
    Json steps_ = Json::array();
    Json controls_ = Json::array();
    Json sweep_;
    Json swap_after_;
    std::vector<Reason> exceptions_;
    std::vector<Reason> failures_;
    std::vector<Reason> doubts_;
    std::vector<Observation> observations_;
};

/// One kind of memory. Made for one target; used by one thread.
class MemoryKind {
  public:
    virtual ~MemoryKind() = default;
    /// As MemoryMethod::survey(), without facts of the machine and the token.
    virtual MemorySurvey survey() = 0;
    [[nodiscard]] virtual std::string technique() const = 0;
    /// Only after a survey without objections. Answers go to `run`; throws Error only for failures
    /// outside the target.
    virtual void erase(MemoryRun& run) = 0;
    /// What names the target now, as survey().identity has it, for the record.
    virtual Json identity_after() = 0;
    /// Whether it holds only what a run with the key of `look` left. Called after a survey() that
    /// gave the identity of that run. What can't be looked at is not as it was left.
    virtual bool as_left(MemoryRun& /*look*/) { return false; }
    /// Whether erasing takes the target itself away, and it is away.
    virtual bool is_away() { return false; }

    /// As MemoryMethod::began_with().
    void began_with(MemoryBegan began) { began_ = std::move(began); }

  protected:
    /// Null for a job that has done nothing yet.
    [[nodiscard]] const MemoryBegan* began() const { return began_ ? &*began_ : nullptr; }
    /// Whether this is what the job began with, but for the values of these keys.
    [[nodiscard]] bool is_began_but_for(const Json& identity,
                                        const std::vector<std::string>& keys) const;
    /// The value that the job began with; null where it had none.
    [[nodiscard]] Json began_value(const char* key) const;
    /// The value that the job left (identity_after()); null where that is not known.
    [[nodiscard]] Json left_value(const char* key) const;

  private:
    std::optional<MemoryBegan> began_;
};

struct MemoryKindContext {
    inventory::MemoryTargetName name;
    inventory::SystemView view;
    const Clock* clock = nullptr;
};
[[nodiscard]] std::unique_ptr<MemoryKind> make_tree_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_file_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_zram_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_block_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_devdax_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_security_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_swap_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_free_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_hugepool_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_sysv_kind(const MemoryKindContext& context);
[[nodiscard]] std::unique_ptr<MemoryKind> make_mqueue_kind(const MemoryKindContext& context);

/// Overwrites a whole target with the keyed stream, flushes, reads everything back and compares:
/// fills pass and verification of `run`, and completes it when all is well.
void overwrite_and_check(device::BlockTarget& target, MemoryRun& run);
/// Whether a whole target holds the keyed stream of `look`, wherever it can be read.
[[nodiscard]] bool holds_pattern(device::BlockTarget& target, const MemoryRun& look);

/// "512MiB", "4097B": the largest binary unit that divides it.
[[nodiscard]] std::string size_text(std::uint64_t bytes);

}  // namespace efface::method

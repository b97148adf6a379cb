// SPDX-License-Identifier: Apache-2.0
// One engine for every run: preflight, identify, guard, plan, permit, announce, work, judge,
// certify. What is erased, and how, is its work: one target, or the volumes of a project.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/job/context.hpp"
#include "efface/job/objection.hpp"
#include "efface/job/run_result.hpp"
#include "efface/mandate/authorization.hpp"
#include "efface/mandate/terms.hpp"

#include "certified_run.hpp"
#include "host/forward_clock.hpp"
#include "preflight.hpp"

namespace efface::job {

/// What stands today where a job has ended well.
struct Standing {
    enum class State {
        as_left,      ///< it is as the job left it
        begins_anew,  ///< its order holds for what is there now, too: memory
        is_other,     ///< another thing, or something was written since
    };
    State state = State::as_left;
    Reason reason;  ///< of is_other
};

/// What the engine asks of a work while it goes on.
class RunNotes {
  public:
    virtual ~RunNotes() = default;
    /// Called before the first byte of the storage may change; durable when it returns. Safe from
    /// several threads.
    virtual void work_begins() = 0;
    /// The guard refused while nothing had been changed: the run ends here. Throws `error`.
    [[noreturn]] virtual void refuse(const Error& error) = 0;
    [[nodiscard]] virtual const std::string& job_id() const = 0;
    [[nodiscard]] virtual const Journal& journal() const = 0;
    [[nodiscard]] virtual const RunState& state() const = 0;
};

/// The part of a run that differs from storage to storage. The engine calls it from one thread, in
/// the order of its members.
class Work {
  public:
    virtual ~Work() = default;

    [[nodiscard]] virtual const char* kind() const = 0;     ///< "target", "project"
    [[nodiscard]] virtual std::string name() const = 0;     ///< for people and events
    [[nodiscard]] virtual std::string subject() const = 0;  ///< part of the bundle's name
    [[nodiscard]] virtual RunNeeds needs() const = 0;
    /// What the order or manifest says; nullptr where a person types.
    [[nodiscard]] virtual const mandate::Terms* terms() const = 0;
    /// SHA-256 in hex of that document; empty where a person types.
    [[nodiscard]] virtual std::string document_sha256() const = 0;
    /// Whether that document is carried out once on this storage, for ever.
    [[nodiscard]] virtual bool is_done_once() const = 0;

    // Which job it is.
    /// Its id, where that follows from what was asked; nullopt where a job is new each time.
    [[nodiscard]] virtual std::optional<std::string> known_job() = 0;
    /// The job itself was asked for, whatever is at its target.
    [[nodiscard]] virtual bool asked_by_job() const { return false; }
    /// The id of a job that begins now.
    [[nodiscard]] virtual std::string new_job() = 0;
    /// The identity that the job in this folder began with; nullopt when there is no such job.
    [[nodiscard]] virtual std::optional<Json> identity_in(const std::filesystem::path& folder) = 0;
    /// Takes over what an earlier process kept in this folder. Not called for a job of another
    /// version of the program.
    virtual void load(const std::filesystem::path& folder, const RunState& run) = 0;
    /// When what was loaded was kept: no date in it is later.
    [[nodiscard]] virtual WallTime kept_at() const = 0;
    /// Whether an open job, by its folder, is one that was typed before for what is asked now.
    /// Throws Error for a damaged one.
    [[nodiscard]] virtual bool is_same_request(const std::filesystem::path& /*folder*/) const {
        return false;
    }

    // A job that begins.
    /// Looks at everything and changes nothing: the reasons not to begin.
    [[nodiscard]] virtual std::vector<Objection> look() = 0;
    [[nodiscard]] virtual Json identity() const = 0;       ///< as the look found it
    [[nodiscard]] virtual std::string digest() const = 0;  ///< of the plan
    /// Of a job that goes on: as a plan of it would have it now.
    [[nodiscard]] virtual std::string digest_now() { return digest(); }
    [[nodiscard]] virtual mandate::Authorization authorize() const = 0;
    /// What can only be looked at with the permission: reasons not to begin.
    [[nodiscard]] virtual std::vector<Objection> look_permitted() { return {}; }
    [[nodiscard]] virtual Json accepted() const = 0;  ///< fields of that event
    /// Draws keys and seeds.
    virtual void begin() = 0;
    virtual void save(const Journal& journal) = 0;

    // A job that goes on, or is looked at after its end.
    [[nodiscard]] virtual Standing standing() = 0;
    /// For a plan, as come_back() looks: reasons not to go on with what was loaded.
    [[nodiscard]] virtual std::vector<Objection> look_again() = 0;
    /// Before anything is done again: it is the same storage, and nothing speaks against it.
    /// Throws Error(safety) and others.
    virtual void come_back(const CertifiedRun& run) = 0;
    /// Makes ready for another attempt after one that ended without success or was refused.
    virtual void begin_again(const CertifiedRun& run) = 0;

    // What it does.
    [[nodiscard]] virtual Json intent() const = 0;  ///< fields of the entry
    /// Erases and verifies; its outcome is in the journal when this returns. `resumed`: an earlier
    /// process or attempt may have written. Throws Error(interrupted) when it is stopped.
    virtual void carry_out(RunNotes& notes, bool resumed, const std::stop_token& stop) = 0;
    /// The worst of it, as the work itself says; nullopt until there is one.
    [[nodiscard]] virtual std::optional<method::Verdict> verdict() const = 0;
    [[nodiscard]] virtual CertifiedRun::Content certificate(const CertifiedRun& run,
                                                            WallTime now) const = 0;
    /// The same as it would be if everything that has no outcome yet failed now.
    [[nodiscard]] virtual CertifiedRun::Content trial(const CertifiedRun& run,
                                                      WallTime now) const = 0;
    /// The predicate as it is signed, where the judge allows less than was claimed.
    virtual void take_lowered(const CertifiedRun& run, const Json& predicate) = 0;
    /// Adds what people are told of it: reasons, exceptions, volumes.
    virtual void describe(RunResult& result) const = 0;
};

struct RunOrders {
    /// When not empty: the plan must still have this digest.
    std::string expected_plan_digest;
};

/// Never throws an Error: what failed is in the result.
[[nodiscard]] RunResult run(ForwardContext& context, Work& work, const RunOrders& orders,
                            const std::stop_token& stop);

}  // namespace efface::job

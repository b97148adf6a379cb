// SPDX-License-Identifier: Apache-2.0
#include "run.hpp"

#include <fmt/format.h>

#include "engine.hpp"
#include "journal/earlier_job.hpp"
#include "journal/earlier_runs.hpp"

namespace efface::job {

using method::Verdict;

void Run::work_begins() {
    const std::lock_guard lock(beginning_);
    run_->work_begins();
}

void Run::refuse(const Error& error) {
    run_->refuse(error);
    throw error;
}

/// Until the verdict is known: what fails has none.
void Run::without_verdict(const std::function<void()>& step) {
    try {
        step();
    } catch (const Error& error) {
        if (error.code() == ErrorCode::evidence) {  // of the log; there is no verdict yet
            throw Error(ErrorCode::internal, ReasonCode::log_damaged, error.what(), error.hint());
        }
        if (error.reason() == ReasonCode::journal_damaged && known_) {
            throw damaged_job(work_, *known_, error);
        }
        if (error.code() == ErrorCode::not_sanitized) {  // that is said of a verdict alone
            throw Error(ErrorCode::internal, error.reason(), error.what(), error.hint());
        }
        throw;
    }
}

void Run::proceed() {
    without_verdict([&] { work(); });
    deliver();
    if (delivered_late()) {
        without_verdict([&] {
            run_.reset();
            station_.emplace(preflight(context_, work_.needs()));  // the log has grown
            begin_anew();
            carry_out();
        });
        deliver();
    }
}

void Run::work() {
    known_ = work_.known_job();
    station_.emplace(preflight(context_, work_.needs()));
    clock_.go_on_from(last_entry_at(station_->log));
    if (known_) {
        context_.events.set_job(*known_);
        refuse_unknown();
        known_journal_.emplace(context_.state.jobs(), *known_);  // who comes second waits outside
    }
    if (known_ && open(*known_)) {
        if (run_->state().ended_well()) {
            done_before();
        } else {
            go_on();
        }
    } else {
        begin();
    }
    if (!done_before_) {
        carry_out();
    }
}

void Run::carry_out() {
    if (run_->state().phase == Phase::announcing) {
        check_terms();  // who was asked may have taken long
        run_->journal().reserve(work_.needs().state_bytes);
        run_->announce(work_.intent());
    }
    if (run_->state().phase == Phase::running) {
        if (from_journal_ && !work_.verdict()) {
            run_->try_record(work_.trial(*run_, context_.clock.now()));
        }
        work_.carry_out(*this, resumed_, stop_);
    }
}

std::optional<Verdict> Run::verdict() const {
    const auto& said = run_->state().verdict;
    return said.empty() ? work_.verdict() : method::verdict_from_string(said);
}

/// From here on the verdict is known: what fails now is the evidence's delivery.
void Run::deliver() {
    has_verdict_ = true;
    try {
        if (run_->state().phase == Phase::running) {
            run_->work_ended();
        }
        run_->deliver([&](WallTime now) { return work_.certificate(*run_, now); },
                      [&](const Json& predicate) { work_.take_lowered(*run_, predicate); });
        run_->check_delivered();
        tell_result();
        context_.events.emit("evidence",
                             ObjectWriter()
                                 .add("bundle", run_->bundle_path().string())
                                 .add("certificate_sha256", run_->state().certificate_sha256)
                                 .take());
    } catch (const std::exception& failure) {
        const auto* error = dynamic_cast<const Error*>(&failure);
        const auto ended = verdict();
        tell_result();
        throw Error(ended && is_success(*ended) ? ErrorCode::evidence : ErrorCode::not_sanitized,
                    error == nullptr ? ReasonCode::evidence_failed : error->reason(),
                    fmt::format("{}: {}, but the evidence could not be delivered: {}", work_.name(),
                                ended ? method::to_string(*ended) : "ended", failure.what()),
                    error == nullptr || error->hint().empty()
                        ? "fix the cause and run the same command again: nothing is erased twice"
                        : error->hint());
    }
}

void Run::tell_result() const {
    const auto ended = verdict();
    if (!ended) {
        return;
    }
    context_.events.emit("result", ObjectWriter()
                                       .add("status", method::to_string(*ended))
                                       .add("level", run_->state().level)
                                       .add("changed", changed())
                                       .take());
}

bool Run::changed() const {
    return !ended_before_ && run_->state().work_began;
}

RunResult Run::result() const {
    RunResult result;
    result.name = work_.name();
    result.done_before = done_before_;
    if (!run_) {
        result.changed = known_ && may_have_changed(context_.state.jobs() / *known_);
        return result;
    }
    const auto& state = run_->state();
    result.job_id = run_->job_id();
    result.run_id = state.run_id;
    result.changed = changed();
    if (!has_verdict_ || run_->refused() || (ended_before_ && !done_before_)) {
        return result;
    }
    result.verdict = verdict();
    result.level = method::level_from_string(state.level).value_or(method::Level::none);
    result.completed_at = state.completed_at;
    work_.describe(result);
    if (state.phase == Phase::done) {
        result.bundle = run_->bundle_path();
        result.certificate_sha256 = state.certificate_sha256;
    }
    return result;
}

RunResult Run::to_its_end() {
    std::optional<Error> failure;
    try {
        proceed();
    } catch (const Error& error) {
        failure = error;
    } catch (const std::bad_alloc&) {
        failure = Error(ErrorCode::internal, ReasonCode::no_memory, work_.name() + ": no memory");
    } catch (const std::exception& error) {
        failure = Error(ErrorCode::internal, error.what());
    }
    auto ended = result();
    ended.error = std::move(failure);
    if (ended.error) {
        emit_failure(context_.events, work_.name(), *ended.error, ended.changed);
    }
    return ended;
}

int RunResult::exit_code() const noexcept {
    if (error) {
        return static_cast<int>(error->code());
    }
    return verdict ? exit_code_of(*verdict) : static_cast<int>(ErrorCode::internal);
}

RunResult run(ForwardContext& context, Work& work, const RunOrders& orders,
              const std::stop_token& stop) {
    return Run(context, work, orders, stop).to_its_end();
}

}  // namespace efface::job

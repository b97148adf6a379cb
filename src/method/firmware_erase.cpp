// SPDX-License-Identifier: Apache-2.0
#include "efface/method/firmware_erase.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "canaries.hpp"
#include "firmware_record.hpp"

namespace efface::method {

namespace {

constexpr double kPollGrowth = 1.5;
/// A share of the estimate: a drive that needs an hour is asked every half minute.
constexpr int kPollsPerEstimate = 100;
/// How often an answer that proves nothing is asked for again before it is believed.
constexpr unsigned kUnknownAnswersMax = 5;

}  // namespace

/// One process's work on the drive.
class FirmwareErase::Attempt final {
  public:
    Attempt(FirmwareErase& erase, ProgressSink& progress, const std::stop_token& stop)
        : task_(erase.task_),
          state_(erase.state_),
          hooks_(erase.hooks_),
          clock_(erase.clock_),
          progress_(progress),
          stop_(stop) {}

    Outcome run();

  private:
    bool look_first();
    bool adopt();
    void open_hidden_areas();
    void mark();
    bool start();
    bool watch();
    void check(MarksReport& report);
    void clean_up();
    bool same_drive();
    void remake_operation();
    [[nodiscard]] bool give_up(const OperationState& now);
    [[nodiscard]] std::chrono::milliseconds next_pause(std::chrono::milliseconds last) const;
    void look_at_marks(bool by_command);
    void conclude(const MarksReport& report);
    void fail(Verdict verdict, const std::string& reason) {
        const bool first = outcome_.verdict == Verdict::not_sanitized && outcome_.reasons.empty();
        outcome_.verdict = first ? verdict : worst(outcome_.verdict, verdict);
        outcome_.reasons.push_back(reason);
    }
    void keep(FirmwareState::Step step) {
        state_.step = step;
        hooks_.save(state_);
    }
    [[nodiscard]] std::string now() const { return to_rfc3339(clock_.now()); }
    void observe(const char* what, Json raw) {
        outcome_.observations.push_back({now(), what, std::move(raw)});
    }

    const FirmwareTask& task_;
    FirmwareState& state_;
    FirmwareHooks& hooks_;
    const Clock& clock_;
    ProgressSink& progress_;
    const std::stop_token& stop_;

    Outcome outcome_;
    OperationMemory memory_;
    std::unique_ptr<FirmwareOperation> operation_;
    DriveSurvey survey_;
    std::optional<std::chrono::seconds> estimate_;
    OperationState final_;
    std::string clean_up_result_ = "not needed";
    std::uint64_t steps_reported_ = 0;
    // While watching.
    SteadyTime watching_since_{};
    SteadyTime last_answer_{};
    SteadyTime last_movement_{};
    std::optional<double> last_progress_;
    unsigned unknown_answers_ = 0;
    std::vector<MarksSeen> verified_;  ///< in the drive's own media verification
};

/// Who is this, and is it the drive that this job began with?
bool FirmwareErase::Attempt::look_first() {
    survey_ = hooks_.commands().survey();
    if (!survey_.error.empty()) {
        fail(Verdict::indeterminate, "the drive does not answer: " + survey_.error);
        return false;
    }
    if (state_.model.empty() && state_.serial.empty()) {
        state_.model = survey_.model;
        state_.serial = survey_.serial;
        state_.wwn = survey_.wwn;
        state_.firmware = survey_.firmware;
    } else if (!same_drive()) {
        fail(Verdict::not_sanitized,
             fmt::format("this is {} {}, the job began with {} {}", survey_.model, survey_.serial,
                         state_.model, state_.serial));
        return false;
    }
    const auto technique =
        std::find_if(survey_.techniques.begin(), survey_.techniques.end(),
                     [&](const TechniqueFacts& facts) { return facts.name == task_.technique; });
    if (technique == survey_.techniques.end()) {
        fail(Verdict::not_sanitized, "the drive has no " + task_.technique);
        return false;
    }
    estimate_ = technique->estimate;
    // What one technique of a set reaches, another may not.
    if (const auto& facts = technique->facts; facts.contains("hiddenAreasNotCovered")) {
        const auto not_covered = facts.at("hiddenAreasNotCovered").get<std::vector<std::string>>();
        for (auto& area : survey_.hidden_areas) {
            area.covered = area.covered && std::find(not_covered.begin(), not_covered.end(),
                                                     area.kind) == not_covered.end();
        }
    }
    const bool begun = state_.step > FirmwareState::Step::start;
    if (technique->objection && !begun && state_.memory.empty()) {
        fail(Verdict::not_sanitized, *technique->objection);
        return false;
    }
    if (state_.step == FirmwareState::Step::open && state_.status_before.empty()) {
        state_.status_before = pages_json(survey_.pages);
    }
    return true;
}

bool FirmwareErase::Attempt::same_drive() {
    return survey_.error.empty() && survey_.model == state_.model &&
           survey_.serial == state_.serial && survey_.wwn == state_.wwn;
}

void FirmwareErase::Attempt::remake_operation() {
    operation_ = hooks_.commands().make(task_.technique, memory_);
    EFFACE_ASSERT(operation_ != nullptr);
}

/// An erasure that somebody else began can only be watched: there is no writing beside it. False
/// when it is another technique than the one that was asked for.
bool FirmwareErase::Attempt::adopt() {
    const auto running = hooks_.commands().state();
    if (running.phase != Phase::running && running.phase != Phase::verifying) {
        return true;
    }
    observe("an erasure was found running", state_json(running));
    if (!running.technique.empty() && running.technique != task_.technique) {
        fail(Verdict::not_sanitized,
             fmt::format("the drive is carrying out {}, which nothing can stop: wait for its end, "
                         "or adopt it with --technique {}",
                         running.technique, running.technique));
        return false;
    }
    state_.adopted = true;
    state_.adopted_named = !running.technique.empty();
    state_.saw_running = true;
    state_.started_at = now();
    keep(FirmwareState::Step::run);
    return true;
}

void FirmwareErase::Attempt::open_hidden_areas() {
    if (state_.sizes_before.empty()) {
        for (const auto& surface : hooks_.surfaces()) {
            state_.sizes_before.push_back(surface.storage->size_bytes());
        }
        for (const auto& area : survey_.hidden_areas) {
            state_.hidden_areas.push_back(hidden_area_json(area));
        }
        keep(FirmwareState::Step::open);
    }
    note_vanished(state_.hidden_areas, survey_.hidden_areas);
    const bool anything =
        std::any_of(survey_.hidden_areas.begin(), survey_.hidden_areas.end(),
                    [](const HiddenArea& area) { return area.can_be_opened && !area.covered; });
    if (anything || !state_.power_cycles.empty()) {
        progress_.phase("opening hidden areas");
        const auto opened = hooks_.commands().open_hidden_areas(memory_);
        add_commands(state_.commands, opened.commands, now());
        note_opened(state_.hidden_areas, opened);
        if (opened.power_cycle_needed) {
            state_.power_cycles.push_back({{"at", now()}, {"why", opened.next_step}});
            keep(FirmwareState::Step::open);
            throw Error(ErrorCode::interrupted,
                        "the drive must be switched off and on: " + opened.next_step,
                        "afterwards `efface resume` goes on with this job");
        }
        keep(FirmwareState::Step::open);
        if (!opened.opened.empty() && !hooks_.reattach()) {
            fail(Verdict::indeterminate, "the drive is gone since its hidden areas were opened");
            return;
        }
    }
    keep(FirmwareState::Step::mark);
}

void FirmwareErase::Attempt::mark() {
    state_.marks.clear();
    progress_.phase("placing canaries");
    const auto surfaces = hooks_.surfaces();
    for (std::size_t i = 0; i < surfaces.size() && !stop_.stop_requested(); ++i) {
        const std::uint64_t before = i < state_.sizes_before.size() ? state_.sizes_before[i] : 0;
        auto marks = task_.canaries ? mark_surface(surfaces[i], before, state_.seed)
                                    : SurfaceMarks{surfaces[i].name, {}, {}, {}, {}, {}};
        observe("canaries placed", {{"surface", marks.name},
                                    {"placed", marks.canaries.size()},
                                    {"refused", marks.refused},
                                    {"samples", marks.samples.size()}});
        state_.marks.push_back(std::move(marks));
    }
    if (!stop_.stop_requested()) {
        keep(FirmwareState::Step::start);
    }
}

bool FirmwareErase::Attempt::start() {
    remake_operation();
    state_.started_at = now();
    keep(FirmwareState::Step::start);
    progress_.phase("starting " + task_.technique);
    const auto answer = operation_->start();
    add_commands(state_.commands, answer.commands, now());
    observe("start", {{"answer", to_string(answer.start)},
                      {"detail", answer.detail},
                      {"commands", sent_json(answer.commands, now())}});
    if (answer.start == Start::refused) {
        hooks_.save(state_);
        fail(Verdict::not_sanitized, "the drive refused: " + answer.detail);
        clean_up();
        return false;
    }
    keep(FirmwareState::Step::run);
    return true;
}

std::chrono::milliseconds FirmwareErase::Attempt::next_pause(std::chrono::milliseconds last) const {
    const auto longest = estimate_ ? std::clamp<std::chrono::milliseconds>(
                                         *estimate_ / kPollsPerEstimate, 4 * kPollMin, kPollMax)
                                   : kPollMax;
    const auto grown = std::chrono::milliseconds(
        static_cast<std::int64_t>(static_cast<double>(last.count()) * kPollGrowth));
    return std::clamp(grown, kPollMin, longest);
}

/// True when there is no more to wait for although the drive has not come to an end.
bool FirmwareErase::Attempt::give_up(const OperationState& now_state) {
    const auto now_at = clock_.steady_now();
    if (now_state.phase == Phase::unknown) {
        const bool told = ++unknown_answers_ >= kUnknownAnswersMax && !now_state.pages.empty();
        if (told || now_at - last_answer_ > kSilenceMax) {
            fail(Verdict::indeterminate, "nobody can know how it ended: " + now_state.detail);
            return true;
        }
        (void)hooks_.reattach();
        remake_operation();  // of whatever is there now: the one before is gone
        return false;
    }
    unknown_answers_ = 0;
    last_answer_ = now_at;
    if (now_state.progress != last_progress_) {
        last_progress_ = now_state.progress;
        last_movement_ = now_at;
    }
    const auto patience = std::max<SteadyTime::duration>(
        kStandstillMax, estimate_ ? SteadyTime::duration(*estimate_ * 2) : kStandstillMax);
    if (now_at - last_movement_ > patience) {
        fail(Verdict::indeterminate,
             "its progress has not moved for too long; the drive may still be at it");
        return true;
    }
    const auto& limits = task_.limits;
    if (limits.deadline.count() > 0 && now_at - watching_since_ > limits.deadline &&
        limits.when_late == Then::stop) {
        state_.limit_events.push_back({{"at", now()}, {"limit", "deadline"}, {"then", "stop"}});
        fail(Verdict::indeterminate,
             "the deadline passed; the drive can not be stopped and may still be at it");
        return true;
    }
    return false;
}

/// True when the drive has come to an end and says success; final_ is what it said last.
bool FirmwareErase::Attempt::watch() {
    progress_.phase(state_.adopted ? "watching an erasure that was running" : "the drive erases");
    watching_since_ = last_answer_ = last_movement_ = clock_.steady_now();
    std::chrono::milliseconds pause{0};
    for (;;) {
        final_ = operation_->state();
        ++state_.polls;
        if (final_.phase == Phase::running) {
            state_.saw_running = true;
            const auto share = std::clamp(final_.progress.value_or(0.0), 0.0, 1.0);
            const auto steps = static_cast<std::uint64_t>(share * kProgressSteps);
            progress_.advance(steps > steps_reported_ ? steps - steps_reported_ : 0);
            steps_reported_ = std::max(steps_reported_, steps);
        } else if (final_.phase == Phase::verifying) {
            look_at_marks(true);
            if (!operation_->leave_verification()) {
                fail(Verdict::indeterminate, "the drive does not leave media verification");
                return false;
            }
        } else if (final_.phase != Phase::unknown) {
            break;
        }
        if (give_up(final_)) {
            hooks_.save(state_);
            return false;
        }
        pause = next_pause(pause);
        if (!hooks_.wait(pause)) {
            hooks_.save(state_);  // the drive goes on; a later process asks it
            fail(Verdict::not_sanitized, "stopped while the drive was erasing");
            return false;
        }
    }
    observe("final state", state_json(final_));
    state_.completed_at = now();
    if (final_.phase == Phase::succeeded) {
        progress_.advance(kProgressSteps - steps_reported_);
        return true;
    }
    fail(final_.phase == Phase::failed ? Verdict::not_sanitized : Verdict::indeterminate,
         fmt::format("the drive {}: {}",
                     final_.phase == Phase::failed ? "says that it failed"
                                                   : "no longer says what became of it",
                     final_.detail));
    return false;
}

void FirmwareErase::Attempt::clean_up() {
    std::vector<SentCommand> commands;
    if (operation_ == nullptr) {
        remake_operation();
    }
    const auto problem = operation_->clean_up(commands);
    add_commands(state_.commands, commands, now());
    clean_up_result_ = problem ? *problem : commands.empty() ? "not needed" : "ok";
    if (problem) {
        fail(Verdict::not_sanitized, "the drive was not left fit for use: " + *problem);
    }
    hooks_.save(state_);
}

/// Reads the marks: through the block layer, or (media verification) by command alone.
void FirmwareErase::Attempt::look_at_marks(bool by_command) {
    std::vector<MarksSeen> seen;
    const auto surfaces = by_command ? std::vector<Surface>{} : hooks_.surfaces();
    auto& commands = hooks_.commands();
    for (const auto& marks : state_.marks) {
        const auto surface =
            std::find_if(surfaces.begin(), surfaces.end(),
                         [&](const Surface& one) { return one.name == marks.name; });
        const PlaceReader read = [&](std::uint64_t offset, MutableByteView into) {
            const bool fits =
                surface != surfaces.end() && offset + into.size() <= surface->storage->size_bytes();
            if (fits && surface->storage->read_at(offset, into).complete(into.size())) {
                return ReadStatus{true, true, "read"};
            }
            return commands.read_status(marks.name, offset, into);
        };
        const auto promise = by_command ? Promise{} : operation_->promise();
        seen.push_back(look_for(marks, state_.seed, promise, read));
    }
    verified_.insert(verified_.end(), std::make_move_iterator(seen.begin()),
                     std::make_move_iterator(seen.end()));
}

/// After the drive's own word: the same drive, and nothing left where we look.
void FirmwareErase::Attempt::check(MarksReport& report) {
    progress_.phase("looking for what was there");
    report.identity = "not read";
    if (!hooks_.reattach()) {
        fail(Verdict::indeterminate, "the drive is gone since it finished");
        return;
    }
    remake_operation();
    survey_ = hooks_.commands().survey();
    if (!survey_.error.empty()) {
        fail(Verdict::indeterminate, "the drive does not answer any more: " + survey_.error);
        return;
    }
    report.identity = same_drive() ? "same" : "different";
    if (!same_drive()) {
        fail(Verdict::indeterminate,
             fmt::format("another drive answers now: {} {}", survey_.model, survey_.serial));
        return;
    }
    if (!task_.canaries) {
        fail(Verdict::indeterminate, "finished, not verified: no canaries were placed");
        return;
    }
    look_at_marks(false);
    report.performed = true;
    judge_marks(state_, verified_, outcome_, report);
}

Outcome FirmwareErase::Attempt::run() {
    outcome_.record = Json::object();
    memory_.kept = state_.memory;
    memory_.save = [this] {
        state_.memory = memory_.kept;
        hooks_.save(state_);
    };
    MarksReport report;
    using Step = FirmwareState::Step;
    if (look_first() && (state_.step != Step::open || adopt())) {
        if (state_.step == Step::open) {
            open_hidden_areas();
        }
        if (state_.step == Step::mark && outcome_.reasons.empty()) {
            mark();
        }
        // A process that died before the answer came: the drive may be at it already.
        if (state_.step == Step::start && outcome_.reasons.empty() && !stop_.stop_requested()) {
            const auto now_state = hooks_.commands().state();
            const bool runs = !state_.started_at.empty() && now_state.phase == Phase::running;
            if (runs) {
                keep(Step::run);
            } else {
                (void)start();
            }
        }
        if (state_.step == Step::run && outcome_.reasons.empty()) {
            remake_operation();
            const bool success = watch();
            if (!stop_.stop_requested()) {
                clean_up();
            }
            if (success && outcome_.reasons.empty()) {
                keep(Step::check);
            }
        } else if (state_.step == Step::check) {
            remake_operation();
            final_ = operation_->state();
            if (final_.phase != Phase::succeeded) {
                fail(Verdict::indeterminate, "the drive's final state is not to be had any more");
            }
            clean_up();
        }
        if (state_.step == Step::check && outcome_.reasons.empty()) {
            outcome_.verdict = Verdict::sanitized;  // lowered by whatever is seen from here on
            check(report);
        }
    }
    conclude(report);
    return std::move(outcome_);
}

void FirmwareErase::Attempt::conclude(const MarksReport& report) {
    state_.memory = memory_.kept;
    if (state_.adopted && outcome_.verdict == Verdict::sanitized) {
        outcome_.exceptions.push_back(
            std::string("the erasure ran already when we came: no canaries were placed before it, "
                        "its success is the drive's word") +
            (state_.adopted_named ? "" : "; the drive does not say which technique it was"));
    }
    except_hidden_areas(state_.hidden_areas, outcome_);
    if (outcome_.verdict == Verdict::sanitized && !outcome_.exceptions.empty()) {
        outcome_.verdict = Verdict::sanitized_with_exceptions;
    }
    outcome_.record["operation"] =
        operation_record(state_, hooks_.commands().name(), estimate_, final_, clean_up_result_);
    outcome_.record["engine"] = "drive";
    outcome_.record["engineNote"] =
        "the drive erases itself; what it said and what was seen "
        "afterwards stand apart";
    outcome_.record["statusBefore"] = state_.status_before;
    auto after = survey_.pages;
    after.insert(after.end(), final_.pages.begin(), final_.pages.end());
    outcome_.record["statusAfter"] = pages_json(after);
    outcome_.record["hiddenAreas"] = state_.hidden_areas;
    outcome_.record["drive"] = drive_record(state_, hooks_.commands().name(), survey_);
    outcome_.record["verification"] = verification_record(state_, report);
    outcome_.record["limits"] = to_json(task_.limits);
    outcome_.record["limits"]["events"] = state_.limit_events;
}

FirmwareErase::FirmwareErase(const FirmwareTask& task, FirmwareState& state, FirmwareHooks hooks,
                             const Clock& clock)
    : task_(task), state_(state), hooks_(std::move(hooks)), clock_(clock) {
    EFFACE_ASSERT(state.seed.size() == kCanarySeedBytes);
}

Outcome FirmwareErase::run(Clearance clearance, ProgressSink& progress, std::stop_token stop) {
    EFFACE_ASSERT(clearance.path() == task_.path);
    return Attempt(*this, progress, stop).run();
}

}  // namespace efface::method

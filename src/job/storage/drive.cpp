// SPDX-License-Identifier: Apache-2.0
// Drives that erase themselves.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <condition_variable>
#include <map>
#include <mutex>

#include "efface/job/guard.hpp"
#include "efface/method/drive/erase.hpp"
#include "efface/policy/health.hpp"

#include "drive/access.hpp"
#include "drive/behind.hpp"
#include "drive/find_drive.hpp"
#include "drive/hold.hpp"
#include "drive/scaled.hpp"
#include "target_storage.hpp"
#include "work/target/plan.hpp"

namespace efface::job {

namespace {

class DriveStorage final : public TargetStorage {
  public:
    DriveStorage(RunContext& context, std::string path, const mandate::ErasureChoice& choice,
                 std::optional<DriveLook> look)
        : context_(context),
          path_(std::move(path)),
          choice_(choice),
          look_(std::move(look)),
          credential_(credential_of(choice)) {}

    void going_on(const Json& state) override {
        const auto firmware = method::erase_state_from_json(state);
        begun_ = firmware.step > method::EraseState::Step::mark || !firmware.memory.empty();
    }
    TargetPlan survey() override;
    Json begin(Random& random) override;
    Json begin_instead(Random& random, const Json& before) override;
    /// A password that could not be taken back is still in the memory of the earlier attempt.
    Json begin_again(Random& random, const Json& before, const Json& outcome) override {
        auto state = begin(random);
        if (unfinished(outcome)) {
            state["memory"] = before.at("memory");
        }
        return state;
    }
    [[nodiscard]] Json interrupted_record(const TargetPlan& plan, const Json& state) const override;
    [[nodiscard]] bool unfinished(const Json& outcome) const override {
        if (!outcome.is_object()) {
            return true;  // it was cut short and closed as lost: nobody has looked
        }
        const auto reasons = reasons_from_json(outcome.at("reasons"));
        return std::any_of(reasons.begin(), reasons.end(), [](const Reason& reason) {
            return reason.code == ReasonCode::drive_left_behind;
        });
    }
    method::Outcome erase(const TargetPlan& plan, const Json& state, const SaveState& save,
                          ProgressSink& progress, const std::stop_token& stop) override;
    [[nodiscard]] std::uint64_t bytes_left(const TargetPlan& plan, const Json& state) override {
        (void)state;
        return plan.size_bytes;
    }
    [[nodiscard]] Standing as_left(const TargetState& state) override {
        return medium_as_left(context_.host, state);
    }
    [[nodiscard]] std::vector<SurfaceSample> sample() override {
        return sample_drive(context_.host, path_);
    }
    Json identity_now() override { return inventory::to_json(context_.host.identify(path_)); }
    /// Its size may be another: hidden areas were opened.
    [[nodiscard]] std::optional<Reason> other_now(const TargetPlan& plan,
                                                  const Json& now) const override {
        return another_target(plan.found.at("identity"), now, {"kind"});
    }
    std::optional<int> celsius() override {
        return identity_ ? context_.host.celsius(*identity_) : std::nullopt;
    }

  private:
    [[nodiscard]] DriveLook look();
    void object_to_use(TargetPlan& plan, const DriveLook& look);
    void object_to_choice(TargetPlan& plan, const DriveSurveys& surveys,
                          const ChosenTechnique& chosen) const;
    void add_technique(TargetPlan& plan, const DriveSurveys& surveys,
                       const ChosenTechnique& chosen);
    static void add_end(TargetPlan& plan, const std::vector<method::HiddenArea>& areas);
    [[nodiscard]] Moment moment() const { return readable_ ? Moment::now : Moment::now_unread; }
    [[nodiscard]] method::EraseTask task_of(const TargetPlan& plan) const;
    [[nodiscard]] bool canaries() const {
        return choice_.verification != mandate::Verification::none;
    }

    RunContext& context_;
    std::string path_;
    mandate::ErasureChoice choice_;
    std::optional<DriveLook> look_;  ///< for the next survey
    method::TcgCredential credential_;
    bool begun_ = false;    ///< an earlier process may have started the technique
    bool readable_ = true;  ///< as the last survey found it
    Json health_;           ///< likewise; null: not reported
    std::optional<inventory::Identity> identity_;
};

Bytes fresh_seed(Random& random) {
    Bytes seed(method::kCanarySeedBytes);
    random.fill(seed);
    return seed;
}

/// Of the set that has the technique: what another set would reach says nothing.
std::vector<method::HiddenArea> hidden_areas_for(const DriveSurveys& surveys,
                                                 const TechniqueChoice& choice) {
    for (std::size_t i = 0; i < surveys.sets.size(); ++i) {
        if (surveys.sets[i] == choice.technique->command_set) {
            return method::hidden_areas_for(surveys.surveys[i], choice.facts);
        }
    }
    return {};
}

DriveLook DriveStorage::look() {
    if (auto made = std::exchange(look_, std::nullopt)) {
        return *std::move(made);
    }
    return look_and_survey(context_.host, path_, choice_, credential_,
                           begun_ ? choice_.policy : "");
}

TargetPlan DriveStorage::survey() {
    const auto look = this->look();
    identity_ = look.identity;
    const auto& identity = look.identity;
    auto plan = begin_plan(path_, identity);
    plan.policy_version = policy::kFirmwarePolicyVersion;
    plan.choice = to_json(choice_);
    plan.technique = choice_.policy;
    if (!look.surveys) {
        object_to_use(plan, look);
        plan.objections.push_back(
            {without_commands(identity, context_.host.layers_below(identity))});
        return plan;
    }
    const auto& surveys = *look.surveys;
    // Its own state before anything else: who reads the blocks of a drive that erases itself, or
    // hangs, is held until it is over.
    const bool silent = std::any_of(surveys.surveys.begin(), surveys.surveys.end(),
                                    [](const auto& survey) { return !survey.error.empty(); });
    readable_ = !surveys.busy && !silent;
    object_to_use(plan, look);
    for (const auto& survey : surveys.surveys) {
        if (!survey.error.empty()) {
            plan.objections.push_back(
                {{ReasonCode::drive_silent, "the drive does not answer: " + survey.error}});
        }
    }
    const auto odd = odd_sectors(surveys.surveys);
    // After a format that failed a disk may report no size at all.
    const bool untold = identity.size_bytes == 0 && !has_sizes(surveys);
    const bool formats = choice_.sector_bytes != 0 && (odd || untold);
    if (odd && !formats && !begun_) {
        plan.objections.push_back({*odd});
    } else if (!formats && readable_ && !begun_) {  // one that is at it may show no capacity
        object_to_size(plan, identity);
    }
    plan.health = surveys.health.health;
    health_ = method::health_look_json(surveys.health, to_rfc3339(context_.clock.now()));
    if (!begun_) {
        object_to(plan, policy::examine_health(choice_.health, plan.health));
    }
    const auto chosen = choose(surveys, choice_);
    plan.found = ObjectWriter()
                     .add("name", plan.name)
                     .add("kind", plan.kind)
                     .add("identity", inventory::to_json(identity))
                     .add("layersBelow", Json::array())
                     .add("sizeBytes", plan.size_bytes)
                     .add("logicalBlockBytes", identity.logical_block_bytes)
                     .add("hiddenAreas", ObjectWriter()
                                             .add("examined", true)
                                             .add("note", "as reported by the drive")
                                             .add("areas", Json::array())
                                             .take())
                     .take();
    if (formats) {
        auto format = plan_format(surveys, choice_.sector_bytes, chosen.choice);
        object_to(plan, begun_ ? std::vector<Reason>() : std::move(format.objections));
        plan.steps.push_back(std::move(format.step));
    }
    if (chosen.choice != nullptr) {
        add_technique(plan, surveys, chosen);
        add_end(plan, not_shown_areas(look, surveys.surveys));
    } else {
        object_to_choice(plan, surveys, chosen);
    }
    plan.found["notReached"] = plan.not_reached;
    add_identity_risk(plan, identity);
    return plan;
}

void DriveStorage::object_to_use(TargetPlan& plan, const DriveLook& look) {
    const auto ask = [&](const inventory::Identity& identity, const char* as) {
        object_to_uses(plan, context_.host, identity, moment(), as);
    };
    ask(look.identity, "");
    for (const auto& surface : look.surfaces) {
        if (surface.canonical_path != plan.path) {
            ask(surface, "on the same drive: ");
        }
    }
    for (const auto& other : look.drive.other_paths) {
        ask(context_.host.identify(other.path), "by another path: ");
    }
    make_token_unique(plan, context_.host, look.identity, look.drive);
    for (const auto& surface : look.surfaces) {
        if (readable_) {  // else nothing is read
            const auto found = context_.host.contents_of(surface);
            plan.destroys.insert(plan.destroys.end(), found.begin(), found.end());
        }
    }
}

/// Why not what was asked for, and why not one of its fallbacks.
void DriveStorage::object_to_choice(TargetPlan& plan, const DriveSurveys& surveys,
                                    const ChosenTechnique& chosen) const {
    const auto object = [&](const std::vector<Reason>& reasons) {
        for (const auto& reason : reasons) {
            plan.objections.push_back({reason});
        }
    };
    object(chosen.objections);
    for (const auto& name : choice_.fallbacks) {
        auto other = choice_;
        other.policy = name;
        object(choose(surveys, other).objections);
    }
}

void DriveStorage::add_technique(TargetPlan& plan, const DriveSurveys& surveys,
                                 const ChosenTechnique& chosen) {
    const auto& choice = *chosen.choice;
    plan.technique = choice.technique->name;
    plan.policy_digest = policy::firmware_policy_digest(*choice.technique);
    plan.level = choice.level;
    auto found = policy::reasons_of(policy::examine_firmware(choice.policy_facts));
    plan.exceptions = std::move(found.exceptions);
    plan.residual_risks = std::move(found.residual_risks);
    if (!choice.facts.untold.empty()) {
        plan.residual_risks.push_back({ReasonCode::drive_not_told, choice.facts.untold});
    }
    plan.not_reached = choice.facts.not_reached;
    for (auto area : hidden_areas_for(surveys, choice)) {
        area.can_be_opened =
            area.can_be_opened || (area.kind == method::kOddSectors && choice_.sector_bytes != 0);
        plan.found["hiddenAreas"]["areas"].push_back(method::hidden_area_json(area));
        plan.steps.push_back(fmt::format("{} ({}): {}", area.kind, area.detail,
                                         area.covered         ? "the technique reaches it"
                                         : area.can_be_opened ? "opened first"
                                                              : "not reached: " + area.why_not));
    }
    for (const auto& survey : surveys.surveys) {
        plan.residual_risks.insert(plan.residual_risks.end(), survey.residual_risks.begin(),
                                   survey.residual_risks.end());
    }
    if (surveys.busy && !begun_) {
        plan.steps.emplace_back(
            "an erase that someone else started is running: efface watches it to its end and "
            "claims "
            "no level (erase again afterwards for a verified erase); if it has ended by then:");
    }
    plan.steps.emplace_back(canaries() ? "write canaries at recorded places, read samples"
                                       : "write no canaries: the drive will not be called "
                                         "sanitized");
    plan.steps.insert(plan.steps.end(), choice.facts.sends.begin(), choice.facts.sends.end());
    plan.steps.push_back(choice.facts.estimate
                             ? fmt::format("wait until it ends: {} s by the drive's estimate",
                                           choice.facts.estimate->count())
                             : std::string("wait until it ends: the drive gives no estimate"));
    plan.steps.emplace_back(
        "read the final status and the identity of the drive, check the canaries");
    if (choice_.whole_medium) {
        plan.steps.emplace_back(
            "read everything that the host addresses and compare it with what the technique "
            "leaves");
    }
    if (!choice_.fallbacks.empty()) {
        plan.steps.push_back(fmt::format(
            "if the drive refuses the command before anything has started: use {} instead",
            fmt::join(choice_.fallbacks, ", then ")));
    }
}

/// The erase reaches it; that is only claimed where canaries could be placed there.
void DriveStorage::add_end(TargetPlan& plan, const std::vector<method::HiddenArea>& areas) {
    for (const auto& area : areas) {
        plan.found["hiddenAreas"]["areas"].push_back(method::hidden_area_json(area));
        plan.steps.push_back(
            fmt::format("{} ({}): canaries by the drive's own commands, or no level is claimed",
                        area.kind, area.detail));
    }
}

Json DriveStorage::begin(Random& random) {
    method::EraseState state;
    state.seed = fresh_seed(random);
    state.health_before = health_;
    if (choice_.sector_bytes != 0) {
        state.step = method::EraseState::Step::format;
    }
    return method::to_json(state);
}

Json DriveStorage::begin_instead(Random& random, const Json& before) {
    auto state = method::to_json(
        method::state_after_refusal(method::erase_state_from_json(before), fresh_seed(random)));
    state[kSurfaceNames] = before.value(kSurfaceNames, Json::array());
    return state;
}

method::EraseTask DriveStorage::task_of(const TargetPlan& plan) const {
    method::EraseTask task;
    task.path = plan.path;
    task.technique = plan.technique;
    task.canaries = canaries();
    task.whole_medium = choice_.whole_medium;
    task.sector_bytes = choice_.sector_bytes;
    task.limits = choice_.limits;
    return task;
}

Json DriveStorage::interrupted_record(const TargetPlan& plan, const Json& state) const {
    return method::interrupted_record(task_of(plan), method::erase_state_from_json(state),
                                      policy::find_firmware_technique(plan.technique)->command_set);
}

method::Outcome DriveStorage::erase(const TargetPlan& plan, const Json& state,
                                    const SaveState& save, ProgressSink& progress,
                                    const std::stop_token& stop) {
    inventory::Identity held;
    guard::HoldRequest request;
    request.path = plan.path;
    request.moment = moment();
    request.disk_sequence = identity_ ? identity_->disk_sequence : std::nullopt;
    request.recognise = [&](const inventory::Identity& now) -> std::optional<Reason> {
        held = now;
        // Its size may be another: hidden areas were opened.
        return same_drive(target_identity(now), plan.identity)
                   ? std::nullopt
                   : std::optional(
                         Reason{ReasonCode::other_identity, "another device is at this path now"});
    };
    auto cleared = guard::hold(context_.host, request);
    DriveHold hold(context_.host, plan.path, plan.identity, surface_names(state), credential_);
    hold.open(moment(), held, std::move(cleared.target));
    set_cleared();
    const std::string set_name(policy::find_firmware_technique(plan.technique)->command_set);
    const auto task = task_of(plan);
    auto firmware = method::erase_state_from_json(state);
    HeldDriveAccess access(context_, hold, set_name, save, stop);
    Scaled scaled(progress, plan.size_bytes);
    auto outcome = method::erase_drive(task, firmware, access, context_.clock,
                                       std::move(cleared.clearance), scaled, stop);
    outcome.observations.insert(outcome.observations.end(), access.moves().begin(),
                                access.moves().end());
    path_ = hold.path();
    return outcome;
}

}  // namespace

bool wait_or_stop(std::chrono::milliseconds pause, const std::stop_token& stop) {
    std::mutex mutex;
    std::condition_variable_any wake;
    std::unique_lock lock(mutex);
    (void)wake.wait_for(lock, stop, pause, [&] { return stop.stop_requested(); });
    return !stop.stop_requested();
}

std::unique_ptr<TargetStorage> make_drive_storage(RunContext& context, const std::string& path,
                                                  const mandate::ErasureChoice& choice,
                                                  std::optional<DriveLook> look) {
    mandate::check_choice(choice);
    return std::make_unique<DriveStorage>(context, path, choice, std::move(look));
}

}  // namespace efface::job

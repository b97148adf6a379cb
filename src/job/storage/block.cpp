// SPDX-License-Identifier: Apache-2.0
// Block devices and regular files, which are overwritten.
#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/device/zones.hpp"
#include "efface/method/drive/erase.hpp"
#include "efface/method/overwrite.hpp"
#include "efface/policy/health.hpp"
#include "efface/policy/overwrite.hpp"

#include "block_words.hpp"
#include "drive/behind.hpp"
#include "guard/location.hpp"
#include "journal/check.hpp"
#include "target_storage.hpp"
#include "work/target/plan.hpp"

namespace efface::job {

namespace {

constexpr std::size_t kSeedBytes = 32;

/// Shorter when the target is; empty when it can't be read.
Bytes first_sector(device::BlockTarget& target) {
    Bytes sector(
        static_cast<std::size_t>(std::min<std::uint64_t>(target.size_bytes(), kFirstSectorBytes)));
    if (!target.read_at(0, sector).complete(sector.size())) {
        sector.clear();
    }
    return sector;
}

constexpr const char* kNoZones =
    "a host-managed zoned disk, whose zones the kernel does not report (CONFIG_BLK_DEV_ZONED)";

std::vector<device::Zone> zones_of(HeldTarget& target) {
    auto* control = target.zones();
    return control == nullptr ? std::vector<device::Zone>() : control->report();
}

/// A device without serial number and WWID is known by its place and size alone: when work on it
/// goes on, its first sector must be the one that was seen before, or hold one of our patterns.
bool first_sector_belongs(const Bytes& sector, const Json& state,
                          const method::OverwriteState& overwrite) {
    if (sector.empty() || sha256_hex(sector) == state.at("firstSector").get<std::string>()) {
        return true;
    }
    return std::any_of(overwrite.passes.begin(), overwrite.passes.end(), [&](const auto& pass) {
        Bytes expected(sector.size());
        stream::make_source(pass.pattern)->fill(0, expected);
        return !pass.started_at.empty() && expected == sector;
    });
}

class BlockStorage final : public TargetStorage {
  public:
    BlockStorage(RunContext& context, std::string path, const mandate::ErasureChoice& choice,
                 std::optional<DriveLook> look)
        : context_(context),
          path_(std::move(path)),
          choice_(choice),
          policy_(*policy::find_overwrite_policy(choice.policy)),
          look_(std::move(look)) {}

    void going_on(const Json& /*state*/) override { going_on_ = true; }
    TargetPlan survey() override;
    Json begin(Random& random) override;
    method::Outcome erase(const TargetPlan& plan, const Json& state, const SaveState& save,
                          ProgressSink& progress, const std::stop_token& stop) override;
    [[nodiscard]] std::uint64_t bytes_left(const TargetPlan& plan, const Json& state) override;
    [[nodiscard]] Standing as_left(const TargetState& state) override {
        return medium_as_left(context_.host, state);
    }
    [[nodiscard]] std::vector<SurfaceSample> sample() override {
        return sample_medium(context_.host, path_);
    }
    Json identity_now() override { return inventory::to_json(context_.host.identify(path_)); }
    [[nodiscard]] std::optional<Reason> other_now(const TargetPlan& plan,
                                                  const Json& now) const override {
        return another_target(plan.found.at("identity"), now, {"kind", "sizeBytes"});
    }
    std::optional<int> celsius() override {
        return identity_ ? context_.host.celsius(*identity_) : std::nullopt;
    }

  private:
    [[nodiscard]] DriveLook look();
    void examine(TargetPlan& plan, const inventory::Identity& identity);
    void examine_drive(TargetPlan& plan, const DriveLook& look);
    [[nodiscard]] method::OverwriteHooks hooks(HeldTarget& target, const SaveState& save);
    [[nodiscard]] bool uniform() const {
        return policy_.passes.back().kind != policy::PassRule::Kind::random;
    }

    RunContext& context_;
    std::string path_;
    mandate::ErasureChoice choice_;
    const policy::OverwritePolicy& policy_;
    std::optional<DriveLook> look_;                ///< for the next survey
    std::optional<inventory::Identity> identity_;  ///< as surveyed
    Bytes first_sector_;                           ///< of a file, as surveyed
    bool begun_here_ = false;                      ///< this process began the job
    bool going_on_ = false;                        ///< an earlier one did
    Json health_;                                  ///< as surveyed; null: not reported
};

/// Only a disk has a drive, which is not asked for here.
DriveLook BlockStorage::look() {
    if (auto made = std::exchange(look_, std::nullopt)) {
        return *std::move(made);
    }
    DriveLook look;
    look.identity = context_.host.identify(path_);
    if (look.identity.kind == inventory::Kind::disk) {
        look.drive = context_.host.drive_of(look.identity);
    }
    return look;
}

TargetPlan BlockStorage::survey() {
    const auto look = this->look();
    identity_ = look.identity;
    const auto& identity = look.identity;
    auto plan = begin_plan(path_, identity);
    plan.technique = policy_.name;
    plan.choice = to_json(choice_);
    plan.policy_version = policy::kOverwritePolicyVersion;
    plan.policy_digest = policy::overwrite_policy_digest(policy_);
    plan.not_reached = not_reached(identity.kind);
    const std::size_t passes = policy_.passes.size();
    for (std::size_t i = 0; i < passes; ++i) {
        plan.steps.push_back(fmt::format("pass {} of {}: write {}, flush", i + 1, passes,
                                         step_of(policy_.passes[i], choice_.pattern)));
    }
    plan.steps.push_back(step_of(choice_.verification));
    plan.bytes_to_transfer =
        plan.size_bytes * (passes + (choice_.verification == mandate::Verification::none ? 0 : 1));
    object_to_uses(plan, context_.host, identity, Moment::now, "");
    object_to_size(plan, identity);
    if (identity.host_managed_zones) {
        const auto target = context_.host.open(path_, device::Access::read_only);
        if (zones_of(*target).empty()) {
            plan.objections.push_back({{ReasonCode::zoned_disk, kNoZones}});
        }
        plan.steps.insert(plan.steps.begin(),
                          "each zone is reset when it is begun, and written in order");
    }
    plan.destroys = context_.host.contents_of(identity);
    make_token_unique(plan, context_.host, identity, look.drive);
    examine(plan, identity);
    examine_drive(plan, look);
    add_identity_risk(plan, identity);
    return plan;
}

void BlockStorage::examine(TargetPlan& plan, const inventory::Identity& identity) {
    policy::OverwriteFacts facts;
    facts.kind = identity.kind;
    facts.storage.layers = context_.host.layers_below(identity);
    facts.uniform_pattern = uniform();
    facts.verification = choice_.verification;
    Json extents = nullptr;
    if (identity.kind == inventory::Kind::file) {
        object_to_document(plan, context_.state, plan.path);
        const auto file = context_.host.open(plan.path, device::Access::read_only);
        first_sector_ = first_sector(file->storage());
        const auto report = file->extents();
        facts.storage.shared_extents = report.shared_count;
        facts.storage.encoded_extents = report.encoded_count;
        facts.storage.copy_on_write = report.copy_on_write;
        facts.storage.remote = report.remote;
        facts.storage.memory = report.memory;
        object_to_holes(plan, report);
        extents = ObjectWriter()
                      .add("extents", report.extent_count)
                      .add("filesystem", report.filesystem)
                      .add("known", report.supported)
                      .add("shared", report.shared_count)
                      .add("unwritten", report.unwritten_count)
                      .take();
    }
    const auto findings = policy::examine_overwrite(facts);
    plan.level = policy::level_of(findings, method::Level::clear);
    auto reasons = policy::reasons_of(findings);
    object_to(plan, reasons.refusals);
    plan.exceptions = std::move(reasons.exceptions);
    plan.residual_risks = std::move(reasons.residual_risks);
    plan.found = ObjectWriter()
                     .add("name", plan.name)
                     .add("kind", plan.kind)
                     .add("identity", inventory::to_json(identity))
                     .add("layersBelow", inventory::to_json(facts.storage.layers))
                     .add("sizeBytes", plan.size_bytes)
                     .add("logicalBlockBytes", identity.logical_block_bytes)
                     .add("hiddenAreas", no_hidden_areas("not examined"))
                     .add("notReached", plan.not_reached)
                     .add("facts", std::move(extents))
                     .take();
}

/// A bus that shows less than the drive has: whoever attaches it elsewhere reads the rest.
void BlockStorage::examine_drive(TargetPlan& plan, const DriveLook& look) {
    const auto behind = look_behind(context_.host, look);
    plan.health = behind.health.health;
    health_ = method::health_look_json(behind.health, to_rfc3339(context_.clock.now()));
    if (!going_on_) {
        object_to(plan, policy::examine_health(choice_.health, plan.health));
    }
    if (behind.odd_sectors) {
        plan.objections.push_back({*behind.odd_sectors});
    }
    Json areas = Json::array();
    for (const auto& area : behind.areas) {
        plan.exceptions.push_back(
            {ReasonCode::hidden_area, fmt::format("not overwritten: {}: {}; attach the drive where "
                                                  "all of it is visible, or have it erase itself",
                                                  printable(area.detail), area.why_not)});
        plan.level = method::Level::none;
        areas.push_back(method::hidden_area_json(area));
    }
    if (!areas.empty()) {
        plan.found["hiddenAreas"] =
            ObjectWriter()
                .add("examined", true)
                .add("note",
                     "the size that the drive reports; other hidden areas were not looked for")
                .add("areas", std::move(areas))
                .take();
    }
}

/// Where a pass goes on, as only the opened target can tell.
void check_places(const method::OverwriteState& state, device::BlockTarget& target) {
    for (const auto& pass : state.passes) {
        const auto at = pass.written_to;
        if (at > target.size_bytes() ||
            (at != target.size_bytes() && at % target.preferred_alignment() != 0)) {
            journal_damaged(kTargetDocument, "a pass was resumed inside a block");
        }
    }
}

Json BlockStorage::begin(Random& random) {
    begun_here_ = true;
    method::OverwriteState state;
    for (const auto& rule : policy_.passes) {
        method::PassState pass;
        if (rule.kind == policy::PassRule::Kind::random) {
            pass.pattern.kind = stream::Pattern::Kind::random;
            pass.pattern.bytes.resize(stream::kStreamKeyBytes);
            random.fill(pass.pattern.bytes);
        } else {
            pass.pattern.kind = stream::Pattern::Kind::repeating;
            pass.pattern.bytes =
                rule.kind == policy::PassRule::Kind::bytes ? rule.bytes : choice_.pattern;
        }
        state.passes.push_back(std::move(pass));
    }
    Bytes seed(kSeedBytes);
    random.fill(seed);
    if (!identity_ || identity_->kind != inventory::Kind::file) {
        first_sector_ =
            first_sector(context_.host.open(path_, device::Access::read_only)->storage());
    }
    return ObjectWriter()
        .add("seed", to_hex(seed))
        .add("firstSector", sha256_hex(first_sector_))
        .add("healthBefore", health_)
        .add("overwrite", method::to_json(state))
        .take();
}

std::uint64_t BlockStorage::bytes_left(const TargetPlan& plan, const Json& state) {
    const auto overwrite = method::overwrite_state_from_json(state.at("overwrite"));
    std::uint64_t done = 0;  // the read-back begins again
    for (const auto& pass : overwrite.passes) {
        done += pass.written_to;
    }
    return plan.bytes_to_transfer - std::min(plan.bytes_to_transfer, done);
}

method::OverwriteHooks BlockStorage::hooks(HeldTarget& target, const SaveState& save) {
    const auto before = target.facts();
    method::OverwriteHooks hooks;
    hooks.save = [save](const method::OverwriteState& state) { save(method::to_json(state)); };
    hooks.still_there = [&target, before] {
        try {
            const auto now = target.facts();
            return now.size_bytes == before.size_bytes && now.disk_sequence == before.disk_sequence;
        } catch (const Error&) {
            return false;
        }
    };
    hooks.celsius = [this] { return celsius(); };
    hooks.drop_cache = [&target] { return target.drop_cache(); };
    return hooks;
}

/// A host-managed disk, as it takes writes.
std::unique_ptr<device::OrderedZones> zones_in_order(HeldTarget& target, const std::string& name) {
    auto zones = zones_of(target);
    if (zones.empty()) {
        throw Error(ErrorCode::safety, ReasonCode::zoned_disk, name + ": " + kNoZones);
    }
    return std::make_unique<device::OrderedZones>(target.storage(), *target.zones(),
                                                  std::move(zones));
}

/// Where an earlier process ended lies inside a zone, whose beginning cannot be written again
/// without the rest: the pass that it was in begins again.
void begin_pass_anew(method::OverwriteState& state) {
    for (auto& pass : state.passes) {
        if (pass.completed_at.empty() && pass.written_to > 0) {
            pass.written_to = 0;
            pass.report = {};
        }
    }
}

method::Outcome BlockStorage::erase(const TargetPlan& plan, const Json& state,
                                    const SaveState& save, ProgressSink& progress,
                                    const std::stop_token& stop) {
    Guard guard(context_.host, context_.random);
    auto cleared = guard.clear_target(plan.path, plan.identity, Moment::now,
                                      identity_ ? identity_->disk_sequence : std::nullopt);
    method::OverwriteTask task;
    task.path = plan.path;
    task.read_back = read_back_of(choice_.verification);
    task.seed = from_hex(state.at("seed").get<std::string>()).value_or(Bytes{});
    task.bad_blocks_are_exceptions = choice_.bad_blocks_are_exceptions;
    task.limits = choice_.limits;
    auto overwrite = method::overwrite_state_from_json(state.at("overwrite"));
    const SaveState keep = [&](const Json& json) {
        save(ObjectWriter()
                 .add("seed", state.at("seed"))
                 .add("firstSector", state.at("firstSector"))
                 .add("healthBefore", state.at("healthBefore"))
                 .add("overwrite", json)
                 .take());
    };
    const bool known =
        !plan.identity.value("serial", "").empty() || !plan.identity.value("wwid", "").empty();
    if (!known &&
        !first_sector_belongs(first_sector(cleared.target->storage()), state, overwrite)) {
        if (begun_here_) {  // a moment ago: another job of ours was faster
            throw Error(ErrorCode::busy, ReasonCode::busy,
                        plan.name + ": someone wrote to it while it was being examined",
                        "find out what writes to it, then plan again");
        }
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    plan.name + ": its first sector differs from the one that this job recorded",
                    "attach the target of the job, or erase this one in a new job");
    }
    check_places(overwrite, cleared.target->storage());
    std::unique_ptr<device::OrderedZones> zones;
    if (identity_ && identity_->host_managed_zones) {
        zones = zones_in_order(*cleared.target, plan.name);
        begin_pass_anew(overwrite);
        task.in_order = true;
    }
    const auto extents_before = cleared.target->extents();
    set_cleared();
    device::BlockTarget& storage = zones ? *zones : cleared.target->storage();
    method::Overwrite method(task, overwrite, storage, hooks(*cleared.target, keep),
                             context_.clock);
    auto outcome = method.run(std::move(cleared.clearance), progress, stop);
    outcome.record["verification"]["directIo"] = cleared.target->direct_io();
    if (!stop.stop_requested()) {
        add_health(context_.host, context_.clock, identity_, state.at("healthBefore"), outcome);
    }
    if (device::blocks_moved(extents_before.extents, cleared.target->extents().extents)) {
        outcome.verdict = method::worst(outcome.verdict, method::Verdict::not_sanitized);
        Reason moved{ReasonCode::blocks_moved,
                     "the file system moved blocks of the file: the old ones may still hold its "
                     "content"};
        outcome.reasons.push_back(std::move(moved));
    }
    return outcome;
}

}  // namespace

std::unique_ptr<TargetStorage> make_block_storage(RunContext& context, const std::string& path,
                                                  const mandate::ErasureChoice& choice,
                                                  std::optional<DriveLook> look) {
    mandate::check_choice(choice);
    return std::make_unique<BlockStorage>(context, path, choice, std::move(look));
}

}  // namespace efface::job

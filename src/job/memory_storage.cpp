// SPDX-License-Identifier: Apache-2.0
// Memory-backed storage: its methods know it; this is how a run drives them.
#include "efface/job/guard.hpp"
#include "efface/policy/memory.hpp"
#include "efface/stream/keyed_stream.hpp"

#include "target_plan.hpp"
#include "target_storage.hpp"

namespace efface::job {

namespace {

class MemoryStorage final : public TargetStorage {
  public:
    MemoryStorage(RunContext& context, method::MemoryTargetName name)
        : context_(context), name_(std::move(name)), text_(method::to_string(name_)) {}

    TargetPlan survey() override;
    Json begin(Random& random) override {
        Bytes key(stream::kStreamKeyBytes);
        random.fill(key);
        return ObjectWriter().add("key", to_hex(key)).take();
    }
    method::Outcome erase(const TargetPlan& plan, const Json& state, const SaveState& save,
                          ProgressSink& progress, const std::stop_token& stop) override;
    [[nodiscard]] std::uint64_t bytes_left(const TargetPlan& plan, const Json& /*state*/) override {
        return plan.bytes_to_transfer;
    }
    Json identity_now() override {
        return removed_.is_object() ? removed_ : survey_of(Bytes(stream::kStreamKeyBytes)).identity;
    }

  private:
    method::MemorySurvey survey_of(const Bytes& key) {
        return method::make_memory_method(name_, key, context_.clock)->survey();
    }
    RunContext& context_;
    method::MemoryTargetName name_;
    std::string text_;
    Json removed_;  ///< what names a target that erasing it took away: segments and queues
};

TargetPlan MemoryStorage::survey() {
    const auto survey = survey_of(Bytes(stream::kStreamKeyBytes));
    const auto claim = policy::memory_claim(survey.facts);
    TargetPlan plan;
    plan.name = text_;
    plan.path = text_;
    plan.kind = name_.kind == "brd" ? "ram" : name_.kind;
    plan.identity = survey.identity;
    plan.confirm_token = survey.confirm_token;
    plan.size_bytes = survey.size_bytes;
    plan.size_varies = text_ == method::kFreeMemoryTarget;
    plan.bytes_to_transfer = 2 * survey.size_bytes;
    plan.technique = policy::kMemoryPolicyId;
    plan.policy_version = policy::kMemoryPolicyVersion;
    plan.policy_digest = policy::memory_policy_digest();
    plan.steps = survey.steps;
    plan.not_reached = survey.not_reached;
    object_to(plan, survey.objections);
    plan.level = claim.level;
    auto reasons = policy::reasons_of(claim.findings);
    plan.exceptions = std::move(reasons.exceptions);
    plan.residual_risks = std::move(reasons.residual_risks);
    plan.found = ObjectWriter()
                     .add("name", plan.name)
                     .add("kind", plan.kind)
                     .add("identity", survey.identity)
                     .add("layersBelow", Json::array())
                     .add("sizeBytes", plan.size_bytes)
                     .add("logicalBlockBytes", 1U)
                     .add("hiddenAreas", no_hidden_areas("memory has none"))
                     .add("notReached", survey.not_reached)
                     .add("facts", survey.facts)
                     .take();
    return plan;
}

method::Outcome MemoryStorage::erase(const TargetPlan& plan, const Json& state,
                                     const SaveState& /*save*/, ProgressSink& progress,
                                     const std::stop_token& stop) {
    const auto key = from_hex(state.at("key").get<std::string>()).value_or(Bytes{});
    const auto method = method::make_memory_method(name_, key, context_.clock);
    auto clearance = Guard::clear_memory(*method, plan.path, plan.identity);
    progress.phase("clearing");
    auto outcome = method->run(std::move(clearance), progress, stop);
    // How much was reached is known only now.
    outcome.level_limit =
        method::lowest(outcome.level_limit, policy::memory_claim(outcome.record.at("facts")).level);
    const auto& after = outcome.record.at("identityAfter");
    if (after.value("removed", false)) {
        removed_ = ObjectWriter()
                       .add("kind", name_.kind)
                       .add("place", name_.place)
                       .add("bootId", plan.identity.value("bootId", ""))
                       .add("removed", true)
                       .take();
    }
    return outcome;
}

}  // namespace

std::unique_ptr<TargetStorage> make_memory_storage(RunContext& context,
                                                   const method::MemoryTargetName& name) {
    return std::make_unique<MemoryStorage>(context, name);
}

}  // namespace efface::job

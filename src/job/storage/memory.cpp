// SPDX-License-Identifier: Apache-2.0
// Memory-backed storage: its methods know it; this is how a run drives them.
#include "efface/policy/memory.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "efface/job/guard.hpp"
#include "efface/stream/keyed_stream.hpp"

#include "target_storage.hpp"
#include "work/target/plan.hpp"

namespace efface::job {

namespace {

constexpr std::size_t kAttemptsMax = 4096;  ///< whose keys are kept

/// Whether a folder that efface writes to lies on this file system, or will when it is made: by
/// whatever mount or link.
bool holds_own_state(const StateDirectory& state, std::uint64_t filesystem) {
    for (const auto& folder :
         {state.root, state.keys(), state.log(), state.jobs(), state.certificates()}) {
        std::error_code error;
        auto there = std::filesystem::absolute(folder, error);
        struct stat status {};
        while (::stat(there.c_str(), &status) != 0) {
            if (errno != ENOENT || there == there.parent_path()) {
                return true;  // what can't be looked at may lie there
            }
            there = there.parent_path();
        }
        if (status.st_dev == filesystem) {
            return true;
        }
    }
    return false;
}

/// What the job of this state began with; no keys where a state is none of ours.
method::MemoryBegan began_of(const Json& state) {
    method::MemoryBegan began;
    began.identity = state.value("identity", Json());
    auto texts = state.value("earlierKeys", Json::array());
    texts.push_back(state.value("key", ""));
    for (const auto& text : texts) {
        const auto key = from_hex(text.get<std::string>());
        if (key && key->size() == stream::kStreamKeyBytes) {
            began.keys.emplace_back(ByteView(*key));
        }
    }
    return began;
}

class MemoryStorage final : public TargetStorage {
  public:
    MemoryStorage(RunContext& context, inventory::MemoryTargetName name)
        : context_(context), name_(std::move(name)), text_(inventory::to_string(name_)) {}

    void going_on(const Json& state) override { began_ = state; }
    TargetPlan survey() override;
    Json begin(Random& random) override;
    [[nodiscard]] Standing as_left(const TargetState& state) override;
    method::Outcome erase(const TargetPlan& plan, const Json& state, const SaveState& save,
                          ProgressSink& progress, const std::stop_token& stop) override;
    [[nodiscard]] std::uint64_t bytes_left(const TargetPlan& plan, const Json& /*state*/) override {
        return plan.bytes_to_transfer;
    }
    Json identity_now() override {
        return removed_.is_object() ? removed_
                                    : make(Bytes(stream::kStreamKeyBytes))->survey().identity;
    }

  private:
    [[nodiscard]] std::unique_ptr<method::MemoryMethod> make(const Bytes& key) const;
    void object_to_own(TargetPlan& plan, const method::MemorySurvey& survey) const;

    RunContext& context_;
    inventory::MemoryTargetName name_;
    std::string text_;
    Json identity_;  ///< as surveyed
    Json began_;     ///< the state of an earlier process, null in a fresh job
    Json removed_;   ///< what names a target that erasing it took away: segments and queues
};

/// One that knows what an earlier process of this job began with.
std::unique_ptr<method::MemoryMethod> MemoryStorage::make(const Bytes& key) const {
    auto method = method::make_memory_method(name_, key, context_.clock, context_.host.view());
    if (began_.is_object() && began_.contains("identity")) {
        method->began_with(began_of(began_));
    }
    return method;
}

void MemoryStorage::object_to_own(TargetPlan& plan, const method::MemorySurvey& survey) const {
    if (survey.filesystem && holds_own_state(context_.state, *survey.filesystem)) {
        plan.objections.push_back({{ReasonCode::own_document, "efface keeps its own state in it"}});
    }
    std::error_code error;
    if (!survey.filesystem && std::filesystem::is_regular_file(name_.place, error)) {
        object_to_document(plan, context_.state, name_.place);
    }
}

Json MemoryStorage::begin(Random& random) {
    Bytes key(stream::kStreamKeyBytes);
    random.fill(key);
    auto earlier = Json::array();
    if (began_.is_object()) {
        earlier = began_.value("earlierKeys", Json::array());
        if (earlier.size() < kAttemptsMax) {
            earlier.push_back(began_.value("key", ""));
        }
    }
    return ObjectWriter()
        .add("key", to_hex(key))
        .add("earlierKeys", std::move(earlier))
        .add("identity", identity_)
        .take();
}

/// The one place that decides whether an order for memory has been carried out: it was, and what
/// it left is all that is there.
Standing MemoryStorage::as_left(const TargetState& state) {
    const Json record = state.outcome.value("record", Json());
    auto began = began_of(state.progress);
    began.identity = state.plan.identity;
    began.left = record.is_object() ? record.value("identityAfter", Json()) : Json();
    if (method::make_memory_method(name_, Bytes(stream::kStreamKeyBytes), context_.clock,
                                   context_.host.view())
            ->as_left(began)) {
        return {};
    }
    if (!method::is_removed_by_erasing(name_)) {
        return {Standing::State::begins_anew, {}};
    }
    return {Standing::State::is_other,
            {ReasonCode::other_identity,
             "it was removed; what has its name now is not in the order, or cannot be examined"
             ""}};
}

TargetPlan MemoryStorage::survey() {
    if (!is_utf8(text_)) {
        throw Error(
            ErrorCode::usage, ReasonCode::unprintable_name,
            printable(text_) + ": its name is not UTF-8, so it cannot be put into a record");
    }
    const auto survey = make(Bytes(stream::kStreamKeyBytes))->survey();
    identity_ = survey.identity;
    const auto claim = policy::memory_claim(survey.facts);
    TargetPlan plan;
    plan.name = printable(text_);
    plan.path = text_;
    plan.kind = name_.kind == "brd" ? "ram" : name_.kind;
    plan.identity = survey.identity;
    plan.confirm_token = survey.confirm_token;
    plan.size_bytes = survey.size_bytes;
    plan.size_varies = text_ == inventory::kFreeMemoryTarget;
    plan.bytes_to_transfer = 2 * survey.size_bytes;
    plan.technique = policy::kMemoryPolicyId;
    plan.policy_version = policy::kMemoryPolicyVersion;
    plan.policy_digest = policy::memory_policy_digest();
    plan.steps = survey.steps;
    plan.not_reached = survey.not_reached;
    object_to(plan, survey.objections);
    object_to_own(plan, survey);
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

/// The plan's claim was made from what was seen then; what was seen since may be worth less.
void limit_to_facts(method::Outcome& outcome) {
    const auto claim = policy::memory_claim(outcome.record.at("facts"));
    outcome.level_limit = method::lowest(outcome.level_limit, claim.level);
    for (auto& exception : policy::reasons_of(claim.findings).exceptions) {
        const bool named =
            std::any_of(outcome.exceptions.begin(), outcome.exceptions.end(),
                        [&](const Reason& other) { return other.code == exception.code; });
        if (!named) {
            outcome.exceptions.push_back(std::move(exception));
        }
    }
}

method::Outcome MemoryStorage::erase(const TargetPlan& plan, const Json& state,
                                     const SaveState& /*save*/, ProgressSink& progress,
                                     const std::stop_token& stop) {
    const auto key = from_hex(state.at("key").get<std::string>()).value_or(Bytes{});
    const auto method = make(key);
    auto clearance = Guard::clear_memory(*method, plan.path, plan.identity);
    set_cleared();
    progress.phase("clearing");
    auto outcome = method->run(std::move(clearance), progress, stop);
    limit_to_facts(outcome);
    if (outcome.record.at("identityAfter").value("removed", false)) {
        removed_ = ObjectWriter()
                       .add("kind", name_.kind)
                       .add("place", printable(name_.place))
                       .add("bootId", plan.identity.value("bootId", ""))
                       .add("removed", true)
                       .take();
    }
    return outcome;
}

}  // namespace

std::unique_ptr<TargetStorage> make_memory_storage(RunContext& context,
                                                   const inventory::MemoryTargetName& name) {
    return std::make_unique<MemoryStorage>(context, name);
}

}  // namespace efface::job

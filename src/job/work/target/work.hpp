// SPDX-License-Identifier: Apache-2.0
// The work of a run on one target. target_work.cpp looks, begins and comes back; target_erase.cpp
// carries it out; record/target_record.cpp writes what the certificate says.
#pragma once

#include "efface/job/target_run.hpp"

#include "journal/check.hpp"
#include "record/target_record.hpp"
#include "run/run.hpp"
#include "storage/target_storage.hpp"

namespace efface::job {

/// Memory, a drive that erases itself, or blocks to be overwritten. `look`: at that drive, made
/// just now.
[[nodiscard]] std::unique_ptr<TargetStorage> storage_of(
    RunContext& context, const std::string& target, const mandate::ErasureChoice& choice,
    std::optional<DriveLook> look = std::nullopt);

class TargetWork final : public Work {
  public:
    TargetWork(RunContext& context, const TargetRequest& request)
        : context_(context), request_(request), order_(request.order) {}

    [[nodiscard]] const char* kind() const override { return "target"; }
    [[nodiscard]] std::string name() const override;
    [[nodiscard]] std::string subject() const override;
    [[nodiscard]] RunNeeds needs() const override;
    [[nodiscard]] const mandate::Terms* terms() const override {
        return order_ == nullptr ? nullptr : &order_->terms;
    }
    [[nodiscard]] std::string document_sha256() const override {
        return order_ == nullptr ? "" : order_->sha256;
    }

    [[nodiscard]] bool is_done_once() const override {
        return !inventory::parse_memory_target(request_.target);
    }

    [[nodiscard]] std::optional<std::string> known_job() override;
    [[nodiscard]] bool asked_by_job() const override { return !request_.job_id.empty(); }
    [[nodiscard]] std::string new_job() override;
    [[nodiscard]] std::optional<Json> identity_in(const std::filesystem::path& folder) override;
    void load(const std::filesystem::path& folder, const RunState& run) override;
    [[nodiscard]] WallTime kept_at() const override { return date_from_journal(state_.kept_at); }
    [[nodiscard]] bool is_same_request(const std::filesystem::path& folder) const override;

    [[nodiscard]] std::vector<Objection> look() override;
    [[nodiscard]] Json identity() const override { return state_.plan.identity; }
    [[nodiscard]] std::string digest_now() override;
    [[nodiscard]] std::string digest() const override { return plan_digest(state_.plan); }
    [[nodiscard]] mandate::Authorization authorize() const override {
        return request_.authorize(state_.plan);
    }
    [[nodiscard]] Json accepted() const override;
    void begin() override;
    void save(const Journal& journal) override;

    [[nodiscard]] Standing standing() override;
    [[nodiscard]] std::vector<Objection> look_again() override;
    void come_back(const CertifiedRun& run) override;
    void begin_again(const CertifiedRun& run) override;

    [[nodiscard]] Json intent() const override;
    void carry_out(RunNotes& notes, bool resumed, const std::stop_token& stop) override;
    [[nodiscard]] std::optional<method::Verdict> verdict() const override;
    [[nodiscard]] CertifiedRun::Content certificate(const CertifiedRun& run,
                                                    WallTime now) const override;
    [[nodiscard]] CertifiedRun::Content trial(const CertifiedRun& run, WallTime now) const override;
    void take_lowered(const CertifiedRun& run, const Json& predicate) override;
    void describe(RunResult& result) const override;

    /// After look() or load().
    [[nodiscard]] const TargetPlan& plan() const { return state_.plan; }

  private:
    /// What a plan of this job shows now. Throws Error when it is another target.
    [[nodiscard]] TargetPlan plan_again();
    [[nodiscard]] std::string job_of_order() const;
    [[nodiscard]] bool find_drive();
    [[nodiscard]] TargetPlan survey_when_free();
    void refuse_other(const TargetPlan& plan) const;
    method::Outcome attempt(RunNotes& notes, bool resumed, const std::stop_token& stop);
    bool fall_back(RunNotes& notes, method::Outcome& outcome);
    std::optional<Reason> take(const std::string& name, const std::vector<std::string>& rest,
                               Json& passed_over);
    [[nodiscard]] Reason not_tried(const std::string& name, Json& passed_over) const;
    [[nodiscard]] Json passed_over(const std::string& technique, const std::string& why) const;
    void forget_partitions();
    void keep_observation(method::Observation observation);
    void keep_observations(method::Outcome& outcome);
    void conclude(method::Outcome outcome);
    [[nodiscard]] CertifiedRun::Content certificate_of(const TargetState& state,
                                                       const CertifiedRun& run, WallTime now) const;

    RunContext& context_;
    const TargetRequest& request_;
    const mandate::Order* order_;
    std::optional<mandate::Order> journalled_order_;
    TargetState state_;
    std::uint64_t number_ = 0;  ///< of the job among those of this order and target
    std::unique_ptr<TargetStorage> storage_;
    bool fell_back_ = false;  ///< an earlier technique sent commands to the drive
};

}  // namespace efface::job

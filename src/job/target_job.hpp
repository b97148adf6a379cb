// SPDX-License-Identifier: Apache-2.0
// One target from the look at it to its certificate. target_run.cpp begins a job or goes on with
// it, target_erase.cpp carries it out.
#pragma once

#include "efface/job/target_run.hpp"

#include "target_record.hpp"
#include "target_storage.hpp"

namespace efface::job {

constexpr const char* kTargetDocument = "target.json";

/// Memory, a drive that erases itself, or blocks to be overwritten.
[[nodiscard]] std::unique_ptr<TargetStorage> storage_of(RunContext& context,
                                                        const std::string& target,
                                                        const mandate::ErasureChoice& choice);

class TargetRun final {
  public:
    TargetRun(RunContext& context, const TargetRequest& request, std::stop_token stop)
        : context_(context), request_(request), stop_(std::move(stop)), order_(request.order) {}

    TargetResult run();

  private:
    std::optional<std::string> known_job();
    [[nodiscard]] std::string job_of_order() const;
    void find_last_job_of_order();
    [[nodiscard]] bool done_before();
    bool load(const std::string& job_id);
    void refuse_successor() const;
    [[nodiscard]] bool is_target_of_job(const TargetPlan& plan) const;
    [[nodiscard]] bool same_version(const std::string& job_id) const;
    TargetPlan survey();
    void begin();
    void go_on();
    void find_drive();
    void erase();
    method::Outcome attempt();
    bool fall_back(method::Outcome& outcome);
    std::optional<Reason> take(const std::string& name, const std::vector<std::string>& rest,
                               Json& passed_over);
    [[nodiscard]] Json passed_over(const std::string& technique, const std::string& why) const;
    void keep_observation(method::Observation observation);
    void keep_observations(method::Outcome& outcome);
    void conclude(method::Outcome outcome);
    CertifiedRun::Content certificate(WallTime now) const;
    void take_lowered(const Json& predicate);
    TargetResult result(bool changed) const;
    void save() { run_->journal().save(kTargetDocument, to_json(state_)); }

    RunContext& context_;
    const TargetRequest& request_;
    std::stop_token stop_;
    const mandate::Order* order_;
    std::optional<mandate::Order> journalled_order_;
    std::optional<CertifiedRun> run_;
    TargetState state_;
    std::uint64_t number_ = 0;          ///< of the job among those of this order and target
    mandate::ErasureChoice choice_;     ///< as settled
    Json passed_over_ = Json::array();  ///< while it was
    std::unique_ptr<TargetStorage> storage_;
    bool fell_back_ = false;  ///< an earlier technique sent commands to the drive
    bool resumed_ = false;    ///< an earlier process may have written to the target
};

}  // namespace efface::job

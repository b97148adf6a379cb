// SPDX-License-Identifier: Apache-2.0
// One run while it goes on: begin.cpp says which job it is and whether it may begin or go on,
// run.cpp takes it to its end.
#pragma once

#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "run.hpp"

namespace efface::job {

class Run final : public RunNotes {
  public:
    Run(ForwardContext& context, Work& work, const RunOrders& orders, const std::stop_token& stop)
        : context_(context.context),
          clock_(context.clock),
          work_(work),
          orders_(orders),
          stop_(stop) {}

    RunResult to_its_end();

    void work_begins() override;
    [[noreturn]] void refuse(const Error& error) override;
    [[nodiscard]] const std::string& job_id() const override { return run_->job_id(); }
    [[nodiscard]] const Journal& journal() const override { return run_->journal(); }
    [[nodiscard]] const RunState& state() const override { return run_->state(); }

  private:
    void proceed();
    void without_verdict(const std::function<void()>& step);
    void work();
    void carry_out();
    void begin_anew();
    void refuse_unknown() const;
    Journal journal_of(const std::string& job_id);
    bool open(const std::string& job_id);
    Standing::State standing();
    void done_before();
    [[nodiscard]] bool delivered_late();
    void begin();
    bool joins_open_job(const evidence::DeviceRuns& logged);
    void refuse_carried_out(const std::vector<evidence::LoggedRun>& runs) const;
    void go_on();
    void refuse_replaced() const;
    void refuse_other_plan(const std::string& digest) const;
    void check_terms() const;
    void deliver();
    void tell_result() const;
    [[nodiscard]] std::optional<method::Verdict> verdict() const;
    [[nodiscard]] bool changed() const;
    [[nodiscard]] RunResult result() const;

    RunContext& context_;
    ForwardClock& clock_;  ///< that of the context
    Work& work_;
    const RunOrders& orders_;
    const std::stop_token& stop_;
    std::optional<Station> station_;        ///< as preflight found it
    std::optional<std::string> known_;      ///< the job that this request resumes
    std::optional<Journal> known_journal_;  ///< its lock, until the run has it
    std::optional<CertifiedRun> run_;
    std::mutex beginning_;
    bool from_journal_ = false;   ///< an earlier process began the job
    bool resumed_ = false;        ///< an earlier process or attempt may have written to the storage
    bool only_delivers_ = false;  ///< an earlier process came to the verdict, this one to none
    bool has_verdict_ = false;    ///< this run came to it, or delivers it
    bool ended_before_ = false;   ///< well, and nothing was begun since
    bool done_before_ = false;    ///< and what is there is as it was left
};

}  // namespace efface::job

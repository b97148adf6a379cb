// SPDX-License-Identifier: Apache-2.0
// One process's work on a drive that erases itself: firmware_begin.cpp looks, opens, marks and
// starts; firmware_watch.cpp waits, cleans up and looks again; firmware_erase.cpp joins them.
#pragma once

#include "efface/device/aligned_buffer.hpp"
#include "efface/method/drive/erase.hpp"

#include "canaries.hpp"
#include "command_blocks.hpp"
#include "record.hpp"

namespace efface::method {

class FirmwareAttempt final {
  public:
    /// References outlive it.
    FirmwareAttempt(const FirmwareTask& task, FirmwareState& state, FirmwareHooks& hooks,
                    const Clock& clock, ProgressSink& progress, const std::stop_token& stop)
        : task_(task),
          state_(state),
          hooks_(hooks),
          clock_(clock),
          progress_(progress),
          stop_(stop) {}

    Outcome run();

  private:
    bool look_first();
    bool adopt();
    void open_hidden_areas();
    void find_opened();
    void find_not_shown();
    void close_hidden_areas();
    void mark();
    void start();
    void refused(const StartAnswer& answer, bool unanswered);
    void end_refused();
    bool watch();
    void check(MarksReport& report);
    void check_whole(MarksReport& report);
    /// A range of blocks that can be marked and looked at.
    struct Reach {
        std::string name;  ///< of its marks
        device::BlockTarget* storage = nullptr;
        std::string surface;      ///< its name for commands
        std::uint64_t begin = 0;  ///< where it begins there
    };
    [[nodiscard]] std::vector<Reach> reaches();
    [[nodiscard]] PlaceReader reader_of(const Reach& reach);
    void clean_up();
    bool same_drive();
    void remake_operation();
    [[nodiscard]] bool give_up(const OperationState& now);
    [[nodiscard]] std::chrono::milliseconds next_pause(std::chrono::milliseconds last) const;
    [[nodiscard]] std::vector<MarksSeen> look_at_marks(bool by_command, const Promise& promise);
    void look_by_command(std::vector<MarksSeen>& looks, MarksReport& report);
    [[nodiscard]] bool look_again(std::vector<MarksSeen>& looks, const Promise& promise,
                                  MarksReport& report);
    [[nodiscard]] std::uint64_t write_beside(const PlacesNotRead& missing, const Promise& promise);
    [[nodiscard]] bool all_in_reach();
    /// False: it did not, or the run is to stop; the outcome says which.
    [[nodiscard]] bool comes_back(std::string_view since);
    [[nodiscard]] bool find_again(MarksReport& report);
    void conclude(const MarksReport& report);
    void fail(Verdict verdict, ReasonCode code, const std::string& text) {
        const bool first = outcome_.verdict == Verdict::not_sanitized && outcome_.reasons.empty();
        outcome_.verdict = first ? verdict : worst(outcome_.verdict, verdict);
        outcome_.reasons.push_back({code, text});
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
    std::vector<std::unique_ptr<CommandBlocks>> behind_;  ///< of reaches()
    std::unique_ptr<FirmwareOperation> operation_;
    DriveSurvey survey_;
    std::optional<std::chrono::seconds> estimate_;
    OperationState final_;
    CleanUp clean_up_;
    std::uint64_t steps_reported_ = 0;
    // While watching.
    SteadyTime watching_since_{};
    SteadyTime last_answer_{};
    SteadyTime last_movement_{};
    std::optional<double> last_progress_;
    unsigned unknown_answers_ = 0;
    std::vector<MarksSeen> verified_;  ///< in the drive's own media verification
};

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
// Formats sectors that Linux cannot address to a size that it can, before anything else: only then
// canaries can be placed and blocks be read. It erases nothing as far as a claim goes.
#include <fmt/format.h>

#include <algorithm>
#include <bit>

#include "attempt.hpp"

namespace efface::method {

namespace {

constexpr std::uint32_t kAddressableMin = 512;
/// How often the disk is asked for its new size, and which pauses lie between.
constexpr unsigned kSizeLooksMax = 20;
/// How often a disk is told to format itself by one process.
constexpr unsigned kFormatsMax = 2;

std::uint32_t sector_bytes_of(const DriveSurvey& survey) {
    return survey.sizes.empty() ? 0 : survey.sizes.front().block_bytes;
}

Json area_of(const DriveSurvey& survey) {
    const auto found = std::find_if(survey.hidden_areas.begin(), survey.hidden_areas.end(),
                                    [](const auto& area) { return area.kind == kOddSectors; });
    HiddenArea area;
    area.kind = kOddSectors;
    return hidden_area_json(found == survey.hidden_areas.end() ? area : *found);
}

class SectorFormat final {
  public:
    explicit SectorFormat(Attempt& attempt) : attempt_(attempt) {}
    void take();

  private:
    enum class Ended { ready, again, given_up };

    [[nodiscard]] Json& notes() { return attempt_.state.sector_format; }
    [[nodiscard]] std::uint32_t wanted() { return notes().at("after").get<std::uint32_t>(); }
    [[nodiscard]] bool begun() const { return !attempt_.state.sector_format.is_null(); }
    void begin();
    [[nodiscard]] bool send();
    [[nodiscard]] Ended watch();
    [[nodiscard]] bool gives_up(const OperationState& said);
    [[nodiscard]] bool has_sectors();
    void note_sent_before();
    void finish();
    void fail(Verdict verdict, const std::string& why) {
        attempt_.fail(verdict, ReasonCode::sectors_not_formatted,
                      fmt::format("the sectors were not formatted to {} bytes: {}", wanted(), why));
    }

    Attempt& attempt_;
    SteadyTime last_answer_ = attempt_.clock.steady_now();
    SteadyTime last_movement_ = last_answer_;
    std::optional<double> last_progress_;
    bool seen_running_ = false;
    std::uint64_t steps_reported_ = 0;
};

void SectorFormat::begin() {
    notes() = ObjectWriter()
                  .add("before", sector_bytes_of(attempt_.survey))
                  .add("after", attempt_.task.sector_bytes)
                  .add("startedAt", attempt_.now())
                  .add("endedAt", "")
                  .add("watched", false)
                  .add("commands", Json::array())
                  .take();
    attempt_.state.hidden_areas.push_back(area_of(attempt_.survey));
    attempt_.keep(Step::format);  // before anything is sent
}

/// False: there is nothing to wait for.
bool SectorFormat::send() {
    const auto answer = attempt_.access.commands().format_sectors(wanted());
    for (auto& command : sent_json(answer.commands, attempt_.now())) {
        notes()["commands"].push_back(std::move(command));
    }
    attempt_.access.save(attempt_.state);
    if (answer.start == Start::refused) {
        fail(Verdict::not_sanitized, answer.detail);
    }
    return answer.start != Start::refused;
}

/// What the disk has is asked, never assumed: a format does not survive a loss of power.
bool SectorFormat::has_sectors() {
    auto& survey = attempt_.survey;
    for (unsigned look = 0; look < kSizeLooksMax; ++look) {
        if (look > 0 && !attempt_.access.wait(kReturnPause)) {
            return false;
        }
        if (!attempt_.access.reattach().empty()) {
            continue;
        }
        survey = attempt_.access.commands().survey();
        if (survey.error.empty() && sector_bytes_of(survey) != 0) {
            return attempt_.same_drive() && sector_bytes_of(survey) == wanted();
        }
    }
    return false;
}

bool SectorFormat::gives_up(const OperationState& said) {
    const auto now = attempt_.clock.steady_now();
    if (said.phase == Phase::unknown) {
        if (now - last_answer_ > kSilenceMax) {
            fail(Verdict::indeterminate, "the disk does not answer any more: " + said.detail);
            return true;
        }
        (void)attempt_.access.reattach();
        return false;
    }
    last_answer_ = now;
    if (said.progress != last_progress_) {
        last_progress_ = said.progress;
        last_movement_ = now;
    }
    if (now - last_movement_ > kStandstillMax) {
        fail(Verdict::indeterminate,
             "its progress has not changed for too long; the disk may still be formatting");
        return true;
    }
    return false;
}

/// Until the disk is ready again, or there is no more to wait for.
SectorFormat::Ended SectorFormat::watch() {
    attempt_.progress.phase("the disk formats its sectors");
    auto pause = kPollMin;
    for (;;) {
        const auto said = attempt_.access.commands().state();
        if (said.phase == Phase::failed) {
            attempt_.observe("the format of sectors failed", state_json(said));
            return Ended::again;
        }
        if (said.phase == Phase::idle || said.phase == Phase::succeeded) {
            notes()["watched"] = seen_running_;
            return has_sectors() ? Ended::ready : Ended::again;
        }
        seen_running_ = seen_running_ || said.phase == Phase::running;
        if (gives_up(said)) {
            return Ended::given_up;
        }
        if (!attempt_.access.wait(pause)) {
            attempt_.access.save(attempt_.state);  // the disk goes on; a later process asks it
            attempt_.fail(Verdict::not_sanitized, ReasonCode::stopped,
                          "stopped while the disk was formatting its sectors");
            return Ended::given_up;
        }
        pause = std::min<std::chrono::milliseconds>(2 * pause, kPollMax);
    }
}

/// By a process that died before it could keep what it had sent.
void SectorFormat::note_sent_before() {
    if (notes().at("commands").empty()) {
        const auto sent = attempt_.access.commands().format_sent_before(wanted());
        notes()["commands"] = sent_json(sent, attempt_.now());
    }
}

void SectorFormat::finish() {
    note_sent_before();
    notes()["endedAt"] = attempt_.now();
    for (auto& area : attempt_.state.hidden_areas) {
        if (area.at("kind") == kOddSectors) {
            area["opened"] = true;
            area["why"] = "";
        }
    }
    attempt_.observe("sectors formatted", notes());
    attempt_.keep(Step::open);
}

void SectorFormat::take() {
    const auto phase = attempt_.access.commands().state().phase;
    const auto now = sector_bytes_of(attempt_.survey);
    // After a format that failed a disk may report no size at all.
    const bool odd = now == 0 ? phase == Phase::failed : !can_be_addressed(now);
    if (!begun() && (phase == Phase::running || !odd)) {
        attempt_.keep(Step::open);  // an erase of somebody else, or nothing to be formatted
        return;
    }
    // What an earlier process sent is at it, or it is over: the disk is asked before it is sent
    // again.
    bool at_it = begun();
    if (!begun()) {
        begin();
    }
    for (unsigned sent = 0;;) {
        if (!at_it) {
            if (sent++ == kFormatsMax) {
                fail(Verdict::not_sanitized, "the disk did not do it, asked twice");
                return;
            }
            if (!send()) {
                return;
            }
        }
        at_it = false;
        switch (watch()) {
            case Ended::ready:
                finish();
                return;
            case Ended::given_up:
                return;
            case Ended::again:
                if (attempt_.stop.stop_requested()) {
                    attempt_.fail(Verdict::not_sanitized, ReasonCode::stopped,
                                  "stopped before the sectors were formatted");
                    return;
                }
                break;
        }
    }
}

}  // namespace

bool can_be_addressed(std::uint32_t sector_bytes) noexcept {
    return sector_bytes >= kAddressableMin && std::has_single_bit(sector_bytes);
}

void format_step(Attempt& attempt) {
    SectorFormat(attempt).take();
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
// Has a drive erase itself, and looks behind it: random blocks are written at recorded places
// before and looked for afterwards, existing data is compared, the final state is read raw. The
// drive's word alone never makes a target sanitized.
#pragma once

#include <chrono>
#include <map>
#include <stop_token>
#include <string>
#include <vector>

#include "efface/base/clock.hpp"
#include "efface/base/progress.hpp"
#include "efface/device/block_target.hpp"
#include "efface/guard/clearance.hpp"
#include "efface/method/drive/command_set.hpp"
#include "efface/method/limits.hpp"
#include "efface/method/outcome.hpp"

namespace efface::method {

constexpr std::size_t kCanarySeedBytes = 32;
/// Canaries are placed in so many equal parts of a surface, one in each at least: no run of kept
/// blocks that is longer than two parts is missed. The table of techniques says how many.
[[nodiscard]] std::uint64_t canary_parts();
/// Of existing data, in other places.
constexpr std::uint64_t kSamples = 256;
/// The content of a canary as the table has it, or a logical block where that is larger.
[[nodiscard]] std::uint32_t canary_bytes();

/// One range of blocks that the host addresses: a namespace, a logical unit. Borrowed.
struct Surface {
    std::string name;  ///< its block device
    device::BlockTarget* storage = nullptr;
};

struct SampledBlock {
    std::uint64_t offset = 0;
    std::string sha256;    ///< empty: could not be read before
    bool uniform = false;  ///< one byte repeated: its staying the same proves nothing
};
/// What was put on a surface and seen there before the erase.
struct SurfaceMarks {
    std::string name;
    std::uint64_t size_bytes = 0;
    std::uint32_t block_bytes = 0;
    std::vector<std::uint64_t> canaries;  ///< offsets, sorted; only those that read back as written
    std::uint64_t refused = 0;            ///< canaries that could not be written or read back
    std::vector<SampledBlock> samples;
};

/// How an erase stands: kept in the journal.
struct EraseState {
    enum class Step { format, open, mark, start, run, check } step = Step::open;
    Bytes seed;  ///< kCanarySeedBytes: where canaries lie and what they hold
    std::string model, serial, wwn, firmware;  ///< as first seen
    bool adopted = false;                      ///< it ran when we came, without our canaries
    bool adopted_named = false;                ///< the drive said which technique it was
    std::string started_at, completed_at;
    std::uint64_t polls = 0;
    Json memory = Json::object();  ///< of the operation: may hold a secret until it is cleaned up
    Json power_cycles = Json::array();
    Json commands = Json::array();
    Json status_before = Json::array();
    Json hidden_areas = Json::array();
    std::map<std::string, std::uint64_t> sizes_before;  ///< before hidden areas were opened
    std::vector<NotShown> behind;                       ///< what is marked by command
    std::vector<SurfaceMarks> marks;
    Json limit_events = Json::array();
    /// Of hidden areas that are opened before anything else: false until they are in hidden_areas.
    bool areas_listed = false;
    bool failed_before = false;  ///< an erase had failed on the drive when the job began
    /// The drive took no canaries because of that, is in order again, and is erased once more.
    bool second_pass = false;
    /// The drive refused the command itself: {"at", "detail", "commands", "begun"}; null before.
    /// "begun" says why something may have been begun all the same, or is empty.
    Json refusal;
    /// The disk's sectors are formatted first: {"before", "after", "startedAt", "endedAt",
    /// "watched", "commands"}; null where nothing is to be formatted.
    Json sector_format;
    Json health_before;  ///< health_look_json() of the look before the erase; or null
};
/// What another technique begins with after the drive has refused this one: which hidden areas
/// were opened, and how large it was before, stays known, the rest is fresh.
[[nodiscard]] EraseState state_after_refusal(const EraseState& refused, Bytes seed);
[[nodiscard]] Json to_json(const EraseState& state);
/// Of the journal. Throws Json::exception for anything else.
[[nodiscard]] EraseState erase_state_from_json(const Json& json);

/// The survey's hidden areas as this technique finds them: what one technique of a set reaches,
/// another may not (facts "hiddenAreasNotCovered").
[[nodiscard]] std::vector<HiddenArea> hidden_areas_for(const DriveSurvey& survey,
                                                       const TechniqueFacts& technique);
/// As the certificate lists it, not opened.
[[nodiscard]] Json hidden_area_json(const HiddenArea& area);

struct EraseTask {
    std::string path;  ///< canonical, of the Clearance
    std::string technique;
    bool canaries = true;            ///< false: finished, not verified
    bool whole_medium = false;       ///< read all of it and hold it against the promise, too
    std::uint32_t sector_bytes = 0;  ///< not 0: what odd sectors are formatted to before
    mandate::Limits limits;
};

/// The machine around the drive.
class DriveAccess {
  public:
    virtual ~DriveAccess() = default;
    /// Keeps the state durably. May throw Error.
    virtual void save(const EraseState& state) = 0;
    /// False as soon as the run is to stop.
    [[nodiscard]] virtual bool wait(std::chrono::milliseconds pause) = 0;
    /// The drive as it can be reached now; valid until reattach().
    [[nodiscard]] virtual CommandSet& commands() = 0;
    /// The drive's health as it reports it now, by whichever commands tell of it.
    [[nodiscard]] virtual HealthLook health() { return commands().health(); }
    /// Every surface of the drive as it is now; valid until the next call or reattach().
    [[nodiscard]] virtual std::vector<Surface> surfaces() = 0;
    /// Finds the drive again after a reset or a change of its capacity: one look, no waiting.
    /// Why it cannot be had now; empty when it is there.
    [[nodiscard]] virtual std::string reattach() = 0;
    /// Resets the path to the drive, or the drive; what is on it stays. reattach() comes next.
    /// False: that is not possible here.
    [[nodiscard]] virtual bool reset() { return false; }
};

/// Bounds of waiting. A firmware erase can't be aborted; what ends here is only our watching.
constexpr std::chrono::milliseconds kPollMin{250};
constexpr std::chrono::milliseconds kPollMax{60'000};
/// How long a drive may be away after a reset, and between two looks for it.
constexpr std::chrono::seconds kReturnMax{60};
constexpr std::chrono::milliseconds kReturnPause{500};
/// A drive that gives no answer for so long is called indeterminate.
constexpr std::chrono::minutes kSilenceMax{10};
/// A drive whose progress has not moved for so long, or for twice its estimate, is left.
constexpr std::chrono::hours kStandstillMax{12};

/// What a run reports to its ProgressSink when all goes well: a drive tells a share, not bytes.
constexpr std::uint64_t kProgressSteps = 1000;

/// The record of a process that was interrupted where `state` stands, before it asked the drive.
[[nodiscard]] Json interrupted_record(const EraseTask& task, const EraseState& state,
                                      std::string_view command_set);

/// Erases and verifies; `state` is carried on and saved as it changes. Throws Error(interrupted)
/// when the drive must be power-cycled before it can go on. When the drive refused the command
/// itself the record has "refusal" as EraseState does: with an empty "begun" nothing was begun and
/// nothing runs, and another technique may be tried.
[[nodiscard]] Outcome erase_drive(const EraseTask& task, EraseState& state, DriveAccess& access,
                                  const Clock& clock, guard::Clearance clearance,
                                  ProgressSink& progress, const std::stop_token& stop);

}  // namespace efface::method

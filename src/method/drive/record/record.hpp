// SPDX-License-Identifier: Apache-2.0
// What a drive's erase leaves for the certificate, and how what was seen is judged.
#pragma once

#include "efface/method/drive/erase.hpp"

#include "drive/medium/canaries.hpp"
#include "drive/medium/whole_medium.hpp"

namespace efface::method {

[[nodiscard]] const char* to_string(Start start) noexcept;

/// A page longer than this is kept by its digest and its beginning.
constexpr std::size_t kPageBytesMax = 4096;
constexpr std::size_t kPagesMax = 32;
/// Polls and retries may send many commands; the record keeps the first ones.
constexpr std::size_t kCommandsKeptMax = 256;
/// Of the canaries of one surface at most one in so many may be unreadable in a way that the
/// technique does not explain: those are named as exceptions. With more it is unknown.
constexpr std::uint64_t kUnexpectedShare = 10;
/// Of what was placed on a surface, and of the samples that can tell, so many in kEvidenceOf were
/// read and differ: else nothing is claimed. What was not read proves nothing.
constexpr std::uint64_t kEvidenceShare = 9;
constexpr std::uint64_t kEvidenceOf = 10;
constexpr std::size_t kPlacesNamedMax = 8;

[[nodiscard]] Json pages_json(const std::vector<RawPage>& pages);
[[nodiscard]] Json state_json(const OperationState& state);
[[nodiscard]] Json sent_json(const std::vector<SentCommand>& commands, const std::string& at);
void add_commands(Json& record, const std::vector<SentCommand>& commands, const std::string& at);

/// Marks the areas of these kinds as opened, or why they were not.
void note_opened(Json& areas, const OpenedAreas& opened);
/// Marks as opened what is no longer hidden: an earlier process opened it.
void note_vanished(Json& areas, const std::vector<HiddenArea>& still_hidden);
/// Of namespaces: those that the drive still does not show were not opened.
void note_attached(Json& areas, const std::vector<HiddenArea>& found_since);
/// Every area that is neither covered nor opened is an exception.
void except_hidden_areas(const Json& areas, Outcome& outcome);

/// How the look behind the drive ended.
struct MarksReport {
    bool performed = false;
    bool passed = false;
    std::string identity = "not read";
    Promise promise;              ///< of the look after the drive's end
    std::vector<MarksSeen> seen;  ///< one a surface, looks of media verification included
    Json statuses = Json::array();
    Json recheck;     ///< null, or what was done about places that could not be read
    Json by_command;  ///< null, or what the drive's own read command gave
    std::optional<WholeSeen> whole;
};
/// Canaries and telling samples that no look could read so far.
struct PlacesNotRead {
    std::uint64_t count = 0;
    std::vector<std::vector<std::uint64_t>> canaries;  ///< one list a surface
};
[[nodiscard]] PlacesNotRead places_not_read(const EraseState& state,
                                            const std::vector<MarksSeen>& looks);
/// Lowers the verdict by everything that speaks against an erase.
void judge_marks(const EraseState& state, const std::vector<MarksSeen>& seen, Outcome& outcome,
                 MarksReport& report);

/// What became of what start() had set on the drive.
struct CleanUp {
    enum class Result { not_needed, done, failed } result = Result::not_needed;
    std::string problem;  ///< why it failed
};
/// As the record has it: "ok", "not needed" or the problem.
[[nodiscard]] std::string to_text(const CleanUp& clean_up);

/// How an erasure ended, as this process saw it.
struct EraseEnd {
    OperationState said;              ///< by the drive, last
    std::vector<MarksSeen> verified;  ///< in its own media verification
    CleanUp clean_up;
};
[[nodiscard]] Json operation_record(const EraseState& state, std::string_view command_set,
                                    const std::optional<std::chrono::seconds>& estimate,
                                    const EraseEnd& end);
[[nodiscard]] Json drive_record(const EraseState& state, std::string_view command_set,
                                const DriveSurvey& survey);
[[nodiscard]] Json verification_record(const EraseState& state, const MarksReport& report);

}  // namespace efface::method

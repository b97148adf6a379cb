// SPDX-License-Identifier: Apache-2.0
// How what was seen behind a drive's erase is judged. What was not read proves nothing.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "record.hpp"

namespace efface::method {

namespace {

constexpr const char* kWordAlone =
    "; unread blocks prove nothing: only the drive reports that they were erased, and no level is "
    "claimed; erase it once more with a technique that leaves readable blocks";

bool among(const std::vector<std::uint64_t>& offsets, std::uint64_t offset) {
    return std::find(offsets.begin(), offsets.end(), offset) != offsets.end();
}

/// A canary that stood in any look stands; one that could not be read in any was not read. Samples
/// alike.
struct SurfaceSeen {
    std::vector<std::uint64_t> intact;
    std::vector<std::uint64_t> unreadable;
    std::vector<std::uint64_t> unexpected;
    std::uint64_t changed = 0;
    std::uint64_t samples_changed = 0;
    std::uint64_t samples_unchanged = 0;
    std::uint64_t samples_unreadable = 0;
    std::uint64_t samples_uninformative = 0;
};

void add_sample(const std::vector<MarksSeen>& looks, std::size_t surface, std::size_t surfaces,
                std::size_t sample, SurfaceSeen& seen) {
    auto found = SampleSeen::unreadable;
    for (std::size_t look = surface; look < looks.size(); look += surfaces) {
        if (sample < looks[look].samples.size()) {
            found = std::max(found, looks[look].samples[sample]);
        }
    }
    switch (found) {
        case SampleSeen::unreadable:
            ++seen.samples_unreadable;
            break;
        case SampleSeen::uninformative:
            ++seen.samples_uninformative;
            break;
        case SampleSeen::changed:
            ++seen.samples_changed;
            break;
        case SampleSeen::unchanged:
            ++seen.samples_unchanged;
            break;
    }
}

SurfaceSeen seen_on(const EraseState& state, const std::vector<MarksSeen>& looks,
                    std::size_t surface) {
    SurfaceSeen seen;
    const std::size_t surfaces = state.marks.size();
    if (looks.empty()) {
        return seen;  // nobody looked
    }
    for (const auto offset : state.marks[surface].canaries) {
        bool intact = false;
        bool read = false;
        bool unexpected = false;
        for (std::size_t look = surface; look < looks.size(); look += surfaces) {
            intact = intact || among(looks[look].intact, offset);
            read = read || !among(looks[look].unreadable, offset);
            unexpected = unexpected || among(looks[look].unexpected, offset);
        }
        if (intact) {
            seen.intact.push_back(offset);
        } else if (read) {
            ++seen.changed;
        } else {
            seen.unreadable.push_back(offset);
            if (unexpected) {
                seen.unexpected.push_back(offset);
            }
        }
    }
    for (std::size_t i = 0; i < state.marks[surface].samples.size(); ++i) {
        add_sample(looks, surface, surfaces, i, seen);
    }
    return seen;
}

std::string places_in_words(const std::vector<std::uint64_t>& places) {
    const auto end =
        places.begin() + static_cast<std::ptrdiff_t>(std::min(places.size(), kPlacesNamedMax));
    const std::size_t more = places.size() - std::min(places.size(), kPlacesNamedMax);
    return fmt::format("byte {}{}", fmt::join(places.begin(), end, ", "),
                       more == 0 ? "" : fmt::format(" and {} more places", more));
}

/// Sums over surfaces.
struct Totals {
    std::uint64_t placed = 0;
    std::uint64_t refused = 0;
    std::uint64_t promised_checked = 0;
    std::uint64_t promised_mismatches = 0;
    SurfaceSeen seen;
};

Totals totals_of(const EraseState& state, const std::vector<MarksSeen>& looks) {
    Totals totals;
    auto& sum = totals.seen;
    const auto append = [](std::vector<std::uint64_t>& list, const auto& more) {
        list.insert(list.end(), more.begin(), more.end());
    };
    for (std::size_t i = 0; i < state.marks.size(); ++i) {
        const auto seen = seen_on(state, looks, i);
        totals.placed += state.marks[i].canaries.size();
        totals.refused += state.marks[i].refused;
        append(sum.intact, seen.intact);
        append(sum.unreadable, seen.unreadable);
        sum.changed += seen.changed;
        sum.samples_changed += seen.samples_changed;
        sum.samples_unchanged += seen.samples_unchanged;
        sum.samples_unreadable += seen.samples_unreadable;
        sum.samples_uninformative += seen.samples_uninformative;
    }
    for (const auto& look : looks) {
        totals.promised_checked += look.promised_checked;
        totals.promised_mismatches += look.promised_mismatches;
    }
    return totals;
}

Json statuses_of(const std::vector<MarksSeen>& looks) {
    std::map<MarksSeen::Status, std::uint64_t> all;
    for (const auto& look : looks) {
        for (const auto& [status, count] : look.statuses) {
            all[status] += count;
        }
    }
    Json list = Json::array();
    for (const auto& [status, count] : all) {
        list.push_back(ObjectWriter()
                           .add("status", status.text)
                           .add("count", count)
                           .add("expected", status.expected)
                           .take());
    }
    return list;
}

/// So many of so many were read and differ: enough to count on.
bool evident(std::uint64_t changed, std::uint64_t of) {
    return changed * kEvidenceOf >= of * kEvidenceShare;
}

/// What a surface lacks in evidence costs the level; false when it is unknown what it holds.
bool judge_surface(const SurfaceMarks& marks, const SurfaceSeen& seen, Outcome& outcome) {
    const auto except = [&](ReasonCode code, std::string text) {
        outcome.exceptions.push_back({code, std::move(text)});
    };
    if (seen.unexpected.size() * kUnexpectedShare > marks.canaries.size()) {
        outcome.verdict = worst(outcome.verdict, Verdict::indeterminate);
        outcome.reasons.push_back(
            {ReasonCode::no_evidence_read,
             fmt::format("{} of {} canaries on {} cannot be read although the technique leaves "
                         "them readable: what became of them is unknown",
                         seen.unexpected.size(), marks.canaries.size(), marks.name)});
        return false;
    }
    const std::uint64_t asked = marks.canaries.size() + marks.refused;
    if (!evident(seen.changed + seen.intact.size(), asked)) {
        outcome.level_limit = Level::none;
        except(ReasonCode::no_evidence_read,
               fmt::format("only {} of {} canaries on {} could be placed and read again{}",
                           seen.changed + seen.intact.size(), asked, marks.name, kWordAlone));
    } else if (!seen.unreadable.empty()) {
        except(ReasonCode::unreadable_blocks,
               fmt::format("{} of {} canaries on {} cannot be read: {}", seen.unreadable.size(),
                           marks.canaries.size(), marks.name, places_in_words(seen.unreadable)));
    }
    const std::uint64_t samples =
        seen.samples_changed + seen.samples_unchanged + seen.samples_unreadable;
    if (!evident(seen.samples_changed + seen.samples_unchanged, samples)) {
        outcome.level_limit = Level::none;
        except(ReasonCode::no_evidence_read,
               fmt::format("only {} of {} samples of the old content of {} could be read again{}",
                           seen.samples_changed + seen.samples_unchanged, samples, marks.name,
                           kWordAlone));
    }
    return true;
}

Json samples_json(const EraseState& state, const std::vector<MarksSeen>& looks,
                  const SurfaceSeen& sum) {
    Json surfaces = Json::array();
    for (std::size_t i = 0; i < state.marks.size(); ++i) {
        const auto seen = seen_on(state, looks, i);
        surfaces.push_back(ObjectWriter()
                               .add("name", printable(state.marks[i].name))
                               .add("changed", seen.samples_changed)
                               .add("unreadable", seen.samples_unreadable)
                               .take());
    }
    return ObjectWriter()
        .add("taken", sum.samples_changed + sum.samples_unchanged + sum.samples_uninformative +
                          sum.samples_unreadable)
        .add("changed", sum.samples_changed)
        .add("uninformative", sum.samples_uninformative)
        .add("unchanged", sum.samples_unchanged)
        .add("unreadable", sum.samples_unreadable)
        .add("surfaces", std::move(surfaces))
        .take();
}

Json canaries_json(const EraseState& state, const std::vector<MarksSeen>& looks,
                   const Totals& totals) {
    Json surfaces = Json::array();
    std::uint32_t block_bytes = canary_bytes();
    for (std::size_t i = 0; i < state.marks.size(); ++i) {
        const auto& marks = state.marks[i];
        const auto seen = seen_on(state, looks, i);
        block_bytes = std::max(block_bytes, marks.block_bytes);
        surfaces.push_back(ObjectWriter()
                               .add("name", printable(marks.name))
                               .add("sizeBytes", marks.size_bytes)
                               .add("blockBytes", marks.block_bytes)
                               .add("offsets", Json(marks.canaries))
                               .add("refused", marks.refused)
                               .add("intact", Json(seen.intact))
                               .add("unreadable", Json(seen.unreadable))
                               .add("unexpected", Json(seen.unexpected))
                               .take());
    }
    return ObjectWriter()
        .add("blockBytes", block_bytes)
        .add("placed", totals.placed)
        .add("refused", totals.refused)
        .add("changed", totals.seen.changed)
        .add("unreadable", totals.seen.unreadable.size())
        .add("intact", totals.seen.intact.size())
        .add("surfaces", std::move(surfaces))
        .take();
}

/// Where the drive deallocated blocks although it was told not to, by surface.
Json deallocated_json(const EraseState& state, const std::vector<MarksSeen>& looks) {
    Json list = Json::array();
    for (std::size_t i = 0; i < looks.size(); ++i) {
        const auto& places = looks[i].deallocated;
        if (!places.empty()) {
            list.push_back(ObjectWriter()
                               .add("surface", printable(state.marks[i % state.marks.size()].name))
                               .add("blocks", places.size())
                               .add("first", *std::min_element(places.begin(), places.end()))
                               .take());
        }
    }
    return list;
}

Json expected_json(const EraseState& state, const MarksReport& report, const Totals& totals) {
    ObjectWriter json;
    json.add("content", totals.promised_checked == 0 ? "nothing" : to_text(report.promise))
        .add("checked", totals.promised_checked)
        .add("mismatches", totals.promised_mismatches);
    auto deallocated = deallocated_json(state, report.seen);
    if (!deallocated.empty()) {
        json.add("deallocated", std::move(deallocated));
    }
    return json.take();
}

}  // namespace

PlacesNotRead places_not_read(const EraseState& state, const std::vector<MarksSeen>& looks) {
    PlacesNotRead all;
    for (std::size_t i = 0; i < state.marks.size(); ++i) {
        auto seen = seen_on(state, looks, i);
        all.count += seen.unreadable.size() + seen.samples_unreadable;
        all.canaries.push_back(std::move(seen.unreadable));
    }
    return all;
}

void judge_marks(const EraseState& state, const std::vector<MarksSeen>& seen, Outcome& outcome,
                 MarksReport& report) {
    const auto totals = totals_of(state, seen);
    const auto& sum = totals.seen;
    const auto lower = [&](Verdict verdict, ReasonCode code, std::string text) {
        outcome.verdict = worst(outcome.verdict, verdict);
        outcome.reasons.push_back({code, std::move(text)});
    };
    report.seen = seen;
    report.statuses = statuses_of(seen);
    if (!sum.intact.empty()) {
        lower(Verdict::not_sanitized, ReasonCode::old_data_found,
              fmt::format("{} of {} canaries are still there: the drive has not erased them",
                          sum.intact.size(), totals.placed));
    }
    if (sum.samples_unchanged > 0) {
        lower(Verdict::not_sanitized, ReasonCode::old_data_found,
              fmt::format("{} sampled blocks still hold their old content", sum.samples_unchanged));
    }
    if (totals.promised_mismatches > 0) {
        lower(Verdict::not_sanitized, ReasonCode::content_differs,
              fmt::format("{} of {} blocks do not hold what the technique leaves",
                          totals.promised_mismatches, totals.promised_checked));
    }
    if (totals.placed == 0 && !state.adopted) {
        lower(Verdict::indeterminate, ReasonCode::no_evidence_read,
              "no canary could be placed, so no change can be proved: erase the drive once more, "
              "with another technique if this one has nothing left to do");
    }
    bool bearable = true;
    for (std::size_t i = 0; i < state.marks.size() && totals.placed > 0; ++i) {
        bearable = judge_surface(state.marks[i], seen_on(state, seen, i), outcome) && bearable;
    }
    const bool missing = !sum.unreadable.empty() || sum.samples_unreadable > 0;
    for (const auto& status : report.statuses) {
        if (status.at("expected").get<bool>() && !missing) {
            continue;  // read in another look
        }
        outcome.exceptions.push_back(
            {ReasonCode::unreadable_blocks,
             fmt::format("{} places cannot be read: {}", status.at("count").get<std::uint64_t>(),
                         status.at("status").get<std::string>())});
    }
    if (totals.refused > 0 && totals.placed > 0) {
        outcome.exceptions.push_back(
            {ReasonCode::canaries_refused,
             fmt::format("{} canaries could not be placed", totals.refused)});
    }
    report.passed = bearable && sum.intact.empty() && sum.samples_unchanged == 0 &&
                    totals.promised_mismatches == 0 && (totals.placed > 0 || state.adopted);
    outcome.observations.push_back({state.completed_at, "canaries checked",
                                    ObjectWriter()
                                        .add("placed", totals.placed)
                                        .add("changed", sum.changed)
                                        .add("unreadable", sum.unreadable.size())
                                        .add("intact", sum.intact.size())
                                        .add("statuses", report.statuses)
                                        .take()});
}

Json verification_record(const EraseState& state, const MarksReport& report) {
    const auto totals = totals_of(state, report.seen);
    ObjectWriter record;
    record.add("method", report.whole       ? "full-read-back"
                         : report.performed ? "canaries"
                                            : "none")
        .add("performed", report.performed)
        .add("result", !report.performed ? "not-performed"
                       : report.passed   ? "pass"
                                         : "fail")
        .add("identity", report.identity)
        .add("seed", to_hex(state.seed))
        .add("canaries", canaries_json(state, report.seen, totals))
        .add("samples", samples_json(state, report.seen, totals.seen))
        .add("expected", expected_json(state, report, totals))
        .add("unreadableStatuses", report.statuses)
        .add("recheck", report.recheck)
        .add("byCommand", report.by_command);
    if (report.whole) {
        record.add("whole", to_json(*report.whole));
    }
    return record.take();
}

}  // namespace efface::method

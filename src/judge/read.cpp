// SPDX-License-Identifier: Apache-2.0
// What was not read proves nothing. A place that cannot be read is no evidence of anything,
// whatever status the read ended with: it is named, and where there are many there is no level.
#include <algorithm>

#include "records/target_claim.hpp"
#include "records/volume_claim.hpp"

namespace efface::judge {

namespace {

constexpr std::string_view kAttach = "Namespace Attachment (attach";  // and which one

std::uint64_t refused_of(const RecordView& part) {
    const auto refused = part.maybe("refused");  // since 1.1.0
    return refused ? bytes_of(*refused) : 0;
}

/// Canaries that were read and differ, of those that were to be placed, on each surface.
bool enough_canaries(const RecordView& canaries, std::uint64_t one_in) {
    const auto surfaces = canaries.at("surfaces").items();
    return std::all_of(surfaces.begin(), surfaces.end(), [&](const RecordView& surface) {
        const std::uint64_t placed = surface.at("offsets").items().size();
        const std::uint64_t lost =
            surface.at("unreadable").items().size() + surface.at("intact").items().size();
        return lost <= placed && is_enough(placed - lost, placed + refused_of(surface), one_in);
    });
}

/// Samples that could tell something.
bool enough_samples(const RecordView& samples, std::uint64_t one_in) {
    const auto list = samples.maybe("surfaces");  // since 1.1.0
    const auto surfaces = list ? list->items() : std::vector<RecordView>();
    return std::all_of(surfaces.begin(), surfaces.end(), [&](const RecordView& surface) {
        const std::uint64_t changed = bytes_of(surface.at("changed"));
        return is_enough(changed, changed + bytes_of(surface.at("unreadable")), one_in);
    });
}

/// Only a claim that says so, and has no level, may rest on less.
void check_enough(bool enough, const RecordView& predicate, const RecordView& place,
                  const Claim& claim) {
    const RecordView exceptions = predicate.at("result").at("exceptions");
    const bool said = claim.schema != Schema::v1_0 && !claim.whole && claim.level == "none" &&
                      names_reason(exceptions, "no-evidence-read");
    if (!enough && !said) {
        place.fail("leaves too little that was read and changed: the target cannot be " +
                   claim.status + ", level " + claim.level);
    }
}

void check_drive_whole(const RecordView& predicate, const RecordView& whole, const Claim& claim) {
    const RecordView planned = whole.at("bytesPlanned");
    const RecordView unreadable = whole.at("unreadableBytes");
    if (planned.number() < claim.size) {
        planned.fail("is less than the target holds");
    }
    check_enough(is_enough(whole.at("bytesCompared").number(), planned.number(),
                           claim.family->whole_lost_one_in),
                 predicate, whole.at("bytesCompared"), claim);
    if (claim.schema != Schema::v1_0 &&
        whole.at("unexpectedBytes").number() != unreadable.number()) {
        whole.at("unexpectedBytes").fail("must be all that could not be read");
    }
}

/// What is left out of the counts of the whole must be in those of the surfaces.
void check_sums(const RecordView& verification) {
    const RecordView canaries = verification.at("canaries");
    std::uint64_t refused = 0;
    for (const RecordView& surface : canaries.at("surfaces").items()) {
        refused += refused_of(surface);
    }
    if (refused != bytes_of(canaries.at("refused"))) {
        canaries.at("refused").fail("is not the sum of the surfaces");
    }
    const RecordView samples = verification.at("samples");
    for (const char* key : {"changed", "unreadable"}) {
        std::uint64_t sum = 0;
        for (const RecordView& surface : samples.at("surfaces").items()) {
            sum += bytes_of(surface.at(key));
        }
        if (sum != bytes_of(samples.at(key))) {
            samples.at(key).fail("is not the sum of the surfaces");
        }
    }
    if (const auto by_command = verification.maybe("byCommand")) {
        if (bytes_of(by_command->at("intact")) > bytes_of(by_command->at("looked"))) {
            by_command->fail("does not add up");
        }
    }
}

/// Canaries on storage that the host does not show as a whole are those of a surface of its own.
void check_opened_areas(const RecordView& predicate) {
    const RecordView canaries = predicate.at("verification").at("canaries");
    std::uint64_t by_command = 0;
    const auto surfaces = canaries.at("surfaces").items();
    for (const RecordView& surface : surfaces) {
        by_command += surface.at("name").text().ends_with(" by command") ? 1U : 0U;
    }
    std::uint64_t attached = 0;
    for (const RecordView& command :
         predicate.at("sanitization").at("operation").at("commands").items()) {
        attached += command.at("name").text().starts_with(kAttach) ? 1U : 0U;
    }
    std::uint64_t namespaces = 0;
    for (const RecordView& area : predicate.at("target").at("hiddenAreas").at("areas").items()) {
        const std::string& kind = area.at("kind").text();
        const bool opened = area.at("opened").flag();
        if (kind == "not-shown" && opened && by_command == 0) {
            area.at("opened").fail("is claimed, but nothing was checked beyond the cut");
        }
        namespaces += kind == "unattached-namespace" && opened ? 1U : 0U;
        if (namespaces > attached || namespaces >= std::max<std::size_t>(surfaces.size(), 1)) {
            area.at("opened").fail("is claimed, but it was not attached and examined");
        }
    }
}

/// Where the drive says that it is larger, the difference is listed.
void check_capacity(const RecordView& target, const Claim& claim) {
    const auto drive = target.maybe("drive");
    const auto capacity = drive ? drive->maybe("capacityBytes") : std::nullopt;
    if (!capacity || bytes_of(*capacity) <= claim.size) {
        return;
    }
    const auto areas = target.at("hiddenAreas").maybe("areas");
    const auto list = areas ? areas->items() : std::vector<RecordView>();
    const bool listed = std::any_of(list.begin(), list.end(), [&](const RecordView& area) {
        return area.at("kind").text() == "not-shown" &&
               area.at("bytes").number() == capacity->number() - claim.size;
    });
    if (!listed) {
        capacity->fail("is more than was erased, and the difference is not listed as not-shown");
    }
}

}  // namespace

void check_unseen_areas(const RecordView& predicate, const Claim& claim) {
    const auto areas = predicate.at("target").at("hiddenAreas").maybe("areas");
    if (claim.schema == Schema::v1_0) {
        return;
    }
    check_capacity(predicate.at("target"), claim);
    if (!areas) {
        return;
    }
    const rules::HiddenAreaRule& rule = claim.table->hidden_areas();
    const RecordView exceptions = predicate.at("result").at("exceptions");
    const bool named = std::any_of(rule.except.begin(), rule.except.end(), [&](const auto& code) {
        return names_reason(exceptions, code);
    });
    const auto is_one_of = [](const rules::Words& kinds, const std::string& kind) {
        return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
    };
    for (const RecordView& area : areas->items()) {
        const std::string& kind = area.at("kind").text();
        const bool covered = area.at("covered").flag();
        const bool reached = covered || area.at("opened").flag();
        if (covered && is_one_of(rule.never_covered, kind)) {
            area.at("covered").fail("does not cover what the host does not show");
        }
        if (claim.success && !reached && !rule.except.empty() && !named) {
            area.fail("was not reached, and no exception is " + rule.except.front());
        }
        if (!reached && is_one_of(rule.no_level, kind) && claim.level != "none") {
            area.fail("was not reached: the drive is larger than what was erased, so no level");
        }
    }
}

void check_drive_was_read(const RecordView& predicate, const Claim& claim) {
    const RecordView verification = predicate.at("verification");
    const RecordView canaries = verification.at("canaries");
    const RecordView samples = verification.at("samples");
    const rules::Family& family = *claim.family;
    check_enough(enough_canaries(canaries, family.canaries.lost_one_in), predicate, canaries,
                 claim);
    check_enough(enough_samples(samples, family.samples_lost_one_in), predicate, samples, claim);
    if (const auto whole = verification.maybe("whole")) {
        check_drive_whole(predicate, *whole, claim);
    }
    if (claim.schema == Schema::v1_0) {
        return;
    }
    check_sums(verification);
    check_opened_areas(predicate);
    if (const auto again = verification.maybe("recheck");
        again && bytes_of(again->at("unreadableBefore")) <
                     canaries.at("unreadable").number() + samples.at("unreadable").number()) {
        again->at("unreadableBefore").fail("is less than what still cannot be read");
    }
    const bool promised = verification.at("expected").at("content").text() != "nothing";
    for (const RecordView& status : verification.at("unreadableStatuses").items()) {
        if (promised && status.at("expected").flag()) {
            status.at("expected").fail("is not what a drive with promised content leaves");
        }
    }
}

bool is_enough(std::uint64_t read, std::uint64_t of, std::uint64_t one_in) noexcept {
    return read <= of && (one_in == 0 || of - read <= of / one_in);
}

void check_overwrite_was_read(const RecordView& predicate, const Claim& claim) {
    const RecordView verification = predicate.at("verification");
    if (!is_enough(verification.at("bytesCompared").number(),
                   verification.at("bytesPlanned").number(), claim.family->unread_one_in)) {
        verification.at("bytesCompared")
            .fail("is too little for a verdict: the target cannot be " + claim.status);
    }
    for (const RecordView& pass : predicate.at("sanitization").at("passes").items()) {
        const RecordView failed = pass.at("writeFaults").at("bytes");
        const std::uint64_t one_in = claim.family->unwritten_one_in;
        if (one_in != 0 && failed.number() > claim.size / one_in) {
            failed.fail("are too many to be bad blocks: the target cannot be " + claim.status);
        }
    }
}

}  // namespace efface::judge

// SPDX-License-Identifier: Apache-2.0
// What a certificate for a drive that erased itself may claim. The drive's word is needed and never
// enough: what stood on it before must have been looked for, and be gone.
#include <algorithm>
#include <set>

#include "efface/rules/techniques.hpp"

#include "target_claim.hpp"

namespace efface::judge {

namespace {

/// Canaries by what became of them.
struct Canaries {
    std::uint64_t placed = 0;
    std::uint64_t changed = 0;
    std::uint64_t unreadable = 0;
    std::uint64_t intact = 0;
    std::uint64_t unexpected = 0;  ///< of the unreadable ones
};

/// One drive, one technique, one set of commands.
void check_one_drive(const RecordView& predicate, const Claim& claim) {
    const RecordView target = predicate.at("target");
    const RecordView sanitization = predicate.at("sanitization");
    if (claim.type != TargetType::media) {
        predicate.at("certificateType").fail("must be media: a drive erased itself");
    }
    (void)target.at("kind").one_of({"disk"});
    if (!sanitization.at("passes").items().empty()) {
        sanitization.at("passes").fail("belong to an overwrite");
    }
    const RecordView drive = target.at("drive");
    const std::string_view set = rules::command_set_of(claim.technique);
    for (const RecordView& place : {drive, sanitization.at("operation")}) {
        if (place.at("commandSet").text() != set) {
            place.at("commandSet").fail("does not have " + claim.technique);
        }
    }
    const std::string told = drive.at("serial").text();
    const std::string named = serial_of(predicate.at("targetIdentity"));
    if (!told.empty() && !named.empty() && told != named) {
        drive.at("serial").fail("is that of another drive");
    }
}

/// All that was done to the drive lies inside the run.
void check_operation_times(const RecordView& sanitization) {
    const WallTime from = sanitization.at("startedAt").time();
    const WallTime to = sanitization.at("completedAt").time();
    const auto inside = [&](const RecordView& time) {
        if (time.time() < from || time.time() > to) {
            time.fail("lies outside the run");
        }
    };
    const RecordView operation = sanitization.at("operation");
    for (const char* list : {"powerCycles", "commands"}) {
        for (const RecordView& item : operation.at(list).items()) {
            inside(item.at("at"));
        }
    }
    const auto started = time_of(operation, "startedAt");
    const auto completed = time_of(operation, "completedAt");
    for (const char* key : {"startedAt", "completedAt"}) {
        if (time_of(operation, key)) {
            inside(operation.at(key));
        }
    }
    if (completed && (!started || *completed < *started)) {
        operation.at("completedAt").fail("is before the start");
    }
}

/// The offsets of one list: sorted, apart from each other by `step` at least.
std::vector<std::uint64_t> offsets_of(const RecordView& list, std::uint64_t step) {
    std::vector<std::uint64_t> offsets;
    for (const RecordView& item : list.items()) {
        const std::uint64_t offset = bytes_of(item);
        if (!offsets.empty() && offset < offsets.back() + step) {
            item.fail("must be sorted, and blocks apart");
        }
        offsets.push_back(offset);
    }
    return offsets;
}

/// What was seen of the canaries of one surface: places that are listed, each once.
Canaries check_surface(const RecordView& surface, std::uint64_t block) {
    const auto placed = offsets_of(surface.at("offsets"), block);
    const auto intact = offsets_of(surface.at("intact"), block);
    const auto unreadable = offsets_of(surface.at("unreadable"), block);
    const auto unexpected = offsets_of(surface.at("unexpected"), block);
    const std::uint64_t size = bytes_of(surface.at("sizeBytes"));
    if (!placed.empty() && placed.back() + block > size) {
        surface.at("offsets").fail("lie outside the surface");
    }
    for (const auto* seen : {&intact, &unreadable}) {
        if (!std::includes(placed.begin(), placed.end(), seen->begin(), seen->end())) {
            surface.fail("lists places where no canary was");
        }
    }
    if (!std::includes(unreadable.begin(), unreadable.end(), unexpected.begin(),
                       unexpected.end())) {
        surface.at("unexpected").fail("names what could be read");
    }
    for (const std::uint64_t offset : intact) {
        if (std::binary_search(unreadable.begin(), unreadable.end(), offset)) {
            surface.at("unreadable").fail("names what could be read");
        }
    }
    return {placed.size(), 0, unreadable.size(), intact.size(), unexpected.size()};
}

/// Whatever the verdict: every canary that is counted is listed.
Canaries check_canary_counts(const RecordView& canaries) {
    Canaries counted{canaries.at("placed").number(), canaries.at("changed").number(),
                     canaries.at("unreadable").number(), canaries.at("intact").number(), 0};
    Canaries listed;
    std::set<std::string> names;
    for (const RecordView& surface : canaries.at("surfaces").items()) {
        if (!names.insert(surface.at("name").text()).second) {
            surface.at("name").fail("is listed twice");
        }
        const Canaries seen = check_surface(surface, bytes_of(canaries.at("blockBytes")));
        listed.placed += seen.placed;
        listed.unreadable += seen.unreadable;
        listed.intact += seen.intact;
        counted.unexpected += seen.unexpected;
    }
    if (listed.placed != counted.placed) {
        canaries.at("placed").fail("is not the number of the offsets");
    }
    if (listed.intact != counted.intact) {
        canaries.at("intact").fail("is not the number of the offsets");
    }
    if (listed.unreadable != counted.unreadable) {
        canaries.at("unreadable").fail("is not the number of the offsets");
    }
    // The lists bound two of the three, so the sum can not overflow when the third is bounded.
    if (counted.changed > counted.placed ||
        counted.changed + counted.unreadable + counted.intact > counted.placed) {
        canaries.at("changed").fail("is more than was placed");
    }
    return counted;
}

/// Whatever the verdict: samples and promises add up.
void check_other_counts(const RecordView& verification) {
    const RecordView samples = verification.at("samples");
    std::uint64_t seen = 0;
    for (const char* key : {"changed", "uninformative", "unchanged", "unreadable"}) {
        seen += bytes_of(samples.at(key));
    }
    if (seen > bytes_of(samples.at("taken"))) {
        samples.at("taken").fail("is less than what became of them");
    }
    const RecordView expected = verification.at("expected");
    if (bytes_of(expected.at("mismatches")) > bytes_of(expected.at("checked")) ||
        (expected.at("content").text() == "nothing" && expected.at("checked").number() != 0)) {
        expected.fail("does not add up");
    }
}

/// A place that could not be read has a status that says so.
void check_statuses(const RecordView& verification, const Canaries& canaries) {
    const RecordView statuses = verification.at("unreadableStatuses");
    std::uint64_t told = 0;
    std::uint64_t told_unexpected = 0;
    for (const RecordView& status : statuses.items()) {
        if (bytes_of(status.at("count")) == 0) {
            status.at("count").fail("is that of nothing");
        }
        told += status.at("count").number();
        told_unexpected += status.at("expected").flag() ? 0 : status.at("count").number();
    }
    if (told_unexpected < canaries.unexpected ||
        told - told_unexpected < canaries.unreadable - canaries.unexpected) {
        statuses.fail("are not those of the canaries: which were expected?");
    }
    if (told < canaries.unreadable + verification.at("samples").at("unreadable").number()) {
        statuses.fail("do not account for every place that could not be read");
    }
}

/// Looking that was not performed has seen nothing.
void check_not_looked(const RecordView& verification, const Canaries& canaries) {
    const RecordView samples = verification.at("samples");
    std::uint64_t seen = canaries.changed + canaries.unreadable + canaries.intact;
    for (const char* key : {"changed", "uninformative", "unchanged", "unreadable"}) {
        seen += samples.at(key).number();
    }
    if (seen + verification.at("expected").at("checked").number() +
            verification.at("unreadableStatuses").items().size() !=
        0) {
        verification.fail("was not performed, and yet tells what was seen");
    }
}

/// Whatever the verdict: looking that passed looked for everything, and found nothing.
void check_passed(const RecordView& verification, const Canaries& canaries, const Claim& claim,
                  bool adopted) {
    if (canaries.placed == 0 && !adopted) {
        verification.at("canaries").at("placed").fail("is 0: nothing was looked for");
    }
    if (canaries.placed != 0) {
        (void)verification.at("seed").non_empty_text();
    }
    if (canaries.intact != 0) {
        verification.at("canaries").at("intact").fail("is old data: it did not pass");
    }
    if (canaries.changed + canaries.unreadable != canaries.placed) {
        verification.at("canaries").at("changed").fail("is not all that was placed");
    }
    for (const RecordView& surface : verification.at("canaries").at("surfaces").items()) {
        if (surface.at("unexpected").items().size() * kUnexpectedShare >
            surface.at("offsets").items().size()) {
            surface.at("unexpected").fail("are too many to know what became of them");
        }
    }
    const RecordView samples = verification.at("samples");
    if (samples.at("unchanged").number() != 0) {
        samples.at("unchanged").fail("is old data: it did not pass");
    }
    if (samples.at("changed").number() + samples.at("uninformative").number() +
            samples.at("unreadable").number() !=
        samples.at("taken").number()) {
        samples.at("taken").fail("were not all looked at again");
    }
    const RecordView expected = verification.at("expected");
    if (expected.at("mismatches").number() != 0) {
        expected.at("mismatches").fail("is not what was promised: it did not pass");
    }
    // What could be read must have been held against the promise.
    if (canaries.changed != 0 && expected.at("content").text() != "nothing" &&
        expected.at("checked").number() == 0) {
        expected.at("checked").fail("is 0: the promise was not looked at");
    }
    if (verification.at("identity").text() != "same") {
        verification.at("identity").fail("must be the same, or it is not " + claim.status);
    }
}

/// Both ends of everything that the host addresses, and all of the target.
void check_surfaces(const RecordView& predicate) {
    const RecordView canaries = predicate.at("verification").at("canaries");
    const std::uint64_t block = canaries.at("blockBytes").number();
    std::uint64_t largest = 0;
    for (const RecordView& surface : canaries.at("surfaces").items()) {
        const std::uint64_t size = bytes_of(surface.at("sizeBytes"));
        const auto offsets = surface.at("offsets").items();
        if (offsets.empty() || offsets.front().number() != 0 ||
            offsets.back().number() + block != size) {
            surface.at("offsets").fail("must have the first and the last block");
        }
        largest = std::max(largest, size);
    }
    if (largest < bytes_of(predicate.at("target").at("sizeBytes"))) {
        canaries.at("surfaces").fail("are not the whole target");
    }
}

/// The drive said that it had done it, wholly, and nothing of ours stayed behind.
void check_reported(const RecordView& sanitization, const Claim& claim) {
    const RecordView operation = sanitization.at("operation");
    const bool adopted = operation.at("adopted").flag();
    const RecordView phase = operation.at("finalState").at("phase");
    if (phase.text() != "succeeded") {
        phase.fail("is no success, so the target can not be " + claim.status);
    }
    (void)operation.at("startedAt").time();
    (void)operation.at("completedAt").time();
    if (adopted && claim.whole) {
        operation.at("adopted").fail("needs exceptions: the target can not be " + claim.status);
    }
    if (adopted && claim.level != "none") {
        operation.at("adopted").fail("is the drive's word alone: it has no level");
    }
    if (!adopted && operation.at("commands").items().empty()) {
        operation.at("commands").fail("is empty: nothing was sent");
    }
    const std::string& clean = operation.at("cleanUp").text();
    if (clean != "ok" && clean != "not needed") {
        operation.at("cleanUp").fail("left something behind, so the target can not be " +
                                     claim.status);
    }
    const std::string_view set = rules::command_set_of(claim.technique);
    if (set == "tcg" || set == "block") {
        return;  // they leave no status to be read
    }
    for (const char* key : {"statusBefore", "statusAfter"}) {
        const auto pages = sanitization.at(key).items();
        const bool told = std::any_of(pages.begin(), pages.end(), [](const RecordView& page) {
            const std::string& hex = page.at("hex").text(std::string::npos);
            return hex.find_first_not_of('0') != std::string::npos;
        });
        if (!told) {
            sanitization.at(key).fail("tells nothing, so the target can not be " + claim.status);
        }
    }
}

void check_drive_success(const RecordView& predicate, const Canaries& canaries,
                         const Claim& claim) {
    const RecordView verification = predicate.at("verification");
    if (rules::level_limit(claim.technique).empty()) {
        predicate.at("sanitization").at("technique").fail("leaves nothing " + claim.status);
    }
    check_reported(predicate.at("sanitization"), claim);
    if (verification.at("result").text() != "pass") {
        verification.fail("did not pass, so the target can not be " + claim.status);
    }
    if (canaries.placed != 0) {
        check_surfaces(predicate);
    }
    check_drive_was_read(predicate, claim);
    if (const auto whole = verification.maybe("whole");
        whole && claim.whole && whole->at("unexpectedBytes").number() != 0) {
        whole->at("unexpectedBytes").fail("need exceptions");
    }
    for (const RecordView& status : verification.at("unreadableStatuses").items()) {
        if (claim.whole && !status.at("expected").flag()) {
            status.fail("was not expected: it needs exceptions");
        }
    }
    if (claim.level == "purge" && !predicate.at("target").at("hiddenAreas").at("examined").flag()) {
        predicate.at("result").at("level").fail("purge was claimed, but hidden areas not examined");
    }
}

/// A run that ended before the drive was asked for anything.
void check_not_begun(const RecordView& predicate, const Claim& claim) {
    const RecordView sanitization = predicate.at("sanitization");
    if (claim.success) {
        sanitization.fail("has no \"operation\", so the target can not be " + claim.status);
    }
    if (claim.type != TargetType::media || !sanitization.at("passes").items().empty()) {
        sanitization.at("technique").fail("is that of a drive, which was not asked");
    }
    const RecordView verification = predicate.at("verification");
    if (verification.at("performed").flag() ||
        verification.at("result").text() != "not-performed") {
        verification.fail("contradicts itself: nothing was done");
    }
}

}  // namespace

void check_drive_rules(const RecordView& predicate, const Claim& claim) {
    const RecordView sanitization = predicate.at("sanitization");
    if (!sanitization.maybe("operation")) {
        check_not_begun(predicate, claim);
        return;
    }
    check_one_drive(predicate, claim);
    check_operation_times(sanitization);
    const RecordView verification = predicate.at("verification");
    const bool performed = verification.at("performed").flag();
    if (performed == (verification.at("result").text() == "not-performed") ||
        (performed && verification.at("method").text() == "none")) {
        verification.fail("contradicts itself: was anything looked for?");
    }
    if (verification.at("independentOfEraser").flag()) {
        verification.at("independentOfEraser").fail("is not true: the eraser looked itself");
    }
    Canaries canaries;
    if (verification.maybe("canaries")) {
        canaries = check_canary_counts(verification.at("canaries"));
        check_other_counts(verification);
        check_statuses(verification, canaries);
        check_promised_content(verification);
        check_whole_medium(verification);
        if (!performed) {
            check_not_looked(verification, canaries);
        }
    }
    if (verification.at("result").text() == "pass") {
        check_passed(verification, canaries, claim,
                     sanitization.at("operation").at("adopted").flag());
    }
    if (claim.success) {
        check_drive_success(predicate, canaries, claim);
    }
}

}  // namespace efface::judge

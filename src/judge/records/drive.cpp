// SPDX-License-Identifier: Apache-2.0
// What a certificate for a drive that erased itself may claim. The drive's word is needed and never
// enough: what stood on it before must have been looked for, and be gone.
#include <algorithm>
#include <set>

#include "rules/status_page.hpp"
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
    const RecordView kind = target.at("kind");
    if (!claim.family->kinds.empty() && !is_one_of(claim.family->kinds, kind.text())) {
        kind.fail("does not erase itself");
    }
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
        drive.at("serial").fail("is the one of another drive");
    }
}

/// All that was done to the drive lies inside the run.
void check_operation_times(const RecordView& sanitization) {
    const WallTime from = sanitization.at("startedAt").time();
    const WallTime to = sanitization.at("completedAt").time();
    const auto inside = [&](const RecordView& time) {
        if (time.time() < from || time.time() > to) {
            time.fail("is outside the run");
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
            item.fail("must be sorted and a block apart");
        }
        offsets.push_back(offset);
    }
    return offsets;
}

/// Of the surface itself, where namespaces have blocks of several sizes.
std::uint64_t block_of(const RecordView& canaries, const RecordView& surface) {
    const auto own = surface.maybe("blockBytes");  // since 1.2.0
    return bytes_of(own ? *own : canaries.at("blockBytes"));
}

/// What was seen of the canaries of one surface: places that are listed, each once.
Canaries check_surface(const RecordView& surface, std::uint64_t block) {
    const auto placed = offsets_of(surface.at("offsets"), block);
    const auto intact = offsets_of(surface.at("intact"), block);
    const auto unreadable = offsets_of(surface.at("unreadable"), block);
    const auto unexpected = offsets_of(surface.at("unexpected"), block);
    const std::uint64_t size = bytes_of(surface.at("sizeBytes"));
    if (!placed.empty() && placed.back() + block > size) {
        surface.at("offsets").fail("are outside the surface");
    }
    for (const auto* seen : {&intact, &unreadable}) {
        if (!std::includes(placed.begin(), placed.end(), seen->begin(), seen->end())) {
            surface.fail("lists places that had no canary");
        }
    }
    if (!std::includes(unreadable.begin(), unreadable.end(), unexpected.begin(),
                       unexpected.end())) {
        surface.at("unexpected").fail("lists places that could be read");
    }
    for (const std::uint64_t offset : intact) {
        if (std::binary_search(unreadable.begin(), unreadable.end(), offset)) {
            surface.at("unreadable").fail("lists places that could be read");
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
        const Canaries seen = check_surface(surface, block_of(canaries, surface));
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
    // The lists bound two of the three, so the sum cannot overflow when the third is bounded.
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
        samples.at("taken").fail("is less than the outcomes add up to");
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
            status.at("count").fail("belongs to nothing");
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
        verification.fail("was not performed, yet it reports results");
    }
}

/// Whatever the verdict: looking that passed looked for everything, and found nothing.
void check_passed(const RecordView& verification, const Canaries& canaries, const Claim& claim,
                  bool adopted) {
    if (canaries.placed == 0 && !adopted) {
        verification.at("canaries").at("placed").fail("is 0: no canary was checked");
    }
    if (canaries.placed != 0) {
        (void)verification.at("seed").non_empty_text();
    }
    if (canaries.changed + canaries.unreadable + canaries.intact != canaries.placed) {
        verification.at("canaries").at("changed").fail("is not everything that was placed");
    }
    const std::uint64_t one_in = claim.family->canaries.unexplained_one_in;
    for (const RecordView& surface : verification.at("canaries").at("surfaces").items()) {
        if (surface.at("unexpected").items().size() * one_in >
            surface.at("offsets").items().size()) {
            surface.at("unexpected").fail("are too many: what became of them is unknown");
        }
    }
    const RecordView samples = verification.at("samples");
    if (samples.at("changed").number() + samples.at("uninformative").number() +
            samples.at("unchanged").number() + samples.at("unreadable").number() !=
        samples.at("taken").number()) {
        samples.at("taken").fail("were not all checked again");
    }
    const RecordView expected = verification.at("expected");
    // What could be read must have been held against the promise.
    if (canaries.changed != 0 && expected.at("content").text() != "nothing" &&
        expected.at("checked").number() == 0) {
        expected.at("checked").fail("is 0: the promised content was not checked");
    }
}

/// In each of so many equal parts, or of half as many as it has blocks, one stands or was refused:
/// no more than two parts lie between two that follow each other.
void check_parts(const RecordView& surface, std::uint64_t block, const rules::CanaryRule& rule) {
    const std::uint64_t blocks = bytes_of(surface.at("sizeBytes")) / block;
    const std::uint64_t parts = std::max<std::uint64_t>(std::min(rule.parts, blocks / 2), 1);
    const auto refused = surface.maybe("refused");  // since 1.1.0
    std::uint64_t left = refused ? bytes_of(*refused) : 0;
    const auto offsets = surface.at("offsets").items();
    if (offsets.size() + left < parts) {
        surface.at("offsets").fail("are fewer than the " + std::to_string(parts) + " parts");
    }
    std::size_t at = 0;
    for (std::uint64_t part = 0; part < parts; ++part) {
        const std::uint64_t begin = blocks * part / parts * block;
        const std::uint64_t end = blocks * (part + 1) / parts * block;
        while (at < offsets.size() && offsets[at].number() + block <= begin) {
            ++at;
        }
        const bool stands = at < offsets.size() && offsets[at].number() < end;
        if (!stands && left-- == 0) {
            surface.at("offsets").fail("leave out the part that begins at " +
                                       std::to_string(begin));
        }
    }
}

/// Both ends of everything that the host addresses, each part of it, and all of the target.
void check_surfaces(const RecordView& predicate, const rules::CanaryRule& rule) {
    const RecordView canaries = predicate.at("verification").at("canaries");
    std::uint64_t largest = 0;
    for (const RecordView& surface : canaries.at("surfaces").items()) {
        const std::uint64_t block = block_of(canaries, surface);
        if (block < rule.block_bytes_min) {
            canaries.at("blockBytes").fail("is less than a canary occupies");
        }
        const std::uint64_t size = bytes_of(surface.at("sizeBytes"));
        const auto offsets = surface.at("offsets").items();
        if (rule.both_ends && (offsets.empty() || offsets.front().number() != 0 ||
                               offsets.back().number() + block != size)) {
            surface.at("offsets").fail("must include the first and the last block");
        }
        if (rule.parts != 0) {
            check_parts(surface, block, rule);
        }
        largest = std::max(largest, size);
    }
    if (rule.whole_target && largest < bytes_of(predicate.at("target").at("sizeBytes"))) {
        canaries.at("surfaces").fail("are not the whole target");
    }
}

/// The drive was told to, and the page in which it says that it has done it says so.
void check_reported(const RecordView& sanitization, const Claim& claim) {
    const RecordView operation = sanitization.at("operation");
    (void)operation.at("startedAt").time();
    (void)operation.at("completedAt").time();
    if (!operation.at("adopted").flag()) {
        if (operation.at("commands").items().empty()) {
            operation.at("commands").fail("is empty: nothing was sent");
        }
        check_commands(operation, claim.row->commands);
    }
}

void check_drive_success(const RecordView& predicate, const Canaries& canaries,
                         const Claim& claim) {
    check_reported(predicate.at("sanitization"), claim);
    if (canaries.placed != 0) {
        check_surfaces(predicate, claim.family->canaries);
    }
    check_drive_was_read(predicate, claim);
}

/// A run that ended before the drive was asked for anything.
void check_not_begun(const RecordView& predicate, const Claim& claim) {
    const RecordView sanitization = predicate.at("sanitization");
    if (claim.success) {
        sanitization.fail("has no \"operation\", so the target cannot be " + claim.status);
    }
    if (claim.type != TargetType::media || !sanitization.at("passes").items().empty()) {
        sanitization.at("technique").fail("belongs to a drive, but no drive was asked");
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
    check_sector_format(predicate, claim);
    const RecordView verification = predicate.at("verification");
    const bool performed = verification.at("performed").flag();
    if (performed == (verification.at("result").text() == "not-performed") ||
        (performed && verification.at("method").text() == "none")) {
        verification.fail("contradicts itself: was anything checked?");
    }
    if (verification.at("independentOfEraser").flag()) {
        verification.at("independentOfEraser").fail("is false: the eraser checked its own work");
    }
    Canaries canaries;
    if (verification.maybe("canaries")) {
        canaries = check_canary_counts(verification.at("canaries"));
        check_other_counts(verification);
        check_statuses(verification, canaries);
        check_promised_content(verification);
        check_deallocated(sanitization, verification);
        check_whole_medium(verification, claim);
        if (!performed) {
            check_not_looked(verification, canaries);
        }
    }
    if (verification.at("result").text() == "pass") {
        check_passed(verification, canaries, claim,
                     sanitization.at("operation").at("adopted").flag());
    }
    const bool said =
        sanitization.at("operation").at("finalState").at("phase").text() == "succeeded";
    if (said && claim.row != nullptr && claim.row->status) {
        check_status_page(sanitization, *claim.row->status);
    }
    if (claim.success) {
        check_drive_success(predicate, canaries, claim);
    }
}

}  // namespace efface::judge

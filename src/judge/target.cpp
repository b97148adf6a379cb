// SPDX-License-Identifier: Apache-2.0
// What a certificate for one target may claim: every figure must add up to it. No medium is purged
// by overwriting, no file has a level, nothing that was not read back is sanitized.
#include <algorithm>
#include <array>

#include "efface/rules/techniques.hpp"

#include "sample.hpp"
#include "target_claim.hpp"

namespace efface::judge {

namespace {

/// How a step ends that was not done.
constexpr std::array<std::string_view, 4> kBadEnds{"fail", "failed", "refused", "stopped"};
constexpr std::uint64_t kSampledPart = 10;  // NIST SP 800-88r1 4.7.1: a tenth at least

/// Bytes of the areas that are listed. A list may be shorter than what was counted, never longer.
std::uint64_t check_faults(const RecordView& faults, const Claim& claim) {
    struct Area {
        std::uint64_t offset;
        std::uint64_t end;
    };
    const std::uint64_t bytes = bytes_of(faults.at("bytes"));
    const std::uint64_t count = faults.at("count").number();
    std::vector<Area> areas;
    std::uint64_t listed = 0;
    for (const RecordView& item : faults.at("areas").items()) {
        const std::uint64_t offset = bytes_of(item.at("offset"));
        const std::uint64_t length = bytes_of(item.at("length"));
        listed += length;
        if (length == 0 || listed > bytes) {
            item.fail("is no part of the bytes that failed");
        }
        areas.push_back({offset, offset + length});
    }
    if (areas.size() > count || (count == 0) != (bytes == 0) ||
        (areas.size() == count && listed != bytes)) {
        faults.fail("does not add up");
    }
    if (claim.type == TargetType::memory) {
        return listed;  // offsets are those of several files or areas
    }
    std::sort(areas.begin(), areas.end(),
              [](const Area& a, const Area& b) { return a.offset < b.offset; });
    std::uint64_t end = 0;
    for (const Area& area : areas) {
        if (area.offset < end || area.end > claim.size) {
            faults.at("areas").fail("overlap or lie outside the target");
        }
        end = area.end;
    }
    return listed;
}

void check_complete(const RecordView& pass, const Claim& claim) {
    const std::uint64_t written = bytes_of(pass.at("bytesWritten"));
    const std::uint64_t failed = bytes_of(pass.at("writeFaults").at("bytes"));
    if (claim.type != TargetType::memory && written + failed != claim.size) {
        pass.at("bytesWritten")
            .fail("is not the whole target, which so can not be " + claim.status);
    }
    if (claim.whole && failed != 0) {
        pass.at("writeFaults").fail("need exceptions: the target can not be " + claim.status);
    }
    if (pass.at("flush").text() != "ok") {
        pass.at("flush").fail("failed, so the target can not be " + claim.status);
    }
    (void)pass.at("startedAt").time();
    (void)pass.at("completedAt").time();
}

/// Passes are numbered, follow each other and lie inside the run.
void check_pass_times(const RecordView& sanitization) {
    WallTime earliest = sanitization.at("startedAt").time();
    const WallTime latest = sanitization.at("completedAt").time();
    for (const RecordView& pass : sanitization.at("passes").items()) {
        for (const char* key : {"startedAt", "completedAt"}) {
            const auto time = time_of(pass, key);
            if (time && (*time < earliest || *time > latest)) {
                pass.at(key).fail("is out of order");
            }
            earliest = time.value_or(earliest);
        }
    }
    if (const auto steps = sanitization.maybe("steps")) {
        for (const RecordView& step : steps->items()) {
            if (step.at("at").time() < sanitization.at("startedAt").time() ||
                step.at("at").time() > latest) {
                step.at("at").fail("lies outside the run");
            }
        }
    }
}

/// Bytes of the last pass that could not be written, as far as they are listed.
std::uint64_t check_passes(const RecordView& sanitization, const Claim& claim) {
    std::uint64_t unwritten = 0;
    std::uint64_t number = 0;
    std::uint64_t resumptions = 0;
    for (const RecordView& pass : sanitization.at("passes").items()) {
        if (pass.at("number").number() != ++number) {
            pass.at("number").fail("must count from 1");
        }
        unwritten = check_faults(pass.at("writeFaults"), claim);
        if (claim.type != TargetType::memory &&
            bytes_of(pass.at("bytesWritten")) + bytes_of(pass.at("writeFaults").at("bytes")) >
                claim.size) {
            pass.at("bytesWritten").fail("is more than the target holds");
        }
        if (claim.success) {
            check_complete(pass, claim);
        }
        std::uint64_t from = 0;
        if (const auto resumed = pass.maybe("resumedAt")) {
            for (const RecordView& offset : resumed->items()) {
                if (bytes_of(offset) < from || bytes_of(offset) > claim.size) {
                    offset.fail("is no place where the pass can have gone on");
                }
                from = bytes_of(offset);
                ++resumptions;
            }
        }
    }
    const auto told = sanitization.maybe("interruptions");
    if (resumptions > 0 && (!told || told->number() < resumptions)) {
        sanitization.fail("\"interruptions\" must count every time that a pass went on");
    }
    return unwritten;
}

/// No step that failed, no control that did not pass.
void check_steps(const RecordView& sanitization, const Claim& claim) {
    if (const auto steps = sanitization.maybe("steps")) {
        for (const RecordView& step : steps->items()) {
            const std::string& end = step.at("result").text();
            if (std::find(kBadEnds.begin(), kBadEnds.end(), end) != kBadEnds.end()) {
                step.fail("failed, so the target can not be " + claim.status);
            }
        }
    }
    if (const auto controls = sanitization.maybe("negativeControls")) {
        for (const RecordView& control : controls->items()) {
            if (control.at("result").text() != "pass") {
                control.fail("did not pass, so the target can not be " + claim.status);
            }
        }
    }
}

/// What was done must have been done wholly.
void check_work(const RecordView& sanitization, const Claim& claim) {
    if (!claim.success) {
        return;
    }
    const auto steps = sanitization.maybe("steps");
    const bool worked = claim.drive || !sanitization.at("passes").items().empty() ||
                        (claim.type == TargetType::memory && steps && !steps->items().empty());
    if (!worked) {
        sanitization.at("passes").fail("is empty: nothing was done, so nothing is " + claim.status);
    }
    check_steps(sanitization, claim);
}

/// Whatever the verdict: a read-back that passed compared all that it planned, and found nothing.
void check_read_back(const RecordView& verification, const Claim& claim) {
    const bool passed = verification.at("result").text() == "pass";
    const bool performed = verification.at("performed").flag();
    if (performed == (verification.at("result").text() == "not-performed") ||
        (performed && verification.at("method").text() == "none")) {
        verification.fail("contradicts itself: was anything read back?");
    }
    if (!performed) {
        if (passed) {
            verification.fail("can not pass without being performed");
        }
        return;
    }
    const std::uint64_t planned = bytes_of(verification.at("bytesPlanned"));
    const std::uint64_t done = bytes_of(verification.at("bytesCompared")) +
                               bytes_of(verification.at("readFaults").at("bytes"));
    const std::uint64_t mismatches = verification.at("mismatches").number();
    (void)check_faults(verification.at("readFaults"), claim);
    if (done > planned || (claim.type != TargetType::memory && planned > claim.size)) {
        verification.at("bytesCompared").fail("is more than was planned, or than there is");
    }
    const auto differences = verification.maybe("differences");
    if (differences && differences->items().size() > mismatches) {
        differences->fail("lists more than the mismatches that were counted");
    }
    if (passed && planned != 0 && verification.at("bytesCompared").number() == 0) {
        verification.at("bytesCompared").fail("is 0: what was not read can not pass");
    }
    if (passed && (mismatches != 0 || done != planned)) {
        verification.fail("did not pass: blocks differ, or were not compared");
    }
}

/// The seed is that of a sample, and where the record says how it was drawn, of this one.
void check_sample(const RecordView& verification, const RecordView& unwritten, const Claim& claim) {
    const auto seed = from_hex(verification.at("seed").text());
    const auto block = verification.maybe("sampleBlockBytes");
    if (!seed || !block) {
        return;
    }
    std::vector<Span> left_out;
    for (const RecordView& area : unwritten.at("areas").items()) {
        const std::uint64_t offset = area.at("offset").number();
        left_out.push_back({offset, offset + area.at("length").number()});
    }
    if (verification.at("bytesPlanned").number() !=
        sample_bytes(claim.size, block->number(), *seed, left_out)) {
        verification.at("bytesPlanned").fail("is not the sample of this seed");
    }
}

void check_coverage(const RecordView& predicate, std::uint64_t unwritten, const Claim& claim) {
    const RecordView verification = predicate.at("verification");
    const std::string& method = verification.at("method").text();
    const std::uint64_t planned = bytes_of(verification.at("bytesPlanned"));
    const auto passes = predicate.at("sanitization").at("passes").items();
    if (claim.type == TargetType::memory) {
        if (method == "full-read-back" && !passes.empty() &&
            planned < bytes_of(passes.back().at("bytesWritten"))) {
            verification.at("bytesPlanned").fail("is less than the last pass wrote");
        }
        return;
    }
    if (method == "full-read-back" && planned != claim.size - unwritten) {
        verification.at("bytesPlanned").fail("is not everything that could be written");
    }
    if (method == "representative") {
        if ((planned + unwritten) * kSampledPart < claim.size) {
            verification.at("bytesPlanned").fail("is less than a tenth of the target");
        }
        check_sample(verification, passes.back().at("writeFaults"), claim);
    }
}

/// Success rests on the read-back.
void check_proof(const RecordView& predicate, std::uint64_t unwritten, const Claim& claim) {
    const RecordView verification = predicate.at("verification");
    check_read_back(verification, claim);
    if (!claim.success) {
        return;
    }
    if (verification.at("result").text() != "pass") {
        verification.fail("did not pass, so the target can not be " + claim.status);
    }
    if (claim.whole && verification.at("readFaults").at("bytes").number() != 0) {
        verification.at("readFaults")
            .fail("need exceptions: the target can not be " + claim.status);
    }
    if (const auto areas = verification.maybe("unwrittenAreas");
        areas && areas->at("blocksDifferent").number() != 0) {
        areas->fail("old blocks can still be read, so the target can not be " + claim.status);
    }
    check_coverage(predicate, unwritten, claim);
    check_overwrite_was_read(predicate, claim);
}

void check_level(const RecordView& predicate, const Claim& claim) {
    const RecordView level = predicate.at("result").at("level");
    if (!claim.success && claim.level != "none") {
        level.fail("a target that is " + claim.status + " has no level");
    }
    const std::string_view limit = claim.drive ? rules::level_limit(claim.technique) : "clear";
    if (level_rank(claim.level) > level_rank(limit)) {
        level.fail(claim.drive ? claim.technique + " does not reach " + claim.level
                               : "overwriting reaches clear at most");
    }
    if (claim.level == "none") {
        return;
    }
    const RecordView target = predicate.at("target");
    if (claim.type == TargetType::file) {
        level.fail("a file is no medium: it has no level");
    }
    if (claim.type == TargetType::media && target.at("kind").text() == "zram") {
        level.fail("zram stores each write anew: overwriting it has no level");
    }
    for (const RecordView& layer : target.at("layersBelow").items()) {
        for (const char* flag : {"copyOnWrite", "thin", "remote"}) {
            const auto value = layer.maybe(flag);
            // A drive that is reached through a network still erases itself.
            const bool counts = !claim.drive || flag != std::string_view("remote");
            if (counts && value && value->flag()) {
                layer.fail("keeps blocks that an overwrite does not reach: no level");
            }
        }
    }
}

}  // namespace

void check_target_rules(const RecordView& predicate) {
    const RecordView result = predicate.at("result");
    const RecordView sanitization = predicate.at("sanitization");
    Claim claim;
    claim.schema = schema_of(predicate);
    claim.type = target_type_of(predicate);
    claim.status = result.at("status").text();
    claim.level = result.at("level").text();
    claim.technique = sanitization.at("technique").text();
    claim.drive = !rules::command_set_of(claim.technique).empty();
    claim.success = is_success(claim.status);
    claim.whole = claim.status == "sanitized";
    claim.size = bytes_of(predicate.at("target").at("sizeBytes"));
    check_identities(predicate, claim);
    check_hidden_areas(predicate, claim);
    check_unseen_areas(predicate, claim);
    const std::uint64_t unwritten = check_passes(sanitization, claim);
    check_pass_times(sanitization);
    check_work(sanitization, claim);
    check_passed_over(sanitization);
    check_sweep_place(predicate, claim);
    if (claim.drive) {
        check_drive_rules(predicate, claim);
    } else {
        check_proof(predicate, unwritten, claim);
        check_memory_rules(predicate, claim);
    }
    const RecordView exceptions = result.at("exceptions");
    if (claim.success && exceptions.items().empty() != claim.whole) {
        exceptions.fail("must be listed exactly when the status says so");
    }
    check_level(predicate, claim);
    check_swap_rules(predicate, claim);
}

}  // namespace efface::judge

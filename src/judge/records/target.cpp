// SPDX-License-Identifier: Apache-2.0
// What a certificate for one target may claim: every figure must add up to it. No medium is purged
// by overwriting, no file has a level, nothing that was not read back is sanitized.
#include <algorithm>
#include <array>

#include "rules/conditions.hpp"
#include "rules/facts.hpp"
#include "sample.hpp"
#include "target_claim.hpp"
#include "volume_claim.hpp"

namespace efface::judge {

namespace {

constexpr std::string_view kRepeat = "repeat:";

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
            item.fail("is not part of the bytes that failed");
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
            faults.at("areas").fail("overlap or are outside the target");
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
            .fail("is not the whole target, which therefore cannot be " + claim.status);
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
                step.at("at").fail("is outside the run");
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
                    offset.fail("is not a place where the pass can have resumed");
                }
                from = bytes_of(offset);
                ++resumptions;
            }
        }
    }
    const auto told = sanitization.maybe("interruptions");
    if (resumptions > 0 && (!told || told->number() < resumptions)) {
        sanitization.fail("\"interruptions\" must count every time that a pass was resumed");
    }
    return unwritten;
}

/// As many passes as the technique has, each with its pattern.
void check_patterns(const RecordView& sanitization, const Claim& claim) {
    const rules::Words& wanted = claim.row->passes;
    const auto passes = sanitization.at("passes").items();
    if (wanted.empty()) {
        return;
    }
    if (passes.size() != wanted.size()) {
        sanitization.at("passes").fail("are not those of " + claim.technique);
    }
    for (std::size_t i = 0; i < passes.size(); ++i) {
        const RecordView pattern = passes[i].at("pattern");
        const bool repeats = pattern.text().starts_with(kRepeat);
        const bool same = wanted[i] == "random" ? pattern.text() == "aes-256-ctr"
                          : wanted[i] == "given"
                              ? repeats
                              : pattern.text() == std::string(kRepeat) + wanted[i];
        if (!same) {
            pattern.fail("is not that of pass " + std::to_string(i + 1) + " of " + claim.technique);
        }
    }
}

/// Controls of names that the technique knows, and all that it needs.
void check_control_names(const RecordView& sanitization, const rules::ControlRule& rule) {
    const auto controls = sanitization.maybe("negativeControls");
    const auto list = controls ? controls->items() : std::vector<RecordView>();
    for (const RecordView& control : list) {
        const std::string& name = control.at("name").text();
        if (!is_one_of(rule.needs, name) && !is_one_of(rule.may, name)) {
            control.at("name").fail("is not a control of this technique");
        }
    }
    for (const std::string& name : rule.needs) {
        if (std::none_of(list.begin(), list.end(), [&](const RecordView& control) {
                return control.at("name").text() == name;
            })) {
            sanitization.fail("\"negativeControls\" lacks " + name);
        }
    }
}

/// What was done must have been done completely.
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
    check_patterns(sanitization, claim);
    check_control_names(sanitization, claim.row->controls);
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
            verification.fail("cannot pass without being performed");
        }
        return;
    }
    const std::uint64_t planned = bytes_of(verification.at("bytesPlanned"));
    const std::uint64_t done = bytes_of(verification.at("bytesCompared")) +
                               bytes_of(verification.at("readFaults").at("bytes"));
    const std::uint64_t mismatches = verification.at("mismatches").number();
    (void)check_faults(verification.at("readFaults"), claim);
    if (done > planned || (claim.type != TargetType::memory && planned > claim.size)) {
        verification.at("bytesCompared").fail("is more than was planned, or than exists");
    }
    const auto differences = verification.maybe("differences");
    if (differences && differences->items().size() > mismatches) {
        differences->fail("lists more mismatches than were counted");
    }
    if (passed && planned != 0 && verification.at("bytesCompared").number() == 0) {
        verification.at("bytesCompared").fail("is 0: what was not read cannot pass");
    }
    if (passed && done != planned) {
        verification.fail("did not pass: not all blocks were compared");
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
        verification.at("bytesPlanned").fail("is not the sample for this seed");
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
    const auto& methods = claim.family->read_back;
    const auto one_in = methods.find(method);
    if (one_in == methods.end()) {
        verification.at("method").fail("is not one that " + claim.technique + " is verified by");
    }
    if (planned > claim.size - unwritten || (planned + unwritten) * one_in->second < claim.size) {
        verification.at("bytesPlanned").fail("is not as much as the method reads back");
    }
    if (method == "representative") {
        check_sample(verification, passes.back().at("writeFaults"), claim);
    }
}

/// Success depends on the read-back.
void check_proof(const RecordView& predicate, std::uint64_t unwritten, const Claim& claim) {
    const RecordView verification = predicate.at("verification");
    check_read_back(verification, claim);
    if (!claim.success) {
        return;
    }
    check_coverage(predicate, unwritten, claim);
    check_overwrite_was_read(predicate, claim);
}

/// The best level of the row, by what the drive says that it is made of: flash where it does not.
const std::string& limit_of(const RecordView& predicate, const Claim& claim) {
    const auto drive = predicate.at("target").maybe("drive");
    const auto facts = drive ? drive->maybe("facts") : std::nullopt;
    const auto flash = facts && facts->is_object() ? facts->maybe("flash") : std::nullopt;
    const bool disk = flash && flash->json().is_boolean() && !flash->flag();
    return disk ? claim.row->level_disk : claim.row->level_flash;
}

void check_level(const RecordView& predicate, const Claim& claim) {
    const RecordView level = predicate.at("result").at("level");
    if (!claim.success && claim.level != "none") {
        level.fail("a target that is " + claim.status + " has no level");
    }
    if (claim.level == "none") {
        return;
    }
    if (level_rank(claim.level) > level_rank(limit_of(predicate, claim))) {
        level.fail(claim.technique + " does not reach " + claim.level + " on this target");
    }
    const RecordView target = predicate.at("target");
    const rules::NoLevelRule& none = claim.family->no_level;
    if (is_one_of(none.types, predicate.at("certificateType").text()) ||
        is_one_of(none.kinds, target.at("kind").text())) {
        level.fail("such a target has none");
    }
    for (const RecordView& layer : target.at("layersBelow").items()) {
        if (is_named_layer(layer, none)) {
            layer.fail("keeps blocks that are not reached: no level");
        }
    }
    for (const std::string& code : none.exceptions) {
        if (claim.schema != Schema::v1_0 &&
            names_reason(predicate.at("result").at("exceptions"), code)) {
            level.fail("contradicts the exception " + code);
        }
    }
}

/// There is such a technique, for such a certificate.
void check_row(const RecordView& predicate, const Claim& claim) {
    const RecordView technique = predicate.at("sanitization").at("technique");
    const RecordView type = predicate.at("certificateType");
    if (claim.success && claim.row == nullptr) {
        technique.fail("is not known to erase such a target: it leaves nothing " + claim.status);
    }
    if (claim.success && !claim.family->types.empty() &&
        !is_one_of(claim.family->types, type.text())) {
        type.fail("is not one that " + claim.technique + " has");
    }
}

/// The order's policy, and every field that blocks success.
void check_fields(const RecordView& predicate, const Claim& claim) {
    const RecordView policy = predicate.at("authorization").at("policyId");
    if (claim.success && claim.family->policy && policy.text() != claim.row->policy) {
        policy.fail("is not the policy of " + claim.technique);
    }
    const RecordView result = predicate.at("result");
    check_conditions(
        claim.family->conditions, predicate,
        {claim.schema, claim.success, predicate.at("verification").at("result").text() == "pass",
         claim.success && !claim.whole, claim.level, result.at("exceptions")});
}

/// The family of a technique that is not in the table: it cannot succeed.
const rules::Family& family_of(const Claim& claim) {
    return claim.table->family(claim.drive                        ? "drive"
                               : claim.type == TargetType::memory ? "memory"
                                                                  : "overwrite");
}

}  // namespace

void check_target_rules(const RecordView& predicate, const rules::Techniques& table) {
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
    claim.table = &table;
    claim.row = table.find(claim.technique, predicate.at("target").at("kind").text());
    claim.family = claim.row != nullptr ? claim.row->family : &family_of(claim);
    check_row(predicate, claim);
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
        exceptions.fail("must be listed exactly when the status requires it");
    }
    check_level(predicate, claim);
    check_target_facts(predicate, claim.row);
    check_swap_rules(predicate, claim);
    check_fields(predicate, claim);
}

}  // namespace efface::judge

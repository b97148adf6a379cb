// SPDX-License-Identifier: Apache-2.0
// The fields of certificates for one target: media, file and memory.
#include <algorithm>

#include "efface/base/bytes.hpp"
#include "efface/rules/techniques.hpp"

#include "claims.hpp"
#include "sample.hpp"

namespace efface::judge {

namespace {

constexpr std::size_t kPassesMax = 64;
constexpr std::string_view kRepeat = "repeat:";
constexpr std::size_t kSeedHexDigits = 64;

/// What names the target: the words are there, or the field is left out.
void check_identity(const RecordView& identity) {
    identity.must_be_object();
    (void)identity.at("kind").non_empty_text();
    for (const char* key : {"serial", "serialNumber", "wwid", "model", "place"}) {
        if (const auto text = identity.maybe(key)) {
            (void)text->text();
        }
    }
    if (const auto size = identity.maybe("sizeBytes")) {
        (void)size->number();
    }
}

/// How the kernel is set, and what else of the machine was there, of which nothing is claimed:
/// efface-certificate(5). In records of every type.
void check_machine(const RecordView& facts) {
    const auto machine = facts.maybe("machine");
    if (const auto setting = machine ? machine->maybe("initOnFree") : std::nullopt) {
        (void)setting->at("state").one_of({"on", "off", "unknown"});
    }
    const auto states = machine ? machine->maybe("states") : std::nullopt;
    if (!states) {
        return;
    }
    for (const char* fact :
         {"init-on-alloc", "init-on-free", "page-poisoning", "zswap", "swap-areas", "swap-history",
          "hibernation-image", "crash-kernel", "crash-dumps", "pstore", "efi-variables",
          "huge-pages", "persistent-memory", "nvme-memory", "graphics-memory", "bmc", "tpm"}) {
        (void)states->at(fact).one_of({"present", "absent", "unknown"});
    }
}

void check_target(const RecordView& target, Schema schema) {
    (void)target.at("name").non_empty_text();
    (void)target.at("kind").one_of(
        {"disk",   "partition", "loop",  "zram",  "ram",       "md",        "device-mapper",
         "other",  "file",      "tmpfs", "ramfs", "hugetlbfs", "swap",      "pmem",
         "devdax", "dimm",      "cxl",   "sysv",  "mqueue",    "hugepages", "free"});
    check_identity(target.at("identity"));
    if (const auto after = target.maybe("identityAfter")) {
        check_identity(*after);
    }
    for (const RecordView& layer : target.at("layersBelow").items()) {
        (void)layer.at("name").text();
        (void)layer.at("type").non_empty_text();
        for (const char* flag : {"copyOnWrite", "thin", "remote", "mirror", "flash"}) {
            if (const auto value = layer.maybe(flag)) {
                (void)value->flag();
            }
        }
    }
    (void)target.at("sizeBytes").number();
    (void)target.at("logicalBlockBytes").number();
    check_hidden_area_fields(target.at("hiddenAreas"), schema);
    target.at("notReached").must_be_texts();
    if (const auto facts = target.maybe("facts")) {
        facts->must_be_object();
        check_machine(*facts);
    }
}

void check_faults(const RecordView& faults) {
    faults.only({"count", "bytes", "areas"});
    (void)faults.at("count").number();
    (void)faults.at("bytes").number();
    for (const RecordView& area : faults.at("areas").items()) {
        area.only({"offset", "length", "error"});
        (void)area.at("offset").number();
        (void)area.at("length").number();
        (void)area.at("error").non_empty_text();
    }
}

void check_pattern(const RecordView& pass) {
    const RecordView pattern = pass.at("pattern");
    const std::string& text = pattern.text();
    const auto key = pass.maybe("streamKeyDigest");
    if (text == "aes-256-ctr") {
        if (key) {
            (void)key->digest();
        }
        return;
    }
    const bool repeats = text.starts_with(kRepeat) && text.size() > kRepeat.size() &&
                         from_hex(text.substr(kRepeat.size())).has_value();
    if (!repeats) {
        pattern.fail("must be aes-256-ctr or repeat: and bytes in hex");
    }
    if (key) {
        key->fail("belongs to a pass with a key");
    }
}

void check_pass(const RecordView& pass) {
    (void)pass.at("number").number();
    check_pattern(pass);
    (void)pass.at("bytesWritten").number();
    check_faults(pass.at("writeFaults"));
    (void)pass.at("flush").non_empty_text();
    for (const char* key : {"startedAt", "completedAt"}) {
        (void)time_of(pass, key);  // none for a pass that was never begun, or not ended
    }
    if (const auto resumed = pass.maybe("resumedAt")) {
        for (const RecordView& offset : resumed->items()) {
            (void)offset.number();
        }
    }
}

/// What was met, by drives and overwriting alike.
void check_limits(const RecordView& limits, Schema schema) {
    limits.must_be_object();
    const auto events = limits.maybe("events");
    if (!events || schema == Schema::v1_0) {
        return;
    }
    for (const RecordView& event : events->items()) {
        event.only({"at", "limit", "what", "then"});
        (void)event.at("at").time();
        (void)event.at("limit").one_of({"deadline", "speed", "temperature"});
        (void)event.at("what").non_empty_text();
        (void)event.at("then").one_of({"go-on", "pause", "stop"});
    }
}

void check_work(const RecordView& sanitization, Schema schema) {
    (void)sanitization.at("engine").text();
    (void)sanitization.at("engineNote").text();
    if (const auto interruptions = sanitization.maybe("interruptions")) {
        (void)interruptions->number();
    }
    const auto passes = sanitization.at("passes").items();
    if (passes.size() > kPassesMax) {
        sanitization.at("passes").fail("lists too many");
    }
    for (const RecordView& pass : passes) {
        check_pass(pass);
    }
    if (const auto steps = sanitization.maybe("steps")) {
        for (const RecordView& step : steps->items()) {
            (void)step.at("step").non_empty_text();
            (void)step.at("at").time();
            (void)step.at("result").non_empty_text();
            (void)step.at("detail").text();
        }
    }
    if (const auto limits = sanitization.maybe("limits")) {
        check_limits(*limits, schema);
    }
    if (const auto reasons = sanitization.maybe("reasons")) {
        check_reasons(*reasons, schema);
    }
    if (const auto controls = sanitization.maybe("negativeControls")) {
        check_controls(*controls);
    }
    if (const auto sweep = sanitization.maybe("sweep")) {
        sweep->only({"freeBytes", "takenBytes", "passes"});
        for (const char* key : {"freeBytes", "takenBytes", "passes"}) {
            (void)sweep->at(key).number();
        }
    }
}

/// What was compared; only there when something was.
void check_figures(const RecordView& verification) {
    (void)verification.at("bytesPlanned").number();
    (void)verification.at("bytesCompared").number();
    (void)verification.at("mismatches").number();
    check_faults(verification.at("readFaults"));
    if (const auto differences = verification.maybe("differences")) {
        for (const RecordView& difference : differences->items()) {
            (void)difference.at("offset").number();
            (void)difference.at("foundSha256").hex_digest();
            (void)difference.at("zero").flag();
        }
    }
    if (const auto seed = verification.maybe("seed")) {
        if (seed->text().size() != kSeedHexDigits || !from_hex(seed->text())) {
            seed->fail("must be 32 bytes in hex");
        }
    }
    if (const auto block = verification.maybe("sampleBlockBytes")) {
        if (block->number() == 0 || block->number() > kSampleBlockBytesMax) {
            block->fail("is no size of a block");
        }
    }
    if (const auto unwritten = verification.maybe("unwrittenAreas")) {
        for (const char* key : {"bytesReadable", "blocksDifferent", "bytesUnreadable"}) {
            (void)unwritten->at(key).number();
        }
    }
}

}  // namespace

TargetType target_type_of(const RecordView& predicate) {
    const std::string& type = predicate.at("certificateType").text();
    return type == "media"    ? TargetType::media
           : type == "file"   ? TargetType::file
           : type == "memory" ? TargetType::memory
                              : TargetType::volumes;
}

std::optional<WallTime> time_of(const RecordView& record, const char* key) {
    const auto time = record.maybe(key);
    return time && !time->text().empty() ? std::optional(time->time()) : std::nullopt;
}

void check_target_fields(const RecordView& predicate) {
    check_identity(predicate.at("targetIdentity"));
    check_target(predicate.at("target"), schema_of(predicate));
    const RecordView sanitization = predicate.at("sanitization");
    check_work(sanitization, schema_of(predicate));
    check_drive_fields(predicate);
    const RecordView verification = predicate.at("verification");
    if (!rules::command_set_of(sanitization.at("technique").text()).empty()) {
        return;
    }
    if (target_type_of(predicate) == TargetType::memory) {
        (void)verification.at("method").non_empty_text();
    } else {
        (void)verification.at("method").one_of({"full-read-back", "representative", "none"});
    }
    if (verification.at("performed").flag()) {
        check_figures(verification);
    }
}

}  // namespace efface::judge

// SPDX-License-Identifier: Apache-2.0
// The fields of certificates for a drive that erased itself: what was sent to it, what it reported,
// raw, and what was looked for afterwards.
#include "efface/base/bytes.hpp"
#include "efface/base/digest.hpp"
#include "efface/rules/techniques.hpp"

#include "claims.hpp"

namespace efface::judge {

namespace {

constexpr std::size_t kAreasMax = 256;
constexpr std::size_t kCommandsMax = 1024;
constexpr std::size_t kPowerCyclesMax = 64;
constexpr std::size_t kPagesMax = 32;
constexpr std::size_t kPageHexDigitsMax = std::size_t{2} * 64 * 1024;
constexpr std::size_t kSurfacesMax = 1024;
constexpr std::size_t kStatusesMax = 256;
constexpr std::size_t kMarkSeedHexDigits = 64;
constexpr std::uint64_t kMarkBytesMax = std::uint64_t{1} << 20U;

std::vector<RecordView> bounded_items(const RecordView& list, std::size_t items_max) {
    auto items = list.items();
    if (items.size() > items_max) {
        list.fail("lists more than " + std::to_string(items_max));
    }
    return items;
}

Bytes hex_bytes(const RecordView& value, std::size_t digits_max = RecordView::kTextBytesMax) {
    auto bytes = from_hex(value.text(digits_max));
    if (!bytes) {
        value.fail("must be bytes in lower-case hex");
    }
    return std::move(*bytes);
}

void check_drive(const RecordView& drive, Schema schema) {
    std::vector<std::string_view> keys{"commandSet", "model", "serial", "wwn", "firmware", "facts"};
    if (schema != Schema::v1_0) {
        keys.emplace_back("capacityBytes");
    }
    drive.only(keys);
    if (const auto capacity = drive.maybe("capacityBytes")) {
        (void)capacity->number();
    }
    (void)drive.at("commandSet").one_of({"nvme", "ata", "scsi", "tcg", "block"});
    for (const char* key : {"model", "serial", "wwn", "firmware"}) {
        (void)drive.at(key).text();
    }
    drive.at("facts").must_be_object();
}

void check_area(const RecordView& area, Schema schema) {
    area.only({"kind", "detail", "bytes", "covered", "opened", "why"});
    if (schema == Schema::v1_0 || area.at("kind").text() != "not-shown") {
        (void)area.at("kind").one_of({"hpa", "dco", "ama", "reduced-capacity",
                                      "depopulated-elements", "unallocated-capacity",
                                      "unaccounted-capacity", "unattached-namespace"});
    }
    (void)area.at("detail").text();
    (void)area.at("bytes").number();
    (void)area.at("covered").flag();
    (void)area.at("opened").flag();
    (void)area.at("why").text();
}

void check_operation(const RecordView& operation) {
    operation.only({"commandSet", "adopted", "startedAt", "completedAt", "polls", "estimateSeconds",
                    "powerCycles", "commands", "finalState", "cleanUp"});
    (void)operation.at("commandSet").one_of({"nvme", "ata", "scsi", "tcg", "block"});
    (void)operation.at("adopted").flag();
    for (const char* key : {"startedAt", "completedAt"}) {
        (void)operation.at(key).text();  // empty: it was never begun, or not completed
        (void)time_of(operation, key);
    }
    (void)operation.at("polls").number();
    if (const auto estimate = operation.maybe("estimateSeconds")) {
        (void)estimate->number();
    }
    for (const RecordView& cycle : bounded_items(operation.at("powerCycles"), kPowerCyclesMax)) {
        cycle.only({"at", "why"});
        (void)cycle.at("at").time();
        (void)cycle.at("why").non_empty_text();
    }
    for (const RecordView& command : bounded_items(operation.at("commands"), kCommandsMax)) {
        command.only({"at", "name", "bytes", "answer"});
        (void)command.at("at").time();
        (void)command.at("name").non_empty_text();
        (void)hex_bytes(command.at("bytes"));
        (void)command.at("answer").text();
    }
    const RecordView state = operation.at("finalState");
    state.only({"phase", "detail"});
    (void)state.at("phase").one_of(
        {"idle", "running", "verifying", "succeeded", "failed", "unknown"});
    (void)state.at("detail").text();
    (void)operation.at("cleanUp").non_empty_text();
}

/// Each page is the one whose digest stands beside it.
void check_pages(const RecordView& pages) {
    for (const RecordView& page : bounded_items(pages, kPagesMax)) {
        page.only({"page", "sha256", "hex"});
        (void)page.at("page").non_empty_text();
        const Bytes bytes = hex_bytes(page.at("hex"), kPageHexDigitsMax);
        if (page.at("sha256").hex_digest() != sha256_hex(bytes)) {
            page.at("sha256").fail("is not that of the bytes");
        }
    }
}

void check_numbers(const RecordView& figures, std::initializer_list<std::string_view> keys) {
    figures.only(keys);
    for (const std::string_view key : keys) {
        (void)figures.at(std::string(key).c_str()).number();
    }
}

void check_canaries(const RecordView& canaries, Schema schema) {
    std::vector<std::string_view> keys{"blockBytes", "placed", "changed",
                                       "unreadable", "intact", "surfaces"};
    std::vector<std::string_view> of_surface{"name",   "sizeBytes",  "offsets",
                                             "intact", "unreadable", "unexpected"};
    if (schema != Schema::v1_0) {
        keys.emplace_back("refused");
        of_surface.emplace_back("refused");
        (void)canaries.at("refused").number();
    }
    canaries.only(keys);
    for (const char* key : {"placed", "changed", "unreadable", "intact"}) {
        (void)canaries.at(key).number();
    }
    const auto surfaces = bounded_items(canaries.at("surfaces"), kSurfacesMax);
    const RecordView block = canaries.at("blockBytes");
    if (block.number() > kMarkBytesMax || (block.number() == 0 && !surfaces.empty())) {
        block.fail("is no size of a block");
    }
    for (const RecordView& surface : surfaces) {
        surface.only(of_surface);
        if (schema != Schema::v1_0) {
            (void)surface.at("refused").number();
        }
        (void)surface.at("name").non_empty_text();
        (void)surface.at("sizeBytes").number();
        for (const char* key : {"offsets", "intact", "unreadable", "unexpected"}) {
            for (const RecordView& offset : surface.at(key).items()) {
                (void)offset.number();
            }
        }
    }
}

/// What is said to stand there: one word or, of a pattern, the bytes.
void check_content(const RecordView& content) {
    const std::string& text = content.text();
    if (text != "nothing" && text != "zeros" && hex_bytes(content).empty()) {
        content.fail("must be nothing, zeros or bytes in hex");
    }
}

void check_expected(const RecordView& expected) {
    expected.only({"content", "checked", "mismatches"});
    check_content(expected.at("content"));
    (void)expected.at("checked").number();
    (void)expected.at("mismatches").number();
}

void check_samples(const RecordView& samples, Schema schema) {
    if (schema == Schema::v1_0) {
        check_numbers(samples, {"taken", "changed", "uninformative", "unchanged", "unreadable"});
        return;
    }
    samples.only({"taken", "changed", "uninformative", "unchanged", "unreadable", "surfaces"});
    for (const char* key : {"taken", "changed", "uninformative", "unchanged", "unreadable"}) {
        (void)samples.at(key).number();
    }
    for (const RecordView& surface : bounded_items(samples.at("surfaces"), kSurfacesMax)) {
        surface.only({"name", "changed", "unreadable"});
        (void)surface.at("name").non_empty_text();
        (void)surface.at("changed").number();
        (void)surface.at("unreadable").number();
    }
}

/// What was done about canaries that could not be read, and how they were read once more.
void check_looked_again(const RecordView& verification) {
    if (const auto again = verification.maybe("recheck")) {
        again->only({"unreadableBefore", "reset", "written"});
        (void)again->at("unreadableBefore").number();
        (void)again->at("reset").one_of({"done", "not possible"});
        (void)again->at("written").number();
    }
    if (const auto by_command = verification.maybe("byCommand")) {
        check_numbers(*by_command, {"looked", "intact"});
    }
}

/// What was looked for; only there when something was.
void check_looked_for(const RecordView& verification, Schema schema) {
    check_canaries(verification.at("canaries"), schema);
    check_samples(verification.at("samples"), schema);
    check_looked_again(verification);
    check_expected(verification.at("expected"));
    for (const RecordView& status :
         bounded_items(verification.at("unreadableStatuses"), kStatusesMax)) {
        status.only({"status", "count", "expected"});
        (void)status.at("status").non_empty_text();
        (void)status.at("count").number();
        (void)status.at("expected").flag();
    }
    (void)verification.at("identity").one_of({"same", "different", "not read"});
}

/// Everything that the host addresses, read and compared.
void check_whole(const RecordView& whole) {
    whole.only({"content", "bytesPlanned", "bytesCompared", "mismatches", "different",
                "unreadableBytes", "unexpectedBytes"});
    check_content(whole.at("content"));
    for (const char* key :
         {"bytesPlanned", "bytesCompared", "mismatches", "unreadableBytes", "unexpectedBytes"}) {
        (void)whole.at(key).number();
    }
    for (const RecordView& offset : whole.at("different").items()) {
        (void)offset.number();
    }
}

void check_drive_verification(const RecordView& verification, Schema schema) {
    std::vector<std::string_view> keys{
        "method",  "performed", "result",   "independentOfEraser", "seed", "canaries",
        "samples", "expected",  "identity", "unreadableStatuses",  "whole"};
    if (schema != Schema::v1_0) {
        keys.insert(keys.end(), {"recheck", "byCommand"});
    }
    verification.only(keys);
    (void)verification.at("method").one_of({"canaries", "full-read-back", "none"});
    if (const auto whole = verification.maybe("whole")) {
        check_whole(*whole);
    }
    (void)verification.at("result").one_of({"pass", "fail", "not-performed"});
    if (const auto seed = verification.maybe("seed"); seed && !seed->text().empty()) {
        if (hex_bytes(*seed).size() * 2 != kMarkSeedHexDigits) {
            seed->fail("must be 32 bytes in hex");
        }
    }
    if (verification.at("performed").flag() || verification.maybe("canaries")) {
        check_looked_for(verification, schema);
    }
}

/// What only a drive's own erasure has.
void check_no_drive_fields(const RecordView& predicate) {
    const RecordView sanitization = predicate.at("sanitization");
    if (sanitization.at("engine").text() == "drive") {
        sanitization.at("engine").fail("is that of a drive's own technique");
    }
    for (const char* key : {"operation", "statusBefore", "statusAfter"}) {
        if (const auto field = sanitization.maybe(key)) {
            field->fail("belongs to a drive's own technique");
        }
    }
}

}  // namespace

void check_hidden_area_fields(const RecordView& hidden, Schema schema) {
    (void)hidden.at("examined").flag();
    (void)hidden.at("note").text();
    if (const auto areas = hidden.maybe("areas")) {
        for (const RecordView& area : bounded_items(*areas, kAreasMax)) {
            check_area(area, schema);
        }
    }
}

void check_drive_fields(const RecordView& predicate) {
    const RecordView sanitization = predicate.at("sanitization");
    const RecordView target = predicate.at("target");
    if (const auto drive = target.maybe("drive")) {
        check_drive(*drive, schema_of(predicate));
    }
    if (rules::command_set_of(sanitization.at("technique").text()).empty()) {
        check_no_drive_fields(predicate);
        return;
    }
    if (!sanitization.maybe("operation")) {  // it ended before the drive was asked for anything
        check_no_drive_fields(predicate);
        (void)predicate.at("verification").at("method").one_of({"none"});
        return;
    }
    (void)target.at("drive");
    (void)target.at("hiddenAreas").at("areas");
    (void)sanitization.at("engine").one_of({"drive"});
    check_operation(sanitization.at("operation"));
    check_pages(sanitization.at("statusBefore"));
    check_pages(sanitization.at("statusAfter"));
    check_drive_verification(predicate.at("verification"), schema_of(predicate));
}

}  // namespace efface::judge

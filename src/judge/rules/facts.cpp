// SPDX-License-Identifier: Apache-2.0
#include "facts.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"

#include "health.hpp"
#include "records/target_claim.hpp"
#include "status_page.hpp"

namespace efface::judge {

namespace {

using rules::Fact;

/// Clocks of two machines may differ by this much.
constexpr std::chrono::minutes kClockSlack{10};

/// What is missing, null or "" says nothing.
void find(const RecordView& value, std::string_view path, std::vector<RecordView>& found) {
    if (path.empty()) {
        if (!value.json().is_null() && value.json() != "") {
            found.push_back(value);
        }
        return;
    }
    const std::size_t dot = std::min(path.find('.'), path.size());
    const std::string step(path.substr(0, dot));
    const std::string_view rest = path.substr(std::min(dot + 1, path.size()));
    if (value.json().is_array()) {
        for (const RecordView& item : value.items()) {
            find(item, rest, found);  // the step is a star
        }
    } else if (value.is_object()) {
        if (const auto next = value.maybe(step.c_str())) {
            find(*next, rest, found);
        }
    }
}

std::vector<RecordView> found_at(const RecordView& value, std::string_view path) {
    std::vector<RecordView> found;
    find(value, path, found);
    return found;
}

bool begins(const std::string& one, const std::string& other) {
    return one.starts_with(other) || other.starts_with(one);
}

bool agrees(Fact::How how, const RecordView& fact, const std::vector<RecordView>& others) {
    const RecordView& other = others.front();
    switch (how) {
        case Fact::How::same:
            return fact.json() == other.json();
        case Fact::How::begins:
            return begins(fact.text(), other.text());
        case Fact::How::differs:
            return fact.json() != other.json();
        case Fact::How::within:
            return other.time() <= fact.time() && fact.time() <= others.back().time();
        case Fact::How::until:
            return fact.time() <= other.time() + kClockSlack;
        case Fact::How::below:
            return fact.number() < other.number();
        case Fact::How::at_most:
            return fact.time() <= other.time();
    }
    return false;
}

void check_fact(const RecordView& predicate, const Fact& fact) {
    std::vector<RecordView> others;
    for (const std::string& path : fact.others) {
        const auto found = found_at(predicate, path);
        if (found.empty()) {
            return;
        }
        others.push_back(found.front());
    }
    for (const RecordView& value : found_at(predicate, fact.path)) {
        if (!agrees(fact.how, value, others)) {
            value.fail("contradicts " + others.front().where());
        }
    }
}

/// The serial number of a disk, or its name, size and what begins the digest of its identity; an
/// end of it of six characters is enough.
void check_token(const RecordView& predicate) {
    constexpr std::size_t kTypedMin = 6;
    const RecordView identity = predicate.at("targetIdentity");
    const auto token = predicate.at("authorization").maybe("targetToken");
    if (!token || token->text().empty()) {
        return;
    }
    const std::string& text = token->text();
    const std::string name = "-" + sha256_hex(canonical_json(identity.json())).substr(0, kTypedMin);
    bool names = text.ends_with(name);
    for (const char* key : {"serial", "serialNumber"}) {
        const auto serial = identity.maybe(key);
        names = names || (serial && serial->text() == text);
    }
    if (!names) {
        token->fail(
            "does not identify this target: it is neither its serial number nor ends with " + name);
    }
}

std::uint64_t bytes_in(const RecordView& predicate, const char* kind) {
    std::uint64_t bytes = 0;
    for (const RecordView& area : found_at(predicate, "target.hiddenAreas.areas.*")) {
        bytes += area.at("kind").text() == kind ? bytes_of(area.at("bytes")) : 0;
    }
    return bytes;
}

bool is_listed(const RecordView& predicate, std::initializer_list<std::string_view> kinds) {
    const auto areas = found_at(predicate, "target.hiddenAreas.areas.*");
    return std::any_of(areas.begin(), areas.end(), [&](const RecordView& area) {
        return std::find(kinds.begin(), kinds.end(), area.at("kind").text()) != kinds.end();
    });
}

/// Each namespace is a surface of its size, or listed as one that nobody could look at.
void check_namespaces(const RecordView& predicate, const RecordView& facts) {
    std::vector<std::uint64_t> looked;
    for (const RecordView& size :
         found_at(predicate, "verification.canaries.surfaces.*.sizeBytes")) {
        looked.push_back(size.number());
    }
    for (const RecordView& area : found_at(predicate, "target.hiddenAreas.areas.*")) {
        if (area.at("kind").text() == "unattached-namespace" && !area.at("opened").flag()) {
            looked.push_back(area.at("bytes").number());
        }
    }
    const auto listed = found_at(facts, "namespaces.*");
    for (const RecordView& one : listed) {
        const auto place = std::find(looked.begin(), looked.end(), one.at("sizeBytes").number());
        if (place == looked.end()) {
            one.fail("is on the drive, but neither examined nor listed as hidden");
        }
        looked.erase(place);
    }
    constexpr std::uint64_t kListedMax = 256;
    const auto all = facts.maybe("namespacesInAll");
    if (all && facts.maybe("namespaces") && std::min(all->number(), kListedMax) != listed.size()) {
        all->fail("is not the number of the namespaces");
    }
}

/// What the drive says that it has beyond what was erased is listed.
void check_sizes_told(const RecordView& predicate, const RecordView& facts) {
    const auto unallocated = facts.maybe("unallocatedBytes");
    if (unallocated && unallocated->number() != bytes_in(predicate, "unallocated-capacity")) {
        unallocated->fail("is not the unallocated capacity that is listed");
    }
    const RecordView target = predicate.at("target");
    const std::uint64_t shown = std::max(bytes_of(target.at("sizeBytes")),
                                         bytes_of(target.at("identityAfter").at("sizeBytes")));
    const auto native = facts.maybe("nativeMaxLba");
    if (native &&
        shown / std::max<std::uint64_t>(target.at("logicalBlockBytes").number(), 1) <=
            native->number() &&
        !is_listed(predicate, {"hpa", "dco", "ama"})) {
        native->fail("is beyond the end of the target, and no hidden area is listed");
    }
}

/// A drive that says that it turns is not flash, to itself and to the kernel.
void check_medium(const RecordView& predicate, const RecordView& facts) {
    const auto flash = facts.maybe("flash");
    const auto turns = facts.maybe("rotationRpm");
    if (flash && turns && flash->flag() && turns->number() > 1) {
        flash->fail("describes a drive with rotating media");
    }
    if (!flash || flash->flag()) {
        return;
    }
    if (turns && turns->number() == 1) {
        flash->fail("does not describe a drive without rotating media");
    }
    for (const RecordView& layer : found_at(predicate, "target.layersBelow.*")) {
        const auto other = layer.maybe("flash");
        if (other && other->flag() && layer.at("type").text() == "disk") {
            flash->fail("does not describe a disk that the kernel treats as flash");
        }
    }
}

/// Whose name is in front of a dock's own is not known; else one begins with the other, as
/// some say only the first characters of it.
void check_model(const RecordView& predicate, const RecordView& drive) {
    const RecordView identity = predicate.at("target").at("identity");
    const std::string& model = identity.at("model").text();
    const std::string& told = drive.at("model").text();
    const auto bridge = identity.maybe("bridgeSerialNumber");
    const bool direct = !bridge && identity.at("transport").text() != "usb";
    if (direct && !model.empty() && !told.empty() && !begins(told, model)) {
        drive.at("model").fail("is not the model of the target");
    }
}

/// The command of the technique was sent while the drive was at it.
void check_command_times(const RecordView& sanitization, const rules::Technique& row) {
    const RecordView operation = sanitization.at("operation");
    const WallTime from = operation.at("startedAt").time();
    const WallTime to = operation.at("completedAt").time();
    for (const rules::CommandRule& rule : row.commands) {
        const auto commands = operation.at("commands").items();
        const bool within = std::any_of(commands.begin(), commands.end(), [&](const auto& command) {
            const WallTime at = command.at("at").time();
            return from <= at && at <= to && is_command(command, rule);
        });
        if (!within) {
            operation.at("commands")
                .fail("have " + rule.names.front() + " before the start or after the end");
        }
    }
}

/// The same surfaces have canaries and samples, in one order.
void check_surface_names(const RecordView& verification) {
    const auto list = verification.at("samples").maybe("surfaces");  // since 1.1.0
    const auto placed = found_at(verification, "canaries.surfaces.*.name");
    const auto sampled = found_at(verification, "samples.surfaces.*.name");
    if (list && !std::equal(placed.begin(), placed.end(), sampled.begin(), sampled.end(),
                            [](const RecordView& one, const RecordView& other) {
                                return one.text() == other.text();
                            })) {
        list->fail("are not the surfaces of the canaries");
    }
}

}  // namespace

void check_facts(const RecordView& predicate, const rules::Techniques& table) {
    const std::string& type = predicate.at("certificateType").text();
    const bool success = is_success(predicate.at("result").at("status").text());
    const auto gone_on = predicate.at("sanitization").maybe("interruptions");
    const bool interrupted = gone_on && gone_on->number() != 0;
    for (const Fact& fact : table.facts()) {
        if ((fact.types.empty() || is_one_of(fact.types, type)) && (success || !fact.success) &&
            !(fact.uninterrupted && interrupted) &&
            (fact.unless.empty() || found_at(predicate, fact.unless).empty())) {
            check_fact(predicate, fact);
        }
    }
}

void check_target_facts(const RecordView& predicate, const rules::Technique* row) {
    check_token(predicate);
    check_health(predicate);
    const RecordView sanitization = predicate.at("sanitization");
    if (!is_success(predicate.at("result").at("status").text()) ||
        !sanitization.maybe("operation")) {
        return;
    }
    const RecordView drive = predicate.at("target").at("drive");
    const RecordView facts = drive.at("facts");
    check_model(predicate, drive);
    check_medium(predicate, facts);
    check_sizes_told(predicate, facts);
    check_identify_pages(predicate);
    if (!sanitization.at("operation").at("adopted").flag()) {
        check_namespaces(predicate, facts);
        check_surface_names(predicate.at("verification"));
        if (row != nullptr) {
            check_command_times(sanitization, *row);
        }
    }
}

}  // namespace efface::judge

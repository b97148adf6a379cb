// SPDX-License-Identifier: Apache-2.0
#include "target_records.hpp"

#include "efface/base/digest.hpp"
#include "efface/rules/techniques.hpp"

#include "example_files.hpp"
#include "rules/claims.hpp"

namespace efface::judge {

Json example_predicate(const std::string& type) {
    return json_in(EFFACE_TEST_DATA "/evidence/predicate-" + type + ".json");
}

std::string problem_of(const Json& predicate) {
    try {
        check_predicate({predicate, "p"});
        check_rules({predicate, "p"});
    } catch (const Error& error) {
        return error.what();
    }
    return {};
}

namespace {

/// After the change; a target of another identity is typed by its own token, and memory of another
/// kind is that at every place.
std::string changed(const char* type, const Change& change) {
    Json predicate = example_predicate(type);
    const Json identity = predicate.at("targetIdentity");
    const Json token = predicate.at("authorization").at("targetToken");
    change(predicate);
    const Json kind = predicate["target"].value("kind", Json());
    if (std::string_view(type) == "memory" && kind != identity.at("kind")) {
        predicate["targetIdentity"]["kind"] = kind;
        for (const char* place : {"identity", "identityAfter", "facts"}) {
            if (predicate["target"].contains(place) && predicate["target"][place].is_object()) {
                predicate["target"][place]["kind"] = kind;
            }
        }
    }
    Json& named = predicate["authorization"];
    if (token.is_string() && named.is_object() && named.value("targetToken", Json()) == token &&
        predicate.value("targetIdentity", Json()) != identity) {
        named["targetToken"] =
            "target-" + sha256_hex(canonical_json(predicate["targetIdentity"])).substr(0, 6);
    }
    return problem_of(predicate);
}

}  // namespace

std::string media(const Change& change) {
    return changed("media", change);
}

std::string file(const Change& change) {
    return changed("file", change);
}

std::string memory(const Change& change) {
    return changed("memory", change);
}

std::string drive(const Change& change) {
    return changed("drive", change);
}

Json reason(const char* text, const char* code) {
    return ObjectWriter().add("code", code).add("text", text).take();
}

Json& pass(Json& predicate, std::size_t number) {
    return predicate["sanitization"]["passes"][number];
}

void set_level(Json& p, const char* level) {
    p["result"]["level"] = level;
    p["sanitization"]["method"] = level;
}

void fail_run(Json& p, const char* status) {
    p["result"]["status"] = status;
    set_level(p, "none");
}

Json faults(std::uint64_t count, std::uint64_t offset, std::uint64_t length) {
    return {{"count", count},
            {"bytes", length},
            {"areas", {{{"offset", offset}, {"length", length}, {"error", "EIO"}}}}};
}

void set_controls(Json& p, const std::vector<const char*>& names) {
    Json& controls = p["sanitization"]["negativeControls"] = Json::array();
    for (const char* name : names) {
        controls.push_back(
            ObjectWriter().add("name", name).add("result", "pass").add("detail", "asked").take());
    }
}

namespace {

Json page_of(const std::string& name, const Bytes& bytes) {
    return ObjectWriter()
        .add("page", name)
        .add("sha256", sha256_hex(ByteView(bytes)))
        .add("hex", to_hex(bytes))
        .take();
}

/// A page of that name as it is when the drive has done it.
Bytes done_page(const rules::StatusRule& rule) {
    constexpr std::size_t kIdentifyBytes = 512;
    Bytes page(kIdentifyBytes);
    page[1] = 1;  // not all of it is zero
    if (rule.decoder == "nvme-sanitize-log") {
        page[2] = 1;
        page[4] = static_cast<std::uint8_t>(rule.action);
    } else if (rule.decoder == "ata-sanitize-registers") {
        page[3] = 0x80;
    } else if (rule.decoder == "scsi-sense-idle") {
        page[0] = 0x70;
    }
    return page;
}

}  // namespace

void use(Json& p, const std::string& technique) {
    const std::string set(rules::command_set_of(technique));
    Json& work = p["sanitization"];
    work["technique"] = p["authorization"]["policyId"] = technique;
    work["operation"]["commandSet"] = p["target"]["drive"]["commandSet"] = set;
    p["target"]["drive"]["facts"] = Json::object();
    const rules::Technique* row = rules::techniques().find(technique);
    if (row == nullptr) {
        return;
    }
    Json& commands = work["operation"]["commands"];
    const Json at = commands[0]["at"];
    commands = Json::array();
    for (const auto& rule : row->commands) {
        commands.push_back(ObjectWriter()
                               .add("at", at)
                               .add("name", rule.names.front())
                               .add("bytes", to_hex(rule.bytes))
                               .add("answer", "accepted")
                               .take());
    }
    for (const char* when : {"statusBefore", "statusAfter"}) {
        work[when] = Json::array();
        if (row->status) {
            work[when].push_back(page_of(row->status->page, done_page(*row->status)));
        }
    }
}

void bad_block(Json& p) {
    p["result"]["status"] = "sanitized-with-exceptions";
    p["result"]["exceptions"] =
        Json::array({reason("4096 bytes in 1 place could not be written: 8192", "write-failed")});
    pass(p)["bytesWritten"] = kDisk - 4096;
    pass(p)["writeFaults"] = faults(1, 8192, 4096);
    p["verification"]["bytesPlanned"] = kDisk - 4096;
    p["verification"]["bytesCompared"] = kDisk - 4096;
}

void no_read_back(Json& p) {
    p["verification"] = {{"method", "none"},
                         {"performed", false},
                         {"result", "not-performed"},
                         {"independentOfEraser", false}};
}

void not_looked(Json& p) {
    Json& verification = p["verification"];
    verification["method"] = "none";
    verification["performed"] = false;
    verification["result"] = "not-performed";
    verification["identity"] = "not read";
    verification["canaries"]["changed"] = 0U;
    verification["samples"]["surfaces"] = Json::array();
    for (const char* key : {"changed", "uninformative", "unchanged", "unreadable"}) {
        verification["samples"][key] = 0U;
    }
    verification["expected"] = {{"content", "zeros"}, {"checked", 0U}, {"mismatches", 0U}};
}

void with_exception(Json& p, const char* code) {
    p["result"]["status"] = "sanitized-with-exceptions";
    p["result"]["exceptions"] = Json::array({reason("something that is named", code)});
}

void some_unreadable(Json& p, std::uint64_t count) {
    Json& canaries = p["verification"]["canaries"];
    Json& surface = canaries["surfaces"][0];
    const auto from = surface["offsets"].begin() + 3;
    canaries["changed"] = canaries["placed"].get<std::uint64_t>() - count;
    canaries["unreadable"] = count;
    surface["unreadable"] = surface["unexpected"] =
        Json::array_t(from, from + static_cast<std::ptrdiff_t>(count));
    p["verification"]["unreadableStatuses"] = Json::array(
        {ObjectWriter().add("status", "EIO").add("count", count).add("expected", false).take()});
    p["verification"]["recheck"] =
        ObjectWriter().add("unreadableBefore", 2U).add("reset", "done").add("written", 1U).take();
    p["verification"]["byCommand"] = ObjectWriter().add("looked", 16U).add("intact", 0U).take();
    with_exception(p, "unreadable-blocks");
}

void adopted(Json& p) {
    with_exception(p, "adopted-erasure");
    set_level(p, "none");
    p["sanitization"]["operation"]["adopted"] = true;
    p["sanitization"]["operation"]["commands"] = Json::array();
    Json& seen = p["verification"];
    seen["seed"] = "";
    seen["canaries"] = {{"blockBytes", 4096U},      {"placed", 0U}, {"changed", 0U},
                        {"unreadable", 0U},         {"intact", 0U}, {"refused", 0U},
                        {"surfaces", Json::array()}};
    seen["samples"] = {{"taken", 0U},     {"changed", 0U},    {"uninformative", 0U},
                       {"unchanged", 0U}, {"unreadable", 0U}, {"surfaces", Json::array()}};
    seen["unreadableStatuses"] = Json::array();
}

Json hidden_area(const char* kind, bool covered, bool opened) {
    return {{"kind", kind},     {"detail", "what the drive says of it"},
            {"bytes", 0U},      {"covered", covered},
            {"opened", opened}, {"why", ""}};
}

void opened_area(Json& p) {
    p["target"]["hiddenAreas"]["areas"] = {hidden_area("reduced-capacity", false, true)};
    p["targetIdentity"]["sizeBytes"] = kDrive / 2;
    p["target"]["identity"]["sizeBytes"] = kDrive / 2;
}

}  // namespace efface::judge

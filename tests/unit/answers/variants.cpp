// SPDX-License-Identifier: Apache-2.0
#include "variants.hpp"

#include <functional>
#include <map>

#include "efface/base/assert.hpp"

namespace efface::answers {

using namespace evidence;

namespace {

using Patch = std::function<void(Json&)>;

Patch patch_of(const Json& told, const std::string& key) {
    const Json nulls = told.value(key + "Nulls", Json::array());
    if (!told.contains(key) && nulls.empty()) {
        return {};
    }
    return [patch = told.value(key, Json::object()), nulls](Json& value) {
        value.merge_patch(patch);
        for (const Json& name : nulls) {
            value[name.get<std::string>()] = nullptr;
        }
    };
}

ExampleChanges variant_of_log(const Json& told) {
    ExampleChanges changes;
    changes.earlier_identity = patch_of(told, "earlierIdentity");
    changes.earlier_intent = patch_of(told, "earlierIntent");
    changes.intent = patch_of(told, "intent");
    changes.outcome = patch_of(told, "outcome");
    changes.declare_earlier_attempt = told.value("declare", true);
    changes.open_before = told.value("openBefore", false);
    changes.later = told.value("later", std::vector<std::string>());
    return changes;
}

/// Insiders' records by name: what they change in the predicate.
const std::map<std::string_view, Patch>& false_predicates() {
    static const std::map<std::string_view, Patch> kPatches = {
        {"nobody-required", [](Json& p) { p["signaturePolicy"]["required"] = Json::array(); }},
        {"old-checkpoint", [](Json& p) { p["log"]["intentIndex"] = 5; }},
        {"one-approval", [](Json& p) { p["authorization"]["approvals"].erase(1); }},
        {"invented-approval",
         [](Json& p) { p["authorization"]["approvals"][1]["subject"] = "mallory"; }},
        {"own-approval",
         [](Json& p) {
             p["authorization"]["operator"] = "alice";
             p["personnel"][0]["id"] = "alice";
         }},
        {"failed-volume",
         [](Json& p) {
             p["volumes"][0]["status"] = "not-sanitized";
             p["volumes"][0]["level"] = "none";
         }},
        {"failed-control",
         [](Json& p) {
             p["volumes"][0]["locations"][0]["negativeControls"][1]["result"] = "fail";
         }},
        {"unread-region",
         [](Json& p) {
             p["volumes"][0]["locations"][0]["verification"]["bytesCompared"] = 8388608;
         }},
        {"unwritten-region",
         [](Json& p) { p["volumes"][0]["locations"][0]["overwrite"]["bytesWritten"] = 8388608; }},
        {"plain-data", [](Json& p) { p["volumes"][0]["payloadSample"]["structured"] = 1; }},
        {"other-time", [](Json& p) { p["issuedAt"] = "2026-11-22T09:41:07Z"; }},
    };
    return kPatches;
}

/// The same, beside the predicate.
const std::map<std::string_view, std::function<void(ExampleChanges&)>>& false_bundles() {
    static const std::map<std::string_view, std::function<void(ExampleChanges&)>> kChanges = {
        {"approver-signs", [](ExampleChanges& changes) { changes.signer = "alice"; }},
        {"hidden-attempt",
         [](ExampleChanges& changes) { changes.declare_earlier_attempt = false; }},
        {"other-outcome",
         [](ExampleChanges& changes) {
             changes.outcome = [](Json& outcome) {
                 outcome["certificate"]["sha256"] = sha256_hex(std::string_view("another"));
             };
         }},
        {"order-of-nothing",
         [](ExampleChanges& changes) { changes.order = "the cat sat on the mat\n"; }},
        {"order-for-another",
         [](ExampleChanges& changes) {
             changes.order = R"({"schema":"efface.project/1","project":{"id":"prj-1",)"
                             R"("owner":"X"},"volumes":[]})";
         }},
        {"other-project",
         [](ExampleChanges& changes) {
             changes.statement = [](Json& statement) {
                 statement["subject"][0]["digest"]["sha256"] =
                     sha256_hex(std::string_view("other"));
             };
         }},
    };
    return kChanges;
}

Patch issuer_patch(std::string_view name) {
    const std::string field(name.substr(name.find('-') + 1));
    return [field](Json& predicate) {
        EFFACE_ASSERT(predicate["issuer"].contains(field));
        predicate["issuer"][field] = "another";
    };
}

}  // namespace

ExampleChanges variant(std::string_view name) {
    if (name.starts_with('{')) {
        return variant_of_log(parse_json(name, "variant"));
    }
    ExampleChanges changes;
    const auto patch = false_predicates().find(name);
    const auto change = false_bundles().find(name);
    if (patch != false_predicates().end()) {
        changes.predicate = patch->second;
    } else if (change != false_bundles().end()) {
        change->second(changes);
    } else if (name.starts_with("issuer-")) {
        changes.predicate = issuer_patch(name);
    } else {
        throw Error(ErrorCode::usage, "no such variant");
    }
    return changes;
}

}  // namespace efface::answers

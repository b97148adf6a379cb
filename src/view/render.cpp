// SPDX-License-Identifier: Apache-2.0
#include "render.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "efface/base/digest.hpp"
#include "efface/rules/verdict.hpp"
#include "efface/view/text.hpp"

namespace efface::view {

namespace {

constexpr double kBytesPerUnit = 1024.0;

bool has_target(const Part& predicate) {
    return look(predicate, {"target"}).is_object();
}

std::string level_in_words(const Part& predicate) {
    const std::string level = words(look(predicate, {"result", "level"}));
    if (level != "none") {
        return level;
    }
    const bool success = rules::is_success(words(look(predicate, {"result", "status"})));
    return !success ? "none"
           : has_target(predicate)
               ? "none: erased, but no level of NIST SP 800-88 is claimed"
               : "none: the keys were erased, but no level of NIST SP 800-88 is claimed";
}

/// Plain English first; the code is what efface-reasons(7) lists.
std::string reason_in_words(const Json& reason) {
    const std::string code = words(look(reason, {"code"}));
    return words(look(reason, {"text"})) + (code.empty() ? "" : " [" + code + "]");
}

std::string status_in_words(const std::string& status) {
    return status == "sanitized"                   ? "sanitized: completed and verified"
           : status == "sanitized-with-exceptions" ? "sanitized-with-exceptions: completed and "
                                                     "verified, except for what is listed below"
           : status == "not-sanitized"             ? "not-sanitized: old data may still be there"
           : status == "indeterminate"
               ? "indeterminate: whether old data is still there cannot be determined"
               : status;
}

/// "a, b (c)": the parts that are there.
std::string joined(std::initializer_list<std::string> parts) {
    std::string text;
    for (const std::string& part : parts) {
        text += text.empty() || part.empty() ? "" : ", ";
        text += part;
    }
    return text;
}

/// Of a project whose keys were erased without a level: which volume keeps it from having one.
void render_why_no_level(Page& page, const Part& predicate) {
    const auto result = look(predicate, {"result"});
    if (words(look(result, {"level"})) != "none" ||
        !rules::is_success(words(look(result, {"status"})))) {
        return;
    }
    std::vector<std::pair<std::string, std::string>> reasons;  // what, and of which volumes
    for (const Part& volume : look(predicate, {"volumes"})) {
        for (const Part& objection : look(volume, {"eligibility", "objections"})) {
            const auto text = objection.is_object() ? reason_in_words(objection.glance())
                                                    : words(objection.glance());
            const auto known = std::find_if(reasons.begin(), reasons.end(),
                                            [&](const auto& one) { return one.first == text; });
            const auto name = words(look(volume, {"name"}));
            if (known == reasons.end()) {
                reasons.emplace_back(text, name);
            } else {
                known->second += ", " + name;
            }
        }
    }
    for (const auto& [text, names] : reasons) {
        page.field("Why no level", names + ": " + text);
    }
}

void render_result(Page& page, const Part& predicate) {
    page.field("Result", status_in_words(words(look(predicate, {"result", "status"}))));
    page.field("Level claimed", level_in_words(predicate));
    render_why_no_level(page, predicate);
    const auto requested = words(look(predicate, {"result", "requestedLevel"}));
    page.field("Level requested",
               requested == "none" ? "none: whatever can be reached" : requested);
    page.field("Certificate", words(look(predicate, {"certificateId"})));
    page.field("Issued at", words(look(predicate, {"issuedAt"})));
    page.field("Issued by", joined({words(look(predicate, {"issuer", "organization"})),
                                    words(look(predicate, {"issuer", "site"})),
                                    words(look(predicate, {"issuer", "stationId"}))}));
    page.field("Replaces", words(look(predicate, {"supersedes"})));
}

void render_who(Page& page, const Part& predicate) {
    const Part& authorization = look(predicate, {"authorization"});
    page.heading("Data owner and authorization");
    page.field("Owner", words(look(predicate, {"dataOwner", "organization"})));
    page.field("Project", words(look(predicate, {"dataOwner", "projectId"})));
    page.field("Confidentiality", words(look(predicate, {"dataOwner", "confidentiality"})));
    page.field("Order", words(look(authorization, {"reference"})));
    page.field("Not before", words(look(authorization, {"notBefore"})));
    page.field("Run by", words(look(authorization, {"operator"})));
    const std::string token = words(look(authorization, {"targetToken"}));
    page.field("Confirmed by", words(look(authorization, {"confirmation"})) +
                                   (token.empty() ? "" : ": \"" + token + "\""));
    const auto attestation = look(authorization, {"attestation"});
    if (attestation.is_object()) {
        const auto by = words(look(attestation, {"by"}));
        page.field("Attested by",
                   fmt::format("{}: encrypted since first use: {}; all copies of keys declared: {}",
                               by.empty() ? "the manifest, without a name" : by,
                               words(look(attestation, {"encryptedSinceFirstUse"})),
                               words(look(attestation, {"allKeyCopiesDeclared"}))));
    }
    for (const Part& approval : look(authorization, {"approvals"})) {
        page.field("Approved by",
                   fmt::format("{} at {}, key {}", words(look(approval, {"subject"})),
                               words(look(approval, {"signedAt"})),
                               words(look(approval, {"subjectPublicKeySha256"}))));
    }
    page.field("Manifest sha256", words(look(authorization, {"manifestDigest", "sha256"})));
    if (has_target(predicate) && !look(authorization, {"manifestDigest"}).is_object()) {
        page.field("Approved by", "nobody: there was no order");
    }
}

void render_how(Page& page, const Part& predicate) {
    const Part& sanitization = look(predicate, {"sanitization"});
    page.heading("When and how");
    page.field("Started", words(look(sanitization, {"startedAt"})));
    page.field("Completed", words(look(sanitization, {"completedAt"})));
    page.field("Technique", words(look(sanitization, {"technique"})));
    render_passed_over(page, sanitization);
    for (const Part& standard : look(sanitization, {"standards"})) {
        page.field("Standard",
                   words(look(standard, {"name"})) + " " + words(look(standard, {"edition"})));
    }
    page.field("Policy", words(look(predicate, {"authorization", "policyId"})) + " version " +
                             words(look(predicate, {"authorization", "policyVersion"})));
    page.field("Policy sha256",
               words(look(predicate, {"authorization", "policyDigest", "sha256"})));
    page.field("Interruptions", words(look(sanitization, {"interruptions"})));
    if (has_target(predicate)) {
        render_work(page, sanitization);
    }
    page.field("Attempt", words(look(predicate, {"attempts", "number"})));
    for (const Part& attempt : look(predicate, {"attempts", "previous"})) {
        page.field(
            "Earlier attempt",
            fmt::format("{}: {} (log entry {})", words(look(attempt, {"runId"})),
                        words(look(attempt, {"status"})), words(look(attempt, {"logIndex"}))));
    }
    if (is_drive_work(sanitization)) {
        render_drive_report(page, sanitization);
    }
    page.heading("How it was verified");
    page.field("Verification",
               outcome_in_words(words(look(predicate, {"verification", "result"}))));
    if (has_target(predicate)) {
        render_read_back(page, predicate);
    }
    page.field("Checked by another tool",
               words(look(predicate, {"verification", "independentOfEraser"})));
    page.field("Acceptance", words(look(predicate, {"validation", "decision"})));
}

void render_limits(Page& page, const Part& predicate) {
    page.heading("What is not claimed");
    show_list(page, "Exceptions", look(predicate, {"result", "exceptions"}), 2);
    show_list(page, "Residual risks", look(predicate, {"result", "residualRisks"}), 2);
    if (has_target(predicate)) {
        render_not_reached(page, predicate);
        page.bullet("Only this target was erased: copies of its data elsewhere are not covered.");
    } else {
        page.bullet("Copies of data or keys that the owner did not declare are not covered.");
    }
    page.bullet(
        "What a device or a library reported is quoted as its report; only the facts under "
        "verification were observed.");
    page.bullet(
        "Blocks that a medium has retired or remapped cannot be addressed and were not examined.");
    page.bullet("Times are from the station's clock.");
    page.bullet("Acceptance of the outcome is a decision of the organisation.");
}

/// For readers who are no engineers: what the words above mean (README of the code, Words).
void render_glossary(Page& page, bool target) {
    page.heading("What the words mean");
    page.line("sanitized: the technique was completed, and what was read afterwards agrees.");
    page.line("clear: what anybody can read through the device's own interface is gone.");
    page.line("purge: the same against a laboratory; discard and trim are never counted.");
    page.line(target
                  ? "read back, canary: old or known content was looked for afterwards by reading."
                  : "keyslot, payload: where keys are kept; the data, unreadable without them.");
    page.line("exception, residual risk: a part not reached; what still has to be believed.");
    page.line("announced, log: the run was written down before it began, so none can be left out.");
}

/// Of certificate.json as it must are there; nothing when it cannot be canonical.
std::string digest_of(const Json& certificate) {
    try {
        return sha256_hex(canonical_json(certificate));
    } catch (const Error&) {
        return {};
    }
}

void render_record(Page& page, const Part& certificate, const std::string& sha256) {
    const Part& predicate = look(certificate, {"predicate"});
    page.heading("The record");
    page.field("Made by", words(look(predicate, {"tool", "name"})) + " " +
                              words(look(predicate, {"tool", "version"})));
    page.field("Program sha256", words(look(predicate, {"tool", "binaryDigest", "sha256"})));
    page.field("Machine", joined({words(look(predicate, {"environment", "hostId"})),
                                  words(look(predicate, {"environment", "os"})),
                                  words(look(predicate, {"environment", "kernel"}))}));
    for (const Part& signer : look(predicate, {"signaturePolicy", "required"})) {
        const std::string held = words(look(signer, {"keyHeld"}));
        page.field("Must be signed by",
                   fmt::format("{} key {}{}", words(look(signer, {"role"})),
                               words(look(signer, {"subjectPublicKeySha256"})),
                               held.empty() ? "" : " (key held in " + held + ")"));
    }
    page.field("Log", fmt::format("{}, run {}, announced as entry {}",
                                  words(look(predicate, {"log", "origin"})),
                                  words(look(predicate, {"log", "runId"})),
                                  words(look(predicate, {"log", "intentIndex"}))));
    page.field("Record sha256", sha256);
    page.field("Keep until", words(look(predicate, {"retention", "until"})));
    page.gap();
    page.line(
        "This text is a view. The signed record is certificate.json; check it with "
        "'efface verify' or scripts/verify-bundle.");
}

}  // namespace

Part look(const Part& value, std::initializer_list<const char*> path) {
    Part at = value;
    for (const char* step : path) {
        at = at.at(step);
    }
    return at;
}

const Json& look(const Json& value, std::initializer_list<const char*> path) {
    static const Json kNothing;
    const Json* at = &value;
    for (const char* step : path) {
        const auto found = at->is_object() ? at->find(step) : at->end();
        if (!at->is_object() || found == at->end()) {
            return kNothing;
        }
        at = &*found;
    }
    return *at;
}

std::string words(const Json& value) {
    if (value.is_string()) {
        return value.get<std::string>();
    }
    if (value.is_boolean()) {
        return value.get<bool>() ? "yes" : "no";
    }
    return value.is_number() ? value.dump() : std::string();
}

std::string bytes_in_words(const Part& part) {
    const Json& value = part.read();
    if (!value.is_number_integer()) {
        return {};
    }
    double size = value.get<double>();
    const char* unit = "bytes";
    for (const char* next : {"KiB", "MiB", "GiB", "TiB", "PiB"}) {
        if (size < kBytesPerUnit) {
            break;
        }
        size /= kBytesPerUnit;
        unit = next;
    }
    return unit == std::string_view("bytes")
               ? fmt::format("{} bytes", value.dump())
               : fmt::format("{} bytes ({:.1f} {})", value.dump(), size, unit);
}

void show_list(Page& page, const char* label, const Part& list, std::size_t indent,
               const Json& elsewhere) {
    if (!list.is_array() || list.empty()) {
        return;
    }
    std::vector<std::string> said;
    for (const Part& item : list) {
        const auto text = item.is_object() ? reason_in_words(item.read()) : words(item.read());
        const bool repeated = std::find(said.begin(), said.end(), text) != said.end() ||
                              (elsewhere.is_array() && std::find(elsewhere.begin(), elsewhere.end(),
                                                                 item.glance()) != elsewhere.end());
        if (!repeated) {
            said.push_back(text);
        }
    }
    if (!said.empty()) {
        page.line(std::string(label) + ":", indent);
    }
    for (const auto& text : said) {
        page.bullet(text, indent + 2);
    }
}

std::string control_in_words(const std::string& name) {
    constexpr std::array kControls{
        std::pair{"no-magic", "no LUKS header is left"},
        std::pair{"areas-changed", "every header and key area has other content"},
        std::pair{"crypt-load", "cryptsetup's library finds no volume"},
        std::pair{"libblkid", "libblkid finds nothing"},
        std::pair{"credential-refused", "what opened it is refused"},
        std::pair{"no-mapping", "no mapping of the volume is open"},
        std::pair{"no-signature", "no known content is left"},
        std::pair{"empty", "nothing is left in it"},
        std::pair{"no-pages", "it has no memory in use"},
        std::pair{"no-size", "it has no size"},
        std::pair{"not-initialised", "it is not set up"},
        std::pair{"nothing-stored", "it stores nothing"},
        std::pair{"not-in-use", "it is not in use"},
        std::pair{"queue-empty", "no message is left in it"},
        std::pair{"queue-gone", "it was removed"},
        std::pair{"segment-gone", "it was removed"},
        std::pair{"attached-by-nobody-else", "nobody else has it attached"},
        std::pair{"security-disabled", "its security is off"}};
    const auto* known = std::find_if(kControls.begin(), kControls.end(),
                                     [&](const auto& one) { return one.first == name; });
    return known == kControls.end() ? name : known->second + (" (" + name + ")");
}

std::string outcome_in_words(const std::string& result) {
    return result == "pass"      ? "passed"
           : result == "fail"    ? "FAILED"
           : result == "unknown" ? "could not be checked, which proves nothing"
                                 : result;
}

std::string render_text(const Json& certificate) {
    Shown shown;
    const Part whole(certificate, shown);
    const Part predicate = look(whole, {"predicate"});
    const bool success =
        rules::is_success(words(look(certificate, {"predicate", "result", "status"})));
    Page page;
    page.title(success ? "Certificate of sanitization" : "Record of unsuccessful sanitization");
    render_result(page, predicate);
    if (has_target(predicate)) {
        render_target(page, predicate);
        render_how(page, predicate);
        render_limits(page, predicate);
        render_who(page, predicate);
    } else {
        render_who(page, predicate);
        render_how(page, predicate);
        page.heading("Volumes");
        for (const Part& volume : look(predicate, {"volumes"})) {
            render_volume(page, volume, look(predicate, {"result"}));
        }
        render_limits(page, predicate);
    }
    render_record(page, whole, digest_of(certificate));
    render_glossary(page, has_target(predicate));
    render_rest(page, certificate, shown);
    return page.text();
}

}  // namespace efface::view

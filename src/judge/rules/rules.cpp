// SPDX-License-Identifier: Apache-2.0
// A certificate can be well formed, well signed and still claim more than it shows. These rules
// read the record as an auditor does; they hold whoever wrote it.
#include <algorithm>
#include <array>
#include <set>

#include "efface/mandate/authorization.hpp"

#include "claims.hpp"
#include "conditions.hpp"
#include "facts.hpp"
#include "records/volume_claim.hpp"

namespace efface::judge {

namespace {

/// Every byte of the regions was written and read back: a part of them is not the place.
void check_whole_regions(const RecordView& location) {
    std::uint64_t total = 0;
    for (const RecordView& region : location.at("regions").items()) {
        const std::uint64_t length = region.at("length").number();
        if (length > UINT64_MAX - total) {
            region.fail("is larger than any medium");
        }
        total += length;
    }
    for (const auto& [part, count] :
         {std::pair{"overwrite", "bytesWritten"}, std::pair{"verification", "bytesCompared"}}) {
        const RecordView bytes = location.at(part).at(count);
        if (bytes.number() != total) {
            bytes.fail("is not the " + std::to_string(total) + " bytes of the regions");
        }
    }
}

void check_sanitized_location(const RecordView& location, const std::string& volume_status) {
    const std::string& status = location.at("status").text();
    if (status_rank(status) > status_rank(volume_status)) {
        location.fail("is " + status + ", so its volume cannot be " + volume_status);
    }
    check_whole_regions(location);
}

void check_run_claim(const RecordView& predicate) {
    const RecordView result = predicate.at("result");
    const std::string& status = result.at("status").text();
    int worst = 0;
    bool unseen = false;  // a volume that was declared gone: an exception, see above
    int lowest = level_rank("purge");
    for (const RecordView& volume : predicate.at("volumes").items()) {
        worst = std::max(worst, status_rank(volume.at("status").text()));
        unseen = unseen || volume.at("locations").items().empty();
        lowest = std::min(lowest, level_rank(volume.at("level").text()));
    }
    if (status_rank(status) != worst) {
        result.at("status").fail("must be the worst of its volumes");
    }
    if (level_rank(result.at("level").text()) != lowest) {
        result.at("level").fail("must be the lowest of its volumes");
    }
    const RecordView verification = predicate.at("verification");
    const bool passed =
        verification.at("performed").flag() && verification.at("result").text() == "pass";
    if (is_success(status) && !passed && !unseen) {
        verification.fail("did not pass, so the run cannot be " + status);
    }
}

void check_same_levels(const RecordView& predicate) {
    const RecordView result = predicate.at("result");
    const RecordView sanitization = predicate.at("sanitization");
    if (sanitization.at("method").text() != result.at("level").text() ||
        sanitization.at("requestedMethod").text() != result.at("requestedLevel").text()) {
        sanitization.fail("must have the same levels as the result");
    }
}

void check_project_identity(const RecordView& predicate) {
    const RecordView identity = predicate.at("projectIdentity");
    if (identity.at("projectId").text() != predicate.at("dataOwner").at("projectId").text()) {
        identity.at("projectId").fail("is not the project of dataOwner");
    }
    const auto named = identity.at("volumes").items();
    const auto treated = predicate.at("volumes").items();
    bool same = named.size() == treated.size();
    for (std::size_t i = 0; same && i < named.size(); ++i) {
        same = named[i].at("name").text() == treated[i].at("name").text() &&
               named[i].at("uuid").text() == treated[i].at("uuid").text();
    }
    if (!same) {
        identity.at("volumes").fail("are not the volumes of this record");
    }
}

void check_location_times(const RecordView& predicate) {
    const WallTime issued = predicate.at("issuedAt").time();
    for (const RecordView& volume : predicate.at("volumes").items()) {
        for (const RecordView& location : volume.at("locations").items()) {
            const auto from = location.maybe("startedAt");
            const auto to = location.maybe("completedAt");
            if (from.has_value() != to.has_value() ||
                (from && (from->time() > to->time() || to->time() > issued))) {
                location.fail("its times are out of order");
            }
        }
    }
}

void check_run_times(const RecordView& predicate) {
    const WallTime issued = predicate.at("issuedAt").time();
    const RecordView sanitization = predicate.at("sanitization");
    const WallTime started = sanitization.at("startedAt").time();
    const WallTime completed = sanitization.at("completedAt").time();
    if (started > completed || completed > issued) {
        sanitization.fail("must have started before it was completed, and that before issuedAt");
    }
    const RecordView authorization = predicate.at("authorization");
    if (const auto not_before = authorization.maybe("notBefore");
        not_before && not_before->time() > started) {
        not_before->fail("is after the start of the run");
    }
}

/// By the rules of the run itself.
void check_approvals(const RecordView& predicate) {
    const RecordView authorization = predicate.at("authorization");
    std::vector<mandate::Approval> approvals;
    for (const RecordView& approval : authorization.at("approvals").items()) {
        approvals.push_back({approval.at("subject").text(),
                             approval.at("subjectPublicKeySha256").text(),
                             approval.at("signedAt").time()});
    }
    if (authorization.at("confirmation").text() != "signed-approvals") {
        if (!approvals.empty()) {
            authorization.at("approvals").fail("are listed, but nobody signed them");
        }
        return;
    }
    try {
        mandate::check_approvers(approvals, authorization.at("operator").text(),
                                 predicate.at("sanitization").at("startedAt").time());
    } catch (const Error& error) {
        authorization.at("approvals").fail(error.what());
    }
}

/// A success in which something of the record says that it failed.
void check_failures(const RecordView& claiming, const RecordView& reasoning,
                    const rules::Techniques& table) {
    if (!is_success(claiming.at("status").text())) {
        return;
    }
    const auto reasons = reasoning.maybe("reasons");
    for (const std::string& code : table.failures()) {
        if (names_reason(claiming.at("exceptions"), code) ||
            (reasons && names_reason(*reasons, code))) {
            claiming.fail("cannot be a success: one reason is " + code);
        }
    }
}

/// As the log has them: each run once, one after the other.
void check_attempts(const RecordView& attempts) {
    const auto previous = attempts.at("previous").items();
    if (attempts.at("number").number() != previous.size() + 1) {
        attempts.at("number").fail("must be one more than the previous attempts");
    }
    std::set<std::string> runs;
    for (std::size_t i = 0; i < previous.size(); ++i) {
        if (!runs.insert(previous[i].at("runId").text()).second) {
            previous[i].at("runId").fail("is listed twice");
        }
        if (i > 0 &&
            previous[i].at("logIndex").number() <= previous[i - 1].at("logIndex").number()) {
            previous[i].at("logIndex").fail("is not later than the one before it");
        }
    }
}

void check_required_signers(const RecordView& policy) {
    std::set<std::string> keys;
    bool station = false;
    for (const RecordView& signer : policy.at("required").items()) {
        station = station || signer.at("role").text() == "station";
        if (!keys.insert(signer.at("subjectPublicKeySha256").text()).second) {
            signer.fail("one key cannot sign in two roles");
        }
    }
    if (!station) {
        policy.at("required").fail("must name the station");
    }
}

void check_volumes(const RecordView& predicate, const rules::Techniques& table) {
    const RecordView authorization = predicate.at("authorization");
    const rules::Technique& row = technique_of_volumes(predicate, table);
    if (row.family->policy && authorization.at("policyId").text() != row.policy) {
        authorization.at("policyId").fail("is not the policy of " + row.name);
    }
    for (const RecordView& volume : predicate.at("volumes").items()) {
        check_volume_claim(volume, authorization, schema_of(predicate), row, table);
    }
}

}  // namespace

int status_rank(std::string_view status) {
    constexpr std::array<std::string_view, 4> kStatuses{"sanitized", "sanitized-with-exceptions",
                                                        "indeterminate", "not-sanitized"};
    const auto* found = std::find(kStatuses.begin(), kStatuses.end(), status);
    return static_cast<int>(found - kStatuses.begin());
}

const rules::Technique& technique_of_volumes(const RecordView& predicate,
                                             const rules::Techniques& table) {
    const RecordView technique = predicate.at("sanitization").at("technique");
    const rules::Technique* row = table.find(technique.text());
    const bool treats_volumes = row != nullptr && is_one_of(row->family->types, "keyslot");
    if (!treats_volumes) {
        technique.fail("is not one for volumes");
    }
    return *row;
}

void check_volume_claim(const RecordView& volume, const RecordView& authorization, Schema schema,
                        const rules::Technique& row, const rules::Techniques& table) {
    const std::string& status = volume.at("status").text();
    const std::string& level = volume.at("level").text();
    if (!is_success(status)) {
        if (level != "none") {
            volume.at("level").fail("a volume that is " + status + " has no level");
        }
        return;
    }
    const auto locations = volume.at("locations").items();
    check_failures(volume, volume, table);
    const bool exceptions = !volume.at("exceptions").items().empty();
    if (exceptions != (status == "sanitized-with-exceptions")) {
        volume.at("exceptions").fail("must be listed exactly when the status requires it");
    }
    // A volume that was declared gone was not seen: that is an exception, never plain success.
    const bool unseen = locations.empty();
    if (unseen && (!volume.at("alreadyGone").flag() || !exceptions || level != "none")) {
        volume.at("locations").fail("nothing was examined, so nothing can be claimed");
    }
    for (const RecordView& location : locations) {
        check_sanitized_location(location, status);
        (void)location.at("startedAt").time();
    }
    if (level_rank(level) > level_rank(row.level_flash)) {
        volume.at("level").fail("is above what " + row.name + " reaches");
    }
    check_conditions(row.family->volume_conditions, volume,
                     {schema, true, false, exceptions, level, volume.at("exceptions")});
    check_volume_evidence(volume, authorization, schema, *row.family);
    if (level == "purge") {
        volume.at("cryptographicErase").must_be_object();
    }
}

void check_rules(const RecordView& predicate, const rules::Techniques& table) {
    check_same_levels(predicate);
    if (target_type_of(predicate) == TargetType::volumes) {
        check_volumes(predicate, table);
        check_run_claim(predicate);
        check_project_identity(predicate);
        check_location_times(predicate);
    } else {
        check_target_rules(predicate, table);
    }
    check_facts(predicate, table);
    check_failures(predicate.at("result"), predicate.at("sanitization"), table);
    check_run_times(predicate);
    check_approvals(predicate);
    check_required_signers(predicate.at("signaturePolicy"));
    check_attempts(predicate.at("attempts"));
}

}  // namespace efface::judge

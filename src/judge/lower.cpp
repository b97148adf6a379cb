// SPDX-License-Identifier: Apache-2.0
#include "efface/judge/lower.hpp"

#include <algorithm>
#include <optional>

#include "efface/base/reason.hpp"

#include "rules/claims.hpp"

namespace efface::judge {

namespace {

constexpr const char* kSanitized = "sanitized";
constexpr const char* kWithExceptions = "sanitized-with-exceptions";
constexpr const char* kIndeterminate = "indeterminate";
constexpr const char* kNone = "none";
constexpr const char* kClear = "clear";
constexpr const char* kPurge = "purge";

/// What is wrong with the record, whatever `check` looks at.
template <typename Check>
std::optional<std::string> problem_of(Check&& check) {
    try {
        check();
        return std::nullopt;
    } catch (const Error& error) {
        return error.what();
    } catch (const Json::exception& error) {
        return error.what();
    }
}

std::optional<std::string> problem_of_record(const Json& predicate, std::string_view order) {
    return problem_of([&] {
        const RecordView view(predicate, "predicate");
        check_predicate(view);
        check_rules(view);
        if (!order.empty()) {
            check_order(order, view);
        }
    });
}

/// What says that it was read back and is not what was expected: no more is known of it.
void doubt(Json& verification) {
    if (verification.is_object() && verification.value("result", Json()) == "pass") {
        verification["result"] = "fail";
    }
}

/// The claim itself and what is below it, from best to worst.
std::vector<Verdict> claims_from(const Verdict& claimed) {
    std::vector<Verdict> claims{claimed};
    if (!is_success(claimed.status)) {
        claims.push_back({claimed.status, kNone});
        return claims;
    }
    for (const char* level : {kClear, kNone}) {
        if (level_rank(level) < level_rank(claimed.level)) {
            claims.push_back({claimed.status, level});
        }
    }
    if (claimed.status == kSanitized) {
        claims.push_back({kWithExceptions, kNone});
    }
    claims.push_back({kIndeterminate, kNone});
    return claims;
}

/// Each once, also when the next lower claim meets it again.
void note(std::vector<std::string>& objections, const std::string& problem) {
    if (std::find(objections.begin(), objections.end(), problem) == objections.end()) {
        objections.push_back(problem);
    }
}

/// An objection as a reason of this record: in 1.0.0 they are texts.
Json reason_in(Schema schema, const std::string& objection) {
    return schema == Schema::v1_0 ? Json(objection)
                                  : to_json(Reason{ReasonCode::claim_lowered, objection});
}

void add_reason(Json& record, const char* list, const Json& reason) {
    if (!record[list].is_array()) {
        record[list] = Json::array();
    }
    record[list].push_back(reason);
}

/// `reasons` is where this record says why it is not a success: "reasons" of a volume or of the
/// work.
void write_claim(Json& claiming, Json& reasons, const Verdict& before, const Verdict& now,
                 const Json& reason) {
    claiming["status"] = now.status;
    claiming["level"] = now.level;
    if (now == before || reason.is_null()) {
        return;
    }
    if (!is_success(now.status)) {
        add_reason(reasons, "reasons", reason);
    } else if (now.status != before.status) {
        add_reason(claiming, "exceptions", reason);
    } else {
        add_reason(claiming, "residualRisks", reason);
    }
}

Verdict claim_in(const Json& claiming) {
    return {claiming.at("status").get<std::string>(), claiming.at("level").get<std::string>()};
}

Judgement lower_target(Json& predicate, std::string_view order) {
    const Verdict claimed = claim_in(predicate.at("result"));
    Judgement judgement{claimed, {}};
    std::optional<std::string> problem = problem_of_record(predicate, order);
    if (!problem) {
        return judgement;
    }
    const Schema schema = schema_of(RecordView(predicate, "predicate"));
    const Json before = predicate;
    for (const Verdict& claim : claims_from(claimed)) {
        if (claim != claimed) {
            predicate = before;
            write_claim(predicate["result"], predicate["sanitization"], claimed, claim,
                        reason_in(schema, judgement.objections.front()));
            predicate["sanitization"]["method"] = claim.level;
            problem = problem_of_record(predicate, order);
        }
        judgement.verdict = claim;
        if (!problem) {
            return judgement;
        }
        note(judgement.objections, *problem);
    }
    doubt(predicate["verification"]);
    return judgement;
}

void lower_volume(Json& volume, const std::string& place, const RecordView& predicate,
                  std::vector<std::string>& objections) {
    const Schema schema = schema_of(predicate);
    const rules::Techniques& table = rules::techniques();
    const Json before = volume;
    const Verdict claimed = claim_in(volume);
    std::string first;
    for (const Verdict& claim : claims_from(claimed)) {
        if (claim != claimed) {
            volume = before;
            write_claim(volume, volume, claimed, claim, reason_in(schema, first));
        }
        const auto problem = problem_of([&] {
            check_volume_claim(RecordView(volume, place), predicate.at("authorization"), schema,
                               technique_of_volumes(predicate, table), table);
        });
        if (!problem) {
            return;
        }
        first = first.empty() ? *problem : first;
        note(objections, *problem);
    }
    for (Json& location : volume.at("locations")) {
        doubt(location.at("verification"));
    }
}

/// The whole is what its volumes add up to.
/// `reason` is null when it adds up to what it did.
void add_up(Json& predicate, const Json& reason) {
    Json& result = predicate["result"];
    const Verdict before = claim_in(result);
    Verdict now{kSanitized, kPurge};
    for (const Json& volume : predicate.at("volumes")) {
        const Verdict claim = claim_in(volume);
        if (status_rank(claim.status) > status_rank(now.status)) {
            now.status = claim.status;
        }
        if (level_rank(claim.level) < level_rank(now.level)) {
            now.level = claim.level;
        }
    }
    Json nowhere = Json::object();  // the volumes say why
    write_claim(result, nowhere, before, now, reason);
    predicate["sanitization"]["method"] = now.level;
    if (!is_success(now.status)) {
        doubt(predicate["verification"]);
    }
}

Judgement lower_project(Json& predicate, std::string_view order) {
    Judgement judgement{claim_in(predicate.at("result")), {}};
    if (!problem_of_record(predicate, order)) {
        return judgement;
    }
    const RecordView view(predicate, "predicate");
    const Schema schema = schema_of(view);
    Json& volumes = predicate.at("volumes");
    for (std::size_t i = 0; i < volumes.size(); ++i) {
        lower_volume(volumes[i], "predicate.volumes[" + std::to_string(i) + "]", view,
                     judgement.objections);
    }
    add_up(predicate,
           judgement.objections.empty() ? Json() : reason_in(schema, judgement.objections.front()));
    if (const auto problem = problem_of_record(predicate, order)) {
        note(judgement.objections, *problem);
        for (Json& volume : volumes) {
            const Verdict claim = claim_in(volume);
            if (is_success(claim.status)) {
                write_claim(volume, volume, claim, {kIndeterminate, kNone},
                            reason_in(schema, *problem));
            }
        }
        add_up(predicate, reason_in(schema, *problem));
    }
    judgement.verdict = claim_in(predicate.at("result"));
    return judgement;
}

/// For what is not even shaped so that a claim could be found in it.
Judgement give_up(Json& predicate, const std::string& problem) {
    if (predicate.is_object()) {
        predicate["result"] = ObjectWriter()
                                  .add("status", kIndeterminate)
                                  .add("level", kNone)
                                  .add("requestedLevel", kNone)
                                  .add("exceptions", Json::array())
                                  .add("residualRisks", Json::array())
                                  .take();
        if (predicate["sanitization"].is_object()) {
            predicate["sanitization"]["method"] = kNone;
        }
    }
    return {{kIndeterminate, kNone}, {problem}};
}

/// Everything that only claims is raised to the best; what was seen stays as it is.
void raise(Json& claiming) {
    claiming["status"] = claiming.at("exceptions").empty() ? kSanitized : kWithExceptions;
    claiming["level"] = kPurge;
}

void raise_verification(Json& verification) {
    if (verification.at("performed") == true) {
        verification["result"] = "pass";
    }
}

}  // namespace

Verdict verdict_of(const Json& predicate) {
    return claim_in(predicate.at("result"));
}

Judgement lower(Json& predicate, std::string_view order) {
    std::optional<Judgement> judgement;
    const auto problem = problem_of([&] {
        const bool volumes = predicate.at("certificateType") == "keyslot";
        judgement = volumes ? lower_project(predicate, order) : lower_target(predicate, order);
    });
    return judgement ? *std::move(judgement) : give_up(predicate, *problem);
}

Judgement replay(const Json& predicate) {
    Json best = predicate;
    const auto problem = problem_of([&] {
        raise(best.at("result"));
        best.at("sanitization")["method"] = kPurge;
        raise_verification(best.at("verification"));
        if (best.contains("volumes")) {
            for (Json& volume : best.at("volumes")) {
                raise(volume);
                for (Json& location : volume.at("locations")) {
                    location["status"] = kSanitized;
                    raise_verification(location.at("verification"));
                }
            }
        }
    });
    return problem ? give_up(best, *problem) : lower(best, {});
}

}  // namespace efface::judge

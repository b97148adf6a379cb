// SPDX-License-Identifier: Apache-2.0
// The order or manifest in a bundle, held against the record: what people approved is what was
// done. What may be in it, and what it permits, says the module that the run asks, too.
#include "efface/mandate/order.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/evidence/bundle_names.hpp"
#include "efface/mandate/identity.hpp"
#include "efface/mandate/manifest.hpp"

#include "rules/claims.hpp"

namespace efface::judge {

namespace {

/// A run looks at the dates a moment before it notes when it began.
constexpr std::chrono::minutes kStartSlack{10};

/// What the order says is not what the record says.
void need_same(const std::string& where, bool same) {
    if (!same) {
        throw Error(ErrorCode::usage, where + ": differs from the certificate");
    }
}

std::string text_of(const std::optional<RecordView>& field) {
    return field ? field->text() : std::string();
}

std::optional<WallTime> time_in(const std::optional<RecordView>& field) {
    return field ? std::optional(field->time()) : std::nullopt;
}

void check_terms(const std::string& where, const mandate::Terms& terms,
                 const RecordView& predicate) {
    const RecordView authorization = predicate.at("authorization");
    need_same(where + "ticket", terms.ticket == text_of(authorization.maybe("reference")));
    need_same(where + "not_before", terms.not_before == time_in(authorization.maybe("notBefore")));
    const auto retention = predicate.maybe("retention");
    need_same(
        where + "retention_until",
        terms.retention_until == time_in(retention ? retention->maybe("until") : std::nullopt));
    need_same(where + "minimum_level",
              to_string(terms.minimum_level) == predicate.at("result").at("requestedLevel").text());
    mandate::check_dates(terms, predicate.at("sanitization").at("startedAt").time(), kStartSlack);
}

void check_owner(const std::string& where, const RecordView& predicate, const std::string& id,
                 const std::string& owner, const std::string& confidentiality) {
    const RecordView told = predicate.at("dataOwner");
    need_same(where + "id", id == told.at("projectId").text());
    need_same(where + "owner", owner == told.at("organization").text());
    need_same(where + "confidentiality", confidentiality == text_of(told.maybe("confidentiality")));
}

/// What an order or manifest says of the thing that was found.
void check_found(const std::string& where, const std::vector<mandate::Difference>& differences) {
    for (const auto& one : differences) {
        need_same(fmt::format("{}.{}", where, one.key), false);
    }
}

/// Places that were declared and not called gone, in the order in which they are worked on.
std::vector<std::string> declared_roles(const mandate::Volume& volume) {
    std::vector<std::string> roles;
    if (!volume.gone) {
        roles.emplace_back(volume.header ? "detached-header" : "in-place-header");
    }
    for (const auto& backup : volume.header_backups) {
        if (!backup.gone) {
            roles.emplace_back("header-backup");
        }
    }
    return roles;
}

/// What the owner called gone, and nobody looked at or could find.
std::ptrdiff_t number_gone(const mandate::Volume& volume) {
    return (volume.gone ? 1 : 0) + std::count_if(volume.header_backups.begin(),
                                                 volume.header_backups.end(),
                                                 [](const auto& backup) { return backup.gone; });
}

/// Exceptions of a volume that say so; those of 1.0.0 had no codes.
std::ptrdiff_t declared_gone(const RecordView& told) {
    const auto exceptions = told.at("exceptions").items();
    return std::count_if(exceptions.begin(), exceptions.end(), [](const RecordView& exception) {
        return !exception.json().is_object() || exception.at("code").text() == "declared-gone";
    });
}

/// One volume of a manifest against the record's of the same place.
void check_volume(const std::string& where, const mandate::Volume& volume, const RecordView& told) {
    need_same(where + ".name", volume.name == told.at("name").text());
    need_same(where + ".uuid", volume.uuid == told.at("uuid").text());
    need_same(where + ".engine", volume.engine == text_of(told.maybe("engine")));
    need_same(where + ".asset_tag", volume.asset_tag == text_of(told.maybe("assetTag")));
    need_same(where + ".gone", volume.gone == told.at("alreadyGone").flag());
    need_same(where + ".credential",
              volume.credential.has_value() == told.at("credential").at("declared").flag());
    // Every place that was declared and not called gone was worked on, and no other.
    std::vector<std::string> worked_on;
    for (const RecordView& location : told.at("locations").items()) {
        const std::string& role = location.at("role").text();
        if (role == "in-place-header") {
            const RecordView identity = location.at("identity");
            check_found(where, mandate::differences(volume, {identity.at("serialNumber").text(), "",
                                                             identity.at("sizeBytes").number()}));
            // A first header that was left on the data device of a detached one goes, too.
            if (worked_on == std::vector<std::string>{"detached-header"}) {
                continue;
            }
        }
        worked_on.push_back(role);
    }
    need_same(where + ".header_backups", declared_roles(volume) == worked_on);
    need_same(where + ".gone", declared_gone(told) >= number_gone(volume));
}

void check_manifest(const mandate::Manifest& manifest, const RecordView& predicate) {
    const std::string where = "manifest: ";
    check_owner(where + "project.", predicate, manifest.project_id, manifest.owner,
                manifest.confidentiality);
    check_terms(where, manifest.terms, predicate);
    const RecordView told = predicate.at("authorization").at("attestation");
    const auto& said = manifest.attestation;
    need_same(where + "attestation",
              said.encrypted_since_first_use == told.at("encryptedSinceFirstUse").flag() &&
                  said.all_key_copies_declared == told.at("allKeyCopiesDeclared").flag() &&
                  said.by == told.at("by").text());
    const auto worked_on = predicate.at("volumes").items();
    need_same(where + "volumes", manifest.volumes.size() == worked_on.size());
    for (std::size_t i = 0; i < worked_on.size(); ++i) {
        check_volume(fmt::format("{}volumes[{}]", where, i), manifest.volumes[i], worked_on[i]);
    }
}

void check_technique(const mandate::ErasureChoice& choice, const RecordView& predicate) {
    const RecordView sanitization = predicate.at("sanitization");
    if (const auto requested = sanitization.maybe("requestedTechnique")) {
        need_same("order: policy", choice.policy == requested->text());
    }
    if (!mandate::allows(choice, sanitization.at("technique").text())) {
        throw Error(ErrorCode::usage,
                    "order: policy: neither it nor a fallback is the technique of the certificate");
    }
}

void check_limits(const mandate::Limits& limits, const RecordView& predicate) {
    const auto told = predicate.at("sanitization").maybe("limits");
    const Json said = mandate::to_json(limits);
    if (!told) {  // it failed before it came to them
        need_same("order: limits", said == mandate::to_json(mandate::Limits()) ||
                                       !is_success(predicate.at("result").at("status").text()));
        return;
    }
    for (const char* key : {"bytesPerSecondMin", "deadlineSeconds", "celsiusMax"}) {
        need_same(std::string("order: limits: ") + key,
                  said.at(key).get<std::uint64_t>() == told->at(key).number());
    }
    for (const char* key : {"whenSlow", "whenLate", "whenHot"}) {
        need_same(std::string("order: limits: ") + key, said.at(key) == told->at(key).text());
    }
}

/// Sectors are formatted only where the order says so, and to the size that it says.
void check_sector_size(const mandate::ErasureChoice& choice, const RecordView& predicate) {
    const auto operation = predicate.at("sanitization").maybe("operation");
    if (const auto format = operation ? operation->maybe("sectorFormat") : std::nullopt) {
        need_same("order: sector_size", choice.sector_bytes == format->at("after").number());
    }
}

/// A drive beyond a limit of its health, or that does not report it, was not to be erased.
void check_triage(const mandate::HealthLimits& limits, const RecordView& predicate) {
    if (limits == mandate::HealthLimits() ||
        !is_success(predicate.at("result").at("status").text())) {
        return;
    }
    const auto health = predicate.at("target").maybe("health");
    const auto before = health ? health->maybe("before") : std::nullopt;
    need_same("order: health", before.has_value());
    const RecordView values = before->at("values");
    for (const auto& row : mandate::health_limit_rows()) {
        if (const auto& limit = limits.*row.limit) {
            const auto value = values.maybe(row.count);
            need_same(
                std::string("order: health: ") + row.key,
                value && (row.at_least ? value->number() >= *limit : value->number() <= *limit));
        }
    }
    const auto failing = values.maybe("failing");
    need_same("order: health: refuse_failing",
              !limits.refuse_failing || (failing && !failing->flag()));
}

/// How a target was to be overwritten: of a success, it was.
void check_overwriting(const mandate::ErasureChoice& choice, const RecordView& predicate) {
    const RecordView sanitization = predicate.at("sanitization");
    const auto passes = sanitization.at("passes").items();
    if (!is_success(predicate.at("result").at("status").text()) || passes.empty()) {
        return;
    }
    const std::string& method = predicate.at("verification").at("method").text();
    need_same("order: verification",
              method == "full-read-back" || to_string(choice.verification) == method);
    const bool faultless = std::all_of(passes.begin(), passes.end(), [](const RecordView& pass) {
        return pass.at("writeFaults").at("bytes").number() == 0;
    });
    need_same("order: bad_blocks", faultless || choice.bad_blocks_are_exceptions);
    if (!choice.pattern.empty() && sanitization.at("technique").text() == choice.policy) {
        need_same("order: pattern",
                  passes.front().at("pattern").text() == "repeat:" + to_hex(choice.pattern));
    }
}

void check_target(const mandate::Order& order, const RecordView& predicate) {
    const RecordView target = predicate.at("target");
    const RecordView identity = predicate.at("targetIdentity");
    const auto is_it = [&](const mandate::OrderTarget& one) {
        return printable(one.name) == target.at("name").text();
    };
    if (std::count_if(order.targets.begin(), order.targets.end(), is_it) != 1) {
        throw Error(ErrorCode::usage, ReasonCode::not_in_order,
                    "order: targets: the target of the certificate is not listed exactly once");
    }
    const auto it = std::find_if(order.targets.begin(), order.targets.end(), is_it);
    const auto where = fmt::format("order: targets[{}]", it - order.targets.begin());
    const auto size = identity.maybe("sizeBytes");  // some memory has none that stays
    check_found(where, mandate::differences(
                           *it, {text_of(identity.maybe("serial")), text_of(identity.maybe("wwid")),
                                 size ? std::optional(size->number()) : std::nullopt}));
    need_same(where + ".asset_tag", it->asset_tag == text_of(target.maybe("assetTag")));
}

void check_target_order(const mandate::Order& order, const RecordView& predicate) {
    check_owner("order: ", predicate, order.id, order.owner, order.confidentiality);
    check_terms("order: ", order.terms, predicate);
    check_target(order, predicate);
    // Memory has methods of its own, which the rules know.
    if (predicate.at("certificateType").text() != "memory") {
        check_technique(order.choice, predicate);
        check_limits(order.choice.limits, predicate);
        check_sector_size(order.choice, predicate);
        check_triage(order.choice.health, predicate);
        check_overwriting(order.choice, predicate);
    }
}

}  // namespace

void check_order(std::string_view text, const RecordView& predicate) {
    try {
        if (target_type_of(predicate) == TargetType::volumes) {
            check_manifest(mandate::parse_manifest(text), predicate);
        } else {
            check_target_order(mandate::parse_order(text), predicate);
        }
    } catch (const Error& error) {  // of the judge all are of one kind
        throw Error(ErrorCode::usage, error.reason(), error.what(), error.hint());
    }
}

}  // namespace efface::judge

// SPDX-License-Identifier: Apache-2.0
#include "efface/job/plan.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/job/project_run.hpp"
#include "efface/method/luks.hpp"

#include "journal/check.hpp"

namespace efface::job {

namespace {

std::vector<stream::Range> ranges_from_json(const Json& list) {
    std::vector<stream::Range> ranges;
    for (const auto& range : list) {
        ranges.push_back(
            {range.at("offset").get<std::uint64_t>(), range.at("length").get<std::uint64_t>()});
    }
    return ranges;
}

Json extents_to_json(const std::vector<device::Extent>& extents) {
    Json list = Json::array();
    for (const auto& extent : extents) {
        Json one = Json::array();
        for (const auto value : {extent.logical, extent.physical, extent.length}) {
            one.push_back(value);
        }
        list.push_back(std::move(one));
    }
    return list;
}

std::vector<device::Extent> extents_from_json(const Json& list) {
    std::vector<device::Extent> extents;
    for (const auto& extent : list) {
        extents.push_back({extent.at(0).get<std::uint64_t>(), extent.at(1).get<std::uint64_t>(),
                           extent.at(2).get<std::uint64_t>()});
    }
    return extents;
}

Json location_to_json(const LocationPlan& location) {
    return ObjectWriter()
        .add("role", to_string(location.role))
        .add("path", location.path)
        .add("dataPath", location.data_path)
        .add("luksUuid", location.luks_uuid)
        .add("regions", method::ranges_json(location.region.ranges))
        .add("regionReasons", location.region.reasons)
        .add("regionWidened", location.region.widened)
        .add("first", method::ranges_json(location.first))
        .add("destroySlots", location.destroy_slots)
        .add("sizeBytes", location.size_bytes)
        .add("serial", location.serial)
        .add("wwid", location.wwid)
        .add("inode", location.inode)
        .add("firstSectorSha256", location.first_sector_sha256)
        .add("extents", extents_to_json(location.extents))
        .add("streamKey", to_hex(location.stream_key))
        .add("record", location.record)
        .take();
}

Role role_from_string(const std::string& text) {
    for (const auto role : {Role::in_place_header, Role::detached_header, Role::header_backup}) {
        if (text == to_string(role)) {
            return role;
        }
    }
    journal_damaged("a volume", "an unknown role");
}

LocationPlan location_from_json(const Json& json) {
    LocationPlan location;
    location.role = role_from_string(json.at("role").get<std::string>());
    json.at("path").get_to(location.path);
    json.at("dataPath").get_to(location.data_path);
    json.at("luksUuid").get_to(location.luks_uuid);
    location.region.ranges = ranges_from_json(json.at("regions"));
    json.at("regionReasons").get_to(location.region.reasons);
    json.at("regionWidened").get_to(location.region.widened);
    location.first = ranges_from_json(json.at("first"));
    json.at("destroySlots").get_to(location.destroy_slots);
    json.at("sizeBytes").get_to(location.size_bytes);
    json.at("serial").get_to(location.serial);
    json.at("wwid").get_to(location.wwid);
    json.at("inode").get_to(location.inode);
    json.at("firstSectorSha256").get_to(location.first_sector_sha256);
    location.extents = extents_from_json(json.at("extents"));
    const auto key = from_hex(json.at("streamKey").get<std::string>());
    if (!key) {
        journal_damaged("a volume", "a stream key");
    }
    location.stream_key = *key;
    location.record = json.at("record");
    return location;
}

Json location_document(const LocationPlan& location) {
    return ObjectWriter()
        .add("role", to_string(location.role))
        .add("path", location.path)
        .add("regions", method::ranges_json(location.region.ranges))
        .add("regionReasons", location.region.reasons)
        .add("firstSectorSha256", location.first_sector_sha256)
        .add("found", location.record)
        .take();
}

}  // namespace

const char* to_string(Role role) noexcept {
    switch (role) {
        case Role::in_place_header:
            return "in-place-header";
        case Role::detached_header:
            return "detached-header";
        case Role::header_backup:
            return "header-backup";
    }
    return "in-place-header";
}

std::vector<Objection> ProjectPlan::objections() const {
    auto all = station;
    for (const auto& volume : volumes) {
        all.insert(all.end(), volume.objections.begin(), volume.objections.end());
    }
    return all;
}

method::Level ProjectPlan::level() const noexcept {
    auto level = volumes.empty() ? method::Level::none : method::Level::purge;
    for (const auto& volume : volumes) {
        level = method::lowest(level, volume.level);
    }
    return level;
}

std::uint64_t ProjectPlan::bytes_to_overwrite() const noexcept {
    std::uint64_t bytes = 0;
    for (const auto& volume : volumes) {
        for (const auto& location : volume.locations) {
            bytes += stream::total_bytes(location.region.ranges);
        }
    }
    return bytes;
}

Json plan_document(const mandate::Manifest& manifest, const ProjectPlan& plan) {
    Json volumes = Json::array();
    for (const auto& volume : plan.volumes) {
        Json locations = Json::array();
        for (const auto& location : volume.locations) {
            locations.push_back(location_document(location));
        }
        volumes.push_back(ObjectWriter()
                              .add("name", volume.name)
                              .add("uuid", volume.uuid)
                              .add("engine", volume.engine)
                              .add("level", method::to_string(volume.level))
                              .add("locations", std::move(locations))
                              .add("eligibility", volume.eligibility)
                              .add("payloadSample", volume.payload_sample)
                              .add("exceptions", volume.exceptions)
                              .add("notReached", volume.residual_risks)
                              .add("objections", to_json(volume.objections))
                              .take());
    }
    return ObjectWriter()
        .add("schema", "efface.plan/1")
        .add("project", manifest.project_id)
        .add("manifestSha256", manifest.sha256)
        .add("technique", "luks-key-destruction")
        .add("level", method::to_string(plan.level()))
        .add("bytesToOverwrite", plan.bytes_to_overwrite())
        .add("volumes", std::move(volumes))
        .add("objections", to_json(plan.station))
        .add("doneBefore", to_json(plan.done_before))
        .add("openJob", to_json(plan.open_job))
        .add("digest", plan_digest(manifest, plan))
        .take();
}

std::string plan_digest(const mandate::Manifest& manifest, const ProjectPlan& plan) {
    Json what = Json::array();
    what.push_back(manifest.sha256);
    for (const auto& volume : plan.volumes) {
        for (const auto& location : volume.locations) {
            what.push_back(location_document(location));
        }
    }
    return sha256_hex(canonical_json(what));
}

Json to_journal(const VolumePlan& plan) {
    Json locations = Json::array();
    for (const auto& location : plan.locations) {
        locations.push_back(location_to_json(location));
    }
    return ObjectWriter()
        .add("name", plan.name)
        .add("uuid", plan.uuid)
        .add("engine", plan.engine)
        .add("assetTag", plan.asset_tag)
        .add("gone", plan.gone)
        .add("locations", std::move(locations))
        .add("level", method::to_string(plan.level))
        .add("exceptions", plan.exceptions)
        .add("residualRisks", plan.residual_risks)
        .add("eligibility", plan.eligibility)
        .add("payloadSample", plan.payload_sample)
        .add("encryption", plan.encryption)
        .add("credentialDeclared", plan.credential_declared)
        .add("credentialOpened", plan.credential_opened)
        .take();
}

VolumePlan from_journal(const Json& json) {
    return read_journal("a volume", [&] {
        VolumePlan plan;
        json.at("name").get_to(plan.name);
        json.at("uuid").get_to(plan.uuid);
        json.at("engine").get_to(plan.engine);
        json.at("assetTag").get_to(plan.asset_tag);
        json.at("gone").get_to(plan.gone);
        for (const auto& location : json.at("locations")) {
            plan.locations.push_back(location_from_json(location));
        }
        plan.level = level_from_journal(json.at("level"));
        plan.exceptions = reasons_from_json(json.at("exceptions"));
        plan.residual_risks = reasons_from_json(json.at("residualRisks"));
        plan.eligibility = json.at("eligibility");
        plan.payload_sample = json.at("payloadSample");
        plan.encryption = json.at("encryption");
        json.at("credentialDeclared").get_to(plan.credential_declared);
        if (const auto& opened = json.at("credentialOpened"); !opened.is_null()) {
            plan.credential_opened = opened.get<bool>();
        }
        return plan;
    });
}

bool may_have_changed(const StateDirectory& state, const mandate::Manifest& manifest) {
    return may_have_changed(state.jobs() / job_id_of(manifest));
}

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
#include "efface/job/guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "efface/base/file.hpp"
#include "efface/luks/payload_sample.hpp"
#include "efface/mandate/identity.hpp"

#include "location.hpp"

namespace efface::job {

namespace {

constexpr std::size_t kSampleSeedBytes = 16;

void object_to_uses(Objector& objector, const std::string& path,
                    const std::vector<inventory::Use>& uses) {
    for (const auto& use : uses) {
        objector.object(use.code, fmt::format("{}: {}", path, use.detail),
                        guard::status_of(use.code));
    }
}

void check_declared_facts(Objector& objector, const mandate::Volume& volume,
                          const inventory::Identity& identity) {
    const mandate::Found found{identity.serial, "", identity.size_bytes};
    for (const auto& one : mandate::differences(volume, found)) {
        objector.object(
            ReasonCode::other_identity,
            std::string_view(one.key) == "size_bytes"
                ? fmt::format("{} has {} bytes, but the manifest says {}", volume.path, one.found,
                              one.said)
                : fmt::format("{} has the serial number \"{}\", but the manifest says \"{}\"",
                              volume.path, one.found, printable(one.said)));
    }
}

void check_uuid(Objector& objector, const std::string& path, const luks::Header& header,
                const std::string& uuid) {
    const auto other =
        std::find_if(header.copies.begin(), header.copies.end(), [&](const luks::HeaderCopy& copy) {
            return copy.offset == 0 && !copy.uuid.empty() && !same_uuid(copy.uuid, uuid);
        });
    const std::string& found = other != header.copies.end() ? other->uuid : header.uuid;
    if (!same_uuid(found, uuid)) {
        objector.object(ReasonCode::other_uuid,
                        fmt::format("{}: the header has the UUID {}, but the manifest says {}; "
                                    "efface erase {} erases it regardless of its owner",
                                    path, found, uuid, path));
    }
}

/// Header copies go first, so that none can be rebuilt from another.
std::vector<stream::Range> header_ranges(const luks::Header& header,
                                         const luks::MetadataRegion& region) {
    std::vector<stream::Range> ranges;
    for (const auto& copy : header.copies) {
        for (const auto& part : region.ranges) {
            const std::uint64_t from = std::max(copy.offset, part.offset);
            const std::uint64_t to = std::min(
                copy.offset + std::max<std::uint64_t>(copy.header_bytes, 4096), part.end());
            if (from < to) {
                ranges.push_back({from, to - from});
            }
        }
    }
    return stream::normalized(std::move(ranges));
}

/// What is known of a place from its header and its identity.
LocationPlan location_plan(Role role, const inventory::Identity& identity,
                           const luks::Header& header, HeldTarget& target) {
    LocationPlan location;
    location.role = role;
    location.path = identity.canonical_path;
    location.region = luks::plan_region(target.storage(), header, role != Role::in_place_header);
    location.first = header_ranges(header, location.region);
    location.destroy_slots = header.found();
    location.size_bytes = identity.size_bytes;
    location.serial = identity.serial;
    location.wwid = identity.wwid;
    location.inode = identity.inode;
    location.first_sector_sha256 =
        sha256_hex(read_first_sector(target.storage(), identity.canonical_path));
    location.extents = target.extents().extents;
    return location;
}

/// What the controls would find afterwards, and what they could not look for.
void object_to_region(VolumePlan& plan, Objector& objector, const LocationPlan& location,
                      const std::string& path) {
    if (!location.region.beyond.empty()) {
        objector.object(ReasonCode::nested_header,
                        fmt::format("{}: more LUKS data was found after every place where the "
                                    "header could end ({}); efface erase {} erases all of it",
                                    path, fmt::join(location.region.beyond, "; "), path));
    }
    if (const auto& rest = location.region.unbounded; rest.length != 0) {
        plan.exceptions.push_back(
            {ReasonCode::payload_not_bounded,
             fmt::format("{}: no header says where the payload begins; {} bytes from {} on were "
                         "not overwritten",
                         path, rest.length, rest.offset)});
    }
}

Json pre_state_json(const std::vector<method::AreaDigest>& areas) {
    Json list = Json::array();
    for (const auto& area : areas) {
        list.push_back(ObjectWriter()
                           .add("name", area.name)
                           .add("offset", area.range.offset)
                           .add("length", area.range.length)
                           .add("sha256", area.sha256)
                           .take());
    }
    return list;
}

/// Where the payload stands: on the header's own device, or on the one it is detached from.
stream::Range payload_range(const luks::Header& header, std::uint64_t size_bytes) {
    const std::uint64_t offset = std::min(header.data_offset.value_or(0), size_bytes);
    std::uint64_t length = size_bytes - offset;
    if (!header.segments.empty() && header.segments.front().size) {
        length = std::min(length, *header.segments.front().size);
    }
    return {offset, length};
}

void conclude(VolumePlan& plan, Objector& objector, const std::vector<policy::Finding>& findings,
              method::Level minimum) {
    plan.level = policy::level_of(findings);
    Json list = Json::array();
    for (const auto& finding : findings) {
        if (finding.rule->effect != policy::Effect::note &&
            finding.rule->effect != policy::Effect::exception) {
            list.push_back(efface::to_json(Reason{
                finding.rule->code, fmt::format("{} ({})", finding.rule->reason, finding.detail)}));
        }
    }
    const auto reasons = policy::reasons_of(findings);
    for (const auto& refusal : reasons.refusals) {
        objector.object(refusal.code, refusal.text);
    }
    const auto append = [](std::vector<Reason>& to, const std::vector<Reason>& from) {
        to.insert(to.end(), from.begin(), from.end());
    };
    append(plan.exceptions, reasons.exceptions);
    append(plan.residual_risks, reasons.residual_risks);
    plan.eligibility = ObjectWriter()
                           .add("eligible", plan.level != method::Level::none)
                           .add("objections", list)
                           .take();
    if (plan.level < minimum) {
        objector.object(ReasonCode::level_not_reached,
                        fmt::format("the manifest requires {}, but only {} can be claimed",
                                    method::to_string(minimum), method::to_string(plan.level)));
    }
}

}  // namespace

VolumePlan Guard::survey(const mandate::Volume& volume, const mandate::Manifest& manifest) {
    VolumePlan plan;
    plan.name = volume.name;
    plan.uuid = volume.uuid;
    plan.engine = volume.engine;
    plan.asset_tag = volume.asset_tag;
    plan.gone = volume.gone;
    plan.credential_declared = volume.credential.has_value();
    Survey survey{.plan = plan, .volume = volume, .objector = Objector(plan)};
    survey.headers.reserve(2 + volume.header_backups.size());
    if (volume.gone) {
        survey_gone(survey);
    } else {
        const Role role = volume.header ? Role::detached_header : Role::in_place_header;
        survey_location(survey, role, volume.header.value_or(volume.path));
        if (volume.header && plan.objections.empty()) {
            survey_first_header_left(survey);
        }
    }
    survey_backups(survey);
    object_to_mappings(survey);
    if (plan.objections.empty() && !volume.gone) {
        std::optional<luks::SampleReport> sample;
        survey_payload(survey, sample);
        plan.encryption = encryption_facts(survey.headers.front());
        conclude(plan, survey.objector,
                 policy::examine(survey.facts, sample ? &*sample : nullptr, manifest.attestation),
                 manifest.terms.minimum_level);
    }
    return plan;
}

void Guard::survey_backups(Survey& survey) {
    for (const auto& backup : survey.volume.header_backups) {
        if (!backup.gone) {
            survey_location(survey, Role::header_backup, backup.path);
        } else if (host_.exists(backup.path)) {
            survey.objector.object(
                ReasonCode::gone_but_there,
                fmt::format("{}: declared as gone, but it is there; efface erase {} erases it",
                            backup.path, backup.path));
        } else {
            survey.plan.exceptions.push_back(
                {ReasonCode::declared_gone,
                 backup.path + ": declared as already gone; not examined"});
        }
    }
}

/// cryptsetup gives header backups the mode 0400, which does not keep root from writing: for a
/// file that holds nothing but a header the kernel is asked whether it can be written.
std::vector<inventory::Use> Guard::uses_of(const inventory::Identity& identity, Role role,
                                           Moment moment) {
    auto uses = host_.users_of(identity, moment).uses;
    if (role != Role::in_place_header && identity.kind == inventory::Kind::file) {
        std::erase_if(uses,
                      [](const inventory::Use& use) { return use.code == ReasonCode::read_only; });
        (void)host_.open(identity.canonical_path, device::Access::exclusive);
    }
    return uses;
}

void Guard::survey_location(Survey& survey, Role role, const std::string& path) {
    const auto& volume = survey.volume;
    auto& objector = survey.objector;
    if (!host_.exists(path)) {
        objector.object(ReasonCode::no_such_target, path + ": there is no such file or device",
                        ErrorCode::usage);
        return;
    }
    const auto identity = host_.identify(path);
    const auto uses = uses_of(identity, role, Moment::survey);
    if (!uses.empty()) {
        object_to_uses(objector, path, uses);
        return;  // what is in use is not even opened
    }
    for (const auto& member :
         guard::unreleased_members(host_.contents_of(identity), volume.release_members)) {
        objector.object(member.code, fmt::format("{}: {}", path, member.text));
    }
    auto target = host_.open(path, device::Access::read_only);
    survey.headers.push_back(luks::inspect(target->storage()));
    const auto& header = survey.headers.back();
    // A first header that was left on the data device is destroyed whatever is left of it.
    const bool left = role == Role::in_place_header && volume.header;
    if (!left && header.uuid.empty()) {
        object_to_what_is_left(survey, path);
    } else if (!left) {
        check_uuid(objector, path, header, volume.uuid);
    }
    if (role == Role::in_place_header) {
        check_declared_facts(objector, volume, identity);
    } else {
        check_header_file(survey, path, header, identity.size_bytes);
    }
    const auto layers = host_.layers_below(identity);
    const auto extents = target->extents();
    auto location = location_plan(role, identity, header, *target);
    location.luks_uuid = header.uuid.empty() ? volume.uuid : header.uuid;
    location.record =
        ObjectWriter()
            .add("role", to_string(role))
            .add("identity", inventory::to_json(identity))
            .add("layersBelow", inventory::to_json(layers))
            .add("extents", to_json(extents))
            .add("header", luks::to_json(header))
            .add("preState", pre_state_json(method::pre_state(target->storage(), header)))
            .add("directIo", target->direct_io())
            .take();
    object_to_region(survey.plan, objector, location, path);
    survey.facts.push_back({&header,
                            {layers, extents.shared_count, extents.encoded_count,
                             extents.copy_on_write, extents.remote, extents.memory},
                            location.region.reasons});
    survey.plan.locations.push_back(std::move(location));
    if (role == Role::in_place_header && !volume.header) {
        survey.payload = std::move(target);
    }
}

void Guard::survey_payload(Survey& survey, std::optional<luks::SampleReport>& sample) {
    const auto& volume = survey.volume;
    std::array<std::uint8_t, kSampleSeedBytes> seed{};
    random_.fill(seed);
    if (volume.header) {
        if (!host_.exists(volume.path)) {
            survey.objector.object(ReasonCode::no_such_target,
                                   volume.path + ": there is no such file or device",
                                   ErrorCode::usage);
            return;
        }
        const auto identity = host_.identify(volume.path);
        object_to_uses(survey.objector, volume.path, host_.users_of(identity, Moment::survey).uses);
        check_declared_facts(survey.objector, volume, identity);
        survey.plan.locations.front().data_path = identity.canonical_path;
    }
    if (!survey.payload) {
        survey.payload = host_.open(volume.path, device::Access::read_only);
    }
    auto& medium = survey.payload->storage();
    sample = luks::sample_payload(
        medium, payload_range(survey.headers.front(), medium.size_bytes()), {}, seed);
    survey.plan.payload_sample = luks::to_json(*sample);
}

guard::Held Guard::clear(const LocationPlan& plan, bool resumed, Moment moment) {
    for (const auto& name : host_.mappings_of_luks_uuid(plan.luks_uuid)) {
        throw Error(ErrorCode::safety, ReasonCode::active_mapping,
                    fmt::format("{}: {} is open from a header with this UUID", plan.path, name),
                    "cryptsetup close " + name);
    }
    guard::HoldRequest request;
    request.path = plan.path;
    request.moment = moment;
    request.read_only_file_allowed = plan.role != Role::in_place_header;
    request.recognise = [&](const inventory::Identity& now) -> std::optional<Reason> {
        if (now.serial == plan.serial && now.wwid == plan.wwid &&
            now.size_bytes == plan.size_bytes &&
            (now.kind != inventory::Kind::file || now.inode == plan.inode)) {
            return std::nullopt;
        }
        return Reason{ReasonCode::other_identity, "another device or file is there now"};
    };
    request.examine = [&](HeldTarget& target) -> std::optional<Reason> {
        const auto sector = read_first_sector(target.storage(), plan.path);
        const bool belongs = resumed ? first_sector_belongs(sector, plan)
                                     : sha256_hex(sector) == plan.first_sector_sha256;
        if (belongs) {
            return std::nullopt;
        }
        return Reason{ReasonCode::content_changed,
                      "its first sector is not the one that was surveyed"};
    };
    return guard::hold(host_, request);
}

}  // namespace efface::job

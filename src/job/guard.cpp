// SPDX-License-Identifier: Apache-2.0
#include "efface/job/guard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "efface/base/file.hpp"
#include "efface/luks/payload_sample.hpp"

#include "guard_location.hpp"

namespace efface::job {

namespace {

constexpr std::size_t kCredentialBytesMax = std::size_t{8} << 20U;  // cryptsetup's own limit
/// A detached header or a backup is never larger than two headers and their keyslots area.
constexpr std::uint64_t kHeaderFileBytesMax = 2 * luks::kMetadataBytesMax;
constexpr std::size_t kSampleSeedBytes = 16;

/// Collects objections of one volume under its name.
class Objector final {
  public:
    explicit Objector(VolumePlan& plan) : plan_(plan) {}
    void object(ReasonCode code, const std::string& what, ErrorCode status = ErrorCode::safety) {
        plan_.objections.push_back({{code, plan_.name + ": " + what}, status});
    }

  private:
    VolumePlan& plan_;
};

void object_to_uses(Objector& objector, const std::string& path,
                    const std::vector<inventory::Use>& uses) {
    for (const auto& use : uses) {
        objector.object(use.code, fmt::format("{}: {}: {}", path, to_string(use.code), use.detail));
    }
}

void check_declared_facts(Objector& objector, const Volume& volume,
                          const inventory::Identity& identity) {
    if (volume.size_bytes && *volume.size_bytes != identity.size_bytes) {
        objector.object(ReasonCode::other_identity,
                        fmt::format("{} has {} bytes, the manifest says {}", volume.path,
                                    identity.size_bytes, *volume.size_bytes));
    }
    if (volume.serial && *volume.serial != identity.serial) {
        objector.object(ReasonCode::other_identity,
                        fmt::format("{} has the serial number \"{}\", the manifest says \"{}\"",
                                    volume.path, identity.serial, printable(*volume.serial)));
    }
}

void check_header(Objector& objector, const std::string& path, const luks::Header& header,
                  const std::string& uuid) {
    if (!header.found()) {
        objector.object(ReasonCode::header_not_found,
                        fmt::format("{}: no LUKS header at any of the ten places; mark it as gone "
                                    "in the manifest if it was destroyed before",
                                    path));
        return;
    }
    for (const auto& copy : header.copies) {
        if (!copy.uuid.empty() && copy.uuid != uuid && copy.offset == 0) {
            objector.object(ReasonCode::other_uuid,
                            fmt::format("{}: the header has the UUID {}, the manifest says {}",
                                        path, copy.uuid, uuid));
            return;
        }
    }
    if (header.uuid != uuid) {
        objector.object(ReasonCode::other_uuid,
                        fmt::format("{}: the header has the UUID \"{}\", the manifest says {}",
                                    path, header.uuid, uuid));
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
                        fmt::format("the manifest asks for {}, only {} can be claimed",
                                    method::to_string(minimum), method::to_string(plan.level)));
    }
}

}  // namespace

SecretBytes read_credential(const CredentialReference& reference) {
    auto secret = read_secret_file(reference.path, kCredentialBytesMax);
    if (!secret) {
        throw Error(ErrorCode::usage, ReasonCode::no_such_target,
                    reference.path + ": there is no such credential file");
    }
    if (reference.strip_newline && !secret->empty() && secret->view().back() == '\n') {
        secret->shrink(secret->size() - 1);
    }
    return *std::move(secret);
}

VolumePlan Guard::survey(const Volume& volume, const Manifest& manifest) {
    VolumePlan plan;
    plan.name = volume.name;
    plan.uuid = volume.uuid;
    plan.engine = volume.engine;
    plan.asset_tag = volume.asset_tag;
    plan.gone = volume.gone;
    plan.credential_declared = volume.credential.has_value();
    Objector objector(plan);
    std::vector<policy::LocationFacts> facts;
    std::vector<luks::Header> headers;
    headers.reserve(2 + volume.header_backups.size());  // facts point into it
    if (volume.gone) {
        survey_gone(plan, volume);
    } else {
        const Role role = volume.header ? Role::detached_header : Role::in_place_header;
        survey_location(plan, volume, role, volume.header.value_or(volume.path), facts, headers);
        if (volume.header && plan.objections.empty()) {
            const Stands stands = header_stands_at(volume.path, volume.uuid);
            if (stands == Stands::yes) {
                // The header was copied away and the first one left where it was.
                survey_location(plan, volume, Role::in_place_header, volume.path, facts, headers);
            } else if (stands == Stands::unknown) {
                plan.exceptions.push_back(
                    {ReasonCode::remnants_unknown,
                     volume.path +
                         ": whether a first header was left there is not known: a place of one "
                         "can not be read"});
            }
        }
    }
    for (const auto& backup : volume.header_backups) {
        if (!backup.gone) {
            survey_location(plan, volume, Role::header_backup, backup.path, facts, headers);
        } else if (host_.exists(backup.path)) {
            objector.object(ReasonCode::gone_but_there,
                            backup.path + ": declared as gone, but it is there");
        } else {
            plan.exceptions.push_back({ReasonCode::declared_gone,
                                       backup.path + ": declared as already gone; not examined"});
        }
    }
    if (plan.objections.empty() && !volume.gone) {
        std::optional<luks::SampleReport> sample;
        survey_payload(plan, volume, headers.front(), sample);
        plan.encryption = encryption_facts(headers.front());
        conclude(plan, objector,
                 policy::examine(facts, sample ? &*sample : nullptr, manifest.attestation),
                 manifest.terms.minimum_level);
    }
    return plan;
}

/// "Gone" is the owner's word; what can be looked at must not speak against it, and what can not be
/// read can not be taken for gone.
void Guard::survey_gone(VolumePlan& plan, const Volume& volume) {
    const std::string path = volume.header.value_or(volume.path);
    Objector objector(plan);
    plan.exceptions.push_back(
        {ReasonCode::declared_gone, "declared as already gone; not examined"});
    plan.eligibility =
        ObjectWriter().add("eligible", false).add("objections", Json::array()).take();
    const Stands stands = header_stands_at(path, volume.uuid);
    if (stands == Stands::yes) {
        objector.object(ReasonCode::gone_but_there, "declared as gone, but its header is there");
    } else if (stands == Stands::unknown) {
        objector.object(ReasonCode::remnants_unknown,
                        path +
                            ": declared as gone, but a place of its header can not be read: nobody "
                            "can know");
    }
}

Guard::Stands Guard::header_stands_at(const std::string& path, const std::string& uuid) {
    if (!host_.exists(path)) {
        return Stands::no;
    }
    const auto target = host_.open(path, device::Access::read_only);
    const auto header = luks::inspect(target->storage());
    const auto any_has = [&](const std::string& wanted) {
        return std::any_of(header.copies.begin(), header.copies.end(),
                           [&](const luks::HeaderCopy& copy) { return copy.uuid == wanted; });
    };
    if (header.uuid == uuid || any_has(uuid)) {
        return Stands::yes;
    }
    return header.unreadable_places > 0 || any_has("") ? Stands::unknown : Stands::no;
}

/// cryptsetup gives header backups the mode 0400, which does not keep root from writing: for a
/// file that holds nothing but a header the kernel is asked whether it can be written.
std::vector<inventory::Use> Guard::uses_of(const inventory::Identity& identity, Role role,
                                           Moment moment) {
    auto uses = host_.uses_of(identity, moment);
    if (role != Role::in_place_header && identity.kind == inventory::Kind::file) {
        std::erase_if(uses,
                      [](const inventory::Use& use) { return use.code == ReasonCode::read_only; });
        (void)host_.open(identity.canonical_path, device::Access::exclusive);
    }
    return uses;
}

void Guard::survey_location(VolumePlan& plan, const Volume& volume, Role role,
                            const std::string& path, std::vector<policy::LocationFacts>& facts,
                            std::vector<luks::Header>& headers) {
    Objector objector(plan);
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
    for (const auto& member : guard::unreleased_members(host_.contents_of(identity), {})) {
        objector.object(member.code, fmt::format("{}: {}", path, member.text));
    }
    const auto target = host_.open(path, device::Access::read_only);
    const auto extents = target->extents();
    headers.push_back(luks::inspect(target->storage()));
    const auto& header = headers.back();
    check_header(objector, path, header, volume.uuid);
    if (role == Role::in_place_header) {
        check_declared_facts(objector, volume, identity);
    } else if (identity.size_bytes > kHeaderFileBytesMax) {
        objector.object(
            ReasonCode::not_a_header_file,
            fmt::format("{}: {} bytes are too many for a header file", path, identity.size_bytes));
    }
    const auto layers = host_.layers_below(identity);
    LocationPlan location;
    location.role = role;
    location.path = identity.canonical_path;
    location.luks_uuid = volume.uuid;
    location.region = luks::metadata_region(header, target->storage().size_bytes(),
                                            role != Role::in_place_header);
    location.first = header_ranges(header, location.region);
    location.destroy_slots = header.found();
    location.size_bytes = identity.size_bytes;
    location.serial = identity.serial;
    location.wwid = identity.wwid;
    location.inode = identity.inode;
    location.first_sector_sha256 = sha256_hex(read_first_sector(target->storage(), path));
    location.extents = extents.extents;
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
    facts.push_back({&header,
                     {layers, extents.shared_count, extents.encoded_count, extents.copy_on_write,
                      extents.remote, extents.memory}});
    plan.locations.push_back(std::move(location));
}

void Guard::survey_payload(VolumePlan& plan, const Volume& volume, const luks::Header& header,
                           std::optional<luks::SampleReport>& sample) {
    std::array<std::uint8_t, kSampleSeedBytes> seed{};
    random_.fill(seed);
    if (volume.header) {
        Objector objector(plan);
        if (!host_.exists(volume.path)) {
            objector.object(ReasonCode::no_such_target,
                            volume.path + ": there is no such file or device", ErrorCode::usage);
            return;
        }
        const auto identity = host_.identify(volume.path);
        object_to_uses(objector, volume.path, host_.uses_of(identity, Moment::survey));
        check_declared_facts(objector, volume, identity);
        plan.locations.front().data_path = identity.canonical_path;
    }
    const auto target = host_.open(volume.path, device::Access::read_only);
    sample = luks::sample_payload(target->storage(),
                                  payload_range(header, target->storage().size_bytes()), {}, seed);
    plan.payload_sample = luks::to_json(*sample);
}

void Guard::try_credential(VolumePlan& plan, const Volume& volume) {
    if (!volume.credential || plan.locations.empty()) {
        return;
    }
    const auto secret = read_credential(*volume.credential);
    const auto& location = plan.locations.front();
    device::LuksLocation where{location.path, std::nullopt};
    if (!location.data_path.empty()) {
        where.data = location.data_path;
    }
    const auto answer = host_.luks_library().try_unlock(where, secret);
    if (answer.load_code < 0 || !answer.failure.empty()) {
        return;  // libcryptsetup can not read this header: there is nothing to try
    }
    plan.credential_opened = answer.code >= 0;
    if (answer.code < 0) {
        Objector(plan).object(
            ReasonCode::credential_does_not_open,
            fmt::format("the declared credential does not open {}: it may be the wrong volume",
                        location.path));
    }
}

guard::Held Guard::clear(const LocationPlan& plan, bool resumed) {
    for (const auto& name : host_.mappings_of_luks_uuid(plan.luks_uuid)) {
        throw Error(ErrorCode::safety, ReasonCode::active_mapping,
                    fmt::format("{}: {} is open from a header with this UUID", plan.path, name),
                    "cryptsetup close " + name);
    }
    guard::HoldRequest request;
    request.path = plan.path;
    request.read_only_file_allowed = plan.role != Role::in_place_header;
    request.recognise = [&](const inventory::Identity& now) -> std::optional<Reason> {
        if (now.serial == plan.serial && now.wwid == plan.wwid &&
            now.size_bytes == plan.size_bytes &&
            (now.kind != inventory::Kind::file || now.inode == plan.inode)) {
            return std::nullopt;
        }
        return Reason{ReasonCode::other_identity, "another device or file stands there now"};
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

// SPDX-License-Identifier: Apache-2.0
// What a SCSI disk can do to itself, and why not.
#include <fmt/format.h>

#include <algorithm>

#include "efface/ata/identify.hpp"
#include "efface/scsi/erase.hpp"

#include "erasure.hpp"

namespace efface::method {

namespace {

constexpr std::uint32_t kSupportBytes = 64;
constexpr std::uint32_t kAllSupportBytes = 16384;

using scsi::SanitizeAction;

/// Of every technique.
std::optional<Reason> unit_objection(const ScsiFacts& facts) {
    if (facts.inquiry.qualifier != 0) {
        return Reason{ReasonCode::drive_path, "there is no such logical unit"};
    }
    if (facts.inquiry.device_type != scsi::kTypeDirectAccess && !facts.host_managed()) {
        return Reason{
            ReasonCode::drive_lacks_technique,
            fmt::format("not a disk: SCSI device type {:02x}h", facts.inquiry.device_type)};
    }
    if (facts.ata == AtaPath::passes) {
        return Reason{
            ReasonCode::drive_path,
            fmt::format("an ATA device behind a translation layer ({}), which may "
                        "translate the command into anything: use the ATA commands",
                        facts.translation ? facts.translation->translator : facts.inquiry.vendor)};
    }
    return std::nullopt;
}

/// Either form does; of both, that the disk does not tell is the weaker reason.
std::optional<ScsiObjection> write_same_objection(ScsiSession& session, const ScsiFacts& facts) {
    auto sixteen =
        scsi_command_objection(session, scsi::kWriteSame16, std::nullopt, "WRITE SAME (16)");
    const bool fits = !facts.capacity || scsi::fits_ten_bytes(facts.capacity->blocks - 1, 1);
    if (!sixteen || !fits) {
        return sixteen;
    }
    auto ten = scsi_command_objection(session, scsi::kWriteSame10, std::nullopt, "WRITE SAME (10)");
    return !ten ? std::nullopt : ten->untold ? std::move(ten) : std::move(sixteen);
}

std::optional<ScsiObjection> technique_objection(ScsiSession& session, const ScsiFacts& facts,
                                                 const ScsiTechnique& technique,
                                                 bool sanitize_failed) {
    if (auto objection = unit_objection(facts)) {
        return ScsiObjection{.reason = std::move(*objection)};
    }
    if (technique.work == ScsiWork::sanitize) {
        const auto action = technique.sanitize.value();
        return scsi_command_objection(session, scsi::kSanitize, static_cast<std::uint16_t>(action),
                                      std::string("SANITIZE ") + scsi::to_string(action));
    }
    if (sanitize_failed) {
        return ScsiObjection{{ReasonCode::drive_failed,
                              "an earlier SANITIZE failed, and only SANITIZE ends this state"}};
    }
    if (technique.work == ScsiWork::format) {
        return scsi_command_objection(session, scsi::kFormatUnit, std::nullopt, "FORMAT UNIT");
    }
    if (facts.host_managed()) {
        return ScsiObjection{{ReasonCode::drive_lacks_technique,
                              "zones of a host-managed disk can only be written in order"}};
    }
    return write_same_objection(session, facts);
}

std::vector<std::string> not_reached(const ScsiFacts& facts, const ScsiTechnique& technique) {
    std::vector<std::string> areas;
    if (!facts.depopulated.empty()) {
        areas.emplace_back("depopulated elements");
    }
    if (technique.work != ScsiWork::sanitize) {
        areas.emplace_back("blocks on the grown defect list");
        areas.emplace_back("spare and over-provisioned blocks");
    }
    return areas;
}

TechniqueFacts facts_of(ScsiSession& session, const ScsiFacts& facts,
                        const ScsiTechnique& technique, bool sanitize_failed) {
    TechniqueFacts result;
    result.name = technique.name;
    auto objection = technique_objection(session, facts, technique, sanitize_failed);
    if (objection && objection->untold) {
        // Many that do not answer the question have it; a refused command harms nothing, and what
        // a bridge or an emulator makes of it is looked at afterwards.
        result.untold = std::move(objection->reason.text);
    } else if (objection) {
        result.objection = std::move(objection->reason);
    } else if (facts.ata == AtaPath::rejects) {
        result.untold = fmt::format(
            "an ATA device behind a translation layer ({}) that rejects ATA PASS-THROUGH: what it "
            "translates the command into is not reported",
            facts.translation->translator);
    }
    if (technique.sanitize.value_or(SanitizeAction::overwrite) == SanitizeAction::overwrite) {
        // An extended self-test goes over the whole surface once, as these do.
        result.estimate = facts.self_test;
    }
    switch (technique.work) {
        case ScsiWork::sanitize:
            result.sends = {
                scsi_sanitize_commands(*technique.sanitize, facts, Bytes(kOverwritePatternBytes))
                    .front()
                    .title};
            break;
        case ScsiWork::format:
            result.sends = {scsi_format_commands(facts).front().title};
            break;
        default:
            result.sends = {
                "WRITE SAME (16) (a pattern drawn for the job, UNMAP 0) over all blocks",
                "SYNCHRONIZE CACHE (16)"};
            break;
    }
    result.not_reached = not_reached(facts, technique);
    result.facts = ObjectWriter()
                       .add("cryptographic", technique.cryptographic())
                       .add("wholeDrive", facts.logical_units <= 1)
                       .add("method", technique.kind)
                       .take();
    return result;
}

const char* zone_model(const ScsiFacts& facts) {
    if (facts.host_managed()) {
        return "host-managed";
    }
    switch (static_cast<scsi::Zoned>(facts.characteristics.zoned)) {
        case scsi::Zoned::host_aware:
            return "host-aware";
        case scsi::Zoned::device_managed:
            return "device-managed";
        default:
            return "none";
    }
}

/// A disk may tell anything: no more than a record can hold.
std::uint64_t capacity_bytes(const scsi::Capacity& capacity) {
    constexpr std::uint64_t kMost = std::uint64_t{1} << 52U;
    const std::uint64_t unit = std::max<std::uint32_t>(capacity.block_bytes, 1);
    return capacity.blocks > kMost / unit ? kMost : capacity.blocks * unit;
}

/// The larger of what the unit says and, behind a translation layer, of what the drive itself says
/// in VPD 89h.
std::optional<SurfaceSize> size_of_surface(const ScsiFacts& facts, const std::string& surface) {
    if (!facts.capacity) {
        return std::nullopt;
    }
    SurfaceSize size{surface, capacity_bytes(*facts.capacity), facts.capacity->block_bytes};
    const auto identify =
        facts.translation ? ata::decode_identify(facts.translation->identify) : std::nullopt;
    if (identify) {
        size.bytes = std::max(size.bytes, identify->sectors * identify->logical_sector_bytes);
    }
    return size;
}

/// Of the drive itself, as the inventory has it: a layer in between may give another one in VPD
/// 80h.
std::string serial_of(const ScsiFacts& facts) {
    const auto identify =
        facts.translation ? ata::decode_identify(facts.translation->identify) : std::nullopt;
    return identify && !identify->serial.empty() ? identify->serial : facts.serial;
}

Json drive_facts(const ScsiFacts& facts, bool sanitize_failed) {
    const auto& characteristics = facts.characteristics;
    Json json = ObjectWriter()
                    .add("vendor", facts.inquiry.vendor)
                    .add("revision", facts.inquiry.revision)
                    .add("flash", characteristics.rotation == 1)
                    .add("rotationRpm", characteristics.rotation > 1 ? characteristics.rotation : 0)
                    .add("zoned", facts.zoned())
                    .add("zoneModel", zone_model(facts))
                    .add("translationLayer", facts.translation || facts.ata != AtaPath::none)
                    .add("wabereq", scsi::to_string(characteristics.after_block_erase))
                    .add("wacereq", scsi::to_string(characteristics.after_crypto_erase))
                    .add("logicalUnits", facts.logical_units)
                    .add("failedSanitize", sanitize_failed)
                    .take();
    if (facts.translation) {
        json["translator"] = facts.translation->translator;
    }
    if (facts.capacity) {
        json["blockBytes"] = facts.capacity->block_bytes;
        json["capacityBytes"] = capacity_bytes(*facts.capacity);
    }
    return json;
}

}  // namespace

const std::vector<ScsiTechnique>& scsi_techniques() {
    static const std::vector<ScsiTechnique> kTechniques{
        {"scsi-sanitize-block", "sanitize", ScsiWork::sanitize, SanitizeAction::block_erase},
        {"scsi-sanitize-crypto", "sanitize", ScsiWork::sanitize,
         SanitizeAction::cryptographic_erase},
        {"scsi-sanitize-overwrite", "sanitize", ScsiWork::sanitize, SanitizeAction::overwrite},
        {"scsi-format-unit", "format", ScsiWork::format},
        {"scsi-write-same", "write-same", ScsiWork::none},
    };
    return kTechniques;
}

const ScsiTechnique* find_scsi_technique(std::string_view name) {
    const auto& all = scsi_techniques();
    const auto found = std::find_if(all.begin(), all.end(),
                                    [name](const ScsiTechnique& one) { return one.name == name; });
    return found == all.end() ? nullptr : &*found;
}

std::optional<ScsiObjection> scsi_command_objection(ScsiSession& session, std::uint8_t opcode,
                                                    std::optional<std::uint16_t> action,
                                                    const std::string& name) {
    auto data = session.ask(
        scsi::report_supported_operation_codes_cdb(opcode, action, kSupportBytes), kSupportBytes);
    auto support = data ? scsi::decode_support(*data) : std::nullopt;
    if (!data) {  // some tell of all of them or of none
        data =
            session.ask(scsi::report_all_operation_codes_cdb(kAllSupportBytes), kAllSupportBytes);
        support = data ? scsi::find_support(*data, opcode, action) : std::nullopt;
    }
    switch (support.value_or(scsi::Support::not_told)) {
        case scsi::Support::supported:
            return std::nullopt;
        case scsi::Support::unsupported:
            return ScsiObjection{{ReasonCode::drive_lacks_technique,
                                  "the disk reports that it does not support " + name}};
        case scsi::Support::vendor_specific:
            return ScsiObjection{{ReasonCode::drive_lacks_technique,
                                  "the disk has a vendor command in place of " + name}};
        case scsi::Support::not_told:
            break;
    }
    return data ? ScsiObjection{{ReasonCode::drive_not_told,
                                 name + ": not reported; the disk does not answer that now"}}
                : ScsiObjection{
                      {ReasonCode::drive_not_told,
                       name + ": not reported; the disk refuses REPORT SUPPORTED OPERATION CODES"},
                      true};
}

DriveSurvey survey_scsi_drive(ScsiSession& session, const std::string& surface) {
    DriveSurvey survey;
    auto facts = read_scsi_facts(session);
    if (!facts.error.empty()) {
        survey.error = facts.error;
        return survey;
    }
    survey.model = facts.inquiry.product;
    survey.serial = serial_of(facts);
    survey.wwn = facts.wwn;
    survey.firmware = facts.inquiry.revision;
    auto readiness = ask_scsi_readiness(session);
    const bool sanitize_failed =
        readiness.phase == Phase::failed && readiness.work == ScsiWork::sanitize;
    for (const auto& technique : scsi_techniques()) {
        survey.techniques.push_back(facts_of(session, facts, technique, sanitize_failed));
        if (readiness.reserved && !survey.techniques.back().objection) {
            survey.techniques.back().objection = scsi_reservation();
        }
    }
    survey.hidden_areas = scsi_hidden_areas(session, facts);
    survey.format_estimate = scsi_format_estimate(facts);
    if (const auto size = size_of_surface(facts, surface)) {
        survey.sizes.push_back(*size);
    }
    if (facts.logical_units > 1) {
        survey.residual_risks.push_back(
            {ReasonCode::other_logical_units,
             fmt::format("the target has {} logical units: each keeps its own data",
                         facts.logical_units)});
    }
    if (!facts.blocks_as_made && !readiness.pages.empty() && readiness.phase == Phase::idle) {
        survey.residual_risks.push_back(
            {ReasonCode::capacity_not_told,
             "the disk does not report whether its capacity was reduced by MODE SELECT"});
    }
    survey.facts = drive_facts(facts, sanitize_failed);
    survey.pages = std::move(facts.pages);
    for (auto& page : readiness.pages) {
        survey.pages.push_back(std::move(page));
    }
    return survey;
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "efface/method/drive/command_sets.hpp"
#include "efface/nvme/status.hpp"

#include "parts.hpp"

namespace efface::method {

namespace {

/// Every drive takes so much in one command: MDTS counts pages of at least 4 KiB.
constexpr std::size_t kNvmeReadBytes = 4096;
constexpr std::size_t kNvmeNamespacesTold = 256;

class NvmeDrive final : public CommandSet {
  public:
    NvmeDrive(device::NvmeTransport& transport, std::vector<NvmePlace> places)
        : transport_(transport), places_(std::move(places)) {}

    [[nodiscard]] std::string_view name() const override { return "nvme"; }
    [[nodiscard]] DriveSurvey survey() override;
    [[nodiscard]] HealthLook health() override { return ask_nvme_health(transport_); }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] std::unique_ptr<Operation> make(std::string_view technique,
                                                  OperationMemory& memory) override;
    [[nodiscard]] OpenedAreas open_hidden_areas(OperationMemory& memory) override {
        return nvme_attach_all(transport_, memory);
    }
    [[nodiscard]] std::optional<std::string> close_hidden_areas(
        OperationMemory& memory, std::vector<SentCommand>& commands) override {
        return nvme_detach_attached(transport_, memory, commands);
    }
    [[nodiscard]] WriteStatus write_by_command(const std::string& surface, std::uint64_t offset,
                                               ByteView from) override;
    [[nodiscard]] bool flush_by_command(const std::string& surface) override;
    [[nodiscard]] ReadStatus read_status(const std::string& surface, std::uint64_t offset,
                                         MutableByteView into) override;

  private:
    [[nodiscard]] bool unreadable_as_expected(std::uint16_t status, std::uint32_t nsid);
    /// A namespace whose blocks lie on block boundaries of their own.
    struct Place {
        std::uint32_t nsid = 0;
        std::uint32_t block_bytes = 0;
        std::string problem;  ///< not empty: nothing can be read or written there
    };
    [[nodiscard]] Place place_of(const std::string& surface, std::uint64_t offset,
                                 std::size_t bytes);

    device::NvmeTransport& transport_;
    std::vector<NvmePlace> places_;
    std::string erased_by_;                ///< that the drive named last; empty: not asked yet
    std::map<std::uint32_t, bool> dulbe_;  ///< by namespace, as asked since make()
};

/// It is the subsystem that is erased; what its namespaces are called may change by it.
std::string name_of(const NvmeFacts& facts) {
    if (!facts.controller.subsystem_nqn.empty()) {
        return facts.controller.subsystem_nqn;
    }
    for (const auto& one : facts.namespaces) {
        if (!one.identity.nguid.empty()) {
            return "nguid." + one.identity.nguid;
        }
        if (!one.identity.eui64.empty()) {
            return "eui." + one.identity.eui64;
        }
    }
    return "";
}

/// Nobody looked at a namespace that is not a block device here: that it is erased is never taken
/// for granted.
void add_namespaces_not_here(const NvmeFacts& facts, const std::vector<NvmePlace>& places,
                             DriveSurvey& survey) {
    for (const auto& one : facts.namespaces) {
        const auto place = std::find_if(places.begin(), places.end(), [&](const NvmePlace& other) {
            return other.nsid == one.nsid;
        });
        if (one.attached && place != places.end()) {
            survey.sizes.push_back({place->device, one.identity.bytes(), one.identity.block_bytes});
            continue;
        }
        HiddenArea area;
        area.kind = kUnattachedNamespace;
        area.bytes = one.identity.bytes();
        if (one.attached) {
            area.detail =
                fmt::format("namespace {} is not a block device of this machine", one.nsid);
            area.why_not = "no canaries could be placed and checked there";
        } else {
            area.detail = fmt::format("namespace {} is not attached to this controller", one.nsid);
            area.can_be_opened = facts.controller.has_namespace_management();
            area.why_not = area.can_be_opened
                               ? ""
                               : fmt::format(
                                     "the controller cannot attach it (OACS {:04x}h), so no "
                                     "canaries could be placed there",
                                     facts.controller.oacs);
        }
        survey.hidden_areas.push_back(std::move(area));
    }
}

void add_hidden_areas(const NvmeFacts& facts, DriveSurvey& survey) {
    const auto add = [&](const char* kind, const std::string& detail, std::uint64_t bytes,
                         bool covered, const char* why_not) {
        HiddenArea area;
        area.kind = kind;
        area.detail = detail;
        area.bytes = bytes;
        area.covered = covered;
        area.why_not = why_not;
        survey.hidden_areas.push_back(std::move(area));
    };
    if (facts.controller.unallocated_bytes != 0) {
        add("unallocated-capacity", "capacity that is in no namespace (UNVMCAP)",
            facts.controller.unallocated_bytes, true,
            "Sanitize reaches it as it is; Format NVM does not");
    }
    if (facts.unaccounted_bytes != 0) {
        add("unaccounted-capacity",
            "capacity that is neither unallocated nor in a namespace that the drive lists",
            facts.unaccounted_bytes, false,
            "an unlisted namespace may be there, and no canaries could be placed in it");
    }
}

Json drive_facts(const NvmeFacts& facts) {
    Json namespaces = Json::array();
    for (const auto& one : facts.namespaces) {
        if (namespaces.size() == kNvmeNamespacesTold) {
            break;
        }
        namespaces.push_back(ObjectWriter()
                                 .add("nsid", one.nsid)
                                 .add("sizeBytes", nvme_json_count(one.identity.bytes()))
                                 .add("attached", one.attached)
                                 .take());
    }
    const auto& controller = facts.controller;
    Json told = ObjectWriter()
                    .add("flash", true)
                    .add("controllerId", controller.controller_id)
                    .add("subsystemNqn", controller.subsystem_nqn)
                    .add("multiController", controller.multiple_controllers())
                    .add("namespaces", std::move(namespaces))
                    .add("namespacesInAll", facts.namespaces.size())
                    .add("allNamespacesListed", facts.all_listed)
                    .add("sanicap", controller.sanitize.raw)
                    .add("fna", controller.fna)
                    .add("oacs", controller.oacs)
                    .add("totalBytes", nvme_json_count(controller.total_bytes))
                    .add("unallocatedBytes", nvme_json_count(controller.unallocated_bytes))
                    .add("version", nvme::version_text(controller.version))
                    .take();
    if (facts.sanitize_log) {
        told["sanitizeStatus"] = nvme::to_string(facts.sanitize_log->outcome());
        told["sanitizeState"] = nvme::to_string(facts.sanitize_log->state);
    }
    return told;
}

void add_risks(const NvmeFacts& facts, const std::vector<NvmePlace>& places, DriveSurvey& survey) {
    survey.residual_risks.push_back(
        {ReasonCode::not_touched_by_design,
         "firmware, boot partitions and stored credentials are not changed by Sanitize or Format"});
    if (facts.controller.rpmbs != 0) {
        survey.residual_risks.push_back({ReasonCode::not_touched_by_design,
                                         "the Replay Protected Memory Block is not changed"});
    }
    if (facts.controller.multiple_controllers()) {
        survey.residual_risks.push_back({ReasonCode::other_hosts,
                                         "the subsystem can have other controllers: another host "
                                         "may use the same namespaces"});
    }
    for (const auto& place : places) {
        const bool told = std::any_of(
            facts.namespaces.begin(), facts.namespaces.end(),
            [&](const NvmeNamespace& one) { return one.nsid == place.nsid && one.attached; });
        if (!told) {
            survey.residual_risks.push_back(
                {ReasonCode::unlisted_namespace,
                 fmt::format("{} is namespace {}, which the drive does not list", place.device,
                             place.nsid)});
        }
    }
}

DriveSurvey NvmeDrive::survey() {
    DriveSurvey survey;
    auto facts = read_nvme_facts(transport_);
    if (!facts.error.empty()) {
        survey.error = facts.error;
        return survey;
    }
    survey.model = facts.controller.model;
    survey.serial = facts.controller.serial;
    survey.firmware = facts.controller.firmware;
    survey.wwn = name_of(facts);
    survey.techniques = nvme_sanitize_techniques(facts);
    auto formats = nvme_format_techniques(facts);
    std::move(formats.begin(), formats.end(), std::back_inserter(survey.techniques));
    add_namespaces_not_here(facts, places_, survey);
    add_hidden_areas(facts, survey);
    add_risks(facts, places_, survey);
    survey.facts = drive_facts(facts);
    survey.pages = std::move(facts.pages);
    return survey;
}

OperationState NvmeDrive::state() {
    auto now = read_nvme_sanitize_state(transport_);
    if (now.phase != Phase::unknown && now.phase != Phase::idle) {
        erased_by_ = now.technique;
    }
    return now;
}

std::unique_ptr<Operation> NvmeDrive::make(std::string_view technique, OperationMemory& memory) {
    erased_by_.clear();
    dulbe_.clear();
    auto operation = make_nvme_sanitize(technique, transport_, memory);
    return operation != nullptr ? std::move(operation)
                                : make_nvme_format(technique, transport_, memory);
}

/// Erased flash need not carry valid codes, and changed keys make every block fail its check. That
/// a block is deallocated is an error only where the host has asked for that (DULBE).
bool NvmeDrive::unreadable_as_expected(std::uint16_t status, std::uint32_t nsid) {
    if (nvme::is(status, nvme::Status::deallocated_block)) {
        const auto [known, fresh] = dulbe_.try_emplace(nsid, false);
        if (fresh) {
            const auto answer = transport_.submit(nvme::get_error_recovery(nsid));
            known->second = answer.succeeded() && nvme::deallocated_is_error(answer.dword0);
        }
        return known->second;
    }
    if (!nvme::is(status, nvme::Status::unrecovered_read_error)) {
        return false;
    }
    if (erased_by_.empty()) {
        (void)state();
    }
    return erased_by_ == kNvmeSanitizeBlock || erased_by_ == kNvmeSanitizeCrypto;
}

NvmeDrive::Place NvmeDrive::place_of(const std::string& surface, std::uint64_t offset,
                                     std::size_t bytes) {
    Place found;
    const auto place = std::find_if(places_.begin(), places_.end(),
                                    [&](const NvmePlace& one) { return one.device == surface; });
    if (place == places_.end()) {
        found.problem = "no namespace of this drive is called " + surface;
        return found;
    }
    const auto page = nvme_read_identify(transport_, nvme::Cns::name_space, place->nsid);
    const auto identity = nvme::decode_namespace(page.bytes);
    if (!page.ok() || !identity || identity->block_bytes == 0) {
        found.problem = page.ok() ? "the namespace has disappeared" : page.error;
        return found;
    }
    found.nsid = place->nsid;
    found.block_bytes = identity->block_bytes;
    if (identity->extended_metadata && identity->metadata_bytes != 0) {
        found.problem = "its blocks carry metadata in one buffer with the data";
    } else if (offset % found.block_bytes != 0 || bytes % found.block_bytes != 0) {
        found.problem = "not aligned to its blocks";
    }
    return found;
}

ReadStatus NvmeDrive::read_status(const std::string& surface, std::uint64_t offset,
                                  MutableByteView into) {
    const auto place = place_of(surface, offset, into.size());
    if (!place.problem.empty()) {
        return {.status = place.problem};
    }
    const std::uint32_t block = place.block_bytes;
    ReadStatus status{.readable = true, .expected = true, .status = "read"};
    const std::size_t step = std::max<std::size_t>(block, kNvmeReadBytes / block * block);
    for (std::size_t at = 0; at < into.size(); at += step) {
        const auto piece = into.subspan(at, std::min(step, into.size() - at));
        const auto completion =
            transport_.submit(nvme::read(place.nsid, (offset + at) / block, block, piece));
        const bool verification =
            completion.error == 0 &&
            nvme::is(completion.status, nvme::Status::media_verification_read);
        if (!completion.succeeded() && !verification) {
            const bool expected =
                completion.error == 0 && unreadable_as_expected(completion.status, place.nsid);
            return {.expected = expected, .status = nvme_answer_text(completion)};
        }
        if (verification) {
            status.status = nvme::status_text(completion.status);
        }
    }
    return status;
}

WriteStatus NvmeDrive::write_by_command(const std::string& surface, std::uint64_t offset,
                                        ByteView from) {
    const auto place = place_of(surface, offset, from.size());
    if (!place.problem.empty()) {
        return {.status = place.problem};
    }
    const std::uint32_t block = place.block_bytes;
    const std::size_t step = std::max<std::size_t>(block, kNvmeReadBytes / block * block);
    for (std::size_t at = 0; at < from.size(); at += step) {
        const auto piece = from.subspan(at, std::min(step, from.size() - at));
        const auto completion =
            transport_.submit(nvme::write(place.nsid, (offset + at) / block, block, piece));
        if (!completion.succeeded()) {
            return {.status = nvme_answer_text(completion)};
        }
    }
    return {.written = true, .status = "written"};
}

bool NvmeDrive::flush_by_command(const std::string& surface) {
    const auto place = place_of(surface, 0, 0);
    return place.problem.empty() && transport_.submit(nvme::flush(place.nsid)).succeeded();
}

}  // namespace

std::unique_ptr<CommandSet> make_nvme_drive(device::NvmeTransport& transport,
                                            std::vector<NvmePlace> places) {
    return std::make_unique<NvmeDrive>(transport, std::move(places));
}

}  // namespace efface::method

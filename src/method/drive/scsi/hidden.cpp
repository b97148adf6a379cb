// SPDX-License-Identifier: Apache-2.0
// Blocks that a SCSI disk keeps from the host: a capacity that MODE SELECT reduced, and elements
// that were taken out of use (depopulated). Both hold old data that no erase is sure to reach.
#include <fmt/format.h>

#include <algorithm>

#include "erasure.hpp"

namespace efface::method {

namespace {

constexpr std::uint8_t kServiceActionIn = 0x9e;
constexpr std::uint16_t kRestoreAction = 0x19;
constexpr std::chrono::milliseconds kScsiOpenTimeout{60'000};
constexpr const char* kReduced = "reduced-capacity";
constexpr const char* kDepopulated = "depopulated-elements";

bool is_reduced(const ScsiFacts& facts) {
    return facts.capacity && facts.blocks_as_made && *facts.blocks_as_made > facts.capacity->blocks;
}

void send_and_note(ScsiSession& session, const device::ScsiCommand& command, std::string title,
                   OpenedAreas& areas, device::ScsiCompletion& completion) {
    completion = session.send(command);
    areas.commands.push_back({std::move(title), command.cdb, scsi_answer_text(completion)});
}

void open_capacity(ScsiSession& session, const ScsiFacts& facts, OpenedAreas& areas) {
    const Bytes list = scsi::encode_mode_select_10(
        scsi::BlockDescriptor{scsi::kAllBlocks, facts.capacity->block_bytes});
    device::ScsiCommand command;
    command.cdb = scsi::mode_select_10_cdb(static_cast<std::uint16_t>(list.size()));
    command.write_from = list;
    command.timeout = kScsiOpenTimeout;
    device::ScsiCompletion completion;
    send_and_note(session, command, "MODE SELECT (10) (NUMBER OF LOGICAL BLOCKS: all)", areas,
                  completion);
    if (!completion.good()) {
        areas.refused.push_back({kReduced, scsi_answer_text(completion)});
        return;
    }
    // What it took is not what it did.
    const auto after = read_scsi_facts(session);
    if (is_reduced(after) || !after.capacity || after.capacity->blocks < *facts.blocks_as_made) {
        areas.refused.push_back(
            {kReduced, "the disk accepted MODE SELECT, but its capacity is unchanged"});
        return;
    }
    areas.opened.emplace_back(kReduced);
}

void open_elements(ScsiSession& session, OpenedAreas& areas) {
    device::ScsiCommand command;
    command.cdb = scsi::restore_elements_and_rebuild_cdb();
    command.timeout = kScsiOpenTimeout;
    device::ScsiCompletion completion;
    send_and_note(session, command, "RESTORE ELEMENTS AND REBUILD", areas, completion);
    if (!completion.good()) {
        areas.refused.push_back({kDepopulated, scsi_answer_text(completion)});
        return;
    }
    const auto after = ask_scsi_readiness(session);
    if (after.phase == Phase::idle && read_scsi_facts(session).depopulated.empty()) {
        areas.opened.emplace_back(kDepopulated);
        return;
    }
    areas.refused.push_back(
        {kDepopulated, fmt::format("the disk is working on it ({}); start again when it is ready",
                                   after.detail)});
    areas.next_step = "wait until the disk has restored its elements, then run this again";
}

}  // namespace

std::vector<HiddenArea> scsi_hidden_areas(ScsiSession& session, const ScsiFacts& facts) {
    std::vector<HiddenArea> areas;
    if (facts.capacity && !can_be_addressed(facts.capacity->block_bytes)) {
        HiddenArea area;
        area.kind = kOddSectors;
        area.bytes = facts.capacity->blocks * facts.block_bytes();
        area.detail = fmt::format("{} sectors of {} bytes, which Linux cannot address",
                                  facts.capacity->blocks, facts.capacity->block_bytes);
        area.why_not = "the disk must be formatted to another sector size first";
        areas.push_back(std::move(area));
    }
    if (is_reduced(facts)) {
        HiddenArea area;
        area.kind = kReduced;
        area.bytes = (*facts.blocks_as_made - facts.capacity->blocks) * facts.block_bytes();
        area.detail = fmt::format("the capacity was reduced to {} of {} blocks",
                                  facts.capacity->blocks, *facts.blocks_as_made);
        area.can_be_opened = true;
        areas.push_back(std::move(area));
    }
    if (!facts.depopulated.empty()) {
        HiddenArea area;
        area.kind = kDepopulated;
        area.detail = fmt::format("{} storage elements are out of use", facts.depopulated.size());
        const bool known =
            std::all_of(facts.depopulated.begin(), facts.depopulated.end(),
                        [](const auto& element) { return element.blocks != scsi::kAllBlocks; });
        for (const auto& element : facts.depopulated) {
            area.bytes += known ? element.blocks * facts.block_bytes() : 0;
        }
        const bool restorable = std::all_of(facts.depopulated.begin(), facts.depopulated.end(),
                                            [](const auto& element) { return element.restorable; });
        auto objection = scsi_command_objection(session, kServiceActionIn, kRestoreAction,
                                                "RESTORE ELEMENTS AND REBUILD");
        area.can_be_opened = restorable && !objection;
        if (!restorable) {
            area.why_not = "the disk does not allow them to be restored";
        } else if (objection) {
            area.why_not = objection->reason.text;
        }
        areas.push_back(std::move(area));
    }
    return areas;
}

OpenedAreas open_scsi_hidden_areas(ScsiSession& session) {
    OpenedAreas areas;
    const auto facts = read_scsi_facts(session);
    for (const auto& area : scsi_hidden_areas(session, facts)) {
        if (area.kind == kOddSectors) {
            continue;  // only a format that somebody asked for opens it
        }
        if (!area.can_be_opened) {
            areas.refused.push_back({area.kind, area.why_not});
        } else if (area.kind == kReduced) {
            open_capacity(session, facts, areas);
        } else {
            open_elements(session, areas);
        }
    }
    return areas;
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
// Sectors of another size: MODE SELECT names it in the block descriptor, FORMAT UNIT makes it so
// (SBC-4, sections 5.4 and 6.5.2). The disk loses all that it holds.
#include <fmt/format.h>

#include <algorithm>

#include "efface/scsi/erase.hpp"

#include "erasure.hpp"

namespace efface::method {

namespace {

constexpr std::chrono::milliseconds kSelectTimeout{60'000};
constexpr std::chrono::hours kWholeFormatTimeout{24 * 24};
/// Without an own figure: what no disk that is made writes slower than.
constexpr std::uint64_t kBytesPerSecondMin = 100'000'000;

/// In the forms that a disk may know: (10) with a long descriptor, and (6).
ScsiStartCommand select_command(std::uint32_t bytes, bool ten) {
    ScsiStartCommand form;
    form.title = fmt::format("MODE SELECT ({}) (LOGICAL BLOCK LENGTH {})", ten ? 10 : 6, bytes);
    form.list = ten ? scsi::encode_mode_select_10(scsi::BlockDescriptor{scsi::kAllBlocks, bytes})
                    : scsi::encode_mode_select_6(scsi::BlockDescriptor{0, bytes});
    form.cdb = ten ? scsi::mode_select_10_cdb(static_cast<std::uint16_t>(form.list.size()))
                   : scsi::mode_select_6_cdb(static_cast<std::uint8_t>(form.list.size()));
    return form;
}

/// Until one form is not refused as a form.
StartAnswer send_first(ScsiSession& session, const std::vector<ScsiStartCommand>& forms,
                       std::vector<SentCommand> sent) {
    StartAnswer answer;
    for (const auto& form : forms) {
        device::ScsiCommand command;
        command.cdb = form.cdb;
        command.write_from = form.list;
        command.timeout =
            form.immediate ? kSelectTimeout : std::chrono::milliseconds(kWholeFormatTimeout);
        const auto completion = session.send(command);
        answer = scsi_start_answer(completion);
        sent.push_back({form.title, form.cdb, scsi_answer_text(completion)});
        if (!refuses_form(completion) && !refuses_opcode(completion)) {
            break;
        }
    }
    answer.commands = std::move(sent);
    return answer;
}

}  // namespace

StartAnswer format_scsi_sectors(ScsiSession& session, std::uint32_t bytes) {
    const auto before = ask_scsi_readiness(session);
    if (before.reserved) {
        return refused_start(scsi_reservation());
    }
    if (before.phase == Phase::running) {
        return refused_start(
            {ReasonCode::drive_erasing,
             before.detail + ": someone else started it; wait until it has ended"});
    }
    auto selected =
        send_first(session, {select_command(bytes, true), select_command(bytes, false)}, {});
    if (selected.start != Start::accepted) {
        return selected;
    }
    // Protection information goes with the old sectors: type 0.
    return send_first(session, scsi_format_commands(ScsiFacts()), std::move(selected.commands));
}

std::vector<SentCommand> scsi_format_sent_before(std::uint32_t bytes) {
    constexpr const char* kNotKept = "not known: the process that sent it ended before";
    const auto select = select_command(bytes, true);
    const auto unit = scsi_format_commands(ScsiFacts()).front();
    return {{select.title, select.cdb, kNotKept}, {unit.title, unit.cdb, kNotKept}};
}

std::optional<std::chrono::seconds> scsi_format_estimate(const ScsiFacts& facts) {
    if (facts.self_test) {
        return facts.self_test;  // an extended one goes over the whole surface once, too
    }
    if (!facts.capacity) {
        return std::nullopt;
    }
    const std::uint64_t per_second =
        kBytesPerSecondMin / std::max<std::uint64_t>(facts.block_bytes(), 1);
    return std::chrono::seconds(facts.capacity->blocks / std::max<std::uint64_t>(per_second, 1) +
                                1);
}

}  // namespace efface::method

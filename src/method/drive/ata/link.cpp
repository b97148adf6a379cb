// SPDX-License-Identifier: Apache-2.0
#include "link.hpp"

#include <fmt/format.h>

#include "efface/ata/capacity.hpp"

#include "fields.hpp"

namespace efface::method {

namespace {

constexpr Word<AtaLook::Sanitize> kSanitizeStates[] = {
    {AtaLook::Sanitize::unsupported, "unsupported"}, {AtaLook::Sanitize::idle, "idle"},
    {AtaLook::Sanitize::frozen, "frozen"},           {AtaLook::Sanitize::running, "running"},
    {AtaLook::Sanitize::succeeded, "succeeded"},     {AtaLook::Sanitize::failed, "failed"},
    {AtaLook::Sanitize::unknown, "unknown"},
};

constexpr std::size_t kTaskFileBytes = 12;
constexpr std::size_t kRegisterBytes = 11;
constexpr std::size_t kLbaBytes = 6;

void put_lba(MutableByteView bytes, std::size_t at, std::uint64_t lba) {
    for (std::size_t i = 0; i < kLbaBytes; ++i) {
        bytes[at + i] = static_cast<std::uint8_t>((lba >> (8 * i)) & 0xffU);
    }
}

/// Asks for the state of SANITIZE. `look.wide_unreadable` says why where the registers of a 48-bit
/// command do not come through.
void look_at_sanitize(device::AtaTransport& ata, AtaLook& look) {
    using Sanitize = AtaLook::Sanitize;
    if (!look.identify.sanitize.feature_set) {
        look.sanitize = Sanitize::unsupported;
        return;
    }
    const auto answer = ata.submit(ata::sanitize_status());
    look.sanitize = Sanitize::unknown;
    if (!answer.registers) {
        look.wide_unreadable = ata_answer_text(answer);
        look.sanitize_detail = look.wide_unreadable;
        return;
    }
    look.pages.push_back(ata_registers_page("ATA SANITIZE STATUS EXT", *answer.registers));
    if (answer.registers->failed()) {
        const auto reason = ata::decode_sanitize_error(*answer.registers);
        look.sanitize_detail =
            fmt::format("{}: {}", ata_answer_text(answer), ata::to_string(reason));
        // A locked drive refuses the question itself.
        const bool of_the_operation = reason == ata::SanitizeError::not_reported ||
                                      reason == ata::SanitizeError::unsuccessful;
        look.failure_explained = reason == ata::SanitizeError::unsuccessful;
        look.sanitize = of_the_operation && !look.identify.security.locked ? Sanitize::failed
                                                                           : Sanitize::unknown;
        return;
    }
    look.sanitize_status = ata::decode_sanitize_status(*answer.registers);
    const auto& status = look.sanitize_status;
    look.sanitize = status.in_progress               ? Sanitize::running
                    : status.frozen                  ? Sanitize::frozen
                    : status.completed_without_error ? Sanitize::succeeded
                                                     : Sanitize::idle;
}

}  // namespace

SentCommand ata_sent(const std::string& name, const device::AtaCommand& command,
                     const device::AtaCompletion& completion) {
    Bytes bytes(kTaskFileBytes);
    write_le(bytes, 0, command.features);
    write_le(bytes, 2, command.count);
    put_lba(bytes, 4, command.lba);
    bytes[10] = command.device;
    bytes[11] = command.command;
    return {name, std::move(bytes), ata_answer_text(completion)};
}

RawPage ata_registers_page(const std::string& name, const device::AtaRegisters& registers) {
    Bytes bytes(kRegisterBytes);
    bytes[0] = registers.status;
    bytes[1] = registers.error;
    write_le(bytes, 2, registers.count);
    put_lba(bytes, 4, registers.lba);
    bytes[10] = registers.device;
    return {name, std::move(bytes)};
}

bool ata_taken(const device::AtaCompletion& completion) {
    return completion.error == 0 && completion.accepted && completion.registers &&
           !completion.registers->failed();
}

bool ata_refused(const device::AtaCompletion& completion) {
    return completion.error == 0 && completion.registers && completion.registers->failed();
}

std::string ata_answer_text(const device::AtaCompletion& completion) {
    if (completion.error != 0) {
        return "no answer: " +
               (completion.note.empty() ? errno_text(completion.error) : completion.note);
    }
    if (completion.registers) {
        return completion.registers->failed()
                   ? fmt::format("aborted ({})", ata::error_text(*completion.registers))
                   : "accepted";
    }
    const std::string why = completion.note.empty() ? "status unreadable" : completion.note;
    return completion.accepted ? why : "not accepted: " + why;
}

namespace {

AtaIdentity identify_once(device::AtaTransport& ata) {
    AtaIdentity identity;
    Bytes page(ata::kPageBytes);
    const auto answer = ata.submit(ata::identify_device(page));
    // Data is its own proof that it came: a path without registers can still identify.
    if (answer.error != 0 || !answer.accepted) {
        identity.error = "IDENTIFY DEVICE: " + ata_answer_text(answer);
        return identity;
    }
    auto identify = ata::decode_identify(page);
    if (!identify) {
        identity.error = "IDENTIFY DEVICE returned no data of an ATA drive";
        return identity;
    }
    identity.identify = std::move(*identify);
    identity.page = std::move(page);
    return identity;
}

}  // namespace

AtaIdentity ata_identify(device::AtaTransport& ata) {
    auto first = identify_once(ata);
    if (!first.error.empty() || first.identify.checksum_good != false) {
        return first;
    }
    // What is the same again is what the drive says, added up or not; else the path changed it.
    auto again = identify_once(ata);
    if (again.error.empty() && again.identify.checksum_good == false && again.page != first.page) {
        again.error =
            "IDENTIFY DEVICE data fails its own checksum, and differs when it is read again";
    }
    return again;
}

AtaLook ata_look(device::AtaTransport& ata) {
    AtaLook look;
    auto identity = ata_identify(ata);
    if (!identity.error.empty()) {
        look.error = std::move(identity.error);
        return look;
    }
    look.identify = std::move(identity.identify);
    look.pages.push_back({"ATA IDENTIFY DEVICE", std::move(identity.page)});
    const auto power = ata.submit(ata::check_power_mode());
    look.registers_readable = power.registers.has_value();
    if (power.registers && !power.registers->failed()) {
        look.power_mode = ata::decode_power_mode(*power.registers);
    } else if (!power.registers) {
        look.unreadable_why = ata_answer_text(power);
    }
    look_at_sanitize(ata, look);
    return look;
}

const char* to_string(AtaLook::Sanitize state) noexcept {
    return word_of(kSanitizeStates, state);
}

const char* ata_security_state(const ata::SecurityStatus& security) noexcept {
    if (!security.supported) {
        return "unsupported";
    }
    if (security.count_expired) {
        return "expired";
    }
    if (security.locked) {
        return "locked";
    }
    if (security.frozen) {
        return "frozen";
    }
    return security.enabled ? "enabled" : "disabled";
}

}  // namespace efface::method

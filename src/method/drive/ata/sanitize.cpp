// SPDX-License-Identifier: Apache-2.0
// SANITIZE DEVICE (ACS-4, section 4.16): the drive erases on its own, through resets and without
// power, and keeps whether it completed without error.
#include <fmt/format.h>

#include "drive/notes.hpp"
#include "link.hpp"

namespace efface::method {

namespace {

constexpr double kProgressWhole = 65536.0;

class AtaSanitizeOperation final : public Operation {
  public:
    AtaSanitizeOperation(device::AtaTransport& ata, AtaSanitize kind, OperationMemory& memory)
        : ata_(ata), kind_(kind), pattern_(memory.pattern), notes_(memory, "sanitize") {}

    [[nodiscard]] std::string_view technique() const override { return ata_technique(kind_); }
    [[nodiscard]] Promise promise() const override {
        // The content after the other two is indeterminate (ACS-4, section 4.16.7).
        return kind_ == AtaSanitize::overwrite ? Promise{pattern_} : Promise{};
    }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;

  private:
    [[nodiscard]] bool stale_success() const;

    device::AtaTransport& ata_;
    AtaSanitize kind_;
    const Bytes& pattern_;
    Notes notes_;
    bool saw_running_ = false;
};

/// COUNT bit 15 is kept for years. It is about our operation when the drive took our command, was
/// seen at it, or did not have the bit before.
bool AtaSanitizeOperation::stale_success() const {
    // An adopted one has no notes: there was no start of ours.
    return notes_.get("successBefore", false) && !notes_.get("taken", false) && !saw_running_;
}

OperationState AtaSanitizeOperation::state() {
    auto look = ata_look(ata_);
    // A drive that has taken the command may abort every question until it is done.
    const bool aborts_at_work = look.sanitize == AtaLook::Sanitize::failed &&
                                !look.failure_explained && notes_.get("taken", false);
    auto state = ata_sanitize_state(std::move(look));
    if (aborts_at_work) {
        state.phase = Phase::running;
        state.detail =
            "the drive accepted the command, and aborts SANITIZE STATUS EXT without a "
            "reason: it may be at work";
        return state;
    }
    saw_running_ = saw_running_ || state.phase == Phase::running;
    if (notes_.exist()) {
        state.technique = technique();
    }
    if (state.phase == Phase::succeeded && stale_success()) {
        state.phase = Phase::unknown;
        state.detail =
            "the drive reports a completed operation, but did so before ours was sent; whether it "
            "accepted ours is unknown";
    }
    return state;
}

StartAnswer AtaSanitizeOperation::start() {
    StartAnswer answer;
    answer.start = Start::refused;
    const auto look = ata_look(ata_);
    if (!look.error.empty()) {
        answer.why = ReasonCode::drive_silent;
        answer.detail = look.error;
        return answer;
    }
    if (const auto objection = ata_sanitize_objection(look, kind_)) {
        return refused_start(*objection);
    }
    if (look.sanitize == AtaLook::Sanitize::running) {
        answer.why = ReasonCode::drive_erasing;
        answer.detail = "a SANITIZE operation is already running and cannot be stopped";
        return answer;
    }
    notes_.renew(ObjectWriter()
                     .add("technique", technique())
                     .add("successBefore", look.sanitize_status.completed_without_error)
                     .add("taken", false)
                     .take());
    const auto command = ata_sanitize_command(kind_, pattern_);
    const auto completion = ata_.submit(command);
    answer.commands.push_back(ata_sent(ata_command_name(kind_), command, completion));
    if (ata_taken(completion)) {
        notes_.keep("taken", true);
        answer.start = Start::accepted;
    } else if (ata_refused(completion)) {
        answer.detail =
            fmt::format("{}: {}", ata_answer_text(completion),
                        ata::to_string(ata::decode_sanitize_error(*completion.registers)));
    } else {
        // Adapters are known that report a rejection while the drive carries the command out.
        answer.start = Start::unknown;
        answer.detail = ata_answer_text(completion);
    }
    return answer;
}

}  // namespace

const char* ata_technique(AtaSanitize kind) noexcept {
    switch (kind) {
        case AtaSanitize::block:
            return "ata-sanitize-block";
        case AtaSanitize::crypto:
            return "ata-sanitize-crypto";
        case AtaSanitize::overwrite:
            break;
    }
    return "ata-sanitize-overwrite";
}

std::optional<AtaSanitize> ata_sanitize_of(std::string_view technique) noexcept {
    for (const auto kind : {AtaSanitize::block, AtaSanitize::crypto, AtaSanitize::overwrite}) {
        if (technique == ata_technique(kind)) {
            return kind;
        }
    }
    return std::nullopt;
}

device::AtaCommand ata_sanitize_command(AtaSanitize kind, ByteView pattern) {
    switch (kind) {
        case AtaSanitize::block:
            return ata::sanitize_block_erase();
        case AtaSanitize::crypto:
            return ata::sanitize_crypto_scramble();
        case AtaSanitize::overwrite:
            break;
    }
    return ata::sanitize_overwrite(read_be<std::uint32_t>(pattern, 0), 1);
}

const char* ata_command_name(AtaSanitize kind) noexcept {
    switch (kind) {
        case AtaSanitize::block:
            return "SANITIZE DEVICE (BLOCK ERASE EXT)";
        case AtaSanitize::crypto:
            return "SANITIZE DEVICE (CRYPTO SCRAMBLE EXT)";
        case AtaSanitize::overwrite:
            break;
    }
    return "SANITIZE DEVICE (OVERWRITE EXT, 1 pass of a pattern drawn for the job)";
}

OperationState ata_sanitize_state(AtaLook look) {
    OperationState state;
    if (!look.error.empty()) {
        state.detail = look.error;
        return state;
    }
    state.detail = look.sanitize_detail;
    state.pages = std::move(look.pages);
    switch (look.sanitize) {
        case AtaLook::Sanitize::running:
            state.phase = Phase::running;
            if (look.sanitize_status.progress) {
                state.progress = *look.sanitize_status.progress / kProgressWhole;
            }
            break;
        case AtaLook::Sanitize::succeeded:
            state.phase = Phase::succeeded;
            state.detail = "completed without error (COUNT bit 15)";
            break;
        case AtaLook::Sanitize::failed:
            state.phase = Phase::failed;
            state.detail = "sanitize operation failed (SD3): " + look.sanitize_detail;
            break;
        case AtaLook::Sanitize::frozen:
            // Frozen by a host that started since: the success bit is kept.
            if (look.sanitize_status.completed_without_error) {
                state.phase = Phase::succeeded;
                state.detail = "completed without error (COUNT bit 15), frozen since";
                break;
            }
            [[fallthrough]];
        case AtaLook::Sanitize::unsupported:
        case AtaLook::Sanitize::idle:
            state.phase = Phase::idle;
            state.detail =
                "no operation is running, and none is reported as completed without error";
            break;
        case AtaLook::Sanitize::unknown:
            break;
    }
    return state;
}

std::unique_ptr<Operation> make_ata_sanitize(device::AtaTransport& ata, AtaSanitize kind,
                                             OperationMemory& memory) {
    return std::make_unique<AtaSanitizeOperation>(ata, kind, memory);
}

}  // namespace efface::method

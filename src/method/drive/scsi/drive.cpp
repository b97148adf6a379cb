// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "efface/method/drive/command_sets.hpp"

#include "erasure.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kReadBytesMax = std::size_t{64} << 10U;

class ScsiDriveCommands final : public CommandSet {
  public:
    ScsiDriveCommands(device::ScsiTransport& transport, std::string surface, const Clock& clock)
        : session_(transport), surface_(std::move(surface)), clock_(clock) {}

    [[nodiscard]] std::string_view name() const override { return "scsi"; }
    [[nodiscard]] DriveSurvey survey() override { return survey_scsi_drive(session_, surface_); }
    [[nodiscard]] HealthLook health() override { return ask_scsi_health(session_); }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] std::unique_ptr<Operation> make(std::string_view technique,
                                                  OperationMemory& memory) override;
    [[nodiscard]] OpenedAreas open_hidden_areas(OperationMemory& /*memory*/) override {
        return open_scsi_hidden_areas(session_);
    }
    [[nodiscard]] StartAnswer format_sectors(std::uint32_t bytes) override {
        auto answer = format_scsi_sectors(session_, bytes);
        facts_ = {};  // of other blocks
        return answer;
    }
    [[nodiscard]] std::vector<SentCommand> format_sent_before(std::uint32_t bytes) override {
        return scsi_format_sent_before(bytes);
    }
    [[nodiscard]] ReadStatus read_status(const std::string& surface, std::uint64_t offset,
                                         MutableByteView into) override;
    [[nodiscard]] WriteStatus write_by_command(const std::string& surface, std::uint64_t offset,
                                               ByteView from) override;
    [[nodiscard]] bool flush_by_command(const std::string& surface) override;

  private:
    void learn();
    /// Why nothing can be read or written there; empty: nothing is in the way.
    [[nodiscard]] std::string problem_at(const std::string& surface, std::uint64_t offset,
                                         std::size_t bytes);
    [[nodiscard]] bool is_expected(const scsi::SenseData& sense) const;
    /// READ or WRITE, in the form that the disk knows.
    [[nodiscard]] device::ScsiCompletion transfer(std::uint64_t block, std::uint32_t blocks,
                                                  MutableByteView into, ByteView from);

    ScsiSession session_;
    std::string surface_;
    const Clock& clock_;
    ScsiFacts facts_;                      ///< as of learn()
    const ScsiTechnique* last_ = nullptr;  ///< of make()
    bool ten_bytes_ = false;               ///< it knows no command of sixteen
};

/// While the disk erases it tells no capacity: then what is known already stands.
void ScsiDriveCommands::learn() {
    auto fresh = read_scsi_facts(session_);
    if (fresh.capacity || !facts_.capacity) {
        facts_ = std::move(fresh);
    }
}

OperationState ScsiDriveCommands::state() {
    auto readiness = ask_scsi_readiness(session_);
    const bool formats = readiness.work == ScsiWork::format;
    auto state = state_of(std::move(readiness));
    if (formats) {
        state.technique = "scsi-format-unit";
    }
    return state;
}

std::unique_ptr<Operation> ScsiDriveCommands::make(std::string_view technique,
                                                   OperationMemory& memory) {
    const auto* found = find_scsi_technique(technique);
    if (found == nullptr) {
        return nullptr;
    }
    learn();
    last_ = found;
    switch (found->work) {
        case ScsiWork::sanitize:
            return make_scsi_erasure(
                session_, *found, scsi_sanitize_commands(*found->sanitize, facts_, memory.pattern),
                memory);
        case ScsiWork::format:
            return make_scsi_erasure(session_, *found, scsi_format_commands(facts_), memory);
        default:
            return make_scsi_write_same(session_, clock_, facts_, memory);
    }
}

/// WABEREQ and WACEREQ say how blocks may answer after a block or a cryptographic erase. After the
/// other techniques every block reads, but behind a reset write pointer of a zone.
bool ScsiDriveCommands::is_expected(const scsi::SenseData& sense) const {
    if (facts_.zoned() && sense.is(scsi::SenseKey::illegal_request) &&
        sense.code == scsi::asc::kReadInvalidData) {
        return true;
    }
    if (!sense.is(scsi::SenseKey::medium_error)) {
        return false;
    }
    const bool required = sense.code == scsi::asc::kWriteAfterSanitizeRequired;
    const auto fits = [required](scsi::ReadAfterErase told) {
        // 3/11/15 says itself what it is of; of another medium error only the page tells.
        return required ? told == scsi::ReadAfterErase::write_required_error ||
                              told == scsi::ReadAfterErase::not_specified
                        : told == scsi::ReadAfterErase::medium_error;
    };
    const bool failed_state = sense.code == scsi::asc::kSanitizeFailed ||
                              sense.code == scsi::asc::kFormatFailed ||
                              sense.code == scsi::asc::kMediumFormatCorrupted;
    if (failed_state) {
        return false;
    }
    const bool block = !last_ || last_->sanitize == scsi::SanitizeAction::block_erase;
    const bool crypto = !last_ || last_->cryptographic();
    return (block && fits(facts_.characteristics.after_block_erase)) ||
           (crypto && fits(facts_.characteristics.after_crypto_erase));
}

std::string ScsiDriveCommands::problem_at(const std::string& surface, std::uint64_t offset,
                                          std::size_t bytes) {
    if (!facts_.capacity) {
        learn();
    }
    const std::uint64_t unit = facts_.block_bytes();
    return surface != surface_                       ? "no such surface"
           : unit == 0                               ? "the disk reports no capacity"
           : offset % unit != 0 || bytes % unit != 0 ? "not aligned to its blocks"
                                                     : "";
}

device::ScsiCompletion ScsiDriveCommands::transfer(std::uint64_t block, std::uint32_t blocks,
                                                   MutableByteView into, ByteView from) {
    const bool writes = !from.empty();
    device::ScsiCommand command;
    command.read_into = into;
    command.write_from = from;
    const bool fits = scsi::fits_ten_bytes(block, blocks);
    if (!ten_bytes_ || !fits) {
        command.cdb = writes ? scsi::write_16_cdb(block, blocks) : scsi::read_16_cdb(block, blocks);
        auto completion = session_.send(command);
        if (!fits || !refuses_opcode(completion)) {
            return completion;
        }
    }
    command.cdb = writes ? scsi::write_10_cdb(block, blocks) : scsi::read_10_cdb(block, blocks);
    auto completion = session_.send(command);
    ten_bytes_ = ten_bytes_ || completion.good();
    return completion;
}

ReadStatus ScsiDriveCommands::read_status(const std::string& surface, std::uint64_t offset,
                                          MutableByteView into) {
    ReadStatus result;
    result.status = problem_at(surface, offset, into.size());
    if (!result.status.empty()) {
        return result;
    }
    const std::uint64_t unit = facts_.block_bytes();
    const std::size_t step = std::max<std::size_t>(kReadBytesMax / unit, 1) * unit;
    for (std::size_t at = 0; at < into.size(); at += step) {
        const auto part = into.subspan(at, std::min(step, into.size() - at));
        const auto completion = transfer((offset + at) / unit,
                                         static_cast<std::uint32_t>(part.size() / unit), part, {});
        result.status = scsi_answer_text(completion);
        if (!completion.good() || completion.transferred != part.size()) {
            const auto sense = scsi_sense(completion);
            result.expected = sense && is_expected(*sense);
            result.status = completion.good() ? "a short transfer" : result.status;
            return result;
        }
    }
    result.readable = true;
    return result;
}

WriteStatus ScsiDriveCommands::write_by_command(const std::string& surface, std::uint64_t offset,
                                                ByteView from) {
    if (auto problem = problem_at(surface, offset, from.size()); !problem.empty()) {
        return {.status = std::move(problem)};
    }
    const std::uint64_t unit = facts_.block_bytes();
    const std::size_t step = std::max<std::size_t>(kReadBytesMax / unit, 1) * unit;
    for (std::size_t at = 0; at < from.size(); at += step) {
        const auto part = from.subspan(at, std::min(step, from.size() - at));
        const auto completion = transfer((offset + at) / unit,
                                         static_cast<std::uint32_t>(part.size() / unit), {}, part);
        if (!completion.good()) {
            return {.status = scsi_answer_text(completion)};
        }
    }
    return {.written = true, .status = "written"};
}

bool ScsiDriveCommands::flush_by_command(const std::string& surface) {
    return surface == surface_ && scsi_synchronize(session_, device::kScsiTimeoutDefault).good();
}

}  // namespace

std::unique_ptr<CommandSet> make_scsi_drive(device::ScsiTransport& transport,
                                            std::string surface_name, const Clock& clock) {
    return std::make_unique<ScsiDriveCommands>(transport, std::move(surface_name), clock);
}

}  // namespace efface::method

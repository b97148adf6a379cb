// SPDX-License-Identifier: Apache-2.0
// Each state() erases for a while: the block layer has nothing that goes on in the background.
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "efface/base/error.hpp"
#include "efface/method/drive/command_sets.hpp"

#include "notes.hpp"

namespace efface::method {

namespace {

constexpr const char* kBlockSecureErase = "block-secure-erase";
constexpr std::uint64_t kSecureErasePartBytes = std::uint64_t{256} << 20U;
constexpr std::chrono::seconds kSecureEraseSlice{5};
constexpr unsigned kSecureErasePartsMax = 1024;  ///< of one state()

std::optional<Reason> secure_erase_objection(device::SecureErase& target) {
    const int error = target.probe();
    if (error == 0) {
        return std::nullopt;
    }
    if (error == EOPNOTSUPP) {
        return Reason{ReasonCode::drive_lacks_technique,
                      "the driver has no secure erase (its queue has no max_secure_erase_sectors)"};
    }
    return Reason{ReasonCode::drive_path, "secure erase cannot be requested: " + errno_text(error)};
}

class BlockSecureErase final : public Operation {
  public:
    BlockSecureErase(device::SecureErase& target, const Clock& clock, OperationMemory& memory)
        : target_(target), clock_(clock), notes_(memory, "block") {}

    [[nodiscard]] std::string_view technique() const override { return kBlockSecureErase; }
    /// What an erased block reads as is the medium's affair: zeros, ones or what it likes.
    [[nodiscard]] Promise promise() const override { return {}; }
    [[nodiscard]] OperationState state() override;
    [[nodiscard]] StartAnswer start() override;

  private:
    [[nodiscard]] int erase_next();

    device::SecureErase& target_;
    const Clock& clock_;
    Notes notes_;
    std::uint64_t next_ = 0;
};

int BlockSecureErase::erase_next() {
    const std::uint64_t unit = target_.block_bytes();
    const std::uint64_t part = std::max(kSecureErasePartBytes / unit * unit, unit);
    const std::uint64_t length = std::min(part, target_.size_bytes() - next_);
    const int error = target_.erase(next_, length);
    next_ += error == 0 ? length : 0;
    return error;
}

StartAnswer BlockSecureErase::start() {
    notes_.renew(ObjectWriter().add("begun", true).take());
    next_ = 0;
    const int error = erase_next();
    StartAnswer answer;
    answer.start = error == 0            ? Start::accepted
                   : error == EOPNOTSUPP ? Start::refused
                                         : Start::unknown;
    answer.detail = error == 0 ? "good" : errno_text(error);
    answer.commands.push_back({.name = "BLKSECDISCARD", .bytes = {}, .answer = answer.detail});
    if (error != 0) {
        notes_.forget();
    }
    return answer;
}

/// Another process's work is not counted on: it may have been lost in a cache. This one begins at
/// the first block.
OperationState BlockSecureErase::state() {
    OperationState state;
    state.phase = Phase::idle;
    if (!notes_.exist()) {
        state.detail = "the block layer keeps no record of earlier erases";
        return state;
    }
    state.technique = kBlockSecureErase;
    state.phase = Phase::running;
    const auto began = clock_.steady_now();
    for (unsigned parts = 0; next_ < target_.size_bytes() && parts < kSecureErasePartsMax;
         ++parts) {
        const int error = erase_next();
        if (error != 0) {
            state.phase = Phase::failed;  // whatever became of this part, the rest is not erased
            state.detail = fmt::format("BLKSECDISCARD at byte {}: {}", next_, errno_text(error));
            return state;
        }
        if (clock_.steady_now() - began >= kSecureEraseSlice) {
            break;
        }
    }
    const std::uint64_t size = std::max<std::uint64_t>(target_.size_bytes(), 1);
    state.progress = static_cast<double>(next_) / static_cast<double>(size);
    state.detail =
        fmt::format("{} of {} bytes, as the driver reports", next_, target_.size_bytes());
    if (next_ >= target_.size_bytes()) {
        state.phase = Phase::succeeded;
    }
    return state;
}

class BlockCommands final : public CommandSet {
  public:
    BlockCommands(device::SecureErase& target, const Clock& clock)
        : target_(target), clock_(clock) {}

    [[nodiscard]] std::string_view name() const override { return "block"; }
    [[nodiscard]] DriveSurvey survey() override;
    [[nodiscard]] OperationState state() override {
        OperationState state;
        state.phase = Phase::idle;
        state.detail = "the block layer keeps no record of earlier erases";
        return state;
    }
    [[nodiscard]] std::unique_ptr<Operation> make(std::string_view technique,
                                                  OperationMemory& memory) override {
        if (technique != kBlockSecureErase) {
            return nullptr;
        }
        return std::make_unique<BlockSecureErase>(target_, clock_, memory);
    }
    [[nodiscard]] OpenedAreas open_hidden_areas(OperationMemory& /*memory*/) override { return {}; }
    [[nodiscard]] ReadStatus read_status(const std::string& /*surface*/, std::uint64_t /*offset*/,
                                         MutableByteView /*into*/) override {
        return {.status = "the block layer has no read by command"};
    }

  private:
    device::SecureErase& target_;
    const Clock& clock_;
};

DriveSurvey BlockCommands::survey() {
    DriveSurvey survey;
    TechniqueFacts technique;
    technique.name = kBlockSecureErase;
    technique.objection = secure_erase_objection(target_);
    technique.sends = {"BLKSECDISCARD of all blocks, in parts of 256 MiB"};
    technique.not_reached = {"what the driver and the medium do not report"};
    technique.facts = ObjectWriter()
                          .add("cryptographic", false)
                          .add("wholeDrive", true)
                          .add("method", "secure-erase")
                          .take();
    survey.techniques.push_back(std::move(technique));
    return survey;
}

}  // namespace

std::unique_ptr<CommandSet> make_block_secure_erase(device::SecureErase& target,
                                                    const Clock& clock) {
    return std::make_unique<BlockCommands>(target, clock);
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
#include "scripted_drive.hpp"

#include <set>
#include <string_view>

namespace efface::fake {

namespace {

constexpr std::uint64_t kHiddenPart = 8;

/// Every block is different from every other.
Bytes content() {
    Bytes bytes(ScriptedDrive::kBlocks * ScriptedDrive::kBlockBytes);
    for (std::size_t at = 0; at < bytes.size(); at += sizeof(std::uint64_t)) {
        write_be<std::uint64_t>(bytes, at, at | 0x5a00000000000000U);
    }
    return bytes;
}

/// Command dwords 10 to 15: SANACT 2.
method::SentCommand sanitize(const char* answer) {
    Bytes dwords(24);
    dwords[0] = 2;
    return {"Sanitize (block erase)", std::move(dwords), answer};
}

}  // namespace

/// The Sanitize Status log: SPROG, SSTAT, SCDW10.
method::RawPage ScriptedDrive::status_page() const {
    constexpr std::uint8_t kGlobalDataErased = 1;
    Bytes page(32, 0xff);
    page[2] = doing_ == Doing::done      ? 1
              : doing_ == Doing::erasing ? 2
              : doing_ == Doing::failed  ? 3
                                         : 0;
    page[3] = doing_ == Doing::done ? kGlobalDataErased : 0;
    write_le<std::uint32_t>(page, 4, 2);
    return {"NVMe log 81h", std::move(page)};
}

class ScriptedDrive::Operation final : public method::Operation {
  public:
    explicit Operation(ScriptedDrive& drive, method::OperationMemory& memory)
        : drive_(drive), memory_(memory) {}
    [[nodiscard]] std::string_view technique() const override { return kTechnique; }
    [[nodiscard]] method::Promise promise() const override {
        return drive_.lies.promises_nothing ? method::Promise{} : method::Promise::zeros();
    }
    method::OperationState state() override { return drive_.state(); }
    method::StartAnswer start() override {
        memory_.kept["sent"] = true;
        memory_.save();
        drive_.asked("start");
        if (!drive_.answers()) {
            return {method::Start::unknown, "no answer", {}};
        }
        if (drive_.lies.refuses) {
            return {method::Start::refused, "it is not in the mood", {sanitize("no")}};
        }
        ++drive_.starts;
        drive_.doing_ = Doing::erasing;
        drive_.started_ = drive_.clock_.steady_now();
        return {method::Start::accepted, "", {sanitize("accepted")}};
    }
    std::optional<std::string> clean_up(std::vector<method::SentCommand>& commands) override {
        drive_.asked("clean up");
        if (drive_.lies.clean_up_fails) {
            return "the password could not be cleared";
        }
        commands.push_back({"SECURITY DISABLE", {2}, "accepted"});
        return std::nullopt;
    }

  private:
    ScriptedDrive& drive_;
    method::OperationMemory& memory_;
};

ScriptedDrive::ScriptedDrive(FixedClock& clock, DriveLies how)
    : lies(std::move(how)),
      clock_(clock),
      media_(kBlocks, kBlockBytes),
      original_(content()),
      visible_blocks_(lies.hidden_area ? kBlocks - kBlocks / kHiddenPart : kBlocks) {
    media_.write(0, original_);
    if (!lies.runs_already.empty()) {
        doing_ = Doing::erasing;
        started_ = clock_.steady_now();
    }
}

void ScriptedDrive::asked(const std::string& what) {
    catch_up();
    if (on_command) {
        on_command(what);
    }
}

bool ScriptedDrive::answers() {
    const bool middle = doing_ == Doing::erasing && clock_.steady_now() - started_ > kDuration / 2;
    if (lies.gone_for_good && middle) {
        return false;
    }
    if (middle && lies.vanishes_for > 0) {
        --lies.vanishes_for;
        return false;
    }
    return true;
}

void ScriptedDrive::erase() {
    using Leave = DriveMedia::Leave;
    erased_ = true;
    if (lies.erases_nothing) {
        return;
    }
    const auto kept = static_cast<std::uint64_t>(lies.keeps_share * static_cast<double>(kBlocks));
    const std::uint64_t first = (kBlocks - kept) / 2;
    const auto leave = lies.breaks_promise ? Leave::noise : Leave::zeros;
    media_.erase(0, first, leave);
    media_.erase(first + kept, kBlocks - first - kept, leave);
    if (lies.reverts_writes) {
        media_.write(0, original_);
    }
}

void ScriptedDrive::catch_up() {
    if (doing_ == Doing::erasing && !lies.stands_still && !lies.gone_for_good &&
        clock_.steady_now() - started_ >= kDuration) {
        doing_ = lies.fails ? Doing::failed : lies.forgets ? Doing::nothing : Doing::done;
        if (!lies.fails) {
            erase();
        }
    }
}

void ScriptedDrive::power_cycle() {
    powered_since_opening_ = true;
}

method::DriveSurvey ScriptedDrive::survey() {
    asked("survey");
    method::DriveSurvey survey;
    if (!answers()) {
        survey.error = "no answer";
        return survey;
    }
    survey.model = "Scripted Drive";
    survey.serial = erased_ && !lies.serial_after.empty() ? lies.serial_after : "SERIAL-a";
    survey.wwn = "eui.1";
    survey.firmware = "1.0";
    survey.facts = {{"flash", true}};
    survey.pages = {status_page()};
    method::TechniqueFacts facts;
    facts.name = kTechnique;
    facts.estimate = kDuration;
    facts.sends = {"SANITIZE"};
    facts.facts = {{"wholeDrive", true}, {"cryptographic", false}};
    survey.techniques.push_back(facts);
    if (visible_blocks_ != kBlocks) {
        method::HiddenArea area;
        area.kind = "hpa";
        area.detail = "the last eighth";
        area.bytes = (kBlocks - visible_blocks_) * kBlockBytes;
        area.can_be_opened = !lies.hidden_area_stays;
        area.why_not = lies.hidden_area_stays ? "frozen" : "";
        survey.hidden_areas.push_back(area);
    }
    return survey;
}

method::OperationState ScriptedDrive::state() {
    asked("state");
    method::OperationState state;
    if (!answers()) {
        state.detail = "no answer";
        return state;
    }
    state.pages = {status_page()};
    if (lies.no_status && starts > 0) {
        state.detail = "registers all zero";
        return state;
    }
    switch (doing_) {
        case Doing::nothing:
            state.phase = method::Phase::idle;
            break;
        case Doing::erasing:
            state.phase = method::Phase::running;
            state.technique = lies.runs_already.empty() ? kTechnique : lies.runs_already;
            state.progress = lies.stands_still
                                 ? 0.25
                                 : std::chrono::duration<double>(clock_.steady_now() - started_) /
                                       std::chrono::duration<double>(kDuration);
            break;
        case Doing::done:
            state.phase = method::Phase::succeeded;
            break;
        case Doing::failed:
            state.phase = method::Phase::failed;
            state.detail = "it could not";
            break;
    }
    return state;
}

std::unique_ptr<method::Operation> ScriptedDrive::make(std::string_view technique,
                                                       method::OperationMemory& memory) {
    return technique == kTechnique ? std::make_unique<Operation>(*this, memory) : nullptr;
}

method::OpenedAreas ScriptedDrive::open_hidden_areas(method::OperationMemory& memory) {
    asked("open");
    method::OpenedAreas opened;
    if (visible_blocks_ == kBlocks) {
        return opened;
    }
    if (lies.hidden_area_needs_power && !powered_since_opening_) {
        memory.kept["asked for power"] = true;
        memory.save();
        opened.power_cycle_needed = true;
        opened.next_step = "switch it off and on";
        return opened;
    }
    visible_blocks_ = kBlocks;
    opened.opened.emplace_back("hpa");
    opened.commands.push_back({"SET MAX", {3}, "accepted"});
    return opened;
}

std::uint64_t ScriptedDrive::size_bytes() const {
    return visible_blocks_ * kBlockBytes;
}

bool ScriptedDrive::unreadable(std::uint64_t offset) const {
    const auto size = static_cast<double>(kBlocks * kBlockBytes);
    return erased_ && lies.unreadable_after &&
           static_cast<double>(offset) < size * lies.unreadable_share;
}

method::ReadStatus ScriptedDrive::read_status(const std::string& /*surface*/, std::uint64_t offset,
                                              MutableByteView into) {
    if (unreadable(offset)) {
        return {false, lies.unreadable_as_expected, "3/11/15"};
    }
    return {read_at(offset, into).complete(into.size()), true, "read"};
}

device::IoResult ScriptedDrive::read_at(std::uint64_t offset, MutableByteView into) {
    asked("read");
    const bool busy = doing_ == Doing::erasing;
    if (busy || unreadable(offset)) {
        return {0, EIO};
    }
    media_.read(offset / kBlockBytes, into);
    return {into.size(), 0};
}

device::IoResult ScriptedDrive::write_at(std::uint64_t offset, ByteView from) {
    asked("write");
    if (doing_ == Doing::erasing) {
        return {0, EIO};
    }
    if (!lies.drops_canaries) {
        media_.write(offset / kBlockBytes, from);
    }
    return {from.size(), 0};
}

bool ScriptedDrive::old_content_remains() const {
    std::set<std::string_view> old;
    for (std::size_t at = 0; at < original_.size(); at += kBlockBytes) {
        old.insert(as_text(ByteView(original_).subspan(at, kBlockBytes)));
    }
    Bytes block(kBlockBytes);
    for (std::uint64_t at = 0; at < kBlocks; ++at) {
        media_.read(at, block);
        if (old.contains(as_text(block))) {
            return true;
        }
    }
    return false;
}

}  // namespace efface::fake

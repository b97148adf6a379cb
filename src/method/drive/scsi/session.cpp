// SPDX-License-Identifier: Apache-2.0
#include "session.hpp"

#include <fmt/format.h>

#include "efface/base/error.hpp"
#include "efface/scsi/capacity.hpp"
#include "efface/scsi/commands.hpp"

namespace efface::method {

namespace {

/// Each reset, changed mode and changed capacity is told once.
constexpr unsigned kScsiAttentionsMax = 8;
constexpr std::uint32_t kReadCapacityBytes = 32;
constexpr double kScsiProgressWhole = 65536.0;

constexpr const char* kAfterFailedSanitize =
    "an earlier SANITIZE failed, and no block can be read or written until another one succeeds. "
    "Only SANITIZE ends this state: EXIT FAILURE MODE does not end a failure with AUSE 0 "
    "(restricted), and after one with AUSE 1 (unrestricted) it would give old data back";

/// A sense code of work that goes on.
std::optional<ScsiWork> work_in_progress(const scsi::SenseData& sense) {
    if (!sense.is(scsi::SenseKey::not_ready) && !sense.is(scsi::SenseKey::no_sense)) {
        return std::nullopt;
    }
    switch (sense.code) {
        case scsi::asc::kSanitizeInProgress:
            return ScsiWork::sanitize;
        case scsi::asc::kFormatInProgress:
            return ScsiWork::format;
        case scsi::asc::kDepopulationInProgress:
        case scsi::asc::kRestorationInProgress:
            return ScsiWork::other;
        default:
            return std::nullopt;
    }
}

std::optional<ScsiWork> failed_work(const scsi::SenseData& sense) {
    if (!sense.is(scsi::SenseKey::medium_error)) {
        return std::nullopt;
    }
    switch (sense.code) {
        case scsi::asc::kSanitizeFailed:
            return ScsiWork::sanitize;
        case scsi::asc::kFormatFailed:
        case scsi::asc::kMediumFormatCorrupted:
            return ScsiWork::format;
        default:
            return std::nullopt;
    }
}

/// What `sense` says the disk is at; false when it says nothing of that, so that the next question
/// decides.
bool read_readiness(const scsi::SenseData& sense, ScsiReadiness& readiness) {
    readiness.detail = scsi::to_string(sense);
    if (const auto work = work_in_progress(sense)) {
        readiness.work = *work;
        // Depopulation is not an erase: nobody may wait for its end and call it one.
        readiness.phase = *work == ScsiWork::other ? Phase::unknown : Phase::running;
        if (sense.progress) {
            readiness.progress = *sense.progress / kScsiProgressWhole;
        }
        return true;
    }
    if (const auto work = failed_work(sense)) {
        readiness.work = *work;
        readiness.phase = Phase::failed;
        if (*work == ScsiWork::sanitize) {
            readiness.detail += std::string(": ") + kAfterFailedSanitize;
        }
        return true;
    }
    // NO SENSE and RECOVERED ERROR also carry failure predictions, temperature warnings and low
    // power conditions: nothing of an erase.
    return !sense.is(scsi::SenseKey::no_sense) && !sense.is(scsi::SenseKey::recovered_error);
}

/// True when REQUEST SENSE has settled it.
bool ask_by_sense(ScsiSession& session, ScsiReadiness& readiness) {
    for (unsigned attempt = 0; attempt < kScsiAttentionsMax; ++attempt) {
        Bytes data(scsi::kSenseBytesMax);
        device::ScsiCommand command;
        command.cdb = scsi::request_sense_cdb(static_cast<std::uint8_t>(data.size()));
        command.read_into = data;
        const auto completion = session.send(command);
        if (!completion.good()) {
            readiness.detail = "REQUEST SENSE: " + scsi_answer_text(completion);
            const auto sense = scsi_sense(completion);
            if (sense) {
                (void)read_readiness(*sense, readiness);
            }
            return true;
        }
        data.resize(std::min(data.size(), completion.transferred));
        const auto sense = scsi::decode_sense(data);
        if (!sense) {
            readiness.detail = "REQUEST SENSE: " + scsi::sense_text(data);
            readiness.pages.push_back({"SCSI REQUEST SENSE", std::move(data)});
            return true;
        }
        session.note(*sense);
        if (sense->is(scsi::SenseKey::unit_attention)) {
            continue;  // told once; what the unit is at comes after it
        }
        readiness.pages.push_back({"SCSI REQUEST SENSE", std::move(data)});
        return read_readiness(*sense, readiness);
    }
    readiness.detail = "one unit attention after another";
    return true;
}

bool ask_by_test(ScsiSession& session, ScsiReadiness& readiness) {
    device::ScsiCommand command;
    command.cdb = scsi::test_unit_ready_cdb();
    const auto completion = session.send(command);
    if (completion.good()) {
        return false;
    }
    readiness.reserved =
        completion.answered() &&
        completion.status == static_cast<std::uint8_t>(device::ScsiStatus::reservation_conflict);
    if (!completion.sense.empty()) {
        readiness.pages.push_back({"SCSI sense data of TEST UNIT READY", completion.sense});
    }
    const auto sense = scsi_sense(completion);
    if (!sense || !read_readiness(*sense, readiness)) {
        readiness.detail = "TEST UNIT READY: " + scsi_answer_text(completion);
    }
    return true;
}

}  // namespace

device::ScsiCompletion ScsiSession::send(const device::ScsiCommand& command) {
    device::ScsiCompletion completion;
    for (unsigned attempt = 0; attempt < kScsiAttentionsMax; ++attempt) {
        completion = transport_.submit(command);
        const auto sense = scsi_sense(completion);
        if (!sense || !sense->is(scsi::SenseKey::unit_attention)) {
            break;
        }
        note(*sense);
    }
    return completion;
}

std::optional<Bytes> ScsiSession::ask(Bytes cdb, std::size_t bytes) {
    Bytes data(bytes);
    device::ScsiCommand command;
    command.cdb = std::move(cdb);
    command.read_into = data;
    const auto completion = send(command);
    if (!completion.good()) {
        return std::nullopt;
    }
    data.resize(std::min(data.size(), completion.transferred));
    return data;
}

std::string scsi_answer_text(const device::ScsiCompletion& completion) {
    if (completion.error != 0) {
        return "no answer: " + errno_text(completion.error);
    }
    if (completion.host_status != 0) {
        return fmt::format("no answer (host status {})", completion.host_status);
    }
    switch (static_cast<device::ScsiStatus>(completion.status)) {
        case device::ScsiStatus::good:
            return "good";
        case device::ScsiStatus::check_condition:
            return scsi::sense_text(completion.sense);
        case device::ScsiStatus::busy:
            return "busy";
        case device::ScsiStatus::reservation_conflict:
            return "reservation conflict";
        case device::ScsiStatus::task_set_full:
            return "task set full";
    }
    return fmt::format("status {:02x}h", completion.status);
}

std::optional<scsi::SenseData> scsi_sense(const device::ScsiCompletion& completion) {
    const bool check =
        completion.answered() &&
        completion.status == static_cast<std::uint8_t>(device::ScsiStatus::check_condition);
    return check ? scsi::decode_sense(completion.sense) : std::nullopt;
}

ScsiReadiness ask_scsi_readiness(ScsiSession& session) {
    ScsiReadiness readiness;
    if (ask_by_sense(session, readiness) || ask_by_test(session, readiness)) {
        return readiness;
    }
    auto data = session.ask(scsi::read_capacity_16_cdb(kReadCapacityBytes), kReadCapacityBytes);
    if (data && scsi::decode_capacity_16(*data)) {
        readiness.pages.push_back({"SCSI READ CAPACITY (16)", std::move(*data)});
        readiness.phase = Phase::idle;
        readiness.detail = "REQUEST SENSE, TEST UNIT READY and READ CAPACITY (16) succeed";
        return readiness;
    }
    data = session.ask(scsi::read_capacity_10_cdb(), 8);
    if (data && scsi::decode_capacity_10(*data)) {
        readiness.pages.push_back({"SCSI READ CAPACITY (10)", std::move(*data)});
        readiness.phase = Phase::idle;
        readiness.detail = "REQUEST SENSE, TEST UNIT READY and READ CAPACITY (10) succeed";
        return readiness;
    }
    readiness.detail = "it is ready but reports no capacity";
    return readiness;
}

OperationState state_of(ScsiReadiness readiness) {
    OperationState state;
    state.phase = readiness.phase;
    state.progress = readiness.progress;
    state.detail = std::move(readiness.detail);
    state.pages = std::move(readiness.pages);
    return state;
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
#include "tcg_model.hpp"

#include <algorithm>
#include <map>

#include "efface/base/error.hpp"

namespace efface::rig {

namespace {

using Ssc = fake::TcgDriveOptions::Ssc;

Ssc ssc_of(const std::string& name) {
    const std::map<std::string, Ssc> known{{"opal2", Ssc::opal2},
                                           {"opalite", Ssc::opalite},
                                           {"ruby", Ssc::ruby},
                                           {"pyrite2", Ssc::pyrite2},
                                           {"enterprise", Ssc::enterprise}};
    const auto found = known.find(name);
    if (found == known.end()) {
        throw Error(ErrorCode::usage, name + ": no such subsystem class");
    }
    return found->second;
}

}  // namespace

std::vector<ModelOption> TcgModel::options() {
    auto& o = drive_ ? drive_->options() : options_;
    return {{"tcg",
             [this, &o](const std::string& value) {
                 o.ssc = ssc_of(value);
                 present_ = true;
             }},
            {"tcg_locking_active", number(o.locking_active)},
            {"tcg_locked", number(o.locked)},
            {"tcg_media_encryption", number(o.media_encryption)},
            {"tcg_msid", text(o.msid)},
            {"tcg_sid", text(o.sid)},
            {"tcg_psid", text(o.psid)},
            {"tcg_locking_admin", text(o.locking_admin)},
            {"tcg_tries", number(o.tries)},
            {"tcg_range",
             [&o](const std::string& value) {
                 std::size_t used = 0;
                 const std::uint64_t first = std::stoull(value, &used);
                 o.ranges.push_back({first, std::stoull(value.substr(used + 1))});
             }},
            {"tcg_block_sid_feature", number(o.block_sid_feature)},
            {"tcg_sid_blocked", number(o.sid_blocked)},
            {"tcg_removal_feature", number(o.removal_feature)},
            {"tcg_removal_mechanisms", number(o.removal_mechanisms)},
            {"tcg_active_mechanism", number(o.active_mechanism)},
            {"tcg_crypto_time", number(o.crypto_time)},
            {"tcg_removal_time", milliseconds(o.removal_time)},
            {"tcg_reverts_before_removal", number(o.reverts_before_removal)},
            {"tcg_numbers_in_sync_header", number(o.numbers_in_sync_header)},
            {"tcg_empty_answers", number(o.empty_answers)},
            {"tcg_minimum_transfer", number(o.minimum_transfer)},
            {"tcg_credit_subpackets", number(o.credit_subpackets)},
            {"tcg_needs_properties", number(o.needs_properties)},
            {"tcg_refuses_anybody", number(o.refuses_anybody)},
            {"tcg_busy_for", milliseconds(o.busy_for)},
            {"tcg_revert_sp_is_no_function", number(o.revert_sp_is_no_function)},
            {"tcg_keeps_data", number(o.keeps_data)},
            {"tcg_stays_active", number(o.stays_active)},
            {"tcg_hangs", number(o.hangs)},
            {"tcg_loses_answer", number(o.loses_answer)},
            {"tcg_loses_command", number(o.loses_command)},
            {"tcg_closes_session", number(o.closes_session)},
            {"tcg_fails_with", number(o.fails_with)},
            {"tcg_answer_after", milliseconds(o.answer_after)},
            {"tcg_answers_garbage", number(o.answers_garbage)},
            {"tcg_answers_for_another", number(o.answers_for_another)}};
}

void TcgModel::begin(fake::DriveMedia& media, const Clock& clock) {
    EFFACE_ASSERT(present_ && !drive_);
    drive_ = std::make_unique<fake::TcgDrive>(options_, media, clock);
}

void TcgModel::power_cycle() {
    if (drive_) {
        drive_->power_cycle();
    }
}

bool TcgModel::locked() const noexcept {
    return drive_ && drive_->locked();
}

std::size_t TcgModel::count(const std::string& what) const {
    EFFACE_ASSERT(drive_);
    if (what == "wrong") {
        return drive_->wrong_passwords();
    }
    const auto& counts = drive_->counts();
    if (what == "resets") {
        return counts.resets;
    }
    if (what == "tries") {
        std::size_t all = 0;
        for (const auto& [authority, tries] : counts.tries) {
            all += tries;
        }
        return all;
    }
    const std::uint64_t uid = std::stoull(what.substr(3), nullptr, 16);
    return static_cast<std::size_t>(
        std::count(drive_->methods().begin(), drive_->methods().end(), uid));
}

device::SecurityAnswer TcgModel::receive(std::uint8_t protocol, std::uint16_t specific,
                                         MutableByteView into) {
    return drive_->receive(protocol, specific, into);
}

device::SecurityAnswer TcgModel::send(std::uint8_t protocol, std::uint16_t specific,
                                      ByteView from) {
    return drive_->send(protocol, specific, from);
}

}  // namespace efface::rig

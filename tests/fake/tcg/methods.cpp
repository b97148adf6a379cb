// SPDX-License-Identifier: Apache-2.0
// What the methods of a TcgDrive do to it and to its medium.
#include <algorithm>
#include <cerrno>

#include "drive.hpp"
#include "status.hpp"

namespace efface::fake {

namespace {

using Kind = tcg::Token::Kind;

constexpr std::uint8_t kSuccess = 0x00;
constexpr std::uint8_t kLockedOut = 0x12;

constexpr std::uint64_t kThisSp = 1;
constexpr std::uint64_t kGetEnterprise = 0x0000000600000006;
constexpr std::uint64_t kAuthenticateEnterprise = 0x000000060000000c;
constexpr std::uint64_t kGenKey = 0x0000000600000010;
constexpr std::uint64_t kRevertSp = 0x0000000600000011;
constexpr std::uint64_t kGet = 0x0000000600000016;
constexpr std::uint64_t kSet = 0x0000000600000017;
constexpr std::uint64_t kAuthenticate = 0x000000060000001c;
constexpr std::uint64_t kRevert = 0x0000000600000202;
constexpr std::uint64_t kActivate = 0x0000000600000203;
constexpr std::uint64_t kErase = 0x0000000600000803;

constexpr std::uint64_t kPinSid = 0x0000000b00000001;
constexpr std::uint64_t kPinMsid = 0x0000000b00008402;
constexpr std::uint64_t kRemoval = 0x0000110100000001;
constexpr std::uint64_t kLockingInfo = 0x0000080100000001;
constexpr std::uint64_t kRangeGlobal = 0x0000080200000001;
constexpr std::uint64_t kRange1 = 0x0000080200030001;
constexpr std::uint64_t kKeyGlobal = 0x0000080600000001;
constexpr std::uint64_t kKey1 = 0x0000080600030001;
constexpr std::uint64_t kPin = 3;  // columns: Core 5.3.2.12, 5.4.2.2, 5.7.2.2
constexpr std::uint64_t kLifeCycle = 6;
constexpr std::uint64_t kReadLocked = 7;
constexpr std::uint64_t kWriteLocked = 8;
constexpr std::uint64_t kManufacturedInactive = 8;
constexpr std::uint64_t kManufactured = 9;
constexpr std::uint64_t kKeepGlobalRangeKey = 0x060000;

/// Which one an object is: 0 the global range, 1 and on the others.
std::optional<std::size_t> number_of(std::uint64_t uid, std::uint64_t global, std::uint64_t first,
                                     std::uint64_t count) {
    if (uid == global) {
        return 0;
    }
    if (uid >= first && uid - first < count) {
        return static_cast<std::size_t>(uid - first + 1);
    }
    return std::nullopt;
}

Bytes finished(tcg::TokenWriter& writer, std::uint8_t status) {
    writer.token(Kind::end_list).token(Kind::end_of_data).token(Kind::start_list);
    writer.integer(status).integer(0).integer(0).token(Kind::end_list);
    return {writer.view().begin(), writer.view().end()};
}

Bytes status_only(std::uint8_t status) {
    tcg::TokenWriter writer;
    writer.token(Kind::start_list);
    return finished(writer, status);
}

bool erases(std::uint64_t method) {
    return method == kRevert || method == kRevertSp || method == kGenKey || method == kErase;
}

}  // namespace

std::uint8_t TcgDrive::authenticate(std::uint64_t sp, std::uint64_t authority, ByteView password) {
    namespace names = tcg_names;
    std::optional<std::string> right;
    if (sp == names::kAdminSp && authority == names::kSid) {
        right = sid_;
    } else if (sp == names::kAdminSp && authority == names::kPsid && !options_.psid.empty()) {
        right = options_.psid;
    } else if ((sp == names::kLockingSp && authority == names::kAdmin1) ||
               (sp == names::kLockingSpEnterprise && authority == names::kEraseMaster)) {
        right = options_.locking_admin;
    }
    if (!right) {
        return kInvalidParameter;
    }
    if (authority == names::kSid && options_.sid_blocked) {
        return kNotAuthorized;
    }
    ++counts_.tries[authority];
    if (failures_[authority] >= options_.tries) {
        return kLockedOut;
    }
    if (as_text(password) != *right) {
        ++failures_[authority];
        ++wrong_passwords_;
        return kNotAuthorized;
    }
    failures_[authority] = 0;
    return kSuccess;
}

void TcgDrive::get(const Call& call) {
    tcg::TokenWriter writer;
    writer.token(Kind::start_list).token(Kind::start_list);
    bool found = false;
    const auto column = call.named(3);
    const auto column_name = call.named("startColumn");
    const auto cell = [&](const auto& value) {
        writer.token(Kind::start_name);
        if (enterprise()) {
            writer.bytes(column_name->bytes);
        } else {
            writer.integer(column->value);
        }
        value();
        writer.token(Kind::end_name);
        found = true;
    };
    const auto is = [&](std::uint64_t number, std::string_view name) {
        return enterprise() ? column_name && as_text(column_name->bytes) == name
                            : column && column->value == number;
    };
    const bool admin = session_->sp == tcg_names::kAdminSp;
    const bool by_admin1 = session_->authority == tcg_names::kAdmin1;
    const auto range = number_of(call.object, kRangeGlobal, kRange1, options_.ranges_max);
    if (admin && call.object == kPinMsid && is(3, "PIN")) {
        cell([&] { writer.text(options_.msid); });
    } else if (admin && call.object == tcg_names::kLockingSp && is(kLifeCycle, "")) {
        cell([&] {
            writer.integer(options_.locking_active ? kManufactured : kManufacturedInactive);
        });
    } else if (admin && call.object == kRemoval && options_.removal_feature && is(1, "")) {
        cell([&] { writer.integer(options_.active_mechanism); });
    } else if (!admin && call.object == kLockingInfo && is(4, "MaxRanges")) {
        cell([&] { writer.integer(options_.ranges_max); });
    } else if (!admin && by_admin1 && range && is(4, "")) {
        const std::size_t at = *range;
        const bool used = at > 0 && at <= options_.ranges.size();
        cell([&] { writer.integer(used ? options_.ranges[at - 1].blocks : 0); });
    } else if (!admin && by_admin1 && range && is(10, "")) {
        cell([&] { writer.uid(*range == 0 ? kKeyGlobal : kKey1 + *range - 1); });
    }
    writer.token(Kind::end_list);
    reply(finished(writer, found ? kSuccess : kNotAuthorized));
}

/// Whether this session may, and the object is right: a status.
std::uint8_t TcgDrive::permission(const Call& call) const {
    namespace names = tcg_names;
    const std::uint64_t sp = session_->sp;
    const std::uint64_t who = session_->authority;
    const bool owner = sp == names::kAdminSp && who == names::kSid;
    const bool holder = sp == names::kAdminSp && who == names::kPsid;
    switch (call.method) {
        case kRevert:
            if (enterprise() && !options_.revert_sp_is_no_function) {
                return kNotAuthorized;
            }
            return call.object == names::kAdminSp && ((owner && !enterprise()) || holder)
                       ? kSuccess
                       : kNotAuthorized;
        case kActivate:
            return !enterprise() && call.object == names::kLockingSp && owner ? kSuccess
                                                                              : kNotAuthorized;
        case kSet: {
            const bool own_pin = owner && call.object == kPinSid && call.named(kPin);
            const bool lock =
                sp == names::kLockingSp && who == names::kAdmin1 && call.object == kRangeGlobal;
            return own_pin || lock ? kSuccess : kNotAuthorized;
        }
        case kRevertSp:
            if (enterprise() && options_.revert_sp_is_no_function) {
                return kInvalidFunction;
            }
            return call.object == kThisSp && ((enterprise() && holder) ||
                                              (sp == names::kLockingSp && who == names::kAdmin1))
                       ? kSuccess
                       : kNotAuthorized;
        case kGenKey:
            if (sp != names::kLockingSp || who != names::kAdmin1 || pyrite()) {
                return kNotAuthorized;
            }
            return number_of(call.object, kKeyGlobal, kKey1, options_.ranges_max)
                       ? kSuccess
                       : kInvalidParameter;
        case kErase:
            if (sp != names::kLockingSpEnterprise || who != names::kEraseMaster) {
                return kNotAuthorized;
            }
            return number_of(call.object, kRangeGlobal, kRangeGlobal + 1, options_.ranges_max)
                       ? kSuccess
                       : kInvalidParameter;
        default:
            return kInvalidParameter;
    }
}

/// SID's password, and the locks of the global range: they hold where they are enabled, which the
/// peers of the tests always do before.
void TcgDrive::set(const Call& call) {
    if (call.object == kPinSid) {
        sid_ = std::string(as_text(call.named(kPin)->bytes));
        return;
    }
    const auto read = call.named(kReadLocked);
    const auto write = call.named(kWriteLocked);
    options_.locked = (read && read->value == 1) || (write && write->value == 1);
}

device::SecurityAnswer TcgDrive::run(const Call& call) {
    if (call.method == (enterprise() ? kGetEnterprise : kGet)) {
        get(call);
        return {0, true, {}};
    }
    if (call.method == (enterprise() ? kAuthenticateEnterprise : kAuthenticate)) {
        const std::uint64_t who =
            call.parameters.empty() ? 0 : call.parameters[0].uid().value_or(0);
        const auto password = enterprise() ? call.named("Challenge") : call.named(0);
        const auto status =
            authenticate(session_->sp, who, password ? password->bytes : ByteView{});
        tcg::TokenWriter writer;
        writer.token(Kind::start_list).integer(status == kSuccess ? 1 : 0);
        // A wrong password is "false", not a failure of the method (Core 5.3.3.12).
        const bool wrong = status == kNotAuthorized;
        if (status == kSuccess) {
            session_->authority = who;
        }
        reply(finished(writer, wrong ? kSuccess : status));
        return {0, true, {}};
    }
    const std::uint8_t status = permission(call);
    if (status != kSuccess) {
        reply(status_only(status));
        return {0, true, {}};
    }
    if (call.method == kSet) {
        set(call);
        reply(status_only(kSuccess));
        return {0, true, {}};
    }
    if (!erases(call.method)) {
        const Call later{call.object, call.method, {}};
        reply(status_only(kSuccess), [this, later] { carry_out(later); });
        answer_->ready += options_.activate_after;
        settle();
        return {0, true, {}};
    }
    if (options_.loses_command) {
        return {EIO, false, {}};
    }
    if (options_.fails_with != 0) {
        reply(status_only(options_.fails_with));
        return {0, true, {}};
    }
    if (options_.closes_session) {
        reply({0xfa});
        session_.reset();
        return {0, true, {}};
    }
    // The call borrows its tokens from the packet: only what is needed later is kept.
    Call later{call.object, call.method, {}};
    const auto keep = call.named(kKeepGlobalRangeKey);
    if (keep && keep->value == 1) {
        later.parameters = call.parameters;
    }
    reply(options_.answers_garbage ? Bytes{0xf0, 0xf0, 0x01} : status_only(kSuccess),
          [this, later] { carry_out(later); });
    answer_->ready += options_.answer_after;
    answer_->tper += options_.answers_for_another ? 1 : 0;
    answer_->never = options_.hangs;
    answer_->lost = options_.loses_answer;
    settle();
    return {0, true, {}};
}

void TcgDrive::carry_out(const Call& call) {
    ++counts_.carried_out[call.method];
    switch (call.method) {
        case kActivate:
            if (!options_.locking_active) {
                options_.locking_active = true;
                options_.locking_admin = sid_;
            }
            return;
        case kRevert:
            revert_all();
            session_.reset();
            return;
        case kRevertSp:
            if (session_->sp == tcg_names::kAdminSp) {
                revert_all();
            } else {
                revert_locking(call.named(kKeepGlobalRangeKey).has_value());
            }
            session_.reset();
            return;
        case kGenKey:
            change_key(*number_of(call.object, kKeyGlobal, kKey1, options_.ranges_max));
            return;
        case kErase:
            change_key(
                *number_of(call.object, kRangeGlobal, kRangeGlobal + 1, options_.ranges_max));
            options_.locked = options_.locked && call.object != kRangeGlobal;
            return;
        default:
            return;
    }
}

void TcgDrive::revert_all() {
    if (options_.stays_active) {
        return;
    }
    if (!options_.locking_active) {  // Opal 2.30, 5.1.2.2: no user data is removed
        reset_pins();
        return;
    }
    if (options_.removal_feature && options_.removal_time.count() > 0) {
        interrupted_ = false;
        removal_until_ = clock_.steady_now() + options_.removal_time;
        if (options_.reverts_before_removal) {
            options_.locking_active = enterprise() && !options_.enterprise_becomes_inactive;
        }
        return;
    }
    finish_removal();
}

void TcgDrive::finish_removal() {
    const bool mechanism_removes = options_.removal_feature && options_.active_mechanism != 3 &&
                                   options_.active_mechanism != 4;
    if (!options_.keeps_data && (!pyrite() || mechanism_removes)) {
        change_all_keys();
    }
    interrupted_ = false;
    options_.locking_active = enterprise() && !options_.enterprise_becomes_inactive;
    options_.locked = false;
    options_.ranges.clear();
    reset_pins();
}

void TcgDrive::revert_locking(bool keep_global) {
    for (std::size_t range = keep_global ? 1 : 0; range <= options_.ranges.size(); ++range) {
        change_key(range);
    }
    options_.locking_active = false;
    options_.locked = false;
    options_.ranges.clear();
}

void TcgDrive::change_all_keys() {
    for (std::size_t range = 0; range <= options_.ranges.size(); ++range) {
        change_key(range);
    }
}

void TcgDrive::change_key(std::size_t range) {
    ++key_changes_[range];
    if (options_.keeps_data) {
        return;
    }
    if (range > 0 && range <= options_.ranges.size()) {
        const auto& one = options_.ranges[range - 1];
        media_.erase(one.first, one.blocks, DriveMedia::Leave::noise);
    }
    for (std::uint64_t block = 0; range == 0 && block < media_.blocks(); ++block) {
        const bool elsewhere = std::any_of(
            options_.ranges.begin(), options_.ranges.end(),
            [&](const auto& one) { return block >= one.first && block - one.first < one.blocks; });
        if (!elsewhere) {
            media_.erase(block, 1, DriveMedia::Leave::noise);
        }
    }
    // Old content in spare and retired places was encrypted with one of these keys.
    if (key_changes_.size() > options_.ranges.size()) {
        media_.erase_spare(DriveMedia::Leave::noise);
        media_.erase_retired(DriveMedia::Leave::noise);
    }
}

void TcgDrive::reset_pins() {
    sid_ = options_.msid;
    failures_.clear();
}

}  // namespace efface::fake

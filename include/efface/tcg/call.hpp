// SPDX-License-Identifier: Apache-2.0
// The methods that this program calls, as streams for encode_packet(). Core 2.01, sections 3.2.4.1
// (method call syntax), 5.2 (session manager) and 5.3 (within a session).
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "efface/tcg/tokens.hpp"

namespace efface::tcg {

/// Longer passwords are not sent: no drive takes them (Opal 2.30: PINs of 32 bytes), and a
/// ComPacket has to hold one.
constexpr std::size_t kCredentialBytesMax = 256;

/// Passwords are not part of it: safe for records.
[[nodiscard]] const char* method_name(Uid method) noexcept;

/// `object`.`method` [ ]: Revert, RevertSP, GenKey, Activate, Erase.
[[nodiscard]] TokenWriter encode_call(Uid object, Uid method);

/// What this host takes; some drives open no session before they were told (Core 5.2.2.1).
/// Core 1.0, which Enterprise is built on, names the parameter by text.
[[nodiscard]] TokenWriter encode_properties(bool enterprise);

struct SessionStart {
    std::uint32_t host_session = 1;
    Uid sp = kAdminSp;
    /// Core 2.01 only: the Enterprise SSC authenticates in a method of its own. Borrowed.
    std::optional<Uid> authority;
    ByteView challenge;
};
/// A session that may write (Core 5.2.3.1). At most kCredentialBytesMax of challenge (asserted).
[[nodiscard]] TokenWriter encode_start_session(const SessionStart& start);
/// ThisSP.Authenticate, with Core 1.0's names for Enterprise.
[[nodiscard]] TokenWriter encode_authenticate(Uid authority, ByteView challenge, bool enterprise);
[[nodiscard]] TokenWriter encode_end_of_session();

/// One cell of a row.
[[nodiscard]] TokenWriter encode_get(Uid row, std::uint32_t column);
[[nodiscard]] TokenWriter encode_get_enterprise(Uid row, std::string_view column);

}  // namespace efface::tcg

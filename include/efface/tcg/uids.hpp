// SPDX-License-Identifier: Apache-2.0
// Names of objects and methods on the wire: 8 bytes, most significant first. Core: TCG Storage
// Architecture Core Specification 2.01; Opal: TCG Storage SSC Opal 2.30; Enterprise: TCG Storage
// SSC Enterprise 1.00 revision 3.00.
#pragma once

#include <cstdint>

namespace efface::tcg {

using Uid = std::uint64_t;

// Core 6.3: the session manager, and the SP that a session is in.
constexpr Uid kSessionManager = 0x0000'0000'0000'00ff;
constexpr Uid kThisSp = 0x0000'0000'0000'0001;
constexpr Uid kMethodProperties = 0x0000'0000'0000'ff01;
constexpr Uid kMethodStartSession = 0x0000'0000'0000'ff02;
constexpr Uid kMethodSyncSession = 0x0000'0000'0000'ff03;
constexpr Uid kMethodCloseSession = 0x0000'0000'0000'ff06;

// Core 6.3: methods within a session. The first two are those of Core 1.0, which the Enterprise
// SSC is built on.
constexpr Uid kMethodGetEnterprise = 0x0000'0006'0000'0006;
constexpr Uid kMethodAuthenticateEnterprise = 0x0000'0006'0000'000c;
constexpr Uid kMethodGenKey = 0x0000'0006'0000'0010;
constexpr Uid kMethodRevertSp = 0x0000'0006'0000'0011;
constexpr Uid kMethodGet = 0x0000'0006'0000'0016;
constexpr Uid kMethodAuthenticate = 0x0000'0006'0000'001c;
constexpr Uid kMethodRevert = 0x0000'0006'0000'0202;    ///< Opal 5.1.2
constexpr Uid kMethodActivate = 0x0000'0006'0000'0203;  ///< Opal 5.1.1
constexpr Uid kMethodErase = 0x0000'0006'0000'0803;     ///< Enterprise, of a band

// Security providers: Opal, table 29; Enterprise.
constexpr Uid kAdminSp = 0x0000'0205'0000'0001;
constexpr Uid kLockingSp = 0x0000'0205'0000'0002;
constexpr Uid kLockingSpEnterprise = 0x0000'0205'0001'0001;

// Authorities: Opal, tables 24 and 40; PSID Feature Set 1.00; Enterprise, table 28.
constexpr Uid kAuthoritySid = 0x0000'0009'0000'0006;
constexpr Uid kAuthorityPsid = 0x0000'0009'0001'ff01;
constexpr Uid kAuthorityAdmin1 = 0x0000'0009'0001'0001;
constexpr Uid kAuthorityEraseMaster = 0x0000'0009'0000'8401;

// Rows that this program reads: Opal, tables 25, 33, 44 and 45; Enterprise, table 36.
constexpr Uid kPinMsid = 0x0000'000b'0000'8402;
constexpr Uid kDataRemovalMechanism = 0x0000'1101'0000'0001;
constexpr Uid kLockingInfo = 0x0000'0801'0000'0001;
/// Some Enterprise drives answer for the table's own UID only.
constexpr Uid kLockingInfoTable = 0x0000'0801'0000'0000;
constexpr Uid kGlobalRange = 0x0000'0802'0000'0001;
/// Range `number` of the Locking table, 1 to 65535; 0 is the global range.
[[nodiscard]] constexpr Uid locking_range(std::uint16_t number) noexcept {
    return number == 0 ? kGlobalRange : 0x0000'0802'0003'0000 + number;
}
/// Band `number` of an Enterprise drive, 0 being the global one (Enterprise, table 33).
[[nodiscard]] constexpr Uid enterprise_band(std::uint16_t number) noexcept {
    return kGlobalRange + number;
}

// Columns of these rows: Core 5.3.2.12, 5.7.2.1 and 5.7.2.2; Opal, table 32.
constexpr std::uint32_t kColumnPin = 3;
constexpr std::uint32_t kColumnActiveRemoval = 1;
constexpr std::uint32_t kColumnMaxRanges = 4;
constexpr std::uint32_t kColumnRangeLength = 4;
constexpr std::uint32_t kColumnActiveKey = 10;

}  // namespace efface::tcg

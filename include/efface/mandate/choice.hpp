// SPDX-License-Identifier: Apache-2.0
// How a target is to be erased: part of an order, and of what a person types.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/mandate/limits.hpp"
#include "efface/rules/verdict.hpp"

namespace efface::mandate {

/// What is done where nothing is named.
constexpr const char* kPolicyDefault = "overwrite-random";
/// The technique is chosen by what the drive can do, for the wanted level.
constexpr const char* kPolicyAuto = "auto";
constexpr std::size_t kFallbacksMax = 8;
constexpr std::array<std::uint32_t, 2> kSectorSizes = {512, 4096};

enum class Verification {
    full,            ///< everything that was written is read back
    representative,  ///< NIST SP 800-88r1 4.7.1: a tenth, in a thousand subsections
    none,            ///< finished, not verified: never sanitized
};
[[nodiscard]] const char* to_string(Verification verification) noexcept;
[[nodiscard]] std::optional<Verification> verification_from_string(std::string_view text) noexcept;

/// Whom a credential identifies on a self-encrypting drive. Drives count wrong tries of each of
/// them apart, so a credential is never shown in the name of another.
enum class Authority { psid, sid, admin, erase_master };
[[nodiscard]] const char* to_string(
    Authority authority) noexcept;  ///< as in orders: "erase-master"
[[nodiscard]] std::optional<Authority> authority_from_string(std::string_view text) noexcept;

/// How a target is erased. Memory targets have their own methods and take none of it.
struct ErasureChoice {
    /// A technique of the table (rules::techniques()) that writes or is the drive's own, or
    /// kPolicyAuto.
    std::string policy = kPolicyDefault;
    rules::Level level = rules::Level::none;  ///< wanted; must not be none for kPolicyAuto
    /// Techniques to take instead, in this order, when the drive has not the one above. Nothing
    /// else is ever fallen back on.
    std::vector<std::string> fallbacks;
    /// Of a TCG technique: the file that holds the PSID or password; only its path is kept.
    std::string credential_file;
    /// Whose it is; nullopt: not said, authority_of() decides.
    std::optional<Authority> credential_authority;
    Bytes pattern;  ///< for policies that ask for one
    Verification verification = Verification::full;
    /// Full verification was asked for by name of what a drive erases itself: beside the canaries
    /// everything is read and held against what the technique promises.
    bool whole_medium = false;
    bool bad_blocks_are_exceptions = true;
    /// Not 0: a disk whose sectors Linux cannot address is formatted to sectors of so many bytes
    /// (one of kSectorSizes) before it is erased. Nothing else is ever formatted for it.
    std::uint32_t sector_bytes = 0;
    Limits limits;
    HealthLimits health;
};
[[nodiscard]] Json to_json(const ErasureChoice& choice);
/// Whether this technique is the one that was chosen, or may be taken in its place.
[[nodiscard]] bool allows(const ErasureChoice& choice, std::string_view technique) noexcept;
/// Whether the choice is a matter of the drive's own commands (or may become one).
[[nodiscard]] bool asks_the_drive(const ErasureChoice& choice);
/// Whose credential the choice has: as it says, else by the first TCG technique that it names, else
/// the PSID. nullopt: of the Locking SP's administrator, Admin1 or EraseMaster, of which a drive
/// has one (tcg-genkey).
[[nodiscard]] std::optional<Authority> authority_of(const ErasureChoice& choice);
/// The choice with another of its techniques, and what may come after it: the credential stays
/// whose it was, and is left out where it can be nobody's.
[[nodiscard]] ErasureChoice with_technique(const ErasureChoice& choice, const std::string& name,
                                           std::vector<std::string> fallbacks);
/// Throws Error(usage) for a policy that there is not, an authority without a credential, and a
/// pattern that is missing, too long or not asked for.
void check_choice(const ErasureChoice& choice);
/// Of the journal. Throws Error(usage) or Json::exception for anything else.
[[nodiscard]] ErasureChoice choice_from_json(const Json& json);

}  // namespace efface::mandate

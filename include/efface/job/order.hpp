// SPDX-License-Identifier: Apache-2.0
// Which targets are to be erased, how, and under which terms: efface-order(5).
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/job/terms.hpp"
#include "efface/method/limits.hpp"
#include "efface/policy/overwrite.hpp"

namespace efface::job {

constexpr std::size_t kOrderBytesMax = std::size_t{1} << 20U;
constexpr std::size_t kTargetsMax = 1024;

/// The technique is chosen by what the drive can do, for the wanted level.
constexpr const char* kPolicyAuto = "auto";
constexpr std::size_t kFallbacksMax = 8;

/// How a target is erased. Memory targets have their own methods and take none of it.
struct ErasureChoice {
    /// An overwrite policy, a technique of the drive itself (policy/firmware.hpp), or kPolicyAuto.
    std::string policy = policy::kOverwritePolicyDefault;
    method::Level level = method::Level::none;  ///< wanted; must not be none for kPolicyAuto
    /// Techniques to take instead, in this order, when the drive has not the one above. Nothing
    /// else is ever fallen back on.
    std::vector<std::string> fallbacks;
    /// Of a TCG technique: the file that holds the PSID or password; only its path is kept.
    std::string credential_file;
    Bytes pattern;  ///< for policies that ask for one
    policy::Verification verification = policy::Verification::full;
    /// Full verification was asked for by name of what a drive erases itself: beside the canaries
    /// everything is read and held against what the technique promises.
    bool whole_medium = false;
    bool bad_blocks_are_exceptions = true;
    method::Limits limits;
};
[[nodiscard]] Json to_json(const ErasureChoice& choice);
/// Whether the choice is a matter of the drive's own commands (or may become one).
[[nodiscard]] bool asks_the_drive(const ErasureChoice& choice);
/// Throws Error(usage) for a policy that there is not, and a pattern that is missing, too long or
/// not asked for.
void check_choice(const ErasureChoice& choice);
/// Of the journal. Throws Error(usage) or Json::exception for anything else.
[[nodiscard]] ErasureChoice choice_from_json(const Json& json);

struct OrderTarget {
    std::string name;  ///< an absolute path, or memory:KIND:PLACE
    std::optional<std::string> serial;
    std::optional<std::string> wwid;
    std::optional<std::uint64_t> size_bytes;
    std::string asset_tag;
    /// Members of arrays, groups or pools that do not run, which may be torn: UUIDs or labels.
    std::vector<std::string> release_members;
};

struct Order {
    std::string id;
    std::string owner;
    std::string confidentiality;
    Terms terms;
    ErasureChoice choice;
    std::vector<OrderTarget> targets;  ///< with memory:free at the end where it says "sweep"

    std::string text;    ///< the bytes as read: what approvers sign
    std::string sha256;  ///< of `text`, hex
};

/// Whether a text means to be an order, of whatever version.
[[nodiscard]] bool is_order(std::string_view text) noexcept;
/// Throws Error(usage) naming the place for anything that efface-order(5) does not allow.
[[nodiscard]] Order parse_order(std::string_view text);
[[nodiscard]] Order load_order(const std::filesystem::path& path);

}  // namespace efface::job

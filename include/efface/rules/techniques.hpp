// SPDX-License-Identifier: Apache-2.0
// What success needs, technique by technique: src/rules/tables/techniques.json, read once. Names,
// levels, wording and conditions of techniques are not said a second time elsewhere.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/base/json.hpp"

namespace efface::rules {

using Words = std::vector<std::string>;
[[nodiscard]] bool is_one_of(const Words& words, std::string_view word) noexcept;

/// A field that blocks success unless it has one of the values.
struct Condition {
    /// When it is looked at.
    enum class For { success, pass, level, purge } when = For::success;
    std::string path;           ///< steps with dots between them; "*" is each item of a list
    std::vector<Json> allowed;  ///< empty: nothing may be there
    /// With one of these codes among the exceptions another value is borne, too.
    Words except;
    bool optional = false;    ///< the field may be missing or null
    bool no_level = false;    ///< another value that is borne costs the level
    bool with_codes = false;  ///< "since": "1.1.0": not asked of 1.0.0, whose reasons had no codes
};

/// A fact that is in a record more than once, and how the places agree. What is missing, null
/// or "" says nothing.
struct Fact {
    enum class How {
        same,     ///< as the other: equal
        begins,   ///< texts of which one begins with the other: names that were cut off
        differs,  ///< from the other
        within,   ///< a time between two others, of the same clock
        until,    ///< a time not after the other by more than two clocks may differ
        below,    ///< a number less than the other
        at_most,  ///< a time not after another of the same clock
    } how = How::same;
    std::string path;            ///< as a condition's
    Words others;                ///< paths without stars; two of `within`
    Words types;                 ///< of certificates; empty: all
    bool success = false;        ///< asked of successes only
    bool uninterrupted = false;  ///< asked where no other process went on with the run
    std::string unless;          ///< a path: not asked where something is there; empty: none
};

/// Bytes of a command under a mask, and how its name begins.
struct CommandRule {
    Words names;
    Bytes bytes;
    Bytes mask;                        ///< as long as `bytes`
    std::vector<CommandRule> instead;  ///< any of them does as well
};

/// The raw page in which the drive says that it has done it.
struct StatusRule {
    std::string page;     ///< its name begins so
    std::string decoder;  ///< a word that each judge knows
    std::uint64_t action = 0;
};

/// Negative controls by name.
struct ControlRule {
    Words needs;
    Words with_uuid;     ///< needed where the volume has a UUID
    Words when_refused;  ///< needed where the record says that the credential is refused
    Words may;
};

/// Where canaries must stand, and how many of them may tell nothing: one in so many. 0: no bound.
struct CanaryRule {
    std::uint64_t block_bytes_min = 0;
    /// Equal parts of a surface, of two of its blocks at least, in each of which one must stand.
    std::uint64_t parts = 0;
    bool both_ends = false;
    bool whole_target = false;
    std::uint64_t lost_one_in = 0;
    std::uint64_t unexplained_one_in = 0;
};

/// What costs the level.
struct NoLevelRule {
    Words types;
    Words kinds;
    Words layers;  ///< flags of a layer below
    Words exceptions;
    Words notes;  ///< what is in the note of a layer below
};

struct HiddenAreaRule {
    Words never_covered;  ///< kinds of areas of which it is unknown that they were covered
    Words no_level;       ///< kinds that cost the level unless they were reached
    Words except;         ///< the code by which one that was not reached is named
};

/// What is asked of a LUKS volume besides its fields.
struct VolumeRule {
    std::uint64_t header_bytes_min = 0;
    Words key_places;  ///< of header, copies, keyslots
    bool may_overlap = true;
    bool may_lie_outside = true;
    std::uint64_t not_like_one_in = 0;  ///< pieces of the payload that do not show ciphertext
    Words ciphers;
    Words modes_that_hide_nothing;
    Words modes_of_two_keys;
    std::uint64_t key_bytes_min = 0;
    std::map<std::string, Words> objections;  ///< level: codes that it bears
    Words attestation;                        ///< what the owner must have stated
};

struct Family {
    std::string name;
    Words types;  ///< of certificates
    Words kinds;  ///< of targets; empty: those of the row
    std::vector<Condition> conditions;
    std::vector<Condition> volume_conditions;  ///< paths from the volume on
    bool policy = false;                       ///< the record must name the policy of the row
    CanaryRule canaries;
    std::uint64_t samples_lost_one_in = 0;
    std::uint64_t whole_lost_one_in = 0;
    std::uint64_t whole_unexplained_one_in = 0;
    std::map<std::string, std::uint64_t> read_back;  ///< method: one in so many bytes is read back
    std::uint64_t unwritten_one_in = 0;
    std::uint64_t unread_one_in = 0;
    std::uint64_t untaken_one_in = 0;
    Words swap_states;
    Words swap_counters;
    NoLevelRule no_level;
    NoLevelRule not_purge;  ///< layers and notes
    ControlRule controls;
    VolumeRule volume;
};

struct Technique {
    std::string name;
    const Family* family = nullptr;
    std::string command_set;  ///< of a drive's own; else empty
    std::string title;
    std::string source;       ///< standard and section
    std::string policy;       ///< that an order names; the technique's name where the row has none
    std::string level_flash;  ///< the best, by the kind of medium
    std::string level_disk;
    bool leaves_known = false;  ///< zeros or a pattern of ours is promised to whoever reads then
    std::vector<CommandRule> commands;  ///< each must have been sent
    std::optional<StatusRule> status;
    Words passes;  ///< "random", "given" by the operator, or bytes in hex
    Words kinds;   ///< of targets
    Words needs;   ///< words that the judges of memory know
    Words level_needs;
    Words when_freed;  ///< in the place of level_needs where the content was only freed
    Words named;       ///< exceptions that there always are
    std::uint64_t read_back_one_in = 0;
    std::string swap;  ///< whether the kernel may swap it: always, unless-noswap; empty: never
    Words never_swapped;
    ControlRule controls;
};

/// A table. Reading throws Error(usage) that names the place: fields and words that the judges do
/// not know are refused.
class Techniques final {
  public:
    explicit Techniques(std::string_view text);
    Techniques(const Techniques&) = delete;
    Techniques& operator=(const Techniques&) = delete;

    [[nodiscard]] const std::vector<Technique>& rows() const noexcept { return rows_; }
    /// The row of this name for this kind of target, or the first of the name without a kind;
    /// nullptr when there is none.
    [[nodiscard]] const Technique* find(std::string_view name,
                                        std::string_view kind = {}) const noexcept;
    /// Throws Error(usage) when there is none of this name.
    [[nodiscard]] const Family& family(std::string_view name) const;
    /// Codes of reasons with which nothing is a success, in whatever list they stand.
    [[nodiscard]] const Words& failures() const noexcept { return failures_; }
    [[nodiscard]] const std::vector<Fact>& facts() const noexcept { return facts_; }
    [[nodiscard]] const HiddenAreaRule& hidden_areas() const noexcept { return hidden_areas_; }

  private:
    std::map<std::string, Family, std::less<>> families_;
    std::vector<Technique> rows_;
    Words failures_;
    std::vector<Fact> facts_;
    HiddenAreaRule hidden_areas_;
};

/// The table of the program.
[[nodiscard]] const Techniques& techniques();

/// The commands of which the technique is one; empty when it is not a drive's own. By the name
/// alone: a technique that is not in the table may be a drive's, too.
[[nodiscard]] std::string_view command_set_of(std::string_view technique) noexcept;

}  // namespace efface::rules

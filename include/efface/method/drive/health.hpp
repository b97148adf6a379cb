// SPDX-License-Identifier: Apache-2.0
// What a drive reports of its own health, whatever it speaks. efface-certificate(5) says which
// field of which page each value is; nothing of it is proof of anything.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/base/json.hpp"
#include "efface/method/outcome.hpp"

namespace efface::method {

/// Bytes as the drive gave them, for the record: an identify structure, a log page, sense data,
/// registers.
struct RawPage {
    std::string name;  ///< "NVMe log 81h", "ATA IDENTIFY DEVICE"
    Bytes bytes;
};

/// What is missing was not reported: never zero.
struct Health {
    std::optional<std::uint64_t> power_on_hours;
    std::optional<std::uint64_t> power_cycles;
    std::optional<std::uint64_t> host_written_bytes;  ///< in the life of the drive
    std::optional<std::uint64_t> reallocated;         ///< sectors, or grown defects
    std::optional<std::uint64_t> pending;             ///< sectors that could not be read so far
    std::optional<std::uint64_t> media_errors;        ///< that the drive could not correct
    std::optional<std::uint64_t> logged_errors;       ///< in its error log
    std::optional<std::uint64_t> wear_percent;        ///< of its rated life; may be above 100
    std::optional<std::uint64_t> spare_percent;       ///< that is left
    std::optional<int> celsius;
    std::string self_test;  ///< "passed", "failed", "aborted", "running", "never"; empty: untold
    std::optional<bool> failing;  ///< it says that it has failed, or is about to

    /// SMART attributes whose unit the vendor chose.
    struct Attribute {
        std::uint8_t id = 0;
        std::uint8_t normalized = 0;
        std::uint64_t raw = 0;
    };
    std::vector<Attribute> attributes;
};

/// Counts by the names that records, orders and messages know them by.
struct HealthCount {
    const char* name;   ///< "reallocated"
    const char* words;  ///< "reallocated sectors"
    std::optional<std::uint64_t> Health::*value;
    bool grows = false;  ///< a bad sign when it grows during an erase
};
[[nodiscard]] const std::vector<HealthCount>& health_counts();

/// {"reallocated": 3, ...}: what was reported. Counts above 2^53 - 1 are that.
[[nodiscard]] Json to_json(const Health& health);
/// For a person: "10000 h powered on, 3 % worn, ...", empty where nothing was reported.
[[nodiscard]] std::string to_text(const Health& health);

/// One look at it, with the pages that it was read from.
struct HealthLook {
    std::string command_set;  ///< "nvme", "ata", "scsi"; empty: nobody could be asked
    Health health;
    std::vector<RawPage> pages;
};
/// As the record has it; null where nobody could be asked.
[[nodiscard]] Json health_look_json(const HealthLook& look, const std::string& at);

/// What an observation of growth is called.
constexpr const char* kHealthObservation = "the health of the drive got worse";
/// {"before", "after", "grown"} of two looks as above, which may be null: null where both are.
[[nodiscard]] Json health_record(const Json& before, const Json& after);
/// The same at the end of an erase: what has grown is an observation, too.
[[nodiscard]] Json observed_health(const Json& before, const Json& after, const std::string& at,
                                   Outcome& outcome);
/// Of `grown` of such a record, for a person: "reallocated sectors grew from 1 to 4".
[[nodiscard]] std::vector<std::string> growth_texts(const Json& record);

}  // namespace efface::method

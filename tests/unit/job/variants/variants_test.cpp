// SPDX-License-Identifier: Apache-2.0
// Whole jobs on honest drives that nobody thought of one by one: each is erased, and nothing of
// what was on it is left; or it is refused with a code that is right for it. A few hundred of them,
// others each day; thousands with EFFACE_LONG=1. EFFACE_VARIANT=SET:SEED runs one.
#include <cstdlib>
#include <map>

#include "catch.hpp"
#include "sample.hpp"
#include "variant.hpp"

using namespace efface;
using namespace efface::job;
using namespace efface::job::variants;
using method::Verdict;

namespace {

constexpr std::uint64_t kSeeds = 3000;
constexpr unsigned kOneIn = 30;
constexpr unsigned kPowerCyclesMax = 5;

struct End {
    bool success = false;
    method::Level level = method::Level::none;
    std::vector<ReasonCode> codes;
    std::string text;
};

End refused(const Error& error) {
    End end;
    end.codes.push_back(error.reason());
    end.text = error.what();
    return end;
}

End ended(const RunResult& result) {
    End end;
    end.success = result.verdict == Verdict::sanitized ||
                  result.verdict == Verdict::sanitized_with_exceptions;
    end.level = result.level;
    for (const auto& reason : result.reasons) {
        end.codes.push_back(reason.code);
    }
    end.text = to_json(result.reasons).dump() + to_json(result.exceptions).dump();
    return end;
}

/// Runs to the end, over power cycles.
End run(DriveStation& station, const Variant& variant) {
    for (unsigned cycles = 0; cycles < kPowerCyclesMax; ++cycles) {
        try {
            return ended(station.run());
        } catch (const Error& error) {
            if (error.code() != ErrorCode::interrupted) {
                return refused(error);
            }
            variant.power_cycle();
            station.request.job_id = station.job_id();
        }
    }
    End endless;
    endless.text = "one power cycle after another";
    return endless;
}

struct Counts {
    unsigned runs = 0;
    unsigned honest = 0;   ///< that must be erased
    unsigned refused = 0;  ///< of these: they were not
    unsigned misjudged = 0;
    std::map<std::string, unsigned> why;
};

void check_one(const char* set, std::uint64_t seed, Variant (*draw)(Dice&, DriveStation&),
               Counts& counts) {
    Dice dice(seed * 0x9e3779b9U + static_cast<unsigned char>(set[0]));
    DriveStation station;
    auto variant = draw(dice, station);
    station.attach(*variant.model, variant.serial);
    station.on_wait = variant.on_wait;
    station.request.choice.policy = variant.technique;
    station.request.choice.level = variant.level;
    station.request.choice.fallbacks = variant.fallbacks;
    const auto end = run(station, variant);
    ++counts.runs;
    counts.honest += variant.may.empty() ? 1U : 0U;
    INFO(set << ":" << seed << " " << variant.technique << " on: " << variant.drawn);
    INFO(end.text);
    if (end.success) {
        // A purge reaches what the drive keeps to itself, too.
        const bool remains = station.old_content_remains(end.level == method::Level::purge);
        counts.misjudged += remains ? 1U : 0U;
        CHECK_FALSE(remains);
        CHECK(end.level >= variant.level);
        CHECK(station.verified_bundles() == 1);
        return;
    }
    CHECK(end.level == method::Level::none);
    const bool named = !end.codes.empty() && variant.may.contains(end.codes.front());
    if (!named) {
        ++counts.refused;
        const auto code = end.codes.empty() ? std::string("no code") : to_string(end.codes.front());
        ++counts.why[variant.technique + ": " + code];
    }
    CHECK(named);
}

void check_all(const char* set, Variant (*draw)(Dice&, DriveStation&)) {
    Counts counts;
    if (const char* one = std::getenv("EFFACE_VARIANT")) {
        const std::string text = one;
        if (text.starts_with(std::string(set) + ":")) {
            check_one(set, std::stoull(text.substr(text.find(':') + 1)), draw, counts);
        }
        return;
    }
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        if (test::has_its_turn(seed, kOneIn)) {
            check_one(set, seed, draw, counts);
        }
    }
    std::string why;
    for (const auto& [code, count] : counts.why) {
        why += "\n  " + std::to_string(count) + " " + code;
    }
    WARN(set << ": " << counts.runs << " drives, " << counts.honest << " to be erased, "
             << counts.refused << " refused or failed wrongly, " << counts.misjudged << " misjudged"
             << why);
    CHECK(counts.runs >= kSeeds / kOneIn);
    CHECK(counts.honest * 3 > counts.runs);
}

}  // namespace

TEST_CASE("honest SCSI disks as their vendors may make them", "[variants]") {
    check_all("scsi", draw_scsi);
}

TEST_CASE("honest ATA drives and bridges as their vendors may make them", "[variants]") {
    check_all("ata", draw_ata);
}

TEST_CASE("honest NVMe drives as their vendors may make them", "[variants]") {
    check_all("nvme", draw_nvme);
}

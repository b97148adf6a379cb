// SPDX-License-Identifier: Apache-2.0
// Disks with sectors that Linux cannot address: formatted first where somebody asked for it, and
// never otherwise.
#include <algorithm>

#include "efface/base/json.hpp"

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "models.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;

namespace {

constexpr std::uint8_t kFormatUnit = 0x04;
constexpr std::uint8_t kModeSelect6 = 0x15;
constexpr std::uint8_t kModeSelect10 = 0x55;

fake::ScsiDriveOptions odd_disk(std::uint32_t bytes) {
    fake::ScsiDriveOptions options;
    options.block_bytes = bytes;
    options.self_test_seconds = 7200;
    return options;
}

bool succeeded(const RunResult& result) {
    return is_success(result.verdict.value_or(Verdict::not_sanitized));
}

struct OddDisk {
    explicit OddDisk(const fake::ScsiDriveOptions& options, std::uint32_t wanted,
                     const char* technique = "scsi-sanitize-block")
        : model(options, station.clock) {
        station.attach(model, options.serial);
        station.host.at("/dev/a").blocks_change = true;
        station.request.choice.policy = technique;
        station.request.choice.sector_bytes = wanted;
    }
    [[nodiscard]] std::size_t sent(std::uint8_t opcode) const {
        const auto& all = model.drive.received();
        return static_cast<std::size_t>(std::count_if(
            all.begin(), all.end(), [opcode](const Bytes& cdb) { return cdb[0] == opcode; }));
    }
    [[nodiscard]] bool changed_nothing() const {
        return sent(kFormatUnit) == 0 && sent(kModeSelect6) == 0 && sent(kModeSelect10) == 0;
    }
    [[nodiscard]] Json format_record() const {
        const auto text = station.certificate();
        const Json record = parse_json(text, "certificate", {std::size_t{16} << 20U, 64, false});
        const Json& predicate = record.contains("predicate") ? record.at("predicate") : record;
        return predicate.at("sanitization").at("operation").value("sectorFormat", Json());
    }
    DriveStation station;
    ScsiModel model;
};

}  // namespace

TEST_CASE("sectors: a disk with odd ones is formatted first, then erased as any other") {
    for (const std::uint32_t before : {520U, 524U, 528U, 4160U}) {
        for (const std::uint32_t after : {512U, 4096U}) {
            for (const char* technique : {"scsi-sanitize-block", "scsi-sanitize-overwrite",
                                          "scsi-format-unit", "scsi-write-same"}) {
                CAPTURE(before, after, technique);
                OddDisk odd(odd_disk(before), after, technique);
                const auto plan = odd.station.plan();
                INFO(to_json(plan.objections).dump());
                REQUIRE(plan.objections.empty());
                REQUIRE_FALSE(plan.steps.empty());
                const auto step = std::find_if(
                    plan.steps.begin(), plan.steps.end(),
                    [](const std::string& one) { return one.starts_with("format the disk"); });
                REQUIRE(step != plan.steps.end());
                CHECK(step->find("about 120 min") != std::string::npos);
                CHECK(odd.changed_nothing());
                const auto result = odd.station.run();
                INFO(to_json(result.reasons).dump());
                CHECK(succeeded(result));
                CHECK(odd.model.drive.options().block_bytes == after);
                CHECK_FALSE(odd.station.old_content_remains(true));
                CHECK(odd.station.verified_bundles() == 1);
                const auto record = odd.format_record();
                CHECK(record.at("before") == before);
                CHECK(record.at("after") == after);
                CHECK(record.at("watched") == true);
            }
        }
    }
}

TEST_CASE("sectors: nobody asked for a format, so there is none") {
    for (const std::uint32_t bytes : {520U, 524U, 528U, 4160U}) {
        CAPTURE(bytes);
        OddDisk odd(odd_disk(bytes), 0);
        const auto plan = odd.station.plan();
        CHECK(std::any_of(plan.objections.begin(), plan.objections.end(), [](const auto& one) {
            return one.reason.code == ReasonCode::odd_sectors;
        }));
        CHECK_THROWS_AS(odd.station.run(), Error);
        CHECK(odd.changed_nothing());
    }
    for (const std::uint32_t bytes : {512U, 4096U}) {  // and none of what can be addressed
        CAPTURE(bytes);
        OddDisk usual(odd_disk(bytes), bytes == 512 ? 4096 : 512);
        CHECK(succeeded(usual.station.run()));
        CHECK(usual.changed_nothing());
        CHECK(usual.format_record().is_null());
    }
}

TEST_CASE("sectors: what a disk may refuse, and how it may lie") {
    struct Row {
        const char* what;
        std::function<void(fake::ScsiDriveOptions&)> change;
        bool formatted;
    };
    const std::vector<Row> rows = {
        {"MODE SELECT (6) only", [](auto& disk) { disk.short_descriptors_only = true; }, true},
        {"no other length", [](auto& disk) { disk.changes_sectors = false; }, false},
        {"the format leaves the length", [](auto& disk) { disk.keeps_sectors = true; }, false},
        {"the format fails", [](auto& disk) { disk.fails = true; }, false},
        {"it is reset on the way", [](auto& disk) { disk.resets = true; }, true},
        {"it forgets that it formats", [](auto& disk) { disk.vanishes = true; }, false},
        {"it answers no more", [](auto& disk) { disk.hangs = true; }, false},
        {"it never ends", [](auto& disk) { disk.progress_stuck = true; }, false},
    };
    for (const auto& row : rows) {
        CAPTURE(row.what);
        auto options = odd_disk(520);
        row.change(options);
        OddDisk odd(options, 512);
        const auto result = odd.station.run();
        INFO(to_json(result.reasons).dump());
        CHECK(succeeded(result) == row.formatted);
        if (!row.formatted) {
            CHECK(result.level == method::Level::none);
            CHECK(result.reasons.front().code == ReasonCode::sectors_not_formatted);
        }
        CHECK(odd.station.verified_bundles() == 1);
    }
}

TEST_CASE("sectors: killed at any look at the drive, the job goes on where the disk is") {
    constexpr unsigned kEnough = 4000;
    unsigned at = 0;
    for (bool ended = false; !ended && at < kEnough; ++at) {
        CAPTURE(at);
        OddDisk odd(odd_disk(520), 512);
        unsigned left = at;
        const auto kill = [&] {
            if (left-- == 0) {
                throw Killed{};
            }
        };
        odd.station.on_wait = kill;
        odd.station.on_event = [&](const Json&) { kill(); };
        ended = true;
        try {
            (void)odd.station.run();
        } catch (const Killed&) {
            ended = false;
        } catch (const Error&) {
            ended = false;
        }
        odd.station.on_wait = nullptr;
        odd.station.on_event = nullptr;
        const auto result = ended ? odd.station.ended : odd.station.run();
        INFO(to_json(result.reasons).dump());
        CHECK(succeeded(result));
        CHECK(odd.model.drive.options().block_bytes == 512);
        CHECK(odd.sent(kFormatUnit) == 1);
        CHECK_FALSE(odd.station.old_content_remains(true));
        // One that was killed at its last word has its certificate already.
        CHECK(odd.station.verified_bundles() >= 1);
    }
    CHECK(at > 10);
    CHECK(at < kEnough);
}

TEST_CASE("sectors: without power in the middle of the format, the disk is asked and told again") {
    OddDisk odd(odd_disk(520), 512);
    unsigned looks = 0;
    odd.station.on_wait = [&] {
        if (++looks == 3) {
            odd.model.drive.power_cycle();
            throw Killed{};
        }
    };
    CHECK_THROWS_AS(odd.station.run(), Killed);
    CHECK(odd.model.drive.options().block_bytes == 520);
    const auto result = odd.station.run();
    INFO(to_json(result.reasons).dump());
    CHECK(succeeded(result));
    CHECK(odd.sent(kFormatUnit) == 2);
    CHECK(odd.model.drive.options().block_bytes == 512);
    CHECK(odd.station.verified_bundles() == 1);
}

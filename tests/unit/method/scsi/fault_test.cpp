// SPDX-License-Identifier: Apache-2.0
// Whole jobs on SCSI disks that fail and lie: for each, the verdict. Whenever it is sanitized,
// nothing of the old data is left on the medium.
#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;
using fake::ScsiDriveOptions;
using test::ScsiJob;

namespace {

constexpr const char* kBlock = "scsi-sanitize-block";
constexpr const char* kCrypto = "scsi-sanitize-crypto";
constexpr const char* kOverwrite = "scsi-sanitize-overwrite";
constexpr const char* kFormat = "scsi-format-unit";
constexpr const char* kWriteSame = "scsi-write-same";

ScsiDriveOptions with(bool ScsiDriveOptions::*option) {
    ScsiDriveOptions options;
    options.*option = true;
    return options;
}

struct Row {
    const char* what;
    const char* technique;
    ScsiDriveOptions options;
    Verdict verdict;
};

void check(const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        ScsiJob job(row.technique, row.options);
        const auto outcome = job.run();
        INFO(row.what << ", " << row.technique << ": " << to_json(outcome.reasons).dump());
        CHECK(to_string(outcome.verdict) == std::string(to_string(row.verdict)));
        if (outcome.verdict == Verdict::sanitized) {
            CHECK_FALSE(job.bench.old_data_remains());
        }
    }
}

}  // namespace

TEST_CASE("an honest SCSI disk is sanitized by each technique") {
    check({{"honest", kBlock, {}, Verdict::sanitized},
           {"honest", kCrypto, {}, Verdict::sanitized},
           {"honest", kOverwrite, {}, Verdict::sanitized},
           {"honest", kFormat, {}, Verdict::sanitized},
           {"honest", kWriteSame, {}, Verdict::sanitized}});
}

TEST_CASE("SANITIZE reaches what the disk retired, FORMAT UNIT does not and says so") {
    ScsiJob sanitize(kBlock, {});
    CHECK(sanitize.run().verdict == Verdict::sanitized);
    CHECK_FALSE(sanitize.bench.drive.media().retired_holds(test::old_block()));
    ScsiJob format(kFormat, {});
    const auto outcome = format.run();
    CHECK(format.bench.drive.media().retired_holds(test::old_block()));
    const auto survey = format.bench.commands->survey();
    CHECK(survey.techniques.at(3).not_reached ==
          std::vector<std::string>{"blocks on the grown defect list",
                                   "spare and over-provisioned blocks"});
}

TEST_CASE("disks that differ from the common one are sanitized all the same") {
    ScsiDriveOptions medium_error;
    medium_error.after_block_erase = 2;
    ScsiDriveOptions write_required;
    write_required.after_block_erase = 3;
    ScsiDriveOptions crypto_error;
    crypto_error.after_crypto_erase = 3;
    ScsiDriveOptions short_estimate;
    short_estimate.self_test_seconds = 1;
    ScsiDriveOptions long_estimate;
    long_estimate.self_test_seconds = 60'000;
    ScsiDriveOptions limited;
    limited.write_same_blocks_max = 100;
    check(
        {{"descriptor sense", kBlock, with(&ScsiDriveOptions::descriptor_sense),
          Verdict::sanitized},
         {"unreadable blocks", kBlock, medium_error, Verdict::sanitized_with_exceptions},
         {"blocks that must be written", kBlock, write_required,
          Verdict::sanitized_with_exceptions},
         {"blocks that must be written", kCrypto, crypto_error, Verdict::sanitized_with_exceptions},
         {"too short an estimate", kOverwrite, short_estimate, Verdict::sanitized},
         {"too long an estimate", kOverwrite, long_estimate, Verdict::sanitized},
         {"short WRITE SAME", kWriteSame, limited, Verdict::sanitized},
         {"a bus reset in the middle", kBlock, with(&ScsiDriveOptions::resets),
          Verdict::sanitized}});
}

TEST_CASE("no fault and no lie of a SCSI disk ends in sanitized") {
    ScsiDriveOptions part;
    part.keeps_share = 0.01;
    ScsiDriveOptions other = with(&ScsiDriveOptions::resets);
    other.serial_after_reset = "SCSI0002";
    check({{"success without erasing", kBlock, with(&ScsiDriveOptions::erases_nothing),
            Verdict::not_sanitized},
           {"success without erasing", kCrypto, with(&ScsiDriveOptions::erases_nothing),
            Verdict::not_sanitized},
           {"success without formatting", kFormat, with(&ScsiDriveOptions::format_erases_nothing),
            Verdict::not_sanitized},
           {"only forgets", kOverwrite, with(&ScsiDriveOptions::only_forgets),
            Verdict::not_sanitized},
           {"one block in a hundred kept", kOverwrite, part, Verdict::not_sanitized},
           {"progress vanishes into failure", kBlock, with(&ScsiDriveOptions::fails),
            Verdict::not_sanitized},
           {"progress vanishes into failure", kFormat, with(&ScsiDriveOptions::fails),
            Verdict::not_sanitized},
           {"progress vanishes", kBlock, with(&ScsiDriveOptions::vanishes), Verdict::not_sanitized},
           {"progress stands still", kBlock, with(&ScsiDriveOptions::progress_stuck),
            Verdict::indeterminate},
           {"no more answers", kBlock, with(&ScsiDriveOptions::hangs), Verdict::indeterminate},
           {"refused", kBlock, with(&ScsiDriveOptions::sanitize_refused), Verdict::not_sanitized},
           {"a reset while formatting", kFormat, with(&ScsiDriveOptions::resets),
            Verdict::indeterminate},
           {"another disk after a reset", kBlock, other, Verdict::indeterminate},
           {"writes reverted", kBlock, with(&ScsiDriveOptions::reverts_writes),
            Verdict::not_sanitized},
           {"writes reverted", kFormat, with(&ScsiDriveOptions::reverts_writes),
            Verdict::not_sanitized},
           {"a medium error in the middle", kWriteSame, with(&ScsiDriveOptions::write_same_fails),
            Verdict::not_sanitized}});
}

TEST_CASE("a power cut in the middle: SANITIZE goes on, FORMAT UNIT is not believed") {
    struct Cut {
        const char* technique;
        bool forgets;
        Verdict verdict;
    };
    for (const auto& cut :
         {Cut{kBlock, false, Verdict::sanitized}, Cut{kBlock, true, Verdict::not_sanitized},
          Cut{kFormat, false, Verdict::indeterminate}}) {
        ScsiDriveOptions options;
        options.forgets_on_power_loss = cut.forgets;
        ScsiJob job(cut.technique, options);
        unsigned waits = 0;
        job.on_wait = [&] {
            if (++waits == 3) {
                job.bench.drive.power_cycle();
            }
        };
        const auto outcome = job.run();
        INFO(cut.technique << (cut.forgets ? ", forgotten: " : ": ")
                           << to_json(outcome.reasons).dump());
        CHECK(waits >= 3);
        CHECK(to_string(outcome.verdict) == std::string(to_string(cut.verdict)));
    }
}

TEST_CASE("a sanitize that someone else began is adopted to its end") {
    ScsiJob job(kBlock, {});
    device::ScsiCommand command;
    command.cdb = {0x48, 0x82, 0, 0, 0, 0, 0, 0, 0, 0};
    REQUIRE(job.bench.drive.submit(command).good());
    job.bench.clock.advance(std::chrono::seconds(1));
    const auto outcome = job.run();
    INFO(to_json(outcome.reasons).dump() << to_json(outcome.exceptions).dump());
    CHECK(job.state.adopted);
    CHECK(outcome.record.at("operation").at("finalState").at("phase") == "succeeded");
    CHECK_FALSE(job.bench.old_data_remains());
}

TEST_CASE("reduced capacity is opened before the erasure, and canaries lie in it") {
    ScsiDriveOptions options;
    options.reduced_blocks = test::kScsiBlocks / 2;
    ScsiJob job(kBlock, options);
    const auto outcome = job.run();
    INFO(to_json(outcome.reasons).dump() << to_json(outcome.exceptions).dump());
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(job.bench.drive.host_blocks() == test::kScsiBlocks);
    CHECK_FALSE(job.bench.old_data_remains());
}

TEST_CASE("elements that stay out of use are named and never plain sanitized") {
    ScsiDriveOptions options;
    options.depopulated_blocks = 1024;
    options.element_restorable = false;
    ScsiJob job(kBlock, options);
    const auto outcome = job.run();
    INFO(to_json(outcome.reasons).dump() << to_json(outcome.exceptions).dump());
    CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
    CHECK(job.bench.old_data_remains());
    REQUIRE(outcome.exceptions.size() == 1);
    CHECK(outcome.exceptions.front().code == ReasonCode::hidden_area);
}

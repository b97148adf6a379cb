// SPDX-License-Identifier: Apache-2.0
// Whole jobs on NVMe drives that fail and lie: for each, the verdict. Whenever it is sanitized,
// nothing of the old data is left anywhere on the drive.
#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;
using fake::NvmeDriveOptions;
using fake::NvmeLies;
using test::NvmeJob;

namespace {

constexpr const char* kBlock = "nvme-sanitize-block";
constexpr const char* kCrypto = "nvme-sanitize-crypto";
constexpr const char* kOverwrite = "nvme-sanitize-overwrite";
constexpr const char* kFormatCrypto = "nvme-format-crypto";
constexpr const char* kFormatData = "nvme-format-user-data";
constexpr std::uint64_t kBlocks = 16384;

NvmeDriveOptions honest() {
    NvmeDriveOptions options;
    options.namespaces = {{kBlocks, 512, true, false}};
    return options;
}
NvmeDriveOptions lying(bool NvmeLies::*lie) {
    auto options = honest();
    options.lies.*lie = true;
    return options;
}

struct Row {
    const char* what;
    const char* technique;
    NvmeDriveOptions options;
    Verdict verdict;
};

void check(const std::vector<Row>& rows) {
    for (const auto& row : rows) {
        NvmeJob job(row.technique, row.options);
        const auto outcome = job.run();
        INFO(row.what << ", " << row.technique << ": " << to_json(outcome.reasons).dump());
        CHECK(to_string(outcome.verdict) == std::string(to_string(row.verdict)));
        if (outcome.verdict == Verdict::sanitized) {
            CHECK_FALSE(job.drive.holds(test::old_nvme_block()));
        }
    }
}

}  // namespace

TEST_CASE("an honest NVMe drive is sanitized by each technique", "[nvme]") {
    check({{"honest", kBlock, honest(), Verdict::sanitized},
           {"honest", kCrypto, honest(), Verdict::sanitized},
           {"honest", kOverwrite, honest(), Verdict::sanitized},
           {"honest", kFormatCrypto, honest(), Verdict::sanitized},
           {"honest", kFormatData, honest(), Verdict::sanitized}});
}

TEST_CASE("NVMe drives that differ from the common one are sanitized all the same", "[nvme]") {
    auto verified = honest();
    verified.sanicap = 0x4000000f;
    auto noise = honest();
    noise.leaves = fake::NvmeLeaves::noise;
    auto unreadable = honest();
    unreadable.leaves = fake::NvmeLeaves::unreadable;
    auto dulbe = honest();
    dulbe.dulbe = true;
    auto short_estimate = honest();
    short_estimate.block_estimate = 1;
    short_estimate.overwrite_estimate = 1;
    auto long_estimate = honest();
    long_estimate.block_estimate = 1'000'000;
    auto no_estimate = honest();
    no_estimate.block_estimate = 0xffffffff;
    auto old = honest();
    old.version = 0x00010300;
    old.subsystem_nqn = "";
    old.namespace_management = false;
    old.event_log = false;
    check({{"media verification", kBlock, verified, Verdict::sanitized},
           {"media verification", kCrypto, verified, Verdict::sanitized},
           {"noise behind a new key", kCrypto, noise, Verdict::sanitized},
           {"erased blocks do not read", kBlock, unreadable, Verdict::sanitized_with_exceptions},
           {"erased blocks do not read", kCrypto, unreadable, Verdict::sanitized_with_exceptions},
           {"deallocated blocks are errors", kBlock, dulbe, Verdict::sanitized},
           {"short estimate", kBlock, short_estimate, Verdict::sanitized},
           {"short estimate", kOverwrite, short_estimate, Verdict::sanitized},
           {"long estimate", kBlock, long_estimate, Verdict::sanitized},
           {"no estimate", kBlock, no_estimate, Verdict::sanitized},
           {"NVMe 1.3", kBlock, old, Verdict::sanitized}});
}

TEST_CASE("a drive may take its time to come back, and is judged by what is there then", "[nvme]") {
    const auto patience = static_cast<unsigned>(kReturnMax / kReturnPause);
    for (const bool readable : {true, false}) {
        for (const unsigned away : {0U, 1U, 7U, patience - 2, patience, 10 * patience}) {
            for (const unsigned in_part : {0U, 1U, 10 * patience}) {
                CAPTURE(readable, away, in_part);
                auto options = honest();
                options.namespaces.push_back({kBlocks, 512, true, false});
                if (!readable) {
                    options.leaves = fake::NvmeLeaves::unreadable;
                }
                NvmeJob job(kBlock, options);
                job.away_for = away;
                job.in_part_for = in_part;
                const auto outcome = job.run();
                if (away >= patience) {
                    CHECK(outcome.verdict == Verdict::indeterminate);
                    CHECK(outcome.reasons.at(0).code == ReasonCode::drive_silent);
                } else {  // what the kernel lost is read by the drive's own command
                    CHECK(outcome.verdict ==
                          (readable ? Verdict::sanitized : Verdict::sanitized_with_exceptions));
                }
            }
        }
    }
}

TEST_CASE("sanitize reaches what Format NVM leaves", "[nvme]") {
    auto options = honest();
    options.namespaces.push_back({1024, 512, false, false});
    options.unallocated_blocks = 512;
    options.spare_blocks = 64;
    for (const char* technique : {kBlock, kCrypto, kOverwrite}) {
        CAPTURE(technique);
        NvmeJob job(technique, options);
        CHECK(job.run().verdict == Verdict::sanitized);
        CHECK_FALSE(job.old_data_remains());
    }
    NvmeJob format(kFormatData, options);
    (void)format.run();
    CHECK(format.old_data_remains());
}

TEST_CASE("a namespace that nobody attached is attached, looked at and detached again", "[nvme]") {
    auto options = honest();
    options.namespaces.push_back({2048, 512, false, false});
    for (const char* technique : {kBlock, kCrypto, kOverwrite, kFormatData}) {
        CAPTURE(technique);
        NvmeJob job(technique, options);
        const auto outcome = job.run();
        CHECK(outcome.verdict == Verdict::sanitized);
        const auto& area = outcome.record.at("hiddenAreas").at(0);
        CHECK(area.at("kind") == "unattached-namespace");
        CHECK(area.at("covered") == false);
        CHECK(area.at("opened") == true);
        CHECK(outcome.record.at("verification").at("canaries").at("surfaces").size() == 2);
        CHECK(job.attachments() == std::vector<std::uint32_t>{0, 1});
        CHECK_FALSE(job.drive.holds(test::old_nvme_block()));
    }
}

TEST_CASE("a drive that keeps what nobody attached is found out, or it is named", "[nvme]") {
    auto kept = honest();
    kept.namespaces.push_back({2048, 512, false, false, true});
    NvmeJob found(kBlock, kept);
    CHECK(found.run().verdict == Verdict::not_sanitized);
    CHECK(found.attachments() == std::vector<std::uint32_t>{0, 1});

    auto refused = kept;
    refused.lies.attach_status = 0x4119;  // Namespace Is Private
    auto unmanaged = kept;
    unmanaged.namespace_management = false;
    NvmeJob no_device(kBlock, kept);
    no_device.without_device = 2;
    NvmeJob private_one(kBlock, refused);
    NvmeJob no_management(kBlock, unmanaged);
    for (auto* job : {&no_device, &private_one, &no_management}) {
        const auto outcome = job->run();
        INFO(to_json(outcome.reasons).dump());
        CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
        CHECK(test::has(outcome.exceptions, ReasonCode::hidden_area));
        CHECK(job->drive.holds(test::old_nvme_block()));
    }
    CHECK(no_device.attachments() == std::vector<std::uint32_t>{0, 1});
    CHECK(private_one.attachments() == std::vector<std::uint32_t>{0});
}

TEST_CASE("a lie about the erasure never ends in sanitized", "[nvme]") {
    auto one_percent = honest();
    one_percent.lies.keeps_permille = 10;
    auto half = honest();
    half.lies.keeps_permille = 500;
    check(
        {{"erases nothing", kBlock, lying(&NvmeLies::erases_nothing), Verdict::not_sanitized},
         {"erases nothing", kCrypto, lying(&NvmeLies::erases_nothing), Verdict::not_sanitized},
         {"erases nothing", kOverwrite, lying(&NvmeLies::erases_nothing), Verdict::not_sanitized},
         {"only forgets", kOverwrite, lying(&NvmeLies::only_forgets), Verdict::not_sanitized},
         {"erases nothing", kFormatData, lying(&NvmeLies::erases_nothing), Verdict::not_sanitized},
         {"keeps one percent", kBlock, one_percent, Verdict::not_sanitized},
         {"keeps one percent", kFormatCrypto, one_percent, Verdict::not_sanitized},
         {"keeps half", kCrypto, half, Verdict::not_sanitized},
         {"gives writes back", kBlock, lying(&NvmeLies::reverts_writes), Verdict::not_sanitized},
         {"gives writes back", kFormatData, lying(&NvmeLies::reverts_writes),
          Verdict::not_sanitized},
         {"accepts and ignores", kBlock, lying(&NvmeLies::ignores_sanitize),
          Verdict::indeterminate},
         {"idle afterwards", kBlock, lying(&NvmeLies::idle_after_sanitize),
          Verdict::indeterminate}});
}

TEST_CASE("a fault on the way is named for what it is", "[nvme]") {
    auto refuses = honest();
    refuses.lies.sanitize_status = 0x4123;
    auto locked = honest();
    locked.lies.format_status = 0x400c;
    auto another = lying(&NvmeLies::reset_in_the_middle);
    another.lies.other_serial_after_reset = true;
    check(
        {{"progress stuck", kBlock, lying(&NvmeLies::progress_stuck), Verdict::indeterminate},
         {"fails", kBlock, lying(&NvmeLies::sanitize_fails), Verdict::not_sanitized},
         {"fails", kCrypto, lying(&NvmeLies::sanitize_fails), Verdict::not_sanitized},
         {"status page all zero", kBlock, lying(&NvmeLies::status_log_zero),
          Verdict::not_sanitized},
         {"hangs", kBlock, lying(&NvmeLies::hangs_in_the_middle), Verdict::indeterminate},
         {"power cut for good", kBlock, lying(&NvmeLies::power_cut_in_the_middle),
          Verdict::indeterminate},
         {"reset in the middle", kBlock, lying(&NvmeLies::reset_in_the_middle), Verdict::sanitized},
         {"another drive after a reset", kBlock, another, Verdict::indeterminate},
         {"refuses", kBlock, refuses, Verdict::not_sanitized},
         {"format refused by security", kFormatCrypto, locked, Verdict::not_sanitized},
         {"format unanswered", kFormatData, lying(&NvmeLies::format_unanswered),
          Verdict::indeterminate}});
}

TEST_CASE("power that comes back lets the sanitize end", "[nvme]") {
    NvmeJob job(kBlock, lying(&NvmeLies::power_cut_in_the_middle));
    unsigned dark = 0;
    job.on_wait = [&] {
        if (!job.drive.answers() && ++dark == 3) {
            job.drive.power_on();
        }
    };
    CHECK(job.run().verdict == Verdict::sanitized);
    CHECK(dark == 3);
    CHECK_FALSE(job.old_data_remains());
}

TEST_CASE("a hidden namespace is erased by Sanitize, and named as not looked at", "[nvme]") {
    auto options = lying(&NvmeLies::hides_last_namespace);
    options.namespaces.push_back({1024, 512, true, false});
    NvmeJob job(kBlock, options);
    const auto outcome = job.run();
    CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
    CHECK(test::has(outcome.exceptions, ReasonCode::hidden_area));
    CHECK_FALSE(job.old_data_remains());
    CHECK(outcome.record.at("hiddenAreas").at(0).at("kind") == "unaccounted-capacity");
}

TEST_CASE("a sanitize that ran before the job is adopted to its end", "[nvme]") {
    NvmeJob job(kBlock, honest());
    device::NvmeCommand begun;
    begun.opcode = 0x84;
    begun.cdw10 = 0x2;
    REQUIRE(job.drive.controller().submit(begun).succeeded());
    const auto outcome = job.run();
    CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
    CHECK(job.state.adopted);
    CHECK_FALSE(job.old_data_remains());
}

// SPDX-License-Identifier: Apache-2.0
// For each lie and fault of each kind of drive, what efface says of it. Whenever it says that a
// drive was sanitized, nothing of what was on it is left where a host can come.
#include "catch.hpp"
#include "models.hpp"

using namespace efface;
using namespace efface::job;
using method::Level;
using method::Verdict;

namespace {

constexpr Verdict kYes = Verdict::sanitized;
constexpr Verdict kExcept = Verdict::sanitized_with_exceptions;
constexpr Verdict kNo = Verdict::not_sanitized;
constexpr Verdict kUnknown = Verdict::indeterminate;

struct Case {
    const char* what;
    const char* technique;
    Verdict verdict;
};

/// Runs the erasure, again after each interruption, and checks what must hold whatever came of it.
void check_run(
    DriveStation& station, const Case& expected, const std::function<void()>& between = [] {}) {
    INFO(expected.technique << ", " << expected.what);
    station.request.choice.policy = expected.technique;
    std::optional<RunResult> result;
    for (unsigned i = 0; i < 4 && !result; ++i) {
        try {
            result = station.run();
        } catch (const Error& error) {
            INFO(error.what());
            REQUIRE(error.code() == ErrorCode::interrupted);
            between();
            station.request.job_id = station.job_id();
        }
    }
    REQUIRE(result);
    INFO(to_json(result->reasons).dump() << " " << to_json(result->exceptions).dump());
    CHECK(result->verdict == expected.verdict);
    const bool success = result->verdict == kYes || result->verdict == kExcept;
    if (success) {
        // A purge reaches what the drive keeps to itself; what only clears says that it does not.
        CHECK_FALSE(station.old_content_remains(result->level == Level::purge));
    } else {
        CHECK(result->level == Level::none);
    }
    CHECK(station.verified_bundles() == 1);
}

void run_nvme(const Case& expected,
              const std::function<void(fake::NvmeDriveOptions&)>& change = {}) {
    DriveStation station;
    fake::NvmeDriveOptions options;
    options.namespaces = {{4096, 512, true, false}, {1024, 4096, true, false}};
    options.spare_blocks = 256;
    if (change) {
        change(options);
    }
    NvmeModel model(options, station.clock);
    station.attach(model, options.serial);
    station.on_wait = [&] {
        if (model.drive.silence() != 0) {
            model.drive.power_cycle();
        }
    };
    check_run(station, expected);
}

void run_scsi(const Case& expected,
              const std::function<void(fake::ScsiDriveOptions&)>& change = {}) {
    DriveStation station;
    fake::ScsiDriveOptions options;
    options.blocks = 8192;
    options.spare_blocks = 256;
    if (change) {
        change(options);
    }
    ScsiModel model(options, station.clock);
    station.attach(model, options.serial);
    model.drive.remember();
    check_run(station, expected);
}

void run_ata(const Case& expected, const std::function<void(fake::AtaDriveOptions&)>& change = {},
             fake::SatBridgeOptions bridge = {}) {
    DriveStation station;
    fake::AtaDriveOptions options;
    options.blocks = 8192;
    options.spare_blocks = 256;
    if (change) {
        change(options);
    }
    AtaModel model(options, station.clock, bridge);
    station.attach(model, options.serial);
    check_run(station, expected, [&] { model.drive.power_cycle(); });
    CHECK((expected.verdict == kNo || expected.verdict == kUnknown || !model.drive.password_set()));
}

void run_tcg(const Case& expected, const std::function<void(fake::TcgDriveOptions&)>& change = {}) {
    DriveStation station;
    fake::TcgDriveOptions options;
    if (change) {
        change(options);
    }
    TcgModel model(options, station.clock,
                   [&](std::chrono::milliseconds pause) { station.clock.advance(pause); });
    station.attach(model, fake::NvmeDriveOptions{}.serial);
    check_run(station, expected);
}

}  // namespace

TEST_CASE("honest NVMe drives are sanitized by each technique") {
    for (const char* technique :
         {"nvme-sanitize-block", "nvme-sanitize-crypto", "nvme-sanitize-overwrite",
          "nvme-format-user-data", "nvme-format-crypto"}) {
        run_nvme({"honest", technique, kYes});
    }
    run_nvme({"leaves unreadable blocks", "nvme-sanitize-block", kExcept},
             [](auto& options) { options.leaves = fake::NvmeLeaves::unreadable; });
    run_nvme({"leaves noise", "nvme-sanitize-crypto", kYes},
             [](auto& options) { options.leaves = fake::NvmeLeaves::noise; });
    run_nvme({"media verification", "nvme-sanitize-block", kYes},
             [](auto& options) { options.sanicap |= 0x8; });
    run_nvme({"controller reset in the middle", "nvme-sanitize-block", kYes},
             [](auto& options) { options.lies.reset_in_the_middle = true; });
    run_nvme({"power cut in the middle", "nvme-sanitize-block", kYes},
             [](auto& options) { options.lies.power_cut_in_the_middle = true; });
    run_nvme({"hang in the middle", "nvme-sanitize-block", kYes},
             [](auto& options) { options.lies.hangs_in_the_middle = true; });
    run_nvme({"wrong estimates", "nvme-sanitize-block", kYes},
             [](auto& options) { options.block_estimate = 1; });
}

TEST_CASE("no lie of an NVMe drive makes it sanitized") {
    using Options = fake::NvmeDriveOptions;
    const auto lie = [](const char* what, const char* technique, Verdict verdict,
                        bool fake::NvmeLies::*which) {
        run_nvme({what, technique, verdict}, [&](Options& options) { options.lies.*which = true; });
    };
    using Lies = fake::NvmeLies;
    for (const char* technique :
         {"nvme-sanitize-block", "nvme-sanitize-crypto", "nvme-sanitize-overwrite",
          "nvme-format-user-data", "nvme-format-crypto"}) {
        lie("success without erasing", technique, kNo, &Lies::erases_nothing);
        run_nvme({"one part in a hundred kept", technique, kNo},
                 [](Options& options) { options.lies.keeps_permille = 10; });
    }
    lie("progress stuck", "nvme-sanitize-block", kUnknown, &Lies::progress_stuck);
    lie("fails", "nvme-sanitize-block", kNo, &Lies::sanitize_fails);
    lie("idle afterwards", "nvme-sanitize-block", kUnknown, &Lies::idle_after_sanitize);
    lie("namespace lost afterwards", "nvme-sanitize-block", kUnknown, &Lies::loses_last_namespace);
    lie("accepts and ignores", "nvme-sanitize-block", kUnknown, &Lies::ignores_sanitize);
    lie("writes reverted", "nvme-sanitize-block", kNo, &Lies::reverts_writes);
    run_nvme({"another drive after the reset", "nvme-sanitize-block", kUnknown},
             [](Options& options) {
                 options.lies.reset_in_the_middle = true;
                 options.lies.other_serial_after_reset = true;
             });
    run_nvme({"refused", "nvme-sanitize-block", kNo},
             [](Options& options) { options.lies.sanitize_status = 0x020; });
    run_nvme({"format refused", "nvme-format-crypto", kNo},
             [](Options& options) { options.lies.format_status = 0x001; });
}

TEST_CASE("honest SCSI disks are sanitized by each technique") {
    for (const char* technique :
         {"scsi-sanitize-block", "scsi-sanitize-crypto", "scsi-sanitize-overwrite",
          "scsi-format-unit", "scsi-write-same"}) {
        run_scsi({"honest", technique, kYes});
    }
    run_scsi({"over before it is asked about", "scsi-format-unit", kYes},
             [](auto& options) { options.format_time = {}; });
    run_scsi({"blocks unreadable as it says", "scsi-sanitize-block", kExcept},
             [](auto& options) { options.after_block_erase = 3; });
    run_scsi({"descriptor sense", "scsi-sanitize-block", kYes},
             [](auto& options) { options.descriptor_sense = true; });
    run_scsi({"bus reset in the middle", "scsi-sanitize-block", kYes},
             [](auto& options) { options.resets = true; });
    run_scsi({"reduced capacity", "scsi-sanitize-block", kYes},
             [](auto& options) { options.reduced_blocks = 4096; });
}

TEST_CASE("no lie of a SCSI disk makes it sanitized") {
    using Options = fake::ScsiDriveOptions;
    for (const char* technique :
         {"scsi-sanitize-block", "scsi-sanitize-crypto", "scsi-sanitize-overwrite"}) {
        run_scsi({"success without erasing", technique, kNo},
                 [](Options& options) { options.erases_nothing = true; });
        run_scsi({"one part in fifty kept", technique, kNo},
                 [](Options& options) { options.keeps_share = 0.02; });
    }
    run_scsi({"FORMAT UNIT erases nothing", "scsi-format-unit", kNo},
             [](Options& options) { options.format_erases_nothing = true; });
    run_scsi({"the same at once, and no word on what it supports", "scsi-format-unit", kNo},
             [](Options& options) {
                 options.format_erases_nothing = true;
                 options.format_time = {};
                 options.reports_opcodes = false;
             });
    run_scsi({"fails", "scsi-sanitize-block", kNo}, [](Options& options) { options.fails = true; });
    run_scsi({"refused", "scsi-sanitize-block", kNo},
             [](Options& options) { options.sanitize_refused = true; });
    run_scsi({"progress stuck", "scsi-sanitize-block", kUnknown},
             [](Options& options) { options.progress_stuck = true; });
    run_scsi({"progress vanishes", "scsi-sanitize-block", kNo},
             [](Options& options) { options.vanishes = true; });
    run_scsi({"hangs", "scsi-sanitize-block", kUnknown},
             [](Options& options) { options.hangs = true; });
    run_scsi({"writes reverted", "scsi-sanitize-block", kNo},
             [](Options& options) { options.reverts_writes = true; });
    run_scsi({"another disk after the reset", "scsi-sanitize-block", kUnknown},
             [](Options& options) {
                 options.resets = true;
                 options.serial_after_reset = "SCSI0002";
             });
    run_scsi({"medium error in the middle", "scsi-write-same", kNo},
             [](Options& options) { options.write_same_fails = true; });
}

TEST_CASE("honest ATA drives are sanitized by each technique") {
    for (const char* technique :
         {"ata-sanitize-block", "ata-sanitize-crypto", "ata-sanitize-overwrite",
          "ata-security-enhanced", "ata-security-normal"}) {
        run_ata({"honest", technique, kYes});
    }
    run_ata({"protected area", "ata-sanitize-block", kYes}, [](auto& options) {
        options.protected_area = true;
        options.protected_blocks = 1024;
    });
    run_ata({"protected area and overlay", "ata-sanitize-block", kYes}, [](auto& options) {
        options.protected_area = true;
        options.protected_blocks = 1024;
        options.overlay = true;
        options.overlay_blocks = 512;
        options.restore_needs_power_cycle = true;
    });
    run_ata({"accessible maximum lowered", "ata-sanitize-block", kYes}, [](auto& options) {
        options.accessible_max = true;
        options.above_accessible_blocks = 512;
    });
    run_ata({"answer of SET PASSWORD lost", "ata-security-normal", kYes},
            [](auto& options) { options.password_answer_lost = true; });
}

TEST_CASE("no lie of an ATA drive makes it sanitized") {
    using Options = fake::AtaDriveOptions;
    for (const char* technique :
         {"ata-sanitize-block", "ata-sanitize-crypto", "ata-sanitize-overwrite",
          "ata-security-enhanced", "ata-security-normal"}) {
        run_ata({"success without erasing", technique, kNo},
                [](Options& options) { options.erases_nothing = true; });
        run_ata({"last part kept", technique, kNo},
                [](Options& options) { options.keeps_blocks = 100; });
    }
    const auto lie = [](const char* what, const char* technique, Verdict verdict,
                        bool Options::*which) {
        run_ata({what, technique, verdict}, [&](Options& options) { options.*which = true; });
    };
    lie("progress stuck", "ata-sanitize-block", kUnknown, &Options::progress_stuck);
    lie("refused", "ata-sanitize-block", kNo, &Options::sanitize_refused);
    lie("fails", "ata-sanitize-block", kNo, &Options::sanitize_fails);
    lie("progress vanishes", "ata-sanitize-block", kUnknown, &Options::sanitize_forgotten);
    lie("writes reverted", "ata-sanitize-block", kNo, &Options::writes_reverted);
    lie("password set, erase refused", "ata-security-enhanced", kNo, &Options::erase_refused);
    lie("prepare refused", "ata-security-enhanced", kNo, &Options::prepare_refused);
    lie("success, security still enabled", "ata-security-normal", kNo, &Options::stays_enabled);
    lie("power lost in the erase", "ata-security-normal", kNo, &Options::power_lost_in_erase);
}

TEST_CASE("a password that could not be taken back is taken back when the job is resumed") {
    DriveStation station;
    fake::AtaDriveOptions options;
    options.blocks = 8192;
    options.stays_enabled = true;  // after the erasure the password is still there
    options.disable_refused = true;
    AtaModel model(options, station.clock);
    station.attach(model, options.serial);
    station.request.choice.policy = "ata-security-normal";
    const auto first = station.run();
    CHECK(first.verdict == Verdict::not_sanitized);
    REQUIRE(model.drive.password_set());
    model.drive.options.stays_enabled = false;
    model.drive.options.disable_refused = false;
    station.request.job_id = first.job_id;
    const auto second = station.run();
    INFO(to_json(second.reasons).dump());
    CHECK(second.verdict == Verdict::sanitized);
    CHECK_FALSE(model.drive.password_set());
    CHECK(station.verified_bundles() == 2);
    // What has ended well or without a remnant is not begun again by its number.
    CHECK_FALSE(station.run().changed);
}

TEST_CASE("an NVMe drive that could not tell how it ended is not asked to begin") {
    DriveStation station;
    fake::NvmeDriveOptions options;
    options.lies.status_log_zero = true;
    NvmeModel model(options, station.clock);
    station.attach(model, options.serial);
    station.request.choice.policy = "nvme-sanitize-block";
    CHECK_THROWS_AS(station.run(), Error);
    CHECK(station.old_content_remains(false));
}

TEST_CASE("an ATA drive whose registers nobody brings is not sanitized on its word") {
    for (const bool zero : {true, false}) {
        DriveStation station;
        fake::AtaDriveOptions options;
        fake::SatBridgeOptions bridge;
        bridge.zero_registers = zero;
        bridge.fixed_sense = !zero;
        AtaModel model(options, station.clock, bridge);
        station.attach(model, options.serial);
        station.request.choice.policy = "ata-sanitize-block";
        const auto plan = station.plan();
        INFO(to_json(plan.objections).dump());
        CHECK_FALSE(plan.objections.empty());
        CHECK_THROWS_AS(station.run(), Error);
    }
}

TEST_CASE("a self-encrypting drive is purged by its PSID, and never believed alone") {
    using Options = fake::TcgDriveOptions;
    run_tcg({"honest", "tcg-psid-revert", kYes});
    run_tcg({"a PSID of another form", "tcg-psid-revert", kYes},
            [](Options& options) { options.psid = "psid0123456789psid01234567"; });
    run_tcg({"data removal in the background", "tcg-psid-revert", kYes}, [](Options& options) {
        options.removal_feature = true;
        options.removal_time = std::chrono::seconds(20);
    });
    run_tcg({"keeps the data", "tcg-psid-revert", kNo},
            [](Options& options) { options.keeps_data = true; });
    run_tcg({"stays active", "tcg-psid-revert", kNo},
            [](Options& options) { options.stays_active = true; });
    run_tcg({"a status", "tcg-psid-revert", kNo},
            [](Options& options) { options.fails_with = 0x3f; });
}

TEST_CASE("an inactive Locking SP is not reverted") {
    DriveStation station;
    fake::TcgDriveOptions options;
    options.locking_active = false;
    TcgModel model(options, station.clock, {});
    station.attach(model, fake::NvmeDriveOptions{}.serial);
    station.request.choice.policy = "tcg-psid-revert";
    CHECK_FALSE(station.plan().objections.empty());
    CHECK_THROWS_AS(station.run(), Error);
    CHECK(station.old_content_remains(false));
}

TEST_CASE("the PSID and temporary passwords stand in no certificate") {
    DriveStation station;
    fake::TcgDriveOptions options;
    TcgModel model(options, station.clock,
                   [&](std::chrono::milliseconds pause) { station.clock.advance(pause); });
    station.attach(model, fake::NvmeDriveOptions{}.serial);
    check_run(station, {"honest", "tcg-psid-revert", kYes});
    const auto certificate = station.certificate();
    CHECK(certificate.size() > 1000);
    CHECK(certificate.find(options.psid) == std::string::npos);
    CHECK(certificate.find(to_hex(as_bytes(options.psid))) == std::string::npos);
    CHECK(certificate.find(options.msid) == std::string::npos);
}

TEST_CASE("a shelf that shows half of an ATA drive: canaries behind the end, or no level") {
    const fake::SatBridgeOptions shelf{.shown_sectors = 4096};
    run_ata({"a shelf", "ata-sanitize-block", kYes}, {}, shelf);
    run_ata({"a shelf", "ata-sanitize-overwrite", kYes}, {}, shelf);
    run_ata(
        {"a shelf, the end kept", "ata-sanitize-block", kNo},
        [](auto& options) { options.keeps_blocks = 64; }, shelf);

    DriveStation station;
    fake::AtaDriveOptions options;
    options.blocks = 8192;
    AtaModel model(options, station.clock, shelf);
    station.attach(model, options.serial);
    station.request.choice.policy = "overwrite-random";
    const auto result = station.run();
    INFO(to_json(result.reasons).dump() << to_json(result.exceptions).dump());
    CHECK(result.verdict == kExcept);
    CHECK(result.level == Level::none);
    CHECK(std::any_of(result.exceptions.begin(), result.exceptions.end(),
                      [](const Reason& one) { return one.code == ReasonCode::hidden_area; }));
    CHECK(station.old_content_remains(false));  // behind the cut, as it says
    CHECK(station.verified_bundles() == 1);
}

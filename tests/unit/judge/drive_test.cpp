// SPDX-License-Identifier: Apache-2.0
// Each rule for a drive that erased itself, both ways: which drive, what it reported, what of it
// was hidden, and which level. drive_looked_test.cpp has what was looked for.
#include "efface/rules/techniques.hpp"

#include "catch.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::judge;
using Catch::Matchers::Contains;
using rules::command_set_of;

namespace {

Json& operation(Json& p) {
    return p["sanitization"]["operation"];
}

}  // namespace

TEST_CASE("The example for a drive claims no more than it shows") {
    CHECK(problem_of(example_predicate("drive")).empty());
}

TEST_CASE("Every field of a drive's record is needed, and no other is known") {
    Json whole = example_predicate("drive");
    some_unreadable(whole);
    for (const char* place :
         {"/target/drive", "/target/hiddenAreas", "/target/hiddenAreas/areas/0",
          "/sanitization/operation", "/sanitization/operation/commands/0",
          "/sanitization/operation/powerCycles/0", "/sanitization/operation/finalState",
          "/sanitization/statusBefore/0", "/sanitization/statusAfter/0", "/verification",
          "/verification/canaries", "/verification/canaries/surfaces/0", "/verification/samples",
          "/verification/samples/surfaces/0", "/verification/recheck", "/verification/byCommand",
          "/verification/expected", "/verification/unreadableStatuses/0"}) {
        const Json::json_pointer pointer(place);
        for (const auto& [key, value] : whole[pointer].items()) {
            INFO(place << " " << key);
            Json predicate = whole;
            predicate[pointer].erase(key);
            CHECK(problem_of(predicate).empty() ==
                  (key == "estimateSeconds" || key == "recheck" || key == "byCommand"));
            predicate[pointer][key] = {{"odd", -1}};
            CHECK_FALSE(problem_of(predicate).empty());
        }
        Json predicate = whole;
        predicate[pointer]["invented"] = 1U;
        CHECK_THAT(problem_of(predicate), Contains("unknown field"));
    }
    for (const char* key : {"statusBefore", "statusAfter"}) {
        CHECK_THAT(drive([&](Json& p) { p["sanitization"].erase(key); }), Contains(key));
    }
    CHECK_FALSE(drive([](Json& p) { p["sanitization"].erase("operation"); }).empty());
    CHECK_THAT(drive([](Json& p) { p["target"].erase("drive"); }), Contains("drive"));
}

TEST_CASE("A drive's record has its vocabulary") {
    CHECK_FALSE(drive([](Json& p) { operation(p)["finalState"]["phase"] = "done"; }).empty());
    CHECK_FALSE(drive([](Json& p) { operation(p)["cleanUp"] = ""; }).empty());
    CHECK_FALSE(drive([](Json& p) { operation(p)["commands"][0]["bytes"] = "0x02"; }).empty());
    CHECK_FALSE(drive([](Json& p) { p["sanitization"]["engine"] = "io_uring"; }).empty());
    CHECK_FALSE(drive([](Json& p) {
                    p["target"]["hiddenAreas"]["areas"][0]["kind"] = "somewhere";
                }).empty());
    CHECK_FALSE(drive([](Json& p) { p["verification"]["method"] = "full-read-back"; }).empty());
    CHECK_FALSE(drive([](Json& p) { p["verification"]["result"] = "unknown"; }).empty());
    CHECK_FALSE(drive([](Json& p) { p["verification"]["expected"]["content"] = ""; }).empty());
    const auto content = [](const char* text) {
        return drive([text](Json& p) { p["verification"]["expected"]["content"] = text; });
    };
    CHECK(content("zeros").empty());
    // (printf '7c%.0s' {1..32} | xxd -r -p; printf 'overwrite pattern') | sha256sum: fd 56 ...
    CHECK(content("fd5656fd").empty());
    CHECK_THAT(content("a5a5a5a5"), Contains("seed"));
    CHECK(drive([](Json& p) { operation(p)["estimateSeconds"] = nullptr; }).empty());
    CHECK_FALSE(drive([](Json& p) { p["verification"]["seed"] = std::string(62, '7'); }).empty());
}

TEST_CASE("Fields of overwriting and of a drive's own erasure do not mix") {
    CHECK_THAT(drive([](Json& p) {
                   p["sanitization"]["passes"] =
                       example_predicate("media")["sanitization"]["passes"];
                   p["sanitization"]["passes"][0]["startedAt"] = "2026-11-21T09:30:04Z";
                   p["sanitization"]["passes"][0]["completedAt"] = "2026-11-21T09:31:04Z";
                   p["sanitization"]["passes"][0]["resumedAt"] = Json::array();
                   p["sanitization"]["passes"][0]["bytesWritten"] = kDrive;
               }),
               Contains("passes"));
    for (const char* key : {"operation", "statusBefore", "statusAfter"}) {
        CHECK_THAT(media([&](Json& p) {
                       p["sanitization"][key] = example_predicate("drive")["sanitization"][key];
                   }),
                   Contains(key));
    }
    CHECK_THAT(media([](Json& p) { p["sanitization"]["engine"] = "drive"; }), Contains("engine"));
    CHECK_THAT(drive([](Json& p) {
                   p["certificateType"] = "file";
                   p["target"]["kind"] = "file";
                   p["targetIdentity"]["kind"] = "file";
               }),
               Contains("engine"));
    CHECK_THAT(drive([](Json& p) {
                   p["target"]["kind"] = "partition";
                   p["targetIdentity"]["kind"] = "partition";
               }),
               Contains("does not erase itself"));
}

TEST_CASE("Technique, commands and drive are of one set") {
    CHECK_THAT(drive([](Json& p) { operation(p)["commandSet"] = "ata"; }),
               Contains("does not have nvme-sanitize-block"));
    CHECK_THAT(drive([](Json& p) {
                   p["target"]["drive"]["commandSet"] = "scsi";
                   p["target"]["drive"]["facts"] = Json::object();
               }),
               Contains("does not have nvme-sanitize-block"));
    CHECK_THAT(drive([](Json& p) { p["sanitization"]["technique"] = "ata-sanitize-block"; }),
               Contains("does not have ata-sanitize-block"));
    CHECK(drive([](Json& p) { use(p, "ata-sanitize-block"); }).empty());
}

TEST_CASE("The drive that answered is the one that is named") {
    CHECK_THAT(drive([](Json& p) { p["target"]["drive"]["serial"] = "S64GNE0T400124"; }),
               Contains("another drive"));
    CHECK(drive([](Json& p) { p["target"]["drive"]["serial"] = ""; }).empty());
    for (const char* key : {"serialNumber", "wwid"}) {
        CHECK_THAT(drive([&](Json& p) { p["target"]["identityAfter"][key] = "other"; }),
                   Contains("another target"));
        CHECK_THAT(drive([&](Json& p) { p["target"]["identity"][key] = "other"; }),
                   Contains("another target"));
    }
    CHECK_THAT(drive([](Json& p) { p["verification"]["identity"] = "different"; }),
               Contains("verification.identity"));
    CHECK_THAT(drive([](Json& p) { p["verification"]["identity"] = "not read"; }),
               Contains("verification.identity"));
    CHECK_THAT(drive([](Json& p) { p["target"]["identityAfter"] = nullptr; }),
               Contains("not checked afterwards"));
}

TEST_CASE("Only a hidden area that was opened changes the size of a drive, and only upwards") {
    CHECK(drive(opened_area).empty());
    CHECK(drive([](Json& p) {  // the size that was found first stands for the target
              opened_area(p);
              p["target"]["sizeBytes"] = kDrive / 2;
          })
              .empty());
    for (const char* which : {"identity", "identityAfter"}) {
        CHECK_THAT(drive([&](Json& p) { p["target"][which]["sizeBytes"] = kDrive / 2; }),
                   Contains("not the size"));
    }
    CHECK_THAT(drive([](Json& p) {
                   opened_area(p);
                   p["target"]["identityAfter"]["sizeBytes"] = kDrive / 2 - 4096;
               }),
               Contains("smaller than before"));
    CHECK_THAT(drive([](Json& p) {
                   opened_area(p);
                   p["target"]["hiddenAreas"]["areas"][0]["opened"] = false;
                   p["target"]["hiddenAreas"]["areas"][0]["covered"] = true;
               }),
               Contains("not the size"));
    CHECK_THAT(media([](Json& p) {  // an overwrite does not open anything
                   p["target"]["hiddenAreas"]["examined"] = true;
                   p["target"]["hiddenAreas"]["areas"] = {hidden_area("hpa", false, true)};
                   p["target"]["identityAfter"]["sizeBytes"] = kDisk + 512;
               }),
               Contains("not the size"));
}

TEST_CASE("A hidden area that was neither opened nor covered is an exception, named as such") {
    const auto hidden = [](Json& p) {
        p["target"]["hiddenAreas"]["areas"] = {hidden_area("dco", false, false)};
    };
    CHECK_THAT(drive(hidden), Contains("was not reached"));
    CHECK(drive([&](Json& p) {
              hidden(p);
              with_exception(p, "hidden-area");
          }).empty());
    CHECK_THAT(drive([&](Json& p) {
                   hidden(p);
                   with_exception(p);
               }),
               Contains("no exception is hidden-area"));
    CHECK_THAT(drive([](Json& p) { p["target"]["hiddenAreas"]["examined"] = false; }),
               Contains("was not examined"));
    CHECK_THAT(drive([](Json& p) {
                   p["target"]["hiddenAreas"]["examined"] = false;
                   p["target"]["hiddenAreas"]["areas"] = Json::array();
               }),
               Contains("hiddenAreas.examined"));
    CHECK(drive([](Json& p) {
              p["target"]["hiddenAreas"]["examined"] = false;
              p["target"]["hiddenAreas"]["areas"] = Json::array();
              set_level(p, "clear");
          }).empty());
    CHECK_THAT(
        drive([](Json& p) { p["target"]["hiddenAreas"]["areas"][0]["bytes"] = ~std::uint64_t{0}; }),
        Contains("whole number"));
}

TEST_CASE("Success needs the drive's own word, and nothing else of it counts") {
    for (const char* phase : {"idle", "running", "verifying", "failed", "unknown"}) {
        CHECK_THAT(drive([&](Json& p) { operation(p)["finalState"]["phase"] = phase; }),
                   Contains("finalState.phase"));
        CHECK(drive([&](Json& p) {
                  operation(p)["finalState"]["phase"] = phase;
                  fail_run(p, "indeterminate");
              }).empty());
    }
    CHECK_THAT(drive([](Json& p) { operation(p)["completedAt"] = ""; }), Contains("completedAt"));
    CHECK_THAT(drive([](Json& p) {
                   operation(p)["startedAt"] = "";
                   operation(p)["completedAt"] = "";
               }),
               Contains("startedAt"));
    CHECK_THAT(drive([](Json& p) { operation(p)["commands"] = Json::array(); }),
               Contains("nothing was sent"));
    CHECK_THAT(drive([](Json& p) { operation(p)["cleanUp"] = "the password is still set"; }),
               Contains("operation.cleanUp"));
    CHECK(drive([](Json& p) { operation(p)["cleanUp"] = "ok"; }).empty());
}

TEST_CASE("The raw status stands in the record, before and after, with its digest") {
    for (const char* when : {"statusBefore", "statusAfter"}) {
        INFO(when);
        CHECK_THAT(drive([&](Json& p) { p["sanitization"][when][0]["hex"] = "ffff0102"; }),
                   Contains("not that of the bytes"));
        CHECK_THAT(drive([&](Json& p) { p["sanitization"][when] = Json::array(); }),
                   Contains("NVMe log 81h"));
        const auto bare = [&](Json& p) { p["sanitization"][when] = Json::array(); };
        // What the drive is said to have said is in its page, whatever became of the run.
        CHECK_FALSE(drive([&](Json& p) {
                        bare(p);
                        fail_run(p);
                    }).empty());
        CHECK(drive([&](Json& p) {
                  bare(p);
                  operation(p)["finalState"]["phase"] = "unknown";
                  fail_run(p);
              }).empty());
        CHECK(drive([&](Json& p) {
                  bare(p);
                  use(p, "tcg-revert");
              }).empty());
        CHECK(drive([&](Json& p) {
                  bare(p);
                  use(p, "block-secure-erase");
                  set_level(p, "clear");
              }).empty());
        // sha256sum of 4 zero bytes: registers that are all zero are no information.
        CHECK_THAT(drive([&](Json& p) {
                       p["sanitization"][when] = {
                           {{"page", "NVMe log 81h"},
                            {"hex", "00000000"},
                            {"sha256",
                             "df3f619804a92fdb4057192dc43dd748ea778adc52bc498ce80524c014b81119"}}};
                   }),
                   Contains(std::string("sanitization.") + when));
    }
}

TEST_CASE("Raw pages are bounded") {
    // sha256sum of 65536 and of 65537 zero bytes
    const auto page = [](std::size_t bytes, const char* digest) {
        return Json{{"page", "x"}, {"hex", std::string(2 * bytes, '0')}, {"sha256", digest}};
    };
    const Json largest =
        page(65536, "de2f256064a0af797747c2b97505dc0b9f3df0de4f489eac731c23ae9ca9cc31");
    CHECK(drive([&](Json& p) { p["sanitization"]["statusAfter"].push_back(largest); }).empty());
    CHECK_THAT(drive([&](Json& p) {
                   p["sanitization"]["statusAfter"].push_back(page(
                       65537, "3266304f31be278d06c3bd3eb9aa3e00c59bedec0a890de466568b0b90b0e01f"));
               }),
               Contains("65536"));
    CHECK_THAT(drive([&](Json& p) {
                   p["sanitization"]["statusBefore"] = Json(std::vector<Json>(33, largest));
               }),
               Contains("32 items"));
}

TEST_CASE("Commands, power cycles and the erasure lie inside the run") {
    for (const char* time : {"2026-11-21T09:11:59Z", "2026-11-21T09:41:00Z"}) {
        CHECK_THAT(drive([&](Json& p) { operation(p)["commands"][0]["at"] = time; }),
                   Contains("outside the run"));
        CHECK_THAT(drive([&](Json& p) { operation(p)["powerCycles"][0]["at"] = time; }),
                   Contains("outside the run"));
        CHECK_THAT(drive([&](Json& p) { operation(p)["startedAt"] = time; }),
                   Contains("outside the run"));
        CHECK_THAT(drive([&](Json& p) { operation(p)["completedAt"] = time; }),
                   Contains("outside the run"));
    }
    CHECK_THAT(drive([](Json& p) { operation(p)["completedAt"] = "2026-11-21T09:30:03Z"; }),
               Contains("before the start"));
}

TEST_CASE("A drive that was erasing itself when we came is at best sanitized with exceptions") {
    CHECK(drive(adopted).empty());
    CHECK_THAT(drive([](Json& p) {
                   adopted(p);
                   set_level(p, "clear");
               }),
               Contains("has no level"));
    CHECK_THAT(drive([](Json& p) {
                   adopted(p);
                   p["result"]["status"] = "sanitized";
                   p["result"]["exceptions"] = Json::array();
               }),
               Contains("no exception is adopted-erasure"));
    CHECK_THAT(drive([](Json& p) { operation(p)["adopted"] = true; }),
               Contains("no exception is adopted-erasure"));
    CHECK_THAT(drive([](Json& p) {
                   adopted(p);
                   operation(p)["adopted"] = false;
               }),
               Contains("no canary was checked"));
}

TEST_CASE("Each technique has its level, and some have none") {
    // NIST SP 800-88r1 appendix A and IEEE 2883 as reference/standards.md reads them.
    for (const char* technique :
         {"nvme-sanitize-crypto", "nvme-sanitize-block", "nvme-sanitize-overwrite",
          "ata-sanitize-crypto", "ata-sanitize-block", "ata-sanitize-overwrite",
          "ata-security-enhanced", "scsi-sanitize-crypto", "scsi-sanitize-block",
          "scsi-sanitize-overwrite", "tcg-revert", "tcg-psid-revert"}) {
        INFO(technique);
        CHECK(rules::techniques().find(technique)->level_disk == "purge");
    }
    for (const char* technique :
         {"nvme-format-user-data", "nvme-format-crypto", "ata-security-normal", "scsi-format-unit",
          "scsi-write-same", "block-secure-erase"}) {
        INFO(technique);
        CHECK(rules::techniques().find(technique)->level_disk == "clear");
        const auto run = [&](Json& p) { use(p, technique); };
        CHECK_THAT(drive(run), Contains("does not reach purge"));
        CHECK(drive([&](Json& p) {
                  run(p);
                  set_level(p, "clear");
              }).empty());
    }
    for (const char* technique : {"tcg-genkey", "tcg-activate-revert"}) {
        INFO(technique);
        const auto run = [&](Json& p, const char* level) {
            use(p, technique);
            set_level(p, level);
        };
        CHECK(drive([&](Json& p) { run(p, "none"); }).empty());
        CHECK_THAT(drive([&](Json& p) { run(p, "clear"); }), Contains("does not reach clear"));
        CHECK_THAT(drive([&](Json& p) { run(p, "purge"); }), Contains("does not reach purge"));
    }
    for (const char* technique : {"nvme-sanitize-namespace", "block-discard", "scsi-unmap",
                                  "nvme-deallocate", "ata-trim"}) {
        INFO(technique);
        const auto run = [&](Json& p) {
            use(p, technique);
            set_level(p, "none");
        };
        CHECK_THAT(drive(run), Contains("leaves nothing sanitized"));
        CHECK(drive([&](Json& p) {
                  run(p);
                  fail_run(p);
              }).empty());
    }
    CHECK(command_set_of("overwrite-random").empty());
    CHECK(command_set_of("nvmeoverwrite").empty());
    CHECK(command_set_of("nvme").empty());
}

TEST_CASE("A failed erasure has no level, and exceptions belong to success alone") {
    CHECK_THAT(drive([](Json& p) { p["result"]["status"] = "not-sanitized"; }),
               Contains("has no level"));
    CHECK_THAT(drive([](Json& p) { p["result"]["exceptions"] = Json::array({reason("a")}); }),
               Contains("exactly when"));
    CHECK_THAT(drive([](Json& p) {
                   with_exception(p);
                   p["result"]["exceptions"] = Json::array();
               }),
               Contains("exactly when"));
}

TEST_CASE("No level for a drive above layers that keep copies, but through a network it has one") {
    for (const char* flag : {"copyOnWrite", "thin"}) {
        CHECK_THAT(drive([&](Json& p) { p["target"]["layersBelow"][0][flag] = true; }),
                   Contains("no level"));
    }
    CHECK(drive([](Json& p) { p["target"]["layersBelow"][0]["remote"] = true; }).empty());
}

TEST_CASE("Volumes are not treated by a drive's technique") {
    Json predicate = example_predicate("example");
    REQUIRE(problem_of(predicate).empty());
    predicate["sanitization"]["technique"] = "nvme-sanitize-crypto";
    CHECK_THAT(problem_of(predicate), Contains("not one for volumes"));
}

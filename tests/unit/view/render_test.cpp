// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sstream>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/view/page.hpp"
#include "efface/view/text.hpp"

#include "catch.hpp"
#include "example_files.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::view;
using Catch::Matchers::Contains;
using namespace efface::judge;

namespace {

Json whole_certificate() {
    return {{"predicate", predicate_example()}};
}
std::size_t widest(const std::string& text) {
    std::istringstream lines(text);
    std::size_t widest = 0;
    for (std::string line; std::getline(lines, line);) {
        widest = std::max(widest, line.size());
    }
    return widest;
}

/// One space for every run of spaces and line ends: how the page wraps does not matter.
std::string flowing(const std::string& text) {
    std::istringstream input(text);
    std::string joined;
    for (std::string word; input >> word;) {
        joined += (joined.empty() ? "" : " ") + word;
    }
    return joined;
}

}  // namespace

TEST_CASE("A success is titled a certificate, anything else a record of failure") {
    Json certificate = whole_certificate();
    CHECK_THAT(render_text(certificate), Catch::StartsWith("Certificate of sanitization\n"));
    certificate["predicate"]["result"]["status"] = "sanitized-with-exceptions";
    CHECK_THAT(render_text(certificate), Catch::StartsWith("Certificate of sanitization\n"));
    for (const char* status : {"not-sanitized", "indeterminate", "nonsense"}) {
        certificate["predicate"]["result"]["status"] = status;
        CHECK_THAT(render_text(certificate),
                   Catch::StartsWith("Record of unsuccessful sanitization\n"));
    }
}

TEST_CASE("No line of a page is wider than it may be") {
    for (const std::size_t columns : {72U, 80U, 100U}) {
        for (const char* kind : {"media", "file", "memory", "drive"}) {
            CAPTURE(columns, kind);
            const auto widest_line =
                widest(render_text({{"predicate", example_predicate(kind)}}, columns));
            CHECK(widest_line <= columns);
            CHECK(widest_line > columns / 2);
        }
    }
}

TEST_CASE("The page says what matters and promises nothing more") {
    const std::string text = render_text(whole_certificate());
    for (const char* part :
         {"prj-7781", "Example Tenant Ltd", "alice", "bob", "pg-data",
          "2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10", "key held in software", "What is not claimed",
          "full-read-back: passed", "0 mismatches", "NIST SP 800-88 Rev. 2 (2025-09)"}) {
        CHECK_THAT(text, Contains(part));
    }
    CHECK_THAT(text, !Contains("unrecoverable", Catch::CaseSensitive::No));
}

TEST_CASE("A technician finds the drive, what was done to it and what was not reached") {
    const std::string text = render_text({{"predicate", example_predicate("media")}});
    for (const char* part :
         {"ST4000NM0035-1V4", "ZC10A7WE", "naa.5000c500a1b2c3d4",
          "4000787030016 bytes (4.00 TB, 3.64 TiB), blocks of 512 bytes", "Pass 1 of 1",
          "random data (AES-256-CTR key stream)", "resumed at byte 1717986918400",
          "(4 h 20 min 38 s)", "everything that was written was read back",
          "100.00 % of the target", "Blocks that differ  0",
          "61 degrees Celsius: above 60 (2026-11-21T03:02:11Z, pause)",
          "Hidden areas        not examined: host protected area", "retired and replaced",
          "RMA-20261121-03"}) {
        CHECK_THAT(text, Contains(part));
    }
    CHECK_THAT(text, !Contains("the keys were erased"));
    CHECK(widest(text) <= 100);
}

TEST_CASE("What was not written, not read and not claimed stands on the page of a file") {
    const std::string text = render_text({{"predicate", example_predicate("file")}});
    for (const char* part : {"none: erased, but no level of NIST SP 800-88 is claimed",
                             "4096 bytes at byte 409600: Input/output error (5)",
                             "9.99 % of the target", "pwrite: io_uring is not permitted here",
                             "typed-token: \"customers.db-1048576123-985b61\"",
                             "nobody: there was no order", "a random sample was read back"}) {
        CHECK_THAT(text, Contains(part));
    }
}

TEST_CASE("Memory shows its steps, controls and facts") {
    const std::string text = render_text({{"predicate", example_predicate("memory")}});
    for (const char* part :
         {"memory:tmpfs:/mnt/scratch (tmpfs)", "truncate and unlink: done",
          "nothing is left in it (empty): passed", "removedFiles none", "files 37"}) {
        CHECK_THAT(text, Contains(part));
    }
}

TEST_CASE("How memory was verified is said in words, and as the record names it") {
    for (const auto& [method, meaning] :
         {std::pair{"sampled-read-back",
                    "one sixteenth of the free pages that were written was read back"},
          {"device-state", "no content was read back"}}) {
        Json memory = example_predicate("memory");
        memory["verification"]["method"] = method;
        const std::string text = flowing(render_text({{"predicate", memory}}));
        CHECK_THAT(text, Contains(meaning));
        CHECK_THAT(text, Contains("(" + std::string(method) + ")"));
    }
}

TEST_CASE("What a drive reported and what was seen of it stand apart") {
    Json drive = example_predicate("drive");
    some_unreadable(drive);
    const std::string page = render_text({{"predicate", drive}});
    CHECK(widest(page) <= 100);
    const std::string text = flowing(page);
    const auto at = [&](const char* part) {
        INFO(part);
        const auto found = text.find(part);
        REQUIRE(found != std::string::npos);
        return found;
    };
    const auto report = at("What the drive reported");
    const auto seen = at("How it was verified");
    CHECK(report < seen);
    for (const char* part :
         {"(0 h 01 min 02 s)", "Its own estimate 60 s", "a sanitize that had failed before",
          "Sanitize (Block Erase): accepted", "succeeded: SOS 1", "Cleaning up not needed",
          "NVMe log 81h, 32 bytes raw in certificate.json"}) {
        CHECK(at(part) > report);
        CHECK(at(part) < seen);
    }
    for (const char* part :
         {"19 placed, in blocks of 4096 bytes: 18 changed, 1 not readable, 0 still there",
          "19 canaries, the first at byte 0, the last at byte 151552", "not readable byte 28672",
          "256 samples: 203 changed", "zeros: 255 blocks compared with it, 0 differ",
          "once: EIO (not expected)",
          "2 canaries could not be read at first; reset of the path: done",
          "16 canaries checked with commands of the drive, 0 still there", "Identity after same"}) {
        CHECK(at(part) > seen);
    }
    for (const char* part : {"firmware GDC5902Q", "the technique reaches it as it is",
                             "137438953472 bytes (137.44 GB, 128.00 GiB)"}) {
        CHECK_THAT(text, Contains(part));
    }
    CHECK_THAT(text, !Contains("ffff0101"));  // raw pages are named only
}

TEST_CASE("The health that a drive reported is shown before and after, and what has grown") {
    const auto text = flowing(render_text({{"predicate", example_predicate("drive")}}));
    for (const char* part :
         {"Health before 2026", "no failure, 10000 hours powered on, 31 power cycles",
          "63209472000 bytes written by hosts, 0 uncorrected media errors", "97 % spare left",
          "37 degrees Celsius", "last self-test passed", "NVMe log 02h, 512 bytes raw",
          "Health after 2026", "2 uncorrected media errors", "Grown mediaErrors: from 0 to 2"}) {
        CAPTURE(part);
        CHECK_THAT(text, Contains(part));
    }
    auto without = example_predicate("drive");
    without["target"]["health"]["after"] = nullptr;
    CHECK_THAT(flowing(render_text({{"predicate", without}})),
               Contains("Health after not reported"));
    without["target"].erase("health");
    CHECK_THAT(render_text({{"predicate", without}}), !Contains("Health"));
}

TEST_CASE("A canary that still stands and an area that stayed hidden are told, and where") {
    Json predicate = example_predicate("drive");
    predicate["target"]["hiddenAreas"]["areas"] = {hidden_area("dco", false, false)};
    predicate["target"]["hiddenAreas"]["areas"][0]["why"] = "DCO is frozen";
    Json& surface = predicate["verification"]["canaries"]["surfaces"][0];
    for (std::uint64_t i = 1; i <= 20; ++i) {
        surface["intact"].push_back(i * 4096);
    }
    const std::string text = flowing(render_text({{"predicate", predicate}}));
    CHECK_THAT(text, Contains("NOT REACHED: DCO is frozen"));
    CHECK_THAT(text, Contains("still there byte 4096, 8192"));
    CHECK_THAT(text, Contains("and 12 more: see certificate.json"));
    surface["name"] = predicate["target"]["hiddenAreas"]["areas"][0]["kind"] = "x\x1b]0;y\x07";
    CHECK_THAT(render_text({{"predicate", predicate}}), !Contains("\x1b"));
    adopted(predicate);
    CHECK_THAT(render_text({{"predicate", predicate}}),
               Contains("not by this run: the erase was already running"));
}

TEST_CASE("A long list of commands is cut, and says so") {
    Json predicate = example_predicate("drive");
    Json& commands = predicate["sanitization"]["operation"]["commands"];
    commands = Json(std::vector<Json>(100, commands[0]));
    CHECK_THAT(render_text({{"predicate", predicate}}), Contains("and 84 more commands"));
}

TEST_CASE("A share of the target is never rounded up to all of it") {
    Json predicate = example_predicate("media");
    predicate["verification"]["bytesCompared"] = kDisk - 512;
    CHECK_THAT(render_text({{"predicate", predicate}}), Contains("99.99 % of the target"));
}

TEST_CASE("A list of bad areas is cut, and says so") {
    Json predicate = example_predicate("media");
    Json& faults = pass(predicate)["writeFaults"];
    for (std::uint64_t i = 0; i < 20; ++i) {
        faults["areas"].push_back({{"offset", i * 8192}, {"length", 4096U}, {"error", "EIO"}});
    }
    faults["count"] = 1000U;
    CHECK_THAT(render_text({{"predicate", predicate}}), Contains("and 992 more places"));
}

TEST_CASE("The page names the digest that certificate.json must have") {
    const Json certificate = whole_certificate();
    CHECK_THAT(render_text(certificate), Contains(sha256_hex(canonical_json(certificate))));
}

TEST_CASE("A level of none is said in words") {
    Json certificate = whole_certificate();
    certificate["predicate"]["result"]["level"] = "none";
    CHECK_THAT(render_text(certificate), Contains("no level of NIST SP 800-88 is claimed"));
}

TEST_CASE("Lines stay within 100 columns, whatever the record holds") {
    Json certificate = whole_certificate();
    certificate["predicate"]["dataOwner"]["organization"] = std::string(500, 'x');
    const std::string text = std::string(300, 'y') + " " + std::string(99, 'z');
    certificate["predicate"]["volumes"][0]["reasons"] =
        Json::array({text, ObjectWriter().add("code", "flash").add("text", text).take()});
    CHECK(widest(render_text(certificate)) <= 100);
}

TEST_CASE("A reason is shown in words, with its code behind them") {
    Json certificate = whole_certificate();
    Json& risks = certificate["predicate"]["volumes"][0]["residualRisks"];
    risks = Json::array({ObjectWriter().add("code", "flash").add("text", "it stays").take()});
    CHECK_THAT(render_text(certificate), Contains("- it stays [flash]\n"));
    risks = Json::array({"of record 1.0.0"});
    CHECK_THAT(render_text(certificate), Contains("- of record 1.0.0\n"));
}

TEST_CASE("Control characters, escapes and hidden directions do not reach the terminal") {
    CHECK(visible("a\x1b[31mb") == "a\\u{1b}[31mb");
    CHECK(visible("a\nb") == "a\\u{a}b");
    CHECK(visible("\xc2\x9b") == "\\u{9b}");
    CHECK(visible("\xe2\x80\xae") == "\\u{202e}");
    CHECK(visible("\xff\xc0\x80") == "\\xff\\xc0\\x80");
    CHECK(visible("M\xc3\xbcller") == "M\xc3\xbcller");
    Json certificate = whole_certificate();
    certificate["predicate"]["dataOwner"]["organization"] = "x\x1b]0;y\x07";
    const std::string text = render_text(certificate);
    CHECK(std::none_of(text.begin(), text.end(),
                       [](char c) { return static_cast<unsigned char>(c) < 0x20U && c != '\n'; }));
}

TEST_CASE("A record that lacks everything is still shown") {
    CHECK_FALSE(render_text(Json::object()).empty());
    CHECK_FALSE(render_text(Json("text")).empty());
    CHECK_FALSE(render_text({{"predicate", {{"volumes", {1, "x", Json::array()}}}}}).empty());
}

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <sstream>

#include "efface/base/file.hpp"
#include "efface/evidence/bundle.hpp"

#include "catch.hpp"
#include "page.hpp"

using namespace efface;
using namespace efface::evidence;
using Catch::Matchers::Contains;

namespace {

constexpr std::size_t kFileBytesMax = 1 << 20;

Json example() {
    const char* const path = EFFACE_TEST_DATA "/evidence/predicate-example.json";
    return {{"predicate", parse_json(read_text_file(path, kFileBytesMax).value(), path)}};
}
std::size_t widest(const std::string& text) {
    std::istringstream lines(text);
    std::size_t widest = 0;
    for (std::string line; std::getline(lines, line);) {
        widest = std::max(widest, line.size());
    }
    return widest;
}

}  // namespace

TEST_CASE("A success is titled a certificate, anything else a record of failure") {
    Json certificate = example();
    CHECK_THAT(render_text(certificate), Catch::StartsWith("Certificate of sanitization\n"));
    certificate["predicate"]["result"]["status"] = "sanitized-with-exceptions";
    CHECK_THAT(render_text(certificate), Catch::StartsWith("Certificate of sanitization\n"));
    for (const char* status : {"not-sanitized", "indeterminate", "nonsense"}) {
        certificate["predicate"]["result"]["status"] = status;
        CHECK_THAT(render_text(certificate),
                   Catch::StartsWith("Record of unsuccessful sanitization\n"));
    }
}

TEST_CASE("The page says what matters and promises nothing more") {
    const std::string text = render_text(example());
    for (const char* part :
         {"prj-7781", "Example Tenant Ltd", "alice", "bob", "pg-data",
          "2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10", "key held in software", "What is not claimed",
          "full-read-back: pass", "0 mismatches", "NIST SP 800-88 Rev. 2 (2025-09)"}) {
        CHECK_THAT(text, Contains(part));
    }
    CHECK_THAT(text, !Contains("unrecoverable", Catch::CaseSensitive::No));
}

TEST_CASE("A level of none is said in words") {
    Json certificate = example();
    certificate["predicate"]["result"]["level"] = "none";
    CHECK_THAT(render_text(certificate), Contains("no level of NIST SP 800-88 is claimed"));
}

TEST_CASE("Lines stay within 100 columns, whatever the record holds") {
    Json certificate = example();
    certificate["predicate"]["dataOwner"]["organization"] = std::string(500, 'x');
    certificate["predicate"]["volumes"][0]["reasons"] = {std::string(300, 'y') + " " +
                                                         std::string(99, 'z')};
    CHECK(widest(render_text(certificate)) <= 100);
}

TEST_CASE("Control characters, escapes and hidden directions do not reach the terminal") {
    CHECK(visible("a\x1b[31mb") == "a\\u{1b}[31mb");
    CHECK(visible("a\nb") == "a\\u{a}b");
    CHECK(visible("\xc2\x9b") == "\\u{9b}");
    CHECK(visible("\xe2\x80\xae") == "\\u{202e}");
    CHECK(visible("\xff\xc0\x80") == "\\xff\\xc0\\x80");
    CHECK(visible("M\xc3\xbcller") == "M\xc3\xbcller");
    Json certificate = example();
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

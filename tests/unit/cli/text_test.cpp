// SPDX-License-Identifier: Apache-2.0
#include "terminal/text.hpp"

#include "catch.hpp"
#include "erase/plan_text.hpp"
#include "terminal/console.hpp"

using namespace efface;
using namespace efface::cli;

namespace {

/// What a terminal would do something with, or a reader would not see.
const std::vector<std::string> kHostile{
    "\x1b[2J",      "\x07",         "\x9b",         "\xc2\x9b",
    "\xe2\x80\xae", "\xe2\x80\x8b", "\xef\xbb\xbf", "\xf3\xa0\x81\x81",
    "\xff",         "\r",           "\x7f",         "\xd8\x9c\xe2\x81\xa6"};

bool is_safe(const std::string& text) {
    for (const char letter : text) {
        const auto byte = static_cast<unsigned char>(letter);
        if ((byte < 0x20 && letter != '\n') || byte == 0x7f) {
            return false;
        }
    }
    return is_utf8(text) && on_screen(text) == text;
}

}  // namespace

TEST_CASE("screens: whatever a name, model, serial number or label holds", "[cli][screen]") {
    for (const auto& hostile : kHostile) {
        const std::string name = "a" + hostile + "\nefface: forged";
        CAPTURE(hostile);
        CHECK(is_safe(on_screen(name)));
        CHECK(one_line(name).find('\n') == std::string::npos);
        CHECK(is_safe(table({{"NAME", "MODEL"}, {name, name}})));
        CHECK(Json::parse(json_text(ObjectWriter().add("name", name).take())).is_object());
        job::TargetPlan plan;
        plan.name = name;
        plan.identity =
            ObjectWriter().add("model", name).add("serial", name).add("wwid", name).take();
        plan.confirm_token = name;
        plan.steps = {name};
        plan.not_reached = {name};
        plan.exceptions = {{ReasonCode::mounted, name}};
        plan.residual_risks = {{ReasonCode::mounted, name}};
        try {
            const auto text = plan_text(plan, Confirmation::possible);
            CHECK(is_safe(text));
            CHECK(text.find("\nefface: forged") == std::string::npos);
        } catch (const Error& error) {  // no record could hold it, so there is no plan
            CHECK(error.reason() == ReasonCode::internal);
        }
    }
    CHECK(on_screen("Müller 数据\n") == "Müller 数据\n");
}

TEST_CASE("numbers: sizes and times with units", "[cli][numbers]") {
    CHECK(parse_bytes("10MB") == 10'000'000U);
    CHECK(parse_bytes("10m") == 10'000'000U);
    CHECK(parse_bytes("10MiB") == 10U << 20U);
    CHECK(parse_bytes("18446744073709551615") == UINT64_MAX);
    CHECK(parse_bytes("15EiB") == std::uint64_t{15} << 60U);
    for (const char* wrong : {"", "-1", "+1", " 1", "1 ", "1.5M", "M", "1MM", "1iB", "1BB", "16EiB",
                              "18446744073709551616", "0x1", "1KiBs"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_bytes(wrong));
    }
    CHECK(parse_seconds("12h") == 43'200U);
    CHECK(parse_seconds("7") == 7U);
    CHECK(parse_seconds("2D") == 172'800U);
    for (const char* wrong : {"", "-1", "1w", "1.5h", "h", "99999999999999999d"}) {
        CAPTURE(wrong);
        CHECK_FALSE(parse_seconds(wrong));
    }
}

TEST_CASE("words: the one that was probably meant", "[cli][words]") {
    const std::vector<std::string> words{"erase", "list", "plan", "jobs", "verify"};
    CHECK(most_alike("eras", words) == "erase");
    CHECK(most_alike("ersae", words) == "erase");
    CHECK(most_alike("lsit", words) == "list");
    CHECK(most_alike("Plan", words) == "plan");
    CHECK_FALSE(most_alike("xyzzy", words));
    CHECK_FALSE(most_alike("", words));
    CHECK_FALSE(most_alike(std::string(1000, 'x'), words));
}

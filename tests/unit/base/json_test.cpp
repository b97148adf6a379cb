// SPDX-License-Identifier: Apache-2.0
#include "efface/base/json.hpp"

#include "catch.hpp"

using namespace efface;

namespace {
std::string problem(const std::string& text, const JsonLimits& limits = {}) {
    try {
        (void)parse_json(text, "it", limits);
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::usage);
        return error.what();
    }
    return "none";
}
}  // namespace

TEST_CASE("a repeated key is refused and named", "[base][json]") {
    CHECK(problem(R"({"a":1,"b":{"c":1,"c":2}})") == "it: key \"c\" is repeated");
}

TEST_CASE("where repeated keys are allowed the first one wins", "[base][json]") {
    const JsonLimits lenient{.duplicate_keys_allowed = true};
    const auto json = parse_json(R"({"a":1,"a":{"deep":[1,2]},"b":3})", "it", lenient);
    CHECK(json == Json{{"a", 1}, {"b", 3}});
}

TEST_CASE("nothing stands behind a JSON text or in front of it", "[base][json]") {
    using namespace std::string_view_literals;
    for (const auto text : {"{}\0"sv, "{}\0{}"sv, "\xef\xbb\xbf{}"sv, "\0"sv}) {
        CHECK_THROWS_AS(parse_json(text, "it"), Error);
    }
}

TEST_CASE("what may stand in a record as it is", "[base][json]") {
    CHECK(is_utf8("plain"));
    CHECK(is_utf8("\xc3\xa4"));
    CHECK_FALSE(is_utf8("\xff"));
}

TEST_CASE("what is not one JSON text is refused", "[base][json]") {
    for (const auto* text : {"", "{", "{}x", "{} {}", "[1,]", "// c\n{}", "{'a':1}", "nan",
                             "\"\xff\"", "\"\xc0\xaf\"", "[01]", "\"\t\""}) {
        CAPTURE(text);
        CHECK(problem(text).find("not valid JSON") != std::string::npos);
    }
}

TEST_CASE("size and depth are bounded", "[base][json]") {
    CHECK(problem("[1,2,3]", {.bytes_max = 6}).find("larger than 6") != std::string::npos);
    CHECK(problem("[[[]]]", {.depth_max = 2}).find("deeper than 2") != std::string::npos);
    CHECK(problem(std::string(100'000, '[')).find("deeper than 32") != std::string::npos);
}

// RFC 8785 appendix and section 3.2.3, reduced to our subset; checked with
// python3 -c 'json.dumps(sort_keys=True,separators=(",",":"),ensure_ascii=False)'.
TEST_CASE("canonical form sorts keys and leaves no white space", "[base][json]") {
    const auto json =
        parse_json(R"( { "b" : [ 1 , true , null ] , "a" : "\u20ac \"\\/" , "B" : -5 } )", "it");
    CHECK(canonical_json(json) == "{\"B\":-5,\"a\":\"€ \\\"\\\\/\",\"b\":[1,true,null]}");
}

TEST_CASE("what has more than one canonical form cannot stand in a record", "[base][json]") {
    CHECK_THROWS_AS(canonical_json(Json(1.5)), Error);
    CHECK_THROWS_AS(canonical_json(Json(std::uint64_t{1} << 53U)), Error);
    CHECK_THROWS_AS(canonical_json(Json(-(std::int64_t{1} << 53U))), Error);
    CHECK_THROWS_AS(canonical_json(Json("a\ttab")), Error);
    CHECK(canonical_json(Json("line\nfeed")) == R"("line\nfeed")");
    CHECK_THROWS_AS(canonical_json(Json("\x7f")), Error);
    CHECK_THROWS_AS(canonical_json(Json{{"\xc3\xa4", 1}}), Error);
    CHECK_THROWS_AS(canonical_json(Json("\xff")), Error);
    CHECK(canonical_json(Json((std::uint64_t{1} << 53U) - 1)) == "9007199254740991");
}

TEST_CASE("an object reader names the place and refuses unknown keys", "[base][json]") {
    const auto json = parse_json(R"({"name":"x","count":-1,"extra":0})", "it");
    ObjectReader reader(json, "manifest: volumes[2]");
    CHECK(reader.required_string("name") == "x");
    CHECK_THROWS_WITH(reader.required_string("uuid"), "manifest: volumes[2].uuid: is missing");
    CHECK_THROWS_WITH(reader.optional_unsigned("count"),
                      "manifest: volumes[2].count: must be a whole number, 0 or more");
    CHECK_THROWS_WITH(reader.refuse_unknown_keys(),
                      "manifest: volumes[2].extra: is not a known key");
}

TEST_CASE("device strings become printable", "[base][json]") {
    CHECK(printable("  S64G\x01NE\xff  ") == "S64G?NE?");
    CHECK(printable("   ").empty());
}

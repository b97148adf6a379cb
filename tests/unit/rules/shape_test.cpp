// SPDX-License-Identifier: Apache-2.0
#include "efface/rules/shape.hpp"

#include <chrono>
#include <thread>

#include "efface/evidence/bundle.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::rules;
using Catch::Matchers::Contains;

namespace {

Json json(std::string_view text) {
    return parse_json(text, "test");
}

/// A table whose shape "x" this is, beside some others.
Shapes shapes_with(std::string_view shape) {
    Json table = json(R"({"versions": ["1", "2", "3"], "shapes": {
        "one": {"fields": {"a": "flag", "b?": "flag"}},
        "more": {"with": ["one"], "fields": {"c": "flag"}, "since 2": {"d?": "flag"}},
        "word": {"one of": ["yes", "no"]}}})");
    table["shapes"]["x"] = json(shape);
    return Shapes(std::vector<Json>(1, table));
}

/// What is wrong; "" when nothing is.
std::string problem(const Shapes& shapes, const Json& value, std::string_view version = "1") {
    try {
        shapes.check({value, "here"}, "x", version);
        return {};
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::usage);
        CHECK(std::string_view(error.what()).starts_with("here"));
        return error.what();
    }
}

struct Construct {
    const char* shape;
    std::vector<const char*> accepted;
    std::vector<const char*> refused;
};

const std::vector<Construct>& constructs() {
    static const std::vector<Construct> kAll = {
        {R"("flag")", {"true", "false"}, {"null", "0", "\"true\"", "[]", "{}"}},
        {R"("time")",
         {"\"2026-11-21T09:41:07Z\"", "\"1970-01-01T00:00:00Z\"", "\"2024-02-29T23:59:59Z\""},
         {"\"\"", "\"2026-11-21\"", "\"2026-02-29T00:00:00Z\"", "\"2026-11-21T24:00:00Z\"",
          "\"2026-11-21T09:41:07+00:00\"", "\"2026-11-21T09:41:07.5Z\"", "\"1969-12-31T23:59:59Z\"",
          "7"}},
        {R"("uuid")",
         {"\"0199f3c2-7d5e-7c41-9b0a-3f6c2f1d8e61\""},
         {"\"\"", "\"0199F3C2-7d5e-7c41-9b0a-3f6c2f1d8e61\"",
          "\"0199f3c27d5e7c419b0a3f6c2f1d8e61\"", "\"0199f3c2-7d5e-7c41-9b0a-3f6c2f1d8e6\"",
          "\"0199f3c2-7d5e-7c41-9b0a-3f6c2f1d8e611\"", "7"}},
        {R"("digits")",
         {"\"0\"", "\"18446744073709551615\""},
         {"\"\"", "\"-1\"", "\"1x\"", "\"123456789012345678901\"", "1"}},
        {R"("reason")", {"\"flash\""}, {"\"\"", "\"weather\"", "7", "null"}},
        {R"("nothing")", {}, {"null", "7", "\"\"", "{}", "[]"}},
        {R"({"text": {"min": 1, "max": 4, "not": ["bad"]}})",
         {"\"a\"", "\"abcd\"", "\"\u00e9\u00e9\"", "\"badd\""},
         {"\"\"", "\"abcde\"", "\"\u00e9\u00e9a\"", "\"bad\"", "7", "null"}},
        {R"({"hex": {"min": 1, "max": 2, "after": "x:"}})",
         {"\"x:00\"", "\"x:00ff\""},
         {"\"x:\"", "\"x:0\"", "\"x:000000\"", "\"x:0G\"", "\"x:FF\"", "\"00\"", "\"\"", "0"}},
        {R"({"number": {"min": -1, "max": 9007199254740991}})",
         {"-1", "0", "9007199254740991"},
         {"-2", "9007199254740992", "18446744073709551615", "0.0", "1.5", "\"1\"", "true"}},
        {R"({"one of": ["yes", ""]})", {"\"yes\"", "\"\""}, {"\"Yes\"", "\"no\"", "null", "7"}},
        {R"("word")", {"\"no\""}, {"\"maybe\""}},
        {R"({"list": "flag", "min": 1, "max": 2})",
         {"[true]", "[true,false]"},
         {"[]", "[true,true,true]", "[null]", "[7]", "{}", "true"}},
        {R"({"map": "flag", "max": 2})",
         {"{}", R"({"a":true,"b":false})"},
         {R"({"a":7})", R"({"a":null})", R"({"":true})", R"({"a":true,"b":true,"c":true})", "[]"}},
        {R"("one")",
         {R"({"a":true})", R"({"a":true,"b":true})", R"({"a":true,"b":null})"},
         {"{}", R"({"a":null})", R"({"a":7})", R"({"a":true,"b":7})", R"({"a":true,"c":true})",
          R"({"a":true,"":null})", R"({"0":1,"a":true})", "[]", "null"}},
        {R"({"with": ["one"], "fields": {"b": "word"}})",
         {R"({"a":true,"b":"yes"})"},
         {R"({"a":true,"b":true})", R"({"a":true})", R"({"b":"yes"})"}},
        {R"({"maybe with": ["one"], "fields": {"c": "flag"}})",
         {R"({"c":true})", R"({"c":true,"a":false})"},
         {R"({"a":true})", R"({"c":true,"a":7})", R"({"c":true,"d":7})"}},
        {R"({"choice": "a.b", "cases": {"true": {"fields": {"a": {"fields": {"b": "flag"}}}},
            "x-*": {"fields": {"a": {"fields": {"b": {"text": {"max": 9}}}}, "c": "flag"}}}})",
         {R"({"a":{"b":true}})", R"({"a":{"b":"x-1"},"c":true})"},
         {R"({"a":{"b":false}})", R"({"a":{"b":"x-"},"c":true})", R"({"a":{"b":"x-1"}})", "{}",
          R"({"a":{}})", R"({"a":{"b":7}})", R"({"a":{"b":null}})", R"({"a":7})", "7"}},
        {R"({"choice": "a", "cases": {"x": "nothing"}, "else": {"fields": {"a": "word"}}})",
         {R"({"a":"yes"})"},
         {R"({"a":"x"})", R"({"a":"y"})", R"({"a":7})", "{}"}},
        {R"({"any": ["flag", {"one of": [""]}]})", {"true", "\"\""}, {"\"x\"", "7", "null"}},
        {R"({"apart": "one"})", {"{}", R"({"c":7})"}, {"[]", "null", "7"}},
    };
    return kAll;
}

}  // namespace

TEST_CASE("each construct of the grammar accepts what it says, and nothing else") {
    for (const Construct& construct : constructs()) {
        const Shapes shapes = shapes_with(construct.shape);
        for (const char* value : construct.accepted) {
            INFO(construct.shape << " " << value);
            CHECK(problem(shapes, json(value)).empty());
        }
        for (const char* value : construct.refused) {
            INFO(construct.shape << " " << value);
            CHECK_FALSE(problem(shapes, json(value)).empty());
        }
    }
}

TEST_CASE("later versions have more fields, and other shapes") {
    const Shapes more = shapes_with(R"("more")");
    const Json with_d = json(R"({"a":true,"c":true,"d":true})");
    CHECK_FALSE(problem(more, with_d, "1").empty());
    CHECK(problem(more, with_d, "2").empty());
    CHECK(problem(more, with_d, "3").empty());
    const Shapes other = shapes_with(R"({"by version": {"1": "flag", "3": "word"}})");
    CHECK(problem(other, true, "1").empty());
    CHECK(problem(other, true, "2").empty());
    CHECK_FALSE(problem(other, true, "3").empty());
    CHECK(problem(other, "yes", "3").empty());
    CHECK(more.versions() == std::vector<std::string>{"1", "2", "3"});
}

TEST_CASE("what is wrong is said with its place, at any depth") {
    const Shapes shapes = shapes_with(R"({"fields": {"list": {"list": "one", "max": 9}}})");
    CHECK_THAT(problem(shapes, json(R"({"list": [{"a": true}, {"a": 7}]})")),
               Contains("here.list[1].a: "));
    CHECK_THAT(problem(shapes, json(R"({"list": [{"a": true, "odd\n": 7}]})")),
               Contains("here.list[0]: unknown field \"odd?\""));
}

TEST_CASE("numbers of a record that was just made have a sign, and are judged alike") {
    const Shapes shapes = shapes_with(R"({"number": {"min": 0, "max": 5}})");
    CHECK(problem(shapes, Json(std::int64_t{5})).empty());
    CHECK_FALSE(problem(shapes, Json(std::int64_t{-1})).empty());
    CHECK_FALSE(problem(shapes, Json(std::int64_t{6})).empty());
    CHECK(RecordView(Json(std::int64_t{5}), "here").number() == 5);
    CHECK_THROWS_AS((void)RecordView(Json(std::int64_t{-1}), "here").number(), Error);
}

TEST_CASE("a table that is no grammar is refused, whatever is judged by it") {
    for (const char* shape :
         {R"({})", R"({"txt": {"max": 1}})", R"({"text": {"max": 1, "flavour": 1}})",
          R"({"text": {"max": 1}, "number": {"max": 1}})", R"("none-of-this-name")", R"(7)",
          R"({"list": "flag", "most": 1})", R"({"fields": {"a": "unknown"}})",
          R"({"with": ["unknown"]})", R"({"with": ["word"]})", R"({"fields": {"a": "x"}})",
          R"({"fields": {}, "since 4": {}})", R"({"by version": {"2": "flag"}})",
          R"({"apart": "unknown"})", R"({"text": {"min": -1, "max": 1}})",
          R"({"choice": "a", "cases": {"b": "unknown"}})",
          R"({"choice": "a", "cases": {"b*": "flag", "bc": "flag"}})",
          R"({"choice": "a", "cases": {"b*": "flag", "bc*": "flag"}})", R"({"one of": [7]})"}) {
        INFO(shape);
        try {
            (void)shapes_with(shape);
            FAIL_CHECK("it was taken");
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::internal);
        }
    }
}

TEST_CASE("the program's table knows the versions of the records that it writes and reads") {
    const auto& versions = record_shapes().versions();
    CHECK(versions.front() == "1.0.0");
    CHECK(versions.back() == evidence::kSchemaVersion);
}

TEST_CASE("the table is read once, whoever asks first") {
    std::vector<std::thread> threads;
    std::vector<const Shapes*> seen(8);
    threads.reserve(seen.size());
    for (const Shapes*& one : seen) {
        threads.emplace_back([&one] { one = &record_shapes(); });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    CHECK(std::all_of(seen.begin(), seen.end(), [&](const Shapes* one) { return one == seen[0]; }));
}

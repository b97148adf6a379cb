// SPDX-License-Identifier: Apache-2.0
#include "efface/base/json.hpp"

#include "catch.hpp"

using namespace efface;

namespace {

template <typename T>
concept CanBeAdded = requires(ObjectWriter writer, T value) {
    writer.add("key", value);
};

}  // namespace

TEST_CASE("an object writer writes each kind of value as itself", "[base][json]") {
    const std::string text = "text";
    const auto json = ObjectWriter()
                          .add("string", text)
                          .add("literal", "literal")
                          .add("view", std::string_view("view"))
                          .add("yes", true)
                          .add("no", false)
                          .add("null", nullptr)
                          .add("least", std::int64_t{-5})
                          .add("most", std::uint64_t{1} << 52U)
                          .add("byte", std::uint8_t{7})
                          .add("list", std::vector<std::string>{"b", "a"})
                          .add("set", std::set<std::string>{"b", "a"})
                          .add("object", ObjectWriter().add("inner", 1).take())
                          .take();
    CHECK(canonical_json(json) ==
          R"({"byte":7,"least":-5,"list":["b","a"],"literal":"literal","most":4503599627370496,)"
          R"("no":false,"null":null,"object":{"inner":1},"set":["a","b"],"string":"text",)"
          R"("view":"view","yes":true})");
}

TEST_CASE("an object writer writes reasons with their codes", "[base][json]") {
    const std::vector<Reason> reasons{{ReasonCode::mounted, "/dev/a is mounted at /srv"}};
    CHECK(canonical_json(ObjectWriter().add("reasons", reasons).take()) ==
          R"({"reasons":[{"code":"mounted","text":"/dev/a is mounted at /srv"}]})");
    CHECK(canonical_json(ObjectWriter().add("reasons", std::vector<Reason>()).take()) ==
          R"({"reasons":[]})");
}

TEST_CASE("an object writer writes null where there is no value", "[base][json]") {
    const auto json = ObjectWriter()
                          .add("none", std::optional<bool>())
                          .add("some", std::optional<bool>(false))
                          .add("number", std::optional<std::uint64_t>(3))
                          .take();
    CHECK(canonical_json(json) == R"({"none":null,"number":3,"some":false})");
}

TEST_CASE("an object writer is empty after it was taken", "[base][json]") {
    ObjectWriter writer;
    CHECK(writer.take() == Json::object());
    writer.add("a", 1);
    CHECK(writer.take().size() == 1);
    CHECK(writer.take() == Json::object());
    writer.add("a", 2);  // not twice: the other one was taken
    CHECK(writer.take().at("a") == 2);
}

TEST_CASE("no record has fractions: they do not compile", "[base][json]") {
    STATIC_REQUIRE(CanBeAdded<unsigned>);
    STATIC_REQUIRE(CanBeAdded<bool>);
    STATIC_REQUIRE_FALSE(CanBeAdded<double>);
    STATIC_REQUIRE_FALSE(CanBeAdded<float>);
}

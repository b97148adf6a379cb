// SPDX-License-Identifier: Apache-2.0
// The constructs of the grammar of shapes. Private to the rules module.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::rules {

/// Where in a record, put into words only when something is wrong there. Borrows what it names.
class Place final {
  public:
    explicit Place(std::string_view where) : key_(where) {}
    Place(const Place& parent, std::string_view key) : parent_(&parent), key_(key) {}
    Place(const Place& parent, std::size_t index) : parent_(&parent), index_(index), item_(true) {}

    /// Throws Error(usage) "place: problem".
    [[noreturn]] void fail(const std::string& problem) const;

  private:
    [[nodiscard]] std::string words() const;

    const Place* parent_ = nullptr;
    std::string_view key_;
    std::size_t index_ = 0;
    bool item_ = false;
};

class Shape {
  public:
    virtual ~Shape() = default;
    /// Throws Error(usage) unless the value is of this shape.
    virtual void check(const Json& value, const Place& place) const = 0;
};

/// Scalars that the tables need not describe: flag, time, uuid, digits, reason, nothing.
class BuiltInShape final : public Shape {
  public:
    using Accepts = bool (*)(const Json& value);
    BuiltInShape(Accepts accepts, std::string what) : accepts_(accepts), what_(std::move(what)) {}
    void check(const Json& value, const Place& place) const override;

  private:
    Accepts accepts_;
    std::string what_;
};
struct BuiltIn {
    const char* name;
    BuiltInShape::Accepts accepts;
    const char* what;  ///< it must be
};
[[nodiscard]] const std::vector<BuiltIn>& built_in_shapes();

struct TextShape final : Shape {
    std::size_t bytes_min = 0;
    std::size_t bytes_max = 0;
    std::vector<std::string> refused;
    void check(const Json& value, const Place& place) const override;
};
struct HexShape final : Shape {
    std::size_t bytes_min = 0;
    std::size_t bytes_max = 0;
    std::string after;
    void check(const Json& value, const Place& place) const override;
};
struct NumberShape final : Shape {
    std::int64_t min = 0;
    std::int64_t max = 0;
    void check(const Json& value, const Place& place) const override;
};
struct WordShape final : Shape {
    std::vector<std::string> words;
    void check(const Json& value, const Place& place) const override;
};
struct ApartShape final : Shape {
    void check(const Json& value, const Place& place) const override;
};
struct ListShape final : Shape {
    const Shape* item = nullptr;
    std::size_t items_min = 0;
    std::size_t items_max = 0;
    void check(const Json& value, const Place& place) const override;
};
struct MapShape final : Shape {
    const Shape* item = nullptr;
    std::size_t items_max = 0;
    void check(const Json& value, const Place& place) const override;
};
struct FieldsShape final : Shape {
    struct Field {
        std::string name;
        const Shape* shape = nullptr;
        bool required = true;
    };
    std::vector<Field> fields;  ///< sorted by name, as JSON objects are
    void check(const Json& value, const Place& place) const override;
};
struct ChoiceShape final : Shape {
    struct Case {
        std::string word;
        bool only_begins = false;
        const Shape* shape = nullptr;
    };
    std::vector<std::string> path;
    std::vector<Case> cases;
    const Shape* otherwise = nullptr;  ///< may be none
    void check(const Json& value, const Place& place) const override;
};
struct AnyShape final : Shape {
    std::vector<const Shape*> shapes;
    void check(const Json& value, const Place& place) const override;
};

}  // namespace efface::rules

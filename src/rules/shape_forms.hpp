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

    [[nodiscard]] std::string words() const;

  private:
    const Place* parent_ = nullptr;
    std::string_view key_;
    std::size_t index_ = 0;
    bool item_ = false;
};

/// What is wrong, in words where somebody wants to read them.
class Finding final {
  public:
    enum class Words { wanted, nobody_reads };
    explicit Finding(Words words) : words_(words) {}

    /// Always false, so that what refuses returns it.
    bool refuse(const Place& place, const std::string& problem) {
        if (words_ == Words::wanted) {
            text_ = place.words() + ": " + problem;
        }
        return false;
    }
    [[nodiscard]] const std::string& text() const noexcept { return text_; }

  private:
    Words words_;
    std::string text_;
};

class Shape {
  public:
    virtual ~Shape() = default;
    /// Whether the value is of this shape; else the finding says why not.
    virtual bool fits(const Json& value, const Place& place, Finding& finding) const = 0;
};

/// Scalars that the tables need not describe: flag, time, uuid, digits, reason, nothing.
class BuiltInShape final : public Shape {
  public:
    using Accepts = bool (*)(const Json& value);
    BuiltInShape(Accepts accepts, std::string what) : accepts_(accepts), what_(std::move(what)) {}
    bool fits(const Json& value, const Place& place, Finding& finding) const override;

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
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
};
struct HexShape final : Shape {
    std::size_t bytes_min = 0;
    std::size_t bytes_max = 0;
    std::string after;
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
};
struct NumberShape final : Shape {
    std::int64_t min = 0;
    std::int64_t max = 0;
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
};
struct WordShape final : Shape {
    std::vector<std::string> words;
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
};
struct ApartShape final : Shape {
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
};
struct ListShape final : Shape {
    const Shape* item = nullptr;
    std::size_t items_min = 0;
    std::size_t items_max = 0;
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
};
struct MapShape final : Shape {
    const Shape* item = nullptr;
    std::size_t items_max = 0;
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
};
struct FieldsShape final : Shape {
    struct Field {
        std::string name;
        const Shape* shape = nullptr;
        bool required = true;
    };
    std::vector<Field> fields;  ///< sorted by name, as JSON objects are
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
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
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
};
struct AnyShape final : Shape {
    std::vector<const Shape*> shapes;
    bool fits(const Json& value, const Place& place, Finding& finding) const override;
};

}  // namespace efface::rules

// SPDX-License-Identifier: Apache-2.0
// What a record looks like: fields, types, bounds and vocabularies at every depth, read from
// src/rules/tables/shapes*.json. README of the grammar: efface-certificate(5) names the schemas
// that are made from it; scripts/verify_bundle/shape.py reads the same tables.
//
// A table is {"shapes": {name: shape}}. The first one also has "versions" of records, oldest
// first, and "parts", the names of the other tables. A shape is one of
//   "name"                                     a shape of the tables, or one that is built in:
//                                              flag, time, uuid, digits, reason, nothing
//   {"fields": {"a": shape, "b?": shape}}      an object of these fields, no other; "?": may be
//                                              missing or null. "with": names of objects whose
//                                              fields it has as well ("maybe with": as optional
//                                              ones), "since VERSION": fields of later records;
//                                              its own stand before those
//   {"list": shape, "min": 0, "max": n}
//   {"map": shape, "max": n}                   an object of any names (of 1 to 128 bytes)
//   {"text": {"min": 0, "max": n, "not": []}}  bytes of UTF-8; none of these words
//   {"hex": {"min": 0, "max": n, "after": ""}} bytes in lower-case hex, behind this text
//   {"number": {"min": 0, "max": n}}           whole
//   {"one of": ["text"]}
//   {"choice": "a.b", "cases": {"text": shape, "tex*": shape}, "else": shape}
//                                              by a text or flag at this path; "tex*": what
//                                              begins so and goes on; cases that overlap are
//                                              refused
//   {"any": [shape, shape]}                    the first that fits
//   {"by version": {VERSION: shape}}           the newest that is not newer than the record
//   {"apart": "name"}                          an object that is judged on its own, as that shape
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "efface/rules/record_view.hpp"

namespace efface::rules {

/// One construct of the grammar. Private to the rules module but for its destructor.
class Shape;

/// All shapes, for every version of a record. Immutable: several threads may use one.
class Shapes final {
  public:
    /// Tables as above, the first one first. Throws Error(internal) that says what is wrong.
    explicit Shapes(const std::vector<Json>& tables);
    ~Shapes();
    Shapes(const Shapes&) = delete;
    Shapes& operator=(const Shapes&) = delete;

    /// Throws Error(usage) "place: what is wrong there". Name and version must be those of the
    /// tables (asserted).
    void check(const RecordView& value, std::string_view name, std::string_view version) const;
    /// Oldest first.
    [[nodiscard]] const std::vector<std::string>& versions() const noexcept { return versions_; }

  private:
    std::vector<std::string> versions_;
    std::vector<std::unique_ptr<const Shape>> all_;
    std::map<std::string, std::map<std::string, const Shape*, std::less<>>, std::less<>> named_;
};

/// Those of the program, read when they are first asked for.
[[nodiscard]] const Shapes& record_shapes();

}  // namespace efface::rules

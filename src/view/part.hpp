// SPDX-License-Identifier: Apache-2.0
// A part of a record, and a note of what of the record was read for the page: what was not is shown
// at its end, so that nothing that is in a record is left out unnoticed. Private to the view
// module.
#pragma once

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::view {

/// What of a record was shown, by the place of each value in it.
using Shown = std::set<const Json*>;

/// A view of one value; the record and the note outlive it. Missing values are null ones.
class Part final {
  public:
    Part(const Json& value, Shown& shown) : value_(&value), shown_(&shown) {}

    [[nodiscard]] bool is_object() const { return value_->is_object(); }
    [[nodiscard]] bool is_array() const { return value_->is_array(); }
    [[nodiscard]] bool is_null() const { return value_->is_null(); }
    [[nodiscard]] bool empty() const { return value_->empty(); }
    [[nodiscard]] std::size_t size() const { return value_->size(); }
    [[nodiscard]] Part operator[](std::size_t i) const { return {(*value_)[i], *shown_}; }
    [[nodiscard]] Part front() const { return {value_->front(), *shown_}; }
    [[nodiscard]] Part back() const { return {value_->back(), *shown_}; }
    /// Of an object; a null part where it has no such key.
    [[nodiscard]] Part at(const char* key) const;
    [[nodiscard]] std::vector<std::pair<std::string, Part>> items() const;

    class Iterator final {
      public:
        Iterator(Json::const_iterator at, Shown& shown) : at_(std::move(at)), shown_(&shown) {}
        Part operator*() const { return {*at_, *shown_}; }
        Iterator& operator++() {
            ++at_;
            return *this;
        }
        bool operator!=(const Iterator& other) const { return at_ != other.at_; }

      private:
        Json::const_iterator at_;
        Shown* shown_;
    };
    [[nodiscard]] Iterator begin() const { return {value_->cbegin(), *shown_}; }
    [[nodiscard]] Iterator end() const { return {value_->cend(), *shown_}; }

    /// The value, which is shown from now on, with everything in it.
    [[nodiscard]] const Json& read() const;
    operator const Json&() const { return read(); }  // NOLINT: who takes Json shows it
    /// The value, to compare with another one; it is not shown by that.
    [[nodiscard]] const Json& glance() const { return *value_; }

  private:
    const Json* value_;
    Shown* shown_;
};

}  // namespace efface::view

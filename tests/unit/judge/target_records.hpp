// SPDX-License-Identifier: Apache-2.0
// The example records for media, files, memory and drives, and honest changes of them.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::judge {

using Change = std::function<void(Json&)>;
// The sizes of the examples of tests/data/evidence.
constexpr std::uint64_t kDisk = 4'000'787'030'016;
constexpr std::uint64_t kFile = 1'048'576'123;
constexpr std::uint64_t kDrive = 38 * 4096;  // 19 parts of two blocks

/// tests/data/evidence/predicate-TYPE.json
[[nodiscard]] Json example_predicate(const std::string& type);
/// What is wrong with the record; "" when nothing is.
[[nodiscard]] std::string problem_of(const Json& predicate);
/// What is wrong with the example after the change.
[[nodiscard]] std::string media(const Change& change);
[[nodiscard]] std::string file(const Change& change);
[[nodiscard]] std::string memory(const Change& change);
[[nodiscard]] std::string drive(const Change& change);

/// One reason, as a list of exceptions has it.
[[nodiscard]] Json reason(const char* text, const char* code = "io-failed");
[[nodiscard]] Json& pass(Json& predicate, std::size_t number = 0);
void set_level(Json& predicate, const char* level);
/// A failed run: status, and no level.
void fail_run(Json& predicate, const char* status = "not-sanitized");
/// One area, counted `count` times.
[[nodiscard]] Json faults(std::uint64_t count, std::uint64_t offset, std::uint64_t length);
/// Negative controls that passed, in the place of those of the example.
void set_controls(Json& predicate, const std::vector<const char*>& names);
/// The example for a drive as one of another technique: with the commands and, where it has one,
/// the status page that the table asks for.
void use(Json& predicate, const std::string& technique);
/// An honest run on a disk with one bad block.
void bad_block(Json& predicate);
void no_read_back(Json& predicate);
/// Likewise after a drive's own erase: canaries were placed, and nobody looked for them.
void not_looked(Json& predicate);

/// An honest run of a drive's own erase that some named thing keeps from being plain success.
void with_exception(Json& predicate, const char* code = "io-failed");
/// An honest run after which one of `placed` canaries (5 to 100) cannot be read, which is named.
void some_unreadable(Json& predicate, std::uint64_t count = 1);
/// An honest run on a drive that was erasing itself when we came: nothing of ours was on it.
void adopted(Json& predicate);
/// One entry of target.hiddenAreas.areas.
[[nodiscard]] Json hidden_area(const char* kind, bool covered, bool opened);
/// An honest run on a drive that shows more afterwards: a hidden area was opened.
void opened_area(Json& predicate);

/// Of the record of a project.
[[nodiscard]] inline Json& first_volume(Json& predicate) {
    return predicate["volumes"][0];
}

}  // namespace efface::judge

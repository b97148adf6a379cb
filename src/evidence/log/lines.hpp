// SPDX-License-Identifier: Apache-2.0
// The lines of a log: read in order with bounded memory, made and checked. Private to evidence.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "efface/base/digest.hpp"
#include "efface/base/json.hpp"

#include "files.hpp"

namespace efface::evidence {

/// Reads entries.jsonl line by line from a position on.
class LineReader final {
  public:
    /// Borrows the files. `offset` is the start of a line.
    LineReader(LogFiles& files, std::uint64_t offset) : files_(files), position_(offset) {}

    /// The next complete line without its line feed, valid until the next call; nullopt at the
    /// end of the file, before a torn line, and before one that is longer than the maximum.
    [[nodiscard]] std::optional<std::string_view> next();
    /// Where the line behind those returned so far starts.
    [[nodiscard]] std::uint64_t position() const noexcept { return position_; }

  private:
    void fill();
    LogFiles& files_;
    std::uint64_t position_;
    Bytes buffer_;  ///< the file from `position_ - consumed_` on
    std::size_t consumed_ = 0;
};

/// `entry` with `seq` and `prev`, canonical, without line feed. Error(usage) when `entry` is no
/// object, has one of the two already, is outside our JSON subset or gets too large.
[[nodiscard]] std::string make_line(Json entry, std::uint64_t seq, const Digest& previous);

/// The entry, if `line` is canonical JSON with this seq and prev; else nullopt and, in `problem`,
/// what is wrong.
[[nodiscard]] std::optional<Json> check_line(std::string_view line, std::uint64_t seq,
                                             const Digest& previous, std::string& problem);

}  // namespace efface::evidence

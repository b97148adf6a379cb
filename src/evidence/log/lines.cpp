// SPDX-License-Identifier: Apache-2.0
#include "lines.hpp"

#include <algorithm>

#include "efface/evidence/log.hpp"

namespace efface::evidence {

namespace {

constexpr std::size_t kReadBytes = std::size_t{64} * 1024;
static_assert(kReadBytes >= kLogEntryBytesMax);
constexpr const char* kSeq = "seq";
constexpr const char* kPrev = "prev";

}  // namespace

void LineReader::fill() {
    buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_));
    consumed_ = 0;
    const std::size_t have = buffer_.size();
    buffer_.resize(have + kReadBytes);
    const MutableByteView room = MutableByteView(buffer_).subspan(have);
    buffer_.resize(have + files_.read_at(LogFile::entries, position_ + have, room));
}

std::optional<std::string_view> LineReader::next() {
    const auto line_end = [this] {
        const auto begin = buffer_.begin() + static_cast<std::ptrdiff_t>(consumed_);
        return static_cast<std::size_t>(std::find(begin, buffer_.end(), '\n') - buffer_.begin());
    };
    std::size_t end = line_end();
    if (end == buffer_.size()) {
        // What is left is shorter than a line may be, or would have been refused: one fill is
        // enough to hold the longest line.
        fill();
        end = line_end();
    }
    const std::size_t length = end - consumed_;
    if (end == buffer_.size() || length + 1 > kLogEntryBytesMax) {
        return std::nullopt;
    }
    const std::string_view line = as_text(ByteView(buffer_).subspan(consumed_, length));
    consumed_ = end + 1;
    position_ += length + 1;
    return line;
}

std::string make_line(Json entry, std::uint64_t seq, const Digest& previous) {
    if (!entry.is_object()) {
        throw Error(ErrorCode::usage, "a log entry must be an object");
    }
    if (entry.contains(kSeq) || entry.contains(kPrev)) {
        throw Error(ErrorCode::usage,
                    "a log entry must not have seq or prev: the log adds them itself");
    }
    entry[kSeq] = seq;
    entry[kPrev] = to_hex(previous);
    std::string line;
    try {
        line = canonical_json(entry);
    } catch (const Error& error) {
        throw Error(ErrorCode::usage, std::string("log entry: ") + error.what());
    }
    if (line.size() + 1 > kLogEntryBytesMax) {
        throw Error(ErrorCode::usage,
                    "log entry: larger than " + std::to_string(kLogEntryBytesMax) + " bytes");
    }
    EFFACE_ASSERT(line.find('\n') == std::string::npos);
    return line;
}

std::optional<Json> check_line(std::string_view line, std::uint64_t seq, const Digest& previous,
                               std::string& problem) {
    Json entry;
    try {
        entry = parse_json(line, "entry", JsonLimits{.bytes_max = kLogEntryBytesMax});
        if (!entry.is_object() || canonical_json(entry) != line) {
            problem = "is not a canonical JSON object";
            return std::nullopt;
        }
    } catch (const Error& error) {
        problem = printable(error.what());
        return std::nullopt;
    }
    const auto stated_seq = entry.find(kSeq);
    if (stated_seq == entry.end() || !stated_seq->is_number_unsigned() || *stated_seq != seq) {
        problem = "does not have its number in seq";
        return std::nullopt;
    }
    const auto stated_prev = entry.find(kPrev);
    if (stated_prev == entry.end() || *stated_prev != to_hex(previous)) {
        problem = "does not have the hash of the previous line in prev";
        return std::nullopt;
    }
    return entry;
}

}  // namespace efface::evidence

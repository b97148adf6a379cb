// SPDX-License-Identifier: Apache-2.0
// What passes between efface and its luks-worker: one line of JSON, the credential as an 8-byte
// big-endian length and its bytes, and one object of JSON back. Paths travel in hex: they are
// bytes, not text.
#pragma once

#include <string>

#include "efface/base/json.hpp"
#include "efface/device/luks_library.hpp"

namespace efface::device {

constexpr std::size_t kRequestLineMax = std::size_t{32} << 10U;
constexpr std::size_t kAnswerMax = std::size_t{64} << 10U;
/// cryptsetup's own limit for key files.
constexpr std::size_t kCredentialBytesMax = std::size_t{8} << 20U;

enum class LuksOperation { load, destroy, unlock };

struct LuksRequest {
    LuksOperation operation = LuksOperation::load;
    LuksLocation location;
};

/// With the line feed at the end.
[[nodiscard]] std::string to_line(const LuksRequest& request);
/// Throws Error(usage) for anything that to_line() does not write.
[[nodiscard]] LuksRequest parse_request(std::string_view line);

[[nodiscard]] Json to_json(const LoadAnswer& answer);
[[nodiscard]] Json to_json(const DestroyAnswer& answer);
[[nodiscard]] Json to_json(const UnlockAnswer& answer);
/// Throw Error(usage) for anything that to_json() does not write.
[[nodiscard]] LoadAnswer parse_load_answer(std::string_view text);
[[nodiscard]] DestroyAnswer parse_destroy_answer(std::string_view text);
[[nodiscard]] UnlockAnswer parse_unlock_answer(std::string_view text);

}  // namespace efface::device

// SPDX-License-Identifier: Apache-2.0
// The child's side of messages.hpp.
#pragma once

namespace efface::device {

/// Reads one request from `in_fd` and writes one answer to `out_fd`, both borrowed. Returns the
/// exit status of the child.
[[nodiscard]] int answer_luks_request(int in_fd, int out_fd);

}  // namespace efface::device

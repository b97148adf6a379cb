// SPDX-License-Identifier: Apache-2.0
// The queue that any target can have.
#pragma once

#include "efface/device/io_queue.hpp"

namespace efface::device {

/// Makes each transfer when it is submitted. `note` is its engine_note().
[[nodiscard]] std::unique_ptr<IoQueue> make_synchronous_queue(BlockTarget& target,
                                                              std::size_t slots,
                                                              std::size_t slot_bytes,
                                                              std::string note);

}  // namespace efface::device

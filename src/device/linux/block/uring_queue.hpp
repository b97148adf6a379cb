// SPDX-License-Identifier: Apache-2.0
// Transfers through io_uring(7).
#pragma once

#include "efface/device/io_queue.hpp"

namespace efface::device {

/// A queue on a descriptor that was opened with O_DIRECT; `unit` and `end` bound what may be asked
/// for (asserted). The descriptor is borrowed. nullptr when this system gives no io_uring to this
/// process, with the reason in `why_not`.
[[nodiscard]] std::unique_ptr<IoQueue> make_uring_queue(int fd, std::uint32_t unit,
                                                        std::uint64_t end, std::size_t slots,
                                                        std::size_t slot_bytes,
                                                        std::string& why_not);

}  // namespace efface::device

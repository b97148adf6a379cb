// SPDX-License-Identifier: Apache-2.0
// What two tasks of the kernel (threads or processes, by their numbers) have in common.
#pragma once

namespace efface::device {

/// Whether they share one table of descriptors, and one root folder and with it one mount namespace
/// (kcmp(2)). False also when that can't be asked: then each is to be looked at.
[[nodiscard]] bool share_files_and_mounts(int one, int other);

}  // namespace efface::device

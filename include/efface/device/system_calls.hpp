// SPDX-License-Identifier: Apache-2.0
// Which system calls the kernel still takes from a process once it is known what it will do: a
// filter of seccomp(2), that no later code of the process takes away again. It also binds whatever
// the process starts.
#pragma once

#include <string>

#include "efface/device/capabilities.hpp"

namespace efface::device {

/// Loads the filter of these rights, for every thread of the process; called behind keep_rights(),
/// before foreign bytes are read. What is open stays open. Returns empty, or why the kernel does
/// not filter: then nothing has changed, and the process may go on. A call that is refused fails
/// with EPERM, or with ENOSYS where it is only not known to be needed, so that a newer library
/// takes an older way; with Rights::reading, a call that only an intruder makes ends the process by
/// SIGSYS. Calls of another ABI than the program's own always do.
[[nodiscard]] std::string keep_calls(Rights rights);

/// For a thread that computes in memory which exists: it opens, sends and starts nothing from here
/// on, and what it may not do fails with ENOSYS. Other threads keep what they have. Without effect
/// where the kernel does not filter, which keep_calls() has told.
void keep_computing_calls() noexcept;

}  // namespace efface::device

// SPDX-License-Identifier: Apache-2.0
// What of capabilities(7) a process keeps once it is known what it will do.
#pragma once

#include <string>

namespace efface::device {

enum class Rights {
    /// Looks at files: certificates, logs, journals.
    reading,
    /// And writes files where its user wants them, and holds keys.
    signing,
    /// Asks every device what it is.
    listing,
    /// And looks at every other process, and asks its LUKS worker.
    planning,
    /// And erases.
    storage,
    /// The worker that lets libcryptsetup read headers and try what opens them.
    unlocking,
};

/// Those of the capabilities that work on devices takes and this process has not, by name; empty
/// when it has them, and where the kernel does not tell.
[[nodiscard]] std::string missing_for_devices();

/// Gives up every capability beyond those, for this thread, whatever it starts later and whatever
/// that executes; called before other threads are started. Nothing to do for who has none. Throws
/// Error(internal) when the kernel does not take them away.
void keep_rights(Rights rights);

}  // namespace efface::device

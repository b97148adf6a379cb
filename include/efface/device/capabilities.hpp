// SPDX-License-Identifier: Apache-2.0
// What of capabilities(7) a process goes on with once it is known what it will do.
#pragma once

namespace efface::device {

enum class Rights {
    /// Looks at files: certificates, logs, journals.
    reading,
    /// And writes files where its user wants them, and holds keys.
    signing,
    /// And sends commands to drives, looks at every other process, and erases.
    storage,
};

/// Gives up every capability beyond those, for this thread, whatever it starts later and whatever
/// that executes; called before other threads are started. Nothing to do for who has none. Throws
/// Error(internal) when the kernel does not take them away.
void keep_rights(Rights rights);

}  // namespace efface::device

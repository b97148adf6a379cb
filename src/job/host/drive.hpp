// SPDX-License-Identifier: Apache-2.0
// The drives of this machine.
#pragma once

#include "efface/job/host.hpp"

namespace efface::job {

/// Throws Error(usage) when no command of a drive reaches it, Error(safety) when its node cannot
/// be opened.
[[nodiscard]] std::unique_ptr<DriveConnection> connect_linux_drive(
    const inventory::Drive& drive, const method::TcgCredential& credential);

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace efface::job {

/// Thrown where the process would be killed. No Error, so nobody on the way can handle it.
struct Killed {};

}  // namespace efface::job

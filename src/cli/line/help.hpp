// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

namespace efface::cli {

/// Below the commands: techniques and exit statuses.
[[nodiscard]] std::string help_footer();
/// Below the options of what erases: techniques.
[[nodiscard]] std::string techniques_footer();

}  // namespace efface::cli

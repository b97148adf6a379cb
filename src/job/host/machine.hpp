// SPDX-License-Identifier: Apache-2.0
// What the certificate says of the machine and the tool.
#pragma once

#include <string>

#include "efface/base/json.hpp"
#include "efface/inventory/inventory.hpp"

namespace efface::job {

/// `environment` of the certificate: host, kernel, operating system, boot, clock.
[[nodiscard]] Json environment_record(const inventory::SystemView& view);
/// `tool` of the certificate: version, digest of the running executable, libraries.
[[nodiscard]] Json tool_record(const std::string& program);

}  // namespace efface::job

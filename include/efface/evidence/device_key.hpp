// SPDX-License-Identifier: Apache-2.0
// When two runs were on the same device: the one definition, for journal, log and verifiers. The
// text of it is in efface-certificate(5), "The same device".
#pragma once

#include <string>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::evidence {

/// What of a projectIdentity or targetIdentity stays when sizes, names and paths change: each
/// "name:" and the SHA-256, in hex, of the canonical form of some of its fields. Never empty.
[[nodiscard]] std::vector<std::string> device_keys(const Json& identity);

/// Whether two lists of keys have one in common. Where both have a world-wide name, serial numbers
/// do not matter: namespaces of one drive share theirs. Nor do the numbers of files where both have
/// a time of birth: they are given again.
[[nodiscard]] bool same_device(const std::vector<std::string>& one,
                               const std::vector<std::string>& other);

}  // namespace efface::evidence

// SPDX-License-Identifier: Apache-2.0
// Every change of keys is an entry of the log.
#pragma once

#include "efface/evidence/keys.hpp"
#include "efface/job/context.hpp"

namespace efface::cli {

/// Begins the log where there is none, and adds an entry for each certificate that was issued
/// ("key-added") or revoked ("key-retired") and is not in it yet: also those of a command that was
/// killed in between. Names of people are not in the log, which is never deleted.
void log_keys(const job::StateDirectory& state, const evidence::KeyStore& keys, const Clock& clock);

/// How much of the first two entries, which `keys init` writes, is there.
[[nodiscard]] bool log_has_begun(const job::StateDirectory& state, const evidence::KeyStore& keys);

}  // namespace efface::cli

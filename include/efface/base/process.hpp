// SPDX-License-Identifier: Apache-2.0
// What this process is before it does anything: whose files it makes, which code it loads.
#pragma once

namespace efface {

/// Called once, before anything is opened and any thread is started:
///  - files and folders are for their owner alone (umask 077) unless a mode is set on purpose;
///  - OpenSSL reads no configuration, and loads no module that a variable of the environment names:
///    whoever sets OPENSSL_CONF would choose what makes and checks signatures;
///  - private keys that OpenSSL holds lie in its secure heap: locked, left out of dumps, cleansed;
///  - nothing that is executed gets more rights (no_new_privs).
/// False when one of them is not available. What memory cannot be locked is not a failure here:
/// keys pass through SecretBytes first, which refuses then.
[[nodiscard]] bool settle_process() noexcept;

}  // namespace efface

// SPDX-License-Identifier: Apache-2.0
// The secure erase of a block driver, as a command set "block" with one technique,
// block-secure-erase. Discard and trim are not used: they are hints.
//
// TechniqueFacts::facts: "cryptographic" false, "wholeDrive" true, "method" "secure-erase".
#pragma once

#include <memory>
#include <string>

#include "efface/base/clock.hpp"
#include "efface/device/drive/secure_erase.hpp"
#include "efface/method/drive/command_set.hpp"

namespace efface::method {

/// `target` and `clock` outlive it. The block layer tells nothing of model or serial number, and
/// has no read by command: read_status() of it is never readable.
[[nodiscard]] std::unique_ptr<CommandSet> make_block_secure_erase(device::SecureErase& target,
                                                                  const Clock& clock);

}  // namespace efface::method

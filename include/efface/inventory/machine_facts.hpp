// SPDX-License-Identifier: Apache-2.0
// Where else on this machine content of memory may stand, and what the kernel does against it.
// Facts for a person who decides, never claims. Reads only.
#pragma once

#include <string>
#include <vector>

#include "efface/inventory/inventory.hpp"

namespace efface::inventory {

enum class Presence { present, absent, unknown };
[[nodiscard]] const char* to_string(Presence presence) noexcept;

struct MachineFact {
    std::string fact;  ///< "init-on-free": one of efface-memory.7; never changed
    Presence state = Presence::unknown;
    std::string detail;  ///< what was seen, printable; never empty
    std::string advice;  ///< what could be done, or that it can't be reached; empty: nothing
};
/// Always the same facts in the same order; what can't be read is `unknown`, never absent.
[[nodiscard]] std::vector<MachineFact> read_machine_facts(const SystemView& view = {});
/// A list of {"fact", "state", "detail", "advice"}.
[[nodiscard]] Json to_json(const std::vector<MachineFact>& facts);
/// {"init-on-free": "absent", ...}: for certificates.
[[nodiscard]] Json states_of(const std::vector<MachineFact>& facts);

}  // namespace efface::inventory

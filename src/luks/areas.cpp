// SPDX-License-Identifier: Apache-2.0
// Key areas, whichever version names them.
#include <fmt/format.h>

#include <algorithm>

#include "damage/defects.hpp"
#include "header/copy.hpp"

namespace efface::luks {

const char* to_string(SlotState state) noexcept {
    switch (state) {
        case SlotState::active:
            return "active";
        case SlotState::unbound:
            return "unbound";
        case SlotState::inactive:
            return "inactive";
        case SlotState::reencrypt:
            return "reencrypt";
        case SlotState::unknown:
            break;
    }
    return "unknown";
}

std::vector<Range> areas_of(const std::vector<Keyslot>& keyslots) {
    std::vector<Range> areas;
    for (const Keyslot& slot : keyslots) {
        if (slot.area.length != 0) {
            areas.push_back(slot.area);
        }
    }
    return areas;
}

void check_overlaps(const std::vector<Keyslot>& keyslots, std::vector<std::string>& defects) {
    std::vector<const Keyslot*> placed;
    for (const Keyslot& slot : keyslots) {
        if (slot.area.length != 0) {
            placed.push_back(&slot);
        }
    }
    std::sort(placed.begin(), placed.end(),
              [](const Keyslot* a, const Keyslot* b) { return a->area.offset < b->area.offset; });
    const Keyslot* furthest = nullptr;  // of those before, the one that ends last
    for (const Keyslot* slot : placed) {
        if (furthest != nullptr && slot->area.offset < furthest->area.end()) {
            add_defect(defects, fmt::format("the areas of keyslots {} and {} overlap",
                                            furthest->index, slot->index));
        }
        if (furthest == nullptr || slot->area.end() > furthest->area.end()) {
            furthest = slot;
        }
    }
}

}  // namespace efface::luks

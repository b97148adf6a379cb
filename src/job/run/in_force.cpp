// SPDX-License-Identifier: Apache-2.0
#include "in_force.hpp"

namespace efface::job {

namespace {

bool only_lacks_evidence(const RunState& state, bool erased) {
    switch (state.phase) {
        case Phase::running:
            return erased;
        case Phase::staging:
        case Phase::logging:
        case Phase::publishing:
            return true;
        case Phase::announcing:
        case Phase::done:  // it is asked because another attempt is to begin
            return false;
    }
    return false;
}

}  // namespace

void check_in_force(const mandate::Terms& terms, const Clock& clock, const RunState* state,
                    bool erased) {
    if (state == nullptr || !only_lacks_evidence(*state, erased)) {
        mandate::check_dates(terms, clock.now());
    }
}

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
// Lists of places that are bounded, with counts that are not.
#pragma once

#include "efface/stream/pass.hpp"

#include "pass/splitter.hpp"

namespace efface::stream {

/// Joins neighbours that failed alike, also those that are only counted. Given in rising order.
class FaultCollector final {
  public:
    /// `operation`: "read" or "write". Borrows `into`.
    FaultCollector(const char* operation, FaultAreas& into) : operation_(operation), into_(into) {}

    void add(const Failed& failed) {
        into_.bytes += failed.length;
        if (any_ && last_.error == failed.error && last_.offset + last_.length == failed.offset) {
            last_.length += failed.length;
            if (into_.count == into_.areas.size()) {
                into_.areas.back().length = last_.length;
            }
            return;
        }
        any_ = true;
        last_ = failed;
        ++into_.count;
        if (into_.areas.size() < kAreasMax) {
            into_.areas.push_back({operation_, failed.offset, failed.length, failed.error});
        }
    }

  private:
    const char* operation_;
    FaultAreas& into_;
    bool any_ = false;
    Failed last_;
};

}  // namespace efface::stream

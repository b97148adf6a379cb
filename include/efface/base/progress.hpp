// SPDX-License-Identifier: Apache-2.0
// How long work tells of itself. Libraries neither log nor print; they call this.
#pragma once

#include <cstdint>

namespace efface {

/// Receives the bytes done since the last call. May be called from several threads at once.
class ProgressSink {
  public:
    virtual ~ProgressSink() = default;
    virtual void advance(std::uint64_t bytes) = 0;
};

}  // namespace efface

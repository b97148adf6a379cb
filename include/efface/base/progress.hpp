// SPDX-License-Identifier: Apache-2.0
// How long work tells of itself. Libraries neither log nor print; they call this.
#pragma once

#include <cstdint>
#include <string_view>

namespace efface {

/// Receives the bytes done since the last call. May be called from several threads at once.
class ProgressSink {
  public:
    virtual ~ProgressSink() = default;
    virtual void advance(std::uint64_t bytes) = 0;
    /// What is being done from here on, in words: "pass 1 of 3".
    virtual void phase(std::string_view /*what*/) {}
    /// Bytes that could not be transferred so far in this phase.
    virtual void faults(std::uint64_t /*bytes*/) {}
};

}  // namespace efface

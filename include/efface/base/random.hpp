// SPDX-License-Identifier: Apache-2.0
// Randomness as a dependency, so that a test can repeat it.
#pragma once

#include <string>

#include "efface/base/bytes.hpp"
#include "efface/base/clock.hpp"

namespace efface {

class Random {
  public:
    virtual ~Random() = default;
    /// Fills with bytes fit for keys. Throws Error(internal) when the system has none.
    virtual void fill(MutableByteView bytes) = 0;
};

/// getrandom(2).
class SystemRandom final : public Random {
  public:
    void fill(MutableByteView bytes) override;
};

/// A UUID version 7 (RFC 9562 section 5.7) of this moment, lower case with dashes.
[[nodiscard]] std::string make_uuid_v7(const Clock& clock, Random& random);

}  // namespace efface

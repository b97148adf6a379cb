// SPDX-License-Identifier: Apache-2.0
// A way to erase: one file each in src/method, whose listing is the feature list.
#pragma once

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>

#include "efface/base/progress.hpp"
#include "efface/guard/clearance.hpp"
#include "efface/method/outcome.hpp"

namespace efface::method {

/// No method runs on a target that the guard did not clear.
using guard::Clearance;

class Method {
  public:
    virtual ~Method() = default;
    [[nodiscard]] virtual std::string_view name() const = 0;
    /// Why this method cannot run on this target; nullopt when it can.
    [[nodiscard]] virtual std::optional<Reason> objection() const = 0;
    /// Bytes that run() will report to its ProgressSink when all goes well.
    [[nodiscard]] virtual std::uint64_t estimate_bytes() const = 0;
    /// Erases and verifies. Answers of the medium are in the Outcome; throws Error only for
    /// failures outside it. After a stop the verdict is not_sanitized and running again resumes.
    [[nodiscard]] virtual Outcome run(Clearance clearance, ProgressSink& progress,
                                      std::stop_token stop) = 0;
};

}  // namespace efface::method

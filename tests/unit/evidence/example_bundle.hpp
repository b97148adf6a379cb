// SPDX-License-Identifier: Apache-2.0
// A whole, valid record made from tests/data/evidence/predicate-example.json: keys, a log with an
// earlier failed attempt, and a published bundle. For the tests of verification, the tampering
// test and the fuzz corpus.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "efface/evidence/bundle.hpp"

namespace efface::evidence {

class ManualClock final : public Clock {
  public:
    explicit ManualClock(WallTime now) : now_(now) {}
    [[nodiscard]] WallTime now() const override { return now_; }
    [[nodiscard]] SteadyTime steady_now() const override { return {}; }
    void set(WallTime now) noexcept { now_ = now; }

  private:
    WallTime now_;
};

/// What a tampering test changes while the record is made; empty functions change nothing.
struct ExampleChanges {
    std::function<void(Json& predicate)> predicate;
    std::function<void(Json& statement)> statement;
    std::function<void(Json& identity)> earlier_identity;  ///< of the run before, as it was then
    std::function<void(Json& intent)> earlier_intent;
    std::function<void(Json& intent)> intent;    ///< before it is appended
    std::function<void(Json& outcome)> outcome;  ///< before it is appended
    bool declare_earlier_attempt = true;
    bool open_before = false;  ///< another run on it is open meanwhile, and closed afterwards
    /// Runs on it afterwards: the status of each, or "open" or "refused".
    std::vector<std::string> later;
    bool people_sign_too = false;
    std::string order;   ///< what people approved instead of what the record tells
    std::string signer;  ///< a person's key signs instead of the station's
};

struct Example {
    std::filesystem::path keys;
    std::filesystem::path log;
    std::filesystem::path bundle;
};

/// An order or a manifest for just this record.
[[nodiscard]] std::string order_for(const Json& predicate);
/// Makes everything under `directory` (keys/, log/, bundle/), which must be empty.
[[nodiscard]] Example make_example(const std::filesystem::path& directory,
                                   const std::filesystem::path& predicate_file,
                                   const ExampleChanges& changes = {});

}  // namespace efface::evidence

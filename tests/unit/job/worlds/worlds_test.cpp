// SPDX-License-Identifier: Apache-2.0
// Worlds by the thousand: any seed reproduces.
#include <cstdlib>

#include "catch.hpp"
#include "world.hpp"

using namespace efface::job::worlds;

namespace {

/// With EFFACE_LONG=1 in the environment more.
constexpr std::uint64_t kWorlds = 60;
constexpr std::uint64_t kWorldsLong = 150;

/// Each found a defect of the program once: a verdict that the journal could not take, an order
/// refused beside the verdict of its last attempt, late evidence for what had been restored, bytes
/// counted twice, a place that cannot be read, a clock set back, a lost job of
/// an order for a drive.
constexpr std::uint64_t kRegressions[] = {35, 84, 79, 275, 70, 418, 376, 453, 327, 601};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* told = std::getenv(variable);
    return told == nullptr ? otherwise : std::stoull(told);
}

void live(std::uint64_t seed, bool story) {
    World world(seed);
    const auto defects = world.live();
    if (story || !defects.empty()) {
        std::string text;
        for (const auto& line : world.story()) {
            text += line + "\n";
        }
        WARN("EFFACE_SEED=" << seed << "\n" << text);
    }
    for (const auto& defect : defects) {
        FAIL_CHECK("EFFACE_SEED=" << seed << ": " << defect);
    }
}

}  // namespace

TEST_CASE("worlds: whatever happens, every answer is true", "[job][worlds]") {
    if (std::getenv("EFFACE_SEED") != nullptr) {
        live(number_from("EFFACE_SEED", 0), true);
        return;
    }
    for (const auto seed : kRegressions) {
        live(seed, false);
    }
    const auto first = number_from("EFFACE_FIRST_SEED", 0);
    const auto worlds =
        number_from("EFFACE_WORLDS", std::getenv("EFFACE_LONG") != nullptr ? kWorldsLong : kWorlds);
    for (std::uint64_t seed = first; seed < first + worlds; ++seed) {
        live(seed, false);
    }
    SUCCEED();
}

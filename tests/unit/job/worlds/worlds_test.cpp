// SPDX-License-Identifier: Apache-2.0
// Worlds by the thousand: any seed reproduces.
#include <cstdlib>
#include <ctime>

#include "catch.hpp"
#include "world.hpp"

using namespace efface::job::worlds;

namespace {

/// With EFFACE_LONG=1 in the environment; else a part of the first ones, another one each day.
constexpr std::uint64_t kWorldsLong = 10'000;
constexpr std::uint64_t kWorlds = 4000;
constexpr std::uint64_t kWorldsOfADay = 1000;
/// Of so many worlds one is verified as a verifier does; one alone always is.
constexpr std::uint64_t kVerifiedOneIn = 4;

/// Each found a defect of the program once: a verdict that the journal could not take, an order
/// refused beside the verdict of its last attempt, late evidence for what had been restored, bytes
/// counted twice, a place that cannot be read, a clock set back, a lost job of
/// an order for a drive, late evidence of memory in which something was written since, a
/// volume restored while another one of its project was to be tried again, a block
/// restored beside one that cannot be read.
constexpr std::uint64_t kRegressions[] = {35,  84,  79,  275,   70,    418,  376,
                                          453, 327, 601, 20472, 20824, 5784, 4566};

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
    const char* told = std::getenv(variable);
    return told == nullptr ? otherwise : std::stoull(told);
}

/// Since 1970. EFFACE_DAY=N repeats one.
std::uint64_t day() {
    constexpr std::uint64_t kSecondsOfADay = 86400;
    return number_from("EFFACE_DAY",
                       static_cast<std::uint64_t>(std::time(nullptr)) / kSecondsOfADay);
}

void live(std::uint64_t seed, bool story) {
    World world(seed, story || seed % kVerifiedOneIn == 0);
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
    const bool all = std::getenv("EFFACE_LONG") != nullptr;
    const auto first = number_from("EFFACE_FIRST_SEED", all ? 0 : day() * kWorldsOfADay % kWorlds);
    const auto worlds = number_from("EFFACE_WORLDS", all ? kWorldsLong : kWorldsOfADay);
    const auto step = number_from("EFFACE_SEED_STEP", 1);
    for (std::uint64_t i = 0; i < worlds; ++i) {
        live(first + i * step, false);
    }
    SUCCEED();
}

// SPDX-License-Identifier: Apache-2.0
// What a world draws: the same for the same seed, on every machine.
#pragma once

#include <cstdint>
#include <vector>

namespace efface::job::worlds {

class Dice final {
  public:
    explicit Dice(std::uint64_t seed) : state_(seed) {}

    /// splitmix64.
    std::uint64_t next() {
        state_ += 0x9e3779b97f4a7c15;
        std::uint64_t mixed = state_;
        mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9;
        mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111eb;
        return mixed ^ (mixed >> 31U);
    }
    /// From 0; `end` is not 0.
    std::uint64_t below(std::uint64_t end) { return next() % end; }
    bool one_in(std::uint64_t several) { return below(several) == 0; }
    template <typename Item>
    const Item& of(const std::vector<Item>& items) {
        return items[below(items.size())];
    }

  private:
    std::uint64_t state_;
};

}  // namespace efface::job::worlds

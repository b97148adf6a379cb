// SPDX-License-Identifier: Apache-2.0
#include "efface/base/random.hpp"

#include "catch.hpp"

using namespace efface;

namespace {
class OneMoment final : public Clock {
  public:
    [[nodiscard]] WallTime now() const override {
        return WallTime(std::chrono::milliseconds(0x017f22e279b0));
    }
    [[nodiscard]] SteadyTime steady_now() const override { return {}; }
};
class AllOnes final : public Random {
  public:
    void fill(MutableByteView bytes) override {
        std::fill(bytes.begin(), bytes.end(), std::uint8_t{0xff});
    }
};
}  // namespace

// The moment and the layout of RFC 9562 appendix A.6, with every random bit set.
TEST_CASE("a UUID version 7 begins with the moment", "[base][random]") {
    AllOnes random;
    CHECK(make_uuid_v7(OneMoment(), random) == "017f22e2-79b0-7fff-bfff-ffffffffffff");
}

TEST_CASE("the system's randomness differs", "[base][random]") {
    SystemRandom random;
    Bytes first(32);
    Bytes second(32);
    random.fill(first);
    random.fill(second);
    CHECK(first != second);
    CHECK_FALSE(all_zero(first));
}

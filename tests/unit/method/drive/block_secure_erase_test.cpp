// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <cerrno>

#include "efface/method/drive/command_sets.hpp"

#include "catch.hpp"
#include "fake/disk/fixed.hpp"

using namespace efface;
using namespace efface::method;

namespace {

/// A medium of a driver that has a secure erase, or has not.
class FakeSecureErase final : public device::SecureErase {
  public:
    [[nodiscard]] std::uint64_t size_bytes() const override { return bytes.size(); }
    [[nodiscard]] std::uint32_t block_bytes() const override { return 512; }
    [[nodiscard]] int probe() override { return offered; }
    [[nodiscard]] int erase(std::uint64_t offset, std::uint64_t length) override {
        if (offset >= fails_from) {
            return EIO;
        }
        if (offered != 0) {
            return offered;
        }
        std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), length, 0);
        ++calls;
        return 0;
    }
    Bytes bytes = Bytes((std::size_t{256} << 20U) + 512, 0x5a);
    int offered = 0;
    std::uint64_t fails_from = ~std::uint64_t{0};
    unsigned calls = 0;
};

struct SecureBench {
    FakeSecureErase target;
    fake::FixedClock clock;
    Json kept = Json::object();
    OperationMemory memory{.kept = kept, .save = [] {}};
    std::unique_ptr<CommandSet> commands = make_block_secure_erase(target, clock);
};

}  // namespace

TEST_CASE("secure erase of the block layer goes over the whole device") {
    SecureBench bench;
    CHECK_FALSE(bench.commands->survey().techniques.at(0).objection.has_value());
    const auto operation = bench.commands->make("block-secure-erase", bench.memory);
    REQUIRE(operation != nullptr);
    CHECK(operation->state().phase == Phase::idle);
    CHECK(operation->start().start == Start::accepted);
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK(bench.target.calls == 2);
    CHECK(all_zero(bench.target.bytes));
    CHECK(operation->promise().repeated.empty());
}

TEST_CASE("another process begins secure erase at the first block") {
    SecureBench bench;
    CHECK(bench.commands->make("block-secure-erase", bench.memory)->start().start ==
          Start::accepted);
    bench.target.bytes[0] = 1;  // lost in a cache
    CHECK(bench.commands->make("block-secure-erase", bench.memory)->state().phase ==
          Phase::succeeded);
    CHECK(all_zero(bench.target.bytes));
}

TEST_CASE("a driver without secure erase is told apart from one that fails") {
    SecureBench none;
    none.target.offered = EOPNOTSUPP;
    const auto objection = none.commands->survey().techniques.at(0).objection;
    REQUIRE(objection);
    CHECK(objection->code == ReasonCode::drive_lacks_technique);
    CHECK(none.commands->make("block-secure-erase", none.memory)->start().start == Start::refused);

    SecureBench failing;
    failing.target.fails_from = 512;
    const auto operation = failing.commands->make("block-secure-erase", failing.memory);
    CHECK(operation->start().start == Start::accepted);
    CHECK(operation->state().phase == Phase::failed);
    CHECK(failing.commands->make("nvme-sanitize-block", failing.memory) == nullptr);
}

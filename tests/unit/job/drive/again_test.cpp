// SPDX-License-Identifier: Apache-2.0
// An order for a drive given again: a drive that erased itself is as it was left only when every
// namespace of it is.
#include "efface/base/json.hpp"
#include "efface/mandate/order.hpp"

#include "catch.hpp"
#include "models.hpp"

using namespace efface;
using namespace efface::job;

namespace {

struct TwoNamespaces {
    TwoNamespaces() : model(options(), station.clock) {
        station.attach(model, options().serial);
        order = mandate::parse_order(
            R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)"
            R"("policy":"nvme-sanitize-block","targets":[{"target":"/dev/a","serial":")" +
            options().serial + R"("}]})");
        station.request.choice = order->choice;
        station.request.order = &*order;
    }
    static fake::NvmeDriveOptions options() {
        fake::NvmeDriveOptions options;
        options.namespaces = {{4096, 512, true, false}, {4096, 512, true, false}};
        return options;
    }
    void write(std::uint32_t nsid, std::uint64_t block) {
        model.drive.media(nsid).write(block, Bytes(512, 0x5a));
    }
    DriveStation station;
    NvmeModel model;
    std::optional<mandate::Order> order;
};

struct Change {
    const char* what;
    std::function<void(TwoNamespaces& two)> make;
    std::optional<ReasonCode> answer;
};

const std::vector<Change>& drive_changes() {
    static const std::vector<Change> all = {
        {"nothing", [](TwoNamespaces&) {}, std::nullopt},
        {"the named namespace was written", [](TwoNamespaces& two) { two.write(1, 3); },
         ReasonCode::written_since},
        {"the other one was written", [](TwoNamespaces& two) { two.write(2, 3); },
         ReasonCode::written_since},
        {"the end of the other one was written", [](TwoNamespaces& two) { two.write(2, 4095); },
         ReasonCode::written_since},
        {"the other one is gone",
         [](TwoNamespaces& two) { two.station.host.drive.surfaces.pop_back(); },
         ReasonCode::target_absent},
        {"a third one was made",
         [](TwoNamespaces& two) {
             two.station.host.add("/dev/c", Bytes(4096));
             two.station.host.drive.surfaces.push_back({"c", "/dev/c", 3});
         },
         ReasonCode::written_since},
    };
    return all;
}

}  // namespace

TEST_CASE("again: a drive is as it was left only with all its namespaces") {
    for (const auto& change : drive_changes()) {
        CAPTURE(change.what);
        TwoNamespaces two;
        const auto first = two.station.run();
        REQUIRE(first.exit_code() == 0);
        change.make(two);
        const auto plan = two.station.plan();
        if (!change.answer) {
            CHECK(plan.done_before.has_value());
            CHECK(two.station.run().done_before);
            continue;
        }
        REQUIRE(plan.objections.size() == 1);
        CHECK(plan.objections.front().reason.code == change.answer);
        CHECK_THROWS_AS(two.station.run(), Error);
        CHECK(two.station.ended.exit_code() == 7);
        CHECK(two.station.ended.error->reason() == change.answer);
        CHECK_FALSE(two.station.ended.changed);
    }
}

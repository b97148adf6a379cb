// SPDX-License-Identifier: Apache-2.0
// Full verification of what a drive erased itself: where a content is promised everything is read.
#include "efface/base/json.hpp"

#include "catch.hpp"
#include "models.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;

namespace {

constexpr std::uint64_t kBlocks = 65536;

struct Whole {
    explicit Whole(const char* technique) : model(options(), station.clock) {
        station.attach(model, options().serial);
        station.request.choice.policy = technique;
        station.request.choice.whole_medium = true;
    }
    static fake::NvmeDriveOptions options() {
        fake::NvmeDriveOptions options;
        options.namespaces = {{kBlocks, 512, true, false}};
        options.overwrite_time = std::chrono::seconds(60);
        return options;
    }
    [[nodiscard]] Json verification() const {
        return parse_json(station.certificate(), "certificate", {.bytes_max = 1U << 24U})
            .at("predicate")
            .at("verification");
    }
    DriveStation station;
    NvmeModel model;
};

}  // namespace

TEST_CASE("a drive that overwrote itself is read wholly when that is asked for") {
    Whole one("nvme-sanitize-overwrite");
    const auto result = one.station.run();
    INFO(to_json(result.reasons).dump());
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(one.station.verified_bundles() == 1);
    const auto seen = one.verification();
    CHECK(seen.at("method") == "full-read-back");
    CHECK(seen.at("whole").at("bytesCompared") == kBlocks * 512);
    CHECK(seen.at("whole").at("mismatches") == 0);
    Bytes block(512);
    one.model.drive.media(1).read(kBlocks / 3, block);
    const auto pattern = seen.at("whole").at("content").get<std::string>();
    CHECK(pattern.size() == 8);
    CHECK(to_hex(block).starts_with(pattern + pattern));
}

TEST_CASE("one block between the canaries is found when everything is read") {
    Whole one("nvme-sanitize-overwrite");
    constexpr std::uint64_t kKept = 12345;
    Bytes old(512);
    one.model.drive.media(1).read(kKept, old);
    REQUIRE_FALSE(all_zero(old));
    const auto connect = one.station.host.connection;
    one.station.host.connection = [&] {  // the drive is looked at again: one block is back
        Bytes now(512);
        one.model.drive.media(1).read(kKept, now);
        if (now != old) {
            one.model.drive.media(1).write(kKept, old);
        }
        return connect();
    };
    const auto result = one.station.run();
    CHECK(result.verdict == Verdict::not_sanitized);
    CHECK(one.station.verified_bundles() == 1);
    const auto seen = one.verification();
    REQUIRE(seen.at("canaries").at("intact") == 0);
    REQUIRE(seen.at("samples").at("unchanged") == 0);
    CHECK(seen.at("result") == "fail");
    CHECK(seen.at("whole").at("mismatches") == 1);
    CHECK(seen.at("whole").at("different").at(0) == kKept * 512 / 4096 * 4096);
}

TEST_CASE("where nothing is promised, full verification is refused before anything is done") {
    for (const char* technique :
         {"nvme-sanitize-crypto", "nvme-sanitize-block", "nvme-format-user-data"}) {
        Whole one(technique);
        const auto plan = one.station.plan();
        REQUIRE(plan.objections.size() == 1);
        CHECK(plan.objections.front().reason.code == ReasonCode::nothing_to_compare);
        CHECK_THROWS_AS(one.station.run(), Error);
        CHECK(one.station.old_content_remains(false));
    }
}

TEST_CASE("by level, full verification takes what leaves a known content") {
    Whole one(mandate::kPolicyAuto);
    one.station.request.choice.level = method::Level::purge;
    CHECK(one.station.plan().technique == "nvme-sanitize-overwrite");
}

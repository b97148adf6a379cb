// SPDX-License-Identifier: Apache-2.0
// A drive that the kernel gives another name after a reset or a power cycle is the same drive.
#include "efface/base/json.hpp"

#include "catch.hpp"
#include "models.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;

namespace {

/// Stopped while the drive is at it.
struct Stopped {
    Stopped() : model(fake::NvmeDriveOptions{}, station.clock) {
        station.attach(model, fake::NvmeDriveOptions{}.serial);
        station.request.choice.policy = "nvme-sanitize-block";
        station.on_wait = [&] { station.stop.request_stop(); };
        CHECK_THROWS_AS(station.run(), Error);
        station.on_wait = nullptr;
        station.stop = std::stop_source();
        station.request.job_id = station.job_id();
    }
    DriveStation station;
    NvmeModel model;
};

ErrorCode code_of(DriveStation& station) {
    try {
        (void)station.run();
    } catch (const Error& error) {
        return error.code();
    }
    FAIL("it ran");
    return ErrorCode::internal;
}

}  // namespace

TEST_CASE("a job goes on with its drive under another name, and says both") {
    Stopped one;
    one.station.rename("/dev/a", "/dev/c");
    const auto result = one.station.run();
    INFO(to_json(result.reasons).dump());
    CHECK(result.verdict == Verdict::sanitized);
    CHECK_FALSE(one.station.old_content_remains(true));
    CHECK(one.station.verified_bundles() == 1);
    const auto target =
        parse_json(one.station.certificate(), "certificate", {.bytes_max = 1U << 24U})
            .at("predicate")
            .at("target");
    CHECK(target.at("identity").at("canonicalPath") == "/dev/a");
    CHECK(target.at("identityAfter").at("canonicalPath") == "/dev/c");
}

TEST_CASE("another drive at the old name is left alone, ours is found elsewhere") {
    Stopped one;
    one.station.rename("/dev/a", "/dev/c");
    auto& other = one.station.host.add("/dev/a", Bytes(4096, 0x55));
    const auto before = other.disk->media();
    CHECK(one.station.run().verdict == Verdict::sanitized);
    CHECK(one.station.host.at("/dev/a").disk->media() == before);
}

TEST_CASE("a drive that is nowhere, or that two could be, is not guessed") {
    Stopped gone;
    gone.station.host.remove("/dev/a");
    CHECK(code_of(gone.station) == ErrorCode::safety);

    Stopped twice;
    twice.station.rename("/dev/a", "/dev/c");
    auto& twin = twice.station.host.add("/dev/d", Bytes(4096));
    twin.identity = twice.station.host.at("/dev/c").identity;
    twin.identity.path = twin.identity.canonical_path = "/dev/d";
    CHECK(code_of(twice.station) == ErrorCode::safety);
}

TEST_CASE("a drive that comes back under another name in the middle is looked at there") {
    DriveStation station;
    fake::NvmeDriveOptions options;
    options.lies.power_cut_in_the_middle = true;
    NvmeModel model(options, station.clock);
    station.attach(model, options.serial);
    station.request.choice.policy = "nvme-sanitize-block";
    bool moved = false;
    station.on_wait = [&] {
        if (model.drive.silence() != 0) {
            model.drive.power_cycle();
            station.rename("/dev/a", "/dev/c");
            moved = true;
        }
    };
    const auto result = station.run();
    INFO(to_json(result.reasons).dump() << to_json(result.exceptions).dump());
    REQUIRE(moved);
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(result.exceptions.empty());
    CHECK(station.verified_bundles() == 1);
    CHECK(station.observations().find("/dev/c") != std::string::npos);
}

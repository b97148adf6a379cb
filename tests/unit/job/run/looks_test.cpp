// SPDX-License-Identifier: Apache-2.0
// How often a run looks at its target, its keys and the log. Three looks at a target have a reason:
// the one that the plan is made of; the one at what is held, before the first byte, as what was
// planned must be what is held; and the one after the work, for the record.
#include "fixture/looks.hpp"

#include <stdlib.h>

#include "efface/base/file.hpp"
#include "efface/job/places.hpp"

#include "fake/luks/luks1_image.hpp"
#include "fixture/run_fixture.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {

/// Of each disk: from its first write on the run is at "work".
void watch_writes(fake::MemoryDisk& disk, LookCount& looks) {
    disk.set_hook([&looks, begun = false](const fake::Operation& operation) mutable {
        if (operation.kind == fake::Operation::Kind::write && !begun) {
            begun = true;
            looks.enter("work");
        }
        return fake::Fault{};
    });
}

/// "plan" until it is accepted, "begin" until the work starts, "hold" until the first write.
template <typename Fixture>
void watch_moments(Fixture& fixture, LookCount& looks) {
    fixture.on_event = [&](const Json& event) {
        if (event.at("event") == "accepted") {
            looks.enter("begin");
        } else if (event.at("event") == "started") {
            looks.enter("hold");
        }
    };
}

/// Keys are opened once. The log is opened once to be read; then under its lock where an entry is
/// made, and of the lock's time nothing is known before: for the announcement, for the outcome, and
/// for the proof of both; and once for the attempts that others ended while this run was at work.
void check_station(OpenCount& keys, OpenCount& log) {
    CHECK(keys.of("issuer.json") == 1);
    CHECK(log.of("lock") == 3);
    CHECK(log.of("hashes") == 1 + 3 + 1);
}

}  // namespace

TEST_CASE("looks: a disk, a loop device and a file are looked at once for each reason",
          "[job][looks]") {
    const auto kind = GENERATE(inventory::Kind::disk, inventory::Kind::loop, inventory::Kind::file);
    TargetFixture fixture;
    fixture.host.at("/dev/a").identity.kind = kind;
    fixture.host.drive.protocol = inventory::Drive::Protocol::scsi;
    fixture.host.drive.surfaces = {{"a", "/dev/a", 0}};
    LookCount looks(fixture.host);
    OpenCount keys(fixture.state.keys());
    OpenCount log(fixture.state.log());
    watch_moments(fixture, looks);
    watch_writes(fixture.disk(), looks);
    REQUIRE(fixture.run().verdict == method::Verdict::sanitized);
    const bool disk = kind == inventory::Kind::disk;
    const bool file = kind == inventory::Kind::file;
    // A disk alone has a drive, which knows its size, and a serial number, which no other disk
    // should have.
    CHECK(looks.at("plan") ==
          (disk   ? "connect 1, contents 1, disks 1, drive 1, identify 1, layers 1, uses 1"
           : file ? "contents 1, identify 1, layers 1, open 1, uses 1"
                  : "contents 1, identify 1, layers 1, uses 1"));
    // The first sector, by which the job knows its target again.
    CHECK(looks.at("begin") == (file ? "" : "open 1"));
    CHECK(looks.at("hold") == "hold 1, identify 1, uses 1");
    // Who it is now, what was left there, and the health of a disk.
    CHECK(looks.at("work") ==
          (disk ? "connect 1, drive 1, identify 1, open 1" : "identify 1, open 1"));
    check_station(keys, log);
}

TEST_CASE("looks: each place of a project is looked at once for each reason", "[job][looks]") {
    RunFixture fixture;
    const std::string uuid = "facade00-6a8f-4a8d-9a5c-0a6f1b7f9e12";
    fixture.host.add("/dev/c", fake::luks1_image(uuid));
    fixture.manifest_text.replace(fixture.manifest_text.rfind("]}"), 2,
                                  R"(,{"name":"c","path":"/dev/c","uuid":")" + uuid + R"("}]})");
    LookCount looks(fixture.host);
    OpenCount keys(fixture.state.keys());
    OpenCount log(fixture.state.log());
    watch_moments(fixture, looks);
    for (const char* path : {"/dev/a", "/dev/b", "/dev/c"}) {
        watch_writes(*fixture.host.at(path).disk, looks);
    }
    REQUIRE(fixture.run().verdict == method::Verdict::sanitized);
    // For copies of the keys the machine is looked at once for all volumes.
    CHECK(looks.at("plan") == "contents 3, identify 3, layers 3, luks 1, open 3, uses 3");
    // All of them before the first byte of any, and each once more when its turn comes, which may
    // be much later: as many as a project may have are not held at once.
    CHECK(looks.at("begin") == "hold 3, identify 3, luks 1, uses 3");
    CHECK(looks.at("hold") == "hold 3, identify 3, uses 3");
    CHECK(looks.at("work") == "luks 1");
    check_station(keys, log);
}

TEST_CASE("looks: where the targets of a command lie is looked at once", "[job][looks]") {
    TargetFixture fixture;
    fixture.host.add("/dev/b", Bytes(512));
    const Places places(fixture.host, {"/dev/a", "/dev/b"});
    places.check_distinct();
    places.refuse_own_files(fixture.state, {"/dev/null"}, {"/etc/hostname"});
    // The two files are none of this host, which says so each time it is asked.
    CHECK(told(fixture.host.looks) == "identify 4");
}

/// A file in a file system in memory, gone when the test ends.
struct MemoryFile {
    MemoryFile() {
        REQUIRE(::mkdtemp(folder.data()) != nullptr);
        write_file_durably(path(), std::string(4096, 's'));
    }
    ~MemoryFile() {
        std::error_code ignored;
        std::filesystem::remove_all(folder, ignored);
    }
    [[nodiscard]] std::string path() const { return folder + "/secret"; }
    std::string folder = "/dev/shm/efface-looks-XXXXXX";
};

TEST_CASE("looks: a target in memory is looked at once for each reason", "[job][looks]") {
    const MemoryFile file;
    TargetFixture fixture;
    fixture.target = "memory:file:" + file.path();
    OpenCount keys(fixture.state.keys());
    OpenCount log(fixture.state.log());
    OpenCount target(file.folder);
    std::map<std::string, unsigned> opened;
    std::string moment = "plan";
    fixture.on_event = [&](const Json& event) {
        opened[moment] = target.since_last();
        moment = event.at("event");
    };
    REQUIRE(is_success(*fixture.run().verdict));
    // Its content is read for the plan, and where it is held for the work.
    CHECK(told(opened) == "accepted 0, plan 1, result 0, started 1, verified 0");
    check_station(keys, log);
}

// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "catch.hpp"
#include "support.hpp"

using namespace efface;
using namespace efface::method;

namespace {

struct HealthBench {
    explicit HealthBench(fake::ScsiDriveOptions options = {}) : drive(std::move(options), clock) {}
    fake::FixedClock clock;
    fake::ScsiDrive drive;
    std::unique_ptr<CommandSet> set = make_scsi_drive(drive, "sda", clock);
};

}  // namespace

TEST_CASE("a SCSI disk reports its health by log pages and its defect list", "[scsi]") {
    fake::ScsiDriveOptions options;
    options.health.reallocated = 12;
    options.health.pending = 3;
    options.health.media_errors = 4;
    HealthBench bench(options);
    const auto look = bench.set->health();
    CHECK(look.command_set == "scsi");
    CHECK(look.pages.size() == 9);
    CHECK(to_json(look.health) ==
          Json::parse(R"({"powerOnHours":10000,"hostWrittenBytes":63209472000,"reallocated":12,
                          "pending":3,"mediaErrors":4,"wearPercent":3,"celsius":37,
                          "selfTest":"passed","failing":false})"));
    CHECK_FALSE(look.health.spare_percent);
}

TEST_CASE("only log pages that the disk lists are asked for", "[scsi]") {
    fake::ScsiDriveOptions options;
    options.health.reported = false;
    HealthBench bench(options);
    const auto look = bench.set->health();
    CHECK(to_json(look.health).empty());
    CHECK(look.pages.empty());
    const auto& sent = bench.drive.received();
    const auto logs =
        std::count_if(sent.begin(), sent.end(), [](const Bytes& cdb) { return cdb[0] == 0x4d; });
    CHECK(logs == 2);  // the two lists
}

TEST_CASE("a disk that does not answer reports nothing", "[scsi]") {
    HealthBench bench;
    bench.drive.hang();
    CHECK(to_json(bench.set->health().health).empty());
}

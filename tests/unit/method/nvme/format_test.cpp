// SPDX-License-Identifier: Apache-2.0
// Format NVM on the NVMe model, and what the survey says of the drive.
#include "bench.hpp"

using namespace efface;
using fake::NvmeDriveOptions;
using method::Phase;
using method::Start;
using Bench = test::NvmeBench;
using test::kFormat;
using test::with_lie;

TEST_CASE("Format NVM is one broadcast where the drive takes it", "[nvme]") {
    NvmeDriveOptions options;
    options.namespaces = {{}, {}};
    Bench bench(options);
    bench.put_old_block(1, 1);
    bench.put_old_block(2, 2);
    auto operation = bench.make("nvme-format-user-data");
    CHECK(operation->state().phase == Phase::idle);
    CHECK(operation->start().start == Start::finished);
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK(bench.sent(kFormat) == std::vector<std::uint32_t>{0x200});
    CHECK_FALSE(bench.drive.holds(bench.old_block));
    // Another process, with the journal, says the same.
    CHECK(bench.make("nvme-format-user-data")->state().phase == Phase::succeeded);
}

TEST_CASE("Format NVM goes to each namespace where there is no broadcast", "[nvme]") {
    NvmeDriveOptions options;
    options.namespaces = {{}, {}, {256, 512, false, false}};
    options.fna = 0x0c;
    Bench bench(options);
    auto operation = bench.make("nvme-format-crypto");
    CHECK(operation->start().start == Start::finished);
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK(bench.sent(kFormat) == std::vector<std::uint32_t>{0x400, 0x400});
}

TEST_CASE("Format NVM is the whole drive only when nothing lies outside its namespaces", "[nvme]") {
    const auto whole = [](const NvmeDriveOptions& options) {
        Bench bench(options);
        return bench.facts("nvme-format-user-data").facts.at("wholeDrive").get<bool>();
    };
    CHECK(whole({}));
    NvmeDriveOptions options;
    options.unallocated_blocks = 8;
    CHECK_FALSE(whole(options));
    options = {};
    options.namespaces = {{}, {256, 512, false, false}};
    CHECK_FALSE(whole(options));
    options.fna = 0x06;  // SENS: every namespace of the subsystem
    CHECK(whole(options));
    options = {};
    options.namespaces = {{}, {}};
    options.lies.hides_last_namespace = true;
    CHECK_FALSE(whole(options));
    options = {};
    options.controllers = 2;
    options.namespace_management = false;  // nobody can be asked for what the other one has
    CHECK_FALSE(whole(options));
}

TEST_CASE("a namespace that the drive does not list shows in its capacity", "[nvme]") {
    NvmeDriveOptions options;
    options.namespaces = {{}, {2048, 512, true, false}};
    options.lies.hides_last_namespace = true;
    Bench bench(options);
    const auto survey = bench.set->survey();
    REQUIRE(survey.hidden_areas.size() == 1);
    CHECK(survey.hidden_areas[0].kind == "unaccounted-capacity");
    CHECK(survey.hidden_areas[0].bytes == 1048576);
}

TEST_CASE("a Format NVM that was not answered is unknown, one refused changes nothing", "[nvme]") {
    Bench lost(with_lie([](fake::NvmeLies& lies) { lies.format_unanswered = true; }));
    auto operation = lost.make("nvme-format-user-data");
    CHECK(operation->start().start == Start::unknown);
    CHECK(operation->state().phase == Phase::unknown);
    Bench refused(with_lie([](fake::NvmeLies& lies) { lies.format_status = 0x400c; }));
    auto other = refused.make("nvme-format-user-data");
    const auto answer = other->start();
    CHECK(answer.start == Start::refused);
    CHECK(answer.detail.find("TCG") != std::string::npos);
    CHECK(other->state().phase == Phase::idle);
}

TEST_CASE("the survey names the drive, its areas and its raw pages", "[nvme]") {
    NvmeDriveOptions options;
    options.namespaces = {{}, {1024, 512, false, false}};
    options.unallocated_blocks = 64;
    options.controllers = 2;
    Bench bench(options);
    const auto survey = bench.set->survey();
    CHECK(survey.error.empty());
    CHECK(survey.model == "EFFACE MODEL NVME");
    CHECK(survey.serial == "EFM0001");
    CHECK(survey.firmware == "1.0");
    CHECK(survey.wwn == "nqn.2026-01.example:nvme:model");
    CHECK(survey.facts.at("multiController") == true);
    CHECK(survey.facts.at("version") == "2.1.0");
    CHECK(survey.facts.at("unallocatedBytes") == 32768);
    CHECK(survey.facts.at("namespaces").size() == 2);
    REQUIRE(survey.hidden_areas.size() == 2);
    CHECK(survey.hidden_areas[0].kind == "unattached-namespace");
    CHECK(survey.hidden_areas[1].kind == "unallocated-capacity");
    CHECK_FALSE(survey.hidden_areas[0].covered);  // nobody looked there
    CHECK(survey.hidden_areas[0].can_be_opened);
    CHECK(survey.hidden_areas[1].covered);
    std::vector<std::string> names;
    for (const auto& page : survey.pages) {
        names.push_back(page.name);
    }
    CHECK(names == std::vector<std::string>{"NVMe Identify Controller", "NVMe Identify Namespace 1",
                                            "NVMe Identify Namespace 2", "NVMe log 81h"});
    CHECK(bench.facts("nvme-format-crypto").not_reached.size() == 3);
}

TEST_CASE("a drive that does not answer is an error and not an empty drive", "[nvme]") {
    Bench bench;
    bench.drive.power_off();
    const auto survey = bench.set->survey();
    CHECK(survey.error.find("ENODEV") != std::string::npos);
    CHECK(survey.techniques.empty());
    CHECK(bench.set->state().phase == Phase::unknown);
    CHECK(bench.make("nvme-sanitize-block")->start().start == Start::refused);
}

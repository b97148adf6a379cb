// SPDX-License-Identifier: Apache-2.0
// What a drive reports of its health in plans and records, and triage by it, on each kind of drive.
#include <algorithm>

#include "catch.hpp"
#include "models.hpp"

using namespace efface;
using namespace efface::job;

namespace {

enum class Set { nvme, ata, scsi };

/// A drive of this set at /dev/a, with these figures.
std::unique_ptr<DriveModel> model_of(Set set, const fake::HealthFigures& health,
                                     DriveStation& station, std::string& serial) {
    if (set == Set::nvme) {
        fake::NvmeDriveOptions options;
        options.health = health;
        serial = options.serial;
        return std::make_unique<NvmeModel>(options, station.clock);
    }
    if (set == Set::ata) {
        fake::AtaDriveOptions options;
        options.health = health;
        serial = options.serial;
        return std::make_unique<AtaModel>(options, station.clock);
    }
    fake::ScsiDriveOptions options;
    options.health = health;
    serial = options.serial;
    return std::make_unique<ScsiModel>(options, station.clock);
}

struct Bench {
    Bench(Set set, const fake::HealthFigures& health)
        : model(model_of(set, health, station, serial)) {
        station.attach(*model, serial);
        station.request.choice.policy = mandate::kPolicyAuto;
        station.request.choice.level = method::Level::clear;
    }
    [[nodiscard]] Json predicate() const {
        return Json::parse(station.certificate()).at("predicate");
    }
    std::vector<ReasonCode> objections() {
        std::vector<ReasonCode> codes;
        for (const auto& objection : station.plan().objections) {
            codes.push_back(objection.reason.code);
        }
        return codes;
    }
    DriveStation station;
    std::string serial;
    std::unique_ptr<DriveModel> model;
};

bool names(const Json& reasons, const char* code) {
    return std::any_of(reasons.begin(), reasons.end(),
                       [&](const Json& reason) { return reason.at("code") == code; });
}

}  // namespace

TEST_CASE("health before and after stands in the record of each kind of drive") {
    const auto set = GENERATE(Set::nvme, Set::ata, Set::scsi);
    const bool overwritten = GENERATE(false, true);
    CAPTURE(set, overwritten);
    Bench bench(set, {});
    if (overwritten) {
        bench.station.request.choice = {};
        bench.station.request.choice.policy = "overwrite-zero";
    }
    CHECK(bench.station.plan().health.power_on_hours == 10'000);
    REQUIRE(bench.station.run().verdict == method::Verdict::sanitized);
    CHECK(bench.station.verified_bundles() == 1);
    const auto health = bench.predicate().at("target").at("health");
    for (const char* when : {"before", "after"}) {
        CHECK(health.at(when).at("values").at("powerOnHours") == 10'000);
        CHECK(health.at(when).at("values").at("hostWrittenBytes") == 63'209'472'000ULL);
        CHECK_FALSE(health.at(when).at("pages").empty());
    }
    CHECK(health.at("grown").empty());
    CHECK_FALSE(names(bench.predicate().at("result").at("residualRisks"), "health-grew"));
}

TEST_CASE("what grows during the erase is named in the record and in the result") {
    const auto set = GENERATE(Set::nvme, Set::ata, Set::scsi);
    CAPTURE(set);
    fake::HealthFigures figures;
    figures.reallocated = 1;
    figures.grows_by = 3;
    Bench bench(set, figures);
    REQUIRE(bench.station.run().verdict == method::Verdict::sanitized);
    CHECK(bench.station.verified_bundles() == 1);
    const auto grown = bench.predicate().at("target").at("health").at("grown");
    if (set == Set::nvme) {
        CHECK(grown == Json::parse(R"([{"value":"mediaErrors","before":0,"after":3}])"));
    } else {
        CHECK(grown == Json::parse(R"([{"value":"reallocated","before":1,"after":4},
                                       {"value":"mediaErrors","before":0,"after":3}])"));
    }
    CHECK(names(bench.predicate().at("result").at("residualRisks"), "health-grew"));
    CHECK(bench.station.observations().find(method::kHealthObservation) != std::string::npos);
}

TEST_CASE("a drive without such pages reports nothing, which is not zero") {
    const auto set = GENERATE(Set::nvme, Set::ata, Set::scsi);
    CAPTURE(set);
    fake::HealthFigures figures;
    figures.reported = false;
    Bench bench(set, figures);
    CHECK(method::to_json(bench.station.plan().health).empty());
    REQUIRE(bench.station.run().verdict == method::Verdict::sanitized);
    CHECK(bench.station.verified_bundles() == 1);
    const auto health = bench.predicate().at("target").at("health");
    CHECK(health.at("before").at("values").empty());
    CHECK(health.at("after").at("values").empty());
}

TEST_CASE("triage refuses a worn drive before a byte is written") {
    const auto set = GENERATE(Set::nvme, Set::ata, Set::scsi);
    const bool overwrites = GENERATE(false, true);
    CAPTURE(set, overwrites);
    fake::HealthFigures figures;
    figures.hours = 500;
    figures.reallocated = 100;
    figures.pending = 7;
    figures.media_errors = 3;
    figures.wear_percent = 80;
    figures.spare_percent = 10;
    // What each set can tell, by the names of a record.
    const std::map<std::string, std::uint64_t> told =
        set == Set::nvme ? std::map<std::string, std::uint64_t>{{"mediaErrors", 3},
                                                                {"powerOnHours", 500},
                                                                {"wearPercent", 80},
                                                                {"sparePercent", 10}}
                         : std::map<std::string, std::uint64_t>{{"reallocated", 100},
                                                                {"pending", 7},
                                                                {"mediaErrors", 3},
                                                                {"powerOnHours", 500},
                                                                {"wearPercent", 80}};
    Bench bench(set, figures);
    if (overwrites) {
        bench.station.request.choice = {};
    }
    using Codes = std::vector<ReasonCode>;
    for (const auto& row : mandate::health_limit_rows()) {
        CAPTURE(row.key);
        auto& limits = bench.station.request.choice.health;
        const auto value = told.find(row.count);
        const auto with = [&](std::uint64_t limit) {
            limits = {};
            limits.*row.limit = limit;
            return bench.objections();
        };
        if (value == told.end()) {
            CHECK(with(50) == Codes{ReasonCode::health_not_reported});
        } else {
            const Codes beyond{ReasonCode::health_limit};
            CHECK(with(value->second).empty());
            CHECK(with(value->second + 1) == (row.at_least ? beyond : Codes{}));
            CHECK(with(value->second - 1) == (row.at_least ? Codes{} : beyond));
        }
    }
    bench.station.request.choice.health = {};
    bench.station.request.choice.health.power_on_hours_max = 499;
    const auto content = [&] {
        std::vector<Bytes> all;
        for (auto* media : bench.model->media()) {
            Bytes bytes(media->blocks() * media->block_bytes());
            for (std::uint64_t at = 0; at < media->blocks(); ++at) {
                media->read(at, MutableByteView(bytes).subspan(at * media->block_bytes(),
                                                               media->block_bytes()));
            }
            all.push_back(std::move(bytes));
        }
        return all;
    };
    const auto before = content();
    try {
        (void)bench.station.run();
        FAIL("it was not refused");
    } catch (const Error& error) {
        CHECK(error.reason() == ReasonCode::health_limit);
        CHECK(error.code() == ErrorCode::safety);
    }
    CHECK(content() == before);
}

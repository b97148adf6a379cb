// SPDX-License-Identifier: Apache-2.0
// How often a run asks a drive that erases itself: for the reasons of ../run/looks_test.cpp.
#include "fixture/looks.hpp"

#include <utility>

#include "catch.hpp"
#include "models.hpp"

using namespace efface;
using namespace efface::job;

namespace {

/// Counts the surveys of the set below.
class CountedSet final : public method::CommandSet {
  public:
    CountedSet(method::CommandSet& below, fake::FakeHost& host) : below_(below), host_(host) {}
    [[nodiscard]] std::string_view name() const override { return below_.name(); }
    [[nodiscard]] method::DriveSurvey survey() override {
        ++host_.looks["survey"];
        return below_.survey();
    }
    [[nodiscard]] method::HealthLook health() override {
        ++host_.looks["health"];
        return below_.health();
    }
    [[nodiscard]] method::OperationState state() override { return below_.state(); }
    [[nodiscard]] std::unique_ptr<method::Operation> make(
        std::string_view technique, method::OperationMemory& memory) override {
        return below_.make(technique, memory);
    }
    [[nodiscard]] method::OpenedAreas open_hidden_areas(method::OperationMemory& memory) override {
        return below_.open_hidden_areas(memory);
    }
    [[nodiscard]] method::ReadStatus read_status(const std::string& surface, std::uint64_t offset,
                                                 MutableByteView into) override {
        return below_.read_status(surface, offset, into);
    }

  private:
    method::CommandSet& below_;
    fake::FakeHost& host_;
};

class CountedModel final : public DriveModel {
  public:
    CountedModel(std::unique_ptr<DriveModel> below, fake::FakeHost& host)
        : below_(std::move(below)) {
        for (auto* set : below_->command_sets()) {
            sets_.push_back(std::make_unique<CountedSet>(*set, host));
        }
    }
    std::vector<method::CommandSet*> command_sets() override {
        std::vector<method::CommandSet*> sets;
        for (const auto& set : sets_) {
            sets.push_back(set.get());
        }
        return sets;
    }
    std::vector<device::BlockTarget*> surfaces() override { return below_->surfaces(); }
    std::vector<fake::DriveMedia*> media() override { return below_->media(); }

  private:
    std::unique_ptr<DriveModel> below_;
    std::vector<std::unique_ptr<CountedSet>> sets_;
};

}  // namespace

namespace {

/// A station with one drive whose surveys are counted, and the moments of a run on it: "plan",
/// "hold" from the start of the work on, and "end" from the first time that the drive is waited
/// for.
struct Counted {
    Counted(DriveStation& at, std::unique_ptr<DriveModel> model, const std::string& serial)
        : station(at), counted(std::move(model), at.host) {
        station.attach(counted, serial);
        station.request.choice.policy = mandate::kPolicyAuto;
        station.request.choice.level = method::Level::clear;
        station.on_event = [this](const Json& event) {
            if (event.at("event") == "started") {
                looks.enter("hold");
            }
        };
        station.on_wait = [this] {
            if (!std::exchange(waited, true)) {
                looks.enter("end");
            }
        };
    }
    DriveStation& station;
    CountedModel counted;
    LookCount looks{station.host};
    bool waited = false;
};

}  // namespace

TEST_CASE("looks: a drive is asked once for each reason") {
    DriveStation station;
    const fake::NvmeDriveOptions nvme;
    const fake::ScsiDriveOptions scsi;
    const bool is_nvme = GENERATE(true, false);
    CAPTURE(is_nvme);
    Counted run(station,
                is_nvme
                    ? std::unique_ptr<DriveModel>(std::make_unique<NvmeModel>(nvme, station.clock))
                    : std::make_unique<ScsiModel>(scsi, station.clock),
                is_nvme ? nvme.serial : scsi.serial);
    REQUIRE(station.run().verdict == method::Verdict::sanitized);
    CHECK(run.waited);
    // Its technique is chosen and its plan made of one survey.
    CHECK(run.looks.at("plan") ==
          "connect 1, contents 1, disks 1, drive 1, health 1, identify 1, survey 1, uses 1");
    CHECK(run.looks.at("hold") == "connect 1, drive 1, hold 1, identify 1, survey 1, uses 1");
    // After its own erasure it is found again, by whatever name; the kernel looks at its size
    // again, which may be another; it is held and asked; and then who it is, and a sample of each
    // of its block devices, as they are now.
    CHECK(run.looks.at("end") ==
          "connect 2, drive 3, health 1, hold 1, identify 5, open 1, survey 1, uses 1");
}

TEST_CASE("looks: a drive that has no technique is overwritten by the look that told so") {
    DriveStation station;
    fake::NvmeDriveOptions options;
    options.sanicap = 0;
    options.format = false;
    Counted run(station, std::make_unique<NvmeModel>(options, station.clock), options.serial);
    REQUIRE(station.run().level == method::Level::clear);
    CHECK(run.looks.at("plan") ==
          "connect 1, contents 1, disks 1, drive 1, health 1, identify 1, layers 1, open 1, "
          "survey 1, uses 1");
    // Its health is asked for once more when the work is over.
    CHECK(run.looks.at("hold") ==
          "connect 1, drive 1, health 1, hold 1, identify 2, open 1, uses 1");
}

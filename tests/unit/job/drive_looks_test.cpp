// SPDX-License-Identifier: Apache-2.0
// How often a run asks a drive that erases itself: for the reasons of looks_test.cpp.
#include "catch.hpp"
#include "drive_models.hpp"
#include "looks.hpp"

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
    [[nodiscard]] method::OperationState state() override { return below_.state(); }
    [[nodiscard]] std::unique_ptr<method::FirmwareOperation> make(
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

TEST_CASE("looks: a drive is asked once for each reason") {
    DriveStation station;
    std::unique_ptr<DriveModel> model;
    const auto kind = GENERATE(std::string("nvme"), std::string("scsi"));
    if (kind == "nvme") {
        model = std::make_unique<NvmeModel>(fake::NvmeDriveOptions{}, station.clock);
    } else {
        model = std::make_unique<ScsiModel>(fake::ScsiDriveOptions{}, station.clock);
    }
    CountedModel counted(std::move(model), station.host);
    station.attach(counted, kind == "nvme" ? fake::NvmeDriveOptions{}.serial
                                           : fake::ScsiDriveOptions{}.serial);
    station.request.choice.policy = mandate::kPolicyAuto;
    station.request.choice.level = method::Level::clear;
    LookCount looks(station.host);
    OpenCount log(station.state.log());
    station.on_event = [&](const Json& event) {
        if (event.at("event") == "started") {
            looks.enter("work");
        }
    };
    REQUIRE(station.run().verdict == method::Verdict::sanitized);
    WARN(kind << "\n plan " << looks.at("plan") << "\n work " << looks.at("work"));
}

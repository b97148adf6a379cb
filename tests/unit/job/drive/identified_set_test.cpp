// SPDX-License-Identifier: Apache-2.0
// A command set that does not know whose it is, beside one that does.
#include "drive/identified_set.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::job;

namespace {

/// Each survey carries its number, so that one that was kept would show.
class Numbered final : public method::CommandSet {
  public:
    explicit Numbered(std::string model) : model_(std::move(model)) {}
    [[nodiscard]] std::string_view name() const override { return model_; }
    [[nodiscard]] method::DriveSurvey survey() override {
        method::DriveSurvey survey;
        survey.model = model_;
        survey.serial = std::to_string(++surveys);
        survey.facts = {{"own", model_}, {"flash", true}};
        method::HiddenArea area;
        area.kind = "hpa";
        area.covered = true;
        survey.hidden_areas = {area};
        return survey;
    }
    [[nodiscard]] method::OperationState state() override { return {}; }
    [[nodiscard]] std::unique_ptr<method::Operation> make(
        std::string_view /*technique*/, method::OperationMemory& /*memory*/) override {
        return nullptr;
    }
    [[nodiscard]] method::OpenedAreas open_hidden_areas(
        method::OperationMemory& /*memory*/) override {
        return {};
    }
    [[nodiscard]] method::ReadStatus read_status(const std::string& /*surface*/,
                                                 std::uint64_t /*offset*/,
                                                 MutableByteView /*into*/) override {
        return {};
    }

    int surveys = 0;

  private:
    std::string model_;
};

}  // namespace

TEST_CASE("beside a survey of the other set, a set takes its identity and asks nobody again") {
    Numbered unnamed("tcg");
    Numbered other("scsi");
    IdentifiedSet set(unnamed, other);
    const auto first = other.survey();
    const auto survey = set.survey_beside(first);
    CHECK(other.surveys == 1);
    CHECK(unnamed.surveys == 1);
    CHECK(survey.model == "scsi");
    CHECK(survey.serial == "1");
    CHECK(survey.facts.at("own") == "tcg");
    REQUIRE(survey.hidden_areas.size() == 2);
    CHECK_FALSE(survey.hidden_areas.at(1).covered);  // that this set reaches it, nobody knows
}

TEST_CASE("asked alone, a set without an identity asks for it anew each time") {
    Numbered unnamed("tcg");
    Numbered other("scsi");
    IdentifiedSet set(unnamed, other);
    CHECK(set.survey().serial == "1");
    CHECK(set.survey().serial == "2");
    CHECK(unnamed.surveys == 2);
}

TEST_CASE("an identity of the kernel needs no other set") {
    Numbered unnamed("block");
    IdentifiedSet set(unnamed, {"eMMC", "S1", "naa.5"});
    const auto survey = set.survey();
    CHECK(survey.model == "eMMC");
    CHECK(survey.serial == "S1");
    CHECK(survey.wwn == "naa.5");
}

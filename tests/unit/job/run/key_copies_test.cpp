// SPDX-License-Identifier: Apache-2.0
// A clone of a volume that the manifest does not list has its keys: whenever it is there, and
// whatever is left of its header, no level is claimed without it.
#include <algorithm>
#include <cctype>

#include "catch.hpp"
#include "fake/luks/luks1_image.hpp"
#include "fixture/run_fixture.hpp"

using namespace efface;
using namespace efface::job;
using method::Verdict;

namespace {

constexpr const char* kClone = "/dev/clone";

/// What a copy of a volume can be.
enum class CloneForm { whole, header_only, capitals, magic_wiped };

Bytes clone_of(const Bytes& volume, CloneForm form) {
    constexpr std::size_t kUuidOffset = 168;
    Bytes copy = volume;
    if (form == CloneForm::header_only) {
        copy.resize(fake::kLuks1PayloadOffset);
    } else if (form == CloneForm::capitals) {
        for (std::size_t i = kUuidOffset; i < kUuidOffset + kUuidA.size(); ++i) {
            copy[i] = static_cast<std::uint8_t>(std::toupper(copy[i]));
        }
    } else if (form == CloneForm::magic_wiped) {
        std::fill_n(copy.begin(), 6, std::uint8_t{0});
    }
    return copy;
}

void attach_clone(RunFixture& fixture, CloneForm form = CloneForm::whole) {
    fixture.host.add(kClone, clone_of(fixture.before_a, form));
}

void declare_of_a(RunFixture& fixture, const std::string& fields) {
    auto& text = fixture.manifest_text;
    text.replace(text.find(R"("name":"a",)"), 11, R"("name":"a",)" + fields);
}

std::vector<ReasonCode> clone_objections(RunFixture& fixture) {
    std::vector<ReasonCode> codes;
    for (const auto& objection : fixture.plan().objections()) {
        codes.push_back(objection.reason.code);
    }
    return codes;
}

std::optional<ReasonCode> clone_refusal(RunFixture& fixture) {
    try {
        (void)fixture.run();
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::safety);
        CHECK_FALSE(error.hint().empty());
        return error.reason();
    }
    return std::nullopt;
}

const std::vector<ReasonCode> kCloneCodes = {ReasonCode::key_copy_attached};

}  // namespace

TEST_CASE("key copies: one that is not listed is named in the plan, and refuses the run",
          "[job][guard]") {
    RunFixture fixture;
    attach_clone(fixture, GENERATE(CloneForm::whole, CloneForm::header_only, CloneForm::capitals,
                                   CloneForm::magic_wiped));
    REQUIRE(clone_objections(fixture) == kCloneCodes);
    CHECK(fixture.plan().objections().front().reason.text.find(kClone) != std::string::npos);
    CHECK(clone_refusal(fixture) == ReasonCode::key_copy_attached);
    CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
    CHECK(fixture.log_text().find("run-intent") == std::string::npos);
}

TEST_CASE("key copies: of a volume that is declared gone, too", "[job][guard]") {
    RunFixture fixture;
    declare_of_a(fixture, R"("gone":true,)");
    fixture.host.remove("/dev/a");
    CHECK(clone_objections(fixture).empty());
    attach_clone(fixture);
    CHECK(clone_objections(fixture) == kCloneCodes);
}

TEST_CASE("key copies: one that is listed is erased with the rest", "[job][guard]") {
    struct ListedClone {
        CloneForm form;
        const char* fields;
        const char* volumes;  ///< beside the two
    };
    const std::string clone = R"({"name":"clone","path":"/dev/clone","uuid":")" + kUuidA + R"("},)";
    const auto row = GENERATE_REF(
        ListedClone{CloneForm::whole, "", clone.c_str()},
        ListedClone{CloneForm::whole, R"("header_backups":[{"path":"/dev/clone"}],)", ""},
        ListedClone{CloneForm::header_only, R"("header_backups":[{"path":"/dev/clone"}],)", ""},
        ListedClone{CloneForm::header_only, R"("header":"/dev/clone",)", ""});
    RunFixture fixture;
    attach_clone(fixture, row.form);
    declare_of_a(fixture, row.fields);
    auto& text = fixture.manifest_text;
    text.insert(text.find(R"({"name":"a")"), row.volumes);
    CHECK(clone_objections(fixture).empty());
    const auto result = fixture.run();
    CHECK(result.verdict == Verdict::sanitized);
    CHECK_FALSE(fixture.old_metadata_remains(kClone, clone_of(fixture.before_a, row.form)));
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("key copies: another name of a volume, and storage of others, are none", "[job][guard]") {
    RunFixture fixture;
    SECTION("another path of one disk") {
        fixture.host.at("/dev/a").identity.inode = 7;
        attach_clone(fixture);
        fixture.host.at(kClone).identity.inode = 7;
    }
    SECTION("another volume") {
        fixture.host.add("/dev/other", fake::luks1_image("00000000-6a8f-4a8d-9a5c-0a6f1b7f9e10"));
    }
    CHECK(clone_objections(fixture).empty());
}

TEST_CASE("key copies: one that comes after the announcement, before the first byte",
          "[job][guard]") {
    RunFixture fixture;
    fixture.host.before_uses = [&] {
        if (fixture.log_text().find("run-intent") != std::string::npos) {
            attach_clone(fixture);
        }
    };
    CHECK(clone_refusal(fixture) == ReasonCode::key_copy_attached);
    CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
    CHECK(fixture.log_text().find("run-refused") != std::string::npos);
    CHECK(fixture.verified_bundles() == 0);
}

TEST_CASE("key copies: one that comes during the run takes the level, until it is gone",
          "[job][guard]") {
    struct Comes {
        const char* event;
        const char* volume;
        bool stopped;  ///< and an earlier process of the job ends there
    };
    const auto comes = GENERATE(Comes{"started", "a", false}, Comes{"started", "b", false},
                                Comes{"verified", "a", false}, Comes{"verified", "b", false},
                                Comes{"verified", "a", true});
    RunFixture fixture;
    fixture.on_event = [&](const Json& told) {
        if (told.at("event") == comes.event && told.at("target").at("name") == comes.volume) {
            attach_clone(fixture);
            if (comes.stopped) {
                fixture.stop.request_stop();
            }
        }
    };
    if (comes.stopped) {
        CHECK_THROWS_AS(fixture.run(), Error);
        fixture.stop = {};
        fixture.on_event = {};
    }
    const auto result = fixture.run();
    CHECK(result.exit_code() == 3);
    CHECK(result.level == method::Level::none);
    CHECK(result.volumes.at(0).verdict == Verdict::not_sanitized);
    REQUIRE(result.volumes.at(0).reasons.size() == 1);
    CHECK(result.volumes.at(0).reasons.front().code == ReasonCode::key_copy_attached);
    CHECK(result.volumes.at(1).verdict == Verdict::sanitized);
    CHECK(fixture.verified_bundles() == 1);
    fixture.on_event = {};
    fixture.host.remove(kClone);
    CHECK(fixture.run().verdict == Verdict::sanitized);
    CHECK(fixture.verified_bundles() == 2);
}

TEST_CASE("key copies: a device that cannot be read remains to be trusted", "[job][guard]") {
    RunFixture fixture;
    fixture.host.unread_devices = {"/dev/a", "/dev/dying"};  // the one is listed
    const auto plan = fixture.plan();
    CHECK(plan.objections().empty());
    for (const auto& volume : plan.volumes) {
        CHECK(std::count_if(volume.residual_risks.begin(), volume.residual_risks.end(),
                            [](const Reason& reason) {
                                return reason.code == ReasonCode::facts_unknown;
                            }) == 1);
    }
    CHECK(fixture.run().verdict == Verdict::sanitized);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("key copies: one look at the machine serves all volumes", "[job][guard]") {
    RunFixture fixture;
    (void)fixture.plan();
    CHECK(fixture.host.looks["luks"] == 1);
    fixture.host.looks.clear();
    (void)fixture.run();
    CHECK(fixture.host.looks["luks"] == 3);
}

// SPDX-License-Identifier: Apache-2.0
// A drive that refuses the command itself: what was named instead is done in the same job, and the
// record says all of it. What was begun is never followed by something else.
#include "efface/base/json.hpp"

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "models.hpp"

using namespace efface;
using namespace efface::job;
using method::Level;
using method::Verdict;

namespace {

constexpr std::uint16_t kInvalidField = 0x4002;  // NVMe Base 2.3, 4.2.3: generic 02h, do not retry

/// An NVMe drive whose Sanitize is refused, asked for one technique and others instead.
struct Refusing {
    explicit Refusing(std::vector<std::string> fallbacks,
                      const std::function<void(fake::NvmeDriveOptions&)>& change = {})
        : model(options(change), station.clock) {
        station.attach(model, fake::NvmeDriveOptions{}.serial);
        station.request.choice.policy = "nvme-sanitize-crypto";
        station.request.choice.fallbacks = std::move(fallbacks);
    }
    static fake::NvmeDriveOptions options(
        const std::function<void(fake::NvmeDriveOptions&)>& change) {
        fake::NvmeDriveOptions options;
        options.lies.sanitize_status = kInvalidField;
        if (change) {
            change(options);
        }
        return options;
    }
    [[nodiscard]] std::size_t sent(std::uint8_t opcode) const {
        const auto& seen = model.drive.seen();
        return static_cast<std::size_t>(std::count_if(
            seen.begin(), seen.end(),
            [&](const fake::NvmeDrive::Seen& one) { return one.admin && one.opcode == opcode; }));
    }
    [[nodiscard]] Json sanitization() const {
        return parse_json(station.certificate(), "certificate", {.bytes_max = 1U << 24U})
            .at("predicate")
            .at("sanitization");
    }
    DriveStation station;
    NvmeModel model;
};

constexpr std::uint8_t kFormat = 0x80;
constexpr std::uint8_t kSanitize = 0x84;

}  // namespace

TEST_CASE("a drive that refuses the command is erased by what was named instead") {
    Refusing one({"nvme-sanitize-block", "nvme-format-user-data"});
    const auto result = one.station.run();
    INFO(to_json(result.reasons).dump());
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(result.level == Level::clear);
    CHECK_FALSE(one.station.old_content_remains(false));
    CHECK(one.station.verified_bundles() == 1);
    CHECK(one.sent(kSanitize) == 2);
    const auto done = one.sanitization();
    CHECK(done.at("technique") == "nvme-format-user-data");
    CHECK(done.at("requestedTechnique") == "nvme-sanitize-crypto");
    REQUIRE(done.at("passedOver").size() == 2);
    CHECK(done.at("passedOver").at(0).at("technique") == "nvme-sanitize-crypto");
    CHECK(done.at("passedOver").at(1).at("technique") == "nvme-sanitize-block");
    // SANACT 4 is a cryptographic erase (NVMe Base 2.3, Sanitize: command dword 10).
    const auto sent = done.at("passedOver").at(0).at("commands").at(0);
    CHECK((std::stoul(sent.at("bytes").get<std::string>().substr(0, 2), nullptr, 16) & 7U) == 4U);
    CHECK_FALSE(sent.at("answer").get<std::string>().empty());
}

TEST_CASE("overwriting may be what is named instead") {
    Refusing one({"overwrite-zero"});
    const auto result = one.station.run();
    INFO(to_json(result.reasons).dump());
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(result.level == Level::clear);
    CHECK_FALSE(one.station.old_content_remains(false));
    CHECK(one.station.verified_bundles() == 1);
    CHECK(one.sanitization().at("technique") == "overwrite-zero");
    CHECK(one.sanitization().at("passedOver").size() == 1);
}

TEST_CASE("what is named instead must reach the level that was asked for") {
    Refusing one({"nvme-format-user-data"});
    one.station.request.choice.level = Level::purge;
    const auto result = one.station.run();
    CHECK(result.verdict == Verdict::not_sanitized);
    CHECK(one.sent(kFormat) == 0);
    CHECK(to_json(result.reasons).dump().find("nvme-format-user-data") != std::string::npos);
    CHECK(one.sanitization().at("technique") == "nvme-sanitize-crypto");
    CHECK(one.station.verified_bundles() == 1);
}

TEST_CASE("a level alone names everything that reaches it") {
    Refusing one({});
    one.station.request.choice.policy = mandate::kPolicyAuto;
    one.station.request.choice.level = Level::clear;
    const auto result = one.station.run();
    INFO(to_json(result.reasons).dump());
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(result.level == Level::clear);
    CHECK(one.sanitization().at("requestedTechnique") == "auto");
    CHECK_FALSE(one.sanitization().at("passedOver").empty());
}

TEST_CASE("nothing that was not named follows a refusal") {
    Refusing one({});
    CHECK(one.station.run().verdict == Verdict::not_sanitized);
    CHECK(one.sent(kFormat) == 0);
    CHECK(one.sanitization().at("passedOver").empty());
}

TEST_CASE("a drive that refuses everything ends as the last one that was refused") {
    Refusing one({"nvme-format-user-data"},
                 [](auto& options) { options.lies.format_status = kInvalidField; });
    const auto result = one.station.run();
    CHECK(result.verdict == Verdict::not_sanitized);
    CHECK(one.sanitization().at("technique") == "nvme-format-user-data");
    CHECK(one.sanitization().at("passedOver").size() == 1);
    CHECK(one.station.verified_bundles() == 1);
}

TEST_CASE("what was begun and failed is followed by nothing") {
    Refusing one({"nvme-format-user-data", "overwrite-zero"}, [](auto& options) {
        options.lies.sanitize_status = 0;
        options.lies.sanitize_fails = true;
    });
    CHECK(one.station.run().verdict == Verdict::not_sanitized);
    CHECK(one.sent(kFormat) == 0);
    CHECK(one.sanitization().at("technique") == "nvme-sanitize-crypto");
    CHECK(one.station.verified_bundles() == 1);
}

TEST_CASE("killed wherever it speaks to the drive, a job falls back once") {
    for (unsigned at = 1;; ++at) {
        Refusing one({"nvme-format-user-data"});
        const auto connect = one.station.host.connection;
        unsigned count = 0;
        one.station.host.connection = [&] {
            if (++count == at) {
                throw Killed{};
            }
            return connect();
        };
        std::optional<RunResult> result;
        for (unsigned i = 0; i < 3 && !result; ++i) {
            try {
                result = one.station.run();
            } catch (const Killed&) {
                one.station.request.job_id = one.station.job_id();
            }
        }
        INFO("killed at connection " << at);
        REQUIRE(result);
        CHECK(result->verdict == Verdict::sanitized);
        CHECK(result->level == Level::clear);
        CHECK(one.sent(kSanitize) == 1);
        CHECK(one.sent(kFormat) == 1);
        CHECK(one.sanitization().at("passedOver").size() == 1);
        CHECK(one.station.verified_bundles() == 1);
        if (count < at) {
            CHECK(at > 4);
            break;
        }
    }
}

TEST_CASE("after a wrong credential no other authority is tried, whatever was named") {
    DriveStation station;
    TcgModel model(
        {}, station.clock, [&](std::chrono::milliseconds time) { station.clock.advance(time); },
        "WRONG0123456789WRONG0123456789XX");
    station.attach(model, fake::NvmeDriveOptions{}.serial);
    station.request.choice.policy = "tcg-psid-revert";
    station.request.choice.fallbacks = {"tcg-revert", "tcg-genkey", "nvme-sanitize-crypto"};
    const auto result = station.run();
    INFO(to_json(result.reasons).dump());
    CHECK(result.verdict == Verdict::sanitized);
    CHECK(result.level == Level::purge);
    CHECK(station.verified_bundles() == 1);
    const auto& tries = model.tcg->counts().tries;
    CHECK(tries == std::map<std::uint64_t, unsigned>{{fake::tcg_names::kPsid, 1}});
    const auto done = parse_json(station.certificate(), "certificate", {.bytes_max = 1U << 24U})
                          .at("predicate")
                          .at("sanitization");
    CHECK(done.at("technique") == "nvme-sanitize-crypto");
    REQUIRE(done.at("passedOver").size() == 3);
    CHECK(done.at("passedOver").at(1).at("technique") == "tcg-revert");
    CHECK(done.at("passedOver").at(1).at("commands").empty());
}

TEST_CASE("killed at any command to a self-encrypting drive, a job ends with a record that holds") {
    for (unsigned at = 1;; ++at) {
        DriveStation station;
        fake::TcgDriveOptions options;
        options.removal_feature = at % 2 == 0;
        options.removal_time = std::chrono::seconds{at % 3 * 20};
        options.answer_after = std::chrono::seconds{at % 5};
        TcgModel model(options, station.clock,
                       [&](std::chrono::milliseconds time) { station.clock.advance(time); });
        station.attach(model, fake::NvmeDriveOptions{}.serial);
        station.request.choice.policy = "tcg-psid-revert";
        unsigned count = 0;
        unsigned kill_at = at;
        model.on_command = [&] {
            if (++count == kill_at) {
                throw Killed{};
            }
        };
        std::optional<RunResult> result;
        for (unsigned i = 0; i < 3 && !result; ++i) {
            try {
                result = station.run();
            } catch (const Killed&) {
                station.request.job_id = station.job_id();
                kill_at = 0;
            }
        }
        INFO("killed at command " << at);
        REQUIRE(result);
        INFO(to_json(result->reasons).dump());
        CHECK(result->verdict == Verdict::sanitized);
        CHECK(result->level == Level::purge);
        CHECK_FALSE(station.old_content_remains(true));
        CHECK(station.verified_bundles() == 1);
        const auto& counts = model.tcg->counts();
        CHECK(counts.carried_out.at(0x0000000600000202) == 1);
        CHECK(counts.resets_at_work == 0);
        CHECK(counts.ends_at_work == 0);
        CHECK(counts.tries.size() == 1);
        if (count < at || at > 150) {
            CHECK(at > 40);
            break;
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Every lie x every way to read afterwards x every technique: whenever a verdict is sanitized, or a
// level is claimed, nothing of what stood on the medium is left. The lies are injected around the
// transports (fake/lying_transport.hpp), so that any read can be any bytes.
#include "catch.hpp"
#include "lies_bench.hpp"
#include "sample.hpp"

using namespace efface;
using namespace efface::method;
using fake::Lie;
using test::LiesBench;

namespace {

using Keeps = Lie::Keeps;
using Shows = Lie::Shows;
using Until = Lie::Until;
using Path = Lie::Path;

constexpr Keeps kKept[] = {Keeps::everything, Keeps::before_marks, Keeps::last_half,
                           Keeps::all_but_ends, Keeps::all_but_marks};

/// Everything that a lie can be made of, for a transport that has so many statuses. The block layer
/// alone has no second way to read.
std::vector<Lie> lies_for(unsigned statuses, bool commands) {
    std::vector<Lie> all;
    const auto ways = [&](Lie lie) {
        for (const auto path : {Path::all, Path::kernel, Path::command}) {
            lie.path = path;
            lie.until = Until::forever;
            if (commands || path == Path::all) {
                all.push_back(lie);
            }
        }
        lie.path = Path::all;
        for (const auto until : {Until::reset, Until::write}) {
            lie.until = until;
            all.push_back(lie);
        }
    };
    for (const auto keeps : kKept) {
        Lie lie;
        lie.keeps = keeps;
        all.push_back(lie);
        for (const auto shows :
             {Shows::zeros, Shows::ones, Shows::noise, Shows::before, Shows::no_data}) {
            lie.shows = shows;
            ways(lie);
        }
        for (const auto shows : {Shows::status, Shows::status_where_kept}) {
            for (lie.status = 0; lie.status < statuses; ++lie.status) {
                lie.shows = shows;
                ways(lie);
            }
        }
        lie = Lie();
        lie.keeps = keeps;
        for (const auto loses : {Lie::Loses::all, Lie::Loses::last_half}) {
            lie.loses = loses;
            all.push_back(lie);
        }
    }
    return all;
}

struct Count {
    unsigned runs = 0;
    unsigned sanitized = 0;
    unsigned with_exceptions = 0;
    unsigned not_sanitized = 0;
    unsigned indeterminate = 0;
    unsigned levels = 0;  ///< claimed
    unsigned beyond = 0;  ///< of the runs: nobody who reads could know

    void add(const Outcome& outcome) {
        ++runs;
        sanitized += outcome.verdict == Verdict::sanitized ? 1U : 0U;
        with_exceptions += outcome.verdict == Verdict::sanitized_with_exceptions ? 1U : 0U;
        not_sanitized += outcome.verdict == Verdict::not_sanitized ? 1U : 0U;
        indeterminate += outcome.verdict == Verdict::indeterminate ? 1U : 0U;
    }
    [[nodiscard]] std::string text() const {
        return std::to_string(runs) + " runs: " + std::to_string(sanitized) + " sanitized, " +
               std::to_string(with_exceptions) + " with exceptions (" + std::to_string(levels) +
               " levels claimed), " + std::to_string(not_sanitized) + " not sanitized, " +
               std::to_string(indeterminate) + " indeterminate; " + std::to_string(beyond) +
               " of them disguised beyond reading";
    }
};

bool success(const Outcome& outcome) {
    return outcome.verdict <= Verdict::sanitized_with_exceptions;
}

void check(const char* technique, const Lie& lie, bool whole, Count& count) {
    LiesBench bench(technique, lie);
    bench.task.whole_medium = whole;
    const auto outcome = bench.run();
    count.add(outcome);
    const bool level = success(outcome) && outcome.level_limit != Level::none;
    count.levels += level ? 1U : 0U;
    const auto content =
        outcome.record.at("verification").at("expected").at("content").get<std::string>();
    if (lie.beyond_reading(content)) {
        ++count.beyond;
        return;
    }
    const auto left = bench.disguise.left();
    if ((outcome.verdict == Verdict::sanitized || level) && left != 0) {
        INFO(technique << (whole ? ", full: " : ": ") << lie.text());
        INFO(to_json(outcome.reasons).dump() << to_json(outcome.exceptions).dump());
        CHECK(left == 0);
    }
}

/// The ways of a lie are listed together, at least three of each: one of them has its turn.
constexpr unsigned kWays = 3;

void check_all(const char* technique, bool promises) {
    Count count;
    const bool commands = !std::string_view(technique).starts_with("block");
    const auto lies = lies_for(LiesBench::statuses_of(technique), commands);
    CHECK(lies.size() > 100);
    for (std::size_t row = 0; row < lies.size(); ++row) {
        if (!test::has_its_turn(row, kWays)) {
            continue;
        }
        check(technique, lies[row], false, count);
        if (promises) {
            check(technique, lies[row], true, count);
        }
    }
    WARN(technique << ": " << count.text());
    CHECK(count.runs >= lies.size() / kWays);
    CHECK(count.not_sanitized > 0);
}

}  // namespace

TEST_CASE("honest drives are sanitized at their level by each technique", "[table]") {
    for (const char* technique : test::kTableTechniques) {
        LiesBench bench(technique, Lie());
        const auto outcome = bench.run();
        INFO(technique << ": " << to_json(outcome.reasons).dump()
                       << to_json(outcome.exceptions).dump());
        CHECK(outcome.verdict == Verdict::sanitized);
        CHECK(outcome.level_limit == Level::purge);
        CHECK(outcome.exceptions.empty());
        CHECK(bench.disguise.left() == 0);
        CHECK(bench.resets == 0);  // nothing is waited for
        CHECK(outcome.record.at("verification").at("recheck").is_null());
    }
}

TEST_CASE("blocks that read again after a reset or a write beside them are evidence", "[table]") {
    for (const char* technique : test::kTableTechniques) {
        if (std::string(technique) == "block-secure-erase") {
            continue;  // nothing resets it
        }
        for (const auto until : {Until::reset, Until::write}) {
            Lie lie;
            lie.shows = Shows::status;
            lie.until = until;
            LiesBench bench(technique, lie);
            const auto outcome = bench.run();
            INFO(technique << ": " << lie.text() << to_json(outcome.exceptions).dump());
            CHECK(outcome.verdict == Verdict::sanitized);
            CHECK(outcome.level_limit == Level::purge);
            CHECK(bench.resets == 1);
            const auto& recheck = outcome.record.at("verification").at("recheck");
            CHECK(recheck.at("reset") == "done");
            CHECK(recheck.at("unreadableBefore").get<std::uint64_t>() > 0);
            CHECK(recheck.at("written").get<std::uint64_t>() > 0);
        }
    }
}

TEST_CASE("what was not read proves nothing: no level, in whatever status it is said", "[table]") {
    for (const char* technique : test::kTableTechniques) {
        for (unsigned status = 0; status < LiesBench::statuses_of(technique); ++status) {
            Lie lie;
            lie.shows = Shows::status;
            lie.status = status;
            LiesBench bench(technique, lie);
            const auto outcome = bench.run();
            INFO(technique << ": " << lie.text());
            CHECK(outcome.verdict != Verdict::sanitized);
            if (success(outcome)) {
                CHECK(outcome.level_limit == Level::none);
                CHECK(std::any_of(outcome.exceptions.begin(), outcome.exceptions.end(),
                                  [](const Reason& reason) {
                                      return reason.code == ReasonCode::no_evidence_read;
                                  }));
            }
        }
    }
}

TEST_CASE("a bus that shows half of the drive: the rest is marked and looked at by command",
          "[table]") {
    for (const char* technique : test::kTableTechniques) {
        if (std::string_view(technique).starts_with("block")) {
            continue;  // it has no word of its own
        }
        const auto run = [&](Lie lie, auto look) {
            LiesBench bench(technique, lie, test::kLiesBlocks / 2);
            const auto outcome = bench.run();
            INFO(technique << ": " << lie.text() << to_json(outcome.reasons).dump()
                           << to_json(outcome.exceptions).dump());
            const auto& areas = outcome.record.at("hiddenAreas");
            REQUIRE(areas.size() == 1);
            CHECK(areas.at(0).at("kind") == kNotShown);
            CHECK(areas.at(0).at("bytes") == test::kLiesBlocks / 2 * 512);
            look(bench, outcome, areas.at(0));
        };
        Lie honest;
        run(honest, [](auto& bench, const Outcome& outcome, const Json& area) {
            CHECK(outcome.verdict == Verdict::sanitized);
            CHECK(outcome.level_limit == Level::purge);
            CHECK(area.at("opened") == true);
            CHECK(bench.disguise.left() == 0);
        });
        Lie half;
        half.keeps = Keeps::last_half;
        run(half, [](auto&, const Outcome& outcome, const Json&) {
            CHECK(outcome.verdict == Verdict::not_sanitized);
        });
        half.loses = Lie::Loses::last_half;  // nothing can be placed there
        run(half, [](auto&, const Outcome& outcome, const Json& area) {
            CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
            CHECK(outcome.level_limit == Level::none);
            CHECK(test::has(outcome.exceptions, ReasonCode::hidden_area));
            CHECK(area.at("opened") == false);
        });
        half.loses = Lie::Loses::nothing;
        half.shows = Shows::status_where_kept;
        run(half, [](auto&, const Outcome& outcome, const Json&) {
            CHECK((!success(outcome) || outcome.level_limit == Level::none));
        });
    }
}

TEST_CASE("any completion can be any bytes: nothing falls, and no drive that kept all is sanitized",
          "[table]") {
    constexpr unsigned kSeeds = 24;
    for (const char* technique : test::kTableTechniques) {
        for (unsigned seed = 0; seed < kSeeds; ++seed) {
            Lie lie;
            lie.keeps = seed % 2 == 0 ? Keeps::everything : Keeps::last_half;
            LiesBench bench(technique, lie, test::kLiesBlocks,
                            fake::Garbler(seed, seed % 3 == 0 ? 4 : 24));
            INFO(technique << ", seed " << seed);
            try {
                const auto outcome = bench.run();
                const bool claims = outcome.verdict == Verdict::sanitized ||
                                    (success(outcome) && outcome.level_limit != Level::none);
                CHECK((!claims || bench.disguise.left() == 0));
            } catch (const Error& error) {
                CHECK(error.code() == ErrorCode::interrupted);
            }
        }
    }
}

TEST_CASE("every lie, every way to read: NVMe", "[table]") {
    for (const char* technique : {"nvme-sanitize-block", "nvme-sanitize-crypto",
                                  "nvme-format-crypto", "nvme-format-user-data"}) {
        check_all(technique, false);
    }
    check_all("nvme-sanitize-overwrite", true);
}

TEST_CASE("every lie, every way to read: ATA", "[table]") {
    for (const char* technique :
         {"ata-sanitize-block", "ata-sanitize-crypto", "ata-security-enhanced"}) {
        check_all(technique, false);
    }
    check_all("ata-sanitize-overwrite", true);
    check_all("ata-security-normal", true);
}

TEST_CASE("every lie, every way to read: SCSI", "[table]") {
    for (const char* technique :
         {"scsi-sanitize-block", "scsi-sanitize-crypto", "scsi-format-unit"}) {
        check_all(technique, false);
    }
    check_all("scsi-sanitize-overwrite", true);
    check_all("scsi-write-same", true);
}

TEST_CASE("every lie, every way to read: TCG and the block layer", "[table]") {
    for (const char* technique :
         {"tcg-psid-revert", "tcg-revert", "tcg-genkey", "block-secure-erase"}) {
        check_all(technique, false);
    }
}

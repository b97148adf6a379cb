// SPDX-License-Identifier: Apache-2.0
// Dates of an order or manifest hold whenever work starts or goes on; what has been erased and only
// lacks its evidence is finished whatever the date.
#include "run/in_force.hpp"

#include <algorithm>

#include "catch.hpp"
#include "fixture/killed.hpp"
#include "fixture/run_fixture.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {

enum class When { before, within, after };
constexpr std::array kWhens{When::before, When::within, When::after};

/// What an earlier process left.
enum class Left {
    nothing,
    announcing,  ///< the plan is kept, nothing was written
    running,     ///< killed at the first write
    failed,      ///< ended not-sanitized
    erased,      ///< killed when everything had its outcome
};
constexpr std::array kLefts{Left::nothing, Left::announcing, Left::running, Left::failed,
                            Left::erased};

const WallTime kNotBefore = from_rfc3339("2026-01-02T00:00:00Z").value();
const WallTime kNotAfter = from_rfc3339("2026-01-02T00:05:00Z").value();
constexpr const char* kDates =
    R"("not_before":"2026-01-02T00:00:00Z","not_after":"2026-01-02T00:05:00Z",)";

WallTime time_of(When when) {
    switch (when) {
        case When::before:
            return kNotBefore - std::chrono::seconds(1);
        case When::within:
            return kNotAfter;
        case When::after:
            return kNotAfter + std::chrono::seconds(1);
    }
    return kNotAfter;
}

std::optional<ReasonCode> expected(When when, bool evidence_only) {
    if (when == When::within || evidence_only) {
        return std::nullopt;
    }
    return when == When::before ? ReasonCode::not_yet_in_force : ReasonCode::no_longer_in_force;
}

struct Project : RunFixture {
    static constexpr unsigned kTargets = 2;
    Project() { manifest_text.insert(manifest_text.find("\"project\""), kDates); }
    std::vector<std::string> paths() const { return {"/dev/a", "/dev/b"}; }
    void fail() { host.library.load_after_destroy.reset(); }
    void mend() { host.library.load_after_destroy = device::LoadAnswer{-22, "", "", {}, "", ""}; }
    method::Verdict go() { return *run().verdict; }
};

struct Target : TargetFixture {
    static constexpr unsigned kTargets = 1;
    Target() {
        order = mandate::parse_order(
            R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)" + std::string(kDates) +
            R"("targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
    }
    std::vector<std::string> paths() const { return {"/dev/a"}; }
    void fail() {
        disk().set_hook([](const fake::Operation& operation) {
            return operation.kind == fake::Operation::Kind::write
                       ? fake::Fault{fake::Fault::Kind::fail, EIO, 0}
                       : fake::Fault{};
        });
    }
    void mend() {}
    method::Verdict go() { return *run().verdict; }
};

template <typename Fixture>
void hook(Fixture& fixture, const std::function<void(const fake::Operation&)>& what) {
    for (const auto& path : fixture.paths()) {
        fixture.host.at(path).disk->set_hook([what](const fake::Operation& operation) {
            if (what) {
                what(operation);
            }
            return fake::Fault{};
        });
    }
}

template <typename Fixture>
std::optional<ReasonCode> refusal(Fixture& fixture) {
    try {
        (void)fixture.go();
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::authorisation);
        return error.reason();
    }
    return std::nullopt;
}

/// While it was in force.
template <typename Fixture>
void leave(Fixture& fixture, Left left) {
    switch (left) {
        case Left::nothing:
            return;
        case Left::announcing:  // it ends while its targets are looked at
            hook(fixture, [&](const fake::Operation&) { fixture.clock.set(time_of(When::after)); });
            CHECK(refusal(fixture) == ReasonCode::no_longer_in_force);
            break;
        case Left::running:
            hook(fixture, [](const fake::Operation& operation) {
                if (operation.kind == fake::Operation::Kind::write) {
                    throw Killed();
                }
            });
            CHECK_THROWS_AS(fixture.go(), Killed);
            break;
        case Left::failed:
            fixture.fail();
            CHECK(fixture.go() == method::Verdict::not_sanitized);
            fixture.mend();
            break;
        case Left::erased: {
            unsigned verified = 0;
            fixture.on_event = [&verified](const Json& event) {
                if (event.at("event") == "verified" && ++verified == Fixture::kTargets) {
                    throw Killed();
                }
            };
            CHECK_THROWS_AS(fixture.go(), Killed);
            fixture.on_event = nullptr;
            break;
        }
    }
    hook(fixture, {});
}

template <typename Fixture>
std::vector<Bytes> media(Fixture& fixture) {
    std::vector<Bytes> media;
    for (const auto& path : fixture.paths()) {
        media.push_back(fixture.host.at(path).disk->media());
    }
    return media;
}

}  // namespace

TEMPLATE_TEST_CASE("an order or manifest holds whenever work starts or goes on", "[job][in_force]",
                   Project, Target) {
    for (const auto left : kLefts) {
        for (const auto when : kWhens) {
            if (left != Left::nothing && when == When::before) {
                continue;  // a clock that went back: what is noted would lie in its future
            }
            INFO("left " << static_cast<int>(left) << ", now " << static_cast<int>(when));
            TestType fixture;
            fixture.clock.set(kNotBefore);
            leave(fixture, left);
            unsigned writes = 0;
            hook(fixture, [&](const fake::Operation& operation) {
                writes += operation.kind == fake::Operation::Kind::write ? 1U : 0U;
            });
            fixture.clock.set(time_of(when));
            const auto before = media(fixture);
            const auto refused = refusal(fixture);
            if (left == Left::announcing) {  // the job knows that its time is over
                CHECK(refused == ReasonCode::no_longer_in_force);
                CHECK(writes == 0);
                CHECK((media(fixture) == before));
                continue;
            }
            CHECK(refused == expected(when, left == Left::erased));
            const bool works = !refused && left != Left::erased;
            CHECK((writes > 0) == works);
            CHECK((works || media(fixture) == before));
            fixture.clock.set(time_of(When::within));
            CHECK(fixture.go() == method::Verdict::sanitized);
        }
    }
}

TEST_CASE("only what has its outcome is finished whatever the date", "[job][in_force]") {
    mandate::Terms terms;
    terms.not_before = kNotBefore;
    terms.not_after = kNotAfter;
    for (const auto when : kWhens) {
        const fake::FixedClock clock(time_of(when));
        const auto answer = [&](const RunState* state, bool erased) -> std::optional<ReasonCode> {
            try {
                check_in_force(terms, clock, state, erased);
            } catch (const Error& error) {
                return error.reason();
            }
            return std::nullopt;
        };
        CHECK(answer(nullptr, false) == expected(when, false));
        for (const auto phase : {Phase::announcing, Phase::running, Phase::staging, Phase::logging,
                                 Phase::publishing, Phase::done}) {
            RunState state;
            state.phase = phase;
            const bool evidence =
                phase == Phase::staging || phase == Phase::logging || phase == Phase::publishing;
            CHECK(answer(&state, false) == expected(when, evidence));
            CHECK(answer(&state, true) == expected(when, evidence || phase == Phase::running));
        }
    }
}

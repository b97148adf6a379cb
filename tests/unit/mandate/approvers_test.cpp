// SPDX-License-Identifier: Apache-2.0
// Every way in which approvals do not suffice.
#include "efface/mandate/authorization.hpp"
#include "efface/mandate/identity.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::mandate;

namespace {

const WallTime kStart = from_rfc3339("2026-11-21T09:40:02Z").value();

std::optional<ReasonCode> refusal(const std::vector<Approval>& approvals) {
    try {
        check_approvers(approvals, "olga", kStart);
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::authorisation);
        return error.reason();
    }
    return std::nullopt;
}

}  // namespace

TEST_CASE("approvals suffice, or the reason is named", "[mandate][approvers]") {
    const auto second = std::chrono::seconds(1);
    const Approval alice{"alice", "k1", kStart - second};
    const Approval bob{"bob", "k2", kStart};
    const auto by = [](Approval one, std::string subject, std::string key) {
        one.subject = std::move(subject);
        one.spki_sha256 = std::move(key);
        return one;
    };
    const Approval late{"bob", "k2", kStart + second};
    const auto few = ReasonCode::too_few_approvals;
    const std::vector<std::pair<std::vector<Approval>, std::optional<ReasonCode>>> rows{
        {{}, few},
        {{alice}, few},
        {{alice, bob}, std::nullopt},
        {{bob, alice}, std::nullopt},
        {{alice, bob, by(bob, "carol", "k3")}, std::nullopt},
        {{alice, by(alice, "alice", "k2")}, few},                // two keys, one person
        {{alice, by(alice, "alice", "k2"), bob}, few},           // bob's key is alice's
        {{alice, by(alice, "alice", "k3"), bob}, std::nullopt},  // she counts once
        {{alice, by(alice, "bob", "k1")}, few},                  // two names, one key
        {{alice, alice}, few},
        {{alice, bob, bob}, few},
        {{alice, by(bob, "olga", "k2")}, ReasonCode::operator_approved_own},
        {{alice, bob, by(bob, "olga", "k3")}, ReasonCode::operator_approved_own},
        {{alice, late}, ReasonCode::approval_from_future},
        {{late, alice}, ReasonCode::approval_from_future},
        {{alice, bob, by(late, "carol", "k3")}, ReasonCode::approval_from_future},
    };
    for (std::size_t i = 0; i < rows.size(); ++i) {
        INFO("row " << i);
        CHECK(refusal(rows[i].first) == rows[i].second);
    }
}

TEST_CASE("who signed in another role, or without a time, is no approver", "[mandate][approvers]") {
    using evidence::Role;
    for (const auto role :
         {std::optional<Role>(), std::optional(Role::station), std::optional(Role::operator_person),
          std::optional(Role::witness), std::optional(Role::approver)}) {
        for (const bool timed : {false, true}) {
            evidence::CmsReport report;
            evidence::Signer signer;
            signer.subject = "alice";
            signer.role = role;
            if (timed) {
                signer.signing_time = kStart;
            }
            report.signers.push_back(signer);
            if (role == Role::approver && timed) {
                CHECK(approvals_in(report).size() == 1);
            } else {
                CHECK_THROWS_AS(approvals_in(report), Error);
            }
        }
    }
}

TEST_CASE("what is named must be what is found, field by field", "[mandate][identity]") {
    OrderTarget target;
    const Found found{"S1", "naa.5", 512};
    CHECK(differences(target, found).empty());  // nothing is said
    target.serial = "S1";
    target.wwid = "naa.5";
    target.size_bytes = 512;
    CHECK(differences(target, found).empty());
    const std::vector<std::pair<Found, std::vector<std::string>>> rows{
        {{"S2", "naa.5", 512}, {"serial"}},     {{"S1", "naa.6", 512}, {"wwid"}},
        {{"S1", "naa.5", 513}, {"size_bytes"}}, {{"", "", 0}, {"serial", "size_bytes", "wwid"}},
        {{"S1", "naa.5", std::nullopt}, {}},
    };
    Volume volume;
    volume.serial = target.serial;
    volume.size_bytes = target.size_bytes;
    for (const auto& [one, keys] : rows) {
        std::vector<std::string> named;
        for (const auto& difference : differences(target, one)) {
            named.emplace_back(difference.key);
        }
        CHECK(named == keys);
        const auto wwid = std::count(keys.begin(), keys.end(), "wwid");
        CHECK(differences(volume, one).size() == keys.size() - static_cast<std::size_t>(wwid));
    }
}

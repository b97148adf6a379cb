// SPDX-License-Identifier: Apache-2.0
// Every way in which an order can lack its approvals: the run refuses before a byte is touched.
#include "efface/evidence/cms.hpp"

#include "catch.hpp"
#include "fixture/target_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {

constexpr const char* kOrder = R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",
    "targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})";

struct Row {
    const char* name;
    std::vector<std::string> signers;
    ReasonCode expected;
    const char* operator_name = "tester";
    const char* signed_text = kOrder;
    std::chrono::seconds after{0};
};

const std::vector<Row> kRows{
    {"nobody", {}, ReasonCode::bad_approval},
    {"one", {"alice"}, ReasonCode::too_few_approvals},
    {"a witness", {"alice", "walt"}, ReasonCode::not_an_approver},
    {"an operator", {"alice", "olga"}, ReasonCode::not_an_approver},
    {"two and a witness", {"alice", "bob", "walt"}, ReasonCode::not_an_approver},
    {"who runs it", {"alice", "bob"}, ReasonCode::operator_approved_own, "alice"},
    {"another text", {"alice", "bob"}, ReasonCode::bad_approval, "tester", "{}"},
    {"in the future",
     {"alice", "bob"},
     ReasonCode::approval_from_future,
     "tester",
     kOrder,
     std::chrono::seconds(1)},
};

}  // namespace

TEST_CASE("an order without its approvals touches nothing", "[job][permission]") {
    for (const auto& row : kRows) {
        INFO(row.name);
        TargetFixture fixture;
        fixture.order = mandate::parse_order(kOrder);
        const auto keys = fixture.keys();
        for (const auto& [name, role] : {std::pair{"alice", evidence::Role::approver},
                                         std::pair{"bob", evidence::Role::approver},
                                         std::pair{"walt", evidence::Role::witness},
                                         std::pair{"olga", evidence::Role::operator_person}}) {
            keys.issue_person(name, role, fixture.clock, fixture.random);
        }
        Bytes approvals;
        const auto at = fixture.clock.now() + row.after;
        for (const auto& name : row.signers) {
            const auto text = as_bytes(row.signed_text);
            approvals = approvals.empty()
                            ? evidence::cms_sign(text, keys.person_key(name), at)
                            : evidence::cms_add_signer(approvals, text, keys.person_key(name), at);
        }
        fixture.authorize = [&] {
            return mandate::check_approvals(fixture.order->text, approvals,
                                            keys.root_certificate_pem(), row.operator_name,
                                            fixture.clock.now());
        };
        try {
            (void)fixture.run();
            FAIL_CHECK("it ran");
        } catch (const Error& error) {
            CHECK(error.code() == ErrorCode::authorisation);
            CHECK(error.reason() == row.expected);
        }
        CHECK((fixture.disk().media() == fixture.before));
        CHECK(fixture.log_entries("run-intent") == 0);
        CHECK(fixture.verified_bundles() == 0);
    }
}

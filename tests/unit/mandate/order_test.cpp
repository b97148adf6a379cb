// SPDX-License-Identifier: Apache-2.0
#include "efface/mandate/order.hpp"

#include "efface/inventory/memory_name.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::mandate;

namespace {

Order order_for(const std::string& more) {
    return parse_order(R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)" + more +
                       R"("targets":[{"target":"/dev/a","serial":"SERIAL-a"}]})");
}

}  // namespace

TEST_CASE("an order names a technique of the drive, or leaves it to the level",
          "[mandate][order]") {
    CHECK(order_for("").choice.policy == kPolicyDefault);
    CHECK(order_for(R"("minimum_level":"clear",)").choice.policy == kPolicyDefault);
    const auto by_level = order_for(R"("minimum_level":"purge",)").choice;
    CHECK(by_level.policy == kPolicyAuto);
    CHECK(by_level.level == rules::Level::purge);
    const auto named = order_for(
        R"("policy":"tcg-psid-revert","credential_file":"/run/psid","fallbacks":["overwrite-zero"],)");
    CHECK(named.choice.policy == "tcg-psid-revert");
    CHECK(named.choice.credential_file == "/run/psid");
    CHECK(named.choice.fallbacks == std::vector<std::string>{"overwrite-zero"});
    CHECK(to_json(choice_from_json(to_json(named.choice))) == to_json(named.choice));
    CHECK(authority_of(named.choice) == Authority::psid);
    for (const char* wrong :
         {R"("policy":"nvme-sanitize",)", R"("policy":"nvme-sanitize-block","fallbacks":["x"],)",
          R"("policy":"nvme-sanitize-block","pattern":"a5",)",
          R"("policy":"nvme-sanitize-block","verification":"representative",)",
          R"("policy":"tcg-psid-revert","credential_file":"psid",)",
          R"("policy":"tcg-psid-revert","credential_authority":"psid",)",
          R"("policy":"tcg-revert","credential_file":"/f","credential_authority":"SID",)",
          R"("policy":"overwrite-zero","credential_authority":"sid",)",
          R"("policy":"overwrite-zero","fallbacks":["nvme-sanitize-block"],)",
          R"("policy":"nvme-sanitize-block","fallbacks":["overwrite-pattern"],)",
          R"("policy":"scsi-sanitize-block","sector_size":520,)",
          R"("policy":"scsi-sanitize-block","sector_size":0,)",
          R"("policy":"scsi-sanitize-block","sector_size":"512",)",
          R"("policy":"overwrite-zero","sector_size":512,)", R"("sector_size":512,)",
          R"("policy":"auto",)"}) {
        INFO(wrong);
        CHECK_THROWS_AS(order_for(wrong), Error);
    }
}

TEST_CASE("an order has odd sectors formatted to the size that it names", "[mandate][order]") {
    for (const std::uint32_t size : {512U, 4096U}) {
        for (const char* how :
             {R"("policy":"scsi-sanitize-block",)", R"("minimum_level":"purge",)"}) {
            const auto choice =
                order_for(how + (R"("sector_size":)" + std::to_string(size)) + ",").choice;
            CHECK(choice.sector_bytes == size);
            CHECK(choice_from_json(to_json(choice)).sector_bytes == size);
            CHECK(with_technique(choice, "scsi-format-unit", {}).sector_bytes == size);
            CHECK(with_technique(choice, "overwrite-zero", {}).sector_bytes == 0);
        }
    }
    CHECK(order_for("").choice.sector_bytes == 0);
}

TEST_CASE("an order limits how worn a drive may be", "[mandate][order]") {
    const auto limits =
        order_for(R"("health":{"reallocated_max":100,"spare_percent_min":10,"media_errors_max":0,)"
                  R"("power_on_hours_max":40000,"pending_max":0,"wear_percent_max":120,)"
                  R"("refuse_failing":true},)")
            .choice;
    CHECK(limits.health.reallocated_max == 100);
    CHECK(limits.health.spare_percent_min == 10);
    CHECK(limits.health.media_errors_max == 0);
    CHECK(limits.health.power_on_hours_max == 40'000);
    CHECK(limits.health.pending_max == 0);
    CHECK(limits.health.wear_percent_max == 120);
    CHECK(limits.health.refuse_failing);
    CHECK(choice_from_json(to_json(limits)).health == limits.health);
    CHECK(order_for("").choice.health == HealthLimits());
    for (const char* wrong :
         {R"("health":{},)", R"("health":{"refuse_failing":false},)", R"("health":[],)",
          R"("health":{"reallocated":1},)", R"("health":{"reallocated_max":"1"},)",
          R"("health":{"reallocated_max":-1},)", R"("health":{"reallocated_max":1.5},)",
          R"("health":{"reallocated_max":9007199254740992},)",
          R"("health":{"spare_percent_min":101},)", R"("health":{"refuse_failing":1},)",
          R"("health":{"reallocated_max":1,"reallocated_max":2},)"}) {
        INFO(wrong);
        CHECK_THROWS_AS(order_for(wrong), Error);
    }
    CHECK_THROWS_AS(parse_order(R"({"schema":"efface.order/1","id":"s-1","owner":"T","health":)"
                                R"({"pending_max":0},"targets":[{"target":"memory:free"}]})"),
                    Error);
}

TEST_CASE("a credential belongs to one authority, said or by the first technique that has one",
          "[mandate][order]") {
    const auto whose = [](const std::string& policy, const std::string& more) {
        const auto choice =
            order_for(R"("policy":")" + policy + R"(","credential_file":"/f",)" + more).choice;
        CHECK(to_json(choice_from_json(to_json(choice))) == to_json(choice));
        return authority_of(choice);
    };
    CHECK(whose("tcg-revert", "") == Authority::sid);
    CHECK(whose("tcg-activate-revert", "") == Authority::sid);
    CHECK(whose("tcg-genkey", "") == std::nullopt);
    CHECK(whose("tcg-revert", R"("fallbacks":["tcg-psid-revert"],)") == Authority::sid);
    CHECK(whose("scsi-sanitize-block", R"("fallbacks":["tcg-revert","tcg-psid-revert"],)") ==
          Authority::sid);
    CHECK(whose("scsi-sanitize-block", "") == Authority::psid);
    for (const auto authority :
         {Authority::psid, Authority::sid, Authority::admin, Authority::erase_master}) {
        CHECK(whose("tcg-revert", R"("credential_authority":")" +
                                      std::string(to_string(authority)) + R"(",)") == authority);
    }
    CHECK_FALSE(authority_from_string("PSID"));
}

TEST_CASE("an order that says sweep has free memory as its last target", "[mandate][order]") {
    const auto parse = [](const std::string& targets, const std::string& sweep) {
        return parse_order(R"({"schema":"efface.order/1","id":"s-1","owner":"Tenant",)" + sweep +
                           R"("targets":[)" + targets + "]}");
    };
    const std::string tmpfs = R"({"target":"memory:tmpfs:/mnt/a","size_bytes":4096})";
    const std::string disk = R"({"target":"/dev/a","serial":"SERIAL-a"})";
    const std::string free = R"({"target":"memory:free"})";
    const std::string yes = R"("sweep":true,)";
    CHECK(parse(tmpfs, "").targets.size() == 1);
    CHECK(parse(tmpfs, R"("sweep":false,)").targets.size() == 1);
    CHECK(parse(tmpfs, yes).targets.back().name == inventory::kFreeMemoryTarget);
    CHECK(parse(tmpfs, yes).targets.size() == 2);
    CHECK(parse(free, "").targets.size() == 1);  // told apart by its name alone
    CHECK(parse(free + "," + tmpfs, yes).targets.size() == 2);
    CHECK(parse(disk + "," + tmpfs, yes).targets.back().name == inventory::kFreeMemoryTarget);
    CHECK_THROWS_AS(parse(disk, yes), Error);
    CHECK_THROWS_AS(parse(tmpfs, R"("sweep":"yes",)"), Error);
    CHECK_THROWS_AS(parse(R"({"target":"memory:sysv:3"})", ""), Error);
}

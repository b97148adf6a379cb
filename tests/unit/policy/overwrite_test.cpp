// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/overwrite.hpp"

#include <set>

#include "catch.hpp"

using namespace efface;
using namespace efface::policy;

namespace {

std::set<std::string> ids(const OverwriteFacts& facts) {
    std::set<std::string> found;
    for (const auto& finding : examine_overwrite(facts)) {
        found.insert(to_string(finding.rule->code));
    }
    return found;
}

method::Level level(const OverwriteFacts& facts) {
    return level_of(examine_overwrite(facts), method::Level::clear);
}

using Ids = std::set<std::string>;

}  // namespace

TEST_CASE("overwrite policy: a magnetic disk is cleared, never purged", "[policy]") {
    OverwriteFacts facts;
    facts.kind = inventory::Kind::disk;
    CHECK(ids(facts).empty());
    CHECK(level(facts) == method::Level::clear);
}

TEST_CASE("overwrite policy: flash is cleared with its spare blocks named", "[policy]") {
    OverwriteFacts facts;
    facts.kind = inventory::Kind::disk;
    facts.storage.layers = {{"nvme0n1", "disk", false, false, false, false, true, ""}};
    CHECK(ids(facts) == Ids{"flash"});
    CHECK(level(facts) == method::Level::clear);
}

TEST_CASE("overwrite policy: what does not write in place is refused", "[policy]") {
    OverwriteFacts facts;
    facts.kind = inventory::Kind::file;
    SECTION("copy-on-write file system") {
        facts.storage.copy_on_write = true;
        CHECK(ids(facts) == Ids{"copy-on-write", "file"});
    }
    SECTION("reflinks") {
        facts.storage.shared_extents = 3;
        CHECK(ids(facts) == Ids{"shared-extents", "file"});
    }
    SECTION("thin volume") {
        facts.kind = inventory::Kind::device_mapper;
        facts.storage.layers = {{"dm-1", "dm-thin", false, true, false, false, false, ""}};
        CHECK(ids(facts) == Ids{"thin"});
    }
    SECTION("zram") {
        facts.kind = inventory::Kind::zram;
        CHECK(ids(facts) == Ids{"compressed-memory"});
    }
    bool refused = false;
    for (const auto& finding : examine_overwrite(facts)) {
        refused = refused || finding.rule->effect == Effect::refuse;
    }
    CHECK(refused);
    CHECK(level(facts) == method::Level::none);
}

TEST_CASE("overwrite policy: what copies is told once and by name, and the unknown as unknown",
          "[policy]") {
    OverwriteFacts facts;
    facts.kind = inventory::Kind::file;
    facts.storage.copy_on_write = true;
    facts.storage.layers = {
        {"btrfs file system on loop0", "filesystem", true, false, false, false, false, ""}};
    CHECK(ids(facts) == Ids{"copy-on-write", "file"});
    const auto known = reasons_of(examine_overwrite(facts)).refusals.front().text;
    CHECK(known.find("btrfs file system on loop0") != std::string::npos);
    CHECK(known.find("unknown") == std::string::npos);

    facts.kind = inventory::Kind::loop;
    facts.storage = {};
    facts.storage.layers = {
        {"loop7", "unknown", true, false, false, false, false, "its backing file is unknown"}};
    CHECK(ids(facts) == Ids{"copy-on-write"});
    CHECK(level(facts) == method::Level::none);
    const auto unknown = reasons_of(examine_overwrite(facts)).refusals.front().text;
    CHECK(unknown.starts_with("what is below is unknown (loop7: its backing file is unknown)"));
}

TEST_CASE("overwrite policy: no level without verification, and none for a file", "[policy]") {
    OverwriteFacts facts;
    facts.kind = inventory::Kind::disk;
    facts.verification = mandate::Verification::none;
    CHECK(level(facts) == method::Level::none);
    facts.verification = mandate::Verification::representative;
    CHECK(level(facts) == method::Level::clear);
    CHECK(ids(facts) == Ids{"sampled"});
    facts.verification = mandate::Verification::full;
    facts.kind = inventory::Kind::file;
    CHECK(level(facts) == method::Level::none);
}

TEST_CASE("overwrite policy: each policy has its own digest and at least one pass", "[policy]") {
    std::set<std::string> digests;
    for (const auto& policy : overwrite_policies()) {
        CHECK(!policy.passes.empty());
        digests.insert(overwrite_policy_digest(policy));
        CHECK(find_overwrite_policy(policy.name) == &policy);
    }
    CHECK(digests.size() == overwrite_policies().size());
    CHECK(find_overwrite_policy("gutmann") == nullptr);
    CHECK(find_overwrite_policy(mandate::kPolicyDefault) == &overwrite_policies().front());
}

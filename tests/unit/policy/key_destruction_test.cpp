// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/key_destruction.hpp"

#include <set>

#include "catch.hpp"

using namespace efface;
using namespace efface::policy;

namespace {

/// An ideal volume: nothing speaks against purge.
struct Volume {
    Volume() {
        header.copies.resize(1);
        header.version = 2;
        header.key_bytes = 64;
        header.intact = true;
        luks::Segment segment;
        segment.type = "crypt";
        segment.encryption = "aes-xts-plain64";
        header.segments.push_back(segment);
        luks::Keyslot slot;
        slot.type = "luks2";
        slot.state = luks::SlotState::active;
        header.keyslots.push_back(slot);
        sample.pieces_sampled = 299;
        sample.ciphertext_like = 299;
    }
    std::set<ReasonCode> found() {
        location.header = &header;
        std::set<ReasonCode> ids;
        findings = examine({location}, &sample, attestation);
        for (const auto& finding : findings) {
            ids.insert(finding.rule->code);
        }
        return ids;
    }
    luks::Header header;
    luks::SampleReport sample;
    LocationFacts location;
    mandate::Attestation attestation{true, true, "owner"};
    std::vector<Finding> findings;
};

using Ids = std::set<ReasonCode>;

}  // namespace

TEST_CASE("policy: nothing speaks against purge on an ideal volume", "[policy]") {
    Volume volume;
    CHECK(volume.found().empty());
    CHECK(level_of(volume.findings) == method::Level::purge);
}

TEST_CASE("policy: a header of which no keyslot holds the key of the payload is called that",
          "[policy]") {
    using luks::SlotState;
    struct Row {
        std::vector<SlotState> slots;
        bool named;
    };
    const std::vector<Row> rows = {
        {{}, true},
        {{SlotState::unbound}, true},
        {{SlotState::unbound, SlotState::unbound}, true},
        {{SlotState::inactive, SlotState::inactive}, true},
        {{SlotState::unbound, SlotState::active}, false},
        {{SlotState::inactive, SlotState::active}, false},
        {{SlotState::unbound, SlotState::unknown}, false},
    };
    for (const auto& row : rows) {
        Volume volume;
        volume.header.keyslots.clear();
        volume.header.key_bytes = row.named ? 0 : 64;
        for (const auto state : row.slots) {
            luks::Keyslot slot;
            slot.state = state;
            volume.header.keyslots.push_back(slot);
        }
        CHECK(volume.found() == (row.named ? Ids{ReasonCode::no_bound_keyslot} : Ids{}));
        CHECK((level_of(volume.findings) == method::Level::none) == row.named);
        // Of what is damaged nobody can say that.
        volume.header.intact = false;
        CHECK_FALSE(volume.found().contains(ReasonCode::no_bound_keyslot));
    }
}

TEST_CASE("policy: what was not encrypted takes the level", "[policy]") {
    Volume volume;
    auto& segment = volume.header.segments.front();
    SECTION("linear") {
        segment.type = "linear";
        CHECK(volume.found() == Ids{ReasonCode::plaintext_segment});
    }
    SECTION("cipher_null") {
        segment.encryption = "cipher_null-ecb";
        CHECK(volume.found() == Ids{ReasonCode::null_cipher});
    }
    SECTION("ECB") {
        segment.encryption = "aes-ecb";
        CHECK(volume.found() == Ids{ReasonCode::ecb});
    }
    SECTION("null and ECB of the kernel's crypto API") {
        segment.encryption = GENERATE("capi:cipher_null", "NULL-ECB", "null");
        CHECK(volume.found() == Ids{ReasonCode::null_cipher});
        segment.encryption = "capi:ecb(aes)-plain64";
        CHECK(volume.found() == Ids{ReasonCode::ecb});
    }
    SECTION("a cipher that nobody knows") {
        segment.encryption = "rot13-xts-plain64";
        CHECK(volume.found() == Ids{ReasonCode::unknown_cipher});
    }
    SECTION("a short key") {
        volume.header.key_bytes = GENERATE(8U, 16U);  // XTS has two keys
        CHECK(volume.found() == Ids{ReasonCode::short_key});
    }
    SECTION("an unknown segment") {
        segment.type = "quantum";
        CHECK(volume.found() == Ids{ReasonCode::unknown_segment});
    }
    SECTION("no readable segment") {
        volume.header.segments.clear();
        CHECK(volume.found() == Ids{ReasonCode::unknown_segment});
    }
    SECTION("OPAL without software encryption") {
        segment.type = "hw-opal";
        CHECK(volume.found() == Ids{ReasonCode::opal});
    }
    SECTION("plaintext in the payload") {
        volume.sample.structured = 1;
        CHECK(volume.found() == Ids{ReasonCode::plaintext_found});
    }
    CHECK(level_of(volume.findings) == method::Level::none);
}

TEST_CASE("policy: what is not known takes the level", "[policy]") {
    Volume volume;
    SECTION("nothing was sampled") {
        volume.sample = {};
        CHECK(volume.found() == Ids{ReasonCode::payload_not_sampled});
    }
    SECTION("every sample is zero") {
        volume.sample.zero = volume.sample.pieces_sampled;
        volume.sample.ciphertext_like = 0;
        CHECK(volume.found() == Ids{ReasonCode::payload_not_sampled});
    }
    SECTION("more than a tenth of the samples could not be read") {
        volume.sample.unreadable = 30;
        volume.sample.ciphertext_like = 269;
        CHECK(volume.found() ==
              Ids{ReasonCode::payload_not_sampled, ReasonCode::payload_unreadable});
    }
    SECTION("doubts about the region") {
        volume.location.region_doubts = {"the data offset lies beyond the target"};
        CHECK(volume.found() == Ids{ReasonCode::region_doubt});
    }
    SECTION("the size of the key") {
        volume.header.key_bytes = 0;
        CHECK(volume.found() == Ids{ReasonCode::facts_unknown});
    }
    SECTION("an unfinished reencryption") {
        luks::Keyslot slot;
        slot.state = luks::SlotState::reencrypt;
        volume.header.keyslots.push_back(slot);
        CHECK(volume.found() == Ids{ReasonCode::reencryption});
    }
    SECTION("a reencryption requirement") {
        volume.header.requirements = {"online-reencrypt-v2"};
        CHECK(volume.found() == Ids{ReasonCode::reencryption});
    }
    SECTION("an OPAL requirement") {
        volume.header.requirements = {"opal-v2"};
        CHECK(volume.found() == Ids{ReasonCode::opal});
    }
    SECTION("an unknown requirement") {
        volume.header.requirements = {"time-travel"};
        CHECK(volume.found() == Ids{ReasonCode::unknown_requirement});
    }
    SECTION("a damaged header") {
        volume.header.intact = false;
        CHECK(volume.found() == Ids{ReasonCode::damaged_header});
    }
    SECTION("no statement of the owner") {
        volume.attestation = {};
        CHECK(volume.found() == Ids{ReasonCode::not_attested, ReasonCode::copies_not_attested});
    }
    SECTION("a remote medium") {
        volume.location.storage.remote = true;
        CHECK(volume.found() == Ids{ReasonCode::remote_medium});
    }
    CHECK(level_of(volume.findings) == method::Level::none);
}

TEST_CASE(
    "policy: a volume that is mostly unwritten, and a place or two unreadable, keep the level",
    "[policy]") {
    Volume volume;
    volume.sample.zero = 280;
    volume.sample.ciphertext_like = 18;
    volume.sample.unreadable = 1;
    CHECK(volume.found() == Ids{ReasonCode::payload_unreadable});
    CHECK(level_of(volume.findings) == method::Level::purge);
}

TEST_CASE("policy: tags of inline integrity are a known requirement", "[policy]") {
    Volume volume;
    volume.header.requirements = {"inline-hw-tags"};
    CHECK(volume.found().empty());
}

TEST_CASE("policy: flash below allows clear at most", "[policy]") {
    Volume volume;
    volume.location.storage.layers = {{"nvme0n1", "disk", false, false, false, false, true, ""}};
    CHECK(volume.found() == Ids{ReasonCode::flash});
    CHECK(level_of(volume.findings) == method::Level::clear);
}

TEST_CASE("policy: a mirror is an exception, a hypervisor a note", "[policy]") {
    Volume volume;
    volume.location.storage.layers = {
        {"md0", "md-raid1", false, false, false, true, false, ""},
        {"vda", "disk", false, false, false, false, false, "a hypervisor may keep copies"}};
    CHECK(volume.found() == Ids{ReasonCode::mirror, ReasonCode::hypervisor});
    CHECK(volume.findings.at(0).rule->effect == Effect::exception);
    CHECK(volume.findings.at(1).rule->effect == Effect::note);
    CHECK(level_of(volume.findings) == method::Level::purge);
}

TEST_CASE("policy: storage that may keep the old blocks is refused", "[policy]") {
    Volume volume;
    SECTION("thin") {
        volume.location.storage.layers = {
            {"dm-1", "dm-thin", false, true, false, false, false, ""}};
    }
    SECTION("copy on write") {
        volume.location.storage.copy_on_write = true;
    }
    SECTION("reflinks") {
        volume.location.storage.shared_extents = 1;
    }
    SECTION("compression") {
        volume.location.storage.encoded_extents = 1;
    }
    (void)volume.found();
    REQUIRE_FALSE(volume.findings.empty());
    CHECK(volume.findings.front().rule->effect == Effect::refuse);
}

TEST_CASE("policy: without a sample no level is claimed", "[policy]") {
    Volume volume;
    volume.location.header = &volume.header;
    const auto findings = examine({volume.location}, nullptr, volume.attestation);
    REQUIRE(findings.size() == 1);
    CHECK(findings.front().rule->code == ReasonCode::payload_not_sampled);
}

TEST_CASE("policy: every rule has its own name, a reason and the table one digest", "[policy]") {
    Ids ids;
    for (const auto& rule : policy::rules()) {
        CHECK(ids.insert(rule.code).second);
        CHECK_FALSE(std::string(rule.reason).empty());
    }
    CHECK(policy_digest().size() == 64);
    CHECK(policy_digest() == policy_digest());
}

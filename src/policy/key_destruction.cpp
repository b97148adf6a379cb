// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/key_destruction.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/luks/cipher.hpp"

#include "findings.hpp"

namespace efface::policy {

namespace {

constexpr std::uint64_t kKeyBitsMin = 128;  // SP 800-88r2 3.2.2: bits of strength
/// Of what was sampled and is not zero, so much must have been read and look like ciphertext.
constexpr std::uint64_t kSampledTenthsMin = 9;

void examine_cipher(const luks::Segment& segment, std::uint64_t key_bytes, const std::string& what,
                    Findings& findings) {
    const auto specification = luks::parse_cipher(segment.encryption);
    switch (luks::strength_of(specification)) {
        case luks::CipherStrength::none:
            findings.add(ReasonCode::null_cipher, what);
            return;
        case luks::CipherStrength::ecb:
            findings.add(ReasonCode::ecb, what);
            return;
        case luks::CipherStrength::unknown:
            findings.add(ReasonCode::unknown_cipher, what);
            return;
        case luks::CipherStrength::known:
            break;
    }
    const std::uint64_t bits =
        luks::effective_key_bits(specification, segment.integrity, key_bytes);
    if (key_bytes > 0 && bits < kKeyBitsMin) {
        findings.add(ReasonCode::short_key, fmt::format("{} bits, {}", bits, what));
    }
}

void examine_segment(const luks::Segment& segment, std::uint64_t key_bytes, Findings& findings) {
    const auto what =
        fmt::format("segment {}: {} {}", segment.index, segment.type, segment.encryption);
    if (segment.type == "linear") {
        findings.add(ReasonCode::plaintext_segment, what);
    } else if (segment.type == "hw-opal" || segment.type == "hw-opal-crypt") {
        findings.add(ReasonCode::opal, what);
    } else if (segment.type != "crypt") {
        findings.add(ReasonCode::unknown_segment, what);
    }
    if (segment.type != "linear" && segment.type != "hw-opal") {
        examine_cipher(segment, key_bytes, what, findings);
    }
}

/// Why no credential can open the payload by this header, though it is whole; empty: one may.
std::string nobody_opens(const luks::Header& header) {
    std::size_t unbound = 0;
    for (const auto& slot : header.keyslots) {
        if (slot.state != luks::SlotState::unbound && slot.state != luks::SlotState::inactive) {
            return {};
        }
        unbound += slot.state == luks::SlotState::unbound ? 1 : 0;
    }
    if (!header.intact || header.segments.empty()) {
        return {};
    }
    return unbound == 0 ? "no keyslot is in use"
                        : fmt::format(
                              "{} keyslots are in use, and all of them are unbound: they "
                              "hold other keys than that of the payload",
                              unbound);
}

void examine_header(const luks::Header& header, Findings& findings) {
    for (const auto& segment : header.segments) {
        examine_segment(segment, header.key_bytes, findings);
    }
    if (header.segments.empty()) {
        findings.add(ReasonCode::unknown_segment,
                     "no readable header states how the payload is encrypted");
    }
    if (const auto problem = nobody_opens(header); !problem.empty()) {
        findings.add(ReasonCode::no_bound_keyslot, problem);
    } else if (header.key_bytes == 0) {
        findings.add(ReasonCode::facts_unknown, "no keyslot states the size of the volume key");
    }
    const bool reencrypting = std::any_of(
        header.keyslots.begin(), header.keyslots.end(),
        [](const luks::Keyslot& slot) { return slot.state == luks::SlotState::reencrypt; });
    if (reencrypting) {
        findings.add(ReasonCode::reencryption, "a reencryption keyslot exists");
    }
    for (const auto& requirement : header.requirements) {
        if (starts_with_any(requirement, {"online-reencrypt", "offline-reencrypt"})) {
            findings.add(ReasonCode::reencryption, requirement);
        } else if (starts_with_any(requirement, {"opal"})) {
            findings.add(ReasonCode::opal, "requirement " + requirement);
        } else if (requirement != "inline-hw-tags") {
            findings.add(ReasonCode::unknown_requirement, requirement);
        }
    }
    if (!header.intact) {
        findings.add(ReasonCode::damaged_header,
                     "the copies are incomplete, damaged or contradictory");
    }
}

void examine_sample(const luks::SampleReport* sample, Findings& findings) {
    if (sample == nullptr) {
        findings.add(ReasonCode::payload_not_sampled, "no sample was taken");
        return;
    }
    if (sample->pieces_sampled == 0) {
        findings.add(ReasonCode::payload_not_sampled, "the payload is too short to sample");
    } else if (sample->ciphertext_like == 0) {
        findings.add(
            ReasonCode::payload_not_sampled,
            fmt::format("none of {} samples is ciphertext: {} are all zero, {} could not be read",
                        sample->pieces_sampled, sample->zero, sample->unreadable));
    } else if (10 * sample->unreadable >
               (10 - kSampledTenthsMin) * (sample->pieces_sampled - sample->zero)) {
        findings.add(ReasonCode::payload_not_sampled,
                     fmt::format("{} of {} samples could not be read", sample->unreadable,
                                 sample->pieces_sampled));
    }
    if (sample->structured > 0) {
        findings.add(ReasonCode::plaintext_found,
                     fmt::format("{} of {} samples are not ciphertext", sample->structured,
                                 sample->pieces_sampled));
    }
    if (sample->unreadable > 0) {
        findings.add(ReasonCode::payload_unreadable,
                     fmt::format("{} of {} samples could not be read", sample->unreadable,
                                 sample->pieces_sampled));
    }
}

}  // namespace

const std::vector<Rule>& rules() {
    static const std::vector<Rule> kRules = {
        storage_rule::copy_on_write,
        storage_rule::thin,
        {ReasonCode::shared_extents, Effect::refuse,
         "another name or a snapshot keeps the old blocks",
         "measured: reflink copies still unlock after an erase"},
        storage_rule::encoded_extents,
        {ReasonCode::plaintext_segment, Effect::no_level,
         "part of the payload is stored as plaintext", "SP 800-88r2 3.2.2"},
        {ReasonCode::null_cipher, Effect::no_level, "the payload is not encrypted",
         "SP 800-88r2 3.2.2"},
        {ReasonCode::ecb, Effect::no_level, "ECB reveals equal blocks", "SP 800-88r2 3.2.2"},
        {ReasonCode::unknown_cipher, Effect::no_level,
         "the cipher is not one with a known strength of 128 bits", "SP 800-88r2 3.2.2"},
        {ReasonCode::short_key, Effect::no_level, "the key is shorter than 128 bits",
         "SP 800-88r2 3.2.2"},
        {ReasonCode::unknown_segment, Effect::no_level, "how the payload is encrypted is unknown",
         "SP 800-88r2 3.2.2"},
        {ReasonCode::unknown_requirement, Effect::no_level,
         "the header requires a feature that is unknown to this version", "LUKS2 format 3.6"},
        {ReasonCode::opal, Effect::no_level,
         "the drive's own media key is not reached; sanitize or revert the drive as well",
         "LUKS2 with OPAL: the key in the header unlocks the drive, it does not encrypt"},
        {ReasonCode::reencryption, Effect::no_level,
         "an unfinished reencryption may have left payload that the destroyed key does not protect",
         "measured: hot zone in clear in the keyslots area"},
        {ReasonCode::no_bound_keyslot, Effect::no_level,
         "no keyslot holds the key of the payload: it was destroyed before, or is kept elsewhere",
         "fail closed"},
        {ReasonCode::damaged_header, Effect::no_level,
         "the header was damaged: what it stated about the payload is unreliable", "fail closed"},
        {ReasonCode::region_doubt, Effect::no_level,
         "the location of the key material is uncertain: more was overwritten than the header "
         "states",
         "fail closed"},
        {ReasonCode::facts_unknown, Effect::no_level, "a fact that the claim depends on is unknown",
         "fail closed"},
        {ReasonCode::plaintext_found, Effect::no_level,
         "sampling found payload that is not ciphertext", "SP 800-88r2 3.2.2"},
        {ReasonCode::payload_not_sampled, Effect::no_level, "the payload was not sampled",
         "fail closed"},
        {ReasonCode::not_attested, Effect::no_level,
         "nobody stated that all data was encrypted before it was first stored",
         "SP 800-88r2 3.2.2"},
        {ReasonCode::copies_not_attested, Effect::no_level,
         "nobody stated that all copies of the keys are listed", "SP 800-88r2 3.2.2"},
        storage_rule::remote_medium,
        {ReasonCode::virtual_disk, Effect::at_most_clear,
         "drives that the controller replaced, its spare drives and its cache may keep copies of "
         "the key material: erase each drive by itself, in HBA, IT or JBOD mode, before it leaves",
         "fail closed"},
        {ReasonCode::flash, Effect::at_most_clear,
         "flash may keep retired copies of the overwritten key material; purge the drive before it "
         "leaves",
         "cryptsetup FAQ 5.19; SP 800-88r2 3.1.1"},
        storage_rule::mirror,
        {ReasonCode::payload_unreadable, Effect::note,
         "part of the payload sample could not be read", ""},
        {ReasonCode::memory_medium, Effect::note,
         "pages of memory files may have been copied to swap; freed pages cannot be examined",
         "measured: tmpfs and swap"},
        storage_rule::hypervisor,
    };
    return kRules;
}

std::string policy_digest() {
    return sha256_hex(canonical_json(ObjectWriter()
                                         .add("id", kPolicyId)
                                         .add("version", kPolicyVersion)
                                         .add("rules", rules_json(rules()))
                                         .take()));
}

std::vector<Finding> examine(const std::vector<LocationFacts>& locations,
                             const luks::SampleReport* sample,
                             const mandate::Attestation& attestation) {
    EFFACE_ASSERT(!locations.empty() && locations.front().header != nullptr);
    Findings findings(rules());
    for (const auto& location : locations) {
        examine_storage(location.storage, findings);
        for (const auto& doubt : location.region_doubts) {
            findings.add(ReasonCode::region_doubt, doubt);
        }
    }
    examine_header(*locations.front().header, findings);
    examine_sample(sample, findings);
    if (!attestation.encrypted_since_first_use) {
        findings.add(ReasonCode::not_attested, "attestation.encrypted_since_first_use is not true");
    }
    if (!attestation.all_key_copies_declared) {
        findings.add(ReasonCode::copies_not_attested,
                     "attestation.all_key_copies_declared is not true");
    }
    return std::move(findings).in_table_order();
}

}  // namespace efface::policy

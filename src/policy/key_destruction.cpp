// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/key_destruction.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"

#include "findings.hpp"

namespace efface::policy {

namespace {

constexpr std::uint64_t kKeyBytesMin = 16;  // SP 800-88r2 3.2.2: 128 bit of strength

void examine_segment(const luks::Segment& segment, Findings& findings) {
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
        if (segment.encryption.empty() ||
            starts_with_any(segment.encryption, {"cipher_null", "null"})) {
            findings.add(ReasonCode::null_cipher, what);
        } else if (segment.encryption.find("-ecb") != std::string::npos) {
            findings.add(ReasonCode::ecb, what);
        }
    }
}

void examine_header(const luks::Header& header, Findings& findings) {
    for (const auto& segment : header.segments) {
        examine_segment(segment, findings);
    }
    if (header.segments.empty()) {
        findings.add(ReasonCode::unknown_segment,
                     "no readable header says how the payload is encrypted");
    }
    if (header.key_bytes > 0 && header.key_bytes < kKeyBytesMin) {
        findings.add(ReasonCode::short_key, fmt::format("{} bits", header.key_bytes * 8));
    }
    const bool reencrypting = std::any_of(
        header.keyslots.begin(), header.keyslots.end(),
        [](const luks::Keyslot& slot) { return slot.state == luks::SlotState::reencrypt; });
    if (reencrypting) {
        findings.add(ReasonCode::reencryption, "a reencryption slot is there");
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
                     "the copies are incomplete, damaged or contradict each other");
    }
}

void examine_sample(const luks::SampleReport* sample, Findings& findings) {
    if (sample == nullptr) {
        findings.add(ReasonCode::payload_not_sampled, "no sample was taken");
        return;
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
        {ReasonCode::copy_on_write, Effect::refuse,
         "an overwrite may leave the old blocks in place below", "measured: btrfs, snapshots"},
        {ReasonCode::thin, Effect::refuse, "blocks below are not allocated one to one",
         "dm-thin: an overwrite after a snapshot goes elsewhere"},
        {ReasonCode::shared_extents, Effect::refuse,
         "another name or a snapshot keeps the old blocks",
         "measured: reflink copies still unlock after an erase"},
        {ReasonCode::encoded_extents, Effect::refuse,
         "the file system stores something else than was written",
         "FIEMAP_EXTENT_ENCODED, _DATA_INLINE, _NOT_ALIGNED"},
        {ReasonCode::plaintext_segment, Effect::no_level, "part of the payload is stored in clear",
         "SP 800-88r2 3.2.2"},
        {ReasonCode::null_cipher, Effect::no_level, "the payload is not encrypted",
         "SP 800-88r2 3.2.2"},
        {ReasonCode::ecb, Effect::no_level, "ECB shows equal blocks", "SP 800-88r2 3.2.2"},
        {ReasonCode::short_key, Effect::no_level, "the key has less than 128 bits",
         "SP 800-88r2 3.2.2"},
        {ReasonCode::unknown_segment, Effect::no_level, "how the payload is encrypted is not known",
         "SP 800-88r2 3.2.2"},
        {ReasonCode::unknown_requirement, Effect::no_level,
         "the header asks for a feature whose meaning is not known", "LUKS2 format 3.6"},
        {ReasonCode::opal, Effect::no_level,
         "the drive's own media key is not reached; sanitize or revert the drive as well",
         "LUKS2 with OPAL: the key in the header unlocks the drive, it does not encrypt"},
        {ReasonCode::reencryption, Effect::no_level,
         "an unfinished reencryption may have left payload that the destroyed key does not cover",
         "measured: hot zone in clear in the keyslots area"},
        {ReasonCode::damaged_header, Effect::no_level,
         "what the header said of the payload can not be relied on", "fail closed"},
        {ReasonCode::plaintext_found, Effect::no_level,
         "sampling found payload that is not ciphertext", "SP 800-88r2 3.2.2"},
        {ReasonCode::payload_not_sampled, Effect::no_level, "the payload was not looked at",
         "fail closed"},
        {ReasonCode::not_attested, Effect::no_level,
         "nobody stated that everything was encrypted before it was first stored",
         "SP 800-88r2 3.2.2"},
        {ReasonCode::copies_not_attested, Effect::no_level,
         "nobody stated that all copies of the keys are listed", "SP 800-88r2 3.2.2"},
        {ReasonCode::remote_medium, Effect::no_level,
         "copies kept by the remote side are out of reach", "fail closed"},
        {ReasonCode::flash, Effect::at_most_clear,
         "flash may keep retired copies of the overwritten key material; purge the drive when it "
         "leaves",
         "cryptsetup FAQ 5.19; SP 800-88r2 3.1.1"},
        {ReasonCode::mirror, Effect::exception,
         "the legs of the mirror were not read back one by one", "a read is answered by any leg"},
        {ReasonCode::payload_unreadable, Effect::note,
         "part of the payload sample could not be read", ""},
        {ReasonCode::memory_medium, Effect::note,
         "pages of memory files may have been copied to swap; freed pages can not be inspected",
         "measured: tmpfs and swap"},
        {ReasonCode::hypervisor, Effect::note, "a hypervisor below may keep copies or snapshots",
         ""},
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
                             const luks::SampleReport* sample, const Attestation& attestation) {
    EFFACE_ASSERT(!locations.empty() && locations.front().header != nullptr);
    Findings findings(rules());
    for (const auto& location : locations) {
        examine_storage(location.storage, findings);
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

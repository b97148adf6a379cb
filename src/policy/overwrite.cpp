// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/overwrite.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/rules/techniques.hpp"

#include "findings.hpp"

namespace efface::policy {

namespace {

using Kind = PassRule::Kind;

/// As a row of the table says it.
PassRule pass_of(const std::string& word) {
    if (word == "random") {
        return {Kind::random, {}};
    }
    if (word == "given") {
        return {Kind::operator_bytes, {}};
    }
    auto bytes = from_hex(word);
    EFFACE_ASSERT(bytes && !bytes->empty());
    return {Kind::bytes, std::move(*bytes)};
}

const char* to_string(Kind kind) {
    switch (kind) {
        case Kind::random:
            return "random";
        case Kind::bytes:
            return "bytes";
        case Kind::operator_bytes:
            return "operator-bytes";
    }
    return "random";
}

}  // namespace

const std::vector<OverwritePolicy>& overwrite_policies() {
    static const std::vector<OverwritePolicy> kPolicies = [] {
        std::vector<OverwritePolicy> policies;
        for (const auto& row : rules::techniques().rows()) {
            if (row.passes.empty()) {
                continue;
            }
            policies.push_back({row.name.c_str(), {}, row.title.c_str(), row.source.c_str()});
            for (const auto& word : row.passes) {
                policies.back().passes.push_back(pass_of(word));
            }
        }
        return policies;
    }();
    return kPolicies;
}

const OverwritePolicy* find_overwrite_policy(std::string_view name) noexcept {
    const auto& policies = overwrite_policies();
    const auto found = std::find_if(policies.begin(), policies.end(),
                                    [&](const auto& policy) { return name == policy.name; });
    return found == policies.end() ? nullptr : &*found;
}

std::string overwrite_policy_digest(const OverwritePolicy& policy) {
    Json passes = Json::array();
    for (const auto& pass : policy.passes) {
        passes.push_back(ObjectWriter()
                             .add("kind", to_string(pass.kind))
                             .add("bytes", to_hex(pass.bytes))
                             .take());
    }
    return sha256_hex(canonical_json(ObjectWriter()
                                         .add("id", policy.name)
                                         .add("version", kOverwritePolicyVersion)
                                         .add("passes", std::move(passes))
                                         .add("source", policy.source)
                                         .add("rules", rules_json(overwrite_rules()))
                                         .take()));
}

const std::vector<Rule>& overwrite_rules() {
    static const std::vector<Rule> kRules = {
        storage_rule::copy_on_write,
        storage_rule::thin,
        {ReasonCode::shared_extents, Effect::refuse,
         "another name or a snapshot keeps the old blocks",
         "measured: reflink copies keep their content"},
        storage_rule::encoded_extents,
        {ReasonCode::compressed_memory, Effect::refuse,
         "zram stores each write in a new place and frees the old object without clearing it; use "
         "memory:zram:NAME",
         "Linux drivers/block/zram: zram_write_page"},
        {ReasonCode::not_verified, Effect::no_level, "nothing was read back", "fail closed"},
        {ReasonCode::file, Effect::no_level,
         "a file is not a medium: its name, journal entries and earlier places of its content "
         "remain",
         "NIST SP 800-88r2: applies to media"},
        storage_rule::remote_medium,
        {ReasonCode::virtual_disk, Effect::no_level,
         "the controller's cache, its spare drives and whatever it keeps outside of the virtual "
         "disk are out of reach: set it to HBA, IT or JBOD mode and erase each drive by itself",
         "fail closed"},
        {ReasonCode::flash, Effect::note,
         "flash keeps retired and spare blocks that cannot be addressed; purge the drive with its "
         "own command before it leaves",
         "NIST SP 800-88r2 3.1.1"},
        {ReasonCode::sampled, Effect::note, "only a sample of the medium was read back",
         "NIST SP 800-88r1 4.7.1"},
        {ReasonCode::uniform_pattern, Effect::note,
         "a device may store a repeated pattern as a marker instead of writing it, and a device "
         "that wraps around shows the pattern everywhere",
         "deduplication, compression, WRITE SAME offload"},
        {ReasonCode::partition, Effect::note, "the rest of the disk was not erased", ""},
        storage_rule::mirror,
        {ReasonCode::memory_medium, Effect::note,
         "pages of memory may have been copied to swap; freed pages cannot be examined",
         "measured: tmpfs and swap"},
        storage_rule::hypervisor,
    };
    return kRules;
}

std::vector<Finding> examine_overwrite(const OverwriteFacts& facts) {
    Findings findings(overwrite_rules());
    examine_storage(facts.storage, findings);
    switch (facts.kind) {
        case inventory::Kind::zram:
            findings.add(ReasonCode::compressed_memory, "zram");
            break;
        case inventory::Kind::file:
            findings.add(ReasonCode::file, "one regular file");
            break;
        case inventory::Kind::partition:
            findings.add(ReasonCode::partition, "one partition");
            break;
        case inventory::Kind::ram:
            findings.add(ReasonCode::memory_medium, "ramdisk");
            break;
        case inventory::Kind::disk:
        case inventory::Kind::loop:
        case inventory::Kind::device_mapper:
        case inventory::Kind::md:
        case inventory::Kind::other:
            break;
    }
    if (facts.uniform_pattern) {
        findings.add(ReasonCode::uniform_pattern, "the last pass repeats one pattern");
    }
    if (facts.verification == mandate::Verification::none) {
        findings.add(ReasonCode::not_verified, "verification was switched off");
    } else if (facts.verification == mandate::Verification::representative) {
        findings.add(ReasonCode::sampled, "representative verification");
    }
    return std::move(findings).in_table_order();
}

}  // namespace efface::policy

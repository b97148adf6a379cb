// SPDX-License-Identifier: Apache-2.0
#include "efface/policy/memory.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/digest.hpp"

#include "findings.hpp"

namespace efface::policy {

namespace {

constexpr const char* kMeasured = "measured: tmpfs and swap";
constexpr const char* kSwept = "measured: free memory of a virtual machine";
/// Of what was free nine tenths must have been taken: a tenth may be missing.
constexpr std::uint64_t kTenths = 10;

/// A value within facts, or null.
Json at(const Json& facts, const char* pointer) {
    const auto place = nlohmann::json_pointer<std::string>(pointer);
    return facts.is_object() && facts.contains(place) ? facts.at(place) : Json();
}

std::string text_at(const Json& facts, const char* pointer) {
    const Json value = at(facts, pointer);
    return value.is_string() ? value.get<std::string>() : std::string{};
}

/// Missing or of another type counts as true: the worse answer.
bool true_or_unknown(const Json& value) {
    return !value.is_boolean() || value.get<bool>();
}

void examine_freed(const Json& facts, Findings& findings) {
    const std::string state = text_at(facts, "/machine/initOnFree/state");
    const std::string seen = fmt::format("init_on_free is {}", state.empty() ? "unknown" : state);
    if (true_or_unknown(at(facts, "/contentFreed")) && state != "on") {
        findings.add(ReasonCode::content_only_freed, seen);
    } else if (state != "on") {
        findings.add(ReasonCode::freed_pages, seen);
    }
}

/// A figure that is missing counts as the worst.
bool is_zero(const Json& value) {
    return value.is_number_unsigned() && value.get<std::uint64_t>() == 0;
}

/// Whether a counter of the kernel is another one at the end of the run.
bool grew(const Json& facts, const std::string& counter) {
    const Json before = at(facts, ("/machine/swap/" + counter).c_str());
    const Json after = at(facts, ("/swapAfter/" + counter).c_str());
    if (!before.is_number_unsigned() || !after.is_number_unsigned()) {
        return before.is_number_unsigned() != after.is_number_unsigned();
    }
    return after.get<std::uint64_t>() > before.get<std::uint64_t>();
}

/// What went where since the machine started; figures stay out of it, so that a plan keeps its
/// digest while the machine works.
std::string written_text(const Json& swap) {
    const Json to_swap = at(swap, "/pagesWrittenOut");
    const Json to_zswap = at(swap, "/zswapPagesWrittenOut");
    const auto say = [](const Json& count, const char* where) {
        return fmt::format("{}: {}", where,
                           is_zero(count) ? "never" : (count.is_null() ? "unknown" : "written to"));
    };
    return say(to_swap, "swap") + ", " + say(to_zswap, "zswap");
}

/// The look before the run and, once it ran, the one afterwards.
void examine_swap(const Json& facts, Findings& findings) {
    std::vector<Json> looks = {at(facts, "/machine/swap")};
    if (text_at(facts, "/kind") == "swap" && !is_zero(at(looks.front(), "/zswapBytes"))) {
        findings.add(ReasonCode::zswap_pages, "old content of the area may be there");
    }
    if (!true_or_unknown(at(facts, "/swappable"))) {
        return;
    }
    if (const Json after = at(facts, "/swapAfter"); !after.is_null()) {
        looks.push_back(after);
        if (grew(facts, "pagesWrittenOut") || grew(facts, "zswapPagesWrittenOut")) {
            findings.add(ReasonCode::swap_grew, "during the run");
        }
    }
    const auto is_used = [](const Json& swap) {
        const std::string state = text_at(swap, "/state");
        return state != "off" && state != "empty";
    };
    const auto used = std::find_if(looks.begin(), looks.end(), is_used);
    if (used != looks.end()) {
        const std::string state = text_at(*used, "/state");
        findings.add(ReasonCode::swap_in_use, "swap is " + (state.empty() ? "unknown" : state));
    } else if (!is_zero(at(looks.back(), "/pagesWrittenOut")) ||
               !is_zero(at(looks.back(), "/zswapPagesWrittenOut"))) {
        findings.add(ReasonCode::swapped_before, written_text(looks.back()));
    }
    if (std::any_of(looks.begin(), looks.end(),
                    [](const Json& swap) { return !is_zero(at(swap, "/zswapBytes")); })) {
        findings.add(ReasonCode::zswap_pages, "its pool is not empty, or its state is unknown");
    }
}

/// inventory::to_json() writes a flag of a layer only where it is set.
bool is_set(const Json& layer, const char* pointer) {
    const Json flag = at(layer, pointer);
    return !flag.is_null() && true_or_unknown(flag);
}

void examine_layers(const Json& facts, Findings& findings) {
    const Json layers = at(facts, "/layers");
    if (!layers.is_array()) {
        if (text_at(facts, "/kind") == "swap") {
            findings.add(ReasonCode::facts_unknown, "the storage that the area is on");
        }
        return;
    }
    for (const auto& layer : layers) {
        const std::string name = text_at(layer, "/name");
        if (is_set(layer, "/copyOnWrite")) {
            findings.add(ReasonCode::copy_on_write, name);
        }
        if (is_set(layer, "/thin")) {
            findings.add(ReasonCode::thin, name);
        }
        if (is_set(layer, "/remote")) {
            findings.add(ReasonCode::remote_medium, name);
        }
        if (is_set(layer, "/flash")) {
            findings.add(ReasonCode::flash, name);
        }
    }
}

/// A sweep is worth what it took of what was free.
void examine_sweep(const Json& facts, Findings& findings) {
    const std::string kind = text_at(facts, "/kind");
    if (kind != "free" && kind != "hugepages") {
        return;
    }
    const Json free = at(facts, "/sweep/freeBytes");
    const Json taken = at(facts, "/sweep/takenBytes");
    if (!free.is_number_unsigned() || !taken.is_number_unsigned()) {
        findings.add(ReasonCode::facts_unknown, "how much of the free pages was taken");
    } else if (const auto all = free.get<std::uint64_t>();
               taken.get<std::uint64_t>() == 0 ||
               taken.get<std::uint64_t>() < all - all / kTenths) {
        findings.add(ReasonCode::free_not_taken,
                     "limited by the margin, by control groups or by other programs");
    }
    if (kind == "free") {
        findings.add(ReasonCode::kernel_keeps, "MemFree counts some of them");
    }
}

void examine_notes(const Json& facts, Findings& findings) {
    const std::string filesystem = text_at(facts, "/filesystem");
    if (!filesystem.empty()) {
        findings.add(ReasonCode::names_only_freed, filesystem);
    }
    if (text_at(facts, "/removedFiles") == "unknown") {
        findings.add(ReasonCode::holders_unknown, filesystem);
    }
    if (true_or_unknown(at(facts, "/persistent"))) {
        findings.add(ReasonCode::spare_areas, "");
    }
    const Json host = at(facts, "/machine/memoryToHost");
    if (!host.is_array()) {
        findings.add(ReasonCode::host, "unknown");
    } else if (!host.empty()) {
        std::string ways;
        for (const auto& way : host) {
            ways += (ways.empty() ? "" : ", ") + (way.is_string() ? way.get<std::string>() : "?");
        }
        findings.add(ReasonCode::host, ways);
    }
}

}  // namespace

const std::vector<Rule>& memory_rules() {
    static const std::vector<Rule> kRules = {
        {ReasonCode::facts_unknown, Effect::no_level, "a fact that the claim depends on is unknown",
         ""},
        {ReasonCode::content_only_freed, Effect::no_level,
         "the content was returned to the kernel, which is not known to clear freed memory",
         "kernel parameter init_on_free"},
        {ReasonCode::firmware_unverified, Effect::no_level,
         "the module's firmware erased it; nothing was read back, and the kernel does not report "
         "whether its overwrite succeeded",
         "kernel: drivers/nvdimm/security.c"},
        {ReasonCode::swap_in_use, Effect::no_level,
         "pages of the target may be in swap, which an overwrite of the target does not reach",
         kMeasured},
        {ReasonCode::zswap_pages, Effect::no_level,
         "pages of the target may be in the compressed pool of zswap, in memory", kMeasured},
        {ReasonCode::swap_grew, Effect::no_level,
         "the kernel wrote pages to swap or to zswap while the target was erased", kMeasured},
        {ReasonCode::copy_on_write, Effect::no_level,
         "an overwrite may leave the old blocks in the layer below", ""},
        {ReasonCode::thin, Effect::no_level, "the layer below does not map blocks one to one", ""},
        {ReasonCode::free_not_taken, Effect::no_level,
         "less than nine tenths of the free pages are taken and overwritten", kSwept},
        {ReasonCode::remote_medium, Effect::no_level, "the medium is on another machine", ""},
        {ReasonCode::swapped_before, Effect::exception,
         "this machine wrote pages to swap or to zswap before; freed slots keep their content",
         kMeasured},
        {ReasonCode::kernel_keeps, Effect::exception,
         "free pages that the kernel reserves for itself (per-CPU lists and reserves) are not "
         "reached",
         kSwept},
        {ReasonCode::flash, Effect::note, "flash memory keeps old blocks that cannot be reached",
         "NIST SP 800-88r2"},
        {ReasonCode::names_only_freed, Effect::note,
         "names, symbolic links and extended attributes are freed, not overwritten", ""},
        {ReasonCode::holders_unknown, Effect::note,
         "files that were removed but still open could not be counted before the run, nor could "
         "files held only by a descriptor in transit through a socket",
         ""},
        {ReasonCode::spare_areas, Effect::note,
         "spare and retired areas of the medium are not reached", ""},
        {ReasonCode::freed_pages, Effect::note,
         "pages that were freed earlier cannot be read from user space",
         "kernel parameter init_on_free"},
        {ReasonCode::host, Effect::note, "a host below may keep copies of this machine's memory",
         ""},
    };
    return kRules;
}

std::string memory_policy_digest() {
    return sha256_hex(canonical_json(ObjectWriter()
                                         .add("id", kMemoryPolicyId)
                                         .add("version", kMemoryPolicyVersion)
                                         .add("rules", rules_json(memory_rules()))
                                         .take()));
}

MemoryClaim memory_claim(const Json& facts) {
    Findings findings(memory_rules());
    if (text_at(facts, "/kind").empty() || !at(facts, "/machine").is_object()) {
        findings.add(ReasonCode::facts_unknown, "");
    }
    examine_freed(facts, findings);
    if (at(facts, "/firmware").is_boolean()) {
        findings.add(ReasonCode::firmware_unverified, text_at(facts, "/securityState"));
    }
    examine_swap(facts, findings);
    examine_layers(facts, findings);
    examine_sweep(facts, findings);
    examine_notes(facts, findings);
    MemoryClaim claim;
    claim.findings = std::move(findings).in_table_order();
    claim.level = level_of(claim.findings, method::Level::clear);
    return claim;
}

}  // namespace efface::policy

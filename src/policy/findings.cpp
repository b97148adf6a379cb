// SPDX-License-Identifier: Apache-2.0
#include "findings.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/assert.hpp"
#include "efface/inventory/hardware.hpp"

namespace efface::policy {

void Findings::add(ReasonCode code, const std::string& detail) {
    const auto rule = std::find_if(rules_.begin(), rules_.end(),
                                   [&](const Rule& candidate) { return code == candidate.code; });
    EFFACE_ASSERT(rule != rules_.end());
    found_.push_back({&*rule, printable(detail)});
}

void Findings::add_unknown(ReasonCode code, const std::string& detail) {
    add(code, detail);
    found_.back().unknown = true;
}

std::vector<Finding> Findings::in_table_order() && {
    std::stable_sort(found_.begin(), found_.end(),
                     [](const Finding& a, const Finding& b) { return a.rule < b.rule; });
    return std::move(found_);
}

bool starts_with_any(std::string_view text, std::initializer_list<std::string_view> prefixes) {
    return std::any_of(prefixes.begin(), prefixes.end(),
                       [&](std::string_view prefix) { return text.starts_with(prefix); });
}

namespace {

/// A layer that counts as copying because nobody could see what it does (layer_rules.cpp).
bool is_unknown(const inventory::Layer& layer) {
    return layer.type == "unknown" || layer.type == "dm-unknown";
}

/// The file system of a file, by its name where it has one.
std::string file_system_of(const StorageFacts& facts) {
    for (const auto& layer : facts.layers) {
        if (layer.type == "filesystem") {
            return layer.name;
        }
    }
    return "the file system";
}

void add_copy_on_write(const StorageFacts& facts, Findings& findings) {
    if (facts.copy_on_write) {
        findings.add(ReasonCode::copy_on_write,
                     file_system_of(facts) +
                         " writes changed blocks to other places: no overwrite of the file, that "
                         "of shred neither, reaches the old ones");
    }
    for (const auto& layer : facts.layers) {
        const bool told = facts.copy_on_write || facts.shared_extents > 0;
        if (!layer.copy_on_write || (told && layer.type == "filesystem")) {
            continue;
        }
        if (is_unknown(layer)) {
            findings.add_unknown(ReasonCode::copy_on_write,
                                 fmt::format("{}: {}", layer.name, layer.note));
        } else {
            findings.add(ReasonCode::copy_on_write,
                         fmt::format("{} ({}){}", layer.name, layer.type,
                                     layer.note.empty() ? "" : ": " + layer.note));
        }
    }
}

}  // namespace

void examine_storage(const StorageFacts& facts, Findings& findings) {
    add_copy_on_write(facts, findings);
    if (facts.shared_extents > 0) {
        findings.add(ReasonCode::shared_extents,
                     fmt::format("{} extents are shared with another file or snapshot",
                                 facts.shared_extents));
    }
    if (facts.encoded_extents > 0) {
        findings.add(ReasonCode::encoded_extents,
                     fmt::format("{} extents are compressed, inline or encoded by the file system",
                                 facts.encoded_extents));
    }
    if (facts.remote) {
        findings.add(ReasonCode::remote_medium, "the file system is remote");
    }
    if (facts.memory) {
        findings.add(ReasonCode::memory_medium, "the file is in memory");
    }
    for (const auto& layer : facts.layers) {
        const auto what = fmt::format("{} ({})", layer.name, layer.type);
        if (layer.thin) {
            findings.add(ReasonCode::thin, what);
        }
        if (layer.remote) {
            findings.add(ReasonCode::remote_medium, what);
        }
        if (layer.mirror) {
            findings.add(ReasonCode::mirror, what);
        }
        if (layer.flash) {
            findings.add(ReasonCode::flash, what);
        }
        if (starts_with_any(layer.note, {inventory::kVirtualDiskNote})) {
            findings.add(ReasonCode::virtual_disk, fmt::format("{}: {}", what, layer.note));
        }
        if (starts_with_any(layer.note, {"a hypervisor"})) {
            findings.add(ReasonCode::hypervisor, what);
        }
    }
}

const char* to_string(Effect effect) noexcept {
    switch (effect) {
        case Effect::refuse:
            return "refuse";
        case Effect::no_level:
            return "no-level";
        case Effect::at_most_clear:
            return "at-most-clear";
        case Effect::exception:
            return "exception";
        case Effect::note:
            return "note";
    }
    return "refuse";
}

FindingReasons reasons_of(const std::vector<Finding>& findings) {
    FindingReasons reasons;
    for (const auto& finding : findings) {
        auto& list = finding.rule->effect == Effect::refuse      ? reasons.refusals
                     : finding.rule->effect == Effect::exception ? reasons.exceptions
                                                                 : reasons.residual_risks;
        list.push_back({finding.rule->code,
                        finding.unknown
                            ? fmt::format("what is below is unknown ({}), and counts as: {}",
                                          finding.detail, finding.rule->reason)
                            : fmt::format("{} ({})", finding.rule->reason, finding.detail)});
    }
    return reasons;
}

Json rules_json(const std::vector<Rule>& rules) {
    Json table = Json::array();
    for (const auto& rule : rules) {
        table.push_back(ObjectWriter()
                            .add("id", to_string(rule.code))
                            .add("effect", to_string(rule.effect))
                            .add("reason", rule.reason)
                            .add("source", rule.source)
                            .take());
    }
    return table;
}

method::Level level_of(const std::vector<Finding>& findings, method::Level highest) noexcept {
    auto level = highest;
    for (const auto& finding : findings) {
        if (finding.rule->effect == Effect::refuse || finding.rule->effect == Effect::no_level) {
            level = method::Level::none;
        } else if (finding.rule->effect == Effect::at_most_clear) {
            level = method::lowest(level, method::Level::clear);
        }
    }
    return level;
}

}  // namespace efface::policy

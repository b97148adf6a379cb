// SPDX-License-Identifier: Apache-2.0
// Pages of what was in memory that may be in swap or in the compressed pool of zswap, where no
// overwrite reached them: no level while they may, and no plain success once any were there.
#include <sstream>

#include "target_claim.hpp"

namespace efface::judge {

namespace {

/// What is not said is not nothing.
bool is_zero(const RecordView& swap, const std::string& key) {
    const auto count = swap.maybe(key.c_str());
    return count && count->number() == 0;
}

void check_pool(const RecordView& swap) {
    if (!is_zero(swap, "zswapBytes")) {
        swap.fail("does not report an empty zswap pool: no level");
    }
}

void check_look(const RecordView& swap, const rules::Words& states) {
    if (!is_one_of(states, swap.at("state").text())) {
        swap.at("state").fail("is neither off nor empty: no level");
    }
    check_pool(swap);
}

bool has_option(const std::string& options, std::string_view option) {
    std::istringstream words(options);
    for (std::string word; std::getline(words, word, ',');) {
        if (word == option) {
            return true;
        }
    }
    return false;
}

/// Whether the kernel may swap such memory, whatever the record says of it: a segment also where it
/// is locked, for it may have been swapped before that, and tmpfs where it is not mounted without.
bool may_be_swapped(const rules::Technique& row, const RecordView& facts) {
    if (row.swap == "always" || row.swap.empty()) {
        return !row.swap.empty();
    }
    if (!row.never_swapped.empty() && is_one_of(row.never_swapped, facts.at("filesystem").text())) {
        return false;
    }
    const auto options = facts.maybe("mountOptions");
    return !options || !has_option(options->text(), "noswap");
}

/// The kernel counts upwards only.
void check_growth(const RecordView& before, const RecordView& after, const rules::Words& counters) {
    for (const std::string& counter : counters) {
        const auto was = before.maybe(counter.c_str());
        const auto is = after.maybe(counter.c_str());
        if (was.has_value() != is.has_value() || (was && is->number() != was->number())) {
            after.fail(counter + " changed during the run: no level");
        }
    }
}

}  // namespace

void check_swap_rules(const RecordView& predicate, const Claim& claim) {
    if (claim.type != TargetType::memory || claim.schema == Schema::v1_0 || !claim.success) {
        return;
    }
    const bool level = claim.level != "none";
    if (!level && !claim.whole) {
        return;
    }
    const RecordView target = predicate.at("target");
    const RecordView facts = target.at("facts");
    const bool swappable = facts.at("swappable").flag();
    if (level && target.at("kind").text() == "swap") {
        check_pool(facts.at("machine").at("swap"));
    }
    if (!swappable) {
        if (may_be_swapped(*claim.row, facts)) {
            facts.at("swappable").fail("is false, but the kernel may swap this");
        }
        return;
    }
    const RecordView before = facts.at("machine").at("swap");
    const RecordView after = facts.at("swapAfter");
    if (level) {
        check_look(before, claim.family->swap_states);
        check_look(after, claim.family->swap_states);
        check_growth(before, after, claim.family->swap_counters);
    }
    for (const std::string& counter : claim.family->swap_counters) {
        if (claim.whole && !is_zero(after, counter)) {
            after.fail("reports pages that were written out: that needs an exception");
        }
    }
}

}  // namespace efface::judge

// SPDX-License-Identifier: Apache-2.0
#include "swapped.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "efface/device/linux_target.hpp"
#include "efface/inventory/memory_facts.hpp"

namespace efface::method {

namespace {

using inventory::MemoryFacts;
using Count = std::optional<std::uint64_t>;

bool none(const Count& count) {
    return count == 0U;
}

/// Unknown figures may have grown.
bool grew(const Count& before, const Count& after) {
    return before && after ? *after > *before : before.has_value() != after.has_value();
}

std::string areas_text(const MemoryFacts& facts) {
    if (!facts.swaps) {
        return "the list of swap areas cannot be read";
    }
    std::vector<std::string> areas;
    for (const auto& area : *facts.swaps) {
        areas.push_back(fmt::format("{} ({} bytes in use)", printable(area.path), area.used_bytes));
    }
    return areas.empty() ? "no swap area is active now" : fmt::format("{}", fmt::join(areas, ", "));
}

std::string count_text(const Count& count) {
    return count ? std::to_string(*count) : "an unknown number of";
}

std::string counters_text(const MemoryFacts& facts) {
    return fmt::format(
        "{} pages were written to swap and {} taken into zswap since the machine "
        "started",
        count_text(facts.swapped_out_pages), count_text(facts.zswapped_out_pages));
}

}  // namespace

SwapWatch::SwapWatch(const inventory::SystemView& view, bool matters)
    : view_(view), matters_(matters) {
    if (matters_) {
        before_ = inventory::read_memory_facts(view_);
    }
}

void SwapWatch::report(MemoryRun& run) const {
    if (!matters_) {
        run.step("check swap", "done", "the kernel never swaps these pages");
        return;
    }
    const auto after = inventory::read_memory_facts(view_);
    run.note_swap_after(inventory::swap_json(after));
    const std::string where = areas_text(after);
    const std::string counted = counters_text(after);
    run.step("check swap", "done", where + "; " + counted);
    const bool grown = grew(before_.swapped_out_pages, after.swapped_out_pages) ||
                       grew(before_.zswapped_out_pages, after.zswapped_out_pages);
    const bool in_use = !none(before_.swap_used_bytes()) || !none(after.swap_used_bytes());
    if (grown) {
        run.except({ReasonCode::swap_grew,
                    fmt::format("swap: pages went there while the target was erased ({}); erase "
                                "each area with memory:swap:PATH",
                                counted)});
    }
    if (!none(before_.zswap_bytes) || !none(after.zswap_bytes)) {
        run.except({ReasonCode::zswap_pages,
                    fmt::format("zswap: pages of this target may be in its pool in memory, which "
                                "the overwrite does not reach ({} bytes before, {} now)",
                                count_text(before_.zswap_bytes), count_text(after.zswap_bytes))});
    }
    if (in_use) {
        run.except({ReasonCode::swap_in_use,
                    fmt::format("swap: pages of this target may be there, where the overwrite does "
                                "not reach ({}; {}); erase each area with memory:swap:PATH",
                                where, counted)});
    } else if (!none(after.swapped_out_pages) || !none(after.zswapped_out_pages)) {
        run.except({ReasonCode::swapped_before,
                    fmt::format("swap: pages of this target may have been there, and a freed slot "
                                "keeps its content ({}; {}); erase each area with memory:swap:PATH",
                                where, counted)});
    }
}

std::vector<Reason> loops_over(std::uint64_t device, std::optional<std::uint64_t> inode,
                               const inventory::SystemView& view) {
    std::vector<Reason> found;
    std::error_code error;
    for (std::filesystem::directory_iterator at(view.sysfs / "block", error), end;
         !error && at != end; at.increment(error)) {
        const std::string name = at->path().filename().string();
        std::error_code missing;
        if (!name.starts_with("loop") ||
            !std::filesystem::exists(at->path() / "loop" / "backing_file", missing)) {
            continue;
        }
        try {
            const auto backing = device::loop_backing(view.dev / name);
            if (backing && backing->device == device && (!inode || backing->inode == *inode)) {
                found.push_back(
                    {ReasonCode::loop_backing, fmt::format("loop device {} is on top of {}", name,
                                                           printable(backing->path))});
            }
        } catch (const Error& failure) {
            // Fails closed.
            found.push_back({ReasonCode::unreadable_state, printable(failure.what())});
        }
    }
    if (error) {
        found.push_back({ReasonCode::unreadable_state, "the list of block devices cannot be read"});
    }
    return found;
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
#include "memory_swapped.hpp"

#include <fmt/format.h>

#include <filesystem>

#include "efface/device/linux_target.hpp"
#include "efface/inventory/memory_facts.hpp"

namespace efface::method {

void SwapWatch::report(MemoryRun& run) const {
    if (!matters_) {
        run.step("look at swap", "done", "the kernel never swaps these pages");
        return;
    }
    const auto facts = inventory::read_memory_facts(view_);
    const auto& written = facts.swapped_out_pages;
    std::vector<std::string> areas;
    for (const auto& area : facts.swaps.value_or(std::vector<inventory::SwapArea>{})) {
        areas.push_back(fmt::format("{} ({} bytes in use)", printable(area.path), area.used_bytes));
    }
    const bool none_now = facts.swaps && areas.empty();
    const std::string where = !facts.swaps ? "the list of swap areas can not be read"
                              : none_now   ? "no swap area is active now"
                                           : fmt::format("{}", fmt::join(areas, ", "));
    const std::string counted =
        written ? fmt::format("{} pages were written to swap since the machine started", *written)
                : "the kernel does not say how many pages it wrote to swap";
    run.step("look at swap", "done", where + "; " + counted);
    const bool none_ever = written == 0U && facts.swaps && facts.swap_used_bytes() == 0U;
    if (!none_ever) {
        run.except({none_now ? ReasonCode::swapped_before : ReasonCode::swap_in_use,
                    fmt::format("swap: pages of this target may stand there, where the overwrite "
                                "does not reach ({}; {}); erase each area with memory:swap:PATH",
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
                    {ReasonCode::loop_backing,
                     fmt::format("loop device {} stands on {}", name, printable(backing->path))});
            }
        } catch (const Error& failure) {
            // Fails closed.
            found.push_back({ReasonCode::unreadable_state, printable(failure.what())});
        }
    }
    if (error) {
        found.push_back(
            {ReasonCode::unreadable_state, "the list of block devices can not be read"});
    }
    return found;
}

}  // namespace efface::method

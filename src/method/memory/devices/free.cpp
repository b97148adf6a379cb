// SPDX-License-Identifier: Apache-2.0
// Free memory: what was freed keeps its content until somebody gets it. All that may be had is
// taken and overwritten.
#include <fmt/format.h>
#include <unistd.h>

#include "efface/device/memory/memory_target.hpp"
#include "efface/device/memory/taken_memory.hpp"
#include "efface/inventory/folder.hpp"

#include "memory/sweep.hpp"

namespace efface::method {

namespace {

class MachinePages final : public FreePages {
  public:
    explicit MachinePages(const inventory::SystemView& view) : view_(view) {}

    int prepare() override {
        const int dropped = drop();
        const int compacted = compact();
        return dropped != 0 ? dropped : compacted;
    }
    /// Clean caches and empty slabs of the kernel's objects become free pages: what was freed in
    /// them stays in them until then. 0 or an errno.
    [[nodiscard]] int drop() const {
        const int dropped = device::write_control(vm("drop_caches"), "3");
        const auto slabs = view_.sysfs / "kernel" / "slab";
        for (const auto& name : inventory::Folder::open(slabs).list(".").names) {
            (void)device::write_control((slabs / name / "shrink").string(), "1");
        }
        return dropped;
    }
    /// Scattered pages come together. 0 or an errno.
    [[nodiscard]] int compact() const { return device::write_control(vm("compact_memory"), "1"); }
    [[nodiscard]] std::uint64_t free_bytes() const override { return look().free_bytes; }
    [[nodiscard]] std::uint64_t room_bytes(std::optional<unsigned> node) const override {
        return sweep_room_bytes(look(), node);
    }
    [[nodiscard]] std::uint64_t held_bytes_max() const override {
        const auto total = look().total_bytes;
        return total - std::min(total, sweep_margin_bytes(total));
    }
    [[nodiscard]] std::vector<std::optional<unsigned>> nodes() const override {
        std::vector<std::optional<unsigned>> ids;
        for (const auto& node : look().nodes) {
            ids.emplace_back(node.id);
        }
        return ids.size() > 1 ? ids : std::vector<std::optional<unsigned>>{std::nullopt};
    }

  private:
    [[nodiscard]] inventory::FreeMemory look() const { return inventory::read_free_memory(view_); }
    [[nodiscard]] std::string vm(const char* name) const {
        return (view_.proc / "sys" / "vm" / name).string();
    }
    inventory::SystemView view_;
};

class FreeKind final : public MemoryKind {
  public:
    explicit FreeKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "take free memory, overwrite it with part of a keyed stream, compare a part, give "
               "back zeros";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override { return Json::object(); }

  private:
    void tell(MemoryRun& run, const SweepTally& tally, std::uint64_t free_bytes) const;
    MemoryKindContext context_;
};

MemorySurvey FreeKind::survey() {
    const auto memory = inventory::read_free_memory(context_.view);
    MemorySurvey survey;
    survey.size_bytes = sweep_expected_bytes(memory);
    if (context_.view.live && ::geteuid() != 0) {
        survey.objections.push_back(
            {ReasonCode::not_supported, "only root may take and lock the memory of a machine"});
    }
    if (memory.limit_unknown) {
        survey.objections.push_back(
            {ReasonCode::unreadable_state,
             "the limits of the control groups of this process cannot be read"});
    } else if (survey.size_bytes == 0) {
        survey.traces.push_back(
            {ReasonCode::nothing_to_erase, "no free memory can be taken: too little is left"});
    }
    survey.facts = ObjectWriter()
                       .add("contentFreed", false)
                       .add("swappable", false)
                       .add("persistent", false)
                       .add("sweep", sweep_json(std::max(memory.free_bytes, memory.available_bytes),
                                                survey.size_bytes, 0))
                       .take();
    survey.steps = {
        "drop clean caches and empty slabs of the kernel, and compact free memory",
        "take and lock free memory, node by node, except for a margin; overwrite it, read a part "
        "back, and hold it while memory that has become free meanwhile is taken too",
        "give it back as zeros"};
    if (memory.limit) {
        survey.steps.push_back("never more than the control group " + memory.limit->group +
                               " leaves");
    }
    survey.not_reached = {
        "free pages that the kernel reserves for itself: per-CPU lists, reserves, the margin",
        "memory that is in use, and memory held by balloons of the host",
        "memory that the kernel freed inside pages that are still partly in use (slabs)"};
    return survey;
}

void FreeKind::tell(MemoryRun& run, const SweepTally& tally, std::uint64_t free_bytes) const {
    const auto reached = tally.frames_known ? tally.frames * device::kFrameBytes : tally.held_bytes;
    run.learn_sweep(sweep_json(free_bytes, reached, tally.passes));
    run.except({ReasonCode::kernel_keeps,
                "free pages in the kernel's per-CPU lists and reserves were not reached"});
    if (reached < free_bytes) {
        const auto memory = inventory::read_free_memory(context_.view);
        run.except({ReasonCode::free_not_taken,
                    fmt::format("{} of {} bytes that were free were taken and overwritten{}",
                                reached, free_bytes,
                                memory.limit
                                    ? "; the control group " + memory.limit->group + " has a limit"
                                    : "")});
    }
}

void FreeKind::erase(MemoryRun& run) {
    MachinePages pages(context_.view);
    const auto told = [&](const char* step, int error) {
        run.step(step, error == 0 ? "done" : "not possible", error == 0 ? "" : errno_text(error));
    };
    told("drop caches and empty slabs", pages.drop());
    told("compact memory", pages.compact());
    const auto free_bytes = pages.free_bytes();
    const auto tally = sweep(pages, run);
    tell(run, tally, free_bytes);
    if (tally.ended && tally.held_bytes != 0 && tally.returned_bytes == tally.held_bytes) {
        run.complete();
    }
}

}  // namespace

std::unique_ptr<MemoryKind> make_free_kind(const MemoryKindContext& context) {
    return std::make_unique<FreeKind>(context);
}

}  // namespace efface::method

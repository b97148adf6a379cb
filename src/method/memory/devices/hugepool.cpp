// SPDX-License-Identifier: Apache-2.0
// The free pages of one pool of huge pages: the kernel clears them only when somebody gets one.
#include <fmt/format.h>
#include <unistd.h>

#include "memory/sweep.hpp"

namespace efface::method {

namespace {

class PoolPages final : public FreePages {
  public:
    PoolPages(const inventory::SystemView& view, std::uint64_t page_bytes, std::uint64_t bytes_max)
        : view_(view), page_bytes_(page_bytes), bytes_max_(bytes_max) {}

    [[nodiscard]] std::uint64_t free_bytes() const override { return look().free * page_bytes_; }
    [[nodiscard]] std::uint64_t room_bytes(std::optional<unsigned> /*node*/) const override {
        const auto pool = look();
        return pool.free > pool.reserved ? (pool.free - pool.reserved) * page_bytes_ : 0;
    }
    // What the pool could grow by is not taken.
    [[nodiscard]] std::uint64_t held_bytes_max() const override { return bytes_max_; }
    [[nodiscard]] std::uint64_t huge_page_bytes() const override { return page_bytes_; }
    [[nodiscard]] inventory::HugePool look() const {
        for (const auto& pool : inventory::read_huge_pools(view_)) {
            if (pool.page_bytes == page_bytes_) {
                return pool;
            }
        }
        return {};
    }

  private:
    inventory::SystemView view_;
    std::uint64_t page_bytes_;
    std::uint64_t bytes_max_;
};

class HugePoolKind final : public MemoryKind {
  public:
    explicit HugePoolKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "take every free page of the pool, overwrite it with part of a keyed stream, "
               "compare, give back zeros";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override { return Json::object(); }

  private:
    [[nodiscard]] inventory::HugePool pool() const;
    MemoryKindContext context_;
};

inventory::HugePool HugePoolKind::pool() const {
    for (const auto& pool : inventory::read_huge_pools(context_.view)) {
        if (fmt::format("{}kB", pool.page_bytes / 1024) == context_.name.place) {
            return pool;
        }
    }
    throw Error(ErrorCode::usage,
                context_.name.place + ": this kernel has no huge pages of that size",
                "ls /sys/kernel/mm/hugepages lists them");
}

MemorySurvey HugePoolKind::survey() {
    const auto pool = this->pool();
    const auto takeable = pool.free - std::min(pool.free, pool.reserved);
    MemorySurvey survey;
    survey.identity = ObjectWriter().add("pageBytes", pool.page_bytes).take();
    survey.size_bytes = takeable * pool.page_bytes;
    if (context_.view.live && ::geteuid() != 0) {
        survey.objections.push_back(
            {ReasonCode::not_supported, "only root may take and lock huge pages"});
    }
    if (takeable == 0) {
        survey.traces.push_back(
            {ReasonCode::nothing_to_erase, "the pool has no free page that is not reserved"});
    }
    survey.facts = ObjectWriter()
                       .add("contentFreed", false)
                       .add("swappable", false)
                       .add("persistent", false)
                       .add("sweep", sweep_json(pool.free * pool.page_bytes, survey.size_bytes, 0))
                       .take();
    survey.steps = {
        "take every free page of the pool that is not reserved by a process, and lock it",
        "overwrite them with a keyed AES-256-CTR stream and compare",
        "give them back to the pool as zeros"};
    survey.not_reached = {"pages of the pool that are in use or reserved"};
    return survey;
}

void HugePoolKind::erase(MemoryRun& run) {
    const auto before = pool();
    PoolPages pages(context_.view, before.page_bytes, before.pages * before.page_bytes);
    const auto free_bytes = pages.free_bytes();
    const auto tally = sweep(pages, run);
    run.learn_sweep(sweep_json(free_bytes, tally.held_bytes, tally.passes));
    if (tally.held_bytes < free_bytes) {
        run.except(
            {ReasonCode::free_not_taken,
             fmt::format(
                 "{} of {} bytes of free pages were taken and overwritten; {} pages were reserved",
                 tally.held_bytes, free_bytes, before.reserved)});
    }
    if (tally.ended && tally.held_bytes != 0 && tally.returned_bytes == tally.held_bytes) {
        run.complete();
    }
}

}  // namespace

std::unique_ptr<MemoryKind> make_hugepool_kind(const MemoryKindContext& context) {
    return std::make_unique<HugePoolKind>(context);
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
// A System V segment of shared memory, which outlives its users: overwritten where it has pages,
// compared, removed.
#include <fmt/format.h>

#include <algorithm>

#include "efface/base/secret.hpp"
#include "efface/device/aligned_buffer.hpp"
#include "efface/device/memory/ipc_objects.hpp"
#include "efface/inventory/free_memory.hpp"
#include "efface/stream/keyed_stream.hpp"

#include "memory/attributes.hpp"
#include "memory/devices/swapped.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kSegmentBufferBytes = std::size_t{1} << 20U;

std::uint64_t page_rounded(std::uint64_t bytes) {
    return (bytes + kMemoryPieceBytes - 1) / kMemoryPieceBytes * kMemoryPieceBytes;
}

/// What was read: of a failed comparison it may be what was to be erased.
struct CleansedBuffer {
    CleansedBuffer() = default;
    ~CleansedBuffer() { cleanse(buffer.view()); }
    CleansedBuffer(const CleansedBuffer&) = delete;
    CleansedBuffer& operator=(const CleansedBuffer&) = delete;
    device::AlignedBuffer buffer{kSegmentBufferBytes};
};

struct Range {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

/// Which pages are touched: those that are there. Reading a hole would make a page of it. Where the
/// kernel shows fewer pages than it counts (huge pages) all are.
std::vector<Range> ranges_of(const device::AttachedSegment& segment, bool every_page,
                             std::uint64_t resident_bytes) {
    std::vector<Range> ranges;
    const auto resident = segment.resident_pages();
    std::uint64_t shown = 0;
    for (std::size_t page = 0; page < resident.size(); ++page) {
        if (!resident[page]) {
            continue;
        }
        shown += kMemoryPieceBytes;
        const auto offset = static_cast<std::uint64_t>(page) * kMemoryPieceBytes;
        if (!ranges.empty() && ranges.back().offset + ranges.back().length == offset) {
            ranges.back().length += kMemoryPieceBytes;
        } else {
            ranges.push_back({offset, kMemoryPieceBytes});
        }
    }
    if (every_page || shown < resident_bytes) {
        return {{0, segment.size_bytes()}};
    }
    // One page is written in any case, so that something can be compared.
    return ranges.empty() ? std::vector<Range>{{0, kMemoryPieceBytes}} : ranges;
}

class SysvKind final : public MemoryKind {
  public:
    explicit SysvKind(const MemoryKindContext& context)
        : context_(context), id_(std::stoi(context.name.place)) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "overwrite the pages of the segment, compare, remove it";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override;
    bool is_away() override { return !device::segment_state(id_); }

  private:
    /// What of it is where, as far as the kernel says.
    struct Pages {
        bool swapped = false;  ///< or that is not known
        std::uint64_t resident_bytes = 0;
    };
    [[nodiscard]] Pages pages() const;
    /// Of a segment that is there no more.
    [[nodiscard]] MemorySurvey survey_of_gone() const;
    void conclude_gone(MemoryRun& run) const;
    [[nodiscard]] bool alone(MemoryRun& run) const;
    void overwrite(device::AttachedSegment& segment, const std::vector<Range>& ranges,
                   MemoryRun& run) const;
    void remove(MemoryRun& run) const;

    MemoryKindContext context_;
    int id_;
};

SysvKind::Pages SysvKind::pages() const {
    const auto found = inventory::read_segment_pages(id_, context_.view);
    return found ? Pages{found->swapped_bytes != 0, found->resident_bytes} : Pages{true, 0};
}

MemorySurvey SysvKind::survey() {
    const auto state = device::segment_state(id_);
    if (!state && began() != nullptr) {
        return survey_of_gone();
    }
    if (!state) {
        throw Error(ErrorCode::usage,
                    fmt::format("there is no System V segment {} in this IPC namespace", id_),
                    "ipcs -m lists them");
    }
    MemorySurvey survey;
    survey.identity = ObjectWriter()
                          .add("id", id_)
                          .add("key", state->key)
                          .add("changedAt", state->changed_at)
                          .add("creatorUid", state->creator_uid)
                          .add("creatorPid", state->creator_pid)
                          .add("sizeBytes", state->size_bytes)
                          .take();
    survey.size_bytes = page_rounded(state->size_bytes);
    if (state->attached != 0) {
        inventory::FileKey key;
        key.segment = static_cast<std::uint64_t>(id_);
        object_to_users(survey, inventory::processes_using(key, context_.view));
        survey.traces.push_back(
            {ReasonCode::opened, fmt::format("it is attached {} times; the last was process {}",
                                             state->attached, state->last_pid)});
    }
    const auto pages = this->pages();
    const auto memory = inventory::read_free_memory(context_.view);
    if (pages.swapped && survey.size_bytes > memory.available_bytes / 2) {
        survey.objections.push_back(
            {ReasonCode::too_little_memory,
             fmt::format("parts of it are in swap, and reading all {} could exhaust memory",
                         size_text(survey.size_bytes))});
    }
    survey.facts = ObjectWriter()
                       .add("contentFreed", false)
                       .add("swappable", true)  // SHM_LOCK says nothing of the time before it
                       .add("persistent", false)
                       .add("residentBytes", pages.resident_bytes)
                       .take();
    survey.steps = {"attach it, and check that no other process has it attached",
                    "overwrite the pages that it has with a keyed AES-256-CTR stream and compare",
                    "remove it"};
    return survey;
}

/// An earlier process of this job removes it as its last step; who did is not known.
MemorySurvey SysvKind::survey_of_gone() const {
    MemorySurvey survey;
    survey.identity = began()->identity;
    survey.facts = ObjectWriter()
                       .add("contentFreed", true)
                       .add("swappable", true)
                       .add("persistent", false)
                       .add("residentBytes", 0U)
                       .take();
    survey.steps = {"check that it is gone: it was removed before the interruption"};
    survey.not_reached = {"pages of the segment: whether they were overwritten was not observed"};
    return survey;
}

void SysvKind::conclude_gone(MemoryRun& run) const {
    run.touch();
    run.step("remove the segment", "done before",
             "it was removed before the interruption; that it was overwritten and compared was not "
             "recorded");
    run.verification.method = "device-state";
    run.verification.performed = true;
    run.control("attached-by-nobody-else", ControlResult::unknown,
                "it was gone when this process began");
    run.control("segment-gone", ControlResult::pass, "the segment no longer exists");
    run.complete();
}

bool SysvKind::alone(MemoryRun& run) const {
    const auto now = device::segment_state(id_);
    const bool alone = now && now->attached == 1;
    run.control("attached-by-nobody-else", alone ? ControlResult::pass : ControlResult::fail,
                now ? fmt::format("{} attachments including ours", now->attached) : "it is gone");
    return alone;
}

void SysvKind::overwrite(device::AttachedSegment& segment, const std::vector<Range>& ranges,
                         MemoryRun& run) const {
    device::AlignedBuffer expected(kSegmentBufferBytes);
    CleansedBuffer reader;
    auto& found = reader.buffer;
    stream::KeyedStream stream(run.key());
    const auto pieces = [&](const auto& each) {
        for (const auto& range : ranges) {
            for (std::uint64_t done = 0; done < range.length && !run.stopped();) {
                const auto length = static_cast<std::size_t>(
                    std::min<std::uint64_t>(range.length - done, kSegmentBufferBytes));
                stream.fill(range.offset + done, expected.first(length));
                each(range.offset + done, length);
                run.progress().advance(length);
                done += length;
            }
        }
    };
    std::uint64_t planned = 0;
    for (const auto& range : ranges) {
        planned += range.length;
    }
    run.begin_pass(planned);
    pieces([&](std::uint64_t offset, std::size_t length) {
        const auto result = segment.write_at(offset, expected.first(length));
        run.pass.bytes_written += result.bytes;
        if (!result.complete(length)) {
            run.pass.write_faults.add({}, offset + result.bytes, length - result.bytes,
                                      result.error);
        }
    });
    run.end_pass();
    run.verification.method = "full-read-back";
    run.verification.performed = true;
    run.verification.bytes_planned = planned;
    pieces([&](std::uint64_t offset, std::size_t length) {
        const auto result = segment.read_at(offset, found.first(length));
        run.verification.bytes_compared += result.bytes;
        if (!result.complete(length)) {
            run.verification.read_faults.add({}, offset + result.bytes, length - result.bytes,
                                             result.error);
        }
        for (std::size_t at = 0; at < result.bytes; at += kMemoryPieceBytes) {
            const auto count =
                static_cast<std::ptrdiff_t>(std::min(kMemoryPieceBytes, result.bytes - at));
            const auto wanted = expected.view().begin() + static_cast<std::ptrdiff_t>(at);
            const auto seen = found.view().begin() + static_cast<std::ptrdiff_t>(at);
            run.verification.mismatches += std::equal(wanted, wanted + count, seen) ? 0U : 1U;
        }
    });
    run.step("overwrite and compare", run.stopped() ? "stopped" : "done",
             fmt::format("{} of {} bytes have pages", planned, segment.size_bytes()));
}

void SysvKind::remove(MemoryRun& run) const {
    const int error = device::remove_segment(id_);
    run.step("remove the segment", error == 0 ? "done" : "failed",
             error == 0 ? "" : errno_text(error));
    const bool gone = error == 0 && !device::segment_state(id_);
    run.control("segment-gone", gone ? ControlResult::pass : ControlResult::fail,
                gone ? "the segment no longer exists" : "it is still there");
}

void SysvKind::erase(MemoryRun& run) {
    const auto before = device::segment_state(id_);
    if (!before && began() != nullptr) {
        conclude_gone(run);
        return;
    }
    const auto pages = this->pages();
    const SwapWatch swap(context_.view, true);
    {
        auto segment = device::AttachedSegment::attach(id_);
        const auto now = device::segment_state(id_);
        if (!now || now->attached != 1) {
            throw Error(
                ErrorCode::safety, ReasonCode::opened,
                fmt::format("segment {} was attached by another process in the meantime", id_));
        }
        overwrite(segment, ranges_of(segment, pages.swapped, pages.resident_bytes), run);
        const auto& seen = run.verification;
        if (!alone(run) || run.stopped() || run.pass.write_faults.count != 0 ||
            seen.read_faults.count != 0 || seen.mismatches != 0 ||
            seen.bytes_compared != seen.bytes_planned) {
            return;
        }
    }
    swap.report(run);
    remove(run);
    run.complete();
}

Json SysvKind::identity_after() {
    return ObjectWriter().add("id", id_).add("removed", !device::segment_state(id_)).take();
}

}  // namespace

std::unique_ptr<MemoryKind> make_sysv_kind(const MemoryKindContext& context) {
    return std::make_unique<SysvKind>(context);
}

}  // namespace efface::method

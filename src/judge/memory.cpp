// SPDX-License-Identifier: Apache-2.0
// What a record may claim of memory: no more than the bytes that were there, written and read back,
// and of content that was only freed, no more than what the kernel does with it.
#include <algorithm>
#include <array>

#include "target_claim.hpp"
#include "volume_claim.hpp"

namespace efface::judge {

namespace {

constexpr std::uint64_t kShareLost = 10;   // at most a tenth of what was free for a level
constexpr std::uint64_t kSamplePart = 16;  // of plain pages one in so many is read back
constexpr std::array<std::string_view, 4> kSince1_1{"sysv", "mqueue", "hugepages", "free"};
/// Overwritten from their first byte to their last, however often that was begun.
constexpr std::array<std::string_view, 4> kWholeDevices{"ram", "pmem", "devdax", "swap"};
/// Freed or reset, and never overwritten.
constexpr std::array<std::string_view, 2> kFreed{"zram", "mqueue"};
/// Their firmware's word is all there is.
constexpr std::array<std::string_view, 2> kModules{"dimm", "cxl"};

template <std::size_t N>
bool is_one_of(const std::string& kind, const std::array<std::string_view, N>& kinds) {
    return std::find(kinds.begin(), kinds.end(), kind) != kinds.end();
}

void check_named(const RecordView& predicate, const RecordView& place, std::string_view code) {
    if (!names_reason(predicate.at("result").at("exceptions"), code)) {
        place.fail("needs an exception with the code " + std::string(code));
    }
}

/// All bytes of the passes. Not one may be without something written.
std::uint64_t written_bytes(const RecordView& sanitization) {
    std::uint64_t bytes = 0;
    for (const RecordView& pass : sanitization.at("passes").items()) {
        bytes += bytes_of(pass.at("bytesWritten"));
    }
    if (bytes == 0) {
        sanitization.at("passes").fail("wrote nothing, so nothing is cleared");
    }
    return bytes;
}

void check_sweep(const RecordView& predicate, const Claim& claim, bool machine) {
    const RecordView sanitization = predicate.at("sanitization");
    const RecordView verification = predicate.at("verification");
    const RecordView sweep = sanitization.at("sweep");
    const std::uint64_t free = bytes_of(sweep.at("freeBytes"));
    const std::uint64_t taken = bytes_of(sweep.at("takenBytes"));
    const std::uint64_t written = written_bytes(sanitization);
    if (taken == 0 || taken > free || taken > written || sweep.at("passes").number() == 0) {
        sweep.fail("does not add up: what was taken was free, and was written");
    }
    const std::uint64_t compared = bytes_of(verification.at("bytesCompared"));
    if (machine ? compared < written / kSamplePart : compared < written) {
        verification.at("bytesCompared").fail("is too little of what was written");
    }
    if (machine) {
        check_named(predicate, sweep, "kernel-keeps");
    }
    if (taken < free) {
        check_named(predicate, sweep, "free-not-taken");
    }
    if (claim.level != "none" && taken < free - free / kShareLost) {
        sweep.fail("is less than nine tenths of what was free: no level");
    }
}

/// Success needs this control; that none failed is checked for every target.
void need_control(const RecordView& predicate, std::string_view name) {
    const RecordView sanitization = predicate.at("sanitization");
    if (const auto controls = sanitization.maybe("negativeControls")) {
        for (const RecordView& control : controls->items()) {
            if (control.at("name").text() == name && control.at("result").text() == "pass") {
                return;
            }
        }
    }
    sanitization.fail("\"negativeControls\" say nothing of " + std::string(name));
}

void check_segment(const RecordView& predicate) {
    const RecordView verification = predicate.at("verification");
    const std::uint64_t written = written_bytes(predicate.at("sanitization"));
    if (bytes_of(verification.at("bytesCompared")) < written) {
        verification.at("bytesCompared").fail("is less than was written");
    }
    const RecordView resident = predicate.at("target").at("facts").at("residentBytes");
    if (written < bytes_of(resident)) {
        resident.fail("is more than was written");
    }
    need_control(predicate, "attached-by-nobody-else");
    need_control(predicate, "segment-gone");
}

/// Whether the kernel clears what is freed.
bool is_cleared(const RecordView& predicate) {
    const auto facts = predicate.at("target").maybe("facts");
    const auto machine = facts ? facts->maybe("machine") : std::nullopt;
    const auto setting = machine ? machine->maybe("initOnFree") : std::nullopt;
    return setting && setting->at("state").text() == "on";
}

/// Its messages were only freed.
void check_queue(const RecordView& predicate, const Claim& claim) {
    need_control(predicate, "queue-empty");
    need_control(predicate, "queue-gone");
    if (is_cleared(predicate)) {
        return;
    }
    check_named(predicate, predicate.at("target"), "content-only-freed");
    if (claim.level != "none") {
        predicate.at("result").at("level").fail(
            "a queue's messages were freed, and nothing says that the kernel clears that");
    }
}

/// What was written is all that was read back, no more and no less. A file of holes, or what an
/// earlier process of the job left, may have nothing to write; a device always has its bytes.
void check_overwritten(const RecordView& predicate, const Claim& claim, const std::string& kind) {
    const RecordView verification = predicate.at("verification");
    const auto passes = predicate.at("sanitization").at("passes").items();
    if (passes.empty()) {
        predicate.at("sanitization").at("passes").fail("is empty, and the level rests on them");
    }
    const RecordView written = passes.back().at("bytesWritten");
    if (is_one_of(kind, kWholeDevices) &&
        (bytes_of(written) == 0 || bytes_of(written) < claim.size)) {
        written.fail("is not the whole target: no level");
    }
    if (kind == "free") {
        return;  // a part of it is read back: check_sweep()
    }
    if (verification.at("method").text() != "full-read-back" ||
        bytes_of(verification.at("bytesPlanned")) != bytes_of(written)) {
        verification.fail("is not of everything that was written: no level");
    }
}

void check_memory_level(const RecordView& predicate, const Claim& claim, const std::string& kind) {
    const RecordView level = predicate.at("result").at("level");
    if (is_one_of(kind, kModules)) {
        level.fail("rests on the module's firmware alone");
    }
    // A swap area on zram is reset as zram is.
    const auto facts = predicate.at("target").maybe("facts");
    const auto freed = facts ? facts->maybe("contentFreed") : std::nullopt;
    const bool reset = kind == "swap" && freed && freed->flag();
    if (!reset && !is_one_of(kind, kFreed)) {
        check_overwritten(predicate, claim, kind);
    } else if (!is_cleared(predicate)) {
        level.fail("rests on what was freed, and nothing says that the kernel clears that");
    }
}

}  // namespace

void check_sweep_place(const RecordView& predicate, const Claim& claim) {
    const std::string& kind = predicate.at("target").at("kind").text();
    const bool swept = claim.type == TargetType::memory && (kind == "free" || kind == "hugepages");
    const auto sweep = predicate.at("sanitization").maybe("sweep");
    if (sweep && !swept) {
        sweep->fail("belongs to free pages");
    }
}

void check_memory_rules(const RecordView& predicate, const Claim& claim) {
    if (claim.type != TargetType::memory) {
        return;
    }
    const std::string& kind = predicate.at("target").at("kind").text();
    if (claim.success && claim.level != "none") {
        check_memory_level(predicate, claim, kind);
    }
    if (!is_one_of(kind, kSince1_1)) {
        return;
    }
    if (claim.schema == Schema::v1_0) {
        predicate.at("target").at("kind").fail("is none of this version");
    }
    if (!claim.success) {
        return;
    }
    if (kind == "free" || kind == "hugepages") {
        check_sweep(predicate, claim, kind == "free");
        return;
    }
    if (kind == "sysv") {
        check_segment(predicate);
    } else {
        check_queue(predicate, claim);
    }
    const auto removed = predicate.at("target").at("identityAfter").maybe("removed");
    if (!removed || !removed->flag()) {
        predicate.at("target").at("identityAfter").fail("is not removed, but it was to be");
    }
}

}  // namespace efface::judge

// SPDX-License-Identifier: Apache-2.0
// What a record may claim of free pages that were taken, of a segment and of a queue: no more than
// the bytes that were there, written and read back.
#include <algorithm>
#include <array>

#include "target_claim.hpp"
#include "volume_claim.hpp"

namespace efface::evidence {

namespace {

constexpr std::uint64_t kShareLost = 10;   // at most a tenth of what was free for a level
constexpr std::uint64_t kSamplePart = 16;  // of plain pages one in so many is read back
constexpr std::array<std::string_view, 4> kKinds{"sysv", "mqueue", "hugepages", "free"};

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

void check_segment(const RecordView& predicate) {
    const RecordView verification = predicate.at("verification");
    const std::uint64_t written = written_bytes(predicate.at("sanitization"));
    if (bytes_of(verification.at("bytesCompared")) < written) {
        verification.at("bytesCompared").fail("is less than was written");
    }
}

/// Its messages were only freed.
void check_queue(const RecordView& predicate, const Claim& claim) {
    const auto facts = predicate.at("target").maybe("facts");
    const auto machine = facts ? facts->maybe("machine") : std::nullopt;
    const auto setting = machine ? machine->maybe("initOnFree") : std::nullopt;
    const bool cleared = setting && setting->is_object() && setting->at("state").text() == "on";
    if (cleared) {
        return;
    }
    check_named(predicate, predicate.at("target"), "content-only-freed");
    if (claim.level != "none") {
        predicate.at("result").at("level").fail(
            "a queue's messages were freed, and nothing says that the kernel clears that");
    }
}

}  // namespace

void check_memory_rules(const RecordView& predicate, const Claim& claim) {
    if (claim.type != TargetType::memory) {
        return;
    }
    const std::string& kind = predicate.at("target").at("kind").text();
    const bool swept = kind == "free" || kind == "hugepages";
    const auto sweep = predicate.at("sanitization").maybe("sweep");
    if (sweep && !swept) {
        sweep->fail("belongs to free pages");
    }
    if (std::find(kKinds.begin(), kKinds.end(), kind) == kKinds.end()) {
        return;
    }
    if (claim.schema == Schema::v1_0) {
        predicate.at("target").at("kind").fail("is none of this version");
    }
    if (!claim.success) {
        return;
    }
    if (swept) {
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

}  // namespace efface::evidence

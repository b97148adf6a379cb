// SPDX-License-Identifier: Apache-2.0
// What a record may claim of memory: no more than the bytes that were there, written and read back,
// and of content that was only freed, no more than what the kernel does with it.
#include "rules/conditions.hpp"
#include "target_claim.hpp"
#include "volume_claim.hpp"

namespace efface::judge {

namespace {

void check_named(const RecordView& predicate, const RecordView& place, std::string_view code) {
    if (!names_reason(predicate.at("result").at("exceptions"), code)) {
        place.fail("needs an exception with the code " + std::string(code));
    }
}

/// A word of the table that this judge does not know is held by nobody.
[[noreturn]] void claim_word(const std::string& need) {
    throw Error(ErrorCode::usage, "techniques: \"" + need + "\" is not a known need");
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

void check_sweep(const RecordView& predicate) {
    const RecordView sanitization = predicate.at("sanitization");
    const RecordView sweep = sanitization.at("sweep");
    const std::uint64_t free = bytes_of(sweep.at("freeBytes"));
    const std::uint64_t taken = bytes_of(sweep.at("takenBytes"));
    const std::uint64_t written = written_bytes(sanitization);
    if (taken == 0 || taken > free || taken > written || sweep.at("passes").number() == 0) {
        sweep.fail("does not add up: what was taken was free, and was written");
    }
    if (taken < free) {
        check_named(predicate, sweep, "free-not-taken");
    }
}

/// Whether the kernel clears what is freed.
bool is_cleared(const RecordView& predicate) {
    const auto facts = predicate.at("target").maybe("facts");
    const auto machine = facts ? facts->maybe("machine") : std::nullopt;
    const auto setting = machine ? machine->maybe("initOnFree") : std::nullopt;
    return setting && setting->at("state").text() == "on";
}

/// Something was written, and the part of it that the row names was read back.
void check_written(const RecordView& predicate, const Claim& claim) {
    const std::uint64_t written = written_bytes(predicate.at("sanitization"));
    const RecordView compared = predicate.at("verification").at("bytesCompared");
    const std::uint64_t one_in = claim.row->read_back_one_in;
    if (one_in != 0 && bytes_of(compared) < written / one_in) {
        compared.fail("is too little of what was written");
    }
}

/// One word of "needs".
void check_need(const RecordView& predicate, const Claim& claim, const std::string& need) {
    const RecordView target = predicate.at("target");
    if (need == "written") {
        check_written(predicate, claim);
    } else if (need == "resident-written") {
        const RecordView resident = target.at("facts").at("residentBytes");
        if (written_bytes(predicate.at("sanitization")) < bytes_of(resident)) {
            resident.fail("is more than was written");
        }
    } else if (need == "removed") {
        const auto removed = target.at("identityAfter").maybe("removed");
        if (!removed || !removed->flag()) {
            target.at("identityAfter").fail("is not set, although removal was planned");
        }
    } else if (need == "swept") {
        check_sweep(predicate);
    } else if (need == "freed-is-named") {
        if (claim.schema != Schema::v1_0 && !is_cleared(predicate)) {
            check_named(predicate, target, "content-only-freed");
        }
    } else {
        claim_word(need);
    }
}

/// One word of "levelNeeds" or "whenFreed". Of files and mounts there may be nothing to write: a
/// file of holes, or what an earlier process of the job left.
void check_level_need(const RecordView& predicate, const Claim& claim, const std::string& need) {
    const RecordView verification = predicate.at("verification");
    const RecordView sanitization = predicate.at("sanitization");
    const auto passes = sanitization.at("passes").items();
    const std::uint64_t written = passes.empty() ? 0 : bytes_of(passes.back().at("bytesWritten"));
    if (need == "pass") {
        if (passes.empty()) {
            sanitization.at("passes").fail("is empty, and the level depends on it");
        }
    } else if (need == "whole-target") {
        if (written == 0 || written < claim.size) {
            sanitization.at("passes").fail("are not of the whole target: no level");
        }
    } else if (need == "all-read-back") {
        if (verification.at("method").text() != "full-read-back" ||
            bytes_of(verification.at("bytesPlanned")) != written) {
            verification.fail("is not of everything that was written: no level");
        }
    } else if (need == "most-taken") {
        const RecordView sweep = sanitization.at("sweep");
        if (!is_enough(bytes_of(sweep.at("takenBytes")), bytes_of(sweep.at("freeBytes")),
                       claim.family->untaken_one_in)) {
            sweep.fail("is too little of what was free: no level");
        }
    } else if (need == "cleared-when-freed") {
        if (!is_cleared(predicate)) {
            predicate.at("result").at("level").fail(
                "depends on freed memory, and nothing shows that the kernel clears it");
        }
    } else {
        claim_word(need);
    }
}

}  // namespace

void check_sweep_place(const RecordView& predicate, const Claim& claim) {
    const bool swept = claim.row != nullptr && is_one_of(claim.row->needs, "swept");
    const auto sweep = predicate.at("sanitization").maybe("sweep");
    if (sweep && !swept) {
        sweep->fail("belongs to free pages");
    }
}

void check_memory_rules(const RecordView& predicate, const Claim& claim) {
    if (claim.type != TargetType::memory) {
        return;
    }
    if (!claim.success) {
        return;
    }
    for (const std::string& code : claim.row->named) {
        check_named(predicate, predicate.at("target"), code);
    }
    for (const std::string& need : claim.row->needs) {
        check_need(predicate, claim, need);
    }
    if (claim.level == "none") {
        return;
    }
    // A swap area on zram is reset as zram is.
    const auto facts = predicate.at("target").maybe("facts");
    const auto freed = facts ? facts->maybe("contentFreed") : std::nullopt;
    const bool reset = !claim.row->when_freed.empty() && freed && freed->flag();
    for (const std::string& need : reset ? claim.row->when_freed : claim.row->level_needs) {
        check_level_need(predicate, claim, need);
    }
}

}  // namespace efface::judge

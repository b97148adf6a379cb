// SPDX-License-Identifier: Apache-2.0
// That the target which was treated is the one that is named, and what of it was hidden.
#include <algorithm>

#include "target_claim.hpp"

namespace efface::judge {

namespace {

constexpr std::uint64_t kBytesMax = (std::uint64_t{1} << 53U) - 1;  // JSON numbers end there

/// "" when the identity does not state it.
std::string stated(const RecordView& identity, std::initializer_list<const char*> keys) {
    for (const char* key : keys) {
        if (const auto text = identity.maybe(key)) {
            return text->text();
        }
    }
    return {};
}

/// Only what was hidden and is not any more changes the size of a drive.
bool may_grow(const RecordView& predicate, const Claim& claim) {
    const auto areas = predicate.at("target").at("hiddenAreas").maybe("areas");
    if (!claim.drive || !areas) {
        return false;
    }
    const auto list = areas->items();
    return std::any_of(list.begin(), list.end(),
                       [](const RecordView& area) { return area.at("opened").flag(); });
}

void check_same_target(const RecordView& one, const RecordView& other) {
    const bool same =
        serial_of(one) == serial_of(other) && stated(one, {"wwid"}) == stated(other, {"wwid"});
    const std::string here = stated(one, {"place"});
    const std::string there = stated(other, {"place"});
    if (!same || (!here.empty() && !there.empty() && here != there)) {
        other.fail("is another target");
    }
}

/// Another file may have been given the name meanwhile.
void check_same_file(const Claim& claim, const RecordView& before, const RecordView& after) {
    if (claim.type != TargetType::file) {
        return;
    }
    for (const char* key : {"inode", "deviceNumber"}) {
        if (before.at(key).text() != after.at(key).text()) {
            after.at(key).fail("is that of another file");
        }
    }
}

/// Since 1.2.0: earlier attempts are found by it.
void check_named_file(const Claim& claim, const RecordView& named, const RecordView& before) {
    const auto inode = named.maybe("inode");
    if (claim.type == TargetType::file && inode &&
        (inode->text() != before.at("inode").text() ||
         named.at("deviceNumber").text() != before.at("deviceNumber").text())) {
        inode->fail("is not the one of the file that was erased");
    }
}

/// A loop device is known by the file below it, also where it is a swap area. Since 1.2.0.
void check_backing(const RecordView& named, const RecordView& seen) {
    const auto told = named.maybe("backing");
    const auto found = seen.maybe("backing");
    const auto& kind = named.at("kind").text();
    if (told && kind != "loop" && kind != "swap") {
        told->fail("applies to a loop device only");
    }
    if ((told ? told->json() : Json()) != (found ? found->json() : Json())) {
        (found ? *found : seen).fail("is another file below the loop device");
    }
}

/// The sizes before, as treated, and after.
void check_sizes(const RecordView& predicate, const Claim& claim) {
    const RecordView target = predicate.at("target");
    const bool grows = may_grow(predicate, claim);
    const std::uint64_t before = bytes_of(predicate.at("targetIdentity").at("sizeBytes"));
    const auto check = [&](const RecordView& size) {
        const std::uint64_t bytes = bytes_of(size);
        if (grows ? bytes < before : bytes != claim.size) {
            size.fail(grows ? "is smaller than before" : "is not the size of the target");
        }
    };
    check(predicate.at("targetIdentity").at("sizeBytes"));
    check(target.at("sizeBytes"));
    check(target.at("identity").at("sizeBytes"));
    if (claim.success) {
        check(target.at("identityAfter").at("sizeBytes"));
    }
}

void check_kind(const RecordView& predicate, const Claim& claim) {
    const RecordView named = predicate.at("targetIdentity");
    const RecordView kind = predicate.at("target").at("kind");
    const std::string& told = named.at("kind").text();
    const bool ram_disk = claim.type == TargetType::memory && told == "brd" && kind.text() == "ram";
    if (told != kind.text() && !ram_disk) {
        named.at("kind").fail("is not the kind of the target");
    }
}

}  // namespace

std::uint64_t bytes_of(const RecordView& value) {
    const std::uint64_t bytes = value.number();
    if (bytes > kBytesMax) {
        value.fail("is larger than any medium");
    }
    return bytes;
}

std::string serial_of(const RecordView& identity) {
    return stated(identity, {"serial", "serialNumber"});
}

void check_identities(const RecordView& predicate, const Claim& claim) {
    const RecordView named = predicate.at("targetIdentity");
    const RecordView target = predicate.at("target");
    check_kind(predicate, claim);
    check_same_target(named, target.at("identity"));
    check_named_file(claim, named, target.at("identity"));
    check_backing(named, target.at("identity"));
    const auto after = target.maybe("identityAfter");
    if (claim.success && !after) {
        target.fail("was not checked afterwards, so it cannot be " + claim.status);
    }
    if (claim.success) {
        check_same_target(named, *after);
        check_same_file(claim, target.at("identity"), *after);
        check_backing(named, *after);
    }
    if (claim.type != TargetType::memory) {
        check_sizes(predicate, claim);
    }
}

void check_hidden_areas(const RecordView& predicate, const Claim& claim) {
    const RecordView hidden = predicate.at("target").at("hiddenAreas");
    const auto areas = hidden.maybe("areas");
    if (!areas) {
        return;
    }
    const auto list = areas->items();
    if (!list.empty() && !hidden.at("examined").flag()) {
        areas->fail("lists what was not examined");
    }
    for (const RecordView& area : list) {
        (void)bytes_of(area.at("bytes"));
        if (claim.whole && !area.at("covered").flag() && !area.at("opened").flag()) {
            area.fail("was not reached: it needs exceptions, the target cannot be " + claim.status);
        }
    }
}

}  // namespace efface::judge

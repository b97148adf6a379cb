// SPDX-License-Identifier: Apache-2.0
// What a drive that erased itself was told to leave, and full verification of it.
#include <set>

#include "efface/base/digest.hpp"

#include "rules/status_page.hpp"
#include "target_claim.hpp"

namespace efface::judge {

namespace {

constexpr std::size_t kPatternBytes = 4;

/// As method::overwrite_pattern draws it, written again: the record's rules do not take the
/// eraser's word, as elsewhere here.
std::string pattern_of(const RecordView& seed) {
    Sha256 digest;
    digest.update(from_hex(seed.text()).value_or(Bytes{}));
    digest.update(as_bytes("overwrite pattern"));
    const auto drawn = digest.finish();
    const std::uint8_t first = drawn[0];
    const std::uint8_t second = drawn[1] != first ? drawn[1] : static_cast<std::uint8_t>(~first);
    const std::array<std::uint8_t, kPatternBytes> pattern{first, second, second, first};
    return to_hex(pattern);
}

}  // namespace

void check_promised_content(const RecordView& verification) {
    const auto check = [&](const RecordView& content) {
        const std::string& text = content.text();
        if (text != "nothing" && text != "zeros" && text != pattern_of(verification.at("seed"))) {
            content.fail("is not the pattern that belongs to the seed");
        }
    };
    const RecordView expected = verification.at("expected").at("content");
    check(expected);
    if (const auto whole = verification.maybe("whole")) {
        const RecordView content = whole->at("content");
        check(content);
        if (content.text() == "nothing" ||
            (expected.text() != "nothing" && content.text() != expected.text())) {
            content.fail("is not what was expected");
        }
    }
}

void check_deallocated(const RecordView& sanitization, const RecordView& verification) {
    const RecordView expected = verification.at("expected");
    const auto listed = expected.maybe("deallocated");
    const auto whole = verification.maybe("whole");
    const auto in_whole = whole ? whole->maybe("deallocatedBlocks") : std::nullopt;
    if (!listed && !in_whole) {
        return;
    }
    const RecordView content = (listed ? expected : *whole).at("content");
    if (content.text() == "nothing" || content.text() == "zeros") {
        content.fail("is no pattern that deallocated blocks could stand for");
    }
    if (!reports_deallocation(sanitization.at("statusAfter"))) {
        (listed ? *listed : *in_whole).fail("is not what the drive reports (SOS 4)");
    }
    std::set<std::string> names;
    for (const RecordView& surface : verification.at("canaries").at("surfaces").items()) {
        names.insert(surface.at("name").text());
    }
    std::uint64_t blocks = 0;
    for (const RecordView& one : listed ? listed->items() : std::vector<RecordView>()) {
        if (names.erase(one.at("surface").text()) == 0) {
            one.at("surface").fail("is listed twice, or was not checked");
        }
        blocks += bytes_of(one.at("blocks"));
    }
    if (listed && (blocks == 0 || blocks > bytes_of(expected.at("checked")))) {
        listed->fail("does not add up");
    }
}

void check_whole_medium(const RecordView& verification, const Claim& claim) {
    const auto whole = verification.maybe("whole");
    if (whole.has_value() != (verification.at("method").text() == "full-read-back")) {
        verification.at("method").fail("does not match what was done: was everything read?");
    }
    if (!whole) {
        return;
    }
    const std::uint64_t planned = bytes_of(whole->at("bytesPlanned"));
    const std::uint64_t unreadable = bytes_of(whole->at("unreadableBytes"));
    const std::uint64_t unexpected = bytes_of(whole->at("unexpectedBytes"));
    if (bytes_of(whole->at("bytesCompared")) + unreadable > planned || unexpected > unreadable ||
        whole->at("different").items().size() > whole->at("mismatches").number()) {
        whole->fail("does not add up");
    }
    if (verification.at("result").text() != "pass") {
        return;
    }
    std::uint64_t addressed = 0;
    for (const RecordView& surface : verification.at("canaries").at("surfaces").items()) {
        addressed += bytes_of(surface.at("sizeBytes"));
    }
    if (planned != addressed || bytes_of(whole->at("bytesCompared")) + unreadable != planned) {
        whole->at("bytesCompared").fail("is not everything that the host addresses");
    }
    if (planned != 0 && whole->at("bytesCompared").number() == 0) {
        whole->at("bytesCompared").fail("is 0: what was not read cannot pass");
    }
    if (!is_enough(planned - unexpected, planned, claim.family->whole_unexplained_one_in)) {
        whole->at("unexpectedBytes").fail("are too many: what became of them is unknown");
    }
}

}  // namespace efface::judge

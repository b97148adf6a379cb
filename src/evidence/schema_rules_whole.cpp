// SPDX-License-Identifier: Apache-2.0
// Full verification of a drive that erased itself.
#include "target_claim.hpp"

namespace efface::evidence {

void check_whole_medium(const RecordView& verification) {
    const auto whole = verification.maybe("whole");
    if (whole.has_value() != (verification.at("method").text() == "full-read-back")) {
        verification.at("method").fail("is not what was done: was everything read?");
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
        whole->at("bytesCompared").fail("is not all that the host addresses");
    }
    if (whole->at("mismatches").number() != 0) {
        whole->at("mismatches").fail("is not what was promised: it did not pass");
    }
    if (unexpected > planned / kUnexpectedShare) {
        whole->at("unexpectedBytes").fail("are too many to know what became of them");
    }
}

}  // namespace efface::evidence

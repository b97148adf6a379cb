// SPDX-License-Identifier: Apache-2.0
#include "block_words.hpp"

namespace efface::job {

method::ReadBack read_back_of(mandate::Verification verification) {
    switch (verification) {
        case mandate::Verification::full:
            return method::ReadBack::full;
        case mandate::Verification::representative:
            return method::ReadBack::representative;
        case mandate::Verification::none:
            return method::ReadBack::none;
    }
    return method::ReadBack::full;
}

std::string step_of(const policy::PassRule& pass, const Bytes& operator_bytes) {
    switch (pass.kind) {
        case policy::PassRule::Kind::random:
            return "an AES-256-CTR key stream with a fresh key";
        case policy::PassRule::Kind::bytes:
            return "bytes 0x" + to_hex(pass.bytes);
        case policy::PassRule::Kind::operator_bytes:
            return "bytes 0x" + to_hex(operator_bytes);
    }
    return {};
}

std::string step_of(mandate::Verification verification) {
    switch (verification) {
        case mandate::Verification::full:
            return "drop the host's cache, read everything back and compare";
        case mandate::Verification::representative:
            return "drop the host's cache, read a tenth back in a thousand subsections and compare";
        case mandate::Verification::none:
            return "do not verify: the target will not be called sanitized";
    }
    return {};
}

std::vector<std::string> not_reached(inventory::Kind kind) {
    switch (kind) {
        case inventory::Kind::file:
            return {"its name, journal entries, and earlier places of the content"};
        case inventory::Kind::disk:
            return {"areas that the device hides from the host (HPA, DCO, AMA): not examined",
                    "sectors that the device has retired or keeps as spares"};
        case inventory::Kind::ram:
            return {"pages that were freed earlier; copies in swap and crash images"};
        case inventory::Kind::partition:
        case inventory::Kind::loop:
        case inventory::Kind::device_mapper:
        case inventory::Kind::md:
        case inventory::Kind::zram:
        case inventory::Kind::other:
            return {"storage below outside this device"};
    }
    return {};
}

}  // namespace efface::job

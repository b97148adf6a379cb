// SPDX-License-Identifier: Apache-2.0
#include "efface/mandate/identity.hpp"

namespace efface::mandate {

namespace {

/// Of what both an order's target and a volume have.
template <typename Said>
std::vector<Difference> serial_and_size(const Said& said, const Found& found) {
    std::vector<Difference> differences;
    if (said.serial && *said.serial != found.serial) {
        differences.push_back({"serial", found.serial, *said.serial});
    }
    if (said.size_bytes && found.size_bytes && *said.size_bytes != *found.size_bytes) {
        differences.push_back(
            {"size_bytes", std::to_string(*found.size_bytes), std::to_string(*said.size_bytes)});
    }
    return differences;
}

}  // namespace

std::vector<Difference> differences(const OrderTarget& said, const Found& found) {
    auto differences = serial_and_size(said, found);
    if (said.wwid && *said.wwid != found.wwid) {
        differences.push_back({"wwid", found.wwid, *said.wwid});
    }
    return differences;
}

std::vector<Difference> differences(const Volume& said, const Found& found) {
    return serial_and_size(said, found);
}

}  // namespace efface::mandate

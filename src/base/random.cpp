// SPDX-License-Identifier: Apache-2.0
#include "efface/base/random.hpp"

#include <sys/random.h>

#include <array>
#include <cerrno>

#include "efface/base/error.hpp"

namespace efface {

void SystemRandom::fill(MutableByteView bytes) {
    while (!bytes.empty()) {
        const ssize_t got = ::getrandom(bytes.data(), bytes.size(), 0);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            throw_errno(ErrorCode::internal, "getrandom", errno);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(got));
    }
}

std::string make_uuid_v7(const Clock& clock, Random& random) {
    std::array<std::uint8_t, 16> bytes{};
    random.fill(bytes);
    const auto milliseconds = static_cast<std::uint64_t>(clock.now().time_since_epoch().count())
                              << 16U;
    for (std::size_t i = 0; i < 6; ++i) {
        bytes.at(i) = static_cast<std::uint8_t>(milliseconds >> (56U - 8U * i));
    }
    bytes[6] = static_cast<std::uint8_t>((bytes[6] & 0x0fU) | 0x70U);
    bytes[8] = static_cast<std::uint8_t>((bytes[8] & 0x3fU) | 0x80U);
    std::string text = to_hex(bytes);
    for (const std::size_t dash : {20U, 16U, 12U, 8U}) {
        text.insert(dash, 1, '-');
    }
    return text;
}

}  // namespace efface

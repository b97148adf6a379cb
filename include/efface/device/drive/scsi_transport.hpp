// SPDX-License-Identifier: Apache-2.0
// The boundary to a SCSI logical unit.
#pragma once

#include <chrono>
#include <cstdint>

#include "efface/base/bytes.hpp"

namespace efface::device {

constexpr std::chrono::milliseconds kScsiTimeoutDefault{10'000};

/// At most one of the two buffers; both are borrowed until submit() returns.
struct ScsiCommand {
    Bytes cdb;                  ///< 6, 10, 12 or 16 bytes
    MutableByteView read_into;  ///< data-in
    ByteView write_from;        ///< data-out
    std::chrono::milliseconds timeout = kScsiTimeoutDefault;
};

/// SAM-5 status codes that the program tells apart.
enum class ScsiStatus : std::uint8_t {
    good = 0x00,
    check_condition = 0x02,
    busy = 0x08,
    reservation_conflict = 0x18,
    task_set_full = 0x28,
};

/// What came back. Not an exception: a refusal is an answer.
struct [[nodiscard]] ScsiCompletion {
    int error = 0;                  ///< errno of the request itself: nothing is known
    std::uint16_t host_status = 0;  ///< of the adapter (DID_*); not 0: nothing is known
    std::uint8_t status = 0;        ///< as the device gave it
    Bytes sense;                    ///< as the device gave it, empty when there is none
    std::size_t transferred = 0;    ///< bytes of data, either way

    [[nodiscard]] bool answered() const noexcept { return error == 0 && host_status == 0; }
    [[nodiscard]] bool good() const noexcept {
        return answered() && status == static_cast<std::uint8_t>(ScsiStatus::good);
    }
};

class ScsiTransport {
  public:
    virtual ~ScsiTransport() = default;
    virtual ScsiCompletion submit(const ScsiCommand& command) = 0;
};

}  // namespace efface::device

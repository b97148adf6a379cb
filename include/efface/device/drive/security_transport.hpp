// SPDX-License-Identifier: Apache-2.0
// The boundary that TCG storage speaks over: SECURITY PROTOCOL IN and OUT of SCSI (SPC-5), TRUSTED
// RECEIVE and SEND of ATA, Security Receive and Send of NVMe.
#pragma once

#include <cstdint>
#include <string>

#include "efface/base/bytes.hpp"

namespace efface::device {

struct [[nodiscard]] SecurityAnswer {
    int error = 0;          ///< errno: nothing is known of what the device did
    bool accepted = false;  ///< the command, not what it carried
    std::string refusal;    ///< the status of the command below, for a person; empty when accepted
};

class SecurityTransport {
  public:
    virtual ~SecurityTransport() = default;
    /// Fills `into` (whole 512-byte blocks; what the device does not send is zero).
    virtual SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) = 0;
    /// Sends whole 512-byte blocks.
    virtual SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific, ByteView from) = 0;
};

}  // namespace efface::device

// SPDX-License-Identifier: Apache-2.0
// The boundary to an NVMe controller.
#pragma once

#include <chrono>
#include <cstdint>

#include "efface/base/bytes.hpp"

namespace efface::device {

constexpr std::chrono::milliseconds kNvmeTimeoutDefault{10'000};

/// What a host decides of a submission queue entry (NVMe Base 2.3, section 4.1.1); the rest is the
/// kernel's. At most one of the two buffers; both are borrowed until submit() returns.
struct NvmeCommand {
    enum class Queue { admin, io } queue = Queue::admin;
    std::uint8_t opcode = 0;
    std::uint32_t nsid = 0;
    std::uint32_t cdw10 = 0;
    std::uint32_t cdw11 = 0;
    std::uint32_t cdw12 = 0;
    std::uint32_t cdw13 = 0;
    std::uint32_t cdw14 = 0;
    std::uint32_t cdw15 = 0;
    MutableByteView read_into;  ///< controller to host
    ByteView write_from;        ///< host to controller
    std::chrono::milliseconds timeout = kNvmeTimeoutDefault;
};

/// What came back. Not an exception: a refusal is an answer.
struct [[nodiscard]] NvmeCompletion {
    int error = 0;             ///< errno: nothing is known of what the controller did
    std::uint16_t status = 0;  ///< SC 7:0, SCT 10:8, CRD 12:11, M 13, DNR 14 (no phase tag)
    std::uint32_t dword0 = 0;

    [[nodiscard]] bool succeeded() const noexcept { return error == 0 && (status & 0x7ffU) == 0; }
};

class NvmeTransport {
  public:
    virtual ~NvmeTransport() = default;
    virtual NvmeCompletion submit(const NvmeCommand& command) = 0;
};

}  // namespace efface::device

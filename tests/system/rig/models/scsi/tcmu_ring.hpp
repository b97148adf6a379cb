// SPDX-License-Identifier: Apache-2.0
// The ring through which the kernel's target_core_user hands SCSI commands to a process
// (linux/target_core_user.h).
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "efface/base/file.hpp"
#include "efface/device/drive/scsi_transport.hpp"

namespace efface::rig {

class TcmuRing final {
  public:
    /// `name`: "uio0". Throws Error(internal) when it can't be opened or mapped.
    explicit TcmuRing(const std::string& name);
    ~TcmuRing();
    TcmuRing(const TcmuRing&) = delete;
    TcmuRing& operator=(const TcmuRing&) = delete;

    /// Readable when there are commands.
    [[nodiscard]] int descriptor() const noexcept { return fd_.get(); }
    /// Takes the notice that made the descriptor readable.
    void take_notice();
    /// Hands over what is in the ring. Stops at a command that is not answered (error or host
    /// status): it stays in the ring, and is handed over again by the next call.
    void serve(device::ScsiTransport& drive);

  private:
    [[nodiscard]] bool serve_one(std::size_t at, device::ScsiTransport& drive);
    [[nodiscard]] MutableByteView at(std::size_t offset, std::size_t length) const;
    template <typename T>
    [[nodiscard]] T load(std::size_t offset) const;
    template <typename T>
    void store(std::size_t offset, T value);

    UniqueFd fd_;
    std::uint8_t* map_ = nullptr;
    std::size_t bytes_ = 0;
};

}  // namespace efface::rig

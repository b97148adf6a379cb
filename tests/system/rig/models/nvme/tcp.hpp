// SPDX-License-Identifier: Apache-2.0
// NVMe/TCP (transport specification 1.1) in front of the model of a subsystem, so that the kernel's
// own NVMe host meets it. Loopback only; no digests, no authentication, no discovery.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "efface/base/file.hpp"

#include "fake/nvme/drive.hpp"

namespace efface::rig {

constexpr std::size_t kControllersMax = 8;
constexpr std::size_t kQueuesMax = 8;         ///< I/O queues of a controller
constexpr std::size_t kConnectionsMax = 256;  ///< in the life of the target

/// What the target keeps for one controller while a host is connected to it.
struct Association {
    bool taken = false;
    std::uint32_t configuration = 0;  ///< CC
    std::uint32_t status = 0;         ///< CSTS
    std::vector<int> sockets;         ///< borrowed from their threads
};

class NvmeTarget final {
  public:
    /// `drive` outlives the target. Listens on 127.0.0.1; port 0 takes a free one. Throws
    /// Error(internal) when it can't.
    NvmeTarget(fake::NvmeDrive& drive, std::uint16_t port);
    ~NvmeTarget();
    NvmeTarget(const NvmeTarget&) = delete;
    NvmeTarget& operator=(const NvmeTarget&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
    /// Calls with the drive while no command runs.
    void with_drive(const std::function<void(fake::NvmeDrive&)>& action);
    /// Cuts every connection, as a loss of power does.
    void disconnect_all();

  private:
    friend class NvmeQueue;
    void accept_loop();
    void serve(UniqueFd socket);

    fake::NvmeDrive& drive_;
    std::mutex lock_;  ///< the drive, associations and sockets
    std::array<Association, kControllersMax> associations_;
    std::vector<int> open_sockets_;
    UniqueFd listener_;
    std::uint16_t port_ = 0;
    bool ending_ = false;
    std::list<std::jthread> threads_;
    std::jthread acceptor_;
};

}  // namespace efface::rig

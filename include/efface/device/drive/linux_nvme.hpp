// SPDX-License-Identifier: Apache-2.0
// NVMe commands through the kernel's pass-through (linux/nvme_ioctl.h).
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "efface/base/file.hpp"
#include "efface/device/drive/nvme_transport.hpp"

namespace efface::device {

/// A namespace's own node (/dev/nvme0n1, /dev/ng0n1), for I/O commands.
struct NvmeNamespaceNode {
    std::uint32_t nsid = 0;
    std::filesystem::path path;
};

class LinuxNvme final : public NvmeTransport {
  public:
    /// `controller`: /dev/nvmeN, never a namespace, whose queues the kernel may have shut. I/O
    /// commands go to the node of their namespace; without one to the controller, where the kernel
    /// takes them only while it has exactly one namespace.
    /// Throws Error: `usage` when a node is missing or is no such NVMe node, or a namespace node
    /// has another id; `not_sanitized` when the controller is not ready to be opened.
    [[nodiscard]] static std::unique_ptr<LinuxNvme> open(
        const std::filesystem::path& controller, const std::vector<NvmeNamespaceNode>& nodes = {});

    /// At most one buffer, of at most 4 GiB - 1, a timeout of at least a millisecond (asserted).
    /// A status that the host itself made up (path lost, command given up) is error EIO: the
    /// controller may still be carrying the command out.
    NvmeCompletion submit(const NvmeCommand& command) override;

  private:
    explicit LinuxNvme(UniqueFd controller) : controller_(std::move(controller)) {}
    UniqueFd controller_;
    std::map<std::uint32_t, UniqueFd> namespaces_;
};

/// The namespace id of a namespace's node (NVME_IOCTL_ID); nullopt when it is none.
[[nodiscard]] std::optional<std::uint32_t> nvme_namespace_id(const std::filesystem::path& node);

}  // namespace efface::device

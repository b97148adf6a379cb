// SPDX-License-Identifier: Apache-2.0
// SCSI commands through a node of this machine: SG_IO, version 3 of the interface (linux:
// scsi/sg.h).
#pragma once

#include <filesystem>
#include <string>

#include "efface/base/file.hpp"
#include "efface/device/drive/scsi_transport.hpp"

namespace efface::device {

/// A whole SCSI disk's block node, or its /dev/sgN. Opened for reading, so that closing it makes
/// udev look at nothing; CAP_SYS_RAWIO decides which commands the kernel lets through. Opening or
/// using a disk's block node waits while the kernel recovers the disk from an error: where that
/// matters, take /dev/sgN.
class LinuxScsi final : public ScsiTransport {
  public:
    /// Throws Error(usage) when the node is missing, is neither a block nor a character device, or
    /// takes no SG_IO.
    [[nodiscard]] static LinuxScsi open(const std::filesystem::path& path);
    /// The same for a descriptor that is open already; `name` is for messages.
    [[nodiscard]] static LinuxScsi adopt(UniqueFd fd, const std::string& name);

    /// CDB of 6 to 16 bytes, at most one buffer, a timeout of at least a millisecond (asserted).
    /// A timeout is host status DID_TIME_OUT (3): the drive may still be carrying the command out.
    ScsiCompletion submit(const ScsiCommand& command) override;
    /// Resets this logical unit and no more than that (SG_SCSI_RESET). False: its driver or the
    /// host adapter does not.
    [[nodiscard]] bool reset();

  private:
    explicit LinuxScsi(UniqueFd fd) noexcept : fd_(std::move(fd)) {}
    UniqueFd fd_;
};

}  // namespace efface::device

// SPDX-License-Identifier: Apache-2.0
// The TCG functions of a drive model: options by name, and what a test asks them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fake/tcg/drive.hpp"
#include "model_options.hpp"

namespace efface::rig {

/// A drive knows these functions before they know its medium: begin() brings the two together.
class TcgModel final : public device::SecurityTransport {
  public:
    /// "tcg": the subsystem class (opal2, opalite, ruby, pyrite2, enterprise), without which there
    /// are no such functions; all others are those of fake::TcgDriveOptions with "tcg_" before the
    /// name. They may be set at any time.
    [[nodiscard]] std::vector<ModelOption> options();
    [[nodiscard]] bool present() const noexcept { return present_; }
    /// Both outlive it.
    void begin(fake::DriveMedia& media, const Clock& clock);
    void power_cycle();
    /// A range is locked: the medium is neither read nor written.
    [[nodiscard]] bool locked() const noexcept;
    /// "tcg" and a method's UID in hexadecimal: how often it came; "wrong": wrong passwords;
    /// "tries": all; "resets": of the stack.
    [[nodiscard]] std::size_t count(const std::string& what) const;

    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override;
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override;

  private:
    bool present_ = false;
    fake::TcgDriveOptions options_;
    std::unique_ptr<fake::TcgDrive> drive_;
};

}  // namespace efface::rig

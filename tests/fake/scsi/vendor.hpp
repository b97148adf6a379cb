// SPDX-License-Identifier: Apache-2.0
// What the vendor of a SCSI disk may leave out or do in a way of its own, around a disk that does
// everything: commands and pages that are not there, forms that are refused. All of it is honest.
#pragma once

#include <cstdint>
#include <vector>

#include "efface/device/drive/scsi_transport.hpp"

namespace efface::fake {

struct ScsiVendorOptions {
    /// REPORT SUPPORTED OPERATION CODES.
    enum class Opcodes {
        all,
        none,        ///< 5/20/00
        list_only,   ///< no question about one command
        no_actions,  ///< no question about a service action, and no list
    } opcodes = Opcodes::all;
    std::vector<std::uint8_t> missing_pages;  ///< VPD: not listed, refused
    bool no_modes = false;                    ///< MODE SENSE is refused
    bool no_luns = false;                     ///< so is REPORT LUNS
    bool ten_byte_only = false;               ///< no command of sixteen bytes
    bool write_same_ten_only = false;
    std::uint32_t write_same_most = 0;  ///< not 0: more blocks are refused, and no page says so
    bool sanitize_waits = false;        ///< IMMED is refused
    bool format_waits = false;          ///< likewise
    bool format_without_list = false;   ///< FMTDATA is refused
    std::uint16_t pattern_bytes = 0;    ///< not 0: the only length of a pattern that is taken
    bool no_progress = false;           ///< it does not tell how far it is
    std::uint16_t idle_code = 0;        ///< of NO SENSE: a warning, a low power condition
    bool descriptor_sense = false;      ///< of what is refused here
};

/// The disk outlives it.
class ScsiVendor final : public device::ScsiTransport {
  public:
    ScsiVendor(device::ScsiTransport& disk, ScsiVendorOptions options)
        : options_(std::move(options)), disk_(disk) {}

    device::ScsiCompletion submit(const device::ScsiCommand& command) override;

  private:
    enum class Refusal { none, opcode, field, list };
    [[nodiscard]] Refusal refusal(const device::ScsiCommand& command) const;
    [[nodiscard]] Refusal refusal_of_question(const Bytes& cdb) const;
    [[nodiscard]] Refusal refusal_of_erase(const device::ScsiCommand& command) const;
    [[nodiscard]] device::ScsiCompletion refused(Refusal how) const;
    [[nodiscard]] bool misses(std::uint8_t page) const;
    void rewrite(const device::ScsiCommand& command, device::ScsiCompletion& completion) const;

    ScsiVendorOptions options_;
    device::ScsiTransport& disk_;
};

}  // namespace efface::fake

// SPDX-License-Identifier: Apache-2.0
// Commands, encoded. Buffers are borrowed by the result; timeouts are the caller's where a command
// may take long.
#pragma once

#include <cstdint>

#include "efface/device/drive/nvme_transport.hpp"
#include "efface/nvme/identify.hpp"

namespace efface::nvme {

enum class AdminOpcode : std::uint8_t {
    get_log_page = 0x02,
    identify = 0x06,
    set_features = 0x09,
    get_features = 0x0a,
    namespace_attachment = 0x15,
    format_nvm = 0x80,
    security_send = 0x81,
    security_receive = 0x82,
    sanitize = 0x84,
    sanitize_namespace = 0x8c,
};
enum class IoOpcode : std::uint8_t {
    flush = 0x00,
    write = 0x01,
    read = 0x02,
    write_zeroes = 0x08,
    dataset_management = 0x09,
};

/// Section 5.2.13. `into` holds kIdentifyBytes.
[[nodiscard]] device::NvmeCommand identify(Cns cns, std::uint32_t nsid, MutableByteView into);

enum class LogPage : std::uint8_t {
    supported_pages = 0x00,
    smart = 0x02,
    command_effects = 0x05,
    self_tests = 0x06,
    persistent_events = 0x0d,
    sanitize_status = 0x81,
};
/// Section 5.2.12. `into` is filled from `offset`; both are multiples of 4. `specific` is LSP.
[[nodiscard]] device::NvmeCommand get_log_page(LogPage page, std::uint32_t nsid,
                                               MutableByteView into, std::uint64_t offset = 0,
                                               std::uint8_t specific = 0);

/// Section 5.2.23.
enum class SanitizeAction : std::uint8_t {
    none = 0,
    exit_failure_mode = 1,
    block_erase = 2,
    overwrite = 3,
    crypto_erase = 4,
    exit_media_verification = 5,
};
struct Sanitize {
    SanitizeAction action = SanitizeAction::none;
    bool allow_unrestricted_exit = false;   ///< AUSE
    std::uint8_t overwrite_passes = 0;      ///< OWPASS, 1 to 15 for overwrite; 0 would mean 16
    bool no_deallocate = false;             ///< NDAS
    bool enter_media_verification = false;  ///< EMVS; not with overwrite, not with NDAS (asserted)
    std::uint32_t pattern = 0;              ///< OVRPAT
};
[[nodiscard]] std::uint32_t sanitize_cdw10(const Sanitize& sanitize);
[[nodiscard]] device::NvmeCommand encode(const Sanitize& sanitize);
/// What CDW10 asks for, also one of someone else (log page 81h).
[[nodiscard]] Sanitize decode_sanitize(std::uint32_t cdw10, std::uint32_t cdw11 = 0);
/// CDW10 of a Sanitize Namespace (section 5.2.24), which has no pattern, passes or NDAS.
[[nodiscard]] Sanitize decode_sanitize_namespace(std::uint32_t cdw10);

/// Section 5.2.10.
enum class SecureErase : std::uint8_t { none = 0, user_data = 1, cryptographic = 2 };
/// CDW10 that keeps the format, metadata and protection that the namespace has.
[[nodiscard]] std::uint32_t format_cdw10(const NamespaceIdentity& present, SecureErase erase);
[[nodiscard]] device::NvmeCommand format_nvm(std::uint32_t nsid, std::uint32_t cdw10,
                                             std::chrono::milliseconds timeout);

/// Sections 5.2.25 and 5.2.26; `specific` is SPSP. The whole buffer is the allocation length.
[[nodiscard]] device::NvmeCommand security_receive(std::uint8_t protocol, std::uint16_t specific,
                                                   MutableByteView into);
[[nodiscard]] device::NvmeCommand security_send(std::uint8_t protocol, std::uint16_t specific,
                                                ByteView from);

/// NVM Command Set 1.2, section 3.3.4, without checks of protection information. `into` is
/// 1 to 65536 whole blocks.
[[nodiscard]] device::NvmeCommand read(std::uint32_t nsid, std::uint64_t first_block,
                                       std::uint32_t block_bytes, MutableByteView into);

/// The same of a write (section 3.3.6).
[[nodiscard]] device::NvmeCommand write(std::uint32_t nsid, std::uint64_t first_block,
                                        std::uint32_t block_bytes, ByteView from);
/// NVMe Base 2.3, section 7.2: what is written to the namespace is on the medium afterwards.
[[nodiscard]] device::NvmeCommand flush(std::uint32_t nsid);

/// Get Features 05h, Error Recovery (NVM Command Set 1.2, section 4.1.3.2), as it is set now.
[[nodiscard]] device::NvmeCommand get_error_recovery(std::uint32_t nsid);
/// DULBE of its answer (dword 0): reading a deallocated block is an error (287h).
[[nodiscard]] bool deallocated_is_error(std::uint32_t dword0) noexcept;

/// Namespace Attachment (NVMe Base 2.3, section 5.2.20) of one controller. The list that it sends
/// is kNamespaceControllersBytes long and borrowed by the command.
constexpr std::size_t kNamespaceControllersBytes = 4096;
[[nodiscard]] Bytes controller_list(std::uint16_t controller_id);
[[nodiscard]] device::NvmeCommand attach_namespace(std::uint32_t nsid, ByteView controllers);
[[nodiscard]] device::NvmeCommand detach_namespace(std::uint32_t nsid, ByteView controllers);

/// CDW10 to CDW15 as they lie in the submission queue entry, for the record.
[[nodiscard]] Bytes command_dwords(const device::NvmeCommand& command);

}  // namespace efface::nvme

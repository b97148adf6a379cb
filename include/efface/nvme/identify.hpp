// SPDX-License-Identifier: Apache-2.0
// Identify data structures (NVMe Base 2.3, section 5.2.13; NVM Command Set 1.2, section 4.1.5).
// Only what erasing needs. Foreign bytes: too short gives nullopt, absurd values stand as told.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::nvme {

constexpr std::size_t kIdentifyBytes = 4096;
constexpr std::uint32_t kAllNamespaces = 0xffffffff;
/// One namespace list (CNS 02h, 10h) holds so many.
constexpr std::size_t kNamespacesInList = 1024;

enum class Cns : std::uint8_t {
    name_space = 0x00,
    controller = 0x01,
    active_namespaces = 0x02,
    namespace_descriptors = 0x03,
    allocated_namespaces = 0x10,
    allocated_namespace = 0x11,
};

/// SANICAP.NODMMAS: with No-Deallocate, is the medium modified again after a sanitize?
enum class Nodmmas : std::uint8_t { not_defined = 0, not_modified = 1, modified = 2, reserved = 3 };

struct SanitizeCapabilities {
    std::uint32_t raw = 0;  ///< SANICAP
    bool crypto_erase = false;
    bool block_erase = false;
    bool overwrite = false;
    bool media_verification = false;       ///< VERS: EMVS can be asked for
    bool no_deallocate_inhibited = false;  ///< NDI: NDAS may be refused
    Nodmmas nodmmas = Nodmmas::not_defined;

    [[nodiscard]] bool any() const noexcept { return crypto_erase || block_erase || overwrite; }
};
[[nodiscard]] SanitizeCapabilities decode_sanicap(std::uint32_t sanicap) noexcept;

struct ControllerIdentity {
    std::string serial;  ///< printable, trimmed; so are the next two
    std::string model;
    std::string firmware;
    std::string subsystem_nqn;  ///< SUBNQN, printable; empty when not reported
    std::uint16_t controller_id = 0;
    std::uint32_t version = 0;  ///< VER: major 31:16, minor 15:8, tertiary 7:0; 0 before 1.2
    std::uint8_t cmic = 0;
    std::uint16_t oacs = 0;
    std::uint8_t fna = 0;
    std::uint8_t mdts = 0;  ///< largest transfer: 2^MDTS pages of at least 4 KiB; 0 = no limit
    std::uint32_t namespaces_max = 0;  ///< NN
    std::uint64_t total_bytes = 0;     ///< TNVMCAP, 0 = not reported; the highest value when larger
    std::uint64_t unallocated_bytes = 0;  ///< UNVMCAP, likewise
    std::uint32_t rpmbs = 0;
    SanitizeCapabilities sanitize;

    [[nodiscard]] bool multiple_controllers() const noexcept { return (cmic & 2U) != 0; }
    [[nodiscard]] bool has_security() const noexcept { return (oacs & 1U) != 0; }
    [[nodiscard]] bool has_format() const noexcept { return (oacs & 2U) != 0; }
    [[nodiscard]] bool has_namespace_management() const noexcept { return (oacs & 8U) != 0; }
    [[nodiscard]] bool has_self_test() const noexcept { return (oacs & 16U) != 0; }
    [[nodiscard]] bool format_sets_all() const noexcept { return (fna & 1U) != 0; }      ///< FNS
    [[nodiscard]] bool erase_reaches_all() const noexcept { return (fna & 2U) != 0; }    ///< SENS
    [[nodiscard]] bool format_crypto_erase() const noexcept { return (fna & 4U) != 0; }  ///< CRYES
    [[nodiscard]] bool format_broadcast() const noexcept { return (fna & 8U) == 0; }     ///< FNVMBS
};
[[nodiscard]] std::optional<ControllerIdentity> decode_controller(ByteView page);
/// "2.1.0"; empty when the drive does not tell.
[[nodiscard]] std::string version_text(std::uint32_t version);

struct NamespaceIdentity {
    std::uint64_t blocks = 0;       ///< NSZE
    std::uint64_t nvm_bytes = 0;    ///< NVMCAP, 0 = not reported
    std::uint32_t block_bytes = 0;  ///< of data; 0 when the format in use is absurd
    std::uint16_t metadata_bytes = 0;
    std::uint8_t lba_format = 0;         ///< FLBAS 3:0 and 6:5
    bool extended_metadata = false;      ///< FLBAS 4: metadata follows the data of each block
    std::uint8_t protection = 0;         ///< DPS
    std::uint8_t deallocated_reads = 0;  ///< DLFEAT 2:0: 0 not reported, 1 zeros, 2 FFh
    bool shared = false;                 ///< NMIC 0
    bool write_protected = false;        ///< NSATTR 0
    std::optional<std::uint8_t> format_remaining_percent;  ///< FPI
    std::string nguid;                                     ///< hex, empty when zero
    std::string eui64;

    [[nodiscard]] std::uint64_t bytes() const noexcept;  ///< of data; the highest value at overflow
};
/// nullopt also for the all-zero structure that an inactive namespace gives.
[[nodiscard]] std::optional<NamespaceIdentity> decode_namespace(ByteView page);

/// Ids in the order of the drive, ended by 0; those that do not rise are dropped.
[[nodiscard]] std::vector<std::uint32_t> decode_namespace_list(ByteView page);

/// UUID of a Namespace Identification Descriptor list (CNS 03h), hex; empty when there is none.
[[nodiscard]] std::string decode_namespace_uuid(ByteView page);

}  // namespace efface::nvme

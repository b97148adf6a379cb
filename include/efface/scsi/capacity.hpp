// SPDX-License-Identifier: Apache-2.0
// How many blocks there are, and where some of them are kept from the host: READ CAPACITY, mode
// parameter block descriptors, physical elements.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::scsi {

struct Capacity {
    std::uint64_t blocks = 0;
    std::uint32_t block_bytes = 0;
    std::uint8_t protection_type = 0;  ///< 0: formatted without protection information, else 1 to 3
};
/// SBC-4, section 5.20. nullopt when it is short, names a block of 0 bytes, or has more blocks than
/// fit: then READ CAPACITY(16) tells.
[[nodiscard]] Bytes read_capacity_10_cdb();
[[nodiscard]] std::optional<Capacity> decode_capacity_10(ByteView bytes);
/// SBC-4, section 5.21.
[[nodiscard]] Bytes read_capacity_16_cdb(std::uint32_t allocation_length);
[[nodiscard]] std::optional<Capacity> decode_capacity_16(ByteView bytes);

/// Which values MODE SENSE gives (PC).
enum class PageControl : std::uint8_t { current = 0, changeable = 1, as_made = 2, saved = 3 };
constexpr std::uint8_t kControlPage = 0x0a;

/// SPC-5, sections 6.13 and 6.14; the (10) form with LLBAA, so that large units fit.
[[nodiscard]] Bytes mode_sense_6_cdb(PageControl control, std::uint8_t page,
                                     std::uint8_t allocation_length);
[[nodiscard]] Bytes mode_sense_10_cdb(PageControl control, std::uint8_t page,
                                      std::uint16_t allocation_length);
/// SPC-5, sections 6.11 and 6.12: PF 1, SP 0 (what is set is not saved but for the capacity, which
/// the standard keeps over power cycles: SBC-4, section 6.5.2).
[[nodiscard]] Bytes mode_select_6_cdb(std::uint8_t list_length);
[[nodiscard]] Bytes mode_select_10_cdb(std::uint16_t list_length);

/// SBC-4, section 6.5.2.
struct BlockDescriptor {
    std::uint64_t blocks = 0;
    std::uint32_t block_bytes = 0;
    bool operator==(const BlockDescriptor&) const = default;
};
/// In MODE SELECT: as many as the unit has.
constexpr std::uint64_t kAllBlocks = ~std::uint64_t{0};

struct ModeData {
    std::uint8_t device_specific = 0;  ///< bit 7: write protected
    std::optional<BlockDescriptor> descriptor;
    Bytes page;  ///< the first page with its header, empty when there is none
};
[[nodiscard]] std::optional<ModeData> decode_mode_6(ByteView bytes);
[[nodiscard]] std::optional<ModeData> decode_mode_10(ByteView bytes);
/// A MODE SELECT(10) list with a long block descriptor and no page.
[[nodiscard]] Bytes encode_mode_select_10(const BlockDescriptor& descriptor);
/// The (6) form of it; as many blocks as the unit has are 0 there. Asserts that both fit.
[[nodiscard]] Bytes encode_mode_select_6(const BlockDescriptor& descriptor);
/// A MODE SELECT(6) and a (10) list with a page and no block descriptor; PS is cleared, as the
/// standard wants.
[[nodiscard]] Bytes encode_mode_select_6(ByteView page);
[[nodiscard]] Bytes encode_mode_select_10(ByteView page);

/// Control mode page (SPC-5, section 7.5.9).
struct ControlPage {
    bool descriptor_sense = false;        ///< D_SENSE
    std::uint16_t self_test_seconds = 0;  ///< of an extended self-test; 0 or FFFFh: not reported
};
[[nodiscard]] std::optional<ControlPage> decode_control_page(ByteView page);
/// The same page with D_SENSE as wanted; nullopt when it is no Control page.
[[nodiscard]] std::optional<Bytes> with_descriptor_sense(ByteView page, bool wanted);

/// GET PHYSICAL ELEMENT STATUS (SBC-5, section 5.8), all elements.
struct PhysicalElement {
    std::uint32_t identifier = 0;
    bool restorable = false;  ///< RALWD: RESTORE ELEMENTS AND REBUILD may bring it back
    std::uint8_t type = 0;    ///< 1: a storage element
    std::uint8_t health = 0;
    std::uint64_t blocks = 0;  ///< ASSOCIATED CAPACITY; all ones: not reported

    /// FBh to FFh: it is, or was to be, taken out of use.
    [[nodiscard]] bool depopulated() const noexcept { return health >= 0xfb; }
};
constexpr std::size_t kElementsMax = 1024;
[[nodiscard]] Bytes get_physical_element_status_cdb(std::uint32_t allocation_length);
/// Those that the answer holds whole, at most kElementsMax.
[[nodiscard]] std::optional<std::vector<PhysicalElement>> decode_elements(ByteView bytes);
/// SBC-5, section 5.26: brings depopulated elements back; all data is lost.
[[nodiscard]] Bytes restore_elements_and_rebuild_cdb();

}  // namespace efface::scsi

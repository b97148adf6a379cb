// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/logs.hpp"

#include "efface/ata/identify.hpp"

#include "commands.hpp"

namespace efface::ata {

namespace {

constexpr std::uint64_t kValid = std::uint64_t{1} << 63U;

std::uint64_t ncq_lba(ByteView page) {
    // Bytes 4 to 6 hold LBA 23:0, bytes 8 to 10 LBA 47:24.
    std::uint64_t lba = 0;
    for (const std::size_t at : {10U, 9U, 8U, 6U, 5U, 4U}) {
        lba = (lba << 8U) | page[at];
    }
    return lba;
}

}  // namespace

device::AtaCommand read_log(std::uint8_t log, std::uint16_t page, MutableByteView into) {
    auto command = one_page_in(0x2f, into, true);
    // LBA 7:0 the log, 15:8 and 39:32 the page.
    command.lba = log | (std::uint64_t{page} & 0xffU) << 8U | (std::uint64_t{page} >> 8U) << 32U;
    return command;
}

std::uint16_t decode_log_pages(ByteView directory, std::uint8_t log) {
    // Word 0 is the version, 0001h.
    if (directory.size() != kPageBytes || read_le<std::uint16_t>(directory, 0) != 1 || log == 0) {
        return 0;
    }
    return read_le<std::uint16_t>(directory, 2 * std::size_t{log});
}

std::optional<NcqError> decode_ncq_error(ByteView page) {
    if (page.size() != kPageBytes || all_zero(page) || !sums_to_zero(page)) {
        return std::nullopt;
    }
    return NcqError{.queued = (page[0] & 0x80U) == 0,
                    .tag = static_cast<std::uint8_t>(page[0] & 0x1fU),
                    .status = page[2],
                    .error = page[3],
                    .lba = ncq_lba(page)};
}

std::optional<SecurityPage> decode_security_page(ByteView page) {
    if (page.size() != kPageBytes) {
        return std::nullopt;
    }
    // Header: bit 63 valid, 23:16 the page, 15:0 the revision.
    const auto header = read_le<std::uint64_t>(page, 0);
    const auto capabilities = read_le<std::uint64_t>(page, 48);
    if ((header & kValid) == 0 || ((header >> 16U) & 0xffU) != kPageSecurity ||
        (header & 0xffffU) == 0 || (capabilities & kValid) == 0) {
        return std::nullopt;
    }
    return SecurityPage{.encrypts_all = (capabilities & 1U) != 0,
                        .restricted_sanitize_overrides_security = ((capabilities >> 7U) & 1U) != 0};
}

}  // namespace efface::ata

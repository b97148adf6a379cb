// SPDX-License-Identifier: Apache-2.0
// Fuzzes what reads the pages of an ATA drive, its registers, and the sense data of what stands
// between.
#include "efface/ata/capacity.hpp"
#include "efface/ata/identify.hpp"
#include "efface/ata/logs.hpp"
#include "efface/ata/sanitize.hpp"
#include "efface/ata/sat_tunnel.hpp"
#include "efface/ata/smart.hpp"
#include "efface/base/assert.hpp"

using namespace efface;
using namespace efface::ata;

namespace {

void fuzz_pages(ByteView page) {
    if (const auto identify = decode_identify(page)) {
        EFFACE_ASSERT(identify->logical_sector_bytes >= kPageBytes);
        EFFACE_ASSERT(identify->wwn.empty() || identify->wwn.size() == 16);
        for (const auto* text : {&identify->serial, &identify->model, &identify->firmware}) {
            EFFACE_ASSERT(text->size() <= 40);
            for (const char c : *text) {
                EFFACE_ASSERT(c >= ' ' && c <= '~');
            }
        }
    }
    if (const auto max_lba = decode_dco_max_lba(page)) {
        EFFACE_ASSERT(*max_lba < (std::uint64_t{1} << 48U));
    }
    (void)decode_ncq_error(page);
    (void)decode_security_page(page);
    (void)decode_log_pages(page, kLogIdentifyDeviceData);
    EFFACE_ASSERT(decode_smart_attributes(page).size() <= 30);
    EFFACE_ASSERT(decode_smart_thresholds(page).size() <= 30);
    (void)decode_error_count(page);
    const auto test = decode_newest_self_test(page);
    EFFACE_ASSERT(!test || *test < 16 || *test == kNoSelfTest);
    EFFACE_ASSERT(decode_statistics_pages(page).size() <= 255);
    EFFACE_ASSERT(decode_statistic(page, kSectorsWritten).value_or(0) >> 48U == 0);
}

void fuzz_sense(ByteView sense) {
    device::ScsiCompletion completion;
    completion.status = sense.empty() ? 0 : 2;
    completion.sense.assign(sense.begin(), sense.end());
    const auto answer = decode_pass_through(sanitize_status(), completion);
    if (!answer.registers) {
        EFFACE_ASSERT(!answer.note.empty());
        return;
    }
    // Registers come from descriptor-format sense of a drive that is ready, and from nothing else.
    EFFACE_ASSERT((sense[0] & 0x7fU) == 0x72 && answer.registers->status != 0);
    EFFACE_ASSERT((answer.registers->status & 0x80U) == 0);
    EFFACE_ASSERT(!(answer.accepted && answer.registers->failed()));
    const auto status = decode_sanitize_status(*answer.registers);
    EFFACE_ASSERT(!status.progress || (status.in_progress && *status.progress != 0xffff));
    (void)decode_sanitize_error(*answer.registers);
    (void)decode_power_mode(*answer.registers);
    EFFACE_ASSERT(!error_text(*answer.registers).empty());
    EFFACE_ASSERT(decode_max_lba(*answer.registers, true) < (std::uint64_t{1} << 48U));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    fuzz_pages(bytes);
    fuzz_sense(bytes);
    return 0;
}

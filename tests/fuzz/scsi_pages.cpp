// SPDX-License-Identifier: Apache-2.0
// Fuzzes every decoder of what a SCSI device sends: each gets the whole input. What comes out is
// bounded by what went in, printable, and never a capacity of blocks without bytes.
#include <algorithm>

#include "efface/scsi/capacity.hpp"
#include "efface/scsi/commands.hpp"
#include "efface/scsi/inquiry.hpp"
#include "efface/scsi/log_pages.hpp"
#include "efface/scsi/sense.hpp"

using namespace efface;

namespace {

bool printable_text(const std::string& text) {
    return std::all_of(text.begin(), text.end(),
                       [](char character) { return character >= 0x20 && character < 0x7f; });
}

void check_sense(ByteView bytes) {
    const auto sense = scsi::decode_sense(bytes);
    if (sense) {
        EFFACE_ASSERT(sense->key <= 0x0f);
        EFFACE_ASSERT(!sense->progress || sense->is(scsi::SenseKey::no_sense) ||
                      sense->is(scsi::SenseKey::not_ready));
        EFFACE_ASSERT(printable_text(scsi::to_string(*sense)));
    }
    EFFACE_ASSERT(printable_text(scsi::sense_text(bytes)));
}

void check_pages(ByteView bytes) {
    if (const auto inquiry = scsi::decode_inquiry(bytes)) {
        EFFACE_ASSERT(printable_text(inquiry->vendor + inquiry->product + inquiry->revision));
    }
    if (const auto pages = scsi::decode_supported_pages(bytes)) {
        EFFACE_ASSERT(pages->size() < bytes.size());
    }
    EFFACE_ASSERT(printable_text(scsi::decode_serial_number(bytes).value_or("")));
    if (const auto designators = scsi::decode_designators(bytes)) {
        EFFACE_ASSERT(designators->size() <= scsi::kDesignatorsMax);
        EFFACE_ASSERT(printable_text(scsi::world_wide_name(*designators)));
    }
    if (const auto ata = scsi::decode_ata_information(bytes)) {
        EFFACE_ASSERT(ata->identify.size() == 512 && printable_text(ata->translator));
    }
    (void)scsi::decode_block_limits(bytes);
    if (const auto page = scsi::decode_block_characteristics(bytes)) {
        EFFACE_ASSERT(*scsi::to_string(page->after_block_erase) != '\0');
        EFFACE_ASSERT(*scsi::to_string(page->after_crypto_erase) != '\0');
    }
    (void)scsi::decode_provisioning(bytes);
}

void check_logs(ByteView bytes) {
    EFFACE_ASSERT(scsi::decode_log_list(bytes).size() <= bytes.size());
    for (const auto& page : {scsi::kLogWriteErrors, scsi::kLogReadErrors, scsi::kLogTemperature,
                             scsi::kLogPendingDefects}) {
        if (const auto parameters = scsi::decode_log_parameters(bytes, page)) {
            EFFACE_ASSERT(parameters->size() <= bytes.size() / 4);
            for (const auto& one : *parameters) {
                EFFACE_ASSERT(one.bytes.size() <= 255);
            }
        }
        (void)scsi::decode_error_counter(bytes, page, scsi::kErrorsUncorrected);
    }
    (void)scsi::decode_temperature(bytes);
    (void)scsi::decode_newest_self_test(bytes);
    (void)scsi::decode_endurance(bytes);
    (void)scsi::decode_power_on_minutes(bytes);
    (void)scsi::decode_pending_defects(bytes);
    (void)scsi::decode_informational(bytes);
    (void)scsi::decode_defects_10(bytes);
    (void)scsi::decode_defects_12(bytes);
}

void check_capacity(ByteView bytes) {
    for (const auto& capacity :
         {scsi::decode_capacity_10(bytes), scsi::decode_capacity_16(bytes)}) {
        EFFACE_ASSERT(!capacity || (capacity->blocks > 0 && capacity->block_bytes > 0));
        EFFACE_ASSERT(!capacity || capacity->protection_type <= 8);
    }
    for (const auto& modes : {scsi::decode_mode_6(bytes), scsi::decode_mode_10(bytes)}) {
        if (modes) {
            EFFACE_ASSERT(modes->page.size() < bytes.size());
            (void)scsi::decode_control_page(modes->page);
            const auto changed = scsi::with_descriptor_sense(modes->page, true);
            EFFACE_ASSERT(!changed || scsi::decode_control_page(*changed)->descriptor_sense);
        }
    }
    if (const auto elements = scsi::decode_elements(bytes)) {
        EFFACE_ASSERT(elements->size() <= scsi::kElementsMax);
        EFFACE_ASSERT(elements->size() * 32 < bytes.size());
    }
    (void)scsi::decode_support(bytes);
    (void)scsi::decode_lun_count(bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView bytes(data, size);
    check_sense(bytes);
    check_pages(bytes);
    check_logs(bytes);
    check_capacity(bytes);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// What a SCSI disk tells of itself, by commands that change nothing and that it also answers while
// it is erasing.
#include <algorithm>

#include "efface/ata/identify.hpp"
#include "efface/ata/sat_tunnel.hpp"
#include "efface/base/json.hpp"
#include "efface/method/drive/command_sets.hpp"

#include "erasure.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kInquiryBytes = 96;
constexpr std::size_t kVpdBytes = 1024;  ///< VPD 89h has 572
constexpr std::size_t kModeBytes = 252;
constexpr std::size_t kScsiCapacityBytes = 32;
constexpr std::size_t kElementListBytes = 32 + scsi::kElementsMax * 32;
constexpr std::size_t kLunListBytes = 4096;
constexpr std::uint16_t kSelfTestTooLong = 0xffff;

/// A page that the disk gives, kept for the record.
std::optional<Bytes> page_of(ScsiSession& session, ScsiFacts& facts, const char* name, Bytes cdb,
                             std::size_t bytes) {
    auto data = session.ask(std::move(cdb), bytes);
    if (data) {
        facts.pages.push_back({name, *data});
    }
    return data;
}

std::optional<Bytes> vpd_of(ScsiSession& session, ScsiFacts& facts, const char* name,
                            std::uint8_t page) {
    return page_of(session, facts, name, scsi::vpd_cdb(page, kVpdBytes), kVpdBytes);
}

/// Some old disks and bridges stop answering when they are asked for a page that they lack.
bool lists_page(const std::optional<Bytes>& list, std::uint8_t page) {
    const auto pages = list ? scsi::decode_supported_pages(*list) : std::nullopt;
    return pages && std::find(pages->begin(), pages->end(), page) != pages->end();
}

void read_vital_pages(ScsiSession& session, ScsiFacts& facts) {
    const auto list = vpd_of(session, facts, "SCSI VPD 00h", scsi::kVpdSupportedPages);
    const auto take = [&](const char* name, std::uint8_t page, auto decode, auto& into) {
        if (!lists_page(list, page)) {
            return;
        }
        const auto data = vpd_of(session, facts, name, page);
        auto decoded = data ? decode(*data) : std::nullopt;
        if (decoded) {
            into = std::move(*decoded);
        }
    };
    std::vector<scsi::Designator> designators;
    take("SCSI VPD 80h", scsi::kVpdSerialNumber, scsi::decode_serial_number, facts.serial);
    take("SCSI VPD 83h", scsi::kVpdDesignators, scsi::decode_designators, designators);
    take("SCSI VPD 89h", scsi::kVpdAtaInformation, scsi::decode_ata_information, facts.translation);
    take("SCSI VPD B0h", scsi::kVpdBlockLimits, scsi::decode_block_limits, facts.limits);
    take("SCSI VPD B1h", scsi::kVpdBlockCharacteristics, scsi::decode_block_characteristics,
         facts.characteristics);
    facts.wwn = scsi::world_wide_name(designators);
}

void read_capacity(ScsiSession& session, ScsiFacts& facts) {
    auto data = page_of(session, facts, "SCSI READ CAPACITY (16)",
                        scsi::read_capacity_16_cdb(kScsiCapacityBytes), kScsiCapacityBytes);
    facts.capacity = data ? scsi::decode_capacity_16(*data) : std::nullopt;
    if (!facts.capacity) {
        data = page_of(session, facts, "SCSI READ CAPACITY (10)", scsi::read_capacity_10_cdb(), 8);
        facts.capacity = data ? scsi::decode_capacity_10(*data) : std::nullopt;
    }
}

void read_modes(ScsiSession& session, ScsiFacts& facts) {
    const auto modes = [&](const char* name, scsi::PageControl control) {
        const auto data =
            page_of(session, facts, name,
                    scsi::mode_sense_10_cdb(control, scsi::kControlPage, kModeBytes), kModeBytes);
        return data ? scsi::decode_mode_10(*data) : std::nullopt;
    };
    const auto current = modes("SCSI MODE SENSE 0Ah (current)", scsi::PageControl::current);
    const auto control = current ? scsi::decode_control_page(current->page) : std::nullopt;
    if (control && control->self_test_seconds != 0 &&
        control->self_test_seconds != kSelfTestTooLong) {
        facts.self_test = std::chrono::seconds(control->self_test_seconds);
    }
    const auto made = modes("SCSI MODE SENSE 0Ah (default)", scsi::PageControl::as_made);
    if (made && made->descriptor && made->descriptor->blocks != scsi::kAllBlocks) {
        facts.blocks_as_made = made->descriptor->blocks;
    }
}

void read_elements(ScsiSession& session, ScsiFacts& facts) {
    const auto data =
        session.ask(scsi::get_physical_element_status_cdb(kElementListBytes), kElementListBytes);
    const auto elements = data ? scsi::decode_elements(*data) : std::nullopt;
    if (!elements) {
        return;
    }
    facts.pages.push_back({"SCSI GET PHYSICAL ELEMENT STATUS", *data});
    std::copy_if(elements->begin(), elements->end(), std::back_inserter(facts.depopulated),
                 [](const scsi::PhysicalElement& element) { return element.depopulated(); });
}

/// Asked by the command itself: many USB bridges have no VPD 89h, and some layers that have it
/// pass nothing. `says_so`: the page is there; then only a layer that answers by itself (none of
/// the drive's registers) has said that it passes none.
AtaPath ask_ata_path(device::ScsiTransport& transport, bool says_so) {
    ata::SatTunnel tunnel(transport);
    Bytes page(ata::kPageBytes);
    const auto answer = tunnel.submit(ata::identify_device(page));
    const auto identify = answer.accepted ? ata::decode_identify(page) : std::nullopt;
    if (identify && !(identify->model.empty() && identify->serial.empty())) {
        return AtaPath::passes;
    }
    const bool by_itself = answer.error == 0 && !answer.registers;
    return !says_so ? AtaPath::none : by_itself ? AtaPath::rejects : AtaPath::passes;
}

}  // namespace

bool scsi_is_translated(device::ScsiTransport& transport) {
    ScsiSession session(transport);
    const auto list = session.ask(scsi::vpd_cdb(scsi::kVpdSupportedPages, kVpdBytes), kVpdBytes);
    const bool listed = lists_page(list, scsi::kVpdAtaInformation);
    const auto page =
        listed ? session.ask(scsi::vpd_cdb(scsi::kVpdAtaInformation, kVpdBytes), kVpdBytes)
               : std::nullopt;
    const bool says_so = page && scsi::decode_ata_information(*page);
    return ask_ata_path(transport, says_so) == AtaPath::passes;
}

ScsiFacts read_scsi_facts(ScsiSession& session) {
    ScsiFacts facts;
    Bytes data(kInquiryBytes);
    device::ScsiCommand command;
    command.cdb = scsi::inquiry_cdb(kInquiryBytes);
    command.read_into = data;
    const auto completion = session.send(command);
    data.resize(std::min(data.size(), completion.transferred));
    const auto inquiry = completion.good() ? scsi::decode_inquiry(data) : std::nullopt;
    if (!inquiry) {
        facts.error = "INQUIRY: " + (completion.good() ? std::string("the answer is too short")
                                                       : scsi_answer_text(completion));
        return facts;
    }
    facts.inquiry = *inquiry;
    facts.pages.push_back({"SCSI INQUIRY", std::move(data)});
    read_vital_pages(session, facts);
    facts.ata = ask_ata_path(session.transport(), facts.translation.has_value());
    read_capacity(session, facts);
    read_modes(session, facts);
    read_elements(session, facts);
    const auto luns = session.ask(scsi::report_luns_cdb(kLunListBytes), kLunListBytes);
    facts.logical_units = luns ? scsi::decode_lun_count(*luns).value_or(0) : 0;
    return facts;
}

}  // namespace efface::method

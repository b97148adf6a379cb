// SPDX-License-Identifier: Apache-2.0
// Pages whose reading is that of sg_inq and sg_vpd (sg3_utils 1.46, --inhex).
#include "efface/scsi/inquiry.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace efface;

namespace {

Bytes bytes_of(const std::string& hex) {
    const auto bytes = from_hex(hex);
    REQUIRE(bytes.has_value());
    return *bytes;
}

Bytes padded(const std::string& hex, std::size_t size) {
    Bytes bytes = bytes_of(hex);
    bytes.resize(size);
    return bytes;
}

}  // namespace

TEST_CASE("INQUIRY asks for standard data and for pages as sg_inq does") {
    CHECK(to_hex(scsi::inquiry_cdb(36)) == "120000002400");
    CHECK(to_hex(scsi::vpd_cdb(0x83, 252)) == "12018300fc00");
}

TEST_CASE("standard INQUIRY data names vendor, product and revision") {
    const auto inquiry =
        scsi::decode_inquiry(bytes_of("000006025b00000253454147415445205354313230303"
                                      "04e4d3030323720202045303032"));
    REQUIRE(inquiry.has_value());
    CHECK(inquiry->vendor == "SEAGATE");
    CHECK(inquiry->product == "ST12000NM0027");
    CHECK(inquiry->revision == "E002");
    CHECK(inquiry->device_type == scsi::kTypeDirectAccess);
    CHECK(inquiry->qualifier == 0);
    CHECK_FALSE(inquiry->removable);
    CHECK(inquiry->version == 6);
}

TEST_CASE("control characters of a device do not reach a record") {
    Bytes bytes = padded("000006025b000002", 36);
    bytes[8] = 0x1b;
    bytes[9] = 'A';
    const auto inquiry = scsi::decode_inquiry(bytes);
    REQUIRE(inquiry.has_value());
    CHECK(inquiry->vendor.substr(0, 2) == "?A");
}

TEST_CASE("the serial number is trimmed") {
    CHECK(scsi::decode_serial_number(bytes_of("0080000820205a3132333420")) == "Z1234");
}

TEST_CASE("the logical unit's own NAA name is taken, not its port's") {
    const auto designators = scsi::decode_designators(
        bytes_of("0083002c010300085000c500a1b2c3d4619300085000c500a1b2c3d5010200080011223344556677"
                 "0201000453454147"));
    REQUIRE(designators.has_value());
    CHECK(designators->size() == 4);
    CHECK((*designators)[1].association == 1);
    CHECK(scsi::world_wide_name(*designators) == "naa.5000c500a1b2c3d4");
}

TEST_CASE("an EUI-64 stands in where there is no NAA name") {
    const auto designators = scsi::decode_designators(bytes_of("0083000c010200080011223344556677"));
    REQUIRE(designators.has_value());
    CHECK(scsi::world_wide_name(*designators) == "eui.0011223344556677");
    CHECK(scsi::world_wide_name({}).empty());
}

TEST_CASE("a designator that runs over the end of the page is dropped") {
    const auto designators = scsi::decode_designators(bytes_of("00830008010300ff5000c500"));
    REQUIRE(designators.has_value());
    CHECK(designators->empty());
}

TEST_CASE("block limits tell how far WRITE SAME goes") {
    const auto limits =
        scsi::decode_block_limits(padded("00b0003c010000080000040000000200"
                                         "00000000ffffffff0000000100000008"
                                         "800000000000000000010000",
                                         64));
    REQUIRE(limits.has_value());
    CHECK(limits->write_same_needs_length);
    CHECK(limits->transfer_blocks_max == 1024);
    CHECK(limits->write_same_blocks_max == 0x10000);
    const auto old = scsi::decode_block_limits(padded("00b0000c", 16));
    REQUIRE(old.has_value());
    CHECK(old->write_same_blocks_max == 0);
}

TEST_CASE("block characteristics tell what a read answers after an erasure") {
    const auto page =
        scsi::decode_block_characteristics(padded("00b1003c000100951000000000000e10", 64));
    REQUIRE(page.has_value());
    CHECK(page->rotation == 1);
    CHECK(page->after_block_erase == scsi::ReadAfterErase::medium_error);
    CHECK(page->after_crypto_erase == scsi::ReadAfterErase::good);
    CHECK(page->zoned == static_cast<std::uint8_t>(scsi::Zoned::host_aware));
    CHECK(page->depopulation_seconds == 3600);
}

TEST_CASE("provisioning is read") {
    const auto page = scsi::decode_provisioning(bytes_of("00b2000400e60200"));
    REQUIRE(page.has_value());
    CHECK(page->unmap);
    CHECK(page->unmaps_by_write_same);
    CHECK(page->reads_zeros == 1);
    CHECK(page->type == 2);
}

TEST_CASE("an ATA device behind a translation layer is known") {
    Bytes bytes = padded("00890238", 572);
    const std::string layer = "LINUX   libata          3.00";
    std::copy(layer.begin(), layer.end(), bytes.begin() + 8);
    bytes[56] = 0xec;
    bytes[60] = 0x40;
    const auto page = scsi::decode_ata_information(bytes);
    REQUIRE(page.has_value());
    CHECK(page->translator == "LINUX libata 3.00");
    CHECK(page->command == 0xec);
    REQUIRE(page->identify.size() == 512);
    CHECK(page->identify[0] == 0x40);
}

TEST_CASE("a page in place of another, or one cut short, is no page") {
    CHECK_FALSE(scsi::decode_serial_number(bytes_of("0083000820205a3132333420")).has_value());
    CHECK_FALSE(scsi::decode_block_characteristics(bytes_of("00b1003c00010095")).has_value());
    CHECK_FALSE(scsi::decode_block_characteristics(padded("00b10002", 64)).has_value());
    CHECK_FALSE(scsi::decode_ata_information(padded("00890238", 500)).has_value());
    CHECK_FALSE(scsi::decode_inquiry(Bytes(35, 0)).has_value());
    CHECK_FALSE(scsi::decode_supported_pages({}).has_value());
    const auto pages = scsi::decode_supported_pages(bytes_of("00000003008083ff"));
    REQUIRE(pages.has_value());
    CHECK(*pages == std::vector<std::uint8_t>{0x00, 0x80, 0x83});
}

// SPDX-License-Identifier: Apache-2.0
// CDBs as sg_readcap, sg_modes and sg_get_elem_status send them (their -v), answers as they read
// them.
#include "efface/scsi/capacity.hpp"

#include "catch.hpp"

using namespace efface;

namespace {

Bytes bytes_of(const std::string& hex) {
    const auto bytes = from_hex(hex);
    REQUIRE(bytes.has_value());
    return *bytes;
}

}  // namespace

TEST_CASE("READ CAPACITY and its answers") {
    CHECK(to_hex(scsi::read_capacity_10_cdb()) == "25000000000000000000");
    CHECK(to_hex(scsi::read_capacity_16_cdb(32)) == "9e100000000000000000000000200000");
    const auto small = scsi::decode_capacity_10(bytes_of("0fffffff00000200"));
    REQUIRE(small.has_value());
    CHECK(small->blocks == 268435456);
    CHECK(small->block_bytes == 512);
    // 12 TB of 4 KiB blocks, protection type 2.
    const auto large =
        scsi::decode_capacity_16(bytes_of("00000000aea85fff000010000300"
                                          "c000"));
    REQUIRE(large.has_value());
    CHECK(large->blocks == 2930270208);
    CHECK(large->block_bytes == 4096);
    CHECK(large->protection_type == 2);
}

TEST_CASE("a capacity that says nothing is none") {
    CHECK_FALSE(scsi::decode_capacity_10(bytes_of("ffffffff00000200")).has_value());
    CHECK_FALSE(scsi::decode_capacity_10(bytes_of("0fffffff00000000")).has_value());
    CHECK_FALSE(scsi::decode_capacity_10(bytes_of("0fffffff0000")).has_value());
    CHECK_FALSE(scsi::decode_capacity_16(bytes_of("ffffffffffffffff000002000000")).has_value());
    CHECK_FALSE(scsi::decode_capacity_16(Bytes(12, 1)).has_value());
}

TEST_CASE("MODE SENSE asks for long block descriptors") {
    CHECK(to_hex(scsi::mode_sense_6_cdb(scsi::PageControl::current, 0x0a, 252)) == "1a000a00fc00");
    CHECK(to_hex(scsi::mode_sense_10_cdb(scsi::PageControl::as_made, 0x0a, 252)) ==
          "5a108a0000000000fc00");
    CHECK(to_hex(scsi::mode_select_6_cdb(16)) == "151000001000");
    CHECK(to_hex(scsi::mode_select_10_cdb(24)) == "55100000000000001800");
}

TEST_CASE("mode data with a long block descriptor and the Control page") {
    const auto data =
        scsi::decode_mode_10(bytes_of("0022008001000010"
                                      "0000000000010000"
                                      "0000000000000200"
                                      "8a0a0400000000000000003c"));
    REQUIRE(data.has_value());
    CHECK(data->device_specific == 0x80);
    REQUIRE(data->descriptor.has_value());
    CHECK(data->descriptor->blocks == 65536);
    CHECK(data->descriptor->block_bytes == 512);
    const auto control = scsi::decode_control_page(data->page);
    REQUIRE(control.has_value());
    CHECK(control->descriptor_sense);
    CHECK(control->self_test_seconds == 60);
}

TEST_CASE("mode data with a short block descriptor") {
    const auto data =
        scsi::decode_mode_6(bytes_of("17000008"
                                     "00010000"
                                     "00000200"
                                     "0a0a00000000000000000000"));
    REQUIRE(data.has_value());
    REQUIRE(data->descriptor.has_value());
    CHECK(data->descriptor->blocks == 65536);
    CHECK(data->descriptor->block_bytes == 512);
    CHECK_FALSE(scsi::decode_control_page(data->page)->descriptor_sense);
}

TEST_CASE("mode data whose lengths lie is refused or has no page") {
    CHECK_FALSE(scsi::decode_mode_10(bytes_of("00060000010000ff")).has_value());
    CHECK_FALSE(scsi::decode_mode_6(bytes_of("030000ff")).has_value());
    const auto cut = scsi::decode_mode_6(bytes_of("0f0000000a0a0000"));
    REQUIRE(cut.has_value());
    CHECK(cut->page.empty());
    CHECK_FALSE(cut->descriptor.has_value());
    CHECK_FALSE(scsi::decode_control_page(cut->page).has_value());
}

TEST_CASE("all blocks are asked back with a long block descriptor") {
    CHECK(to_hex(scsi::encode_mode_select_10(scsi::BlockDescriptor{scsi::kAllBlocks, 512})) ==
          "0000000001000010ffffffffffffffff0000000000000200");
}

TEST_CASE("another length of blocks is asked for in either form") {
    CHECK(to_hex(scsi::encode_mode_select_10(scsi::BlockDescriptor{scsi::kAllBlocks, 4096})) ==
          "0000000001000010ffffffffffffffff0000000000001000");
    CHECK(to_hex(scsi::encode_mode_select_6(scsi::BlockDescriptor{0, 512})) ==
          "000000080000000000000200");
    CHECK(to_hex(scsi::encode_mode_select_6(scsi::BlockDescriptor{0, 4096})) ==
          "000000080000000000001000");
}

TEST_CASE("the Control page goes back with D_SENSE changed and PS cleared") {
    const Bytes page = bytes_of("8a0a0200000000000000003c");
    const auto changed = scsi::with_descriptor_sense(page, true);
    REQUIRE(changed.has_value());
    CHECK(to_hex(scsi::encode_mode_select_6(*changed)) == "000000000a0a0600000000000000003c");
    CHECK(to_hex(scsi::encode_mode_select_10(*changed)) ==
          "00000000000000000a0a0600000000000000003c");
    CHECK(scsi::with_descriptor_sense(*changed, false) == page);
    CHECK_FALSE(scsi::with_descriptor_sense(bytes_of("8812"), true).has_value());
}

TEST_CASE("depopulated elements are listed") {
    CHECK(to_hex(scsi::get_physical_element_status_cdb(1024)) ==
          "9e170000000000000000000004000000");
    CHECK(to_hex(scsi::restore_elements_and_rebuild_cdb()) == "9e190000000000000000000000000000");
    const auto elements = scsi::decode_elements(
        bytes_of("0000000200000002000000000000000100000000000000000000000000000000"
                 "0000000000000001000000000000012000000000100000000000000000000000"
                 "00000000000000020000000000"
                 "0101ff00000000100000000000000000000000"));
    REQUIRE(elements.has_value());
    REQUIRE(elements->size() == 2);
    CHECK_FALSE((*elements)[0].depopulated());
    CHECK((*elements)[0].health == 0x20);
    CHECK((*elements)[1].identifier == 2);
    CHECK((*elements)[1].restorable);
    CHECK((*elements)[1].depopulated());
    CHECK((*elements)[1].blocks == 0x10000000);
}

TEST_CASE("a list of elements that promises more than it holds is read as far as it goes") {
    Bytes bytes(32 + 32 + 31, 0);
    bytes[4] = 0xff;
    bytes[7] = 0xff;
    const auto elements = scsi::decode_elements(bytes);
    REQUIRE(elements.has_value());
    CHECK(elements->size() == 1);
    CHECK_FALSE(scsi::decode_elements(Bytes(31, 0)).has_value());
}

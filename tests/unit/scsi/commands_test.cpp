// SPDX-License-Identifier: Apache-2.0
// CDBs and parameter lists as sg_sanitize, sg_format, sg_opcodes, sg_turs, sg_requests, sg_dd and
// sg_write_same send them; tests/system/rig/peers/scsi_peers.sh sees them do so.
#include "efface/scsi/commands.hpp"

#include "efface/scsi/erase.hpp"

#include "catch.hpp"

using namespace efface;
using scsi::SanitizeAction;

TEST_CASE("SANITIZE of each kind, beginning at once, AUSE and ZNR clear") {
    CHECK(to_hex(scsi::sanitize_cdb({SanitizeAction::block_erase})) == "48820000000000000000");
    CHECK(to_hex(scsi::sanitize_cdb({SanitizeAction::cryptographic_erase})) ==
          "48830000000000000000");
    scsi::Sanitize overwrite{SanitizeAction::overwrite};
    overwrite.list_length = 8;
    CHECK(to_hex(scsi::sanitize_cdb(overwrite)) == "48810000000000000800");
    CHECK(to_hex(scsi::encode_sanitize_overwrite({})) == "0100000400000000");
}

TEST_CASE("SANITIZE EXIT FAILURE MODE, and the flags") {
    scsi::Sanitize sanitize{SanitizeAction::exit_failure_mode};
    sanitize.immediate = false;
    CHECK(to_hex(scsi::sanitize_cdb(sanitize)) == "481f0000000000000000");
    sanitize = {SanitizeAction::block_erase};
    sanitize.zones_not_reset = true;
    sanitize.unrestricted_exit = true;
    CHECK(to_hex(scsi::sanitize_cdb(sanitize)) == "48e20000000000000000");
    CHECK(to_hex(scsi::encode_sanitize_overwrite({true, 3, {0xaa, 0x55}})) == "83000002aa55");
}

TEST_CASE("FORMAT UNIT keeps the protection type, and begins at once where it can") {
    CHECK(to_hex(scsi::format_unit_cdb(0, true)) == "041000000000");
    CHECK(to_hex(scsi::encode_format_unit(0, true)) == "00020000");
    CHECK(to_hex(scsi::format_unit_cdb(1, true)) == "049000000000");
    CHECK(to_hex(scsi::encode_format_unit(1, true)) == "00020000");
    CHECK(to_hex(scsi::format_unit_cdb(2, true)) == "04d000000000");
    CHECK(to_hex(scsi::encode_format_unit(2, true)) == "00020000");
    CHECK(to_hex(scsi::format_unit_cdb(3, true)) == "04d000000000");
    CHECK(to_hex(scsi::encode_format_unit(3, true)) == "01020000");
    // Plain forms: no IMMED, no list.
    CHECK(to_hex(scsi::encode_format_unit(3, false)) == "01000000");
    CHECK(to_hex(scsi::format_unit_cdb(0, false)) == "040000000000");
    CHECK(to_hex(scsi::format_unit_cdb(1, false)) == "048000000000");
    CHECK(to_hex(scsi::format_unit_cdb(2, false)) == "04c000000000");
}

TEST_CASE("commands that move blocks") {
    CHECK(to_hex(scsi::read_16_cdb(0x0102030405060708, 8)) == "88000102030405060708000000080000");
    CHECK(to_hex(scsi::write_16_cdb(1, 0x10000)) == "8a000000000000000001000100000000");
    CHECK(to_hex(scsi::write_same_16_cdb(2048, 65536)) == "93000000000000000800000100000000");
    CHECK(to_hex(scsi::synchronize_cache_16_cdb()) == "91000000000000000000000000000000");
    CHECK(to_hex(scsi::read_10_cdb(0x01020304, 8)) == "28000102030400000800");
    CHECK(to_hex(scsi::write_10_cdb(0xffffffff, 0xffff)) == "2a00ffffffff00ffff00");
    CHECK(to_hex(scsi::write_same_10_cdb(2048, 4096)) == "41000000080000100000");
    CHECK(to_hex(scsi::synchronize_cache_10_cdb()) == "35000000000000000000");
    CHECK(scsi::fits_ten_bytes(0xffffffff, 0xffff));
    CHECK_FALSE(scsi::fits_ten_bytes(0x100000000, 1));
    CHECK_FALSE(scsi::fits_ten_bytes(0, 0x10000));
}

TEST_CASE("commands that ask") {
    CHECK(to_hex(scsi::test_unit_ready_cdb()) == "000000000000");
    CHECK(to_hex(scsi::request_sense_cdb(252)) == "03000000fc00");
    CHECK(to_hex(scsi::report_luns_cdb(8192)) == "a00000000000000020000000");
}

TEST_CASE("SECURITY PROTOCOL IN and OUT count bytes") {
    // Level 0 discovery as sedutil-cli sends it: protocol 01h, ComID 0001h.
    CHECK(to_hex(scsi::security_protocol_in_cdb(1, 1, 4)) == "a20100018000000000040000");
    CHECK(to_hex(scsi::security_protocol_out_cdb(1, 0x07fe, 1)) == "b50107fe8000000000010000");
}

TEST_CASE("support is asked for one command, with its service action where it has one") {
    CHECK(to_hex(scsi::report_supported_operation_codes_cdb(0x48, 2, 512)) ==
          "a30c02480002000002000000");
    CHECK(to_hex(scsi::report_supported_operation_codes_cdb(0x04, std::nullopt, 512)) ==
          "a30c01040000000002000000");
}

TEST_CASE("the four answers about support") {
    const auto support = [](const char* hex) { return scsi::decode_support(*from_hex(hex)); };
    CHECK(support("0003000a48ff0000000000ffff00") == scsi::Support::supported);
    CHECK(support("00010000") == scsi::Support::unsupported);
    CHECK(support("00050006040000000000") == scsi::Support::vendor_specific);
    CHECK(support("00000000") == scsi::Support::not_told);
    CHECK(support("00070000") == scsi::Support::not_told);
    CHECK_FALSE(support("0003").has_value());
}

TEST_CASE("support is looked for in the list of all commands, of which each prefix tells nothing") {
    CHECK(to_hex(scsi::report_all_operation_codes_cdb(0x4000)) == "a30c00000000000040000000");
    // READ (10); SANITIZE BLOCK ERASE with its timeouts; WRITE SAME (16).
    const auto list = *from_hex(
        "000000242800000000"
        "00000a480000020003000a000a0000000000000000000093000000"
        "00000010");
    const auto find = [&](std::uint8_t opcode, std::optional<std::uint16_t> action = {}) {
        return scsi::find_support(list, opcode, action);
    };
    CHECK(find(0x28) == scsi::Support::supported);
    CHECK(find(0x93) == scsi::Support::supported);
    CHECK(find(0x48, 2) == scsi::Support::supported);
    CHECK(find(0x48, 3) == scsi::Support::unsupported);
    CHECK(find(0x41) == scsi::Support::unsupported);
    for (std::size_t bytes = 0; bytes < list.size(); ++bytes) {
        CHECK_FALSE(scsi::find_support(ByteView(list).first(bytes), 0x41, {}).has_value());
    }
    CHECK_FALSE(scsi::find_support(*from_hex("00000000"), 0x41, {}).has_value());
}

TEST_CASE("logical units are counted by the length of their list") {
    CHECK(scsi::decode_lun_count(*from_hex("00000010000000000000000000000000")) == 2U);
    CHECK_FALSE(scsi::decode_lun_count(*from_hex("000000")).has_value());
}

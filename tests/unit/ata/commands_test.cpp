// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/capacity.hpp"
#include "efface/ata/identify.hpp"
#include "efface/ata/logs.hpp"
#include "efface/ata/sanitize.hpp"
#include "efface/ata/security.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::ata;
using device::AtaCommand;
using device::AtaRegisters;

TEST_CASE("SANITIZE STATUS EXT tells four bits and a progress", "[ata]") {
    const auto idle = decode_sanitize_status({.status = 0x50, .count = 0x0000, .lba = 0xffff});
    CHECK_FALSE(idle.completed_without_error);
    CHECK_FALSE(idle.in_progress);
    CHECK_FALSE(idle.progress);

    const auto running = decode_sanitize_status({.status = 0x50, .count = 0x4000, .lba = 0x8000});
    CHECK(running.in_progress);
    CHECK_FALSE(running.completed_without_error);
    CHECK(running.progress == 0x8000);

    const auto done = decode_sanitize_status({.status = 0x50, .count = 0x8000, .lba = 0xffff});
    CHECK(done.completed_without_error);
    CHECK_FALSE(done.in_progress);
    CHECK_FALSE(done.progress);

    CHECK(decode_sanitize_status({.status = 0x50, .count = 0x2000}).frozen);
    CHECK(decode_sanitize_status({.status = 0x50, .count = 0x1000}).antifreeze);
}

TEST_CASE("A progress of FFFFh is none, also while an operation runs", "[ata]") {
    const auto status = decode_sanitize_status({.status = 0x50, .count = 0x4000, .lba = 0xffff});
    CHECK(status.in_progress);
    CHECK_FALSE(status.progress);
}

TEST_CASE("A refused SANITIZE tells why in LBA 7:0", "[ata]") {
    const auto reason = [](std::uint64_t lba) {
        return decode_sanitize_error({.status = 0x51, .error = 0x04, .lba = lba});
    };
    CHECK(reason(0) == SanitizeError::not_reported);
    CHECK(reason(1) == SanitizeError::unsuccessful);
    CHECK(reason(2) == SanitizeError::unsupported);
    CHECK(reason(3) == SanitizeError::frozen);
    CHECK(reason(4) == SanitizeError::antifreeze);
    CHECK(reason(0x55) == SanitizeError::reserved);
}

TEST_CASE("CLEAR SANITIZE OPERATION FAILED is bit 0 of COUNT", "[ata]") {
    CHECK(sanitize_status(true).count == 1);
    CHECK(sanitize_status().count == 0);
    CHECK(sanitize_overwrite(0, 16).count == 0);
}

TEST_CASE("Blocks of the SECURITY commands hold the password from byte 2 on", "[ata]") {
    const Bytes password(32, 0x41);
    const auto set = password_block_set(password);
    REQUIRE(set.size() == 512);
    CHECK(set.view()[0] == 0);
    CHECK(set.view()[1] == 0);
    CHECK(set.view()[2] == 0x41);
    CHECK(set.view()[33] == 0x41);
    CHECK(all_zero(set.view().subspan(34)));
    CHECK(password_block_erase(password, false).view()[0] == 0x00);
    CHECK(password_block_erase(password, true).view()[0] == 0x02);
    CHECK(password_block(password).view()[0] == 0);
}

TEST_CASE("SECURITY commands have the codes that hdparm sends", "[ata]") {
    const Bytes block(512);
    CHECK(security_set_password(block).command == 0xf1);
    CHECK(security_unlock(block).command == 0xf2);
    CHECK(security_erase_prepare().command == 0xf3);
    CHECK(security_erase_prepare().protocol == AtaCommand::Protocol::non_data);
    const auto erase = security_erase_unit(block, std::chrono::hours(12));
    CHECK(erase.command == 0xf4);
    CHECK(erase.protocol == AtaCommand::Protocol::pio_out);
    CHECK(erase.count == 1);
    CHECK(erase.timeout == std::chrono::hours(12));
    CHECK(security_disable_password(block).command == 0xf6);
}

TEST_CASE("TRUSTED SEND and RECEIVE carry protocol, length and SP specific", "[ata]") {
    Bytes into(1024);
    const auto receive = trusted_receive(0x01, 0x0abc, into);
    CHECK(receive.command == 0x5c);
    CHECK(receive.features == 0x01);
    CHECK(receive.count == 2);
    CHECK(receive.lba == 0x0abc00);
    CHECK(receive.protocol == AtaCommand::Protocol::pio_in);
    const auto send = trusted_send(0x02, 0x1000, into);
    CHECK(send.command == 0x5e);
    CHECK(send.lba == 0x100000);
    CHECK(send.protocol == AtaCommand::Protocol::pio_out);
}

TEST_CASE("Maximum addresses are asked for and set in 28 and 48 bits", "[ata]") {
    CHECK(read_native_max_address(false).command == 0xf8);
    CHECK_FALSE(read_native_max_address(false).extended);
    CHECK(read_native_max_address(true).command == 0x27);
    CHECK(read_native_max_address(true).extended);
    CHECK(set_max_address(false, 0x0abcdef1).command == 0xf9);
    const auto set = set_max_address(true, 0x123456789abc);
    CHECK(set.command == 0x37);
    CHECK(set.count == 1);  // not volatile
    CHECK(set.lba == 0x123456789abc);
    CHECK(get_native_max_address().command == 0x78);
    CHECK(get_native_max_address().features == 0);
    CHECK(set_accessible_max_address(9).features == 1);
    CHECK(set_accessible_max_address(9).count == 0);

    const AtaRegisters registers{.status = 0x50, .lba = 0x0000dd3bbeaf, .device = 0x4e};
    CHECK(decode_max_lba(registers, true) == 0xdd3bbeaf);
    CHECK(decode_max_lba(registers, false) == 0x0e3bbeaf);
}

TEST_CASE("DEVICE CONFIGURATION IDENTIFY tells the true maximum address", "[ata]") {
    CHECK(dco_restore().features == 0xc0);
    CHECK(dco_freeze_lock().features == 0xc1);
    Bytes page(512);
    CHECK(dco_identify(page).features == 0xc2);
    CHECK(dco_identify(page).command == 0xb1);
    CHECK_FALSE(decode_dco_max_lba(page));
    // Revision 2, modes, and 3907029167 (a disk of 2 TB) in bytes 6 to 13.
    const Bytes begin{0x02, 0x00, 0x07, 0x00, 0x7f, 0x00, 0xaf, 0x88, 0xe0, 0xe8, 0, 0, 0, 0};
    std::copy(begin.begin(), begin.end(), page.begin());
    CHECK(decode_dco_max_lba(page) == 3907029167);
    page[510] = 0xa5;
    page[511] = 0xd5;  // 02+07+7f+af+88+e0+e8+a5+d5 = 600h
    CHECK(decode_dco_max_lba(page) == std::nullopt);
    page[511] = 0xd4;
    CHECK_FALSE(decode_dco_max_lba(Bytes(13)));
}

TEST_CASE("Sectors are written and flushed by the 48-bit commands, or the older ones", "[ata]") {
    const Bytes sectors(1024);
    const auto wide = ata::write_sectors(true, 0x123456789, 2, sectors);
    CHECK(wide.command == 0x34);
    CHECK(wide.extended);
    CHECK(wide.protocol == device::AtaCommand::Protocol::pio_out);
    CHECK(wide.count == 2);
    CHECK(wide.lba == 0x123456789);
    CHECK(wide.write_from.size() == 1024);
    const auto narrow = ata::write_sectors(false, 7, 2, sectors);
    CHECK(narrow.command == 0x30);
    CHECK_FALSE(narrow.extended);
    CHECK(ata::flush_cache(true).command == 0xea);
    CHECK(ata::flush_cache(false).command == 0xe7);
}

TEST_CASE("READ LOG EXT addresses a log and a page", "[ata]") {
    Bytes into(512);
    const auto command = read_log(0x30, 0x06, into);
    CHECK(command.command == 0x2f);
    CHECK(command.lba == 0x000000000630);
    CHECK(command.count == 1);
    CHECK(command.extended);
    CHECK(read_log(0x04, 0x0102, into).lba == 0x000100000204);
}

TEST_CASE("The log directory and the security page are read where they are valid", "[ata]") {
    Bytes directory(512);
    directory[0] = 1;
    directory[0x60] = 9;
    CHECK(decode_log_pages(directory, 0x30) == 9);
    CHECK(decode_log_pages(directory, 0x10) == 0);
    directory[0] = 0;
    CHECK(decode_log_pages(directory, 0x30) == 0);

    Bytes page(512);
    page[0] = 0x01;  // revision 1
    page[2] = 0x06;
    page[7] = 0x80;
    page[48] = 0x81;
    page[55] = 0x80;
    const auto security = decode_security_page(page);
    REQUIRE(security);
    CHECK(security->encrypts_all);
    CHECK(security->restricted_sanitize_overrides_security);
    page[2] = 0x05;
    CHECK_FALSE(decode_security_page(page));
}

TEST_CASE("Log 10h tells which queued command failed", "[ata]") {
    Bytes page(512);
    page[0] = 0x05;
    page[2] = 0x41;
    page[3] = 0x40;
    page[4] = 0x11;
    page[8] = 0x22;
    page[511] = 0x47;
    const auto error = decode_ncq_error(page);
    REQUIRE(error);
    CHECK(error->queued);
    CHECK(error->tag == 5);
    CHECK(error->status == 0x41);
    CHECK(error->error == 0x40);
    CHECK(error->lba == 0x22000011);
    page[511] = 0;
    CHECK_FALSE(decode_ncq_error(page));
}

TEST_CASE("The error register is told in the words of the standard", "[ata]") {
    CHECK(error_text({.status = 0x51, .error = 0x40}) == "UNC");
    CHECK(error_text({.status = 0x51, .error = 0x14}) == "IDNF ABRT");
    CHECK(error_text({.status = 0x71, .error = 0x04}) == "ABRT DF");
    CHECK(error_text({.status = 0x51, .error = 0x00}) == "ERR");
}

// SPDX-License-Identifier: Apache-2.0
#include "efface/ata/sat_tunnel.hpp"

#include <cerrno>

#include "efface/ata/capacity.hpp"
#include "efface/ata/identify.hpp"
#include "efface/ata/sanitize.hpp"
#include "efface/ata/security.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::ata;

namespace {

std::string cdb(const device::AtaCommand& command) {
    return to_hex(encode_pass_through(command).cdb);
}

device::AtaCompletion answer(const char* sense, std::uint8_t status = 2) {
    device::ScsiCompletion completion;
    completion.status = status;
    completion.sense = *from_hex(sense);
    return decode_pass_through(sanitize_status(), completion);
}

}  // namespace

TEST_CASE("SANITIZE DEVICE goes out as the reference CDBs", "[ata]") {
    CHECK(cdb(sanitize_block_erase()) == "8507200012000042720045006b40b400");
    CHECK(cdb(sanitize_crypto_scramble()) == "8507200011000043700079007240b400");
    CHECK(cdb(sanitize_overwrite(0, 1)) == "85072000140001000057004f0040b400");
    CHECK(cdb(sanitize_status()) == "8507200000000000000000000040b400");
}

TEST_CASE("Commands with data say their length in COUNT", "[ata]") {
    Bytes page(512);
    // PIO data-in, T_DIR, BYT_BLOK, length in COUNT.
    CHECK(cdb(identify_device(page)) == "85080e0000000100000000000040ec00");
    const Bytes block(512);
    CHECK(cdb(security_erase_unit(block, std::chrono::hours(1))) ==
          "850a260000000100000000000040f400");
    Bytes sectors(4096);
    CHECK(cdb(read_sectors(true, 0x010203040506, 8, sectors)) ==
          "85090e00000008030602050104402400");
    // One logical sector of 4096 bytes: T_TYPE.
    CHECK(cdb(read_sectors(true, 0, 1, sectors)) == "85091e00000001000000000000402400");
    // 28 bits: LBA 27:24 in DEVICE.
    CHECK(cdb(read_sectors(false, 0x0a123456, 8, sectors)) == "85080e000000080056003400124a2000");
}

TEST_CASE("Registers come from the ATA Status Return descriptor", "[ata]") {
    // As libata sends it: 1/00/1D, descriptor 09h, EXTEND, COUNT 8000h, LBA FFFFh, status 50h.
    const auto completion = answer("7201001d0000000e090c0100800000ff00ff00004050");
    CHECK(completion.accepted);
    CHECK(completion.error == 0);
    REQUIRE(completion.registers);
    CHECK(completion.registers->count == 0x8000);
    CHECK(completion.registers->lba == 0xffff);
    CHECK(completion.registers->device == 0x40);
    CHECK(completion.registers->status == 0x50);
    CHECK_FALSE(completion.registers->failed());
}

TEST_CASE("A long address is put together in the order of the descriptor", "[ata]") {
    const auto completion = answer("7201001d0000000e090c010001020306020501040050");
    REQUIRE(completion.registers);
    CHECK(completion.registers->count == 0x0102);
    CHECK(completion.registers->lba == 0x010203040506);
}

TEST_CASE("An aborted command still gives its registers", "[ata]") {
    const auto completion = answer("720b00000000000e090c010400000003000000004051");
    CHECK_FALSE(completion.accepted);
    REQUIRE(completion.registers);
    CHECK(completion.registers->failed());
    CHECK(completion.registers->error == 0x04);
    CHECK(completion.registers->lba == 3);
}

TEST_CASE("The descriptor is found behind others", "[ata]") {
    const auto completion =
        answer("7201001d0000001a000a80000000000000000000090c0100c00000ff00ff00004050");
    REQUIRE(completion.registers);
    CHECK(completion.registers->count == 0xc000);
}

TEST_CASE("Fixed-format sense is no status", "[ata]") {
    const auto completion = answer("700001045140000a00030000001d00000000");
    CHECK_FALSE(completion.accepted);  // its STATUS byte says ERR
    CHECK_FALSE(completion.registers);
    const auto recovered = answer("700001005040000a80ff00ff001d00000000");
    CHECK_FALSE(recovered.registers);
    CHECK(recovered.note.find("fixed-format") != std::string::npos);
}

TEST_CASE("A failure is read from fixed-format sense, as libata sends each", "[ata]") {
    // Linux 6.1 with a disk of QEMU behind AHCI: status 41h, error 04h, behind INFORMATION.
    const auto libata = answer("70000b000000000a0441e0010000000080000000");
    CHECK_FALSE(libata.accepted);
    REQUIRE(libata.registers);
    CHECK(libata.registers->failed());
    CHECK(libata.registers->status == 0x41);
    CHECK(libata.registers->error == 0x04);
    CHECK(libata.registers->device == 0xe0);
    CHECK(libata.registers->count == 1);
    // As SAT-4 has it: a SANITIZE that was frozen, LBA 7:0 = 2.
    const auto standard = answer("70000b045140000a0002000000000000000000");
    REQUIRE(standard.registers);
    CHECK(standard.registers->status == 0x51);
    CHECK(standard.registers->lba == 2);
    // A link reset, a busy device, and sense that is cut off tell of no registers.
    CHECK_FALSE(answer("70000b000000000a00000000470000000000").registers);
    CHECK_FALSE(answer("70000b000000000a0481e0010000000080000000").registers);
    CHECK_FALSE(answer("70000b000000000a0441e00100000000").registers);
}

TEST_CASE("5/21/04 with the drive's registers is the drive's own refusal", "[ata]") {
    // A frozen drive behind libata, as it was reported (lenovo-password #4).
    const auto frozen = answer("700005000000000a04514001210400000000");
    REQUIRE(frozen.registers);
    CHECK(frozen.registers->failed());
    CHECK(frozen.registers->error == 0x04);
    CHECK_FALSE(frozen.withheld);
    CHECK_FALSE(frozen.accepted);
    // The same in descriptor format; and the layer's own refusals, which have no registers.
    CHECK(answer("720521040000000e090c000400010000000000004051").registers);
    const auto none = answer("700005000000000a00000000210400000000");
    CHECK_FALSE(none.registers);
    CHECK(none.withheld);
    const auto field = answer("700005000000000a04514001240000000000");
    CHECK_FALSE(field.registers);
    CHECK(field.withheld);
    // A bridge that aborts without a word, and one that is write protected (wdpassport #19).
    CHECK_FALSE(answer("70000b000000000a00000000000000000000").registers);
    CHECK_FALSE(answer("700007000000000a00000000747100000000").registers);
    CHECK_FALSE(answer("700000000000000a00000000000000000000").registers);
    CHECK_FALSE(answer("700001005040010a00000000001d00000000").registers);
}

TEST_CASE("Registers of a 48-bit command without EXTEND are no status, but of a failure", "[ata]") {
    const auto dropped = answer("7201001d0000000e090c0000000000ff00ff00004050");
    CHECK_FALSE(dropped.registers);
    CHECK(dropped.note.find("EXTEND") != std::string::npos);
    CHECK(answer("720b00000000000e090c000400000003000000004051").registers);
}

TEST_CASE("A layer that does not let the command through says so", "[ata]") {
    // libata without allow_tpm=1, for TRUSTED RECEIVE: INVALID FIELD IN CDB.
    const auto kept = answer("700005000000000a00000000240000c000000000");
    CHECK_FALSE(kept.accepted);
    CHECK_FALSE(kept.registers);
    CHECK(kept.withheld);
    CHECK_FALSE(answer("70000b000000000a00000000470000000000").withheld);
}

TEST_CASE("GOOD without sense is no status", "[ata]") {
    const auto completion = answer("", 0);
    CHECK(completion.accepted);
    CHECK_FALSE(completion.registers);
    CHECK(completion.note.find("no sense") != std::string::npos);
}

TEST_CASE("Registers of zeros are no status", "[ata]") {
    const auto completion = answer("7201001d0000000e090c000000000000000000000000");
    CHECK_FALSE(completion.registers);
    CHECK(completion.note.find("empty registers") != std::string::npos);
}

TEST_CASE("Registers with a success bit but an empty status register are none", "[ata]") {
    CHECK_FALSE(answer("7201001d0000000e090c0100800000ff00ff00004000").registers);
}

TEST_CASE("A drive that is still busy has said nothing", "[ata]") {
    CHECK_FALSE(answer("7201001d0000000e090c0100800000ff00ff00004080").registers);
    CHECK_FALSE(answer("7201001d0000000e090c0100ffffffffffffffffffff").registers);
}

TEST_CASE("A bridge that knows no pass-through refuses, and says nothing of the drive", "[ata]") {
    const auto completion = answer("7205200000000000");
    CHECK_FALSE(completion.accepted);
    CHECK_FALSE(completion.registers);
    CHECK(completion.note.find("5/20/00") != std::string::npos);
}

TEST_CASE("A descriptor that is cut off is not read", "[ata]") {
    CHECK_FALSE(answer("7201001d0000000e090c0100800000ff00ff0000").registers);
    CHECK_FALSE(answer("7201001d00000004090c0100800000ff00ff00004050").registers);
    CHECK_FALSE(answer("7201001d0000000e0902ffff090c0100800000ff00ff").registers);
    CHECK_FALSE(answer("72").registers);
    CHECK_FALSE(answer("ff").registers);
}

TEST_CASE("An errno and a host status mean that nobody knows", "[ata]") {
    device::ScsiCompletion completion;
    completion.error = ETIMEDOUT;
    auto decoded = decode_pass_through(sanitize_status(), completion);
    CHECK(decoded.error == ETIMEDOUT);
    CHECK_FALSE(decoded.accepted);
    completion.error = 0;
    completion.host_status = 3;
    decoded = decode_pass_through(sanitize_status(), completion);
    CHECK(decoded.error == EIO);
    CHECK_FALSE(decoded.registers);
}

TEST_CASE("A short transfer is not accepted", "[ata]") {
    Bytes page(512);
    device::ScsiCompletion completion;
    completion.status = 2;
    completion.sense = *from_hex("7201001d0000000e090c000000000000000000004050");
    completion.transferred = 256;
    CHECK_FALSE(decode_pass_through(identify_device(page), completion).accepted);
    completion.transferred = 512;
    CHECK(decode_pass_through(identify_device(page), completion).accepted);
}

TEST_CASE("A command that only met unit attentions is sent again, a bounded number of times",
          "[ata]") {
    struct Layer final : device::ScsiTransport {
        unsigned attentions = 0;
        unsigned commands = 0;
        device::ScsiCompletion submit(const device::ScsiCommand& /*command*/) override {
            ++commands;
            device::ScsiCompletion completion;
            completion.status = 2;
            completion.sense =
                *from_hex(commands <= attentions ? "700006000000000a000000002901000000000000"
                                                 : "7201001d0000000e090c0100800000ff00ff00004050");
            return completion;
        }
    };
    Layer after_reset;
    after_reset.attentions = 2;
    const auto status = SatTunnel(after_reset).submit(sanitize_status());
    REQUIRE(status.registers);
    CHECK(status.registers->count == 0x8000);
    CHECK(after_reset.commands == 3);
    Layer never;
    never.attentions = 1'000;
    const auto answer = SatTunnel(never).submit(sanitize_status());
    CHECK_FALSE(answer.accepted);
    CHECK_FALSE(answer.registers);
    CHECK(never.commands == 8);
}

// SPDX-License-Identifier: Apache-2.0
// The three ways to carry TCG, against what peers send: nvme_sec_submit() and
// ata_scsi_security_inout_xlat() of the Linux kernel, sedutil's SCSI commands.
#include <cerrno>

#include "efface/method/drive/command_sets.hpp"

#include "catch.hpp"

using namespace efface;

namespace {

struct NvmeWire final : device::NvmeTransport {
    device::NvmeCommand last;
    device::NvmeCompletion completion;
    device::NvmeCompletion submit(const device::NvmeCommand& command) override {
        last = command;
        if (!command.read_into.empty()) {
            command.read_into[0] = 0xab;
        }
        return completion;
    }
};

struct ScsiWire final : device::ScsiTransport {
    device::ScsiCommand last;
    device::ScsiCompletion completion;
    unsigned attentions = 0;  ///< of a bus reset, before the answer
    unsigned commands = 0;
    device::ScsiCompletion submit(const device::ScsiCommand& command) override {
        last = command;
        ++commands;
        if (attentions > 0) {
            --attentions;
            device::ScsiCompletion attention;
            attention.status = 0x02;
            attention.sense = *from_hex("700006000000000a000000002902000000000000");
            return attention;
        }
        return completion;
    }
};

struct AtaWire final : device::AtaTransport {
    device::AtaCommand last;
    device::AtaCompletion completion{0, true, std::nullopt, {}};
    device::AtaCompletion submit(const device::AtaCommand& command) override {
        last = command;
        return completion;
    }
};

}  // namespace

TEST_CASE("NVMe carries the protocol and the ComID in cdw10, the length in cdw11") {
    NvmeWire wire;
    const auto channel = method::make_security_channel(wire);
    Bytes data(2048, 0xff);
    CHECK(channel->receive(0x01, 0x1004, data).accepted);
    CHECK(wire.last.opcode == 0x82);
    CHECK(wire.last.queue == device::NvmeCommand::Queue::admin);
    CHECK(wire.last.nsid == 0);
    CHECK(wire.last.cdw10 == 0x01100400);
    CHECK(wire.last.cdw11 == 2048);
    CHECK(wire.last.read_into.data() == data.data());
    CHECK(data[0] == 0xab);
    CHECK(all_zero(ByteView(data).subspan(1)));  // what the drive did not send

    const Bytes block(512, 1);
    CHECK(channel->send(0x02, 0x07fe, block).accepted);
    CHECK(wire.last.opcode == 0x81);
    CHECK(wire.last.cdw10 == 0x0207fe00);
    CHECK(wire.last.cdw11 == 512);
    CHECK(wire.last.write_from.data() == block.data());

    wire.completion.status = 0x4015;  // DNR, generic, Operation Denied
    const auto refused = channel->send(0x01, 0x1004, block);
    CHECK_FALSE(refused.accepted);
    CHECK(refused.error == 0);
    CHECK(refused.refusal == "NVMe status: Operation Denied (sct 0 sc 15h)");
    wire.completion = {EIO, 0, 0};
    CHECK(channel->send(0x01, 0x1004, block).error == EIO);
    CHECK_FALSE(channel->send(0x01, 0x1004, block).accepted);
}

TEST_CASE("SCSI counts blocks of 512 bytes") {
    ScsiWire wire;
    const auto channel = method::make_security_channel(wire);
    Bytes data(2048, 0xff);
    CHECK(channel->receive(0x01, 0x1004, data).accepted);
    CHECK(to_hex(wire.last.cdb) == "a20110048000000000040000");
    CHECK(all_zero(data));
    const Bytes block(512, 1);
    CHECK(channel->send(0x01, 0x07fe, block).accepted);
    CHECK(to_hex(wire.last.cdb) == "b50107fe8000000000010000");

    wire.completion.status = 0x02;
    wire.completion.sense = *from_hex("700005000000000a000000002000000000");
    CHECK(channel->send(0x01, 0x07fe, block).refusal ==
          "SCSI: 5/20/00 invalid command operation code");
    wire.completion.sense = *from_hex("7205240000000000");
    CHECK(channel->send(0x01, 0x07fe, block).refusal == "SCSI: 5/24/00 invalid field in CDB");
    wire.completion.sense = *from_hex("70");
    CHECK(channel->send(0x01, 0x07fe, block).refusal == "SCSI: unreadable sense data: 70");
    wire.completion.host_status = 7;
    const auto lost = channel->send(0x01, 0x07fe, block);
    CHECK(lost.error != 0);
    CHECK_FALSE(lost.accepted);
}

TEST_CASE("a SCSI command that only met unit attentions is sent again, a bounded number of times") {
    ScsiWire wire;
    const auto channel = method::make_security_channel(wire);
    Bytes data(512);
    wire.attentions = 2;
    CHECK(channel->receive(0x01, 0x0001, data).accepted);
    CHECK(wire.commands == 3);
    wire.attentions = 1'000;
    const auto refused = channel->send(0x01, 0x1004, data);
    CHECK((!refused.accepted && refused.error == 0));
    CHECK(refused.refusal == "SCSI: 6/29/02 bus reset occurred");
    CHECK(wire.commands < 20);
}

TEST_CASE("ATA has the protocol in FEATURE and the ComID in LBA 23:8") {
    AtaWire wire;
    const auto channel = method::make_security_channel(wire);
    Bytes data(2048, 0xff);
    CHECK(channel->receive(0x01, 0x1004, data).accepted);
    CHECK(wire.last.command == 0x5c);
    CHECK(wire.last.protocol == device::AtaCommand::Protocol::pio_in);
    CHECK(wire.last.features == 0x01);
    CHECK(wire.last.count == 4);
    CHECK(wire.last.lba == 0x100400);
    CHECK_FALSE(wire.last.extended);
    const Bytes large(512 * 0x23, 1);
    CHECK(channel->send(0x02, 0x07fe, large).accepted);
    CHECK(wire.last.command == 0x5e);
    CHECK(wire.last.protocol == device::AtaCommand::Protocol::pio_out);
    CHECK(wire.last.features == 0x02);
    CHECK(wire.last.count == 0x23);
    CHECK(wire.last.lba == 0x07fe00);

    wire.completion = {0, false, device::AtaRegisters{0x51, 0x04, 0, 0, 0}, {}};
    const auto refused = channel->send(0x01, 0x1004, data);
    CHECK((!refused.accepted && refused.error == 0));
    CHECK(refused.refusal == "ATA status 51h error 04h");
    // Without registers nobody knows what the device did.
    wire.completion = {0, false, std::nullopt, "the bridge gave no registers"};
    CHECK(channel->send(0x01, 0x1004, data).error != 0);
    CHECK(channel->receive(0x01, 0x1004, data).error != 0);
    // libata without allow_tpm=1: a question that is not let through is one that is refused.
    wire.completion.withheld = true;
    const auto kept = channel->receive(0x01, 0x0001, data);
    CHECK((!kept.accepted && kept.error == 0));
    CHECK(channel->send(0x01, 0x1004, data).error != 0);
}

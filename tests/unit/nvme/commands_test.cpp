// SPDX-License-Identifier: Apache-2.0
// The values are in NVMe Base 2.3 (figures of the command dwords), or nvme-cli sends them.
#include "efface/nvme/commands.hpp"

#include "catch.hpp"

using namespace efface;
using nvme::SanitizeAction;

TEST_CASE("Sanitize has the command dwords of the specification", "[nvme]") {
    nvme::Sanitize sanitize;
    sanitize.action = SanitizeAction::crypto_erase;
    CHECK(nvme::encode(sanitize).opcode == 0x84);
    CHECK(nvme::encode(sanitize).cdw10 == 0x4);
    CHECK(nvme::encode(sanitize).nsid == 0);
    sanitize.enter_media_verification = true;
    CHECK(nvme::encode(sanitize).cdw10 == 0x404);
    sanitize.action = SanitizeAction::block_erase;
    CHECK(nvme::encode(sanitize).cdw10 == 0x402);
    CHECK(nvme::encode({SanitizeAction::exit_media_verification}).cdw10 == 0x5);
}

TEST_CASE("an overwrite is one pass and never sixteen", "[nvme]") {
    nvme::Sanitize sanitize;
    sanitize.action = SanitizeAction::overwrite;
    sanitize.overwrite_passes = 1;
    CHECK(nvme::encode(sanitize).cdw10 == 0x13);
    CHECK(nvme::encode(sanitize).cdw11 == 0);
    sanitize.no_deallocate = true;
    sanitize.pattern = 0xdeadbeef;
    CHECK(nvme::encode(sanitize).cdw10 == 0x213);
    CHECK(nvme::encode(sanitize).cdw11 == 0xdeadbeef);
}

TEST_CASE("the sanitize of someone else is read back", "[nvme]") {
    const auto sixteen = nvme::decode_sanitize(0x00b, 7);
    CHECK(sixteen.action == SanitizeAction::overwrite);
    CHECK(sixteen.allow_unrestricted_exit);
    CHECK(sixteen.overwrite_passes == 0);
    CHECK(sixteen.pattern == 7);
    const auto verified = nvme::decode_sanitize(0x402);
    CHECK(verified.action == SanitizeAction::block_erase);
    CHECK(verified.enter_media_verification);
    // Bit 4 of a Sanitize Namespace is PREQ, not a number of passes.
    const auto name_space = nvme::decode_sanitize_namespace(0x41c);
    CHECK(name_space.action == SanitizeAction::crypto_erase);
    CHECK(name_space.allow_unrestricted_exit);
    CHECK(name_space.overwrite_passes == 0);
    CHECK(name_space.enter_media_verification);
}

TEST_CASE("Format NVM keeps the present format, metadata and protection", "[nvme]") {
    nvme::NamespaceIdentity present;
    // nvme format --ses=1 / --ses=2 on LBA format 0.
    CHECK(nvme::format_cdw10(present, nvme::SecureErase::user_data) == 0x200);
    CHECK(nvme::format_cdw10(present, nvme::SecureErase::cryptographic) == 0x400);
    // LBAFL 3, MSET, PI type 2, PIL, and LBA format 17 with its upper bits in LBAFU.
    present.lba_format = 3;
    present.extended_metadata = true;
    present.protection = 0xa;
    CHECK(nvme::format_cdw10(present, nvme::SecureErase::user_data) == 0x353);
    present = {};
    present.lba_format = 17;
    CHECK(nvme::format_cdw10(present, nvme::SecureErase::none) == 0x1001);
    const auto command =
        nvme::format_nvm(nvme::kAllNamespaces, 0x200, std::chrono::milliseconds(5));
    CHECK(command.opcode == 0x80);
    CHECK(command.nsid == 0xffffffff);
    CHECK(command.timeout.count() == 5);
}

TEST_CASE("Get Log Page counts dwords from zero", "[nvme]") {
    Bytes page(512);
    const auto sanitize = nvme::get_log_page(nvme::LogPage::sanitize_status, 0xffffffff, page);
    CHECK(sanitize.opcode == 0x02);
    CHECK(sanitize.cdw10 == 0x007f0081);
    CHECK(sanitize.cdw11 == 0);
    CHECK(sanitize.read_into.size() == 512);
    Bytes large(0x50000);
    const auto events =
        nvme::get_log_page(nvme::LogPage::persistent_events, 0xffffffff, large, 0x100000200, 1);
    CHECK(events.cdw10 == 0x3fff010d);
    CHECK(events.cdw11 == 1);
    CHECK(events.cdw12 == 0x200);
    CHECK(events.cdw13 == 1);
}

TEST_CASE("Identify names the structure in its lowest byte", "[nvme]") {
    Bytes page(nvme::kIdentifyBytes);
    const auto list = nvme::identify(nvme::Cns::allocated_namespaces, 5, page);
    CHECK(list.opcode == 0x06);
    CHECK(list.nsid == 5);
    CHECK(list.cdw10 == 0x10);
}

TEST_CASE("Security Send and Receive carry protocol and ComID", "[nvme]") {
    Bytes block(512);
    const auto discovery = nvme::security_receive(0x01, 0x0001, block);
    CHECK(discovery.opcode == 0x82);
    CHECK(discovery.cdw10 == 0x01000100);
    CHECK(discovery.cdw11 == 512);
    const auto session = nvme::security_send(0x01, 0x07fe, block);
    CHECK(session.opcode == 0x81);
    CHECK(session.cdw10 == 0x0107fe00);
    CHECK(session.write_from.size() == 512);
}

TEST_CASE("Write and Flush are I/O commands of their namespace", "[nvme]") {
    const Bytes blocks(1024);
    const auto write = nvme::write(3, 0x123456789, 512, blocks);
    CHECK(write.queue == device::NvmeCommand::Queue::io);
    CHECK(write.opcode == 0x01);
    CHECK(write.nsid == 3);
    CHECK(write.cdw10 == 0x23456789);
    CHECK(write.cdw11 == 1);
    CHECK(write.cdw12 == 1);
    CHECK(write.write_from.size() == 1024);
    const auto flush = nvme::flush(3);
    CHECK(flush.queue == device::NvmeCommand::Queue::io);
    CHECK(flush.opcode == 0x00);
    CHECK(flush.nsid == 3);
}

TEST_CASE("Get Features 05h asks for the current Error Recovery; DULBE is bit 16", "[nvme]") {
    const auto command = nvme::get_error_recovery(7);
    CHECK(command.queue == device::NvmeCommand::Queue::admin);
    CHECK(command.opcode == 0x0a);
    CHECK(command.nsid == 7);
    CHECK(command.cdw10 == 0x05);
    CHECK(nvme::deallocated_is_error(0x00010000));
    CHECK_FALSE(nvme::deallocated_is_error(0x0000ffff));
}

TEST_CASE("Namespace Attachment sends a list of one controller", "[nvme]") {
    const Bytes list = nvme::controller_list(0x0102);
    REQUIRE(list.size() == 4096);
    CHECK(Bytes(list.begin(), list.begin() + 6) == Bytes{1, 0, 2, 1, 0, 0});
    const auto attach = nvme::attach_namespace(5, list);
    CHECK(attach.opcode == 0x15);
    CHECK(attach.nsid == 5);
    CHECK(attach.cdw10 == 0);
    CHECK(attach.write_from.size() == 4096);
    CHECK(nvme::detach_namespace(5, list).cdw10 == 1);
}

TEST_CASE("Read counts blocks from zero", "[nvme]") {
    Bytes blocks(4096);
    const auto read = nvme::read(2, 0x123456789, 512, blocks);
    CHECK(read.queue == device::NvmeCommand::Queue::io);
    CHECK(read.opcode == 0x02);
    CHECK(read.nsid == 2);
    CHECK(read.cdw10 == 0x23456789);
    CHECK(read.cdw11 == 1);
    CHECK(read.cdw12 == 7);
    CHECK(nvme::command_dwords(read) == Bytes{0x89, 0x67, 0x45, 0x23, 1, 0, 0, 0, 7, 0, 0, 0,
                                              0,    0,    0,    0,    0, 0, 0, 0, 0, 0, 0, 0});
}

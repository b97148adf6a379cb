// SPDX-License-Identifier: Apache-2.0
#include "efface/method/security_channel.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

namespace efface::method {

namespace {

constexpr std::size_t kSecurityBlock = 512;
constexpr std::size_t kSecurityBlocksMax = 0xffff;  ///< of the ATA commands

/// A method may keep the drive busy within the command that fetches its answer.
constexpr std::chrono::milliseconds kSecurityTimeout{60'000};

std::size_t blocks_of(std::size_t bytes) {
    EFFACE_ASSERT(bytes != 0 && bytes % kSecurityBlock == 0 &&
                  bytes / kSecurityBlock <= kSecurityBlocksMax);
    return bytes / kSecurityBlock;
}

class NvmeSecurityChannel final : public device::SecurityTransport {
  public:
    explicit NvmeSecurityChannel(device::NvmeTransport& transport) : transport_(transport) {}

    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override {
        std::fill(into.begin(), into.end(), std::uint8_t{0});
        auto command = make(kReceive, protocol, specific, into.size());
        command.read_into = into;
        return submit(command);
    }
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override {
        auto command = make(kSend, protocol, specific, from.size());
        command.write_from = from;
        return submit(command);
    }

  private:
    static constexpr std::uint8_t kSend = 0x81;
    static constexpr std::uint8_t kReceive = 0x82;

    /// cdw10: SECP 31:24, SPSP 23:08, NSSF 7:0; cdw11: bytes.
    static device::NvmeCommand make(std::uint8_t opcode, std::uint8_t protocol,
                                    std::uint16_t specific, std::size_t bytes) {
        device::NvmeCommand command;
        command.opcode = opcode;
        command.cdw10 = (std::uint32_t{protocol} << 24U) | (std::uint32_t{specific} << 8U);
        command.cdw11 = static_cast<std::uint32_t>(blocks_of(bytes) * kSecurityBlock);
        command.timeout = kSecurityTimeout;
        return command;
    }

    device::SecurityAnswer submit(const device::NvmeCommand& command) {
        const auto completion = transport_.submit(command);
        if (completion.error != 0 || completion.succeeded()) {
            return {completion.error, completion.succeeded(), {}};
        }
        return {0, false,
                fmt::format("NVMe status: sct {} sc {:02X}h", (completion.status >> 8U) & 7U,
                            completion.status & 0xffU)};
    }

    device::NvmeTransport& transport_;
};

class ScsiSecurityChannel final : public device::SecurityTransport {
  public:
    explicit ScsiSecurityChannel(device::ScsiTransport& transport) : transport_(transport) {}

    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override {
        std::fill(into.begin(), into.end(), std::uint8_t{0});
        auto command = make(kIn, protocol, specific, into.size());
        command.read_into = into;
        return submit(command);
    }
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override {
        auto command = make(kOut, protocol, specific, from.size());
        command.write_from = from;
        return submit(command);
    }

  private:
    static constexpr std::uint8_t kIn = 0xa2;
    static constexpr std::uint8_t kOut = 0xb5;
    static constexpr std::uint8_t kInc512 = 0x80;

    /// Byte 1: protocol, 2 and 3: specific, 4 bit 7: INC_512, 6 to 9: blocks.
    static device::ScsiCommand make(std::uint8_t opcode, std::uint8_t protocol,
                                    std::uint16_t specific, std::size_t bytes) {
        device::ScsiCommand command;
        command.cdb.assign(12, 0);
        command.cdb[0] = opcode;
        command.cdb[1] = protocol;
        write_be(MutableByteView(command.cdb), 2, specific);
        command.cdb[4] = kInc512;
        write_be(MutableByteView(command.cdb), 6, static_cast<std::uint32_t>(blocks_of(bytes)));
        command.timeout = kSecurityTimeout;
        return command;
    }

    /// "5/24/00": sense key, code and qualifier of either format (SPC-5, 4.4).
    static std::string sense_text(ByteView sense) {
        const unsigned format = sense.empty() ? 0 : sense[0] & 0x7fU;
        if ((format == 0x72 || format == 0x73) && sense.size() >= 4) {
            return fmt::format("{:X}/{:02X}/{:02X}", sense[1] & 0xfU, sense[2], sense[3]);
        }
        if ((format == 0x70 || format == 0x71) && sense.size() >= 14) {
            return fmt::format("{:X}/{:02X}/{:02X}", sense[2] & 0xfU, sense[12], sense[13]);
        }
        return "none";
    }

    device::SecurityAnswer submit(const device::ScsiCommand& command) {
        const auto completion = transport_.submit(command);
        if (completion.error != 0) {
            return {completion.error, false, {}};
        }
        if (completion.host_status != 0) {
            return {EIO, false, fmt::format("adapter status {}", completion.host_status)};
        }
        if (completion.good()) {
            return {0, true, {}};
        }
        return {0, false,
                fmt::format("SCSI status {:02X}h, sense {}", completion.status,
                            sense_text(completion.sense))};
    }

    device::ScsiTransport& transport_;
};

class AtaSecurityChannel final : public device::SecurityTransport {
  public:
    explicit AtaSecurityChannel(device::AtaTransport& transport) : transport_(transport) {}

    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override {
        std::fill(into.begin(), into.end(), std::uint8_t{0});
        auto command = make(kReceive, protocol, specific, into.size());
        command.protocol = device::AtaCommand::Protocol::pio_in;
        command.read_into = into;
        return submit(command);
    }
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override {
        auto command = make(kSend, protocol, specific, from.size());
        command.protocol = device::AtaCommand::Protocol::pio_out;
        command.write_from = from;
        return submit(command);
    }

  private:
    static constexpr std::uint8_t kReceive = 0x5c;
    static constexpr std::uint8_t kSend = 0x5e;

    /// FEATURE: protocol; COUNT: blocks 7:0; LBA 7:0: blocks 15:8; LBA 23:8: specific.
    static device::AtaCommand make(std::uint8_t opcode, std::uint8_t protocol,
                                   std::uint16_t specific, std::size_t bytes) {
        const std::size_t blocks = blocks_of(bytes);
        device::AtaCommand command;
        command.command = opcode;
        command.features = protocol;
        command.count = static_cast<std::uint16_t>(blocks & 0xffU);
        command.lba = (std::uint64_t{specific} << 8U) | (blocks >> 8U);
        command.timeout = kSecurityTimeout;
        return command;
    }

    device::SecurityAnswer submit(const device::AtaCommand& command) {
        const auto completion = transport_.submit(command);
        if (completion.error != 0 || completion.accepted) {
            return {completion.error, completion.error == 0 && completion.accepted, {}};
        }
        if (completion.registers) {
            return {0, false,
                    fmt::format("ATA status {:02X}h error {:02X}h", completion.registers->status,
                                completion.registers->error)};
        }
        if (completion.withheld && command.command == kReceive) {
            // libata without allow_tpm=1. What only asks changes nothing, wherever it came to.
            return {0, false, completion.note};
        }
        // A failure without registers: the device may have done it.
        return {EIO, false, completion.note};
    }

    device::AtaTransport& transport_;
};

}  // namespace

std::unique_ptr<device::SecurityTransport> make_security_channel(device::NvmeTransport& transport) {
    return std::make_unique<NvmeSecurityChannel>(transport);
}

std::unique_ptr<device::SecurityTransport> make_security_channel(device::ScsiTransport& transport) {
    return std::make_unique<ScsiSecurityChannel>(transport);
}

std::unique_ptr<device::SecurityTransport> make_security_channel(device::AtaTransport& transport) {
    return std::make_unique<AtaSecurityChannel>(transport);
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "efface/ata/security.hpp"
#include "efface/method/drive/command_sets.hpp"
#include "efface/nvme/commands.hpp"
#include "efface/nvme/status.hpp"
#include "efface/scsi/commands.hpp"

#include "drive/scsi/session.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kSecurityBlock = 512;

/// A method may keep the drive busy within the command that carries it or fetches its answer; the
/// kernel resets a drive that does not answer in time, and with it what runs.
constexpr std::chrono::milliseconds kSecurityTimeout{300'000};

std::uint32_t security_blocks(ByteView data) {
    EFFACE_ASSERT(!data.empty() && data.size() % kSecurityBlock == 0);
    return static_cast<std::uint32_t>(data.size() / kSecurityBlock);
}

class NvmeSecurityChannel final : public device::SecurityTransport {
  public:
    explicit NvmeSecurityChannel(device::NvmeTransport& transport) : transport_(transport) {}

    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override {
        std::fill(into.begin(), into.end(), std::uint8_t{0});
        return submit(nvme::security_receive(protocol, specific, into));
    }
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override {
        return submit(nvme::security_send(protocol, specific, from));
    }

  private:
    device::SecurityAnswer submit(device::NvmeCommand command) {
        command.timeout = kSecurityTimeout;
        const auto completion = transport_.submit(command);
        if (completion.error != 0 || completion.succeeded()) {
            return {.error = completion.error, .accepted = completion.succeeded(), .refusal = {}};
        }
        return {.refusal = "NVMe status: " + nvme::status_text(completion.status)};
    }

    device::NvmeTransport& transport_;
};

class ScsiSecurityChannel final : public device::SecurityTransport {
  public:
    explicit ScsiSecurityChannel(device::ScsiTransport& transport) : session_(transport) {}

    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override {
        std::fill(into.begin(), into.end(), std::uint8_t{0});
        device::ScsiCommand command;
        command.cdb = scsi::security_protocol_in_cdb(protocol, specific, security_blocks(into));
        command.read_into = into;
        return submit(command);
    }
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override {
        device::ScsiCommand command;
        command.cdb = scsi::security_protocol_out_cdb(protocol, specific, security_blocks(from));
        command.write_from = from;
        return submit(command);
    }

  private:
    /// A command that met a unit attention was not carried out (SAM-5, section 5.14): a reset
    /// before must not make a drive look like one without TCG.
    device::SecurityAnswer submit(device::ScsiCommand command) {
        command.timeout = kSecurityTimeout;
        const auto completion = session_.send(command);
        if (completion.error != 0) {
            return {.error = completion.error, .refusal = {}};
        }
        if (completion.host_status != 0) {
            return {.error = EIO, .refusal = scsi_answer_text(completion)};
        }
        if (completion.good()) {
            return {.accepted = true, .refusal = {}};
        }
        return {.refusal = "SCSI: " + scsi_answer_text(completion)};
    }

    ScsiSession session_;
};

class AtaSecurityChannel final : public device::SecurityTransport {
  public:
    explicit AtaSecurityChannel(device::AtaTransport& transport) : transport_(transport) {}

    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override {
        std::fill(into.begin(), into.end(), std::uint8_t{0});
        return submit(ata::trusted_receive(protocol, specific, into), true);
    }
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override {
        return submit(ata::trusted_send(protocol, specific, from), false);
    }

  private:
    device::SecurityAnswer submit(device::AtaCommand command, bool asks) {
        command.timeout = kSecurityTimeout;
        const auto completion = transport_.submit(command);
        if (completion.error != 0 || completion.accepted) {
            return {.error = completion.error,
                    .accepted = completion.error == 0 && completion.accepted,
                    .refusal = {}};
        }
        if (completion.registers) {
            return {.refusal =
                        fmt::format("ATA status {:02X}h error {:02X}h",
                                    completion.registers->status, completion.registers->error)};
        }
        if (completion.withheld && asks) {
            // libata without allow_tpm=1. What only asks changes nothing, wherever it came to.
            return {.refusal = completion.note};
        }
        // A failure without registers: the device may have done it.
        return {.error = EIO, .refusal = completion.note};
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

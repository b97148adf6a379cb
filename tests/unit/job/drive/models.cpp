// SPDX-License-Identifier: Apache-2.0
#include "models.hpp"

#include <cerrno>

#include "efface/method/drive/command_sets.hpp"

#include "drive/identified_set.hpp"

namespace efface::job {

namespace {

/// What the kernel's drivers do with a read or a write; any answer but success is EIO.
class NvmeSurface final : public device::BlockTarget {
  public:
    NvmeSurface(device::NvmeTransport& transport, std::uint32_t nsid, std::uint64_t blocks,
                std::uint32_t block_bytes)
        : transport_(transport), nsid_(nsid), blocks_(blocks), block_bytes_(block_bytes) {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return blocks_ * block_bytes_; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return block_bytes_; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        auto command = transfer(0x02, offset, into.size());
        command.read_into = into;
        return done(command, into.size());
    }
    device::IoResult write_at(std::uint64_t offset, ByteView from) override {
        auto command = transfer(0x01, offset, from.size());
        command.write_from = from;
        return done(command, from.size());
    }
    int flush() override {
        device::NvmeCommand command;
        command.queue = device::NvmeCommand::Queue::io;
        command.nsid = nsid_;
        return transport_.submit(command).succeeded() ? 0 : EIO;
    }

  private:
    [[nodiscard]] device::NvmeCommand transfer(std::uint8_t opcode, std::uint64_t offset,
                                               std::size_t bytes) const {
        device::NvmeCommand command;
        command.queue = device::NvmeCommand::Queue::io;
        command.opcode = opcode;
        command.nsid = nsid_;
        command.cdw10 = static_cast<std::uint32_t>(offset / block_bytes_);
        command.cdw12 = static_cast<std::uint32_t>(bytes / block_bytes_ - 1);
        return command;
    }
    device::IoResult done(const device::NvmeCommand& command, std::size_t bytes) {
        return transport_.submit(command).succeeded() ? device::IoResult{bytes, 0}
                                                      : device::IoResult{0, EIO};
    }
    device::NvmeTransport& transport_;
    std::uint32_t nsid_;
    std::uint64_t blocks_;
    std::uint32_t block_bytes_;
};

class ScsiSurface final : public device::BlockTarget {
  public:
    ScsiSurface(device::ScsiTransport& transport, std::uint32_t block_bytes)
        : transport_(transport), block_bytes_(block_bytes) {}
    /// As the kernel finds it when it looks again; 0 while the drive does not tell, and for blocks
    /// that sd does not take.
    [[nodiscard]] std::uint64_t size_bytes() const override {
        Bytes data(32);
        device::ScsiCommand command;
        command.cdb = {0x9e, 0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32, 0, 0};
        command.read_into = data;
        const auto answer = transport_.submit(command);
        if (answer.good()) {
            block_bytes_ = read_be<std::uint32_t>(data, 8);
            const bool odd = block_bytes_ < 512 || (block_bytes_ & (block_bytes_ - 1)) != 0;
            size_ = odd ? 0 : (read_be<std::uint64_t>(data, 0) + 1) * block_bytes_;
        }
        return size_;
    }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return block_bytes_; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        auto command = transfer(0x88, offset, into.size());
        command.read_into = into;
        return done(command, into.size());
    }
    device::IoResult write_at(std::uint64_t offset, ByteView from) override {
        auto command = transfer(0x8a, offset, from.size());
        command.write_from = from;
        return done(command, from.size());
    }
    int flush() override {
        device::ScsiCommand command;
        command.cdb = {0x35, 0, 0, 0, 0, 0, 0, 0, 0, 0};
        return transport_.submit(command).good() ? 0 : EIO;
    }

  private:
    [[nodiscard]] device::ScsiCommand transfer(std::uint8_t opcode, std::uint64_t offset,
                                               std::size_t bytes) const {
        device::ScsiCommand command;
        command.cdb.resize(16);
        command.cdb[0] = opcode;
        write_be<std::uint64_t>(command.cdb, 2, offset / block_bytes_);
        write_be<std::uint32_t>(command.cdb, 10, static_cast<std::uint32_t>(bytes / block_bytes_));
        return command;
    }
    device::IoResult done(const device::ScsiCommand& command, std::size_t bytes) {
        for (unsigned tries = 0; tries < 3; ++tries) {  // a unit attention is told once
            if (transport_.submit(command).good()) {
                return {bytes, 0};
            }
        }
        return {0, EIO};
    }
    device::ScsiTransport& transport_;
    mutable std::uint32_t block_bytes_;
    mutable std::uint64_t size_ = 0;
};

std::vector<method::NvmePlace> places_of(std::size_t count) {
    std::vector<method::NvmePlace> places;
    for (std::size_t i = 0; i < count; ++i) {
        places.push_back(
            {std::string(1, static_cast<char>('a' + i)), static_cast<std::uint32_t>(i + 1)});
    }
    return places;
}

}  // namespace

NvmeModel::NvmeModel(fake::NvmeDriveOptions options, const Clock& clock) : drive(options, clock) {
    const auto& namespaces = options.namespaces;
    set_ = method::make_nvme_drive(drive.controller(), places_of(namespaces.size()));
    for (std::size_t i = 0; i < namespaces.size(); ++i) {
        surfaces_.push_back(
            std::make_unique<NvmeSurface>(drive.controller(), static_cast<std::uint32_t>(i + 1),
                                          namespaces[i].blocks, namespaces[i].block_bytes));
    }
}
NvmeModel::~NvmeModel() = default;

std::vector<device::BlockTarget*> NvmeModel::surfaces() {
    std::vector<device::BlockTarget*> list;
    for (const auto& surface : surfaces_) {
        list.push_back(surface.get());
    }
    return list;
}

std::vector<fake::DriveMedia*> NvmeModel::media() {
    std::vector<fake::DriveMedia*> list;
    for (std::size_t i = 0; i < surfaces_.size(); ++i) {
        list.push_back(&drive.media(static_cast<std::uint32_t>(i + 1)));
    }
    return list;
}

ScsiModel::ScsiModel(fake::ScsiDriveOptions options, const Clock& clock)
    : drive(options, clock),
      set_(method::make_scsi_drive(drive, "a", clock)),
      surface_(std::make_unique<ScsiSurface>(drive, options.block_bytes)) {}
ScsiModel::~ScsiModel() = default;

AtaModel::AtaModel(fake::AtaDriveOptions options, const Clock& clock,
                   fake::SatBridgeOptions bridge_options)
    : drive(options, clock),
      bridge(drive, bridge_options),
      tunnel_(bridge),
      set_(method::make_ata_drive(tunnel_, "a", random_)),
      surface_(std::make_unique<ScsiSurface>(bridge, options.block_bytes)) {}
AtaModel::~AtaModel() = default;

/// The NVMe drive needs its security, which needs the NVMe drive's medium.
class TcgModel::Late final : public device::SecurityTransport {
  public:
    device::SecurityAnswer receive(std::uint8_t protocol, std::uint16_t specific,
                                   MutableByteView into) override {
        (*on_command)();
        auto answer = drive->receive(protocol, specific, into);
        (*on_command)();
        return answer;
    }
    device::SecurityAnswer send(std::uint8_t protocol, std::uint16_t specific,
                                ByteView from) override {
        (*on_command)();
        auto answer = drive->send(protocol, specific, from);
        (*on_command)();
        return answer;
    }
    device::SecurityTransport* drive = nullptr;
    const std::function<void()>* on_command = nullptr;
};

TcgModel::TcgModel(fake::TcgDriveOptions options, const fake::FixedClock& clock,
                   std::function<void(std::chrono::milliseconds)> pause, const std::string& shown)
    : late_(std::make_unique<Late>()) {
    nvme = std::make_unique<fake::NvmeDrive>(fake::NvmeDriveOptions{}, clock, late_.get());
    tcg = std::make_unique<fake::TcgDrive>(options, nvme->media(1), clock);
    late_->drive = tcg.get();
    late_->on_command = &on_command;
    nvme_set_ = method::make_nvme_drive(nvme->controller(), places_of(1));
    channel_ = method::make_security_channel(nvme->controller());
    const method::TcgCredential credential{
        SecretBytes(as_bytes(shown.empty() ? options.psid : shown)), mandate::Authority::psid};
    tcg_set_ = method::make_tcg_drive(*channel_, credential, clock, std::move(pause));
    identified_ = std::make_unique<IdentifiedSet>(*tcg_set_, *nvme_set_);
    const fake::NvmeDriveOptions defaults;
    surface_ =
        std::make_unique<NvmeSurface>(nvme->controller(), 1, defaults.namespaces.front().blocks,
                                      defaults.namespaces.front().block_bytes);
}
TcgModel::~TcgModel() = default;

std::vector<method::CommandSet*> TcgModel::command_sets() {
    return {nvme_set_.get(), identified_.get()};
}

}  // namespace efface::job

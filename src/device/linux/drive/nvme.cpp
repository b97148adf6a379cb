// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <fmt/format.h>
#include <linux/nvme_ioctl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <limits>

#include "efface/base/assert.hpp"
#include "efface/base/error.hpp"
#include "efface/device/drive/linux_nvme.hpp"

namespace efface::device {

namespace {

constexpr std::chrono::milliseconds kTimeoutMax{std::numeric_limits<std::uint32_t>::max()};
constexpr unsigned kStatusMask = 0x7fff;
constexpr unsigned kCodeMask = 0x7ff;
// include/linux/nvme.h: made by the host, not by the controller.
constexpr unsigned kHostPathError = 0x370;
constexpr unsigned kHostAborted = 0x371;

/// The class of a character device: "nvme" is a controller, "nvme-generic" a namespace.
std::string device_class(const struct stat& state) {
    if (!S_ISCHR(state.st_mode)) {
        return "";
    }
    std::error_code error;
    const auto link = std::filesystem::read_symlink(
        fmt::format("/sys/dev/char/{}:{}/subsystem", major(state.st_rdev), minor(state.st_rdev)),
        error);
    return error ? "" : link.filename().string();
}

UniqueFd open_controller(const std::filesystem::path& path) {
    struct stat state {};
    if (::stat(path.c_str(), &state) != 0) {
        throw_errno(ErrorCode::usage, path.string(), errno);
    }
    if (device_class(state) != "nvme") {
        throw Error(ErrorCode::usage, path.string() + ": is not an NVMe controller (/dev/nvmeN)");
    }
    return open_file(path, O_RDONLY, 0, ErrorCode::not_sanitized);
}

std::optional<std::uint32_t> namespace_id(int descriptor) {
    const int id = ::ioctl(descriptor, NVME_IOCTL_ID);
    return id > 0 ? std::optional(static_cast<std::uint32_t>(id)) : std::nullopt;
}

UniqueFd open_namespace(const NvmeNamespaceNode& node) {
    UniqueFd fd = open_file(node.path, O_RDONLY | O_NONBLOCK, 0, ErrorCode::usage);
    const auto id = namespace_id(fd.get());
    if (!id) {
        throw Error(ErrorCode::usage, node.path.string() + ": is not an NVMe namespace");
    }
    if (*id != node.nsid) {
        throw Error(ErrorCode::usage,
                    fmt::format("{}: is namespace {}, not {}", node.path.string(), *id, node.nsid));
    }
    return fd;
}

nvme_passthru_cmd encode(const NvmeCommand& command) {
    // The kernel takes one address for both directions and tells them apart by the opcode.
    const std::uint8_t* data =
        command.read_into.empty() ? command.write_from.data() : command.read_into.data();
    nvme_passthru_cmd raw{};
    raw.opcode = command.opcode;
    raw.nsid = command.nsid;
    raw.addr = reinterpret_cast<std::uintptr_t>(data);
    raw.data_len = static_cast<std::uint32_t>(command.read_into.size() + command.write_from.size());
    raw.cdw10 = command.cdw10;
    raw.cdw11 = command.cdw11;
    raw.cdw12 = command.cdw12;
    raw.cdw13 = command.cdw13;
    raw.cdw14 = command.cdw14;
    raw.cdw15 = command.cdw15;
    raw.timeout_ms = static_cast<std::uint32_t>(command.timeout.count());
    return raw;
}

}  // namespace

std::unique_ptr<LinuxNvme> LinuxNvme::open(const std::filesystem::path& controller,
                                           const std::vector<NvmeNamespaceNode>& nodes) {
    std::unique_ptr<LinuxNvme> made(new LinuxNvme(open_controller(controller)));
    for (const NvmeNamespaceNode& node : nodes) {
        made->namespaces_.insert_or_assign(node.nsid, open_namespace(node));
    }
    return made;
}

NvmeCompletion LinuxNvme::submit(const NvmeCommand& command) {
    EFFACE_ASSERT(command.read_into.empty() || command.write_from.empty());
    EFFACE_ASSERT(command.timeout.count() > 0 && command.timeout <= kTimeoutMax);
    EFFACE_ASSERT(command.read_into.size() + command.write_from.size() <=
                  std::numeric_limits<std::uint32_t>::max());
    const bool admin = command.queue == NvmeCommand::Queue::admin;
    const auto node = admin ? namespaces_.end() : namespaces_.find(command.nsid);
    const int descriptor = node == namespaces_.end() ? controller_.get() : node->second.get();
    nvme_passthru_cmd raw = encode(command);
    const int answer = ::ioctl(descriptor, admin ? NVME_IOCTL_ADMIN_CMD : NVME_IOCTL_IO_CMD, &raw);
    NvmeCompletion completion;
    if (answer < 0) {
        // Never sent again after EINTR: it may have been carried out.
        completion.error = errno;
        return completion;
    }
    completion.status = static_cast<std::uint16_t>(static_cast<unsigned>(answer) & kStatusMask);
    completion.dword0 = raw.result;
    const unsigned code = completion.status & kCodeMask;
    if (code == kHostPathError || code == kHostAborted) {
        completion.error = EIO;
    }
    return completion;
}

std::optional<std::uint32_t> nvme_namespace_id(const std::filesystem::path& node) {
    const UniqueFd fd(::open(node.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    return fd.get() < 0 ? std::nullopt : namespace_id(fd.get());
}

}  // namespace efface::device

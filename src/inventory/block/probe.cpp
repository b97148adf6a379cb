// SPDX-License-Identifier: Apache-2.0
// libblkid, low-level probing only: no cache, no udev, nothing written.
#include <blkid/blkid.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include <memory>

#include "efface/base/json.hpp"

#include "devices.hpp"

namespace efface::inventory {
namespace {

struct ProbeRelease {
    void operator()(blkid_struct_probe* probe) const noexcept { blkid_free_probe(probe); }
};
using Probe = std::unique_ptr<blkid_struct_probe, ProbeRelease>;

constexpr int kFound = 0;
constexpr int kAmbiguous = -2;
constexpr int kFailed = -1;

Probe make_probe(int fd, std::uint64_t offset_bytes) {
    Probe probe{blkid_new_probe()};
    // Size 0: up to the end of the device.
    if (!probe ||
        blkid_probe_set_device(probe.get(), fd, static_cast<blkid_loff_t>(offset_bytes), 0) != 0) {
        return nullptr;
    }
    return probe;
}

std::string value_of(const Probe& probe, const char* name) {
    const char* text = nullptr;
    std::size_t size = 0;
    if (blkid_probe_lookup_value(probe.get(), name, &text, &size) != 0 || text == nullptr) {
        return {};
    }
    return printable(text);
}

int probe_superblocks(const Probe& probe, Signature& signature) {
    blkid_probe_enable_superblocks(probe.get(), 1);
    blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_LABEL | BLKID_SUBLKS_UUID |
                                                       BLKID_SUBLKS_TYPE | BLKID_SUBLKS_USAGE);
    const int code = blkid_do_safeprobe(probe.get());
    if (code == kFound) {
        signature.type = value_of(probe, "TYPE");
        signature.uuid = value_of(probe, "UUID");
        signature.label = value_of(probe, "LABEL");
        signature.usage = value_of(probe, "USAGE");
    }
    return code;
}

}  // namespace

Signature probe_signature(const std::filesystem::path& path, std::uint64_t offset_bytes) {
    const UniqueFd fd = open_file(path, O_RDONLY | O_NONBLOCK, 0, ErrorCode::usage);
    Signature signature;
    const Probe probe = make_probe(fd.get(), offset_bytes);
    if (!probe) {
        signature.code = kFailed;
        return signature;
    }
    signature.code = probe_superblocks(probe, signature);
    signature.ambiguous = signature.code == kAmbiguous;
    return signature;
}

std::string partition_uuid_on(const std::string& disk_path, unsigned major_number,
                              unsigned minor_number) {
    const UniqueFd fd{::open(disk_path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC)};
    const Probe probe = fd ? make_probe(fd.get(), 0) : nullptr;
    if (!probe) {
        return {};
    }
    blkid_probe_enable_superblocks(probe.get(), 0);
    blkid_probe_enable_partitions(probe.get(), 1);
    const blkid_partlist list = blkid_probe_get_partitions(probe.get());
    const blkid_partition partition =
        list == nullptr
            ? nullptr
            : blkid_partlist_devno_to_partition(list, makedev(major_number, minor_number));
    const char* uuid = partition == nullptr ? nullptr : blkid_partition_get_uuid(partition);
    return uuid == nullptr ? std::string{} : printable(uuid);
}

}  // namespace efface::inventory

// SPDX-License-Identifier: Apache-2.0
#include "efface/device/capabilities.hpp"

#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>

#include "efface/base/error.hpp"

namespace efface::device {

namespace {

constexpr std::uint64_t bit(int capability) {
    return std::uint64_t{1} << static_cast<unsigned>(capability);
}

constexpr std::uint64_t kReading = bit(CAP_DAC_READ_SEARCH);
constexpr std::uint64_t kSigning = kReading | bit(CAP_DAC_OVERRIDE) | bit(CAP_IPC_LOCK);
constexpr std::uint64_t kStorage =
    kSigning | bit(CAP_SYS_ADMIN)  // ioctls of devices, swapoff, pagemap, mounts of others
    | bit(CAP_SYS_RAWIO)           // SG_IO commands beyond reading and writing
    | bit(CAP_SYS_PTRACE)          // what other processes have open
    | bit(CAP_IPC_OWNER)           // segments and queues of others
    | bit(CAP_FOWNER)              // removes files of others in sticky folders; O_NOATIME
    | bit(CAP_SYS_RESOURCE);       // the evidence may take the blocks that a full disk reserves

constexpr std::uint64_t mask_of(Rights rights) {
    switch (rights) {
        case Rights::reading:
            return kReading;
        case Rights::signing:
        case Rights::unlocking:
            return kSigning;
        case Rights::listing:
        case Rights::planning:
        case Rights::storage:
            return kStorage;
    }
    return 0;
}

/// Two words of 32 bits each: capget(2), version 3.
using Sets = std::array<__user_cap_data_struct, _LINUX_CAPABILITY_U32S_3>;

}  // namespace

std::string missing_for_devices() {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    Sets sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) {
        return {};
    }
    const std::uint64_t has =
        sets[0].effective | (static_cast<std::uint64_t>(sets[1].effective) << 32U);
    std::string missing;
    for (const auto& [capability, name] :
         {std::pair{CAP_SYS_ADMIN, "CAP_SYS_ADMIN"}, std::pair{CAP_SYS_RAWIO, "CAP_SYS_RAWIO"}}) {
        if ((has & bit(capability)) == 0) {
            missing += (missing.empty() ? "" : ", ") + std::string(name);
        }
    }
    return missing;
}

void keep_rights(Rights rights) {
    __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
    Sets sets{};
    if (::syscall(SYS_capget, &header, sets.data()) != 0) {
        throw_errno(ErrorCode::internal, "reading the capabilities of this process failed", errno);
    }
    const std::uint64_t had =
        sets[0].permitted | (static_cast<std::uint64_t>(sets[1].permitted) << 32U);
    if (had == 0) {
        return;
    }
    const std::uint64_t keep = had & mask_of(rights);
    // First the bound of what an executed program gets, which itself takes a capability.
    for (int capability = 0; capability <= CAP_LAST_CAP; ++capability) {
        if ((keep & bit(capability)) == 0 && (had & bit(CAP_SETPCAP)) != 0) {
            (void)::prctl(PR_CAPBSET_DROP, static_cast<unsigned long>(capability), 0UL, 0UL, 0UL);
        }
    }
    (void)::prctl(PR_CAP_AMBIENT, static_cast<unsigned long>(PR_CAP_AMBIENT_CLEAR_ALL), 0UL, 0UL,
                  0UL);
    for (std::size_t i = 0; i < sets.size(); ++i) {
        const auto word = static_cast<std::uint32_t>(keep >> (32U * i));
        sets[i] = {word, word, 0};
    }
    if (::syscall(SYS_capset, &header, sets.data()) != 0) {
        throw_errno(ErrorCode::internal, "dropping capabilities failed", errno);
    }
}

}  // namespace efface::device

// SPDX-License-Identifier: Apache-2.0
// Locks of an open file description (fcntl(2), F_OFD_SETLK): another descriptor of this process is
// someone else, too, and closing one never lets go of another one's lock.
#include "efface/device/name_lock.hpp"

#include <fcntl.h>

#include <cerrno>
#include <cstdint>

#include "efface/base/digest.hpp"

namespace efface::device {

namespace {

/// Sixty-two bits of a digest: an offset that fits into off_t, and that no two names share.
struct flock lock_of(std::string_view name) {
    const auto digest = sha256(name);
    struct flock lock {};
    lock.l_type = F_WRLCK;
    lock.l_whence = SEEK_SET;
    std::uint64_t place = 0;
    for (std::size_t i = 0; i < sizeof place; ++i) {
        place = place << 8U | digest[i];
    }
    lock.l_start = static_cast<off_t>(place >> 2U);
    lock.l_len = 1;
    return lock;
}

UniqueFd open_shared(const std::filesystem::path& file) {
    constexpr mode_t kOwnerOnly = 0600;
    return UniqueFd(::open(file.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, kOwnerOnly));
}

}  // namespace

NameLock NameLock::acquire(const std::filesystem::path& file, std::string_view name) {
    auto fd = open_shared(file);
    if (!fd) {
        return {UniqueFd{}, State::unknown};
    }
    auto lock = lock_of(name);
    if (::fcntl(fd.get(), F_OFD_SETLK, &lock) == 0) {
        return {std::move(fd), State::ours};
    }
    return {UniqueFd{}, errno == EAGAIN || errno == EACCES ? State::elsewhere : State::unknown};
}

bool NameLock::is_held(const std::filesystem::path& file, std::string_view name) {
    const auto fd = open_shared(file);
    auto lock = lock_of(name);
    return fd && ::fcntl(fd.get(), F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
}

}  // namespace efface::device

// SPDX-License-Identifier: Apache-2.0
#include "system_calls.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <utility>

namespace efface::job::worlds {

namespace {

CallWatch& call_watch() {
    static CallWatch watch;
    return watch;
}

std::function<void(long long)>& sleep_watch() {
    static std::function<void(long long)> watch;
    return watch;
}

bool fails(bool can_throw) {
    const int error = call_watch() ? call_watch()(can_throw) : 0;
    if (error != 0) {
        errno = error;
    }
    return error != 0;
}

constexpr int kStandardError = 2;

template <typename... Arguments>
long forward(bool can_throw, long number, Arguments... arguments) {
    return fails(can_throw) ? -1 : ::syscall(number, arguments...);
}

}  // namespace

void watch_calls(CallWatch watch) {
    call_watch() = std::move(watch);
}

void watch_sleep(std::function<void(long long)> watch) {
    sleep_watch() = std::move(watch);
}

}  // namespace efface::job::worlds

using efface::job::worlds::fails;
using efface::job::worlds::forward;
using efface::job::worlds::kStandardError;

// NOLINTBEGIN: they have the C library's names and forms.
extern "C" {

ssize_t write(int fd, const void* bytes, size_t count) {
    return fd <= kStandardError ? ::syscall(SYS_write, fd, bytes, count)
                                : forward(true, SYS_write, fd, bytes, count);
}
ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
    return forward(true, SYS_pwrite64, fd, bytes, count, offset);
}
ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
    return forward(true, SYS_pwrite64, fd, bytes, count, offset);
}
/// In memory there is nothing to flush.
int fsync(int /*fd*/) {
    return fails(true) ? -1 : 0;
}
int fdatasync(int /*fd*/) {
    return fails(true) ? -1 : 0;
}
int open(const char* path, int flags, ...) {
    va_list arguments;
    va_start(arguments, flags);
    const auto mode = (flags & O_CREAT) != 0 ? va_arg(arguments, mode_t) : 0;
    va_end(arguments);
    const bool changes = (flags & (O_WRONLY | O_RDWR | O_CREAT)) != 0;
    return static_cast<int>(changes ? forward(true, SYS_openat, AT_FDCWD, path, flags, mode)
                                    : ::syscall(SYS_openat, AT_FDCWD, path, flags, mode));
}
int rename(const char* from, const char* to) noexcept {
    return static_cast<int>(forward(false, SYS_renameat, AT_FDCWD, from, AT_FDCWD, to));
}
int renameat(int from_folder, const char* from, int to_folder, const char* to) noexcept {
    return static_cast<int>(forward(false, SYS_renameat, from_folder, from, to_folder, to));
}
int unlink(const char* path) noexcept {
    return static_cast<int>(forward(false, SYS_unlink, path));
}
int unlinkat(int folder, const char* path, int flags) noexcept {
    return static_cast<int>(forward(false, SYS_unlinkat, folder, path, flags));
}
int mkdir(const char* path, mode_t mode) noexcept {
    return static_cast<int>(forward(false, SYS_mkdir, path, mode));
}
/// The room is there, or it is not: nothing is taken.
int posix_fallocate(int /*fd*/, off_t /*offset*/, off_t /*length*/) {
    return fails(true) ? errno : 0;
}
int posix_fallocate64(int /*fd*/, off64_t /*offset*/, off64_t /*length*/) {
    return fails(true) ? errno : 0;
}
int nanosleep(const timespec* wanted, timespec* left) {
    const auto& watch = efface::job::worlds::sleep_watch();
    if (!watch) {
        return static_cast<int>(::syscall(SYS_nanosleep, wanted, left));
    }
    watch(static_cast<long long>(wanted->tv_sec) * 1000 + wanted->tv_nsec / 1'000'000);
    return 0;
}

}  // extern "C"
// NOLINTEND

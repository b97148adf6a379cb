// SPDX-License-Identifier: Apache-2.0
#include "system_calls.hpp"

#include <fcntl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdarg>
#include <cstring>
#include <utility>
#include <vector>

namespace efface::job::worlds {

namespace {

CallWatch& call_watch() {
    static CallWatch watch;
    return watch;
}

TargetWatch& target_watch() {
    static TargetWatch watch;
    return watch;
}

/// What a watch itself does to files is nobody's call.
bool& watching() {
    static bool now = false;
    return now;
}

struct Watching {
    Watching() { watching() = true; }
    ~Watching() { watching() = false; }
    Watching(const Watching&) = delete;
    Watching& operator=(const Watching&) = delete;
};

std::optional<fake::Fault> fault_of(TargetCall call) {
    if (!target_watch() || watching()) {
        return std::nullopt;
    }
    const Watching now;
    return target_watch()(call);
}

std::function<void(long long)>& sleep_watch() {
    static std::function<void(long long)> watch;
    return watch;
}

bool fails(bool can_throw) {
    const int error = call_watch() && !watching() ? call_watch()(can_throw) : 0;
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

/// A transfer with this fault: `transfer` moves so many of the bytes.
template <typename Transfer>
ssize_t with_fault(const fake::Fault& fault, std::size_t count, const Transfer& transfer) {
    using Kind = fake::Fault::Kind;
    switch (fault.kind) {
        case Kind::fail:
            errno = fault.error;
            return -1;
        case Kind::drop:
            return static_cast<ssize_t>(count);
        case Kind::shorten:
        case Kind::partial:  // the rest fails at the next call, as the kernel has it
            return transfer(std::min(count, std::max<std::size_t>(fault.bytes, 1)));
        case Kind::none:
        case Kind::corrupt:
        case Kind::stale:
            return transfer(count);
    }
    return transfer(count);
}

ssize_t write_to_target(int fd, const void* bytes, std::size_t count, off_t offset,
                        const fake::Fault& fault) {
    std::vector<unsigned char> copy(count);
    std::memcpy(copy.data(), bytes, count);
    if (fault.kind == fake::Fault::Kind::corrupt && count > 0) {
        copy[count / 2] ^= 1U;
    }
    return with_fault(fault, count, [&](std::size_t some) {
        return ::syscall(SYS_pwrite64, fd, copy.data(), some, offset);
    });
}

ssize_t read_from_target(int fd, void* into, std::size_t count, off_t offset,
                         const fake::Fault& fault) {
    const auto got = with_fault(fault, count, [&](std::size_t some) {
        return ::syscall(SYS_pread64, fd, into, some, offset);
    });
    if (fault.kind == fake::Fault::Kind::corrupt && got > 0) {
        static_cast<unsigned char*>(into)[got / 2] ^= 1U;
    }
    return got;
}

}  // namespace

void watch_target(TargetWatch watch) {
    target_watch() = std::move(watch);
}

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
using efface::job::worlds::read_from_target;
using efface::job::worlds::target_watch;
using efface::job::worlds::TargetCall;
using efface::job::worlds::write_to_target;

// NOLINTBEGIN: they have the C library's names and forms.
extern "C" {

struct io_uring;

ssize_t write(int fd, const void* bytes, size_t count) {
    if (fd > kStandardError && target_watch()) {
        const std::string text(static_cast<const char*>(bytes), count);
        if (const auto fault =
                efface::job::worlds::fault_of({TargetCall::Kind::control, fd, text})) {
            errno = fault->error;
            return fault->error == 0 ? static_cast<ssize_t>(count) : -1;
        }
    }
    return fd <= kStandardError ? ::syscall(SYS_write, fd, bytes, count)
                                : forward(true, SYS_write, fd, bytes, count);
}
ssize_t pwrite(int fd, const void* bytes, size_t count, off_t offset) {
    if (const auto fault = efface::job::worlds::fault_of({TargetCall::Kind::write, fd, {}})) {
        return write_to_target(fd, bytes, count, offset, *fault);
    }
    return forward(true, SYS_pwrite64, fd, bytes, count, offset);
}
ssize_t pwrite64(int fd, const void* bytes, size_t count, off64_t offset) {
    if (const auto fault = efface::job::worlds::fault_of({TargetCall::Kind::write, fd, {}})) {
        return write_to_target(fd, bytes, count, offset, *fault);
    }
    return forward(true, SYS_pwrite64, fd, bytes, count, offset);
}
ssize_t pread(int fd, void* into, size_t count, off_t offset) {
    const auto fault = efface::job::worlds::fault_of({TargetCall::Kind::read, fd, {}});
    return fault ? read_from_target(fd, into, count, offset, *fault)
                 : ::syscall(SYS_pread64, fd, into, count, offset);
}
ssize_t pread64(int fd, void* into, size_t count, off64_t offset) {
    const auto fault = efface::job::worlds::fault_of({TargetCall::Kind::read, fd, {}});
    return fault ? read_from_target(fd, into, count, offset, *fault)
                 : ::syscall(SYS_pread64, fd, into, count, offset);
}
/// In memory there is nothing to flush.
int fsync(int fd) {
    if (const auto fault = efface::job::worlds::fault_of({TargetCall::Kind::flush, fd, {}})) {
        errno = fault->error;
        return fault->error == 0 ? 0 : -1;
    }
    return fails(true) ? -1 : 0;
}
int fdatasync(int fd) {
    return fsync(fd);
}
int ftruncate(int fd, off_t length) noexcept {
    const auto fault = efface::job::worlds::fault_of({TargetCall::Kind::resize, fd, {}});
    if (fault && fault->error != 0) {
        errno = fault->error;
        return -1;
    }
    return static_cast<int>(::syscall(SYS_ftruncate, fd, length));
}
int io_uring_queue_init(unsigned /*entries*/, io_uring* /*ring*/, unsigned /*flags*/) {
    return -ENOSYS;
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

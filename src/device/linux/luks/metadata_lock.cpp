// SPDX-License-Identifier: Apache-2.0
// The lock of libcryptsetup (lib/utils_device_locking.c): an flock on /run/cryptsetup/L_major:minor
// for a block device, on the file itself for a file. Whoever lets go of the resource file removes
// it, so after locking it must still be the one that the name leads to.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <thread>

#include "efface/base/file.hpp"
#include "efface/device/linux_target.hpp"

namespace efface::device {

namespace {

constexpr const char* kLockFolder = "/run/cryptsetup";
constexpr mode_t kLockFolderMode = 0700;
constexpr mode_t kLockFileMode = 0777;
constexpr std::chrono::milliseconds kPollStep{20};

/// Tries until the deadline, which is counted in steps of waiting.
class Attempts final {
  public:
    explicit Attempts(unsigned deadline_ms)
        : left_(deadline_ms / static_cast<unsigned>(kPollStep.count()) + 1) {}

    void wait_or_throw(const std::string& what) {
        if (--left_ == 0) {
            throw Error(ErrorCode::busy, what + ": is locked by another program",
                        "wait until cryptsetup or udev has finished, then run the command again");
        }
        std::this_thread::sleep_for(kPollStep);
    }

  private:
    unsigned left_;
};

/// False when someone else holds it.
bool try_flock(int fd, const std::string& what) {
    if (::flock(fd, LOCK_EX | LOCK_NB) == 0) {
        return true;
    }
    if (errno != EWOULDBLOCK && errno != EINTR) {
        throw_errno(ErrorCode::internal, what + ": locking failed", errno);
    }
    return false;
}

/// A descriptor of its own to the very object that `fd` is open on. flock belongs to the open
/// description, and a writable one of a device would make udev probe it when it is closed.
UniqueFd reopen(int fd, int flags) {
    return open_file(fmt::format("/proc/self/fd/{}", fd), flags);
}

UniqueFd open_lock_folder() {
    if (::mkdir(kLockFolder, kLockFolderMode) != 0 && errno != EEXIST) {
        throw_errno(ErrorCode::internal,
                    std::string(kLockFolder) + ": creating the lock folder failed", errno);
    }
    return open_file(kLockFolder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
}

bool is_current(int folder, const std::string& name, int fd) {
    struct stat by_name {};
    struct stat by_descriptor {};
    return ::fstatat(folder, name.c_str(), &by_name, AT_SYMLINK_NOFOLLOW) == 0 &&
           ::fstat(fd, &by_descriptor) == 0 && by_name.st_dev == by_descriptor.st_dev &&
           by_name.st_ino == by_descriptor.st_ino;
}

UniqueFd lock_resource(int folder, const std::string& name, Attempts& attempts) {
    const std::string what = std::string(kLockFolder) + "/" + name;
    for (;;) {
        UniqueFd fd(::openat(folder, name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC,
                             kLockFileMode));
        if (!fd) {
            throw_errno(ErrorCode::internal, what + ": opening failed", errno);
        }
        if (!S_ISREG([&] {
                struct stat status {};
                return ::fstat(fd.get(), &status) == 0 ? status.st_mode : mode_t{0};
            }())) {
            throw Error(ErrorCode::internal, what + ": is not a regular file");
        }
        if (try_flock(fd.get(), what) && is_current(folder, name, fd.get())) {
            return fd;
        }
        attempts.wait_or_throw(what);
    }
}

}  // namespace

struct MetadataLock::State {
    UniqueFd folder;
    std::string resource_name;
    UniqueFd resource;
    UniqueFd object;

    State() = default;
    State(const State&) = delete;
    State& operator=(const State&) = delete;
    ~State() {
        // As libcryptsetup does: nobody else can hold it, so the name can go.
        if (resource && is_current(folder.get(), resource_name, resource.get())) {
            (void)::unlinkat(folder.get(), resource_name.c_str(), 0);
        }
    }
};

MetadataLock::MetadataLock(std::unique_ptr<State> state) : state_(std::move(state)) {}
MetadataLock::~MetadataLock() = default;
MetadataLock::MetadataLock(MetadataLock&&) noexcept = default;
MetadataLock& MetadataLock::operator=(MetadataLock&&) noexcept = default;

MetadataLock MetadataLock::acquire(const LinuxTarget& target, unsigned deadline_ms) {
    Attempts attempts(deadline_ms);
    auto state = std::make_unique<State>();
    const TargetFacts facts = target.facts();
    if (facts.is_block_device) {
        state->folder = open_lock_folder();
        state->resource_name =
            fmt::format("L_{}:{}", major(facts.device_number), minor(facts.device_number));
        state->resource = lock_resource(state->folder.get(), state->resource_name, attempts);
        state->object = reopen(target.descriptor(), O_RDONLY | O_NONBLOCK);
    } else {
        // A file system over the network may want a writable descriptor for an exclusive lock.
        const int flags = ::fcntl(target.descriptor(), F_GETFL);
        state->object = reopen(target.descriptor(), flags < 0 ? O_RDONLY : flags & O_ACCMODE);
    }
    const std::string what = facts.is_block_device ? "the device node" : "the image file";
    while (!try_flock(state->object.get(), what)) {
        attempts.wait_or_throw(what);
    }
    return MetadataLock(std::move(state));
}

}  // namespace efface::device

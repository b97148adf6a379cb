// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <mqueue.h>
#include <sys/stat.h>

#include <cerrno>

#include "efface/device/memory/ipc_objects.hpp"
#include "efface/device/memory/memory_target.hpp"

namespace efface::device {

namespace {
constexpr unsigned kRetriesMax = 64;  ///< of a system call that a signal interrupts
}  // namespace

std::optional<MessageQueue> MessageQueue::open(const std::string& name) {
    UniqueFd fd(::mq_open(('/' + name).c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    if (!fd) {
        if (errno == ENOENT) {
            return std::nullopt;
        }
        throw_errno(ErrorCode::internal, "opening message queue " + name + " failed", errno);
    }
    return MessageQueue(std::move(fd));
}

QueueState MessageQueue::state() const {
    struct stat status {};
    mq_attr attributes{};
    if (::fstat(fd_.get(), &status) != 0 || ::mq_getattr(fd_.get(), &attributes) != 0) {
        throw_errno(ErrorCode::internal, "reading the state of a message queue failed", errno);
    }
    return {static_cast<std::uint64_t>(status.st_dev),
            static_cast<std::uint64_t>(status.st_ino),
            status.st_uid,
            static_cast<std::uint64_t>(attributes.mq_curmsgs),
            static_cast<std::uint64_t>(attributes.mq_maxmsg),
            static_cast<std::uint64_t>(attributes.mq_msgsize)};
}

std::optional<std::size_t> MessageQueue::receive(SecretBytes& into) const {
    for (unsigned attempt = 0; attempt < kRetriesMax; ++attempt) {
        const auto view = into.view();
        // The kernel's type of a message is bytes.
        const ssize_t got = ::mq_receive(
            fd_.get(), static_cast<char*>(static_cast<void*>(view.data())), view.size(), nullptr);
        if (got >= 0) {
            return static_cast<std::size_t>(got);
        }
        if (errno == EAGAIN) {
            return std::nullopt;
        }
        if (errno != EINTR) {
            break;
        }
    }
    throw_errno(ErrorCode::not_sanitized, "taking a message out of a queue failed", errno);
}

std::optional<bool> MessageQueue::open_elsewhere() const {
    return device::open_elsewhere(fd_.get());
}

int MessageQueue::remove(const std::string& name) {
    return ::mq_unlink(('/' + name).c_str()) == 0 ? 0 : errno;
}

}  // namespace efface::device

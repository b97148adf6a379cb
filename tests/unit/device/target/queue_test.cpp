// SPDX-License-Identifier: Apache-2.0
// The queue of a file of this machine, and what becomes of it where io_uring is forbidden: each of
// those in a child with a seccomp filter, so that the test itself keeps its system calls.
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <map>

#include "efface/device/io_queue.hpp"
#include "efface/device/linux_target.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::device::Access;
using efface::device::IoQueue;
using efface::device::LinuxTarget;
using std::chrono::milliseconds;

namespace {

constexpr std::size_t kSlotBytes = 64 << 10U;
constexpr std::size_t kSlots = 4;
constexpr std::size_t kFileBytes = 20 * kSlotBytes;

/// What a child found out, as its exit status.
enum Found : int { wrong = 1, threw = 2, synchronous = 10, plain_ring = 11, registered_ring = 12 };

int kind_of(const IoQueue& queue) {
    if (queue.engine() == "pread/pwrite") {
        return queue.engine_note().empty() ? wrong : synchronous;
    }
    if (queue.engine() == "io_uring") {
        return queue.engine_note().empty() ? wrong : plain_ring;
    }
    const bool right =
        queue.engine() == "io_uring, registered buffers" && queue.engine_note().empty();
    return right ? registered_ring : wrong;
}

/// Writes a byte of its own into each piece, reads all back; false when something is not as it
/// should be.
bool works(LinuxTarget& target, IoQueue& queue) {
    const std::size_t pieces = kFileBytes / kSlotBytes;
    for (const bool write : {true, false}) {
        std::map<std::size_t, std::size_t> piece_of;
        std::size_t next = 0;
        std::size_t done = 0;
        const auto submit = [&](std::size_t slot) {
            piece_of[slot] = next;
            const std::uint64_t offset = next * kSlotBytes;
            const auto value = static_cast<std::uint8_t>(write ? next + 1 : 0);
            std::fill_n(queue.buffer(slot).begin(), kSlotBytes, value);
            write ? queue.submit_write(slot, offset, kSlotBytes)
                  : queue.submit_read(slot, offset, kSlotBytes);
            ++next;
        };
        for (std::size_t slot = 0; slot < kSlots; ++slot) {
            submit(slot);
        }
        while (done < pieces) {
            const auto answer = queue.wait(milliseconds(10'000));
            if (!answer || !answer->result.complete(kSlotBytes)) {
                return false;
            }
            const auto value = static_cast<std::uint8_t>(piece_of[answer->slot] + 1);
            const auto bytes = queue.buffer(answer->slot);
            if (std::count(bytes.begin(), bytes.end(), value) !=
                static_cast<std::ptrdiff_t>(kSlotBytes)) {
                return false;
            }
            ++done;
            if (next < pieces) {
                submit(answer->slot);
            }
        }
        if (queue.wait(milliseconds(0))) {
            return false;
        }
    }
    return target.flush() == 0;
}

int try_queue(const fs::path& file) {
    const auto target = LinuxTarget::open(file, Access::exclusive);
    const auto queue = target->make_queue(kSlots, kSlotBytes);
    return works(*target, *queue) ? kind_of(*queue) : wrong;
}

/// Makes one system call fail with `error` from now on, in this process.
bool forbid(long number, int error) {
    sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<unsigned>(error)),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const sock_fprog program{4, filter};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

int try_in_child(const fs::path& file, long number, int error) {
    const pid_t child = ::fork();
    if (child == 0) {
        int found = threw;
        try {
            found = number == 0 || forbid(number, error) ? try_queue(file) : wrong;
        } catch (...) {
        }
        ::_exit(found);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    REQUIRE(WIFEXITED(status));
    return WEXITSTATUS(status);
}

}  // namespace

TEST_CASE("a queue moves every piece, and says how") {
    ScratchFolder folder;
    write_bytes(folder / "file", kFileBytes, 0x55);
    const bool direct = LinuxTarget::open(folder / "file", Access::read_only)->direct_io();
    const int found = try_in_child(folder / "file", 0, 0);
    if (direct && ::syscall(SYS_io_uring_setup, 1, nullptr) < 0 && errno == EFAULT) {
        CHECK(found == registered_ring);
    } else {
        WARN("no direct I/O or no io_uring here: only the synchronous queue was tried");
        CHECK(found == synchronous);
    }
}

TEST_CASE("where io_uring is not permitted, transfers are made one by one and the note says so") {
    const int error = GENERATE(ENOSYS, EPERM, EACCES);
    ScratchFolder folder;
    write_bytes(folder / "file", kFileBytes, 0x55);
    CHECK(try_in_child(folder / "file", SYS_io_uring_setup, error) == synchronous);
}

TEST_CASE("where buffers cannot be registered, io_uring works without, and the note says so") {
    ScratchFolder folder;
    write_bytes(folder / "file", kFileBytes, 0x55);
    if (try_in_child(folder / "file", 0, 0) != registered_ring) {
        WARN("no direct I/O or no io_uring here: not tried");
        return;
    }
    CHECK(try_in_child(folder / "file", SYS_io_uring_register, ENOMEM) == plain_ring);
}

TEST_CASE("a queue with nothing in flight answers at once, and a refusal comes out of wait") {
    ScratchFolder folder;
    write_bytes(folder / "file", kFileBytes, 0x55);
    const auto target = LinuxTarget::open(folder / "file", Access::read_only);
    const auto queue = target->make_queue(kSlots, kSlotBytes);
    CHECK(queue->slots() == kSlots);
    CHECK(queue->buffer(kSlots - 1).size() == kSlotBytes);
    CHECK_FALSE(queue->wait(milliseconds(60'000)).has_value());
    queue->submit_write(2, 0, kSlotBytes);
    const auto done = queue->wait(milliseconds(60'000));
    REQUIRE(done.has_value());
    CHECK(done->slot == 2);
    CHECK(done->result.error == EBADF);
    CHECK(read_bytes(folder / "file") == efface::Bytes(kFileBytes, 0x55));
}

TEST_CASE("a file that was cut short below answers with what is left") {
    ScratchFolder folder;
    write_bytes(folder / "file", kFileBytes, 0x55);
    const auto target = LinuxTarget::open(folder / "file", Access::exclusive);
    const auto queue = target->make_queue(kSlots, kSlotBytes);
    fs::resize_file(folder / "file", kSlotBytes + 4096);
    queue->submit_read(0, kSlotBytes, kSlotBytes);
    const auto partly = queue->wait(milliseconds(60'000));
    REQUIRE(partly.has_value());
    CHECK(partly->result.bytes == 4096);
    queue->submit_read(0, 4 * kSlotBytes, kSlotBytes);
    const auto nothing = queue->wait(milliseconds(60'000));
    REQUIRE(nothing.has_value());
    CHECK(nothing->result.bytes == 0);
    CHECK(nothing->result.error == 0);
}

TEST_CASE("a queue that is destroyed waits for what is in flight") {
    ScratchFolder folder;
    write_bytes(folder / "file", kFileBytes, 0x55);
    const auto target = LinuxTarget::open(folder / "file", Access::exclusive);
    {
        const auto queue = target->make_queue(kSlots, kSlotBytes);
        for (std::size_t slot = 0; slot < kSlots; ++slot) {
            std::fill_n(queue->buffer(slot).begin(), kSlotBytes, std::uint8_t{0x66});
            queue->submit_write(slot, slot * kSlotBytes, kSlotBytes);
        }
    }
    efface::Bytes expected(kFileBytes, 0x55);
    std::fill_n(expected.begin(), kSlots * kSlotBytes, std::uint8_t{0x66});
    CHECK(target->flush() == 0);
    CHECK(target->drop_cache() == 0);
    CHECK(read_bytes(folder / "file") == expected);
}

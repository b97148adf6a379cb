// SPDX-License-Identifier: Apache-2.0
// What a process that gave up system calls still does, and where the kernel does not filter.
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "catch.hpp"
#include "child_rights.hpp"
#include "support.hpp"

using namespace device_test;

namespace {

/// Makes a system call fail from now on, as a kernel that has it not.
bool take_away(std::initializer_list<long> numbers) {
    std::vector<sock_filter> code{BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr))};
    for (const long number : numbers) {
        code.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<unsigned>(number), 0, 1));
        code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL));
    }
    code.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
    const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
    return ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           ::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/// A file read, a folder listed, a thread, memory and an exception: what every command does.
int everyday(const std::filesystem::path& folder) {
    std::string text;
    std::ifstream(folder / "file") >> text;
    if (text != "content" ||
        std::filesystem::directory_iterator(folder)->path() != folder / "file") {
        return kWrong;
    }
    int result = kWrong;
    std::thread([&] {
        try {
            throw std::runtime_error(std::string(std::size_t{1} << 20U, 'x'));
        } catch (const std::exception&) {
            result = 0;
        }
    }).join();
    return result;
}

}  // namespace

TEST_CASE("what a command does every day goes on, and it can abort") {
    ScratchFolder folder;
    std::ofstream(folder / "file") << "content";
    for (const Rights rights : kAll) {
        CAPTURE(static_cast<int>(rights));
        CHECK(with_rights(rights, [&] { return everyday(folder.path()); }) == 0);
        CHECK(with_rights(rights, []() -> int { std::abort(); }) == -SIGABRT);
        // A second filter, as of a worker thread, on top.
        CHECK(with_rights(rights, [] { return in_computing_thread([] { return 0; }); }) == 0);
    }
}

TEST_CASE("a computing thread computes, and its process goes on") {
    ScratchFolder folder;
    std::ofstream(folder / "file") << "content";
    const auto path = (folder / "file").string();
    CHECK(in_child([&] {
              const int within = in_computing_thread([&] {
                  std::vector<std::string> pieces;
                  for (std::size_t i = 0; i < 64; ++i) {
                      pieces.emplace_back(std::size_t{1} << 20U, 'x');
                  }
                  try {
                      throw std::runtime_error(pieces.back());
                  } catch (const std::exception&) {
                  }
                  return ::open(path.c_str(), O_RDONLY | O_CLOEXEC) < 0 ? errno : 0;
              });
              return within == ENOSYS ? everyday(folder.path()) : kWrong;
          }) == 0);
#if !defined(__SANITIZE_ADDRESS__)  // which writes to a pipe
    // Not a byte to what is open already, but to standard error.
    const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
    REQUIRE(fd >= 0);
    CHECK(in_child([&] {
              return in_computing_thread([&] { return ::write(fd, "x", 1) < 0 ? errno : 0; });
          }) == ENOSYS);
    ::close(fd);
#endif
    CHECK(in_child([] { return in_computing_thread([]() -> int { std::abort(); }); }) == -SIGABRT);
}

TEST_CASE("a thread that was there before is bound, too") {
    CHECK(in_child([] {
              std::atomic<bool> bound{false};
              int result = kWrong;
              std::thread other([&] {
                  while (!bound) {
                      std::this_thread::yield();
                  }
                  result = made(SYS_mount);
              });
              bound = keep_calls(Rights::storage).empty();
              const bool filtered = bound.exchange(true);
              other.join();
              return filtered ? result : kNoFilter;
          }) == EPERM);
}

TEST_CASE("the memory of the process itself can be copied where it erases") {
    const auto copied = [] {
        int from = 7;
        int to = 0;
        const iovec source{&from, sizeof from};
        const iovec target{&to, sizeof to};
        return ::syscall(SYS_process_vm_readv, ::getpid(), &target, 1UL, &source, 1UL, 0UL) ==
                           sizeof to &&
                       to == from
                   ? 0
                   : errno;
    };
    CHECK(with_rights(Rights::storage, copied) == in_child(copied));
    CHECK(with_rights(Rights::planning, copied) == EPERM);
}

TEST_CASE("a kernel that does not filter is told, and the process goes on") {
    ScratchFolder folder;
    std::ofstream(folder / "file") << "content";
    for (const Rights rights : kAll) {
        CHECK(in_child([&] {
                  if (!take_away({SYS_seccomp, SYS_prctl})) {
                      return kNoFilter;
                  }
                  const bool told = !keep_calls(rights).empty();
                  keep_computing_calls();
                  return told ? everyday(folder.path()) : kWrong;
              }) == 0);
    }
}

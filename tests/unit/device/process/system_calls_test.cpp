// SPDX-License-Identifier: Apache-2.0
// Each of the rights x each call that it refuses or keeps, made by a child with arguments that are
// wrong in any case: the kernel's own answer to them is never EPERM or ENOSYS.
#include "efface/device/system_calls.hpp"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <fstream>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "catch.hpp"
#include "support.hpp"

using device_test::ScratchFolder;
using efface::device::keep_calls;
using efface::device::keep_computing_calls;
using efface::device::Rights;

namespace {

constexpr std::array kAll{Rights::reading,  Rights::signing, Rights::listing,
                          Rights::planning, Rights::storage, Rights::unlocking};

/// How a child ended: its errno, 0, or minus the signal.
constexpr int kNoFilter = 250;
constexpr int kWrong = 251;

int in_child(const std::function<int()>& act) {
    const pid_t child = ::fork();
    if (child == 0) {
        (void)::signal(SIGABRT, SIG_DFL);  // Catch2 has one that reports
        int result = kWrong;
        try {
            result = act();
        } catch (...) {
        }
        ::_exit(result);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

int with_rights(Rights rights, const std::function<int()>& act) {
    return in_child([&] { return keep_calls(rights).empty() ? act() : kNoFilter; });
}

int in_computing_thread(const std::function<int()>& act) {
    int result = kWrong;
    std::thread([&] {
        keep_computing_calls();
        result = act();
    }).join();
    return result;
}

/// 0 or its errno.
int made(long number, std::array<long, 6> with = {-1, -1, -1, -1, -1, -1}) {
    return ::syscall(number, with[0], with[1], with[2], with[3], with[4], with[5]) < 0 ? errno : 0;
}

struct Call {
    const char* name;
    std::vector<Rights> kept_by;
};

const std::vector<Call>& calls() {
    static const std::vector<Call> all = [] {
        std::vector<Call> list;
        for (const char* name : {"process_madvise",
                                 "process_mrelease",
                                 "pidfd_getfd",
                                 "move_pages",
                                 "migrate_pages",
                                 "kexec_load",
                                 "kexec_file_load",
                                 "reboot",
                                 "init_module",
                                 "finit_module",
                                 "delete_module",
                                 "bpf",
                                 "perf_event_open",
                                 "userfaultfd",
                                 "iopl",
                                 "ioperm",
                                 "modify_ldt",
                                 "personality",
                                 "syslog",
                                 "mount",
                                 "umount2",
                                 "pivot_root",
                                 "chroot",
                                 "move_mount",
                                 "open_tree",
                                 "fsopen",
                                 "fsconfig",
                                 "fsmount",
                                 "fspick",
                                 "mount_setattr",
                                 "setns",
                                 "unshare",
                                 "swapon",
                                 "acct",
                                 "quotactl",
                                 "quotactl_fd",
                                 "settimeofday",
                                 "clock_settime",
                                 "sethostname",
                                 "setdomainname",
                                 "fanotify_init",
                                 "execveat",
                                 "open_by_handle_at"}) {
            list.push_back({name, {}});
        }
#if !defined(__SANITIZE_ADDRESS__)
        list.push_back({"ptrace", {}});
#endif
        list.push_back({"execve", {Rights::planning, Rights::storage}});
        for (const char* name : {"add_key", "request_key", "keyctl"}) {
            list.push_back({name, {Rights::planning, Rights::storage, Rights::unlocking}});
        }
        for (const char* name : {"io_uring_setup", "io_uring_enter", "io_uring_register", "swapoff",
                                 "mbind", "shmat"}) {
            list.push_back({name, {Rights::storage}});
        }
        // By number -1, which is another process, in every one.
        list.push_back({"process_vm_readv", {}});
        list.push_back({"process_vm_writev", {}});
        return list;
    }();
    return all;
}

bool keeps(const Call& call, Rights rights) {
    return std::find(call.kept_by.begin(), call.kept_by.end(), rights) != call.kept_by.end();
}

/// What the rights answer to a call that nobody makes but an intruder.
int refusal(Rights rights) {
    return rights == Rights::reading ? -SIGSYS : EPERM;
}

/// To one that only must not be given this: reading does not know it at all.
int refusal_by_argument(Rights rights) {
    return rights == Rights::reading ? ENOSYS : EPERM;
}

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

TEST_CASE("each of the rights refuses the calls that it does without, and keeps the others") {
    if (with_rights(Rights::storage, [] { return 0; }) == kNoFilter) {
        WARN("no filter here: nothing was tried");
        return;
    }
    for (const auto& call : calls()) {
        const long number = ::seccomp_syscall_resolve_name(call.name);
        if (number < 0) {  // of another architecture, or newer than libseccomp
            continue;
        }
        const int without = in_child([&] { return call.kept_by.empty() ? 0 : made(number); });
        for (const Rights rights : kAll) {
            CAPTURE(call.name, static_cast<int>(rights));
            const int found = with_rights(rights, [&] { return made(number); });
            CHECK(found == (keeps(call, rights) ? without : refusal(rights)));
        }
        CAPTURE(call.name);
        CHECK(in_child([&] { return in_computing_thread([&] { return made(number); }); }) ==
              ENOSYS);
    }
}

TEST_CASE("a socket is of this machine, of whatever bits its family is made") {
    constexpr long kFamilies = 64;
    for (const Rights rights : kAll) {
        const auto holds = [&](long family, long above) {
            const bool kept = rights != Rights::reading &&
                              (family == AF_UNIX || family == AF_NETLINK || family == AF_ALG);
            const int found = made(SYS_socket, {family | above, -1, -1});
            return kept ? found != 0 && found != EPERM : found == refusal_by_argument(rights);
        };
        CAPTURE(static_cast<int>(rights));
        CHECK(with_rights(rights, [&] {
                  for (const long above : {0L, 1L << 32, -1L << 32}) {
                      for (long family = 0; family < kFamilies; ++family) {
                          if (!holds(family, above)) {
                              return kWrong;
                          }
                      }
                  }
                  return 0;
              }) == 0);
    }
}

TEST_CASE("no namespace is made, no other process limited, nothing typed for its user") {
    for (const Rights rights : kAll) {
        CAPTURE(static_cast<int>(rights));
        for (const long flag : {CLONE_NEWNS, CLONE_NEWCGROUP, CLONE_NEWUTS, CLONE_NEWIPC,
                                CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET}) {
            // A thread without what threads share is wrong in any case.
            CHECK(with_rights(rights, [&] {
                      return made(SYS_clone, {flag | CLONE_THREAD, 0, 0, 0, 0, 0});
                  }) == refusal_by_argument(rights));
        }
        CHECK(with_rights(rights, [] { return made(SYS_clone3); }) == ENOSYS);
        for (const long above : {0L, 1L << 32}) {
            CHECK(with_rights(rights, [&] {
                      return made(SYS_ioctl, {-1, TIOCSTI | above});
                  }) == refusal_by_argument(rights));
        }
        const long other = ::getpid();
        CHECK(with_rights(rights, [&] {
                  return made(SYS_prlimit64, {other, 0, 0, 0});
              }) == refusal_by_argument(rights));
        CHECK(with_rights(rights, [&] { return made(SYS_prlimit64, {0, 0, 0, 0}); }) == 0);
    }
}

TEST_CASE("who only reads opens nothing for writing") {
    ScratchFolder folder;
    std::ofstream(folder / "file") << "content";
    const auto path = (folder / "file").string();
    for (const Rights rights : kAll) {
        for (const int flags : {O_RDONLY, O_WRONLY, O_RDWR, O_RDONLY | O_CREAT, O_RDONLY | O_TRUNC,
                                O_WRONLY | O_APPEND, O_PATH | O_CLOEXEC}) {
            const int found = with_rights(rights, [&] {
                return ::open(path.c_str(), flags | O_CLOEXEC, 0600) < 0 ? errno : 0;
            });
            const bool reads = (flags & (O_ACCMODE | O_CREAT | O_TRUNC)) == O_RDONLY;
            CAPTURE(static_cast<int>(rights), flags);
            CHECK(found == (reads || rights != Rights::reading ? 0 : ENOSYS));
        }
        std::ofstream(folder / "file") << "content";
        for (const long number :
             {SYS_unlinkat, SYS_renameat2, SYS_mkdirat, SYS_linkat, SYS_symlinkat, SYS_fchmodat,
              SYS_fchownat, SYS_ftruncate, SYS_utimensat, SYS_socket, SYS_tkill, SYS_pidfd_open}) {
            CAPTURE(number);
            const bool refused = with_rights(rights, [&] { return made(number); }) == ENOSYS;
            CHECK(refused == (rights == Rights::reading));
        }
    }
}

#if defined(__x86_64__)
TEST_CASE("calls of another ABI end the process") {
    for (const Rights rights : kAll) {
        CAPTURE(static_cast<int>(rights));
        CHECK(with_rights(rights, [] {
                  constexpr long kX32 = 0x40000000;
                  return made(kX32 | SYS_getpid);
              }) == -SIGSYS);
        CHECK(with_rights(rights, [] {
                  long result = 20;  // getpid of i386
                  asm volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
                  return result > 0 ? 0 : ENOSYS;
              }) == -SIGSYS);
    }
}
#endif

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

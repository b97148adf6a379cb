// SPDX-License-Identifier: Apache-2.0
// Each of the rights x each call that it refuses or keeps, made by a child with arguments that are
// wrong in any case: the kernel's own answer to them is never EPERM or ENOSYS.
#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <string>
#include <vector>

#include "catch.hpp"
#include "child_rights.hpp"
#include "support.hpp"

using namespace device_test;
using efface::device::Rights;

namespace {

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

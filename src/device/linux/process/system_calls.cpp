// SPDX-License-Identifier: Apache-2.0
#include "efface/device/system_calls.hpp"

#include <fcntl.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

#include "efface/base/assert.hpp"

namespace efface::device {

namespace {

/// Names of seccomp_syscall_resolve_name(3). One that this libseccomp does not know is of a kernel
/// that came later; one of another architecture matches nothing.
using Names = std::span<const char* const>;

/// What no command does, and who has taken a process over wants.
constexpr std::array kHostile{
    // other processes
    "ptrace", "process_madvise", "process_mrelease", "pidfd_getfd", "move_pages", "migrate_pages",
    // the kernel itself, and what runs in it
    "kexec_load", "kexec_file_load", "reboot", "init_module", "finit_module", "delete_module",
    "create_module", "get_kernel_syms", "query_module", "bpf", "perf_event_open", "userfaultfd",
    "iopl", "ioperm", "modify_ldt", "vm86", "vm86old", "personality", "syslog", "lookup_dcookie",
    "_sysctl", "sysfs", "uselib", "nfsservctl",
    // what is mounted, and which namespace sees it
    "mount", "umount", "umount2", "pivot_root", "chroot", "move_mount", "open_tree", "fsopen",
    "fsconfig", "fsmount", "fspick", "mount_setattr", "setns", "unshare",
    // the machine
    "swapon", "acct", "quotactl", "quotactl_fd", "settimeofday", "clock_settime", "clock_settime64",
    "stime", "sethostname", "setdomainname", "fanotify_init",
    // ways around a check of names
    "execveat", "open_by_handle_at"};

constexpr std::array kPrograms{"execve"};
constexpr std::array kKeyrings{"add_key", "request_key", "keyctl"};
/// What is asked through a ring passes no filter.
constexpr std::array kRings{"io_uring_setup", "io_uring_enter", "io_uring_register"};
constexpr std::array kErasing{"swapoff", "process_vm_readv", "process_vm_writev", "mbind", "shmat"};

/// Computing, waiting for other threads, and ending.
constexpr std::array kThread{
    // memory
    "brk", "mmap", "mmap2", "munmap", "mremap", "mprotect", "madvise",
    // other threads
    "futex", "futex_time64", "futex_waitv", "set_robust_list", "rseq", "membarrier", "sched_yield",
    "sched_getaffinity", "getcpu", "gettid", "getpid",
    // signals
    "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack", "restart_syscall",
    // time and chance
    "clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "clock_nanosleep",
    "clock_nanosleep_time64", "nanosleep", "gettimeofday", "time", "getrandom",
    // the end
    "exit", "exit_group"};

/// Looking at files, and saying what is there; openat(), clone() and others by what they are given.
constexpr std::array kReading{
    // descriptors
    "read", "pread64", "readv", "preadv", "preadv2", "write", "writev", "close", "close_range",
    "lseek", "_llseek", "fcntl", "fcntl64", "flock", "fadvise64", "fadvise64_64",
    "arm_fadvise64_64", "readahead", "pipe", "pipe2", "dup", "dup2", "dup3",
    // names
    "stat", "fstat", "lstat", "stat64", "fstat64", "lstat64", "newfstatat", "fstatat64", "statx",
    "statfs", "fstatfs", "statfs64", "fstatfs64", "access", "faccessat", "faccessat2", "readlink",
    "readlinkat", "getdents", "getdents64", "getcwd", "umask",
    // memory
    "mincore", "mlock", "mlock2", "munlock", "msync",
    // waiting
    "poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64",
    "rt_sigpending", "rt_sigtimedwait", "rt_sigtimedwait_time64", "rt_sigsuspend",
    // who, where and how much
    "getppid", "getuid", "geteuid", "getgid", "getegid", "getresuid", "getresgid", "getgroups",
    "getuid32", "geteuid32", "getgid32", "getegid32", "getgroups32", "capget", "uname", "sysinfo",
    "getrusage", "getrlimit", "ugetrlimit", "times", "set_tid_address", "arch_prctl"};

/// LeakSanitizer stops the threads of the process at its end; others try memory with a pipe.
#if defined(__SANITIZE_ADDRESS__)
#define EFFACE_INSTRUMENTED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EFFACE_INSTRUMENTED
#endif
#endif
#if defined(EFFACE_INSTRUMENTED)
constexpr std::array kInstruments{"ptrace", "prctl", "wait4", "kill",  "clone",   "pipe",
                                  "pipe2",  "read",  "write", "close", "readlink"};
#else
constexpr std::array<const char*, 0> kInstruments{};
#endif

class Filter final {
  public:
    explicit Filter(std::uint32_t otherwise) : context_(::seccomp_init(otherwise)) {
        if (!context_) {
            error_ = ENOMEM;
            return;
        }
        set(SCMP_FLTATR_ACT_BADARCH, SCMP_ACT_KILL_PROCESS);
        set(SCMP_FLTATR_API_SYSRAWRC, 1);
        // No foreign code runs here: older kernels would make every load wait for stores.
        (void)::seccomp_attr_set(context_.get(), SCMP_FLTATR_CTL_SSB, 1);
    }

    void set(scmp_filter_attr attribute, std::uint32_t value) {
        note(::seccomp_attr_set(context_.get(), attribute, value));
    }

    void add(std::uint32_t action, const char* name, std::span<const scmp_arg_cmp> when = {}) {
        const int number = ::seccomp_syscall_resolve_name(name);
        if (number != __NR_SCMP_ERROR && error_ == 0) {
            note(::seccomp_rule_add_array(context_.get(), action, number,
                                          static_cast<unsigned>(when.size()), when.data()));
        }
    }
    void add(std::uint32_t action, const char* name, scmp_arg_cmp when) {
        add(action, name, std::span(&when, 1));
    }
    void add(std::uint32_t action, Names names) {
        for (const char* name : names) {
            add(action, name);
        }
    }

    /// 0, or why there is no filter.
    [[nodiscard]] int load() {
        if (error_ == 0) {
            note(::seccomp_load(context_.get()));
        }
        return error_;
    }

  private:
    void note(int result) {
        if (error_ == 0 && result < 0) {
            error_ = -result;
        }
    }

    struct Release {
        void operator()(void* context) const { ::seccomp_release(context); }
    };
    std::unique_ptr<void, Release> context_;
    int error_ = 0;
};

constexpr std::uint64_t kInt = 0xffffffffU;  // the kernel looks at the lower half of an int alone

scmp_arg_cmp bits(unsigned argument, std::uint64_t mask, std::uint64_t value) {
    return {argument, SCMP_CMP_MASKED_EQ, mask, value};
}

scmp_arg_cmp other_than(unsigned argument, std::uint64_t value) {
    return {argument, SCMP_CMP_NE, value, 0};
}

/// Of clone(2); its flags are the second argument of s390's.
#if defined(__s390__)
constexpr unsigned kCloneFlags = 1;
#else
constexpr unsigned kCloneFlags = 0;
#endif
constexpr std::array<std::uint64_t, 7> kNamespaces{CLONE_NEWNS,  CLONE_NEWCGROUP, CLONE_NEWUTS,
                                                   CLONE_NEWIPC, CLONE_NEWUSER,   CLONE_NEWPID,
                                                   CLONE_NEWNET};

constexpr std::uint32_t kNotPermitted = SCMP_ACT_ERRNO(EPERM);
constexpr std::uint32_t kNotKnown = SCMP_ACT_ERRNO(ENOSYS);

/// The other way round than an exception of an allowed call: what it must not be given.
void refuse_by_argument(Filter& filter) {
    // The kernel's own, and its ciphers, of which libcryptsetup takes some; no network.
    constexpr int kFamilyEnd = 64;  // beyond any that a kernel knows
    for (int family = 0; family < kFamilyEnd; ++family) {
        if (family != AF_UNIX && family != AF_NETLINK && family != AF_ALG) {
            filter.add(kNotPermitted, "socket", bits(0, kInt, static_cast<unsigned>(family)));
        }
    }
    for (const std::uint64_t flag : kNamespaces) {
        filter.add(kNotPermitted, "clone", bits(kCloneFlags, flag, flag));
    }
    // Its flags lie in memory, where no filter sees them; then clone() is taken.
    filter.add(kNotKnown, "clone3");
    // Words put into the terminal of who runs this.
    filter.add(kNotPermitted, "ioctl", bits(1, kInt, TIOCSTI));
    constexpr std::uint64_t kTiocLinux = 0x541C;
    filter.add(kNotPermitted, "ioctl", bits(1, kInt, kTiocLinux));
    filter.add(kNotPermitted, "prlimit64", other_than(0, 0));
}

void allow_by_argument(Filter& filter) {
    constexpr std::uint64_t kWriting = O_ACCMODE | O_CREAT | O_TRUNC;
    filter.add(SCMP_ACT_ALLOW, "open", bits(1, kWriting, O_RDONLY));
    filter.add(SCMP_ACT_ALLOW, "openat", bits(2, kWriting, O_RDONLY));
    std::uint64_t namespaces = 0;
    for (const std::uint64_t flag : kNamespaces) {
        namespaces |= flag;
    }
    filter.add(SCMP_ACT_ALLOW, "clone", bits(kCloneFlags, namespaces, 0));
    for (const unsigned long request : {0UL + TCGETS, 0UL + TIOCGWINSZ}) {
        filter.add(SCMP_ACT_ALLOW, "ioctl", bits(1, kInt, request));
    }
    filter.add(SCMP_ACT_ALLOW, "prlimit64", bits(0, kInt, 0));
}

/// abort() and its last words.
void allow_aborting(Filter& filter) {
    filter.add(SCMP_ACT_ALLOW, "tgkill", bits(0, kInt, static_cast<unsigned>(::getpid())));
    filter.add(SCMP_ACT_ALLOW, "write", bits(0, kInt, STDERR_FILENO));
    filter.add(SCMP_ACT_ALLOW, "writev", bits(0, kInt, STDERR_FILENO));
}

/// One row for each of the rights: which families of calls they do without.
struct Profile {
    Rights rights = Rights::reading;
    bool programs = false;
    bool keyrings = false;
    bool rings = false;
    bool erasing = false;
};
constexpr std::array kProfiles{
    Profile{.rights = Rights::reading},
    Profile{.rights = Rights::signing},
    Profile{.rights = Rights::listing},
    // Its LUKS worker tries a credential.
    Profile{.rights = Rights::planning, .programs = true, .keyrings = true},
    Profile{.rights = Rights::storage,
            .programs = true,
            .keyrings = true,
            .rings = true,
            .erasing = true},
    Profile{.rights = Rights::unlocking, .keyrings = true},
};

const Profile& profile_of(Rights rights) {
    const auto* const found =
        std::find_if(kProfiles.begin(), kProfiles.end(),
                     [&](const Profile& row) { return row.rights == rights; });
    EFFACE_ASSERT(found != kProfiles.end());
    return *found;
}

void refuse(Filter& filter, std::uint32_t action, const Profile& profile) {
    for (const char* name : kHostile) {
        const auto is_it = [&](const char* kept) { return std::strcmp(kept, name) == 0; };
        if (std::none_of(kInstruments.begin(), kInstruments.end(), is_it)) {
            filter.add(action, name);
        }
    }
    for (const auto& [keeps, names] : {std::pair<bool, Names>{profile.programs, kPrograms},
                                       {profile.keyrings, kKeyrings},
                                       {profile.rings, kRings},
                                       {profile.erasing, kErasing}}) {
        if (!keeps) {
            filter.add(action, names);
        }
    }
    if (profile.erasing) {  // a copy in which a page that is gone is an error, and no signal
        for (const char* name : {"process_vm_readv", "process_vm_writev"}) {
            filter.add(action, name, other_than(0, static_cast<unsigned>(::getpid())));
        }
    }
}

}  // namespace

std::string keep_calls(Rights rights) {
    const Profile& profile = profile_of(rights);
    const bool reading = rights == Rights::reading;
    Filter filter(reading ? kNotKnown : SCMP_ACT_ALLOW);
    filter.set(SCMP_FLTATR_CTL_TSYNC, 1);
    refuse(filter, reading ? SCMP_ACT_KILL_PROCESS : kNotPermitted, profile);
    if (reading) {
        filter.add(SCMP_ACT_ALLOW, kThread);
        filter.add(SCMP_ACT_ALLOW, kReading);
        filter.add(SCMP_ACT_ALLOW, kInstruments);
        allow_by_argument(filter);
        allow_aborting(filter);
    } else {
        refuse_by_argument(filter);
    }
    const int error = filter.load();
    return error == 0 ? std::string() : std::string(std::strerror(error));
}

void keep_computing_calls() noexcept {
    Filter filter(kNotKnown);
    filter.add(SCMP_ACT_ALLOW, kThread);
    filter.add(SCMP_ACT_ALLOW, kInstruments);
    allow_aborting(filter);
    (void)filter.load();
}

}  // namespace efface::device

// SPDX-License-Identifier: Apache-2.0
#include "child_process.hpp"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "efface/base/assert.hpp"
#include "efface/base/error.hpp"

namespace efface::device {

namespace {

/// The first descriptor that is none of the standard streams.
constexpr int kFirstDescriptor = 3;

/// posix_spawn's objects, destroyed in any case.
struct SpawnSettings {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};

    explicit SpawnSettings(int input) {
        sigset_t none;
        sigset_t defaults;
        ::sigemptyset(&none);
        ::sigfillset(&defaults);
        ::sigdelset(&defaults, SIGKILL);
        ::sigdelset(&defaults, SIGSTOP);
        const short flags = POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF;
        const bool ready =
            ::posix_spawn_file_actions_init(&actions) == 0 &&
            ::posix_spawnattr_init(&attributes) == 0 &&
            ::posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO) == 0 &&
            ::posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_RDWR, 0) ==
                0 &&
            ::posix_spawn_file_actions_addclosefrom_np(&actions, kFirstDescriptor) == 0 &&
            ::posix_spawnattr_setpgroup(&attributes, 0) == 0 &&
            ::posix_spawnattr_setsigmask(&attributes, &none) == 0 &&
            ::posix_spawnattr_setsigdefault(&attributes, &defaults) == 0 &&
            ::posix_spawnattr_setflags(&attributes, flags) == 0;
        // Fails for lack of memory only.
        EFFACE_ASSERT(ready);
    }
    ~SpawnSettings() {
        (void)::posix_spawn_file_actions_destroy(&actions);
        (void)::posix_spawnattr_destroy(&attributes);
    }
    SpawnSettings(const SpawnSettings&) = delete;
    SpawnSettings& operator=(const SpawnSettings&) = delete;
};

}  // namespace

ChildProcess ChildProcess::start(const std::filesystem::path& program, std::string argument,
                                 int input) {
    EFFACE_ASSERT(input >= kFirstDescriptor);
    std::string name = program.string();
    std::array<char*, 3> argv{name.data(), argument.data(), nullptr};
    std::string path = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
    std::string locale = "LC_ALL=C";
    std::array<char*, 3> environment{path.data(), locale.data(), nullptr};
    const SpawnSettings settings(input);
    pid_t pid = -1;
    const int error = ::posix_spawn(&pid, program.c_str(), &settings.actions, &settings.attributes,
                                    argv.data(), environment.data());
    if (error != 0) {
        throw_errno(ErrorCode::internal, program.string() + ": starting it failed", error);
    }
    return ChildProcess(pid);
}

ChildProcess::~ChildProcess() {
    if (pid_ <= 0) {
        return;
    }
    (void)::kill(pid_, SIGKILL);
    while (::waitpid(pid_, nullptr, 0) < 0 && errno == EINTR) {
    }
}

}  // namespace efface::device

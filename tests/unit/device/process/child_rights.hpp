// SPDX-License-Identifier: Apache-2.0
// System calls made by a child process that gave up some.
#pragma once

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>

#include "efface/device/system_calls.hpp"

#include "catch.hpp"

namespace device_test {

using efface::device::keep_calls;
using efface::device::keep_computing_calls;
using efface::device::Rights;

constexpr std::array kAll{Rights::reading,  Rights::signing, Rights::listing,
                          Rights::planning, Rights::storage, Rights::unlocking};

/// How a child ended: its errno, 0, or minus the signal.
constexpr int kNoFilter = 250;
constexpr int kWrong = 251;

inline int in_child(const std::function<int()>& act) {
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

inline int with_rights(Rights rights, const std::function<int()>& act) {
    return in_child([&] { return keep_calls(rights).empty() ? act() : kNoFilter; });
}

inline int in_computing_thread(const std::function<int()>& act) {
    int result = kWrong;
    std::thread([&] {
        keep_computing_calls();
        result = act();
    }).join();
    return result;
}

/// 0 or its errno.
inline int made(long number, std::array<long, 6> with = {-1, -1, -1, -1, -1, -1}) {
    return ::syscall(number, with[0], with[1], with[2], with[3], with[4], with[5]) < 0 ? errno : 0;
}

}  // namespace device_test

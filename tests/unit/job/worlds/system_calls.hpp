// SPDX-License-Identifier: Apache-2.0
// The calls by which this process changes files, with a word in between: system_calls.cpp is in
// for the C library's. Of one thread.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "fake/disk/memory_disk.hpp"

namespace efface::job::worlds {

/// Called before each of them: 0, or the errno that it fails with. May throw where the C library's
/// own function may (`can_throw`). Empty: nobody listens.
using CallWatch = std::function<int(bool can_throw)>;
void watch_calls(CallWatch watch);

/// One call on a file that is the target's, or speaks to the kernel for it.
struct TargetCall {
    enum class Kind { read, write, flush, resize, control } kind = Kind::read;
    int fd = -1;
    std::string text;  ///< that a control file is given
};
/// Called before each of them, instead of the other watch. nullopt: the file is the station's. A
/// control never reaches the file. May throw.
using TargetWatch = std::function<std::optional<fake::Fault>(const TargetCall& call)>;
/// There is no io_uring in this program: every transfer is one of these calls.
void watch_target(TargetWatch watch);

/// What std::this_thread::sleep_for() does instead of sleeping.
void watch_sleep(std::function<void(long long milliseconds)> watch);

}  // namespace efface::job::worlds

// SPDX-License-Identifier: Apache-2.0
// The calls by which this process changes files, with a word in between: system_calls.cpp is in
// for the C library's. Of one thread.
#pragma once

#include <functional>

namespace efface::job::worlds {

/// Called before each of them: 0, or the errno that it fails with. May throw where the C library's
/// own function may (`can_throw`). Empty: nobody listens.
using CallWatch = std::function<int(bool can_throw)>;
void watch_calls(CallWatch watch);

/// What std::this_thread::sleep_for() does instead of sleeping.
void watch_sleep(std::function<void(long long milliseconds)> watch);

}  // namespace efface::job::worlds

// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstddef>
#include <functional>

namespace efface::job {

/// Calls `work(i)` once for every i < count on at most `workers` threads; returns when all ended.
/// The first exception stops the handing out of further work and is thrown again here.
void for_each_in_parallel(std::size_t count, unsigned workers,
                          const std::function<void(std::size_t)>& work);

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
#include "workers.hpp"

#include <algorithm>
#include <atomic>
#include <exception>
#include <mutex>
#include <thread>
#include <vector>

namespace efface::job {

void for_each_in_parallel(std::size_t count, unsigned workers,
                          const std::function<void(std::size_t)>& work) {
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::exception_ptr first;
    const auto loop = [&] {
        for (std::size_t index = next++; index < count; index = next++) {
            try {
                work(index);
            } catch (...) {  // carried to the caller's thread, not handled here
                const std::lock_guard lock(mutex);
                first = first ? first : std::current_exception();
                next = count;
            }
        }
    };
    {
        std::vector<std::jthread> threads;
        const std::size_t wanted = std::min<std::size_t>(std::max(workers, 1U), count);
        for (std::size_t i = 1; i < wanted; ++i) {
            threads.emplace_back(loop);
        }
        loop();
    }
    if (first) {
        std::rethrow_exception(first);
    }
}

}  // namespace efface::job

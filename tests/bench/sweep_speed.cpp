// SPDX-License-Identifier: Apache-2.0
// sweep_speed memset|sweep BYTES: plain memory that is got and set, or taken as memory:free takes
// it, never more than BYTES. Prints {"bytes", "seconds"}.
#include <sys/mman.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <string>
#include <utility>

#include "memory/sweep.hpp"

namespace {

using namespace efface;

/// As many pages as were asked for, once.
class Bounded final : public method::FreePages {
  public:
    explicit Bounded(std::uint64_t bytes) : bytes_(bytes) {}
    [[nodiscard]] std::uint64_t free_bytes() const override { return bytes_; }
    [[nodiscard]] std::uint64_t room_bytes(std::optional<unsigned> /*node*/) const override {
        return method::sweep_room_bytes(inventory::read_free_memory());
    }
    [[nodiscard]] std::uint64_t held_bytes_max() const override { return bytes_; }

  private:
    std::uint64_t bytes_;
};

class Silent final : public ProgressSink {
    void advance(std::uint64_t /*bytes*/) override {}
};

std::uint64_t swept(std::uint64_t bytes) {
    const SystemClock clock;
    Silent sink;
    const Bytes key(stream::kStreamKeyBytes, 0x42);
    method::MemoryRun run("bench", key, clock, sink, {});
    Bounded pages(bytes);
    return method::sweep(pages, run).returned_bytes;
}

std::uint64_t set(std::uint64_t bytes) {
    void* memory =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        return 0;
    }
    std::memset(memory, 0x42, bytes);
    (void)::munmap(memory, bytes);
    return bytes;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc != 3) {
        return 2;
    }
    const std::uint64_t bytes = std::stoull(argv[2]);
    const auto began = std::chrono::steady_clock::now();
    const auto done = std::string(argv[1]) == "sweep" ? swept(bytes) : set(bytes);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - began;
    std::printf("{\"bytes\": %llu, \"seconds\": %.6f}\n", static_cast<unsigned long long>(done),
                seconds.count());
    return done == 0 ? 1 : 0;
}

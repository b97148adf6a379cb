// SPDX-License-Identifier: Apache-2.0
// pass_speed fill|check|both [--zero] [--slots N] [--kib N] PATH...: what a pass over each PATH
// costs, all at the same time, one thread each. DESTROYS what is there. One JSON line a pass:
// bytes, seconds (the slowest), CPU seconds (user and system, of this process), peak memory,
// engine, and who makes the key stream.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "efface/base/error.hpp"
#include "efface/device/linux_target.hpp"
#include "efface/stream/pass.hpp"

namespace {

using namespace efface;

constexpr std::uint8_t kKeyByte = 0x5c;

class Silent final : public stream::PassWatcher {
  public:
    Go go(const stream::Pace&) override { return Go::on; }
    void advance(std::uint64_t) override {}
    void written(std::uint64_t, const stream::FillReport&) override {}
    void compared(std::uint64_t, const stream::CheckReport&) override {}
};

struct Wanted {
    bool check = false;
    stream::Pattern pattern{stream::Pattern::Kind::random,
                            Bytes(stream::kStreamKeyBytes, kKeyByte)};
    stream::PassOptions options;
};

struct Result {
    std::uint64_t bytes = 0;
    bool good = false;
    std::string engine;
};

Result run_one(const Wanted& wanted, const std::string& path) {
    const auto target = device::LinuxTarget::open(path, device::Access::exclusive);
    Silent watcher;
    const SystemClock clock;
    const std::uint64_t size = target->size_bytes();
    if (wanted.check) {
        const stream::CheckReport report =
            stream::check(*target, wanted.pattern, {{0, size}}, wanted.options, watcher, clock, {});
        return {report.bytes_compared, report.matches(), report.engine + report.engine_note};
    }
    const stream::FillReport report =
        stream::fill(*target, wanted.pattern, 0, wanted.options, watcher, clock, {});
    return {report.bytes_written, report.watermark == size && report.write_faults.count == 0,
            report.engine + report.engine_note};
}

double seconds_of(const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
}

bool measure(const Wanted& wanted, const std::vector<std::string>& paths) {
    rusage before{};
    ::getrusage(RUSAGE_SELF, &before);
    const auto began = std::chrono::steady_clock::now();
    std::vector<Result> results(paths.size());
    std::vector<std::thread> threads;
    for (std::size_t i = 0; i < paths.size(); ++i) {
        threads.emplace_back([&, i] {
            try {
                results[i] = run_one(wanted, paths[i]);
            } catch (const Error& error) {
                std::fprintf(stderr, "%s\n", error.what());
            }
        });
    }
    for (std::thread& thread : threads) {
        thread.join();
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - began;
    rusage after{};
    ::getrusage(RUSAGE_SELF, &after);
    Result total{0, true, results.front().engine};
    for (const Result& result : results) {
        total.bytes += result.bytes;
        total.good = total.good && result.good;
    }
    std::printf(
        "{\"pass\": \"%s\", \"bytes\": %llu, \"seconds\": %.4f, \"user\": %.3f, "
        "\"system\": %.3f, \"peak_kib\": %ld, \"good\": %s, \"engine\": \"%s\", "
        "\"stream\": \"%s\"}\n",
        wanted.check ? "check" : "fill", static_cast<unsigned long long>(total.bytes), took.count(),
        seconds_of(after.ru_utime) - seconds_of(before.ru_utime),
        seconds_of(after.ru_stime) - seconds_of(before.ru_stime), after.ru_maxrss,
        total.good ? "true" : "false", total.engine.c_str(),
        stream::KeyedStream(Bytes(stream::kStreamKeyBytes)).engine());
    return total.good;
}

}  // namespace

int main(int argc, char** argv) {
    const std::vector<std::string> arguments(argv + 1, argv + argc);
    Wanted wanted;
    std::string what;
    std::vector<std::string> paths;
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const bool more = i + 1 < arguments.size();
        if (arguments[i] == "--zero") {
            wanted.pattern = {stream::Pattern::Kind::repeating, {0}};
        } else if (arguments[i] == "--slots" && more) {
            wanted.options.slots = std::stoul(arguments[++i]);
        } else if (arguments[i] == "--kib" && more) {
            wanted.options.slot_bytes = std::stoul(arguments[++i]) * 1024;
        } else if (what.empty()) {
            what = arguments[i];
        } else {
            paths.push_back(arguments[i]);
        }
    }
    if (paths.empty() || (what != "fill" && what != "check" && what != "both")) {
        std::fprintf(stderr,
                     "usage: pass_speed fill|check|both [--zero] [--slots N] [--kib N] "
                     "PATH...\n");
        return 2;
    }
    bool good = true;
    for (const bool check : {false, true}) {
        if (what == "both" || (what == "check") == check) {
            wanted.check = check;
            good = measure(wanted, paths) && good;
        }
    }
    return good ? 0 : 1;
}

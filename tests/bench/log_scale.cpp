// SPDX-License-Identifier: Apache-2.0
// How the log behaves as it grows: bench_log_scale DIR [ENTRIES]. Makes logs in DIR, which must be
// missing, and removes it. Prints one line a size: what an append, an opening and a proof read and
// write, how many appends a second without flushes (CPU and system calls) and with them, and how
// long it takes to find the runs on one device.
#include <sys/resource.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <filesystem>
#include <string>

#include "efface/evidence/device_key.hpp"
#include "efface/evidence/log_runs.hpp"

#include "log/store.hpp"

using namespace efface;
using namespace efface::evidence;
namespace fs = std::filesystem;

namespace {

constexpr std::uint64_t kEntriesDefault = 1'000'000;
constexpr std::uint64_t kEntriesMax = 100'000'000;
constexpr std::uint64_t kSample = 512;  // two blocks, so that writing them out is shared fairly
constexpr std::uint64_t kFlushedAppends = 100;

struct Counts {
    std::uint64_t read = 0;
    std::uint64_t written = 0;
};

/// Passes everything on but the flushes, and counts bytes.
class CountingFiles final : public LogFiles {
  public:
    CountingFiles(const fs::path& directory, Counts& counts)
        : files_(directory, FolderLogFiles::Access::write), counts_(counts) {}
    [[nodiscard]] std::string name() const override { return files_.name(); }
    [[nodiscard]] bool exists(LogFile file) override { return files_.exists(file); }
    [[nodiscard]] std::uint64_t size(LogFile file) override { return files_.size(file); }
    [[nodiscard]] std::size_t read_at(LogFile file, std::uint64_t offset,
                                      MutableByteView room) override {
        const std::size_t got = files_.read_at(file, offset, room);
        counts_.read += got;
        return got;
    }
    void write_at(LogFile file, std::uint64_t offset, ByteView bytes) override {
        counts_.written += bytes.size();
        files_.write_at(file, offset, bytes);
    }
    void truncate(LogFile file, std::uint64_t size) override { files_.truncate(file, size); }
    void sync(LogFile) override {}
    void publish_checkpoint() override { files_.publish_checkpoint(); }
    void publish_unsigned(const std::string& name) override { files_.publish_unsigned(name); }
    [[nodiscard]] std::vector<std::string> unsigned_names(std::size_t count_max) override {
        return files_.unsigned_names(count_max);
    }
    void sync_directory() override {}

  private:
    FolderLogFiles files_;
    Counts& counts_;
};

NoteSigner bench_signer() {
    return NoteSigner("bench.example/log", SecretBytes(32));
}

/// Entry `n`: an announced run, or the outcome of the one before it.
Json entry_of(std::uint64_t n) {
    Json entry{{"at", "2026-11-21T09:00:00Z"},
               {"runId", "0199f3c2-7d5e-7c41-9b0a-" + std::to_string(100'000'000'000U + n / 2)}};
    if (n % 2 == 0) {
        entry["type"] = "run-intent";
        const Json identity{{"kind", "disk"},
                            {"serial", "S" + std::to_string(n)},
                            {"wwid", "naa.5000" + std::to_string(100'000'000'000U + n)}};
        entry["device"] = sha256_hex(canonical_json(identity));
        entry["deviceKeys"] = device_keys(identity);
        entry["jobId"] = std::string(32, 'b');
        entry["technique"] = "overwrite-random";
        entry["attempt"] = 1;
    } else {
        entry["type"] = "run-outcome";
        entry["intent"] = n - 1;
        entry["certificate"] = {{"sha256", std::string(64, 'c')}};
        entry["signature"] = {{"sha256", std::string(64, 'd')}};
        entry["status"] = "sanitized";
    }
    return entry;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

/// What each run does before it announces itself: the runs on a drive, and on 500 volumes.
void report_device(const fs::path& directory) {
    Json volumes = Json::array();
    for (unsigned i = 0; i < 500; ++i) {
        volumes.push_back({{"name", "v"}, {"uuid", "volume-" + std::to_string(i)}});
    }
    const Log log = Log::open_read_only(directory, bench_signer().verifier_key());
    for (const Json& identity : {Json{{"kind", "disk"}, {"serial", "S0"}},
                                 Json{{"projectId", "p"}, {"volumes", volumes}}}) {
        const auto start = std::chrono::steady_clock::now();
        DeviceRuns runs(identity);
        runs.read(log);
        std::printf("%9llu entries: %zu runs on a device of %zu keys found in %.0f ms\n",
                    static_cast<unsigned long long>(log.size()), runs.runs().size(),
                    runs.device().keys().size(), seconds_since(start) * 1e3);
    }
    (void)std::fflush(stdout);
}

long peak_rss_kib() {
    struct rusage usage {};
    (void)::getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
}

LogStore open_counting(const fs::path& directory, Counts& counts) {
    return LogStore(std::make_unique<CountingFiles>(directory, counts), bench_signer());
}

void report(const fs::path& directory) {
    Counts counts;
    auto start = std::chrono::steady_clock::now();
    LogStore log = open_counting(directory, counts);
    const double open_ms = seconds_since(start) * 1e3;
    const Counts opening = counts;
    const std::uint64_t size = log.size();

    counts = {};
    (void)log.prove(size / 3);
    const Counts proving = counts;

    counts = {};
    start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < kSample; ++i) {
        (void)log.append(entry_of(log.size()));
    }
    const double seconds = seconds_since(start);
    std::printf(
        "%9llu entries: append reads %llu and writes %llu bytes, %.0f/s unflushed; "
        "opening reads %llu bytes, %.2f ms; a proof reads %llu bytes; peak RSS %ld KiB\n",
        static_cast<unsigned long long>(size),
        static_cast<unsigned long long>(counts.read / kSample),
        static_cast<unsigned long long>(counts.written / kSample),
        static_cast<double>(kSample) / seconds, static_cast<unsigned long long>(opening.read),
        open_ms, static_cast<unsigned long long>(proving.read), peak_rss_kib());
    (void)std::fflush(stdout);
}

void report_flushed(const fs::path& directory) {
    Log log = Log::open(directory, bench_signer());
    const auto start = std::chrono::steady_clock::now();
    for (std::uint64_t i = 0; i < kFlushedAppends; ++i) {
        (void)log.append(entry_of(log.size()));
    }
    std::printf("%9llu entries: %.0f appends/s with every flush\n",
                static_cast<unsigned long long>(log.size()),
                static_cast<double>(kFlushedAppends) / seconds_since(start));
}

void report_audit(const fs::path& directory) {
    const auto start = std::chrono::steady_clock::now();
    const LogAudit audit = audit_log(directory, bench_signer().verifier_key());
    std::printf("%9llu entries: audit %.1f s, %zu problems, peak RSS %ld KiB\n",
                static_cast<unsigned long long>(audit.entries), seconds_since(start),
                audit.problems.size(), peak_rss_kib());
    const auto again = std::chrono::steady_clock::now();
    const WholeLog whole(directory, bench_signer().verifier_key());
    std::printf("%9llu entries: kept for verifiers in %.1f s, peak RSS %ld KiB\n",
                static_cast<unsigned long long>(whole.size()), seconds_since(again),
                peak_rss_kib());
}

void run(const fs::path& directory, std::uint64_t entries) {
    Log::create(directory, bench_signer());
    std::uint64_t done = 0;
    for (std::uint64_t goal = 1'000; goal <= entries; goal *= 10) {
        {
            Counts ignored;
            LogStore log = open_counting(directory, ignored);
            for (done = log.size(); done < goal; ++done) {
                (void)log.append(entry_of(done));
            }
        }
        report(directory);
        report_device(directory);
    }
    report_flushed(directory);
    report_audit(directory);
}

}  // namespace

int main(int argc, char** argv) {
    std::uint64_t entries = kEntriesDefault;
    if (argc == 3) {
        const std::string_view text = argv[2];
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), entries);
        if (error != std::errc() || end != text.data() + text.size() || entries > kEntriesMax) {
            argc = 0;
        }
    }
    if (argc < 2 || argc > 3 || fs::exists(argv[1])) {
        std::fputs("usage: bench_log_scale NEW_DIR [ENTRIES]\n", stderr);
        return 2;
    }
    try {
        run(argv[1], entries);
        fs::remove_all(argv[1]);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "bench_log_scale: %s\n", error.what());
        return 1;
    }
    return 0;
}

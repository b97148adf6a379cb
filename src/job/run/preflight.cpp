// SPDX-License-Identifier: Apache-2.0
#include "preflight.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>

#include "efface/base/file.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/evidence/keys.hpp"
#include "efface/job/session_cache.hpp"

namespace efface::job {

namespace {

/// Clocks of a station are set a little now and then; verifiers allow the same.
constexpr auto kClockSlack = std::chrono::minutes(10);

using Objections = std::vector<Objection>;

void object(Objections& list, ErrorCode status, ReasonCode code, std::string text) {
    list.push_back({{code, std::move(text)}, status});
}

void look_at_folder(const std::filesystem::path& folder, Objections& found) {
    struct stat status {};
    if (::stat(folder.c_str(), &status) != 0) {
        if (errno != ENOENT) {
            object(found, ErrorCode::internal, ReasonCode::state_unusable,
                   printable(folder.string()) + ": " + errno_text(errno));
        }
        return;
    }
    if (!S_ISDIR(status.st_mode)) {
        object(found, ErrorCode::internal, ReasonCode::state_unusable,
               printable(folder.string()) + ": it is not a folder");
    } else if (::access(folder.c_str(), W_OK | X_OK) != 0) {
        object(found, ErrorCode::internal, ReasonCode::state_unusable,
               printable(folder.string()) + ": " + errno_text(errno));
    }
}

void look_at_space(const std::filesystem::path& root, std::uint64_t bytes, Objections& found) {
    struct statvfs status {};
    if (::statvfs(root.c_str(), &status) != 0) {
        return;  // said of the folder already
    }
    const std::uint64_t blocks = ::geteuid() == 0 ? status.f_bfree : status.f_bavail;
    constexpr std::uint64_t kFilesOfARun = 32;
    const bool few_files = status.f_files != 0 && status.f_ffree < kFilesOfARun;
    if (blocks * status.f_frsize < bytes || few_files) {
        object(found, ErrorCode::internal, ReasonCode::no_space,
               fmt::format("{}: {} bytes{} are left; the run needs {} for its journal and record",
                           printable(root.string()), blocks * status.f_frsize,
                           few_files ? " and almost no inodes" : "", bytes));
    }
}

/// How large a file of this process may become: journals, the record, the log behind what it has.
void look_at_file_limit(const StateDirectory& state, std::uint64_t bytes, Objections& found) {
    constexpr std::uint64_t kLogBytesOfARun = std::uint64_t{256} << 10U;
    rlimit limit{};
    if (::getrlimit(RLIMIT_FSIZE, &limit) != 0 || limit.rlim_cur == RLIM_INFINITY) {
        return;
    }
    std::error_code error;
    const auto log = std::filesystem::file_size(state.log() / "entries.jsonl", error);
    const auto needed = std::max(bytes, (error ? 0 : log) + kLogBytesOfARun);
    if (limit.rlim_cur < needed) {
        object(found, ErrorCode::internal, ReasonCode::no_space,
               fmt::format("a file of this process may have {} bytes (ulimit -f), and the run "
                           "needs {} for its journal, log and record",
                           limit.rlim_cur, needed));
    }
}

/// False: it is not valid now.
bool look_at_certificate(const evidence::SigningKey& key, WallTime now, Objections& found) {
    const auto validity = key.validity();
    const bool valid = now >= validity.from && now <= validity.to;
    if (!valid) {
        object(
            found, ErrorCode::authorisation, ReasonCode::station_certificate,
            fmt::format("the station's certificate is valid from {} to {}, but the clock shows {}",
                        to_rfc3339(validity.from), to_rfc3339(validity.to), to_rfc3339(now)));
    }
    return valid;
}

/// A signature as the record will bear one must be good for who trusts this station's root. False:
/// it is not.
bool look_at_trust(const evidence::SigningKey& key, const std::string& root_pem,
                   const std::string& revocations_pem, WallTime now, Objections& found) {
    constexpr std::string_view kTrial = "efface preflight 1\n";
    const auto signature = evidence::cms_sign(as_bytes(kTrial), key, now);
    const auto report =
        evidence::cms_verify(as_bytes(kTrial), signature, root_pem, revocations_pem);
    if (!report.ok()) {
        object(found, ErrorCode::authorisation, ReasonCode::station_certificate,
               "this station's signature does not verify against its own root: " +
                   (report.problems.empty() ? "it has no signer" : report.problems.front()));
    } else if (report.signers.front().role != evidence::Role::station) {
        object(found, ErrorCode::authorisation, ReasonCode::station_certificate,
               "the station's certificate does not give it the role station");
    } else {
        return true;
    }
    return false;
}

/// Whether each file of the log is one, and may be written: an append needs them all.
void look_at_log_files(const std::filesystem::path& folder, Objections& found) {
    constexpr std::array kFiles = {"entries.jsonl", "hashes", "offsets", "origin", "checkpoint"};
    constexpr std::array kWritten = {"checkpoint.new", "unsigned.new", "lock"};
    const auto look = [&](const char* name, bool must_exist) {
        const auto path = folder / name;
        struct stat status {};
        const bool there = ::lstat(path.c_str(), &status) == 0;
        if (there ? !S_ISREG(status.st_mode) : must_exist) {
            object(found, ErrorCode::internal, ReasonCode::log_damaged,
                   printable(path.string()) + (there ? ": it is not a file" : ": it is missing"));
        } else if (there && ::access(path.c_str(), R_OK | W_OK) != 0) {
            object(found, ErrorCode::internal, ReasonCode::state_unusable,
                   printable(path.string()) + ": " + errno_text(errno));
        }
    };
    for (const char* name : kFiles) {
        look(name, true);
    }
    for (const char* name : kWritten) {
        look(name, false);
    }
}

/// nullopt where its keys are none.
std::optional<evidence::Log> look_at_log(const RunContext& context, const evidence::KeyStore& keys,
                                         WallTime now, Objections& found) {
    const auto& state = context.state;
    const auto verifier_key = keys.log_verifier_key();
    if (keys.log_signer().verifier_key() != verifier_key) {
        object(found, ErrorCode::internal, ReasonCode::log_damaged,
               "log.key and log.vkey do not belong together");
        return std::nullopt;
    }
    const auto known = context.cache == nullptr
                           ? known_log(state, verifier_key)
                           : context.cache->known_logs.look(state, verifier_key);
    auto log = evidence::Log::open_read_only(state.log(), verifier_key);
    look_at_log_files(state.log(), found);
    if (log.size() < known.size) {
        object(found, ErrorCode::internal, ReasonCode::log_damaged,
               put_back_text(known, log.size()));
    }
    if (log.size() == 0) {
        return log;
    }
    const Json last = parse_json(log.entry(log.size() - 1), "log entry");
    const auto at = from_rfc3339(last.value("at", ""));
    if (at && now + kClockSlack < *at) {
        object(found, ErrorCode::authorisation, ReasonCode::clock_wrong,
               fmt::format("the clock shows {}, but the last log entry was made at {}",
                           to_rfc3339(now), to_rfc3339(*at)));
    }
    return log;
}

/// How many files this process has open; nullopt where /proc does not tell.
std::optional<std::uint64_t> open_descriptors() {
    std::error_code error;
    std::uint64_t count = 0;
    for (auto at = std::filesystem::directory_iterator("/proc/self/fd", error);
         !error && at != std::filesystem::directory_iterator(); at.increment(error)) {
        ++count;
    }
    return error ? std::nullopt : std::optional(count);
}

void look_at_descriptors(std::uint64_t needed, Objections& found) {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) {
        return;
    }
    if (limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = limit.rlim_max;
        (void)::setrlimit(RLIMIT_NOFILE, &limit);
        (void)::getrlimit(RLIMIT_NOFILE, &limit);
    }
    const auto open = open_descriptors();
    if (limit.rlim_cur != RLIM_INFINITY && (!open || *open + needed > limit.rlim_cur)) {
        object(found, ErrorCode::internal, ReasonCode::too_few_descriptors,
               fmt::format("this process may open {} files and has {} open; the run needs {} more",
                           limit.rlim_cur, open ? std::to_string(*open) : "all", needed));
    }
}

void look_at_memory(std::uint64_t bytes, Objections& found) {
    if (bytes == 0) {
        return;
    }
    void* place =
        ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (place == MAP_FAILED) {
        object(found, ErrorCode::internal, ReasonCode::no_memory,
               fmt::format("the run cannot get {} bytes for its buffers: {}", bytes,
                           errno_text(errno)));
        return;
    }
    (void)::munmap(place, bytes);
}

}  // namespace

StationLook look_before(const RunContext& context, const RunNeeds& needs) {
    StationLook look;
    auto& found = look.objections;
    const auto& state = context.state;
    const auto missing = needs.devices ? context.host.missing_for_devices() : std::string();
    if (!missing.empty()) {
        object(found, ErrorCode::authorisation, ReasonCode::no_capability,
               "this process lacks a capability for work on a device: " + missing);
    }
    look_at_descriptors(needs.descriptors, found);
    look_at_memory(needs.memory_bytes, found);
    for (const auto& folder :
         {state.root, state.keys(), state.log(), state.jobs(), state.certificates()}) {
        look_at_folder(folder, found);
    }
    look_at_space(state.root, needs.state_bytes, found);
    look_at_file_limit(state, needs.state_bytes, found);
    try {
        auto keys = context.cache == nullptr ? evidence::KeyStore::open(state.keys())
                                             : context.cache->keys.open(state.keys());
        const auto now = context.clock.now();
        const auto key = keys.station_key();
        if (look_at_certificate(key, now, found)) {
            const auto trial = [&] {
                return look_at_trust(key, keys.root_certificate_pem(), keys.revocations_pem(), now,
                                     found);
            };
            (void)(context.cache == nullptr ? trial() : context.cache->keys.is_good(now, trial));
        }
        if (auto log = look_at_log(context, keys, now, found)) {
            look.station = Station{std::move(keys), *std::move(log)};
        }
    } catch (const Error& error) {
        const bool log = error.code() == ErrorCode::evidence;
        object(found, log ? ErrorCode::internal : error.code(),
               log ? ReasonCode::log_damaged : error.reason(), error.what());
    }
    return look;
}

StationLook look_before_plan(const RunContext& context, const RunNeeds& needs) {
    auto look = look_before(context, needs);
    Objections scarce;
    std::copy_if(look.objections.begin(), look.objections.end(), std::back_inserter(scarce),
                 [](const auto& objection) {
                     return objection.reason.code == ReasonCode::too_few_descriptors ||
                            objection.reason.code == ReasonCode::no_memory;
                 });
    refuse("nothing was examined or changed:", scarce);
    return look;
}

Station preflight(const RunContext& context, const RunNeeds& needs) {
    auto look = look_before(context, needs);
    refuse("refused before anything was examined; nothing was changed:", look.objections);
    EFFACE_ASSERT(look.station.has_value());  // else there is an objection
    return *std::move(look.station);
}

}  // namespace efface::job

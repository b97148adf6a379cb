// SPDX-License-Identifier: Apache-2.0
#include "past.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/answers/verify.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/bundle_files.hpp"
#include "efface/evidence/device_key.hpp"
#include "efface/job/guard.hpp"

#include "certificates/issued.hpp"

namespace efface::cli {

namespace {

std::filesystem::path real_path(const std::string& path) {
    std::error_code error;
    auto real = std::filesystem::canonical(path, error);
    return error ? std::filesystem::path(path) : real;
}

/// A loop device is known by its file, which the list itself does not look at.
std::vector<std::string> keys_of(const inventory::ListEntry& entry) {
    try {
        const bool loop = entry.identity.kind == inventory::Kind::loop;
        return evidence::device_keys(
            job::target_identity(loop ? inventory::identify(entry.identity.path) : entry.identity));
    } catch (const Error&) {  // gone meanwhile
        return {};
    }
}

void add_jobs(const std::vector<inventory::ListEntry>& entries, const job::StateDirectory& state,
              Pasts& pasts) {
    const auto jobs = job::list_jobs(state);
    for (std::size_t i = 0; i < entries.size(); ++i) {
        auto open = open_jobs_on(jobs, entries[i].identity.canonical_path);
        if (!open.empty()) {
            pasts.rows[i].job = std::move(open.front());
        }
    }
}

/// Of the certificates of targets the latest one of each storage is verified, the others are not.
void add_certificates(const std::vector<inventory::ListEntry>& entries,
                      const job::StateDirectory& state, Pasts& pasts) {
    const auto claims = claimed_in(state);
    if (claims.empty()) {
        return;
    }
    const answers::Verifier verifier(own_anchors(state));
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto keys = keys_of(entries[i]);
        const auto latest = std::find_if(claims.begin(), claims.end(), [&](const Claim& claim) {
            return !keys.empty() && evidence::same_device(claim.device_keys, keys);
        });
        if (latest != claims.end()) {
            const auto issued = issued_of(verifier, latest->bundle);
            pasts.rows[i].last = LastErased{latest->bundle, latest->at,      issued.status,
                                            issued.level,   issued.rejected, issued.superseded};
        }
    }
}

}  // namespace

std::vector<job::JobEntry> open_jobs_on(const std::vector<job::JobEntry>& jobs,
                                        const std::string& path) {
    std::vector<job::JobEntry> found;
    const auto real = real_path(path);
    std::copy_if(jobs.begin(), jobs.end(), std::back_inserter(found), [&](const auto& job) {
        return (job.running || job.resumable()) &&
               (job.subject == path || real_path(job.subject) == real);
    });
    std::stable_partition(found.begin(), found.end(), [](const auto& job) { return job.running; });
    return found;
}

std::string job_in_words(const job::JobEntry& job) {
    constexpr std::size_t kIdShown = 12;
    std::string text = "job " + job.id.substr(0, kIdShown);
    if (job.bytes_total != 0 && job.phase != "done") {
        text += fmt::format(", {} %", job.bytes_done * 100 / job.bytes_total);
    }
    return text;
}

Pasts pasts_of(const std::vector<inventory::ListEntry>& entries, const job::StateDirectory& state,
               bool with_certificates) {
    Pasts pasts;
    pasts.rows.resize(entries.size());
    std::error_code error;
    const auto there = std::filesystem::exists(state.root, error);
    if (error || !there) {
        pasts.unread = error ? state.root.string() + ": " + error.message() : std::string();
        return pasts;
    }
    try {
        add_jobs(entries, state, pasts);
        if (with_certificates) {
            add_certificates(entries, state, pasts);
        }
    } catch (const std::exception& failure) {  // no permission, no keys: the list is of use without
        pasts.unread = failure.what();
    }
    return pasts;
}

}  // namespace efface::cli

// SPDX-License-Identifier: Apache-2.0
#include "efface/job/known_log.hpp"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/evidence/log.hpp"

#include "file_stamp.hpp"
#include "journal.hpp"

namespace efface::job {

namespace {

namespace fs = std::filesystem;

/// How many entries a checkpoint of this log has; 0 of another.
std::uint64_t size_in(const std::string& note, const std::string& verifier_key) {
    const auto text = evidence::open_note(note, verifier_key);
    const auto checkpoint = text ? evidence::parse_checkpoint(*text) : std::nullopt;
    return checkpoint ? checkpoint->size : 0;
}

/// What the journal in this folder knows; 0: nothing.
std::uint64_t size_in_journal(const fs::path& folder, const std::string& verifier_key) {
    const auto run = read_run_state(folder);
    const auto signed_size = run ? size_in(run->checkpoint, verifier_key) : 0;
    return signed_size == 0 ? 0 : std::max(signed_size, run->outcome_index + 1);
}

void add(KnownLog& known, std::uint64_t size, const std::string& job) {
    if (size > known.size) {
        known = {size, "job " + job};
    }
}

/// The end of a bundle's name: the id of its run.
std::string run_id_in(const std::string& name) {
    constexpr std::size_t kRunIdCharacters = 36;
    return name.substr(name.size() - std::min(name.size(), kRunIdCharacters));
}

/// Ids of runs are in the order of their times.
fs::path newest_bundle(const fs::path& certificates) {
    std::string newest;
    std::error_code error;
    for (auto at = fs::directory_iterator(certificates, error);
         !error && at != fs::directory_iterator(); at.increment(error)) {
        const auto name = at->path().filename().string();
        if (newest.empty() || run_id_in(name) > run_id_in(newest)) {
            newest = name;
        }
    }
    return newest.empty() ? fs::path() : certificates / newest;
}

void add_bundle(KnownLog& known, const fs::path& bundle, const std::string& verifier_key) {
    const auto text = read_text_file(bundle / evidence::kProofFile, evidence::kProofBytesMax);
    const auto proof = text ? evidence::parse_tlog_proof(*text) : std::nullopt;
    const auto size = proof ? size_in(proof->checkpoint, verifier_key) : 0;
    if (size > known.size) {
        known = {size, "certificate " + bundle.filename().string()};
    }
}

/// What can not be read is said where it is needed.
template <typename Read>
void if_it_can_be_read(const Read& read) {
    try {
        read();
    } catch (const Error&) {
        return;
    }
}

}  // namespace

KnownLog known_log(const StateDirectory& state, const std::string& verifier_key) {
    return KnownLogs().look(state, verifier_key);
}

std::string file_stamp(const fs::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) != 0) {
        return {};
    }
    return fmt::format("{} {} {} {:o} {} {}.{:09} {}.{:09}", status.st_dev, status.st_ino,
                       status.st_size, status.st_mode, status.st_uid, status.st_mtim.tv_sec,
                       status.st_mtim.tv_nsec, status.st_ctim.tv_sec, status.st_ctim.tv_nsec);
}

KnownLog KnownLogs::look(const StateDirectory& state, const std::string& verifier_key) {
    const std::lock_guard lock(looking_);
    if (verifier_key_ != verifier_key) {
        verifier_key_ = verifier_key;
        journals_.clear();
    }
    KnownLog known;
    std::error_code error;
    for (auto at = fs::directory_iterator(state.jobs(), error);
         !error && at != fs::directory_iterator(); at.increment(error)) {
        const auto name = at->path().filename().string();
        const auto file = file_stamp(at->path() / kRunDocument);
        auto& journal = journals_[name];
        if (file.empty() || journal.file != file) {
            journal = {file, 0};
            if_it_can_be_read([&] { journal.size = size_in_journal(at->path(), verifier_key); });
        }
        add(known, journal.size, name);
    }
    const auto newest = newest_bundle(state.certificates());
    if (!newest.empty()) {
        if_it_can_be_read([&] { add_bundle(known, newest, verifier_key); });
    }
    return known;
}

std::string put_back_text(const KnownLog& known, std::uint64_t entries) {
    return fmt::format(
        "the log has {} entries, but {} knows that it had {}: the log folder was "
        "put back from an older copy",
        entries, printable(known.from), known.size);
}

}  // namespace efface::job

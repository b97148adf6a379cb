// SPDX-License-Identifier: Apache-2.0
#include "efface/job/known_log.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/evidence/log.hpp"

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

void add_journal(KnownLog& known, const fs::path& folder, const std::string& verifier_key) {
    const auto run = read_run_state(folder);
    const auto signed_size = run ? size_in(run->checkpoint, verifier_key) : 0;
    if (signed_size == 0) {
        return;
    }
    const auto size = std::max(signed_size, run->outcome_index + 1);
    if (size > known.size) {
        known = {size, "job " + folder.filename().string()};
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
    KnownLog known;
    std::error_code error;
    for (auto at = fs::directory_iterator(state.jobs(), error);
         !error && at != fs::directory_iterator(); at.increment(error)) {
        if_it_can_be_read([&] { add_journal(known, at->path(), verifier_key); });
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

// SPDX-License-Identifier: Apache-2.0
#include "efface/job/session_cache.hpp"

#include <algorithm>
#include <array>

#include "journal/file_stamp.hpp"

namespace efface::job {

namespace {

/// As long as a clock may be wrong.
constexpr auto kGoodFor = std::chrono::minutes(10);

std::string files_of(const std::filesystem::path& directory) {
    constexpr std::array kFiles = {"issuer.json", "root.key",    "root.pem",
                                   "station.key", "station.uri", "station.pem",
                                   "log.key",     "log.vkey",    "crl.pem"};
    std::string text = directory.string();
    for (const char* name : kFiles) {
        text += "\n" + file_stamp(directory / name);
    }
    return text;
}

}  // namespace

evidence::KeyStore OpenKeys::open(const std::filesystem::path& directory) {
    const std::lock_guard lock(opening_);
    std::error_code error;
    const auto canonical = std::filesystem::canonical(directory, error);
    const auto& folder = error ? directory : canonical;
    // Before they are read: what is exchanged meanwhile is read again the next time.
    auto files = files_of(folder);
    if (!keys_ || files != files_) {
        good_from_.reset();
        keys_.reset();
        keys_ = evidence::KeyStore::open(folder);
        files_ = std::move(files);
    }
    return *keys_;
}

bool OpenKeys::is_good(WallTime now, const std::function<bool()>& trial) {
    const std::lock_guard lock(opening_);
    if (good_from_ && now >= *good_from_ && now < good_to_ + kGoodFor) {
        return true;
    }
    if (!trial()) {
        good_from_.reset();
        return false;
    }
    good_to_ = good_from_ ? std::max(good_to_, now) : now;
    good_from_ = good_from_ ? std::min(*good_from_, now) : now;
    return true;
}

}  // namespace efface::job

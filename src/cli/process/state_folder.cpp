// SPDX-License-Identifier: Apache-2.0
// Whose state folder it is: who could write there could sign, or forge what is trusted.
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "command/commands.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kFilesMax = 65'536;

[[noreturn]] void refuse_foreign(const std::filesystem::path& path, const std::string& why) {
    throw Error(
        ErrorCode::authorisation, printable(path.string()) + ": " + why,
        "anyone who can change the state folder can forge what is signed there: it must belong to "
        "the user that runs efface, or to root, and nobody else may have write access");
}

/// What is not there, or not for us to see, is not used either.
void check_owner(const std::filesystem::path& path) {
    struct stat link {};
    struct stat status {};
    if (::lstat(path.c_str(), &link) != 0 || ::stat(path.c_str(), &status) != 0) {
        return;
    }
    const uid_t self = ::geteuid();
    for (const auto& seen : {link, status}) {
        if (seen.st_uid != self && seen.st_uid != 0) {
            refuse_foreign(path, "belongs to uid " + std::to_string(seen.st_uid));
        }
    }
    if ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
        refuse_foreign(path, "others can write it");
    }
}

void check_entries(const std::filesystem::path& folder) {
    std::error_code error;
    std::size_t count = 0;
    for (std::filesystem::directory_iterator entry(folder, error), end;
         !error && entry != end && count < kFilesMax; entry.increment(error), ++count) {
        check_owner(entry->path());
    }
}

}  // namespace

job::StateDirectory Program::state() const {
    const job::StateDirectory state{state_dir};
    check_owner(state.root);
    for (const auto& folder :
         {state.keys(), state.log(), state.jobs(), state.certificates(), state.keys() / "people"}) {
        check_owner(folder);
    }
    for (const auto& folder : {state.keys(), state.keys() / "people", state.log()}) {
        check_entries(folder);
    }
    return state;
}

job::StateDirectory Program::existing_state() const {
    std::error_code error;
    if (!std::filesystem::exists(state_dir, error) && !error) {
        throw Error(ErrorCode::usage,
                    printable(state_dir) + ": there is no such state folder: nothing has run here",
                    "check --state-dir and EFFACE_STATE_DIR; efface keys init makes the folder");
    }
    return state();
}

}  // namespace efface::cli

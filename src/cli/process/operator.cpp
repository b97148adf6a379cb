// SPDX-License-Identifier: Apache-2.0
// Who runs this.
#include <pwd.h>
#include <unistd.h>

#include <charconv>
#include <cstdint>
#include <cstdlib>

#include "efface/base/file.hpp"

#include "command/commands.hpp"

namespace efface::cli {

namespace {

constexpr std::uint32_t kNoLogin = UINT32_MAX;  // proc(5), /proc/[pid]/loginuid

std::string name_of(std::uint32_t uid) {
    const passwd* entry = ::getpwuid(uid);
    return entry != nullptr ? printable(entry->pw_name) : "uid " + std::to_string(uid);
}

/// Set at the login and kept through su and sudo; nullopt where no login was recorded.
std::optional<std::uint32_t> login_uid() {
    constexpr std::size_t kDigitsMax = 16;
    try {
        const auto text = read_text_file("/proc/self/loginuid", kDigitsMax);
        std::uint32_t uid = kNoLogin;
        if (text) {
            (void)std::from_chars(text->data(), text->data() + text->size(), uid);
        }
        return uid == kNoLogin ? std::nullopt : std::optional(uid);
    } catch (const Error&) {  // a kernel without audit, a closed /proc: nobody says
        return std::nullopt;
    }
}

/// What the environment says, which its owner can set as he likes.
std::string sudo_user() {
    const char* name = std::getenv("SUDO_USER");
    return name == nullptr ? std::string() : printable(name);
}

}  // namespace

std::string operator_name() {
    if (const auto uid = login_uid()) {
        return name_of(*uid);
    }
    const auto claimed = sudo_user();
    return name_of(::getuid()) + " (no login uid" +
           (claimed.empty() ? ")" : "; SUDO_USER is " + claimed + ")");
}

}  // namespace efface::cli

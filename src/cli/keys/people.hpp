// SPDX-License-Identifier: Apache-2.0
// What `efface keys` does with people's keys.
#pragma once

#include <string>

#include "command/commands.hpp"

namespace efface::cli {

struct PersonOptions {
    std::string name;
    std::string role;
    std::string request;
    std::string held = "software";
    std::string passphrase;
    bool no_passphrase = false;
    std::string key;
    std::string output;
    std::string reason;
    std::string since;
    bool json = false;
};

[[nodiscard]] int request_certificate(const PersonOptions& options);
[[nodiscard]] int issue_key(const job::StateDirectory& state, const PersonOptions& options);
[[nodiscard]] int renew_key(const job::StateDirectory& state, const PersonOptions& options);
[[nodiscard]] int revoke_key(const job::StateDirectory& state, const PersonOptions& options);
[[nodiscard]] int list_keys(const job::StateDirectory& state, const PersonOptions& options);
[[nodiscard]] int export_trust(const job::StateDirectory& state, const PersonOptions& options);

}  // namespace efface::cli

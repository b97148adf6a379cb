// SPDX-License-Identifier: Apache-2.0
// Does a bundle prove what it says? Reads, changes nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"

namespace efface::answers {

/// What an auditor trusts from elsewhere.
struct TrustAnchors {
    std::string roots_pem;
    std::string log_verifier_key;  ///< one line; line feeds at its end are taken off
    std::optional<std::filesystem::path> log_directory;  ///< the whole log, to see what is missing
};

struct Check {
    std::string name;  ///< "signature", "required signers", "log inclusion", ...
    bool passed = false;
    std::string detail;  ///< in plain words: what was proved, or what is wrong
};
/// A run on the same device that the log announced after this one had ended.
struct LaterRun {
    std::uint64_t index = 0;  ///< of the entry that says so: its outcome, or its intent while open
    std::string run_id;
    std::string status;  ///< of the outcome; "open" without one
    std::string at;      ///< of that entry
};
struct Verification {
    std::vector<Check> checks;  ///< in order; the later ones are left out when an early one fails
    Json certificate;           ///< null unless it parsed and its signature is good
    /// Only with a log: what it holds is newer than this bundle. Those that were refused before
    /// anything was changed are left out.
    std::vector<LaterRun> later = {};
    [[nodiscard]] bool ok() const noexcept;
};
/// Strict and offline. Foreign input throughout: bounded, no links followed, never throws for it.
[[nodiscard]] Verification verify_bundle(const std::filesystem::path& bundle,
                                         const TrustAnchors& anchors);

/// The checks for a person: "ok      name: detail" or "FAILED  name: detail" each, wrapped to at
/// most 100 columns, every line with its line feed.
[[nodiscard]] std::string render_verification(const Verification& verification);

}  // namespace efface::answers

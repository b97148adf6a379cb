// SPDX-License-Identifier: Apache-2.0
// What an answer about a bundle rests on: the root and the log key, where they came from, and the
// log in which later runs are looked for.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "efface/answers/verify.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/job/context.hpp"

namespace efface::cli {

/// As they were given; all empty: those of this machine.
struct AnchorOptions {
    std::string root;
    std::string log_key;
    std::string crl;    ///< what the root revoked
    std::string trust;  ///< all of these in one file, instead of them
    std::string log;

    /// Those of this machine are asked for.
    [[nodiscard]] bool own() const { return root.empty() && log_key.empty() && trust.empty(); }
};

/// The trust anchors and how the answer tells of them.
struct Anchors {
    answers::TrustAnchors trusted;
    std::vector<evidence::TrustedRoot> roots;
    std::string log_name;  ///< of "name+id+key"
    std::string log_id;
    const char* from = "state-folder";  ///< or "options", "trust-file"
    std::filesystem::path root;  ///< where they came from
    std::filesystem::path log_key;

    /// A line for each, for the end of an answer: whose word it rests on.
    [[nodiscard]] std::string text(const std::vector<std::string>& used) const;
};

/// Throws Error(usage) for what is not there, and for one without the other. `state` is that of
/// this machine.
[[nodiscard]] Anchors anchors_of(const job::StateDirectory& state, const AnchorOptions& options);
/// Who brings what is to be trusted along with what is to be checked proves nothing: Error(usage).
void refuse_own_anchors(const Anchors& anchors, const std::string& bundle);
/// `verification`: marks the roots that it used; nullptr: of none.
[[nodiscard]] Json anchors_document(const Anchors& anchors,
                                    const answers::Verification* verification);

}  // namespace efface::cli

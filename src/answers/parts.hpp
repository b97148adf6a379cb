// SPDX-License-Identifier: Apache-2.0
// The single checks of verify_bundle(). Each returns what it proved, in plain words, or throws
// Error with what is wrong. Private to the answers module.
#pragma once

#include <string>
#include <string_view>

#include "efface/answers/verify.hpp"
#include "efface/evidence/bundle.hpp"
#include "efface/evidence/bundle_files.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/evidence/log.hpp"
#include "efface/evidence/log_runs.hpp"
#include "efface/rules/record_view.hpp"

namespace efface::answers {

using rules::RecordView;

/// What the checks learn on the way; each may use what those before it have filled in.
struct Examined {
    const TrustAnchors& anchors;
    const evidence::BundleFiles& files;
    Bytes certificate = {};
    Bytes signature = {};
    Json statement = {};
    evidence::CmsReport signers = {};
    evidence::TlogProof proof = {};
    evidence::Checkpoint head = {};  ///< of the proof
    evidence::Checkpoint before =
        {};                 ///< of the certificate: the tree that already held the intent
    bool rejected = false;  ///< by the last acceptance
    std::vector<LaterRun> later = {};

    [[nodiscard]] RecordView view() const { return {statement, "certificate"}; }
    [[nodiscard]] RecordView predicate() const { return view().at("predicate"); }
};

/// Two clocks that are set may differ by so much.
constexpr std::chrono::minutes kClockSlack{10};

/// "one; another"
[[nodiscard]] std::string list_of(const std::vector<std::string>& texts);
/// "1 file", "2 files".
[[nodiscard]] std::string counted(std::uint64_t count, const char* what);

/// Error(usage) unless it is JSON in canonical form. `what` names it in messages.
[[nodiscard]] Json parse_canonical(std::string_view text, const std::string& what,
                                   const JsonLimits& limits = {});

/// What the bundle itself says of its authority must be what is trusted.
[[nodiscard]] std::string check_anchors(Examined& examined);
/// Over the bytes of the record as they are there: nothing of them is parsed before this held.
[[nodiscard]] std::string check_signature(Examined& examined);
[[nodiscard]] std::string check_canonical_form(Examined& examined);
[[nodiscard]] std::string check_content(Examined& examined);
[[nodiscard]] std::string check_claims(Examined& examined);
[[nodiscard]] std::string check_signers(Examined& examined);
[[nodiscard]] std::string check_digests(Examined& examined);
[[nodiscard]] std::string check_issuing_time(Examined& examined);
[[nodiscard]] std::string check_authorization(Examined& examined);
/// After check_authorization.
[[nodiscard]] std::string check_ordered(Examined& examined);
[[nodiscard]] std::string check_log_inclusion(Examined& examined);
[[nodiscard]] std::string check_announcement(Examined& examined);
[[nodiscard]] std::string check_whole_log(Examined& examined, const evidence::WholeLog& log);

}  // namespace efface::answers

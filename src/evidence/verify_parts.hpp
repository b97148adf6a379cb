// SPDX-License-Identifier: Apache-2.0
// The single checks of verify_bundle(). Each returns what it proved, in plain words, or throws
// Error with what is wrong. Private to the evidence module.
#pragma once

#include <string>
#include <string_view>

#include "efface/evidence/bundle.hpp"

#include "bundle_files.hpp"
#include "record_view.hpp"

namespace efface::evidence {

/// What the checks learn on the way; each may use what those before it have filled in.
struct Examined {
    const TrustAnchors& anchors;
    const BundleFiles& files;
    Bytes certificate;
    Bytes signature;
    Json statement;
    CmsReport signers;
    TlogProof proof;
    Checkpoint head;    ///< of the proof
    Checkpoint before;  ///< of the certificate: the tree that already held the intent

    [[nodiscard]] RecordView view() const { return {statement, "certificate"}; }
    [[nodiscard]] RecordView predicate() const { return view().at("predicate"); }
};

/// "1 file", "2 files".
[[nodiscard]] std::string counted(std::uint64_t count, const char* what);

[[nodiscard]] std::string check_canonical_form(Examined& examined);
[[nodiscard]] std::string check_content(Examined& examined);
[[nodiscard]] std::string check_claims(Examined& examined);
[[nodiscard]] std::string check_signature(Examined& examined);
[[nodiscard]] std::string check_signers(Examined& examined);
[[nodiscard]] std::string check_digests(Examined& examined);
[[nodiscard]] std::string check_issuing_time(Examined& examined);
[[nodiscard]] std::string check_authorization(Examined& examined);
/// Throws Error(usage) unless this order or manifest asks for what the record says was done.
void judge_order(std::string_view text, const RecordView& predicate);
/// After check_authorization.
[[nodiscard]] std::string check_order(Examined& examined);
[[nodiscard]] std::string check_log_inclusion(Examined& examined);
[[nodiscard]] std::string check_announcement(Examined& examined);
/// Needs anchors.log_directory.
[[nodiscard]] std::string check_whole_log(Examined& examined);

}  // namespace efface::evidence

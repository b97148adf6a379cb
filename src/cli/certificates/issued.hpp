// SPDX-License-Identifier: Apache-2.0
// What this machine issued. What a bundle claims is for finding it; what is told comes from one
// that was verified below this machine's own anchors.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "efface/answers/verify.hpp"
#include "efface/job/context.hpp"

namespace efface::cli {

/// A bundle, and where it is proved what its record says; else why it is not.
struct Issued {
    std::string bundle;
    std::string at;
    std::string type;     ///< "media", "file", "memory", "keyslot"
    std::string subject;  ///< name of the target, or the project
    std::string serial;
    std::vector<std::string> asset_tags;  ///< of the target or the volumes
    std::string project;                  ///< id of the manifest
    std::string order;                    ///< id of the order
    std::string ticket;                   ///< of either
    std::string status;
    std::string level;
    std::string operator_name;
    std::vector<std::string> approvers;
    std::string technique;
    std::string why_not;
    bool rejected = false;    ///< by the organisation
    bool superseded = false;  ///< by a later run on the same storage
    answers::Answer answer = answers::Answer::not_known;
};

/// The root and log key of the state folder, with its log where it is intact. Throws Error(usage)
/// when the keys are not there.
[[nodiscard]] answers::TrustAnchors own_anchors(const job::StateDirectory& state);
[[nodiscard]] Issued issued_of(const answers::Verifier& verifier,
                               const std::filesystem::path& bundle);
/// Latest first; those of which nothing is known at the end.
[[nodiscard]] std::vector<Issued> all_issued(const job::StateDirectory& state);

/// What a bundle claims to be of, unverified.
struct Claim {
    std::filesystem::path bundle;
    std::string at;
    std::vector<std::string> device_keys;  ///< of its targetIdentity (evidence/device_key.hpp)
};
/// Of every certificate of one target, latest first. One that cannot be read claims nothing.
[[nodiscard]] std::vector<Claim> claimed_in(const job::StateDirectory& state);

/// The columns of efface certificates, as they are typed.
[[nodiscard]] std::vector<std::string> certificate_columns();

/// "proved", "NOT PROVED", "unreadable", "limited".
[[nodiscard]] const char* proof_word(answers::Answer answer);

}  // namespace efface::cli

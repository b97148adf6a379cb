// SPDX-License-Identifier: Apache-2.0
// The parts of an acceptance. Private to the answers module.
#pragma once

#include <string>

#include "efface/answers/acceptance.hpp"

#include "parts.hpp"

namespace efface::answers {

constexpr const char* kAcceptanceType = "https://efface.example/attestation/acceptance/v1";

/// "acceptance/1/acceptance.json"
[[nodiscard]] std::string acceptance_name(std::size_t number);
/// Where an acceptance stands: the first has no acceptance before it, every other names the bytes
/// of the one before, so that none can be moved or said again.
struct AcceptancePlace {
    std::size_t number = 1;
    std::string previous_sha256;  ///< hex; empty for the first
};
/// What an acceptance must be: its shape, its place, and that it speaks of this certificate. Throws
/// Error(usage) that names the place. `certificate_sha256` in hex.
void check_acceptance(const RecordView& statement, const RecordView& certificate,
                      const std::string& certificate_sha256, const AcceptancePlace& place);

/// A step of the verifier: every acceptance in the bundle holds.
[[nodiscard]] std::string check_acceptances(Examined& examined);

/// "rejected by Carol (witness) at 2026-11-30T10:00:00Z: the label is missing"
[[nodiscard]] std::string acceptance_in_words(const Json& statement);

}  // namespace efface::answers

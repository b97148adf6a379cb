// SPDX-License-Identifier: Apache-2.0
// Does a bundle prove what it says? Reads, changes nothing.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
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
    std::string revocations_pem = {};  ///< what the roots revoked; may be empty
    /// It is left out where it is damaged or cannot be read, as nobody asked about it.
    bool log_if_intact = false;
};

/// The exit statuses of questions.
enum class Answer : int {
    yes = 0,
    no = 20,         ///< not proved
    not_known = 21,  ///< could not be asked: what it takes cannot be read
    qualified = 22,  ///< yes, but incomplete or superseded
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
    /// SHA-256 of each trusted root that a signature was held against and found good, sorted.
    std::vector<std::string> roots_used;
    bool rejected = false;  ///< the organisation's last decision rejects the certificate
    bool readable = true;   ///< false: the last check could not be asked, which shows nothing
    [[nodiscard]] bool ok() const noexcept;
};
[[nodiscard]] Answer answer_of(const Verification& verification) noexcept;
/// Of several, the one that must be looked at first: no, not known, qualified, yes.
[[nodiscard]] Answer worst_of(Answer one, Answer other) noexcept;

/// Asks many bundles the same question. The log is read and audited once, when the verifier is
/// made; what is wrong with it is an answer about each bundle. Memory does not grow with the number
/// of bundles. Strict and offline. Foreign input throughout: bounded, no links followed, never
/// throws for it.
class Verifier final {
  public:
    explicit Verifier(TrustAnchors anchors);
    ~Verifier();
    Verifier(const Verifier&) = delete;
    Verifier& operator=(const Verifier&) = delete;
    [[nodiscard]] Verification verify(const std::filesystem::path& bundle) const;
    /// Why the log was left out; empty: it was not.
    [[nodiscard]] const std::string& log_left_out() const noexcept;

  private:
    struct State;
    std::unique_ptr<const State> state_;
};
/// The same for a single bundle.
[[nodiscard]] Verification verify_bundle(const std::filesystem::path& bundle,
                                         const TrustAnchors& anchors);

/// The checks for a person: "ok      name: detail" or "FAILED  name: detail" each, wrapped to at
/// most so many columns, every line with its line feed.
[[nodiscard]] std::string render_verification(const Verification& verification,
                                              std::size_t columns = 100);
/// One line without line feed: "verdict, level, what, when" of what is proved, else
/// "check: why not".
[[nodiscard]] std::string summarize(const Verification& verification);

}  // namespace efface::answers

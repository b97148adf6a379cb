// SPDX-License-Identifier: Apache-2.0
// What this station keeps beside its log and that tells how long the log once was.
#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <string>

#include "efface/job/context.hpp"

namespace efface::job {

/// A log with fewer entries was put back from an older copy.
struct KnownLog {
    std::uint64_t size = 0;  ///< entries; 0: nothing is known
    std::string from;        ///< the job or bundle that knows it
};
/// From the journals and the newest bundle: what the log's key signed of itself, and what came
/// after it. What is damaged, of another log, or of another version tells nothing. Read it before
/// the log, which others write meanwhile. `verifier_key`: of the log.
[[nodiscard]] KnownLog known_log(const StateDirectory& state, const std::string& verifier_key);

/// The same for the many runs of one session: a journal is read again only when it is another file
/// than it was. For any thread.
class KnownLogs final {
  public:
    [[nodiscard]] KnownLog look(const StateDirectory& state, const std::string& verifier_key);

  private:
    struct Journal {
        std::string file;        ///< by which a change is seen
        std::uint64_t size = 0;  ///< as of KnownLog
    };
    std::mutex looking_;
    std::string verifier_key_;                 ///< for which they were read
    std::map<std::string, Journal> journals_;  ///< by folder
};
/// What is wrong with a log of so few entries.
[[nodiscard]] std::string put_back_text(const KnownLog& known, std::uint64_t entries);

}  // namespace efface::job

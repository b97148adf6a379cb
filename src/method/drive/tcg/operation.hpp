// SPDX-License-Identifier: Apache-2.0
// What the operations of the TCG command set have in common.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "efface/method/drive/command_set.hpp"
#include "efface/method/drive/command_sets.hpp"

#include "channel.hpp"
#include "drive/notes.hpp"
#include "facts.hpp"

namespace efface::method {

/// Borrowed: all of it outlives the operation.
struct TcgContext {
    device::SecurityTransport& transport;
    const TcgCredential& credential;
    const Clock& clock;
    const TcgPause& pause;
};

// Keys of the notes. A drive keeps no record of a Revert: what was sent and answered is known from
// here alone.
constexpr const char* kTcgTechniqueKey = "technique";
constexpr const char* kTcgSentKey = "sent";
constexpr const char* kTcgAnswerKey = "answer";  ///< a status, or one of the two below
constexpr const char* kTcgNoAnswer = "none";     ///< lost, or not looked for yet
constexpr const char* kTcgRunning = "running";
constexpr const char* kTcgActiveBeforeKey = "lockingEnabledBefore";
constexpr const char* kTcgActivatedKey = "activated";
constexpr const char* kTcgActivateAnswerKey = "activateAnswer";
constexpr const char* kTcgTperSessionKey = "tperSession";
constexpr const char* kTcgHostSessionKey = "hostSession";
constexpr const char* kTcgKeysKey = "keys";
constexpr const char* kTcgTryKey = "try";  ///< {"hostSession", "answer"} of the last credential
constexpr const char* kTcgUnansweredKey = "unansweredTries";
constexpr const char* kTcgSentListKey = "commands";
constexpr const char* kTcgSuccess = "SUCCESS";

/// The notes of whichever operation of this set was started last. Journals of release 0.2 have the
/// keys beside the parts of other sets: those are moved.
[[nodiscard]] Notes tcg_notes(OperationMemory& memory);

/// Of a journal: nothing when it is missing or of another type.
[[nodiscard]] bool tcg_kept_flag(const Json& kept, const char* key);
[[nodiscard]] std::string tcg_kept_text(const Json& kept, const char* key);
/// Nobody has seen the answer: it may run.
[[nodiscard]] bool tcg_unseen(const std::string& answer);
[[nodiscard]] std::optional<tcg::SessionNumbers> tcg_kept_session(const Json& kept);

/// What is sent, in the notes: a process that dies before the drive has answered leaves it to the
/// next one. Names on the wire, never what was authenticated with. Neither saves.
void tcg_note_sent(Notes& notes, const std::string& name, std::initializer_list<tcg::Uid> uids);
void tcg_note_answer(Notes& notes, const std::string& answer);  ///< of the last
/// All that was noted, for the record; the notes have it no longer.
[[nodiscard]] std::vector<SentCommand> tcg_take_sent(Notes& notes);

/// "SUCCESS", a failure's name, kTcgRunning or kTcgNoAnswer.
[[nodiscard]] std::string tcg_answer_to_keep(const TcgReply& reply);

/// Why it is not started on the drive as it is now, after what the notes say was done.
[[nodiscard]] std::optional<Reason> tcg_start_objection(TcgTechnique technique, const TcgLook& look,
                                                        const TcgContext& context,
                                                        const Notes& notes);

/// What became of a Revert: discovery and what is kept, taken together. Only a drive that was seen
/// active before, and is inactive after a Revert was sent, has reverted: it does so when all keys
/// and data are gone (Opal 2.30, 5.1.2.2). `discovery` has an SSC.
[[nodiscard]] OperationState judge_tcg_revert(const tcg::Discovery& discovery, const Json& kept);

/// Unless the drive was seen to be a TCG drive: what then is said of its state.
[[nodiscard]] std::optional<OperationState> tcg_state_without_discovery(const TcgLook& look);

[[nodiscard]] std::unique_ptr<Operation> make_tcg_revert(TcgTechnique technique,
                                                         const TcgContext& context,
                                                         OperationMemory& memory);
[[nodiscard]] std::unique_ptr<Operation> make_tcg_genkey(const TcgContext& context,
                                                         OperationMemory& memory);

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
// What the operations of the TCG command set have in common.
#pragma once

#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "efface/method/drive/command_set.hpp"
#include "efface/method/drive/command_sets.hpp"

#include "drive/notes.hpp"
#include "facts.hpp"
#include "session.hpp"

namespace efface::method {

/// Borrowed: all of it outlives the operation.
struct TcgContext {
    device::SecurityTransport& transport;
    const TcgCredentials& credentials;
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
constexpr const char* kTcgTperSessionKey = "tperSession";
constexpr const char* kTcgHostSessionKey = "hostSession";
constexpr const char* kTcgKeysKey = "keys";
constexpr const char* kTcgSuccess = "SUCCESS";

/// The notes of whichever operation of this set was started last. Journals of release 0.2 have the
/// keys beside the parts of other sets: those are moved.
[[nodiscard]] Notes tcg_notes(OperationMemory& memory);

/// Of a journal: nothing when it is missing or of another type.
[[nodiscard]] bool tcg_kept_flag(const Json& kept, const char* key);
[[nodiscard]] std::string tcg_kept_text(const Json& kept, const char* key);
[[nodiscard]] std::optional<tcg::SessionNumbers> tcg_kept_session(const Json& kept);

/// The names on the wire, never what was authenticated with.
[[nodiscard]] SentCommand tcg_sent(std::string name, std::initializer_list<tcg::Uid> uids,
                                   std::string answer);
/// "SUCCESS", a failure's name, kTcgRunning or kTcgNoAnswer.
[[nodiscard]] std::string tcg_answer_to_keep(const TcgReply& reply);

/// What is the same before every start. `objection` empty: resume `look`.
struct TcgStart {
    TcgLook look;
    StartAnswer refusal;  ///< filled in when `go` is false
    bool go = false;
};
[[nodiscard]] TcgStart begin_tcg_start(TcgTechnique technique, const TcgContext& context,
                                       const Notes& notes);

/// Unless the drive was seen to be a TCG drive: what then is said of its state.
[[nodiscard]] std::optional<OperationState> tcg_state_without_discovery(const TcgLook& look);

[[nodiscard]] std::unique_ptr<Operation> make_tcg_revert(TcgTechnique technique,
                                                         const TcgContext& context,
                                                         OperationMemory& memory);
[[nodiscard]] std::unique_ptr<Operation> make_tcg_genkey(const TcgContext& context,
                                                         OperationMemory& memory);

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "efface/base/json.hpp"
#include "efface/device/luks_library.hpp"

#include "child_process.hpp"
#include "luks_messages.hpp"

namespace efface::device {

namespace {

std::string ask(const std::filesystem::path& program, unsigned deadline_ms,
                const LuksRequest& request, ByteView credential) {
    const std::string line = to_line(request);
    EFFACE_ASSERT(line.size() <= kRequestLineMax);
    std::array<std::uint8_t, sizeof(std::uint64_t)> length{};
    write_be<std::uint64_t>(length, 0, credential.size());
    Conversation conversation;
    conversation.program = program;
    conversation.arguments = {"luks-worker"};
    conversation.request = {as_bytes(line), length, credential};
    conversation.answer_bytes_max = kAnswerMax;
    conversation.deadline_ms = deadline_ms;
    return converse(conversation);
}

/// The process boundary: a child that crashed, hung or spoke nonsense is an answer of its own,
/// because what follows (overwriting, other controls) must not depend on it.
template <typename Answer>
Answer asked(Answer (*parse)(std::string_view), const std::filesystem::path& program,
             unsigned deadline_ms, const LuksRequest& request, ByteView credential = {}) {
    if (credential.size() > kCredentialBytesMax) {
        throw Error(ErrorCode::usage, "credential: larger than cryptsetup's limit of 8 MiB");
    }
    try {
        return parse(ask(program, deadline_ms, request, credential));
    } catch (const Error& error) {
        Answer none;
        none.failure = printable(error.what());
        return none;
    }
}

}  // namespace

LuksLibraryProcess::LuksLibraryProcess(std::filesystem::path program, unsigned deadline_ms)
    : program_(std::move(program)), deadline_ms_(deadline_ms) {}

LoadAnswer LuksLibraryProcess::load(const LuksLocation& location) {
    return asked(parse_load_answer, program_, deadline_ms_, {LuksOperation::load, location});
}

DestroyAnswer LuksLibraryProcess::destroy_keyslots(const LuksLocation& location) {
    return asked(parse_destroy_answer, program_, deadline_ms_, {LuksOperation::destroy, location});
}

UnlockAnswer LuksLibraryProcess::try_unlock(const LuksLocation& location,
                                            const SecretBytes& credential) {
    return asked(parse_unlock_answer, program_, deadline_ms_, {LuksOperation::unlock, location},
                 credential.view());
}

}  // namespace efface::device

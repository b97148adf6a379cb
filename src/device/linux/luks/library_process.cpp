// SPDX-License-Identifier: Apache-2.0
#include <array>

#include "efface/base/json.hpp"
#include "efface/device/luks_library.hpp"

#include "messages.hpp"
#include "worker_client.hpp"

namespace efface::device {

namespace {

constexpr const char* kWorkerCommand = "luks-worker";

std::string ask(WorkerClient& worker, unsigned deadline_ms, const LuksRequest& request,
                ByteView credential) {
    const std::string line = to_line(request);
    EFFACE_ASSERT(line.size() <= kRequestLineMax);
    std::array<std::uint8_t, sizeof(std::uint64_t)> length{};
    write_be<std::uint64_t>(length, 0, credential.size());
    return worker.ask({{as_bytes(line), length, credential}, kAnswerMax, deadline_ms});
}

/// The process boundary: a child that crashed, hung or spoke nonsense is an answer of its own,
/// because what follows (overwriting, other controls) must not depend on it.
template <typename Answer>
Answer asked(Answer (*parse)(std::string_view), WorkerClient& worker, unsigned deadline_ms,
             const LuksRequest& request, ByteView credential = {}) {
    if (credential.size() > kCredentialBytesMax) {
        throw Error(ErrorCode::usage, "credential: larger than cryptsetup's limit of 8 MiB");
    }
    try {
        return parse(ask(worker, deadline_ms, request, credential));
    } catch (const Error& error) {
        Answer none;
        none.failure = printable(error.what());
        if constexpr (requires { none.why; }) {
            none.why = error.reason() == ReasonCode::luks_deadline ? ReasonCode::luks_deadline
                                                                   : ReasonCode::control_not_asked;
        }
        return none;
    }
}

}  // namespace

LuksLibraryProcess::LuksLibraryProcess(std::filesystem::path program, unsigned deadline_ms)
    : worker_(std::make_unique<WorkerClient>(std::move(program), kWorkerCommand)),
      deadline_ms_(deadline_ms) {}

LuksLibraryProcess::~LuksLibraryProcess() = default;

LoadAnswer LuksLibraryProcess::load(const LuksLocation& location) {
    return asked(parse_load_answer, *worker_, deadline_ms_, {LuksOperation::load, location});
}

DestroyAnswer LuksLibraryProcess::destroy_keyslots(const LuksLocation& location) {
    return asked(parse_destroy_answer, *worker_, deadline_ms_, {LuksOperation::destroy, location});
}

UnlockAnswer LuksLibraryProcess::try_unlock(const LuksLocation& location,
                                            const SecretBytes& credential) {
    return asked(parse_unlock_answer, *worker_, deadline_ms_, {LuksOperation::unlock, location},
                 credential.view());
}

}  // namespace efface::device

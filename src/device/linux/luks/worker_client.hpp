// SPDX-License-Identifier: Apache-2.0
// One question to a child of a fork server (fork_server.hpp), one answer, and the child's end.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "efface/base/bytes.hpp"

namespace efface::device {

/// Times that one client starts a server. One that goes on dying is not worth more.
constexpr unsigned kServerStartsMax = 8;

struct Question {
    std::vector<ByteView> request;  ///< sent one after the other, then the end. Borrowed.
    std::size_t answer_bytes_max = 0;
    unsigned deadline_ms = 0;
};

/// Starts `program argument` at the first question and keeps it; starts it again when it died.
/// Safe from several threads.
class WorkerClient final {
  public:
    WorkerClient(std::filesystem::path program, std::string argument);
    /// Ends the server. No question is under way.
    ~WorkerClient();
    WorkerClient(const WorkerClient&) = delete;
    WorkerClient& operator=(const WorkerClient&) = delete;

    /// What the child wrote. Throws Error(internal) when the server cannot be started or dies, and
    /// when the child misses the deadline (it is killed, and has ended when this returns, unless
    /// the kernel keeps it), says too much, or ends with another status than 0.
    [[nodiscard]] std::string ask(const Question& question);

  private:
    struct Server;
    [[nodiscard]] std::shared_ptr<Server> server_other_than(const std::shared_ptr<Server>& dead);

    const std::filesystem::path program_;
    const std::string argument_;
    const std::string name_;  ///< for messages
    std::mutex mutex_;        ///< of the following
    std::shared_ptr<Server> server_;
    unsigned starts_ = 0;
};

}  // namespace efface::device

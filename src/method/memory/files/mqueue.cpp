// SPDX-License-Identifier: Apache-2.0
// A POSIX message queue, which outlives its users. Its messages are memory of the kernel, which
// nobody can overwrite: they are taken out, which frees them, and the queue is removed.
#include <fmt/format.h>
#include <unistd.h>

#include <optional>

#include "efface/base/secret.hpp"
#include "efface/device/memory/ipc_objects.hpp"
#include "efface/inventory/memory_facts.hpp"
#include "efface/inventory/processes.hpp"

#include "memory/attributes.hpp"
#include "memory/run.hpp"

namespace efface::method {

namespace {

class QueueKind final : public MemoryKind {
  public:
    explicit QueueKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "take all messages out of the queue and remove it";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override;
    bool is_away() override { return !device::MessageQueue::open(context_.name.place); }

  private:
    [[nodiscard]] device::MessageQueue open() const;
    /// To whoever else has it open.
    void object(MemorySurvey& found, const device::MessageQueue& queue) const;
    [[nodiscard]] MemorySurvey survey_of_gone() const;
    void conclude_gone(MemoryRun& run) const;
    /// Whether this is the queue that survey() saw.
    [[nodiscard]] bool is_seen(const device::MessageQueue& queue) const;
    void remove(MemoryRun& run) const;
    void drain(const device::MessageQueue& queue, MemoryRun& run) const;

    MemoryKindContext context_;
    std::optional<device::QueueState> seen_;  ///< by survey(): none when it was gone
};

device::MessageQueue QueueKind::open() const {
    auto queue = device::MessageQueue::open(context_.name.place);
    if (!queue) {
        throw Error(ErrorCode::usage,
                    fmt::format("there is no message queue {} in this IPC namespace",
                                printable(context_.name.place)),
                    "mount -t mqueue none /dev/mqueue; ls /dev/mqueue lists them");
    }
    return std::move(*queue);
}

void QueueKind::object(MemorySurvey& found, const device::MessageQueue& queue) const {
    const auto state = queue.state();
    inventory::FileKey key;
    key.device = state.device;
    key.inode = state.inode;
    auto users = inventory::processes_using(key, context_.view);
    // Our own look at it has it open, too.
    const std::string ours = fmt::format("process {} ", inventory::own_process(context_.view));
    std::erase_if(users.users, [&](const auto& user) { return user.text.starts_with(ours); });
    object_to_users(found, users);
    if (!found.objections.empty()) {
        return;
    }
    // Of processes that may not be examined, and of descriptors on their way, the kernel knows.
    const auto elsewhere = queue.open_elsewhere();
    if (!elsewhere) {
        found.traces.push_back({ReasonCode::unreadable_state,
                                "the kernel does not report whether a process has it open"});
    } else if (*elsewhere) {
        found.traces.push_back({ReasonCode::opened, "a process that is not visible has it open"});
    }
}

/// An earlier process of this job removes it as its last step; who did is not known.
MemorySurvey QueueKind::survey_of_gone() const {
    MemorySurvey survey;
    survey.identity = began()->identity;
    survey.facts = ObjectWriter()
                       .add("contentFreed", true)
                       .add("swappable", false)
                       .add("persistent", false)
                       .add("messages", 0U)
                       .take();
    survey.steps = {"check that it is gone: it was removed before the interruption"};
    survey.not_reached = {
        "the kernel's copies of the messages: freed, not overwritten; a sweep (memory:free) may "
        "reach them"};
    return survey;
}

void QueueKind::conclude_gone(MemoryRun& run) const {
    run.touch();
    run.step("remove the queue", "done before",
             "it was removed before the interruption; that it was empty then was not recorded");
    run.verification.method = "device-state";
    run.verification.performed = true;
    run.control("queue-empty", ControlResult::unknown, "it was gone when this process began");
    run.control("queue-gone", ControlResult::pass, "the queue no longer exists");
    run.complete();
}

bool QueueKind::is_seen(const device::MessageQueue& queue) const {
    const auto state = queue.state();
    return seen_ && state.device == seen_->device && state.inode == seen_->inode;
}

MemorySurvey QueueKind::survey() {
    seen_.reset();
    if (began() != nullptr && is_away()) {
        return survey_of_gone();
    }
    const auto queue = open();
    const auto state = queue.state();
    seen_ = state;
    MemorySurvey survey;
    survey.identity = ObjectWriter()
                          .add("deviceNumber", state.device)
                          .add("inode", state.inode)
                          .add("ownerUid", state.owner_uid)
                          .add("sizeBytes", state.messages_max * state.message_bytes_max)
                          .take();
    survey.size_bytes = state.messages_max * state.message_bytes_max;
    object(survey, queue);
    survey.facts = ObjectWriter()
                       .add("contentFreed", true)
                       .add("swappable", false)
                       .add("persistent", false)
                       .add("messages", state.messages)
                       .take();
    survey.steps = {"check that no other process has it open",
                    "take every message out, into locked memory that is cleared: the kernel frees "
                    "its own copy without overwriting it",
                    "remove the queue"};
    survey.not_reached = {
        "the kernel's copies of the messages: freed, not overwritten; a sweep (memory:free) "
        "reaches those in pages without other content"};
    return survey;
}

void QueueKind::drain(const device::MessageQueue& queue, MemoryRun& run) const {
    const auto state = queue.state();
    SecretBytes message(static_cast<std::size_t>(state.message_bytes_max));
    std::uint64_t count = 0;
    std::uint64_t bytes = 0;
    run.touch();
    // Nobody else sends: what is more than fits into it is not an end that can be reached.
    while (count <= state.messages_max && !run.stopped()) {
        const auto got = queue.receive(message);
        if (!got) {
            break;
        }
        ++count;
        bytes += *got;
        run.progress().advance(*got);
    }
    run.step("take the messages out", run.stopped() ? "stopped" : "done",
             fmt::format("{} messages, {} bytes", count, bytes));
}

void QueueKind::erase(MemoryRun& run) {
    if (!seen_ && began() != nullptr && is_away()) {
        conclude_gone(run);
        return;
    }
    const auto queue = open();
    if (!is_seen(queue)) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    "another queue has this name now; nothing was changed");
    }
    drain(queue, run);
    if (run.stopped()) {
        return;
    }
    const auto left = queue.state();
    run.verification.method = "device-state";
    run.verification.performed = true;
    run.control("queue-empty", left.messages == 0 ? ControlResult::pass : ControlResult::fail,
                fmt::format("{} messages are waiting", left.messages));
    if (left.messages != 0) {
        return;
    }
    MemorySurvey others;
    object(others, queue);
    for (auto* found : {&others.objections, &others.traces}) {
        if (!found->empty()) {
            run.fail(std::move(found->front()));
            return;
        }
    }
    remove(run);
}

void QueueKind::remove(MemoryRun& run) const {
    // Its name may have been given to another one meanwhile.
    if (const auto named = device::MessageQueue::open(context_.name.place);
        !named || !is_seen(*named)) {
        run.fail({ReasonCode::other_identity, "another queue has this name now, or none"});
        return;
    }
    const int error = device::MessageQueue::remove(context_.name.place);
    run.step("remove the queue", error == 0 ? "done" : "failed",
             error == 0 ? "" : errno_text(error));
    const bool gone = error == 0 && !device::MessageQueue::open(context_.name.place);
    run.control("queue-gone", gone ? ControlResult::pass : ControlResult::fail,
                gone ? "the queue no longer exists" : "a queue with this name exists");
    const auto machine = inventory::read_memory_facts(context_.view);
    if (!machine.init_on_free.on.value_or(false)) {
        run.except({ReasonCode::content_only_freed,
                    "the kernel's copies of the messages were freed without being cleared "
                    "(init_on_free is not known to be on); a sweep (memory:free) reaches those in "
                    "pages without other content"});
    }
    run.complete();
}

Json QueueKind::identity_after() {
    return ObjectWriter().add("removed", !device::MessageQueue::open(context_.name.place)).take();
}

}  // namespace

std::unique_ptr<MemoryKind> make_mqueue_kind(const MemoryKindContext& context) {
    return std::make_unique<QueueKind>(context);
}

}  // namespace efface::method

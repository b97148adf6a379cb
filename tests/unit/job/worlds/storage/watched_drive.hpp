// SPDX-License-Identifier: Apache-2.0
// The model of a drive as a run of a world has it: each question and transfer is a moment.
#pragma once

#include <cerrno>

#include "drive/models.hpp"
#include "storage.hpp"

namespace efface::job::worlds {

/// Each question to the drive is a moment at which the process may be killed, before and after.
class Watched final : public method::CommandSet {
  public:
    Watched(method::CommandSet& set, const Surroundings& around) : set_(set), around_(around) {}
    [[nodiscard]] std::string_view name() const override { return set_.name(); }
    [[nodiscard]] method::DriveSurvey survey() override { return set_.survey(); }
    [[nodiscard]] method::OperationState state() override {
        moment();
        return set_.state();
    }
    [[nodiscard]] std::unique_ptr<method::Operation> make(std::string_view technique,
                                                          method::OperationMemory& memory) override;
    [[nodiscard]] method::OpenedAreas open_hidden_areas(method::OperationMemory& memory) override {
        moment();
        return set_.open_hidden_areas(memory);
    }
    [[nodiscard]] method::ReadStatus read_status(const std::string& surface, std::uint64_t offset,
                                                 MutableByteView into) override {
        return set_.read_status(surface, offset, into);
    }
    [[nodiscard]] method::WriteStatus write_by_command(const std::string& surface,
                                                       std::uint64_t offset,
                                                       ByteView from) override {
        moment();
        return set_.write_by_command(surface, offset, from);
    }
    [[nodiscard]] bool flush_by_command(const std::string& surface) override {
        moment();
        return set_.flush_by_command(surface);
    }
    [[nodiscard]] std::optional<std::string> close_hidden_areas(
        method::OperationMemory& memory, std::vector<method::SentCommand>& commands) override {
        moment();
        return set_.close_hidden_areas(memory, commands);
    }
    /// A dead process asks for nothing.
    void moment() const {
        if (!around_.operation()) {
            throw Error(ErrorCode::internal, "dead");
        }
    }

  private:
    method::CommandSet& set_;
    const Surroundings& around_;
};

class WatchedOperation final : public method::Operation {
  public:
    WatchedOperation(std::unique_ptr<method::Operation> operation, const Watched& set)
        : operation_(std::move(operation)), set_(set) {}
    [[nodiscard]] std::string_view technique() const override { return operation_->technique(); }
    [[nodiscard]] method::Promise promise() const override { return operation_->promise(); }
    [[nodiscard]] method::OperationState state() override {
        set_.moment();
        return operation_->state();
    }
    [[nodiscard]] method::StartAnswer start() override {
        set_.moment();
        auto answer = operation_->start();
        set_.moment();
        return answer;
    }
    [[nodiscard]] std::optional<std::string> clean_up(
        std::vector<method::SentCommand>& commands) override {
        set_.moment();
        auto problem = operation_->clean_up(commands);
        set_.moment();
        return problem;
    }
    [[nodiscard]] bool leave_verification(std::vector<method::SentCommand>& commands) override {
        set_.moment();
        return operation_->leave_verification(commands);
    }

  private:
    std::unique_ptr<method::Operation> operation_;
    const Watched& set_;
};

inline std::unique_ptr<method::Operation> Watched::make(std::string_view technique,
                                                        method::OperationMemory& memory) {
    auto operation = set_.make(technique, memory);
    return operation == nullptr ? nullptr
                                : std::make_unique<WatchedOperation>(std::move(operation), *this);
}

class WatchedSurface final : public device::BlockTarget {
  public:
    WatchedSurface(device::BlockTarget& surface, const Surroundings& around)
        : surface_(surface), around_(around) {}
    [[nodiscard]] std::uint64_t size_bytes() const override { return surface_.size_bytes(); }
    [[nodiscard]] std::uint32_t preferred_alignment() const override {
        return surface_.preferred_alignment();
    }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        return around_.operation() ? surface_.read_at(offset, into) : device::IoResult{0, EIO};
    }
    device::IoResult write_at(std::uint64_t offset, ByteView from) override {
        return around_.operation() ? surface_.write_at(offset, from) : device::IoResult{0, EIO};
    }
    [[nodiscard]] int flush() override { return around_.operation() ? surface_.flush() : EIO; }

  private:
    device::BlockTarget& surface_;
    const Surroundings& around_;
};

class Connection final : public DriveConnection {
  public:
    Connection(DriveModel& model, const Surroundings& around) {
        for (auto* set : model.command_sets()) {
            sets_.push_back(std::make_unique<Watched>(*set, around));
        }
    }
    std::vector<method::CommandSet*> command_sets() override {
        std::vector<method::CommandSet*> list;
        for (const auto& set : sets_) {
            list.push_back(set.get());
        }
        return list;
    }
    void rescan() override {}

  private:
    std::vector<std::unique_ptr<Watched>> sets_;
};

}  // namespace efface::job::worlds

// SPDX-License-Identifier: Apache-2.0
// A command set that does not know whose it is (TCG, the block layer), with the identity that
// another set of the same drive or the kernel gives.
#pragma once

#include "efface/method/drive/command_set.hpp"

namespace efface::job {

/// What sysfs says of a device.
struct KernelIdentity {
    std::string model;
    std::string serial;
    std::string wwid;
};

/// Both sets outlive it.
class IdentifiedSet final : public method::CommandSet {
  public:
    IdentifiedSet(method::CommandSet& set, method::CommandSet& identity)
        : set_(set), identity_(&identity) {}
    IdentifiedSet(method::CommandSet& set, KernelIdentity identity)
        : set_(set), known_(std::move(identity)) {}
    [[nodiscard]] std::string_view name() const override { return set_.name(); }
    [[nodiscard]] method::DriveSurvey survey() override {
        if (identity_ != nullptr) {
            return survey_beside(identity_->survey());
        }
        auto survey = set_.survey();
        survey.model = known_.model;
        survey.serial = known_.serial;
        survey.wwn = known_.wwid;
        return survey;
    }
    /// With the identity that the other set has just given, which is not asked again.
    [[nodiscard]] method::DriveSurvey survey_beside(const method::DriveSurvey& other) {
        auto survey = set_.survey();
        survey.model = other.model;
        survey.serial = other.serial;
        survey.wwn = other.wwn;
        survey.firmware = other.firmware;
        if (survey.error.empty()) {
            survey.error = other.error;
        }
        // What a host cannot address is opened by the other set; that this one reaches what stays
        // hidden is not known.
        for (auto area : other.hidden_areas) {
            area.covered = false;
            survey.hidden_areas.push_back(std::move(area));
        }
        survey.sizes = other.sizes;
        for (const char* key : {"flash", "multiController"}) {
            if (other.facts.contains(key)) {
                survey.facts[key] = other.facts.at(key);
            }
        }
        return survey;
    }
    [[nodiscard]] method::HealthLook health() override {
        return (identity_ == nullptr ? set_ : *identity_).health();
    }
    [[nodiscard]] method::OperationState state() override { return set_.state(); }
    [[nodiscard]] std::unique_ptr<method::Operation> make(
        std::string_view technique, method::OperationMemory& memory) override {
        return set_.make(technique, memory);
    }
    [[nodiscard]] method::OpenedAreas open_hidden_areas(method::OperationMemory& memory) override {
        return (identity_ == nullptr ? set_ : *identity_).open_hidden_areas(memory);
    }
    [[nodiscard]] method::ReadStatus read_status(const std::string& surface, std::uint64_t offset,
                                                 MutableByteView into) override {
        return (identity_ == nullptr ? set_ : *identity_).read_status(surface, offset, into);
    }
    [[nodiscard]] method::WriteStatus write_by_command(const std::string& surface,
                                                       std::uint64_t offset,
                                                       ByteView from) override {
        return (identity_ == nullptr ? set_ : *identity_).write_by_command(surface, offset, from);
    }
    [[nodiscard]] bool flush_by_command(const std::string& surface) override {
        return (identity_ == nullptr ? set_ : *identity_).flush_by_command(surface);
    }
    [[nodiscard]] std::optional<std::string> close_hidden_areas(
        method::OperationMemory& memory, std::vector<method::SentCommand>& commands) override {
        return (identity_ == nullptr ? set_ : *identity_).close_hidden_areas(memory, commands);
    }

  private:
    method::CommandSet& set_;
    method::CommandSet* identity_ = nullptr;
    KernelIdentity known_;
};

}  // namespace efface::job

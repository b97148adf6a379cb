// SPDX-License-Identifier: Apache-2.0
#include "hold.hpp"

#include <algorithm>

#include "find_drive.hpp"

namespace efface::job {

DriveHold::DriveHold(Host& host, std::string path, Json identity,
                     std::map<std::uint32_t, std::string> names,
                     const method::TcgCredential& credential)
    : host_(host),
      path_(std::move(path)),
      identity_(std::move(identity)),
      names_(std::move(names)),
      credential_(credential) {}
DriveHold::~DriveHold() = default;

/// Its surfaces by the names that the job knows them by: canaries were placed
/// under these.
inventory::Drive DriveHold::drive(const inventory::Identity& identity) {
    auto drive = host_.drive_of(identity);
    for (auto& surface : drive.surfaces) {
        surface.name = names_.try_emplace(surface.nsid, surface.name).first->second;
    }
    return drive;
}

/// The guard holds the other paths of each surface with it.
void DriveHold::open(Moment moment, const inventory::Identity& identity,
                     std::unique_ptr<HeldTarget> cleared) {
    const auto found = drive(identity);
    connection_ = host_.connect(found, credential_);
    for (const auto& surface : found.surfaces) {
        guard::HoldRequest request;
        request.path = surface.path;
        request.moment = moment;
        auto target = surface.path == path_ && cleared ? std::move(cleared)
                                                       : guard::hold(host_, request).target;
        held_.push_back(surface.name);
        targets_.push_back(std::move(target));
    }
}

std::string DriveHold::reattach() {
    targets_.clear();
    held_.clear();
    connection_.reset();
    try {
        const auto found = find_drive(host_, path_, identity_);
        if (!found) {
            return found.why_not;
        }
        path_ = found.path;
        host_.connect(drive(*found.identity), credential_)->rescan();
        // Its size may be another now; its content is what the erasure left.
        open(Moment::now_unread, host_.identify(path_), nullptr);
        return {};
    } catch (const Error& error) {
        return error.what();
    }
}

method::CommandSet* DriveHold::set_of(std::string_view command_set) {
    if (!connection_) {
        return nullptr;
    }
    const auto sets = connection_->command_sets();
    const auto found = std::find_if(sets.begin(), sets.end(),
                                    [&](const auto* set) { return set->name() == command_set; });
    return found == sets.end() ? nullptr : *found;
}

std::vector<method::Surface> DriveHold::surfaces() {
    std::vector<method::Surface> list;
    for (std::size_t i = 0; i < targets_.size(); ++i) {
        (void)targets_[i]->drop_cache();
        list.push_back({held_[i], &targets_[i]->storage()});
    }
    return list;
}

namespace {

class NoAnswer final : public method::CommandSet {
  public:
    explicit NoAnswer(std::string name) : name_(std::move(name)) {}
    [[nodiscard]] std::string_view name() const override { return name_; }
    method::DriveSurvey survey() override {
        method::DriveSurvey survey;
        survey.error = "it is not there";
        return survey;
    }
    method::OperationState state() override { return {}; }
    std::unique_ptr<method::Operation> make(std::string_view technique,
                                            method::OperationMemory& /*memory*/) override {
        return std::make_unique<Operation>(std::string(technique));
    }
    method::OpenedAreas open_hidden_areas(method::OperationMemory& /*memory*/) override {
        return {};
    }
    method::ReadStatus read_status(const std::string& /*surface*/, std::uint64_t /*offset*/,
                                   MutableByteView /*into*/) override {
        return {.status = "the drive is missing"};
    }

  private:
    class Operation final : public method::Operation {
      public:
        explicit Operation(std::string technique) : technique_(std::move(technique)) {}
        [[nodiscard]] std::string_view technique() const override { return technique_; }
        [[nodiscard]] method::Promise promise() const override { return {}; }
        method::OperationState state() override {
            method::OperationState state;
            state.detail = "the drive is missing";
            return state;
        }
        method::StartAnswer start() override {
            return {method::Start::unknown, "the drive is missing", {}};
        }
        std::optional<std::string> clean_up(
            std::vector<method::SentCommand>& /*commands*/) override {
            return "the drive is missing";
        }

      private:
        std::string technique_;
    };
    std::string name_;
};

}  // namespace

std::unique_ptr<method::CommandSet> make_no_answer(std::string_view command_set) {
    return std::make_unique<NoAnswer>(std::string(command_set));
}

}  // namespace efface::job

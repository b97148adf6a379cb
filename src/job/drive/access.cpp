// SPDX-License-Identifier: Apache-2.0
#include "access.hpp"

#include "find_drive.hpp"

namespace efface::job {

std::map<std::uint32_t, std::string> surface_names(const Json& state) {
    std::map<std::uint32_t, std::string> names;
    for (const auto& one : state.value(kSurfaceNames, Json::array())) {
        names[one.at(0).get<std::uint32_t>()] = one.at(1).get<std::string>();
    }
    return names;
}

HeldDriveAccess::HeldDriveAccess(RunContext& context, DriveHold& hold,
                                 const std::string& command_set, const SaveState& save,
                                 const std::stop_token& stop)
    : context_(context),
      hold_(hold),
      command_set_(command_set),
      nobody_(make_no_answer(command_set)),
      save_(save),
      stop_(stop) {}

void HeldDriveAccess::save(const method::EraseState& state) {
    auto kept = method::to_json(state);
    for (const auto& [nsid, name] : hold_.names()) {
        kept[kSurfaceNames].push_back({nsid, name});
    }
    save_(kept);
}

bool HeldDriveAccess::wait(std::chrono::milliseconds pause) {
    return context_.wait(pause, stop_);
}

method::CommandSet& HeldDriveAccess::commands() {
    auto* set = hold_.set_of(command_set_);
    return set == nullptr ? *nobody_ : *set;
}

std::string HeldDriveAccess::reattach() {
    const auto before = hold_.path();
    auto why_not = hold_.reattach();
    if (why_not.empty() && hold_.path() != before) {
        moves_.push_back(renamed(context_.clock, before, hold_.path()));
    }
    return why_not;
}

}  // namespace efface::job

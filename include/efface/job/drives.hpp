// SPDX-License-Identifier: Apache-2.0
// What the drives of this machine can do to themselves, for `efface list`.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "efface/base/json.hpp"
#include "efface/inventory/drive.hpp"
#include "efface/inventory/list.hpp"
#include "efface/method/outcome.hpp"

namespace efface::job {

struct TechniqueAbility {
    std::string name;
    method::Level level = method::Level::none;  ///< that success would claim
    std::string why_not;                        ///< empty: it can be used
    std::optional<std::uint64_t> estimate_seconds;
};
struct DriveAbility {
    std::string error;                         ///< not empty: no answer, or none in time
    std::vector<TechniqueAbility> techniques;  ///< in the policy's order of preference
    std::vector<std::string> hidden_areas;
    /// The technique that the drive says to carry out, or in words that it does not name it.
    std::string running;
    /// As method::to_json() has it; what it does not report is missing.
    Json health = Json::object();
    std::string health_text;  ///< for a person; empty: nothing was reported
};
[[nodiscard]] Json to_json(const DriveAbility& ability);

/// Asks every disk that takes commands of a drive while it is listed; changes and wakes nothing.
class DriveAbilities final : public inventory::DiskQuestions {
  public:
    void look_at(const std::vector<inventory::Identity>& all) override;
    [[nodiscard]] bool asks(std::size_t i) const override;
    [[nodiscard]] Answer ask(std::size_t i) const override;
    void take(std::size_t i, const Json& told) override;
    void give_up(std::size_t i, const std::string& why) override;

    /// One a row of the list, in its order; nothing for what has no such commands.
    [[nodiscard]] const std::vector<std::optional<DriveAbility>>& found() const noexcept {
        return abilities_;
    }

  private:
    std::vector<inventory::Drive> drives_;
    std::vector<std::optional<DriveAbility>> abilities_;
};

}  // namespace efface::job

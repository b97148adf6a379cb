// SPDX-License-Identifier: Apache-2.0
// A held drive as its erasure reaches it, and the names of its surfaces in the journal.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "efface/job/context.hpp"
#include "efface/method/drive/erase.hpp"

#include "hold.hpp"
#include "storage/target_storage.hpp"

namespace efface::job {

/// In the journal beside the engine's state: names of the surfaces by namespace.
constexpr const char* kSurfaceNames = "surfaceNames";
[[nodiscard]] std::map<std::uint32_t, std::string> surface_names(const Json& state);

class HeldDriveAccess final : public method::DriveAccess {
  public:
    /// `command_set`: the name of the set that has the technique. References outlive it.
    HeldDriveAccess(RunContext& context, DriveHold& hold, const std::string& command_set,
                    const SaveState& save, const std::stop_token& stop);

    void save(const method::EraseState& state) override;
    [[nodiscard]] bool wait(std::chrono::milliseconds pause) override;
    [[nodiscard]] method::CommandSet& commands() override;
    [[nodiscard]] method::HealthLook health() override { return hold_.health(); }
    [[nodiscard]] std::vector<method::Surface> surfaces() override { return hold_.surfaces(); }
    [[nodiscard]] std::string reattach() override;
    [[nodiscard]] bool reset() override { return hold_.reset(); }
    /// Of each time that the drive was found under another name.
    [[nodiscard]] const std::vector<method::Observation>& moves() const noexcept { return moves_; }

  private:
    RunContext& context_;
    DriveHold& hold_;
    std::string command_set_;
    std::unique_ptr<method::CommandSet> nobody_;  ///< answers while the drive is away
    const SaveState& save_;
    const std::stop_token& stop_;
    std::vector<method::Observation> moves_;
};

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
// A drive held for its erase: the connection, and every block device on it.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "efface/job/host.hpp"
#include "efface/method/drive/erase.hpp"

namespace efface::job {

class DriveHold final {
  public:
    /// `identity` is its target_identity(). `names`: of its surfaces by namespace, as the job knows
    /// them from the first time on; empty before. References outlive it.
    DriveHold(Host& host, std::string path, Json identity,
              std::map<std::uint32_t, std::string> names, const method::TcgCredential& credential);
    ~DriveHold();

    /// Throws as guard::hold() when something uses any part of the drive. `identity`: of the device
    /// at path(), as of now. `cleared`: that one as the guard holds it already; else it is held
    /// again.
    void open(Moment moment, const inventory::Identity& identity,
              std::unique_ptr<HeldTarget> cleared);
    /// Finds the drive again, under whatever name, and opens it. Why it cannot be had; empty when
    /// it is there.
    [[nodiscard]] std::string reattach();
    /// Resets the path to it; reattach() comes next. False: not possible.
    [[nodiscard]] bool reset() { return connection_ && connection_->reset(); }
    /// The set of these commands; nullptr when it is not there.
    [[nodiscard]] method::CommandSet* set_of(std::string_view command_set);
    [[nodiscard]] method::HealthLook health() {
        return connection_ ? connection_->health() : method::HealthLook();
    }
    [[nodiscard]] std::vector<method::Surface> surfaces();
    [[nodiscard]] const std::string& path() const noexcept { return path_; }
    [[nodiscard]] const std::map<std::uint32_t, std::string>& names() const noexcept {
        return names_;
    }

  private:
    inventory::Drive drive(const inventory::Identity& identity);
    Host& host_;
    std::string path_;
    Json identity_;
    std::map<std::uint32_t, std::string> names_;
    const method::TcgCredential& credential_;
    std::unique_ptr<DriveConnection> connection_;
    std::vector<std::string> held_;  ///< names of `targets_`
    std::vector<std::unique_ptr<HeldTarget>> targets_;
};

/// Stands in for a drive that is not there, so that nothing has to be asked twice.
[[nodiscard]] std::unique_ptr<method::CommandSet> make_no_answer(std::string_view command_set);

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
// The machine as the job sees it: everything that a test replaces to hold a whole run in memory.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/device/linux_target.hpp"
#include "efface/device/luks_library.hpp"
#include "efface/guard/contents.hpp"
#include "efface/guard/guard.hpp"
#include "efface/inventory/drive.hpp"
#include "efface/method/drive/command_sets.hpp"
#include "efface/method/luks.hpp"

namespace efface::job {

using guard::HeldTarget;
using guard::Moment;

/// A way to speak to a drive. Closing it takes nothing back from the drive.
class DriveConnection {
  public:
    virtual ~DriveConnection() = default;
    /// Everything that the drive may understand, the sets to prefer first. Valid as long as this.
    [[nodiscard]] virtual std::vector<method::CommandSet*> command_sets() = 0;
    /// What each of them finds, in the same order: asked for now, each set once.
    [[nodiscard]] virtual std::vector<method::DriveSurvey> surveys() {
        std::vector<method::DriveSurvey> all;
        for (auto* set : command_sets()) {
            all.push_back(set->survey());
        }
        return all;
    }
    /// Of the first set that can say anything; asked for now.
    [[nodiscard]] method::HealthLook health() {
        for (auto* set : command_sets()) {
            if (auto look = set->health(); !look.command_set.empty()) {
                return look;
            }
        }
        return {};
    }
    /// Has the kernel look at the drive's capacity again.
    virtual void rescan() = 0;
    /// Resets the path to the drive, or the drive; what is on it stays. False: not possible here.
    [[nodiscard]] virtual bool reset() { return false; }
};

class Host : public method::Surroundings, public guard::Machine {
  public:
    /// As guard::contents_of.
    virtual std::vector<guard::Content> contents_of(const inventory::Identity& identity) = 0;
    /// As guard::Look::overlapping.
    virtual std::vector<std::pair<std::size_t, std::size_t>> overlapping(
        const std::vector<inventory::Identity>& identities) = 0;
    /// As guard::Look::luks_devices, of the same devices as Moment::survey.
    virtual guard::LuksDevices luks_devices() = 0;
    virtual std::vector<inventory::Layer> layers_below(const inventory::Identity& identity) = 0;
    [[nodiscard]] virtual bool exists(const std::string& path) = 0;
    virtual device::LuksLibrary& luks_library() = 0;
    /// Every whole disk of this machine.
    virtual std::vector<inventory::Identity> disks() = 0;
    virtual inventory::Drive drive_of(const inventory::Identity& identity) = 0;
    /// `credential`: of a TCG technique, or empty. Throws Error(usage) when no command of a drive
    /// reaches it.
    virtual std::unique_ptr<DriveConnection> connect(const inventory::Drive& drive,
                                                     const method::TcgCredential& credential) = 0;
    /// Capabilities that work on devices takes and this process has not, by name; or nothing.
    [[nodiscard]] virtual std::string missing_for_devices() { return {}; }
    /// As device::read_partitions_again.
    virtual int read_partitions_again(const std::string& /*path*/) { return 0; }
    /// Of the disk below, where it tells.
    virtual std::optional<int> celsius(const inventory::Identity& identity) = 0;
    /// Where those look that ask the kernel themselves: the methods of memory, and the record of the
    /// environment.
    [[nodiscard]] virtual inventory::SystemView view() { return {}; }
};

/// This machine. `program` is the path of this executable, for the LUKS worker.
[[nodiscard]] std::unique_ptr<Host> make_linux_host(const std::string& program);

}  // namespace efface::job

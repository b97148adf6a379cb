// SPDX-License-Identifier: Apache-2.0
// The subcommands: each adds itself to the parser and stores what to run. One file each.
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "efface/device/capabilities.hpp"
#include "efface/job/project_run.hpp"

#include "line/options.hpp"

namespace efface::cli {

/// What every command gets. `run` is set by the subcommand that the user named.
struct Program {
    std::string state_dir = "/var/lib/efface";
    std::function<int()> run;
    /// What `run` takes of the rights that the program was started with.
    device::Rights rights = device::Rights::storage;

    /// Throws Error(authorisation) when someone else could have changed what is there.
    [[nodiscard]] job::StateDirectory state() const;
    /// The same for a command that asks what has happened here. Throws Error(usage) where there is
    /// no such folder: that is no answer.
    [[nodiscard]] job::StateDirectory existing_state() const;
};

void add_keys(Command& app, Program& program);
void add_plan(Command& app, Program& program);
void add_accept(Command& app, Program& program);
void add_approve(Command& app, Program& program);
void add_project(Command& app, Program& program);
void add_erase(Command& app, Program& program);
void add_jobs(Command& app, Program& program);
void add_verify(Command& app, Program& program);
void add_show(Command& app, Program& program);
void add_certificates(Command& app, Program& program);
void add_list(Command& app, Program& program);
void add_log(Command& app, Program& program);
/// What the shells ask for completion; not in the help. `line`: the whole command line.
void add_complete(Command& app, Program& program, const CommandLine& line);

/// Absolute path of the running executable.
[[nodiscard]] std::string executable_path();
/// Who runs this: the name of the login uid, which nobody changes after the login; else that of the
/// user, which says so (mandate::may_be_operator() reads it).
[[nodiscard]] std::string operator_name();
/// Opens those of descriptors 0 to 2 that are closed on /dev/null; called before anything else.
/// Otherwise the next file that is opened gets such a number, and messages are written into it.
/// False when one cannot be opened.
[[nodiscard]] bool open_standard_descriptors() noexcept;
/// Whether this descriptor (0 to 2) was closed when the program was started, and is /dev/null now.
[[nodiscard]] bool was_closed(int descriptor) noexcept;

}  // namespace efface::cli

// SPDX-License-Identifier: Apache-2.0
// The subcommands: each adds itself to the parser and stores what to run. One file each.
#pragma once

#include <filesystem>
#include <functional>
#include <string>

#include "efface/job/project_run.hpp"

#include "options.hpp"

namespace efface::cli {

/// What every command gets. `run` is set by the subcommand that the user named.
struct Program {
    std::string state_dir = "/var/lib/efface";
    std::function<int()> run;

    [[nodiscard]] job::StateDirectory state() const { return {state_dir}; }
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
void add_list(Command& app, Program& program);
void add_log(Command& app, Program& program);

/// Absolute path of the running executable.
[[nodiscard]] std::string executable_path();
/// Who runs this: the name behind sudo, else the login name.
[[nodiscard]] std::string operator_name();

}  // namespace efface::cli

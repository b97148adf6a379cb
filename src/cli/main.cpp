// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <string_view>

#include "efface/base/process.hpp"
#include "efface/base/secret.hpp"
#include "efface/device/luks_library.hpp"
#include "efface/device/system_calls.hpp"

#include "command/commands.hpp"
#include "line/failure.hpp"
#include "line/help.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

void add_commands(Command& app, Program& program, const CommandLine& line) {
    add_list(app, program);
    add_plan(app, program);
    add_approve(app, program);
    add_erase(app, program);
    add_jobs(app, program);
    add_project(app, program);
    add_certificates(app, program);
    add_verify(app, program);
    add_accept(app, program);
    add_show(app, program);
    add_keys(app, program);
    add_log(app, program);
    add_complete(app, program, line);
}

int run(CommandLine& line, int argc, char** argv) {
    Program program;
    auto app = line.program();
    app.add("--state-dir", program.state_dir, "Where keys, log, jobs and certificates are kept")
        .or_environment("EFFACE_STATE_DIR")
        .kind("FOLDER")
        .show_default();
    app.needs_subcommand();
    add_commands(app, program, line);
    app.footer(help_footer());
    if (const auto text = line.parse(argc, argv)) {
        print(*text);
        return 0;
    }
    device::keep_rights(program.rights);
    if (const auto why = device::keep_calls(program.rights); !why.empty()) {
        say("this kernel does not limit the system calls of a process: " + why);
    }
    return program.run();
}

/// What the library says of a path, in our words.
Error unusable_path(const std::filesystem::filesystem_error& error) {
    return {ErrorCode::usage,
            printable(error.path1().string()) + ": " + errno_text(error.code().value()),
            "check the path, and whether this user may read it: efface runs as root"};
}

int run_or_fail(int argc, char** argv) {
    const bool json = asks_for_json(argc, argv);
    CommandLine line("efface",
                     "efface erases storage and the keys of LUKS volumes, verifies the result, and "
                     "proves it with a signed certificate.",
                     "efface " EFFACE_VERSION);
    try {
        return run(line, argc, argv);
    } catch (const Error& error) {
        return fail_with(line.named(), json, error);
    } catch (const std::filesystem::filesystem_error& error) {
        return fail_with(line.named(), json, unusable_path(error));
    } catch (const std::exception& error) {
        return fail_with(line.named(), json, {ErrorCode::internal, error.what()});
    }
}

}  // namespace

}  // namespace efface::cli

int main(int argc, char** argv) {
    if (!efface::cli::open_standard_descriptors()) {  // nowhere to say so
        return static_cast<int>(efface::ErrorCode::internal);
    }
    (void)::signal(SIGPIPE, SIG_IGN);  // who stops listening does not stop a run
    (void)::signal(SIGXFSZ, SIG_IGN);  // a write that ulimit -f forbids fails as one without room
    const bool settled = efface::settle_process();
    efface::harden_process();
    if (!settled) {
        const int refused = efface::cli::fail_with(
            "", efface::cli::asks_for_json(argc, argv),
            {efface::ErrorCode::internal, efface::ReasonCode::no_memory,
             "the process cannot be protected: the kernel gives no locked memory (ulimit -l, "
             "ulimit -v) or no no_new_privs"});
        efface::cli::finish_words();
        return refused;
    }
    if (argc == 2 && std::string_view(argv[1]) == "luks-worker") {
        efface::device::keep_rights(efface::device::Rights::unlocking);
        (void)efface::device::keep_calls(
            efface::device::Rights::unlocking);  // who started it has said why not
        return efface::device::run_luks_server(STDIN_FILENO);
    }
    const int status = efface::cli::run_or_fail(argc, argv);
    efface::cli::finish_words();
    return status;
}

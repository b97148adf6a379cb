// SPDX-License-Identifier: Apache-2.0
#include <fcntl.h>
#include <pwd.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <string_view>

#include "efface/base/secret.hpp"
#include "efface/device/luks_library.hpp"

#include "commands.hpp"
#include "console.hpp"

namespace efface::cli {

std::string executable_path() {
    return std::filesystem::read_symlink("/proc/self/exe").string();
}

std::string operator_name() {
    if (const char* sudo_user = std::getenv("SUDO_USER")) {
        return printable(sudo_user);
    }
    const passwd* entry = ::getpwuid(::getuid());
    return entry != nullptr ? printable(entry->pw_name) : "uid " + std::to_string(::getuid());
}

namespace {

int run(int argc, char** argv) {
    CommandLine line(
        "efface",
        "efface erases storage and the keys of LUKS volumes, verifies it, and proves it with a "
        "signed certificate.",
        "efface " EFFACE_VERSION);
    Program program;
    auto app = line.program();
    app.add("--state-dir", program.state_dir, "Where keys, log, jobs and certificates are kept")
        .or_environment("EFFACE_STATE_DIR")
        .show_default();
    app.needs_subcommand();
    add_list(app, program);
    add_plan(app, program);
    add_approve(app, program);
    add_erase(app, program);
    add_jobs(app, program);
    add_project(app, program);
    add_verify(app, program);
    add_accept(app, program);
    add_show(app, program);
    add_keys(app, program);
    add_log(app, program);
    if (const auto status = line.parse(argc, argv)) {
        return *status;
    }
    return program.run();
}

/// Otherwise the next file that is opened gets number 0, 1 or 2, and messages are written into it.
bool open_missing_standard_descriptors() {
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(number, F_GETFD) < 0 && ::open("/dev/null", O_RDWR) != number) {
            return false;
        }
    }
    return true;
}

}  // namespace

}  // namespace efface::cli

int main(int argc, char** argv) {
    if (!efface::cli::open_missing_standard_descriptors()) {  // nowhere to say so
        return static_cast<int>(efface::ErrorCode::internal);
    }
    (void)::signal(SIGPIPE, SIG_IGN);  // who stops listening does not stop a run
    efface::harden_process();
    if (argc == 2 && std::string_view(argv[1]) == "luks-worker") {
        return efface::device::run_luks_server(STDIN_FILENO);
    }
    try {
        return efface::cli::run(argc, argv);
    } catch (const efface::Error& error) {
        efface::cli::say_error(error);
        return static_cast<int>(error.code());
    } catch (const std::exception& error) {
        efface::cli::say_error({efface::ErrorCode::internal, error.what()});
        return static_cast<int>(efface::ErrorCode::internal);
    }
}

// SPDX-License-Identifier: Apache-2.0
// A server whose children do what the path of the header in their request says, instead of asking
// libcryptsetup. The path of the data device is their parameter.
#include <signal.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <fstream>
#include <string>
#include <thread>

#include "efface/base/file.hpp"

#include "linux/luks/messages.hpp"
#include "linux/process/fork_server.hpp"

namespace {

namespace fs = std::filesystem;
using efface::as_bytes;

constexpr const char* kLoaded =
    R"({"code":0,"type":"","uuid":"","keyslots":[],"reencryption":"none"})";

std::string read_to(int fd, char last) {
    std::string text;
    char byte = 0;
    while (::read(fd, &byte, 1) == 1) {
        text.push_back(byte);
        if (last != '\0' && byte == last) {
            break;
        }
    }
    return text;
}

void say(int fd, const std::string& text) {
    efface::write_all(fd, as_bytes(text), "the answer");
}

/// Renamed into place: whoever sees the file sees all of it.
void write_file(const std::string& path, const std::string& text) {
    std::ofstream(path + ".new") << text;
    fs::rename(path + ".new", path);
}

std::string descriptors_of(const std::string& process) {
    std::string list;
    for (const auto& entry : fs::directory_iterator("/proc/" + process + "/fd")) {
        std::error_code error;
        list += fs::read_symlink(entry.path(), error).string() + "\n";
    }
    return list;
}

/// Of the server when it waits again. Until then it may not have got hold of this child yet, or
/// have its own end of this conversation open still: both happen after the fork.
std::string descriptors_of_waiting(const std::string& server, int fd) {
    const auto conversation = fs::read_symlink("/proc/self/fd/" + std::to_string(fd)).string();
    for (;;) {
        std::string list = descriptors_of(server);
        if (list.find("pidfd") != std::string::npos &&
            list.find(conversation) == std::string::npos) {
            return list;
        }
        std::this_thread::yield();
    }
}

[[noreturn]] void hang() {
    for (;;) {
        ::pause();
    }
}

void record(const std::string& where, const std::string& line, int fd) {
    std::ofstream(where + ".argv") << std::ifstream("/proc/self/cmdline").rdbuf();
    std::ofstream(where + ".env") << std::ifstream("/proc/self/environ").rdbuf();
    std::ofstream(where + ".input") << line << read_to(fd, '\0');
    const std::string own = descriptors_of("self");
    std::ofstream(where + ".fd") << own;
}

/// Both requests have to be under way at the same time, else this never ends.
void meet(const std::string& folder) {
    write_file(folder + "/" + std::to_string(::getpid()), "here");
    const auto here = [&] {
        return std::distance(fs::directory_iterator(folder), fs::directory_iterator());
    };
    while (here() < 2) {
        std::this_thread::yield();
    }
}

int answer(int fd) {
    const std::string line = read_to(fd, '\n');
    const auto request = efface::device::parse_request(line.substr(0, line.size() - 1));
    const std::string what = request.location.header.string();
    const std::string parameter = request.location.data.value_or("").string();
    if (what == "/deaf") {
        return 4;
    }
    if (what == "/record") {
        record(parameter, line, fd);
        say(fd, R"({"load_code":0,"code":2})");
        return 0;
    }
    (void)read_to(fd, '\0');
    if (what == "/hang") {
        write_file(parameter, std::to_string(::getpid()) + " " + std::to_string(::getppid()));
        hang();
    } else if (what == "/hang-after-answer") {
        say(fd, kLoaded);
        (void)::close(fd);
        hang();
    } else if (what == "/flood") {
        const std::string zeros(4096, '\0');
        for (;;) {
            say(fd, zeros);
        }
    } else if (what == "/fail-after-answer") {
        say(fd, kLoaded);
        return 3;
    } else if (what == "/abort") {
        ::abort();
    } else if (what == "/say") {
        say(fd, parameter);
    } else if (what == "/server") {
        const std::string server = std::to_string(::getppid());
        write_file(parameter, server + "\n" + descriptors_of_waiting(server, fd));
        say(fd, kLoaded);
    } else if (what == "/meet") {
        meet(parameter);
        say(fd, kLoaded);
    } else if (what == "/kill-server") {
        (void)::kill(::getppid(), SIGKILL);
        hang();
    }
    return 0;
}

}  // namespace

int main() {
    return efface::device::serve_requests(0, answer);
}

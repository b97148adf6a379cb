// SPDX-License-Identifier: Apache-2.0
#include "live_machine.hpp"

#include <signal.h>
#include <spawn.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <fstream>
#include <stdexcept>

namespace efface::test {

std::string run(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) {
        throw std::runtime_error(command);
    }
    std::string text;
    std::array<char, 4096> buffer;
    for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        text.append(buffer.data(), got);
    }
    if (::pclose(pipe) != 0) {
        throw std::runtime_error("failed: " + command + '\n' + text);
    }
    if (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

Loop::Loop(const std::filesystem::path& file, const std::string& options)
    : path_(run("losetup " + options + " -f --show '" + file.string() + "'")) {}

Loop::~Loop() {
    try {
        run("losetup -d " + path_);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s\n", error.what());
    }
}

Mounted::Mounted(const std::string& source, const std::filesystem::path& target,
                 const std::string& options)
    : target_(target) {
    run("mount " + options + " '" + source + "' '" + target.string() + "'");
}

Mounted::~Mounted() {
    ::umount2(target_.c_str(), MNT_DETACH);
}

Background::Background(const std::vector<std::string>& arguments) {
    std::vector<std::string> words = arguments;
    std::vector<char*> argv;
    for (std::string& word : words) {
        argv.push_back(word.data());
    }
    argv.push_back(nullptr);
    if (::posix_spawnp(&process_, argv[0], nullptr, nullptr, argv.data(), environ) != 0) {
        throw std::runtime_error("posix_spawnp");
    }
}

Background::~Background() {
    ::kill(process_, SIGKILL);
    ::waitpid(process_, nullptr, 0);
}

std::filesystem::path make_file(const std::filesystem::path& folder, const std::string& name,
                                std::uintmax_t bytes) {
    const std::filesystem::path path = folder / name;
    std::ofstream{path};
    std::filesystem::resize_file(path, bytes);
    return path;
}

}  // namespace efface::test

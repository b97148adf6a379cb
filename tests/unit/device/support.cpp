// SPDX-License-Identifier: Apache-2.0
#include "support.hpp"

#include <stdlib.h>
#include <sys/wait.h>

#include <array>
#include <cstdio>
#include <fstream>

#include "catch.hpp"

namespace device_test {

const char* const kCheap = " --pbkdf pbkdf2 --pbkdf-force-iterations 1000 ";

int run(const std::string& command) {
    const int status = std::system(("(" + command + ") >/dev/null 2>&1").c_str());
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

void require(const std::string& command) {
    INFO(command);
    REQUIRE(run(command) == 0);
}

std::string output_of(const std::string& command) {
    INFO(command);
    FILE* pipe = ::popen(command.c_str(), "re");
    REQUIRE(pipe != nullptr);
    std::string text;
    std::array<char, 4096> buffer{};
    for (std::size_t count = 1; count > 0;) {
        count = std::fread(buffer.data(), 1, buffer.size(), pipe);
        text.append(buffer.data(), count);
    }
    REQUIRE(::pclose(pipe) == 0);
    if (!text.empty() && text.back() == '\n') {
        text.pop_back();
    }
    return text;
}

ScratchFolder::ScratchFolder() {
    std::string name = (fs::temp_directory_path() / "efface-device-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

LoopDevice::LoopDevice(const fs::path& file, const std::string& options)
    : path_(output_of("losetup --find --show " + options + " " + file.string())) {
    REQUIRE(path_.string().rfind("/dev/loop", 0) == 0);
}

LoopDevice::~LoopDevice() {
    run("losetup --detach " + path_.string());
}

Mount::Mount(const std::string& what, const fs::path& folder) : folder_(folder) {
    fs::create_directories(folder_);
    require("mount " + what + " " + folder_.string());
}

Mount::~Mount() {
    run("umount " + folder_.string());
}

void write_bytes(const fs::path& file, std::size_t size, std::uint8_t value) {
    std::ofstream stream(file, std::ios::binary | std::ios::trunc);
    const std::string text(size, static_cast<char>(value));
    stream << text;
    stream.close();
    REQUIRE(stream.good());
}

efface::Bytes read_bytes(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    REQUIRE(stream.good());
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

void make_file(const fs::path& file, std::size_t size) {
    write_bytes(file, 0, 0);
    fs::resize_file(file, size);
}

void make_luks(const fs::path& file, const std::string& type, const std::string& passphrase,
               const std::string& options) {
    if (!fs::exists(file)) {
        make_file(file, 20 * kMiB);
    }
    require("printf %s '" + passphrase + "' | cryptsetup luksFormat -q --type " + type + kCheap +
            options + " --key-file - " + file.string());
}

}  // namespace device_test

// SPDX-License-Identifier: Apache-2.0
// Mounts, loop devices and other memory of the running kernel, each of them the test's own; and
// other programs (grep, dd with direct reads) that look for what was erased.
#pragma once

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <stdexcept>

#include "efface/base/file.hpp"

#include "catch.hpp"
#include "fake/scratch.hpp"
#include "support.hpp"

namespace efface::test {

namespace fs = std::filesystem;
using method::Verdict;

/// Repeated all over whatever is to be erased; found by its text.
inline const std::string kMark = "ORIGINAL-CONTENT-OF-A-TENANT-7f3a";

inline std::string run(const std::string& command) {
    std::FILE* pipe = ::popen(command.c_str(), "r");
    if (pipe == nullptr) {
        throw std::runtime_error(command);
    }
    std::string text;
    std::array<char, 4096> buffer{};
    for (std::size_t got = 0; (got = std::fread(buffer.data(), 1, buffer.size(), pipe)) > 0;) {
        text.append(buffer.data(), got);
    }
    if (::pclose(pipe) != 0) {
        throw std::runtime_error("failed: " + command + '\n' + text);
    }
    while (text.ends_with('\n')) {
        text.pop_back();
    }
    return text;
}

/// Lines that hold the mark; 0 when none does.
inline std::size_t marks_in_file(const fs::path& path) {
    return std::stoul(run("grep -a -c " + kMark + " '" + path.string() + "' || true"));
}
/// The same past the page cache.
inline std::size_t marks_on_device(const std::string& device) {
    return std::stoul(run("dd if=" + device + " iflag=direct bs=1M status=none | grep -a -c " +
                          kMark + " || true"));
}

inline std::string marked(std::size_t bytes) {
    std::string text;
    while (text.size() < bytes) {
        text += kMark + '\n';
    }
    text.resize(bytes);
    return text;
}
inline void write(const fs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

/// Something that a command takes down again, whatever happens.
class Undo final {
  public:
    explicit Undo(std::string command) : command_(std::move(command)) {}
    ~Undo() {
        if (!command_.empty() && std::system((command_ + " 2>/dev/null").c_str()) != 0) {
            std::fprintf(stderr, "could not be taken down: %s\n", command_.c_str());
        }
    }
    Undo(const Undo&) = delete;
    Undo& operator=(const Undo&) = delete;
    void now() {
        run(command_);
        command_.clear();
    }

  private:
    std::string command_;
};

class Mount final {
  public:
    explicit Mount(const std::string& type, const std::string& options = "rw")
        : Mount(type, options, type) {}
    Mount(const std::string& type, const std::string& options, const std::string& source)
        : path_(scratch_.path() / "mount") {
        fs::create_directory(path_);
        run("mount -t " + type + " -o " + options + ' ' + source + " '" + path_.string() + "'");
    }
    ~Mount() { ::umount2(path_.c_str(), MNT_DETACH); }
    Mount(const Mount&) = delete;
    Mount& operator=(const Mount&) = delete;
    [[nodiscard]] const fs::path& path() const { return path_; }
    [[nodiscard]] fs::path outside() const { return scratch_.path(); }

  private:
    fake::ScratchDirectory scratch_;
    fs::path path_;
};

class Loop final {
  public:
    explicit Loop(const std::string& size) {
        const fs::path image = scratch_.path() / "image";
        run("truncate -s " + size + " '" + image.string() + "'");
        device_ = run("losetup -f --show '" + image.string() + "'");
    }
    ~Loop() {
        // A failed test may have left it in use as swap.
        run("swapoff " + device_ + " 2>/dev/null || true");
        run("losetup -d " + device_);
    }
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    [[nodiscard]] const std::string& device() const { return device_; }

  private:
    fake::ScratchDirectory scratch_;
    std::string device_;
};

/// As /proc/vmstat says it now, read by another program.
inline bool ever_swapped() {
    return run("awk '$1 == \"pswpout\" {print $2}' /proc/vmstat") != "0";
}

inline const char* control(const Json& record, const std::string& name) {
    for (const auto& entry : record.at("negativeControls")) {
        if (entry.at("name") == name) {
            return entry.at("result").get_ref<const std::string&>().c_str();
        }
    }
    return "missing";
}

inline void require_keys(const Json& record) {
    for (const char* key : {"technique", "passes", "verification", "steps", "negativeControls",
                            "notReached", "facts", "identity", "identityAfter"}) {
        INFO(key);
        CHECK(record.contains(key));
    }
    CHECK_NOTHROW(canonical_json(record));
}

}  // namespace efface::test

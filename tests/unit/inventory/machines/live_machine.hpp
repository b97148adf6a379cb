// SPDX-License-Identifier: Apache-2.0
// Loop devices and mounts of this test's own making, undone one by one by name.
#pragma once

#include <string>
#include <vector>

#include "recorded_machine.hpp"

namespace efface::test {

/// Runs a shell command and gives what it prints, without the last newline. Throws when it fails.
std::string run(const std::string& command);

class Loop final {
  public:
    explicit Loop(const std::filesystem::path& file, const std::string& options = {});
    ~Loop();
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

class Mounted final {
  public:
    Mounted(const std::string& source, const std::filesystem::path& target,
            const std::string& options = {});
    ~Mounted();
    Mounted(const Mounted&) = delete;
    Mounted& operator=(const Mounted&) = delete;

  private:
    std::filesystem::path target_;
};

/// A shell that runs in the background and is ended by its process number.
class Background final {
  public:
    explicit Background(const std::vector<std::string>& arguments);
    ~Background();
    Background(const Background&) = delete;
    Background& operator=(const Background&) = delete;
    [[nodiscard]] int process() const { return process_; }

  private:
    int process_ = 0;
};

/// An empty file of this size in the folder; gives its path.
std::filesystem::path make_file(const std::filesystem::path& folder, const std::string& name,
                                std::uintmax_t bytes);

}  // namespace efface::test

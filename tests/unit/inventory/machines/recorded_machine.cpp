// SPDX-License-Identifier: Apache-2.0
#include "recorded_machine.hpp"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <map>
#include <sstream>
#include <stdexcept>

namespace efface::test {
namespace {

namespace fs = std::filesystem;

/// Partitions stand one behind the other in the order of the tree; `ends`: by their disks.
void add_block(const fs::path& root, const std::string& line,
               std::map<std::string, std::uint64_t>& ends) {
    std::istringstream words{line};
    std::string what;
    std::string name;
    std::string number;
    std::string sectors;
    std::string place;
    words >> what >> name >> number >> sectors >> place;
    const fs::path folder = root / "sys/devices" / place;
    fs::create_directories(folder / "holders");
    fs::create_directories(root / "sys/class/block");
    fs::create_symlink("../../devices/" + place, root / "sys/class/block" / name);
    std::ofstream{folder / "dev"} << number << '\n';
    std::ofstream{folder / "size"} << sectors << '\n';
    std::ofstream{folder / "ro"} << "0\n";
    if (what == "@part") {
        std::ofstream{folder / "partition"} << "1\n";
        std::uint64_t& end = ends[folder.parent_path().string()];
        std::ofstream{folder / "start"} << end << '\n';
        end += std::stoull(sectors);
    } else {
        fs::create_directories(folder / "slaves");
    }
}

}  // namespace

RecordedMachine::RecordedMachine(const std::string& tree_name) {
    std::string pattern = fs::temp_directory_path() / "efface-tree-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
        throw std::runtime_error("mkdtemp");
    }
    root_ = pattern;
    fs::create_directory(root_ / "dev");
    std::ifstream tree{std::string{EFFACE_TEST_DATA} + "/inventory/" + tree_name};
    if (!tree) {
        throw std::runtime_error("no tree " + tree_name);
    }
    constexpr std::string_view kIndent = "    ";
    constexpr std::string_view kArrow = " -> ";
    std::ofstream file;
    std::map<std::string, std::uint64_t> ends;
    for (std::string line; std::getline(tree, line);) {
        if (line.starts_with(kIndent)) {
            file << line.substr(kIndent.size()) << '\n';
            continue;
        }
        if (line.empty() || line.front() == '#') {
            continue;
        }
        if (line.front() == '@') {
            add_block(root_, line, ends);
            continue;
        }
        const std::size_t arrow = line.find(kArrow);
        const fs::path path = root_ / line.substr(0, arrow);
        if (line.ends_with('/')) {
            fs::create_directories(path);
            continue;
        }
        fs::create_directories(path.parent_path());
        if (arrow != std::string::npos) {
            fs::create_symlink(line.substr(arrow + kArrow.size()), path);
        } else {
            file = std::ofstream{path};
        }
    }
}

RecordedMachine::~RecordedMachine() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
}

inventory::SystemView RecordedMachine::view() const {
    return {root_ / "sys", root_ / "proc", root_ / "dev", false};
}

void RecordedMachine::write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream{root_ / path} << text;
}

void RecordedMachine::make_unreadable(const std::string& path) const {
    fs::remove_all(root_ / path);
    fs::create_symlink((root_ / path).filename(), root_ / path);
}

ScratchFolder::ScratchFolder() {
    std::string pattern = fs::temp_directory_path() / "efface-test-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) {
        throw std::runtime_error("mkdtemp");
    }
    path_ = pattern;
}

ScratchFolder::~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
}

std::string text_of(const std::vector<inventory::Use>& uses) {
    std::string text;
    for (const inventory::Use& use : uses) {
        text += std::string{to_string(use.code)} + ": " + use.detail + '\n';
    }
    return text;
}

std::size_t count_of(const std::vector<inventory::Use>& uses, ReasonCode code) {
    return static_cast<std::size_t>(std::count_if(
        uses.begin(), uses.end(), [code](const inventory::Use& use) { return use.code == code; }));
}

bool has(const std::vector<inventory::Use>& uses, ReasonCode code, const std::string& text) {
    return std::any_of(uses.begin(), uses.end(), [&](const inventory::Use& use) {
        return use.code == code && use.detail.find(text) != std::string::npos;
    });
}

}  // namespace efface::test

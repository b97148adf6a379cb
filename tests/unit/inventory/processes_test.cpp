// SPDX-License-Identifier: Apache-2.0
#include "efface/inventory/processes.hpp"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "efface/inventory/hardware.hpp"
#include "efface/inventory/list.hpp"

#include "catch.hpp"
#include "recorded_machine.hpp"

using namespace efface;
using inventory::Processes;
using inventory::read_processes;

namespace {

const inventory::Process* find(const Processes& processes, const std::string& id) {
    const auto found = std::find_if(processes.list.begin(), processes.list.end(),
                                    [&](const auto& process) { return process.id == id; });
    return found == processes.list.end() ? nullptr : &*found;
}

}  // namespace

TEST_CASE("a process is found with its parent, whatever it calls itself") {
    std::array<char, 16> before{};
    REQUIRE(::prctl(PR_GET_NAME, before.data()) == 0);
    for (const char* name : {"plain", "a) S 1 (b", ") R 1 1 1 1 1 9"}) {
        REQUIRE(::prctl(PR_SET_NAME, name) == 0);
        const auto processes = read_processes({});
        const auto* own = find(processes, std::to_string(::getpid()));
        REQUIRE(own != nullptr);
        CHECK(own->parent == std::to_string(::getppid()));
        CHECK(!own->kernel);
    }
    CHECK(::prctl(PR_SET_NAME, before.data()) == 0);
}

TEST_CASE("a thread of the kernel is told from a process that is called like one") {
    const auto processes = read_processes({});
    for (const auto& process : processes.list) {
        // Of a kernel thread no command line is left, and no executable.
        std::ifstream file("/proc/" + process.id + "/cmdline");
        std::string line;
        const bool named = std::getline(file, line) && !line.empty();
        INFO(process.id << " " << line);
        CHECK((!named || !process.kernel));
    }
    const auto numbers = [&] {
        std::vector<std::pair<std::size_t, std::string>> list;
        for (const auto& process : processes.list) {
            list.emplace_back(process.id.size(), process.id);
        }
        return list;
    }();
    CHECK(std::is_sorted(numbers.begin(), numbers.end()));
}

TEST_CASE("without a list of processes it says so") {
    const test::RecordedMachine machine("aliases.tree");
    auto view = machine.view();
    view.proc = machine.root() / "nowhere";
    CHECK(!read_processes(view).problem.empty());
    CHECK(read_processes(machine.view()).problem.empty());
}

TEST_CASE("a unit is told by the disk's attributes as by its identity") {
    for (const char* tree : {"aliases.tree", "server.tree", "apple-nvme.tree", "btrfs.tree"}) {
        const test::RecordedMachine machine(tree);
        const auto folder = inventory::Folder::open(machine.view().sysfs / "class" / "block");
        for (const auto& name : folder.list(".").names) {
            const auto identity = inventory::identify("/dev/" + name, machine.view());
            if (identity.kind == inventory::Kind::disk) {
                INFO(tree << " " << name);
                CHECK(inventory::same_unit_key(folder, name) ==
                      inventory::same_unit_key(folder, name, identity));
            }
        }
    }
}

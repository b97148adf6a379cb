// SPDX-License-Identifier: Apache-2.0
#include "efface/inventory/processes.hpp"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdint>
#include <string_view>

#include "efface/device/memory/tasks.hpp"
#include "efface/inventory/folder.hpp"

namespace efface::inventory {
namespace {

constexpr std::uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD of include/linux/sched.h

/// From /proc/PID/stat: "PID (COMM) STATE PPID ...", where COMM may hold anything. False when it
/// has no other thread than the one that the process is called by.
bool read_stat(const std::string& stat, Process& process) {
    constexpr std::size_t kState = 0;
    constexpr std::size_t kParent = 1;
    constexpr std::size_t kFlags = 6;
    constexpr std::size_t kThreads = 17;
    const auto bracket = stat.rfind(") ");
    if (bracket == std::string::npos) {
        return true;
    }
    std::array<std::string_view, kThreads + 1> fields{};
    std::string_view rest = std::string_view(stat).substr(bracket + 2);
    for (auto& field : fields) {  // of some fifty those that are asked for, as each look reads all
        const auto end = std::min(rest.find(' '), rest.size());
        field = rest.substr(0, end);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    process.parent = fields[kParent];
    process.kernel = (number_or(std::string(fields[kFlags]), 0) & kKernelThread) != 0;
    // A process whose first thread has ended lives on in the others.
    return fields[kState] == "Z" || number_or(std::string(fields[kThreads]), 2) > 1;
}

/// Threads that share nothing with those before them.
void add_threads(const Folder& proc, Process& process) {
    std::vector<int> seen{static_cast<int>(number_or(process.id, 0))};
    for (const std::string& name : proc.list(process.id + "/task").names) {
        const auto thread = static_cast<int>(number_or(name, 0));
        if (std::none_of(seen.begin(), seen.end(), [thread](int other) {
                return other == thread || device::share_files_and_mounts(thread, other);
            })) {
            seen.push_back(thread);
            process.places.push_back(process.id + "/task/" + name);
        }
    }
}

}  // namespace

Processes read_processes(const SystemView& view) {
    Processes processes;
    (void)add_new_processes(view, processes);
    return processes;
}

bool add_new_processes(const SystemView& view, Processes& processes) {
    const auto order = [](const Process& process) {
        return std::pair{process.id.size(), process.id};
    };
    const auto before = [&](const auto& a, const auto& b) { return order(a) < order(b); };
    const Folder proc = Folder::open(view.proc);
    const Listing listing = proc.list(".");
    if (listing.reading != Reading::present) {
        processes.problem = "the list of processes cannot be read";
    }
    std::vector<Process> added;
    for (const std::string& name : listing.names) {
        Process process;
        process.id = name;
        if (!is_process(name) ||
            std::binary_search(processes.list.begin(), processes.list.end(), process, before)) {
            continue;
        }
        process.places = {name};
        if (view.live && read_stat(proc.read(name + "/stat").text, process) && !process.kernel) {
            add_threads(proc, process);
        }
        added.push_back(std::move(process));
    }
    processes.list.insert(processes.list.end(), added.begin(), added.end());
    std::sort(processes.list.begin(), processes.list.end(), before);
    return !added.empty();
}

bool is_process(const std::string& name) {
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

std::map<std::string, std::string> Processes::parents() const {
    std::map<std::string, std::string> result;
    for (const auto& process : list) {
        result[process.id] = process.parent;
    }
    return result;
}

bool descends_from(std::string process, const std::string& ancestor,
                   const std::map<std::string, std::string>& parents) {
    for (std::size_t i = 0; i < parents.size() && !ancestor.empty(); ++i) {
        if (process == ancestor) {
            return true;
        }
        const auto parent = parents.find(process);
        if (parent == parents.end()) {
            return false;
        }
        process = parent->second;
    }
    return false;
}

std::string own_process(const SystemView& view) {
    if (!view.live) {
        return {};
    }
    const Attribute self = Folder::open(view.proc).link("self");
    return self.present() && is_process(self.text) ? self.text : std::to_string(::getpid());
}

bool runs_this_program(const SystemView& view, const std::string& process) {
    struct stat own {};
    struct stat other {};
    return view.live && ::stat("/proc/self/exe", &own) == 0 &&
           ::stat((view.proc / process / "exe").c_str(), &other) == 0 &&
           other.st_dev == own.st_dev && other.st_ino == own.st_ino;
}

}  // namespace efface::inventory

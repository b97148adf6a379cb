// SPDX-License-Identifier: Apache-2.0
#include "efface/inventory/processes.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <cstdint>
#include <sstream>

#include "efface/inventory/folder.hpp"

namespace efface::inventory {
namespace {

constexpr std::uint64_t kKernelThread = 0x00200000;  // PF_KTHREAD of include/linux/sched.h

bool is_number(const std::string& name) {
    return std::all_of(name.begin(), name.end(),
                       [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

/// From /proc/PID/stat: "PID (COMM) STATE PPID PGRP SESSION TTY TPGID FLAGS ...", where COMM may
/// hold anything.
void read_stat(const std::string& stat, Process& process) {
    const auto bracket = stat.rfind(") ");
    if (bracket == std::string::npos) {
        return;
    }
    std::istringstream words(stat.substr(bracket + 2));
    std::string skipped;
    std::string flags;
    words >> skipped >> process.parent >> skipped >> skipped >> skipped >> skipped >> flags;
    process.kernel = (number_or(flags, 0) & kKernelThread) != 0;
}

}  // namespace

Processes read_processes(const SystemView& view) {
    Processes processes;
    const Folder proc = Folder::open(view.proc);
    const Listing listing = proc.list(".");
    if (listing.reading != Reading::present) {
        processes.problem = "the list of processes can not be read";
    }
    for (const std::string& name : listing.names) {
        if (!is_number(name)) {
            continue;
        }
        Process process;
        process.id = name;
        if (view.live) {
            read_stat(proc.read(name + "/stat").text, process);
        }
        processes.list.push_back(std::move(process));
    }
    std::sort(processes.list.begin(), processes.list.end(), [](const auto& a, const auto& b) {
        return std::pair{a.id.size(), a.id} < std::pair{b.id.size(), b.id};
    });
    return processes;
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

bool runs_this_program(const SystemView& view, const std::string& process) {
    struct stat own {};
    struct stat other {};
    return view.live && ::stat("/proc/self/exe", &own) == 0 &&
           ::stat((view.proc / process / "exe").c_str(), &other) == 0 &&
           other.st_dev == own.st_dev && other.st_ino == own.st_ino;
}

}  // namespace efface::inventory

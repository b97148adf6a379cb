// SPDX-License-Identifier: Apache-2.0
// What may stand where somebody types in a shell: "WORD", a tab and its help, a line each; and
// ":files" or ":folders" where the shell itself knows better. The options and commands come from
// the parser, techniques and names of keys from where the program has them.
#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

#include "efface/job/jobs.hpp"
#include "efface/policy/overwrite.hpp"
#include "efface/rules/techniques.hpp"

#include "certificates/issued.hpp"
#include "command/commands.hpp"
#include "list/rows.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kWordsMax = 4096;

using Words = std::vector<Wanted::Word>;

/// Names in a folder; none where it cannot be read: who completes gets no message.
std::vector<std::string> names_in(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator at(folder, error), end;
         !error && at != end && names.size() < kWordsMax; at.increment(error)) {
        names.push_back(at->path().filename().string());
    }
    std::sort(names.begin(), names.end());
    return names;
}

/// Columns of a table of the kernel, its heading left out where it has one.
std::vector<std::vector<std::string>> table_in(const char* path, bool heading) {
    std::vector<std::vector<std::string>> rows;
    std::ifstream file(path);
    for (std::string line; rows.size() < kWordsMax && std::getline(file, line);) {
        auto& row = rows.emplace_back();
        std::istringstream words(line);
        for (std::string word; words >> word;) {
            row.push_back(word);
        }
    }
    if (heading && !rows.empty()) {
        rows.erase(rows.begin());
    }
    return rows;
}

void add_devices(Words& words) {
    for (const auto& name : names_in("/sys/class/block")) {
        std::uint64_t sectors = 0;
        std::ifstream("/sys/class/block/" + name + "/size") >> sectors;
        if (sectors > 0) {  // a loop device without a file has none
            words.push_back({"/dev/" + name, {}});
        }
    }
}

/// memory:KIND:PLACE (efface(8), MEMORY TARGETS).
void add_memory(Words& words) {
    const auto add = [&](const std::string& name) { words.push_back({"memory:" + name, {}}); };
    for (const auto& row : table_in("/proc/self/mounts", false)) {
        if (row.size() > 2 && (row[2] == "tmpfs" || row[2] == "ramfs" || row[2] == "hugetlbfs")) {
            add(row[2] + ":" + row[1]);
        }
    }
    for (const auto& row : table_in("/proc/swaps", true)) {
        add("swap:" + (row.empty() ? "" : row[0]));
    }
    for (const auto& row : table_in("/proc/sysvipc/shm", true)) {
        add("sysv:" + (row.size() > 1 ? row[1] : ""));
    }
    struct Place {
        const char* folder;
        const char* prefix;
        const char* kind;
    };
    for (const auto& place : {Place{"/sys/block", "zram", "zram:"},
                              {"/sys/block", "ram", "brd:"},
                              {"/sys/block", "pmem", "pmem:"},
                              {"/sys/bus/dax/devices", "dax", "devdax:"},
                              {"/sys/bus/nd/devices", "nmem", "dimm:"},
                              {"/sys/bus/cxl/devices", "mem", "cxl:"},
                              {"/dev/mqueue", "", "mqueue:"}}) {
        for (const auto& name : names_in(place.folder)) {
            if (name.starts_with(place.prefix)) {
                add(place.kind + name);
            }
        }
    }
    for (const auto& name : names_in("/sys/kernel/mm/hugepages")) {
        add("hugepages:" + name.substr(name.find('-') + 1));
    }
    add("file:/");
    add("free");
}

void add_techniques(Words& words) {
    for (const auto& row : rules::techniques().rows()) {
        if (!row.command_set.empty()) {
            words.push_back({row.name, row.title});
        }
    }
    for (const auto& policy : policy::overwrite_policies()) {
        words.push_back({policy.name, policy.title});
    }
}

/// Of `resume` those that wait; a job that is given up may have ended.
void add_jobs(Words& words, const job::StateDirectory& state, bool all) {
    for (const auto& job : job::list_jobs(state)) {
        if (all || job.resumable()) {
            words.push_back({job.id, job.subject});
        }
    }
}

void add_keys(Words& words, const job::StateDirectory& state) {
    constexpr std::string_view kEnd = ".key";
    for (const auto& name : names_in(state.keys() / "people")) {
        if (name.ends_with(kEnd)) {
            words.push_back({name.substr(0, name.size() - kEnd.size()), {}});
        }
    }
}

/// Of a list of names the last one is being typed; none is offered twice.
void add_columns(Words& words, const std::vector<std::string>& names, const std::string& begun) {
    const auto comma = begun.rfind(',');
    const auto before = comma == std::string::npos ? std::string() : begun.substr(0, comma + 1);
    for (const auto& name : names) {
        if (("," + before).find("," + name + ",") == std::string::npos) {
            words.push_back({before + name, {}});
        }
    }
}

/// What is behind --state-dir in the line that is typed.
std::string state_folder_in(const std::vector<std::string>& typed, const std::string& otherwise) {
    constexpr std::string_view kOption = "--state-dir";
    for (std::size_t i = 0; i + 1 < typed.size(); ++i) {
        if (typed[i] == kOption) {
            return typed[i + 1];
        }
        if (typed[i].starts_with(std::string(kOption) + "=")) {
            return typed[i].substr(kOption.size() + 1);
        }
    }
    return otherwise;
}

int complete(const Program& program, const CommandLine& line,
             const std::vector<std::string>& typed) {
    auto wanted = line.wanted(typed);
    const job::StateDirectory state{state_folder_in(typed, program.state_dir)};
    try {
        if (wanted.kind == "TARGET") {
            add_devices(wanted.words);
            add_memory(wanted.words);
        } else if (wanted.kind == "TECHNIQUE") {
            add_techniques(wanted.words);
        } else if (wanted.kind == "JOB") {
            add_jobs(wanted.words, state, wanted.command != "resume");
        } else if (wanted.kind == "KEY") {
            add_keys(wanted.words, state);
        } else if (wanted.kind == "COLUMNS" && !typed.empty()) {
            add_columns(wanted.words,
                        wanted.command == "list" ? list_columns() : certificate_columns(),
                        typed.back());
        }
    } catch (const std::exception&) {  // no state, no permission: nothing to offer
    }
    std::string text;
    std::set<std::string> told;
    const std::string begun = typed.empty() ? std::string() : typed.back();
    for (const auto& word : wanted.words) {
        if (word.text.starts_with(begun) && told.insert(word.text).second) {
            text +=
                one_line(word.text) + (word.help.empty() ? "" : "\t" + one_line(word.help)) + "\n";
        }
    }
    if (wanted.kind == "FILE" || wanted.kind == "TARGET") {
        text += ":files\n";
    } else if (wanted.kind == "FOLDER") {
        text += ":folders\n";
    }
    print_made_safe(text);
    return 0;
}

}  // namespace

void add_complete(Command& app, Program& program, const CommandLine& line) {
    auto command = app.subcommand("complete", "What may stand where somebody types");
    command.hide();
    auto typed = std::make_shared<std::vector<std::string>>();
    command.add("word", *typed, "The words behind efface, the last one unfinished");
    command.when_named([&program, &line, typed] {
        program.rights = device::Rights::reading;
        program.run = [&program, &line, typed] { return complete(program, line, *typed); };
    });
}

}  // namespace efface::cli

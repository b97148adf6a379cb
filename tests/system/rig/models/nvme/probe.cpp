// SPDX-License-Identifier: Apache-2.0
// nvme_probe CONTROLLER NAMESPACE-NODE WHAT: efface's NVMe command set through the kernel.
//   survey            the techniques with their objections, the hidden areas, the facts
//   state             what the drive says of an erasure
//   start TECHNIQUE   starts it and prints the answer
//   run TECHNIQUE     starts it, waits for its end, prints how it ended
//   read OFFSET       reads 4096 bytes there by command
#include <cstdio>
#include <iostream>
#include <string>
#include <thread>

#include "efface/device/drive/linux_nvme.hpp"
#include "efface/method/drive/command_sets.hpp"

namespace {

using namespace efface;
using method::Phase;

constexpr unsigned kPollsMax = 600;
constexpr std::chrono::milliseconds kPoll{100};

void print(const method::OperationState& state) {
    std::cout << to_string(state.phase) << ": " << state.technique << ": " << state.detail << '\n';
}

void survey(method::CommandSet& set) {
    const auto found = set.survey();
    std::cout << found.model << '|' << found.serial << '|' << found.firmware << '|' << found.wwn
              << '|' << found.error << '\n';
    for (const auto& technique : found.techniques) {
        std::cout << technique.name << ": "
                  << (technique.objection ? technique.objection->text : "can be used") << '\n';
    }
    for (const auto& area : found.hidden_areas) {
        std::cout << "hidden " << area.kind << ' ' << area.bytes << '\n';
    }
    std::cout << found.facts.dump() << '\n';
}

int start(method::CommandSet& set, const std::string& technique, bool to_the_end) {
    Json kept = Json::object();
    method::OperationMemory memory{.kept = kept};
    const auto operation = set.make(technique, memory);
    if (operation == nullptr) {
        return 2;
    }
    const auto answer = operation->start();
    std::cout << "start " << static_cast<int>(answer.start) << ": " << answer.detail << '\n';
    method::OperationState state;
    for (unsigned i = 0; to_the_end && i < kPollsMax; ++i) {
        state = operation->state();
        if (state.phase == Phase::verifying) {
            Bytes block(4096);
            const auto status = set.read_status("place", 0, block);
            std::cout << "verifying: " << status.readable << ' ' << status.status << '\n';
            std::vector<method::SentCommand> commands;
            if (!operation->leave_verification(commands)) {
                return 1;
            }
        } else if (state.phase != Phase::running && state.phase != Phase::unknown) {
            break;
        }
        std::this_thread::sleep_for(kPoll);
    }
    if (to_the_end) {
        print(state);
    }
    return 0;
}

int run(const std::vector<std::string>& words) {
    const auto nsid = device::nvme_namespace_id(words.at(1));
    if (!nsid) {
        std::cerr << words[1] << ": is no namespace\n";
        return 2;
    }
    const auto transport = device::LinuxNvme::open(words.at(0), {{*nsid, words[1]}});
    const auto set = method::make_nvme_drive(*transport, {{"place", *nsid}});
    const std::string& what = words.at(2);
    if (what == "survey") {
        survey(*set);
    } else if (what == "state") {
        print(set->state());
    } else if (what == "start" || what == "run") {
        return start(*set, words.at(3), what == "run");
    } else if (what == "read") {
        Bytes block(4096);
        const auto status = set->read_status("place", std::stoull(words.at(3)), block);
        std::cout << (status.readable ? "readable " : "unreadable ")
                  << (status.expected ? "expected " : "unexpected ") << status.status << '\n';
    } else {
        return 2;
    }
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    try {
        return run({argv + 1, argv + argc});
    } catch (const std::exception& error) {
        std::fprintf(stderr, "nvme_probe: %s\n", error.what());
        return 2;
    }
}

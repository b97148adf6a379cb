// SPDX-License-Identifier: Apache-2.0
// rig_sg_probe scsi|ata NODE [TECHNIQUE]: the program's own view of a disk through SG_IO (of an ATA
// drive through ATA PASS-THROUGH), as JSON; with a technique it opens what is hidden, starts the
// erase, asks until it is over, and cleans up.
#include <cstdio>
#include <exception>
#include <string>
#include <string_view>
#include <thread>

#include "efface/ata/sat_tunnel.hpp"
#include "efface/base/json.hpp"
#include "efface/device/drive/linux_scsi.hpp"
#include "efface/method/drive/command_sets.hpp"

namespace {

using namespace efface;
constexpr unsigned kPollsMax = 1200;
constexpr std::chrono::milliseconds kPollPause{50};

Json survey_json(const method::DriveSurvey& survey) {
    Json techniques = Json::object();
    for (const auto& technique : survey.techniques) {
        techniques[technique.name] =
            technique.objection ? technique.objection->text : std::string();
    }
    Json areas = Json::array();
    for (const auto& area : survey.hidden_areas) {
        areas.push_back({{"kind", area.kind}, {"bytes", area.bytes}});
    }
    return {{"error", survey.error}, {"model", survey.model},       {"serial", survey.serial},
            {"wwn", survey.wwn},     {"firmware", survey.firmware}, {"techniques", techniques},
            {"hiddenAreas", areas},  {"facts", survey.facts}};
}

/// True when the drive says success; `seen` gets each phase once.
bool carry_out(method::CommandSet& drive, const char* technique, Json& seen) {
    Json kept = Json::object();
    method::OperationMemory memory{.kept = kept};
    const auto opened = drive.open_hidden_areas(memory);
    seen["opened"] = opened.opened;
    seen["powerCycleNeeded"] = opened.power_cycle_needed;
    const auto operation = drive.make(technique, memory);
    if (operation == nullptr) {
        throw Error(ErrorCode::usage, std::string(technique) + ": no such technique");
    }
    const auto answer = operation->start();
    seen["start"] = answer.detail;
    seen["phases"] = Json::array();
    bool good = false;
    for (unsigned i = 0; i < kPollsMax && answer.start != method::Start::refused; ++i) {
        const auto state = operation->state();
        auto& phases = seen["phases"];
        if (phases.empty() || phases.back() != to_string(state.phase)) {
            phases.push_back(to_string(state.phase));
        }
        seen["detail"] = state.detail;
        if (state.phase != method::Phase::running) {
            good = state.phase == method::Phase::succeeded;
            break;
        }
        std::this_thread::sleep_for(kPollPause);
    }
    std::vector<method::SentCommand> commands;
    seen["cleanUp"] = operation->clean_up(commands).value_or("");
    return good;
}

/// Of `drive`: the survey on standard output, and the exit status.
int probe(method::CommandSet& drive, const char* technique) {
    Json result = {{"survey", survey_json(drive.survey())}};
    const bool good = technique == nullptr || carry_out(drive, technique, result);
    std::puts(result.dump().c_str());
    return good ? 0 : 1;
}

int run(std::string_view command_set, const char* node, const char* technique) {
    auto transport = device::LinuxScsi::open(node);
    if (command_set == "ata") {
        ata::SatTunnel tunnel(transport);
        SystemRandom random;
        return probe(*method::make_ata_drive(tunnel, node, random), technique);
    }
    const SystemClock clock;
    return probe(*method::make_scsi_drive(transport, node, clock), technique);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string_view command_set = argc < 2 ? "" : argv[1];
    if (argc < 3 || (command_set != "scsi" && command_set != "ata")) {
        std::fputs("usage: rig_sg_probe scsi|ata NODE [TECHNIQUE]\n", stderr);
        return 2;
    }
    try {
        return run(command_set, argv[2], argc > 3 ? argv[3] : nullptr);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "rig_sg_probe: %s\n", error.what());
        return 2;
    }
}

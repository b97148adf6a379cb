// SPDX-License-Identifier: Apache-2.0
// rig_ata_probe NODE [TECHNIQUE]: the program's own view of an ATA drive through SG_IO and ATA
// PASS-THROUGH, as JSON; with a technique it opens what is hidden, erases, and cleans up.
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include "efface/ata/sat_tunnel.hpp"
#include "efface/base/json.hpp"
#include "efface/device/drive/linux_scsi.hpp"
#include "efface/method/drive/command_sets.hpp"

namespace {

using namespace efface;
constexpr unsigned kPollsMax = 600;
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

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: rig_ata_probe NODE [TECHNIQUE]\n", stderr);
        return 2;
    }
    try {
        auto transport = device::LinuxScsi::open(argv[1]);
        ata::SatTunnel tunnel(transport);
        SystemRandom random;
        const auto drive = method::make_ata_drive(tunnel, argv[1], random);
        Json result = {{"survey", survey_json(drive->survey())}};
        const bool good = argc == 2 || carry_out(*drive, argv[2], result);
        std::puts(result.dump().c_str());
        return good ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "rig_ata_probe: %s\n", error.what());
        return 2;
    }
}

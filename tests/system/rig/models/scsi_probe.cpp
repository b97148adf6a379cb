// SPDX-License-Identifier: Apache-2.0
// rig_scsi_probe NODE [TECHNIQUE]: the program's own view of a SCSI disk through SG_IO, as JSON;
// with a technique it starts that and asks until it is over.
#include <cstdio>
#include <exception>
#include <string>
#include <thread>

#include "efface/base/json.hpp"
#include "efface/device/drive/linux_scsi.hpp"
#include "efface/method/drive/command_sets.hpp"

namespace {

using namespace efface;
constexpr unsigned kPollsMax = 600;
constexpr std::chrono::milliseconds kPollPause{100};

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
    const auto operation = drive.make(technique, memory);
    if (operation == nullptr) {
        throw Error(ErrorCode::usage, std::string(technique) + ": no such technique");
    }
    const auto answer = operation->start();
    seen["start"] = answer.detail;
    if (answer.start != method::Start::accepted) {
        return false;
    }
    Json phases = Json::array();
    for (unsigned i = 0; i < kPollsMax; ++i) {
        const auto state = operation->state();
        if (phases.empty() || phases.back() != to_string(state.phase)) {
            phases.push_back(to_string(state.phase));
        }
        seen["phases"] = phases;
        seen["detail"] = state.detail;
        if (state.phase != method::Phase::running) {
            return state.phase == method::Phase::succeeded;
        }
        std::this_thread::sleep_for(kPollPause);
    }
    return false;
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fputs("usage: rig_scsi_probe NODE [TECHNIQUE]\n", stderr);
        return 2;
    }
    try {
        auto transport = device::LinuxScsi::open(argv[1]);
        const SystemClock clock;
        const auto drive = method::make_scsi_drive(transport, argv[1], clock);
        Json result = {{"survey", survey_json(drive->survey())}};
        const bool good = argc == 2 || carry_out(*drive, argv[2], result);
        std::puts(result.dump().c_str());
        return good ? 0 : 1;
    } catch (const std::exception& error) {
        std::fprintf(stderr, "rig_scsi_probe: %s\n", error.what());
        return 2;
    }
}

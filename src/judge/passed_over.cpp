// SPDX-License-Identifier: Apache-2.0
// What was asked for and what was done instead: no technique is taken in the place of another
// without the record saying why.
#include "efface/rules/techniques.hpp"

#include "records/target_claim.hpp"

namespace efface::judge {

namespace {

constexpr std::string_view kByLevel = "auto";

void check_entry(const RecordView& entry, const std::string& done, WallTime until) {
    if (entry.at("technique").text() == done) {
        entry.at("technique").fail("is the technique that was used: it was not passed over");
    }
    const auto commands = entry.at("commands").items();
    if (!commands.empty() && rules::command_set_of(entry.at("technique").text()).empty()) {
        entry.at("technique").fail("is not a technique of drives: no drive can have refused it");
    }
    if (entry.at("at").time() > until) {
        entry.at("at").fail("is after the end of the run");
    }
    for (const RecordView& command : commands) {
        if (command.at("at").time() > until) {
            command.at("at").fail("is after the end of the run");
        }
    }
}

}  // namespace

void check_passed_over(const RecordView& sanitization) {
    const auto requested = sanitization.maybe("requestedTechnique");
    const auto list = sanitization.maybe("passedOver");
    const auto entries = list ? list->items() : std::vector<RecordView>();
    if (!requested) {
        if (list) {
            list->fail("is given, although this was not requested");
        }
        return;
    }
    const std::string& done = sanitization.at("technique").text();
    const std::string& asked = requested->text();
    for (const RecordView& entry : entries) {
        check_entry(entry, done, sanitization.at("completedAt").time());
    }
    if (asked == done && !entries.empty()) {
        list->fail("is not empty, although the requested technique was used");
    }
    const bool told = !entries.empty() && entries.front().at("technique").text() == asked;
    if (asked != done && asked != kByLevel && !told) {
        requested->fail("was not used, and no reason is given");
    }
}

}  // namespace efface::judge

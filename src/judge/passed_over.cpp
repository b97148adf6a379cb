// SPDX-License-Identifier: Apache-2.0
// What was asked for and what was done instead: no technique is taken in the place of another
// without the record saying why.
#include "efface/base/bytes.hpp"
#include "efface/rules/techniques.hpp"

#include "target_claim.hpp"

namespace efface::judge {

namespace {

constexpr std::size_t kPassedOverMax = 64;
constexpr std::size_t kRefusedCommandsMax = 256;
constexpr std::string_view kByLevel = "auto";

void check_entry(const RecordView& entry, const std::string& done, WallTime until) {
    entry.only({"technique", "at", "why", "commands"});
    if (entry.at("technique").non_empty_text() == done) {
        entry.at("technique").fail("is what was done: it was not passed over");
    }
    (void)entry.at("why").non_empty_text();
    const auto commands = entry.at("commands").items();
    if (commands.size() > kRefusedCommandsMax) {
        entry.at("commands").fail("lists too many");
    }
    if (!commands.empty() && rules::command_set_of(entry.at("technique").text()).empty()) {
        entry.at("technique").fail("is not a drive's: no drive can have refused it");
    }
    if (entry.at("at").time() > until) {
        entry.at("at").fail("lies behind the run");
    }
    for (const RecordView& command : commands) {
        command.only({"at", "name", "bytes", "answer"});
        (void)command.at("name").non_empty_text();
        (void)command.at("answer").non_empty_text();
        if (!from_hex(command.at("bytes").text())) {
            command.at("bytes").fail("must be bytes in lower-case hex");
        }
        if (command.at("at").time() > until) {
            command.at("at").fail("lies behind the run");
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
            list->fail("is there, but not what was asked for");
        }
        return;
    }
    const std::string& done = sanitization.at("technique").text();
    const std::string& asked = requested->non_empty_text();
    if (entries.size() > kPassedOverMax) {
        list->fail("lists too many");
    }
    for (const RecordView& entry : entries) {
        check_entry(entry, done, sanitization.at("completedAt").time());
    }
    if (asked == done && !entries.empty()) {
        list->fail("is not empty, but what was asked for was done");
    }
    const bool told = !entries.empty() && entries.front().at("technique").text() == asked;
    if (asked != done && asked != kByLevel && !told) {
        requested->fail("was not done, and nothing says why");
    }
}

}  // namespace efface::judge

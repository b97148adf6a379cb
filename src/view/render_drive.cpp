// SPDX-License-Identifier: Apache-2.0
// What a certificate for a drive that erased itself says to a person: the drive's report under one
// heading, what was seen of it under another. Raw pages are named, with their digests.
#include <fmt/format.h>

#include <algorithm>

#include "render.hpp"

namespace efface::view {

namespace {

constexpr std::size_t kPlacesShown = 8;
constexpr std::size_t kCommandsShown = 16;

std::string times(const Part& count) {
    const std::string text = words(count);
    return text == "1" ? "once" : text + " times";
}

void render_pages(Page& page, const char* label, const Part& pages) {
    if (!pages.is_array() || pages.empty()) {
        page.field(label, "none that could be read raw");
        return;
    }
    for (const Part& raw : pages) {
        page.field(label,
                   fmt::format("{}, {} bytes raw in certificate.json", words(look(raw, {"page"})),
                               words(look(raw, {"hex"})).size() / 2));
        page.field("sha256", words(look(raw, {"sha256"})), kSubIndent);
    }
}

void render_commands(Page& page, const Part& commands) {
    std::size_t shown = 0;
    for (const Part& command : commands) {
        if (shown == kCommandsShown) {
            page.field("Sent", fmt::format("and {} more commands: see certificate.json",
                                           commands.size() - shown));
            break;
        }
        ++shown;
        page.field("Sent",
                   fmt::format("{}, {}: {}", words(look(command, {"at"})),
                               words(look(command, {"name"})), words(look(command, {"answer"}))));
        page.field("bytes", words(look(command, {"bytes"})), kSubIndent);
    }
}

void render_places(Page& page, const char* label, const Part& places) {
    if (!places.is_array() || places.empty()) {
        return;
    }
    std::string text;
    for (std::size_t i = 0; i < std::min(places.size(), kPlacesShown); ++i) {
        text += (text.empty() ? "byte " : ", ") + words(places[i]);
    }
    if (places.size() > kPlacesShown) {
        text += fmt::format(" and {} more: see certificate.json", places.size() - kPlacesShown);
    }
    page.field(label, text, kSubIndent);
}

void render_surface(Page& page, const Part& surface) {
    const Part& offsets = look(surface, {"offsets"});
    // Labels are shown as they are: no word of a record may be one.
    std::string text =
        words(look(surface, {"name"})) + ", " + size_in_words(look(surface, {"sizeBytes"}));
    if (offsets.is_array() && !offsets.empty()) {
        text += fmt::format(": {} canaries, the first at byte {}, the last at byte {}",
                            offsets.size(), words(offsets.front()), words(offsets.back()));
    } else {
        text += ": no canary";
    }
    page.field("on", text, kSubIndent);
    render_places(page, "still there", look(surface, {"intact"}));
    render_places(page, "not readable", look(surface, {"unreadable"}));
    render_places(page, "not expected", look(surface, {"unexpected"}));
    if (const std::string refused = words(look(surface, {"refused"})); refused != "0") {
        page.field("not placed", refused, kSubIndent);
    }
}

/// What was done about canaries that could not be read.
void render_looked_again(Page& page, const Part& verification) {
    if (const Part& again = look(verification, {"recheck"}); again.is_object()) {
        page.field(
            "Checked again",
            fmt::format("{} canaries could not be read at first; reset of the path: {}; {} blocks "
                        "written next to them; the figures above are those afterwards",
                        words(look(again, {"unreadableBefore"})), words(look(again, {"reset"})),
                        words(look(again, {"written"}))));
    }
    if (const Part& command = look(verification, {"byCommand"}); command.is_object()) {
        page.field("By its own read",
                   fmt::format("{} canaries checked with commands of the drive, {} still there",
                               words(look(command, {"looked"})), words(look(command, {"intact"}))));
    }
}

std::string promise_in_words(const Part& expected) {
    const std::string content = words(look(expected, {"content"}));
    if (content.empty() || content == "nothing") {
        return content.empty() ? "" : "nothing: any other content is correct";
    }
    return fmt::format("{}: {} blocks compared with it, {} differ",
                       content == "zeros" ? content : "the bytes " + content + " (hex)",
                       words(look(expected, {"checked"})), words(look(expected, {"mismatches"})));
}

}  // namespace

bool is_drive_work(const Part& sanitization) {
    return look(sanitization, {"operation"}).is_object();
}

void render_drive(Page& page, const Part& drive) {
    if (!drive.is_object()) {
        return;
    }
    page.field("The drive reports",
               fmt::format("model {}, serial number {}, firmware {}, through its {} commands",
                           words(look(drive, {"model"})), words(look(drive, {"serial"})),
                           words(look(drive, {"firmware"})), words(look(drive, {"commandSet"}))));
}

namespace {

/// The names of a record, and what a person is told.
constexpr std::pair<const char*, const char*> kHealthWords[] = {
    {"powerOnHours", "hours powered on"},
    {"powerCycles", "power cycles"},
    {"hostWrittenBytes", "bytes written by hosts"},
    {"reallocated", "reallocated sectors"},
    {"pending", "pending sectors"},
    {"mediaErrors", "uncorrected media errors"},
    {"loggedErrors", "logged errors"},
    {"wearPercent", "% of its life used"},
    {"sparePercent", "% spare left"},
    {"celsius", "degrees Celsius"}};

void render_health_look(Page& page, const char* label, const Part& health) {
    if (!health.is_object()) {
        page.field(label, "not reported");
        return;
    }
    const Part& values = look(health, {"values"});
    std::string text =
        words(look(health, {"at"})) + " by " + words(look(health, {"commandSet"})) + " commands:";
    const std::size_t nothing = text.size();
    const auto add = [&](const std::string& part) {
        text += (text.size() == nothing ? " " : ", ") + part;
    };
    if (const std::string failing = words(look(values, {"failing"})); !failing.empty()) {
        add(failing == "yes" ? "FAILING" : "no failure");
    }
    for (const auto& [name, meaning] : kHealthWords) {
        if (const std::string value = words(look(values, {name})); !value.empty()) {
            add(fmt::format("{} {}", value, meaning));
        }
    }
    if (const std::string test = words(look(values, {"selfTest"})); !test.empty()) {
        add("last self-test " + test);
    }
    page.field(label, text.size() == nothing ? text + " nothing was reported" : text);
    for (const Part& attribute : look(values, {"attributes"})) {
        page.field(fmt::format("attribute {}", words(look(attribute, {"id"}))),
                   fmt::format("normalized {}, raw {}", words(look(attribute, {"normalized"})),
                               words(look(attribute, {"raw"}))),
                   kSubIndent);
    }
    render_pages(page, "page", look(health, {"pages"}));
}

}  // namespace

void render_health(Page& page, const Part& health) {
    if (!health.is_object()) {
        return;
    }
    render_health_look(page, "Health before", look(health, {"before"}));
    render_health_look(page, "Health after", look(health, {"after"}));
    for (const Part& one : look(health, {"grown"})) {
        page.field("Grown", fmt::format("{}: from {} to {}", words(look(one, {"value"})),
                                        words(look(one, {"before"})), words(look(one, {"after"}))));
    }
}

void render_drive_report(Page& page, const Part& sanitization) {
    const Part& operation = look(sanitization, {"operation"});
    page.heading("What the drive reported");
    if (words(look(operation, {"adopted"})) == "yes") {
        page.field("Started by",
                   "not by this run: the erase was already running, so no level is claimed");
    }
    const Part& from = look(operation, {"startedAt"});
    const Part& to = look(operation, {"completedAt"});
    page.field("Time", words(from).empty()
                           ? "not started"
                           : words(from) +
                                 (words(to).empty() ? ", not completed" : " to " + words(to)) +
                                 duration_in_words(from, to));
    const std::string estimate = words(look(operation, {"estimateSeconds"}));
    page.field("Its own estimate", estimate.empty() ? "none" : estimate + " s");
    for (const Part& cycle : look(operation, {"powerCycles"})) {
        page.field("Power cycle", words(look(cycle, {"at"})) + ": " + words(look(cycle, {"why"})));
    }
    render_commands(page, look(operation, {"commands"}));
    page.field("Asked", times(look(operation, {"polls"})));
    const std::string detail = words(look(operation, {"finalState", "detail"}));
    page.field("Final state", words(look(operation, {"finalState", "phase"})) +
                                  (detail.empty() ? "" : ": " + detail));
    page.field("Cleaning up", words(look(operation, {"cleanUp"})));
    render_pages(page, "Status before", look(sanitization, {"statusBefore"}));
    render_pages(page, "Status after", look(sanitization, {"statusAfter"}));
}

void render_passed_over(Page& page, const Part& sanitization) {
    const std::string asked = words(look(sanitization, {"requestedTechnique"}));
    if (asked.empty() || asked == words(look(sanitization, {"technique"}))) {
        return;
    }
    page.field("Requested", asked == "auto" ? "a technique that reaches the level" : asked);
    for (const Part& entry : look(sanitization, {"passedOver"})) {
        const Part& commands = look(entry, {"commands"});
        page.field(
            "Not used",
            fmt::format("{} ({}): {}{}", words(look(entry, {"technique"})),
                        words(look(entry, {"at"})),
                        commands.is_array() && !commands.empty() ? "the drive refused it: " : "",
                        words(look(entry, {"why"}))));
        for (const Part& command : commands) {
            page.field(
                "sent",
                fmt::format("{}, {}: {}", words(look(command, {"name"})),
                            words(look(command, {"bytes"})), words(look(command, {"answer"}))),
                kSubIndent);
        }
    }
}

void render_looked_for(Page& page, const Part& verification) {
    const Part& canaries = look(verification, {"canaries"});
    if (!canaries.is_object()) {
        return;
    }
    page.field(
        "Canaries",
        fmt::format("{} placed, in blocks of {} bytes: {} changed, {} not "
                    "readable, {} still there",
                    words(look(canaries, {"placed"})), words(look(canaries, {"blockBytes"})),
                    words(look(canaries, {"changed"})), words(look(canaries, {"unreadable"})),
                    words(look(canaries, {"intact"}))));
    for (const Part& surface : look(canaries, {"surfaces"})) {
        render_surface(page, surface);
    }
    const Part& samples = look(verification, {"samples"});
    page.field(
        "Existing data",
        fmt::format("{} samples: {} changed, {} not readable, {} unchanged, {} inconclusive (one "
                    "repeated byte before the erase)",
                    words(look(samples, {"taken"})), words(look(samples, {"changed"})),
                    words(look(samples, {"unreadable"})), words(look(samples, {"unchanged"})),
                    words(look(samples, {"uninformative"}))));
    page.field("Promised content", promise_in_words(look(verification, {"expected"})));
    for (const Part& status : look(verification, {"unreadableStatuses"})) {
        page.field("Not readable", fmt::format("{}: {} ({})", times(look(status, {"count"})),
                                               words(look(status, {"status"})),
                                               words(look(status, {"expected"})) == "yes"
                                                   ? "expected with this technique"
                                                   : "not expected"));
    }
    if (const Part& whole = look(verification, {"whole"}); whole.is_object()) {
        page.field("Everything read",
                   fmt::format("{} of {} were {}; {} blocks differ, {} bytes not readable, {} of "
                               "them not as expected",
                               size_in_words(look(whole, {"bytesCompared"})),
                               size_in_words(look(whole, {"bytesPlanned"})),
                               words(look(whole, {"content"})), words(look(whole, {"mismatches"})),
                               words(look(whole, {"unreadableBytes"})),
                               words(look(whole, {"unexpectedBytes"}))));
        render_places(page, "different", look(whole, {"different"}));
    }
    render_looked_again(page, verification);
    page.field("Identity after", words(look(verification, {"identity"})));
    page.field("Canary seed", words(look(verification, {"seed"})));
}

void render_hidden_areas(Page& page, const Part& areas) {
    for (const Part& area : areas) {
        const std::string bytes = words(look(area, {"bytes"}));
        const std::string why = words(look(area, {"why"}));
        const bool covered = words(look(area, {"covered"})) == "yes";
        const bool opened = words(look(area, {"opened"})) == "yes";
        page.field(
            "hidden",
            fmt::format(
                "{}: {}{}: {}{}", words(look(area, {"kind"})), words(look(area, {"detail"})),
                bytes.empty() || bytes == "0" ? "" : ", " + size_in_words(look(area, {"bytes"})),
                opened    ? "opened before the erase"
                : covered ? "the technique reaches it as it is"
                          : "NOT REACHED",
                why.empty() ? "" : ": " + why),
            kSubIndent);
    }
}

}  // namespace efface::view

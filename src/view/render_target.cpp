// SPDX-License-Identifier: Apache-2.0
// What a certificate for a medium, a file or memory says to the technician who staples it to a
// drive, and to the auditor who compares its figures: raw numbers beside human ones.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "efface/base/clock.hpp"

#include "render.hpp"

namespace efface::view {

namespace {

constexpr std::size_t kAreasShown = 8;
constexpr std::uint64_t kPermyriad = 10'000;
constexpr std::uint64_t kComparableMax = ~std::uint64_t{0} / kPermyriad;

std::uint64_t number(const Json& value) {
    return value.is_number_unsigned() ? value.get<std::uint64_t>() : 0;
}

std::string scaled(double size, double step, std::initializer_list<const char*> units) {
    const char* unit = nullptr;
    for (const char* next : units) {
        if (size < step) {
            break;
        }
        size /= step;
        unit = next;
    }
    return unit == nullptr ? std::string() : fmt::format("{:.2f} {}", size, unit);
}

std::string share_of(std::uint64_t part, std::uint64_t whole) {
    if (whole == 0 || part > kComparableMax) {
        return {};
    }
    const std::uint64_t share = part * kPermyriad / whole;  // rounded down: 100 % means all
    return fmt::format(", {}.{:02} % of the target", share / 100, share % 100);
}

std::string pattern_in_words(const std::string& pattern) {
    constexpr std::string_view kRepeat = "repeat:";
    if (pattern == "aes-256-ctr") {
        return "random data (AES-256-CTR key stream)";
    }
    return pattern.starts_with(kRepeat) ? "the bytes " + pattern.substr(kRepeat.size()) + " (hex)"
                                        : pattern;
}

void show_areas(Page& page, const char* label, const Part& faults) {
    const Part& areas = look(faults, {"areas"});
    const std::uint64_t count = number(look(faults, {"count"}));
    std::uint64_t shown = 0;
    for (const Part& area : areas) {
        if (shown == kAreasShown) {
            break;
        }
        page.field(label,
                   fmt::format("{} bytes at byte {}: {}", words(look(area, {"length"})),
                               words(look(area, {"offset"})), words(look(area, {"error"}))),
                   kSubIndent);
        ++shown;
    }
    if (count > shown) {
        page.field(label, fmt::format("and {} more places: see certificate.json", count - shown),
                   kSubIndent);
    }
}

void render_pass(Page& page, const Part& pass, std::size_t count) {
    const std::string flush = words(look(pass, {"flush"}));
    page.field(fmt::format("Pass {} of {}", words(look(pass, {"number"})), count),
               fmt::format("{}: {} written, {} bytes could not be written, flush {}",
                           pattern_in_words(words(look(pass, {"pattern"}))),
                           size_in_words(look(pass, {"bytesWritten"})),
                           words(look(pass, {"writeFaults", "bytes"})), flush));
    const Part& from = look(pass, {"startedAt"});
    const Part& to = look(pass, {"completedAt"});
    const std::string end = words(to);
    page.field("time",
               words(from).empty()
                   ? "not started"
                   : words(from) + (end.empty() ? ", not completed" : " to " + end) +
                         duration_in_words(from, to),
               kSubIndent);
    for (const Part& offset : look(pass, {"resumedAt"})) {
        page.field("interrupted", "resumed at byte " + words(offset), kSubIndent);
    }
    page.field("stream key sha256", words(look(pass, {"streamKeyDigest", "sha256"})), kSubIndent);
    show_areas(page, "not written", look(pass, {"writeFaults"}));
}

/// The first of two names that is there.
std::string either(const Part& identity, const char* one, const char* other) {
    const std::string text = words(look(identity, {one}));
    return text.empty() ? words(look(identity, {other})) : text;
}

void render_limits_met(Page& page, const Part& limits) {
    for (const Part& event : look(limits, {"events"})) {
        page.field("Limit met",
                   fmt::format("{} ({}, {})", either(event, "what", "limit"),  // of drives once
                               words(look(event, {"at"})), words(look(event, {"then"}))));
    }
}

std::string method_in_words(const std::string& method) {
    return method == "full-read-back"
               ? "everything that was written was read back and compared (full-read-back)"
           : method == "representative"
               ? "a random sample was read back and compared (representative, NIST SP 800-88r1 "
                 "4.7.1)"
           : method == "canaries" ? "canaries on the drive and samples of its old content were "
                                    "checked afterwards (canaries)"
           : method == "sampled-read-back"
               ? "one sixteenth of the free pages that were written was read back and compared "
                 "while they were held (sampled-read-back)"
           : method == "device-state" ? "no content was read back: the state that the kernel or "
                                        "the device reports afterwards was checked (device-state)"
           : method == "none"         ? "nothing was read back: finished, not verified (none)"
                                      : method;
}

std::string layers_in_words(const Part& layers) {
    std::string text;
    for (const Part& layer : layers) {
        text += (text.empty() ? "" : " on ") + words(look(layer, {"name"})) + " (" +
                words(look(layer, {"type"})) + ")";
    }
    return text;
}

/// "swapUsedBytes 0, initOnFree on": what is a number or a word; the rest is in the record.
std::string facts_in_words(const Part& facts) {
    std::string text;
    for (const auto& [key, value] : facts.items()) {
        if (value.glance().is_structured()) {
            continue;
        }
        const std::string word = words(value);
        text +=
            (text.empty() || word.empty() ? "" : ", ") + (word.empty() ? word : key + " " + word);
    }
    return text;
}

}  // namespace

std::string size_in_words(const Part& part) {
    const Json& value = part.read();
    if (!value.is_number_unsigned()) {
        return {};
    }
    const auto size = value.get<double>();
    const std::string decimal = scaled(size, 1000.0, {"kB", "MB", "GB", "TB", "PB"});
    const std::string binary = scaled(size, 1024.0, {"KiB", "MiB", "GiB", "TiB", "PiB"});
    std::string text = value.dump() + " bytes";
    if (!decimal.empty()) {
        text += " (" + decimal + (binary.empty() ? ")" : ", " + binary + ")");
    }
    return text;
}

std::string duration_in_words(const Part& from, const Part& to) {
    const auto start = from_rfc3339(words(from));
    const auto end = from_rfc3339(words(to));
    if (!start || !end || *end < *start) {
        return {};
    }
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*end - *start).count();
    return fmt::format(" ({} h {:02} min {:02} s)", seconds / 3600, seconds / 60 % 60,
                       seconds % 60);
}

void render_target(Page& page, const Part& predicate) {
    const Part& target = look(predicate, {"target"});
    const Part& identity = look(target, {"identity"});
    const Part& named = look(predicate, {"targetIdentity"});
    page.heading("Target");
    page.field("Target",
               words(look(target, {"name"})) + " (" + words(look(target, {"kind"})) + ")");
    page.field("Model", either(named, "model", "model"));
    const std::string serial = either(named, "serial", "serialNumber");
    const bool memory = words(look(predicate.glance(), {"certificateType"})) == "memory";
    page.field("Serial number", serial.empty() && !memory ? "none reported" : serial);
    page.field("World-wide name", words(look(named, {"wwid"})));
    const std::string place = words(look(named, {"place"}));
    page.field("Place", place == words(look(target, {"name"})) ? "" : place);
    const std::string path = words(look(identity, {"canonicalPath"}));
    page.field("Known as", path == words(look(target, {"name"})) ? "" : path);
    page.field("Asset tag", words(look(target, {"assetTag"})));
    page.field("Connected by", words(look(identity, {"transport"})));
    page.field("Size", size_in_words(look(target, {"sizeBytes"})) + ", blocks of " +
                           words(look(target, {"logicalBlockBytes"})) + " bytes");
    page.field("On top of", layers_in_words(look(target, {"layersBelow"})));
    render_drive(page, look(target, {"drive"}));
    render_health(page, look(target, {"health"}));
    page.field("Facts", facts_in_words(look(target, {"facts"})));
    const Part after = look(target, {"identityAfter"});
    const bool same = after.is_object() && after.glance() == identity.glance();
    page.field("Checked after", same ? "yes: its identity was read again, and is the same"
                                : after.is_object() ? "yes: its identity was read again; see below"
                                                    : "no: it could not be identified again");
    if (same) {
        (void)after.read();
    }
}

void render_work(Page& page, const Part& sanitization) {
    std::string engine = words(look(sanitization, {"engine"}));
    const std::string note = words(look(sanitization, {"engineNote"}));
    engine += engine.empty() || note.empty() ? note : ": " + note;
    page.field(is_drive_work(sanitization) ? "Carried out by" : "Written with", engine);
    const Part& passes = look(sanitization, {"passes"});
    for (const Part& pass : passes) {
        render_pass(page, pass, passes.size());
    }
    for (const Part& step : look(sanitization, {"steps"})) {
        const std::string detail = words(look(step, {"detail"}));
        page.field("Step", words(look(step, {"step"})) + ": " + words(look(step, {"result"})) +
                               (detail.empty() ? "" : " (" + detail + ")"));
    }
    render_limits_met(page, look(sanitization, {"limits"}));
    show_list(page, "Why not a better verdict", look(sanitization, {"reasons"}), 2);
}

void render_read_back(Page& page, const Part& predicate) {
    const Part& verification = look(predicate, {"verification"});
    page.field("Method", method_in_words(words(look(verification, {"method"}))));
    if (is_drive_work(look(predicate, {"sanitization"}))) {
        render_looked_for(page, verification);
    } else if (words(look(verification, {"performed"})) == "yes") {
        const Part& compared = look(verification, {"bytesCompared"});
        page.field("Compared", size_in_words(compared) +
                                   share_of(number(compared),
                                            number(look(predicate, {"target", "sizeBytes"}))));
        page.field("Planned", words(look(verification, {"bytesPlanned"})) + " bytes");
        page.field("Blocks that differ", words(look(verification, {"mismatches"})));
        page.field("Not readable", words(look(verification, {"readFaults", "bytes"})) + " bytes");
        show_areas(page, "not readable", look(verification, {"readFaults"}));
        for (const Part& found : look(verification, {"differences"})) {
            page.field("differs",
                       fmt::format("byte {}: {}", words(look(found, {"offset"})),
                                   words(look(found, {"zero"})) == "yes"
                                       ? "zeros"
                                       : "sha256 " + words(look(found, {"foundSha256"}))),
                       kSubIndent);
        }
        page.field("Sample seed", words(look(verification, {"seed"})));
    }
    const Part& unwritten = look(verification, {"unwrittenAreas"});
    if (unwritten.is_object()) {
        page.field("Unwritten areas", fmt::format("{} blocks can still be read, {} bytes cannot",
                                                  words(look(unwritten, {"blocksDifferent"})),
                                                  words(look(unwritten, {"bytesUnreadable"}))));
    }
    for (const Part& control : look(predicate, {"sanitization", "negativeControls"})) {
        page.field("Control", control_in_words(words(look(control, {"name"}))) + ": " +
                                  outcome_in_words(words(look(control, {"result"}))) + " (" +
                                  words(look(control, {"detail"})) + ")");
    }
}

void render_not_reached(Page& page, const Part& predicate) {
    const Part& target = look(predicate, {"target"});
    show_list(page, "Not reached", look(target, {"notReached"}), 2);
    const Part& hidden = look(target, {"hiddenAreas"});
    const std::string examined =
        words(look(hidden, {"examined"})) == "yes" ? "examined" : "not examined";
    const std::string note = words(look(hidden, {"note"}));
    page.field("Hidden areas", note.empty() || note.starts_with(examined) ? std::max(note, examined)
                                                                          : examined + ": " + note);
    render_hidden_areas(page, look(hidden, {"areas"}));
}

}  // namespace efface::view

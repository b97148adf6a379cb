// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "render.hpp"

namespace efface::view {

namespace {

constexpr std::size_t kVolumeIndent = 4;

std::string control_summary(const Json& controls) {
    std::string text;
    for (const Json& control : controls) {
        text += text.empty() ? "" : ", ";
        text += words(look(control, {"name"})) + " " + words(look(control, {"result"}));
    }
    return text;
}

std::string role_in_words(const std::string& role) {
    return role == "in-place-header"   ? "header before the payload"
           : role == "detached-header" ? "detached header"
           : role == "header-backup"   ? "header backup"
                                       : role;
}

std::string place_of(const Json& location) {
    const Json& identity = look(location, {"identity"});
    std::string text = role_in_words(words(look(location, {"role"}))) + " on " +
                       words(look(identity, {"canonicalPath"}));
    for (const char* key : {"kind", "model"}) {
        const std::string value = words(look(identity, {key}));
        text += value.empty() ? "" : ", " + value;
    }
    const std::string serial = words(look(identity, {"serialNumber"}));
    text += serial.empty() ? "" : ", serial " + serial;
    const std::string size = bytes_in_words(look(identity, {"sizeBytes"}));
    return text + (size.empty() ? "" : ", " + size);
}

void render_location(Page& page, const Json& location) {
    page.field("Location", place_of(location) + ": " + words(look(location, {"status"})),
               kVolumeIndent);
    const std::string written = bytes_in_words(look(location, {"overwrite", "bytesWritten"}));
    if (!written.empty()) {
        const std::size_t ranges = look(location, {"regions"}).size();
        const std::string flush_error = words(look(location, {"overwrite", "flushError"}));
        page.field("  overwritten",
                   fmt::format("{} in {}; {} write faults, {}", written,
                               ranges == 1 ? "one range" : fmt::format("{} ranges", ranges),
                               words(look(location, {"overwrite", "writeFaults"})),
                               flush_error == "0" ? "flushed" : "flush error " + flush_error),
                   kVolumeIndent);
    }
    const Json& verification = look(location, {"verification"});
    std::string seen =
        words(look(verification, {"method"})) + ": " + words(look(verification, {"result"}));
    const std::string compared = bytes_in_words(look(verification, {"bytesCompared"}));
    seen += compared.empty() ? "" : ", " + compared + " compared";
    const std::string mismatches = words(look(verification, {"mismatches"}));
    seen += mismatches.empty() ? "" : ", " + mismatches + " mismatches";
    page.field("  verified", seen, kVolumeIndent);
    page.field("  controls", control_summary(look(location, {"negativeControls"})), kVolumeIndent);
}

std::string sample_summary(const Json& sample) {
    return fmt::format(
        "{} pieces of {} sampled before: {} ciphertext, {} zero, {} with structure, {} unreadable",
        words(look(sample, {"piecesSampled"})), words(look(sample, {"piecesTotal"})),
        words(look(sample, {"ciphertextLike"})), words(look(sample, {"zero"})),
        words(look(sample, {"structured"})), words(look(sample, {"unreadable"})));
}

void render_credential(Page& page, const Json& credential) {
    if (!credential.is_object() || words(look(credential, {"declared"})) != "yes") {
        return;
    }
    page.field("Credential",
               fmt::format("opened the volume before: {}; refused after: {}",
                           words(look(credential, {"openedBefore"})),
                           words(look(credential, {"refusedAfter"}))),
               kVolumeIndent);
}

}  // namespace

void render_volume(Page& page, const Json& volume) {
    page.line(fmt::format("{}: {}, level {}", words(look(volume, {"name"})),
                          words(look(volume, {"status"})), words(look(volume, {"level"}))));
    page.field("LUKS UUID", words(look(volume, {"uuid"})), kVolumeIndent);
    page.field("Engine", words(look(volume, {"engine"})), kVolumeIndent);
    page.field("Asset tag", words(look(volume, {"assetTag"})), kVolumeIndent);
    page.field("Encryption", words(look(volume, {"cryptographicErase", "mediaEncryption"})),
               kVolumeIndent);
    if (words(look(volume, {"alreadyGone"})) == "yes") {
        page.field("Note", "declared as already gone; not examined here", kVolumeIndent);
    }
    for (const Json& location : look(volume, {"locations"})) {
        render_location(page, location);
    }
    if (look(volume, {"payloadSample"}).is_object()) {
        page.field("Payload", sample_summary(look(volume, {"payloadSample"})), kVolumeIndent);
    }
    render_credential(page, look(volume, {"credential"}));
    show_list(page, "Why not a better verdict", look(volume, {"reasons"}), kVolumeIndent);
    show_list(page, "Why no higher level", look(volume, {"eligibility", "objections"}),
              kVolumeIndent);
    show_list(page, "Exceptions", look(volume, {"exceptions"}), kVolumeIndent);
    show_list(page, "Residual risks", look(volume, {"residualRisks"}), kVolumeIndent);
}

}  // namespace efface::view

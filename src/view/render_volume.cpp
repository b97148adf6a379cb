// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <array>
#include <utility>

#include "render.hpp"

namespace efface::view {

namespace {

constexpr std::size_t kVolumeIndent = 4;

void render_controls(Page& page, const Part& controls) {
    for (const Part& control : controls) {
        const std::string detail = words(look(control, {"detail"}));
        page.field("  control",
                   control_in_words(words(look(control, {"name"}))) + ": " +
                       outcome_in_words(words(look(control, {"result"}))) +
                       (detail.empty() ? "" : " (" + detail + ")"),
                   kVolumeIndent);
    }
}

std::string role_in_words(const std::string& role) {
    return role == "in-place-header"   ? "header before the payload"
           : role == "detached-header" ? "detached header"
           : role == "header-backup"   ? "header backup"
                                       : role;
}

std::string place_of(const Part& location) {
    const Part& identity = look(location, {"identity"});
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

void render_location(Page& page, const Part& location) {
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
                               flush_error == "0" || flush_error == "none" || flush_error.empty()
                                   ? "flushed"
                                   : "flush error " + flush_error),
                   kVolumeIndent);
    }
    const Part& verification = look(location, {"verification"});
    std::string seen = words(look(verification, {"method"})) + ": " +
                       outcome_in_words(words(look(verification, {"result"})));
    const std::string compared = bytes_in_words(look(verification, {"bytesCompared"}));
    seen += compared.empty() ? "" : ", " + compared + " compared";
    const std::string mismatches = words(look(verification, {"mismatches"}));
    seen += mismatches.empty() ? "" : ", " + mismatches + " mismatches";
    page.field("  verified", seen, kVolumeIndent);
    render_controls(page, look(location, {"negativeControls"}));
}

std::string sample_summary(const Part& sample) {
    return fmt::format(
        "{} pieces of {} sampled before: {} ciphertext, {} zero, {} with structure, {} unreadable",
        words(look(sample, {"piecesSampled"})), words(look(sample, {"piecesTotal"})),
        words(look(sample, {"ciphertextLike"})), words(look(sample, {"zero"})),
        words(look(sample, {"structured"})), words(look(sample, {"unreadable"})));
}

/// The ten items by which a cryptographic erase is judged (NIST SP 800-88, the certificate's
/// manual).
void render_cryptographic_erase(Page& page, const Part& items) {
    constexpr std::array kItems{
        std::pair{"makeModelVersion", "Encrypted by"}, std::pair{"keyGeneration", "Keys were made"},
        std::pair{"mediaEncryption", "Encryption"},    std::pair{"keyLevel", "Erased key"},
        std::pair{"dataAreas", "Data areas"},          std::pair{"keyLifeCycle", "Life of the key"},
        std::pair{"technique", "How erased"},          std::pair{"keyEscrow", "Copies of keys"},
        std::pair{"errorHandling", "If it fails"},     std::pair{"interface", "Interface"}};
    for (const auto& [key, label] : kItems) {
        page.field(label, words(look(items, {key})), kVolumeIndent);
    }
}

void render_credential(Page& page, const Part& credential) {
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

void render_volume(Page& page, const Part& volume, const Part& result) {
    page.line(fmt::format("{}: {}, level {}", words(look(volume, {"name"})),
                          words(look(volume, {"status"})), words(look(volume, {"level"}))));
    page.field("LUKS UUID", words(look(volume, {"uuid"})), kVolumeIndent);
    page.field("Engine", words(look(volume, {"engine"})), kVolumeIndent);
    page.field("Asset tag", words(look(volume, {"assetTag"})), kVolumeIndent);
    if (words(look(volume, {"alreadyGone"})) == "yes") {
        page.field("Note",
                   "declared as already gone: nothing of it was examined or erased here; what "
                   "follows is how this method works",
                   kVolumeIndent);
    }
    render_cryptographic_erase(page, look(volume, {"cryptographicErase"}));
    for (const Part& location : look(volume, {"locations"})) {
        render_location(page, location);
    }
    if (look(volume, {"payloadSample"}).is_object()) {
        page.field("Payload", sample_summary(look(volume, {"payloadSample"})), kVolumeIndent);
    }
    render_credential(page, look(volume, {"credential"}));
    show_list(page, "Why not a better verdict", look(volume, {"reasons"}), kVolumeIndent);
    show_list(page, "Why no higher level", look(volume, {"eligibility", "objections"}),
              kVolumeIndent);
    show_list(page, "Exceptions", look(volume, {"exceptions"}), kVolumeIndent,
              look(result, {"exceptions"}).glance());
    show_list(page, "Residual risks", look(volume, {"residualRisks"}), kVolumeIndent,
              look(result, {"residualRisks"}).glance());
}

}  // namespace efface::view

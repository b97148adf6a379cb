// SPDX-License-Identifier: Apache-2.0
#include "claims.hpp"

namespace efface::judge {

namespace {

/// A place that failed before anything was done there has no times.
void check_place_times(const RecordView& location) {
    for (const char* key : {"startedAt", "completedAt"}) {
        if (const auto time = location.maybe(key)) {
            (void)time->time();
        }
    }
}

void check_location(const RecordView& location) {
    (void)location.at("role").non_empty_text();
    (void)location.at("status").one_of(
        {"sanitized", "sanitized-with-exceptions", "not-sanitized", "indeterminate"});
    location.at("identity").must_be_object();
    check_place_times(location);
    const RecordView verification = location.at("verification");
    (void)verification.at("method").non_empty_text();
    if (verification.at("performed").flag()) {
        (void)verification.at("mismatches").number();
    }
    (void)verification.at("result").one_of({"pass", "fail", "not-performed", "unknown"});
    check_controls(location.at("negativeControls"));
    if (const auto regions = location.maybe("regions")) {
        for (const RecordView& region : regions->items()) {
            (void)region.at("offset").number();
            (void)region.at("length").number();
        }
    }
    if (const auto states = location.maybe("preState")) {
        for (const RecordView& state : states->items()) {
            (void)state.at("name").text();
            if (!state.at("sha256").text().empty()) {  // empty: could not be read
                (void)state.at("sha256").hex_digest();
            }
        }
    }
    if (const auto key = location.maybe("streamKeyDigest")) {
        (void)key->digest();
    }
}

void check_sample(const RecordView& sample) {
    for (const char* key :
         {"confidencePermille", "fractionPermille", "piecesTotal", "piecesSampled",
          "ciphertextLike", "structured", "zero", "unreadable"}) {
        (void)sample.at(key).number();
    }
    (void)sample.at("seed").text();
}

}  // namespace

void check_controls(const RecordView& controls) {
    for (const RecordView& control : controls.items()) {
        (void)control.at("name").non_empty_text();
        (void)control.at("result").one_of({"pass", "fail", "unknown"});
        (void)control.at("detail").text();
    }
}

void check_volume(const RecordView& volume, Schema schema) {
    (void)volume.at("name").non_empty_text();
    (void)volume.at("status").one_of(
        {"sanitized", "sanitized-with-exceptions", "not-sanitized", "indeterminate"});
    (void)volume.at("level").one_of({"purge", "clear", "none"});
    for (const char* key : {"reasons", "exceptions", "residualRisks"}) {
        check_reasons(volume.at(key), schema);
    }
    (void)volume.at("alreadyGone").flag();
    (void)volume.at("uuid").text();
    const RecordView eligibility = volume.at("eligibility");
    (void)eligibility.at("eligible").flag();
    check_reasons(eligibility.at("objections"), schema);
    if (const auto sample = volume.maybe("payloadSample")) {
        check_sample(*sample);
    }
    for (const RecordView& location : volume.at("locations").items()) {
        check_location(location);
    }
    if (const auto erase = volume.maybe("cryptographicErase")) {
        // The ten items of NIST SP 800-88r2 section 3.2.5.
        for (const char* key :
             {"makeModelVersion", "keyGeneration", "mediaEncryption", "keyLevel", "dataAreas",
              "keyLifeCycle", "technique", "keyEscrow", "errorHandling", "interface"}) {
            (void)erase->at(key).text();
        }
    }
}

}  // namespace efface::judge

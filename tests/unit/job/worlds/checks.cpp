// SPDX-License-Identifier: Apache-2.0
// What must be true of every answer.
#include <algorithm>

#include "efface/answers/verify.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/bundle.hpp"
#include "efface/evidence/log.hpp"

#include "world.hpp"

namespace efface::job::worlds {

void World::defect(const std::string& what) {
    defects_.push_back(what);
    tell("  DEFECT: " + what);
}

/// But for what somebody else wrote meanwhile.
std::string World::changed_since(const Before& before) {
    const auto now = before.by_itself ? before.media : storage_->media();
    for (std::size_t i = 0; i < now.size(); ++i) {
        const auto place = first_difference(before.media[i], now[i], foreign_);
        if (!place.empty()) {
            return place + " of medium " + std::to_string(i);
        }
    }
    return {};
}

void World::check(const Asked& asked, const Before& before, const RunResult& result) {
    check_status(result);
    if (const auto place = changed_since(before); !result.changed && !place.empty()) {
        defect("said to have changed nothing, and changed " + place);
    }
    if (foreign_.empty()) {
        if (const auto what = storage_->touched_wrongly(before.media, asked); !what.empty()) {
            defect("this was changed: " + what);
        }
    }
    check_terms(asked, before, result);
    check_success(asked, before, result);
}

void World::check_status(const RunResult& result) {
    const auto code = result.exit_code();
    const bool success = result.verdict && is_success(*result.verdict);
    if (code == 5 && !success) {
        defect("status 5 without a success");
    }
    if (code == 3 && (!result.verdict || success)) {
        defect("status 3 without a bad verdict");
    }
    if (result.verdict && !success && code != 3) {
        defect("a bad verdict with status " + std::to_string(code));
    }
    if (success && code != 5 && code != exit_code_of(*result.verdict)) {
        defect("a success with status " + std::to_string(code));
    }
    if (code == 1 && !station_disturbed_ &&
        result.error->reason() == general_reason(ErrorCode::internal)) {
        defect(std::string("a failure of its own: ") + result.error->what());
    }
}

void World::check_terms(const Asked& asked, const Before& before, const RunResult& result) {
    const bool of_order = asked.ordered || std::find(ordered_.begin(), ordered_.end(),
                                                     asked.job_id) != ordered_.end();
    if (asked.ordered && !result.job_id.empty()) {
        ordered_.push_back(result.job_id);
    }
    if (!of_order || storage_->terms() == nullptr) {
        return;
    }
    const auto place = changed_since(before);
    const auto& terms = *storage_->terms();
    const bool in_force = (!terms.not_before || before.now >= *terms.not_before) &&
                          (!terms.not_after || before.now <= *terms.not_after);
    if (!in_force && !clock_jumped_ && !place.empty()) {
        defect("an order that is not in force changed " + place);
    }
    if (carried_out_ && !storage_->runs_again() && !place.empty()) {
        defect("an order that was carried out changed " + place);
    }
}

void World::check_success(const Asked& asked, const Before& before, const RunResult& result) {
    const auto code = result.exit_code();
    if (code != 0 && code != 4) {
        return;
    }
    if (result.bundle.empty() || !std::filesystem::exists(result.bundle)) {
        defect("a success without its bundle");
        return;
    }
    const auto text =
        read_text_file(result.bundle / "certificate.json", evidence::kCertificateBytesMax);
    const auto predicate = parse_json(text.value_or("{}"), "certificate",
                                      {.bytes_max = evidence::kCertificateBytesMax})
                               .value("predicate", Json::object());
    if (predicate.at("result").at("status") != method::to_string(*result.verdict)) {
        defect("the certificate says " + predicate.at("result").dump());
    }
    const auto ended = predicate.value("sanitization", Json::object()).value("completedAt", "");
    if (!asked.job_id.empty() && (result.done_before || ended < to_rfc3339(before.now))) {
        return;  // an answer about the job, whatever is there now
    }
    const auto place = storage_->left(result, predicate);
    if (result.done_before) {
        if (!place.empty() && storage_->media() != as_left_) {
            defect("done before, and what was erased stands there " + place);
        }
        return;
    }
    if (!place.empty()) {
        defect("a success, and what was to be erased stands there " + place);
    }
    as_left_ = storage_->media();
    carried_out_ = carried_out_ || asked.ordered;
}

void World::check_bundles() {
    if (!verified_ || !std::filesystem::exists(state_.certificates())) {
        return;
    }
    const answers::TrustAnchors anchors{keys_->root_certificate_pem(), keys_->log_verifier_key(),
                                        state_.log()};
    for (const auto& entry : std::filesystem::directory_iterator(state_.certificates())) {
        const auto verification = answers::verify_bundle(entry.path(), anchors);
        for (const auto& check : verification.checks) {
            if (!check.passed) {
                defect(entry.path().filename().string() + ": " + check.name + ": " + check.detail);
            }
        }
        if (!verification.ok()) {
            defect(entry.path().filename().string() + " does not verify");
        }
    }
}

void World::check_log() {
    const auto audit = evidence::audit_log(state_.log(), keys_->log_verifier_key());
    for (const auto& problem : audit.problems) {
        defect("the log: " + problem);
    }
    // A project whose headers and journal are gone cannot be given again, nor what went with the
    // power.
    const bool beyond_reach = is_project_ || storage_->is_another_for_ever();
    if (!audit.open_intents.empty() && !(beyond_reach && jobs_lost_)) {
        defect("a run that was announced has no end in the log");
    }
}

}  // namespace efface::job::worlds

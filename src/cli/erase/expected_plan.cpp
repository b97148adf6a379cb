// SPDX-License-Identifier: Apache-2.0
#include "expected_plan.hpp"

#include <algorithm>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kPlanBytesMax = std::size_t{64} << 20U;
constexpr std::size_t kDigestDigits = 64;

bool is_digest(const std::string& text) {
    return text.size() == kDigestDigits && std::all_of(text.begin(), text.end(), [](char digit) {
               return (digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f');
           });
}

/// A plan that no run may follow (an error in its place) has none.
std::string digest_in(const Json& plan) {
    return plan.is_object() && plan.contains("digest") && plan.at("digest").is_string()
               ? plan.at("digest").get<std::string>()
               : std::string();
}

}  // namespace

ExpectedPlan::ExpectedPlan(const std::string& named) {
    if (named.empty() || is_digest(named)) {
        digest_ = named;
        return;
    }
    is_file_ = true;
    const auto text = read_text_file(named, kPlanBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, "--plan " + named + ": neither a digest nor a file",
                    "efface plan --out FILE writes one");
    }
    const Json plan = parse_json(*text, named, {.bytes_max = kPlanBytesMax});
    digest_ = digest_in(plan);
    if (!plan.is_object() || !plan.contains("targets")) {
        if (digest_.empty()) {
            throw Error(ErrorCode::usage, named + ": is not a plan", "efface plan --out FILE");
        }
        return;
    }
    digest_.clear();
    for (const Json& target : plan.at("targets")) {
        if (target.is_object() && target.contains("target") && target.at("target").is_string()) {
            targets_[target.at("target").get<std::string>()] = digest_in(target);
        }
    }
}

std::string ExpectedPlan::digest_of(const std::string& target, std::size_t targets) const {
    if (!is_file_) {
        if (!digest_.empty() && targets != 1) {
            throw Error(ErrorCode::usage, "--plan accepts a digest for a single target only",
                        "for several targets name the file: efface plan --out FILE");
        }
        return digest_;
    }
    const auto found = targets_.find(target);
    if (found == targets_.end() || found->second.empty()) {
        throw Error(ErrorCode::safety, ReasonCode::plan_changed,
                    target + ": the file has no plan of it: nothing was changed");
    }
    return found->second;
}

std::string ExpectedPlan::digest_of_project() const {
    if (is_file_ && digest_.empty()) {
        throw Error(ErrorCode::usage, "--plan: the file is not a plan of a project",
                    "efface plan --out FILE PROJECT.json");
    }
    return digest_;
}

}  // namespace efface::cli

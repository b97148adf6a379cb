// SPDX-License-Identifier: Apache-2.0
#include "efface/job/objection.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace efface::job {

namespace {

/// The first that is about safety, else the first.
const Objection& weightiest(const std::vector<Objection>& objections) noexcept {
    const auto found = std::find_if(
        objections.begin(), objections.end(),
        [](const Objection& objection) { return objection.status == ErrorCode::safety; });
    return found == objections.end() ? objections.front() : *found;
}

}  // namespace

Json to_json(const std::vector<Objection>& objections) {
    Json list = Json::array();
    for (const auto& objection : objections) {
        list.push_back(efface::to_json(objection.reason));
    }
    return list;
}

int status_of(const std::vector<Objection>& objections) noexcept {
    if (objections.empty()) {
        return 0;
    }
    return static_cast<int>(weightiest(objections).status);
}

void refuse(const std::string& what, const std::vector<Objection>& objections) {
    if (objections.empty()) {
        return;
    }
    std::string text = what;
    for (const auto& objection : objections) {
        text += fmt::format("\n  {}: {}", to_string(objection.reason.code), objection.reason.text);
    }
    const auto& first = weightiest(objections);
    throw Error(first.status, first.reason.code, text, next_step(first.reason.code));
}

}  // namespace efface::job

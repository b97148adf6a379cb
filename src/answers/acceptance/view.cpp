// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "acceptance.hpp"

namespace efface::answers {

std::string acceptance_in_words(const Json& statement) {
    const RecordView predicate = RecordView(statement, "acceptance").at("predicate");
    const RecordView by = predicate.at("decidedBy");
    return fmt::format("{} by {} ({}) at {}: {}", predicate.at("decision").text(),
                       by.at("subject").text(), by.at("role").text(),
                       to_rfc3339(predicate.at("decidedAt").time()), predicate.at("reason").text());
}

}  // namespace efface::answers

// SPDX-License-Identifier: Apache-2.0
#include "target.hpp"

namespace efface::job::worlds {

TargetRequest TargetInWorld::request(const Asked& asked) const {
    TargetRequest request;
    request.target = target_;
    request.job_id = asked.job_id;
    request.order = asked.ordered && order_ ? &*order_ : nullptr;
    request.choice = request.order != nullptr ? order_->choice : choice_;
    if (asked.last) {
        request.choice = last_choice();
    }
    request.program = "/bin/true";
    request.authorize = [](const TargetPlan&) {
        return mandate::Authorization{"typed-token", "tester", {}, {}};
    };
    return request;
}

RunResult TargetInWorld::erase(RunContext& context, const Asked& asked,
                               const std::stop_token& stop) {
    return run_target(context, request(asked), stop);
}

void TargetInWorld::plan(RunContext& context, const Asked& asked) {
    (void)make_target_plan(context, request(asked));
}

void TargetInWorld::order(const std::string& choice, const std::string& names,
                          const std::string& dates) {
    order_ = mandate::parse_order(R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",)" +
                                  choice + dates + R"("targets":[{"target":")" + target_ + "\"" +
                                  names + "}]}");
}

Ranges unwritten_in(const Json& predicate) {
    Ranges ranges;
    const std::function<void(const Json&, bool)> look = [&](const Json& value, bool faults) {
        if (faults && value.is_object() && value.contains("offset") && value.contains("length")) {
            const auto from = value.at("offset").get<std::uint64_t>();
            ranges.emplace_back(from, from + value.at("length").get<std::uint64_t>());
        }
        if (value.is_object()) {
            for (const auto& [key, item] : value.items()) {
                look(item, faults || key == "writeFaults");
            }
        } else if (value.is_array()) {
            for (const auto& item : value) {
                look(item, faults);
            }
        }
    };
    look(predicate, false);
    return ranges;
}

std::string drawn_dates(Dice& dice, WallTime now) {
    std::string dates;
    if (dice.one_in(6)) {
        const auto from = now + std::chrono::hours(dice.below(3));
        dates += R"("not_before":")" + to_rfc3339(from) + R"(",)";
    }
    if (dice.one_in(3)) {
        const auto to = now + std::chrono::hours(3 + dice.below(48));
        dates += R"("not_after":")" + to_rfc3339(to) + R"(",)";
    }
    return dates;
}

}  // namespace efface::job::worlds

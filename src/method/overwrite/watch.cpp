// SPDX-License-Identifier: Apache-2.0
#include "watch.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace efface::method {

namespace {

void add_areas(stream::FaultAreas& sum, const stream::FaultAreas& part) {
    sum.count += part.count;
    sum.bytes += part.bytes;
    for (const auto& area : part.areas) {
        if (sum.areas.size() < stream::kAreasMax) {
            sum.areas.push_back(area);
        }
    }
}

ReasonCode reason_of(Limit limit) {
    switch (limit) {
        case Limit::deadline:
            return ReasonCode::deadline_passed;
        case Limit::speed:
            return ReasonCode::too_slow;
        case Limit::temperature:
            return ReasonCode::too_hot;
    }
    return ReasonCode::stopped;
}

}  // namespace

void add(stream::FillReport& sum, const stream::FillReport& part) {
    sum.bytes_written += part.bytes_written;
    add_areas(sum.write_faults, part.write_faults);
    sum.retries += part.retries;
    sum.flush_error = sum.flush_error != 0 ? sum.flush_error : part.flush_error;
    sum.stopped = part.stopped;
    sum.watermark = std::max(sum.watermark, part.watermark);
    sum.engine = part.engine;
    sum.engine_note = part.engine_note;
}

OverwriteWatch::OverwriteWatch(const OverwriteTask& task, OverwriteState& state,
                               const OverwriteHooks& hooks, const Clock& clock,
                               ProgressSink& progress)
    : task_(task),
      state_(state),
      hooks_(hooks),
      clock_(clock),
      progress_(progress),
      started_(clock.steady_now()) {}

void OverwriteWatch::begin_fill(PassState& pass) {
    pass_ = &pass;
    fill_before_ = pass.report;
}

void OverwriteWatch::written(std::uint64_t offset_bytes, const stream::FillReport& so_far) {
    pass_->report = fill_before_;
    add(pass_->report, so_far);
    pass_->written_to = offset_bytes;
    hooks_.save(state_);
}

void OverwriteWatch::compared(std::uint64_t offset_bytes, const stream::CheckReport& /*so_far*/) {
    state_.compared_to = offset_bytes;
    hooks_.save(state_);
}

/// Records a passed limit once and says how to go on.
stream::PassWatcher::Go OverwriteWatch::limited(Limit limit, const std::string& what,
                                                mandate::Then then, bool& said) {
    if (!said) {
        said = true;
        state_.limit_events.push_back(limit_event(to_rfc3339(clock_.now()), limit, what, then));
    }
    if (then == mandate::Then::stop) {
        stopped_because_ = Reason{reason_of(limit), "stopped: " + what};
        return Go::stop;
    }
    return then == mandate::Then::pause ? Go::pause : Go::on;
}

stream::PassWatcher::Go OverwriteWatch::temperature() {
    const auto celsius = task_.limits.celsius_max == 0 ? std::nullopt : hooks_.celsius();
    if (!celsius) {
        return Go::on;
    }
    const int limit = task_.limits.celsius_max - (hot_ ? kCoolDownCelsius : 0);
    if (*celsius <= limit) {
        hot_ = false;
        said_hot_ = false;
        return Go::on;
    }
    hot_ = true;
    return limited(
        Limit::temperature,
        fmt::format("{} degrees Celsius, the limit is {}", *celsius, task_.limits.celsius_max),
        task_.limits.when_hot, said_hot_);
}

stream::PassWatcher::Go OverwriteWatch::go(const stream::Pace& pace) {
    progress_.faults(pace.fault_bytes);
    if (!hooks_.still_there()) {
        vanished_ = true;
        stopped_because_ = Reason{ReasonCode::vanished, "the device disappeared or was replaced"};
        return Go::stop;
    }
    const auto& limits = task_.limits;
    if (limits.deadline.count() != 0 && clock_.steady_now() - started_ > limits.deadline &&
        limited(Limit::deadline,
                fmt::format("not finished within {} seconds", limits.deadline.count()),
                limits.when_late, said_late_) == Go::stop) {
        return Go::stop;
    }
    if (limits.bytes_per_second_min != 0 && pace.bytes_per_second != 0 &&
        pace.bytes_per_second < limits.bytes_per_second_min &&
        limited(Limit::speed,
                fmt::format("{} bytes a second; the minimum is {}", pace.bytes_per_second,
                            limits.bytes_per_second_min),
                limits.when_slow, said_slow_) == Go::stop) {
        return Go::stop;
    }
    return temperature();
}

}  // namespace efface::method

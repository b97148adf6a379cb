// SPDX-License-Identifier: Apache-2.0
#include "efface/job/events.hpp"

namespace efface::job {

namespace {
constexpr auto kProgressInterval = std::chrono::seconds(1);
/// Before this much time has passed a rate says little, so no ETA is given.
constexpr auto kEtaAfter = std::chrono::seconds(3);
}  // namespace

void Events::set_job(std::string job_id) {
    const std::lock_guard lock(mutex_);
    job_id_ = std::move(job_id);
}

void Events::emit(const char* event, Json fields) {
    const std::lock_guard lock(mutex_);
    fields["schema"] = "efface.event/1";
    fields["ts"] = to_rfc3339(clock_.now());
    fields["seq"] = sequence_++;
    fields["job_id"] = job_id_;
    fields["event"] = event;
    if (!target_.empty() && !fields.contains("target")) {
        fields["target"] = event_target(target_);
    }
    if (!receiver_) {
        return;
    }
    try {
        receiver_(fields);
    } catch (const std::exception&) {  // whatever it was: a view is no part of the run
        ++lost_;
    }
}

std::uint64_t Events::lost() const {
    const std::lock_guard lock(mutex_);
    return lost_;
}

Json event_target(const std::string& name) {
    return ObjectWriter().add("name", name).take();
}

void emit_failure(Events& events, const std::string& name, const Error& error, bool changed) {
    Json fields = ObjectWriter()
                      .add("code", static_cast<int>(error.code()))
                      .add("reason", to_string(error.reason()))
                      .add("message", printable(error.what()))
                      .take();
    if (!name.empty()) {
        fields["target"] = event_target(name);
    }
    events.emit(changed ? "stopped" : "refused", std::move(fields));
}

ProgressMeter::ProgressMeter(Events& events, const Clock& clock, std::uint64_t bytes_total,
                             Json target, std::function<std::optional<int>()> celsius)
    : events_(events),
      clock_(clock),
      bytes_total_(bytes_total),
      target_(std::move(target)),
      celsius_(std::move(celsius)),
      started_(clock.steady_now()),
      last_(started_) {}

void ProgressMeter::phase(std::string_view what) {
    const std::lock_guard lock(mutex_);
    phase_ = what;
    phase_from_ = bytes_done_;
    fault_bytes_ = 0;
}

void ProgressMeter::faults(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    fault_bytes_ = bytes;
}

void ProgressMeter::advance(std::uint64_t bytes) {
    const std::lock_guard lock(mutex_);
    bytes_done_ += bytes;
    const auto now = clock_.steady_now();
    if (now - last_ < kProgressInterval) {
        return;
    }
    last_ = now;
    const double seconds = std::chrono::duration<double>(now - started_).count();
    const double rate = static_cast<double>(bytes_done_) / seconds;
    Json fields = ObjectWriter()
                      .add("bytes_done", bytes_done_)
                      .add("total", bytes_total_)
                      .add("bps", static_cast<std::uint64_t>(rate))
                      .take();
    if (now - started_ >= kEtaAfter && bytes_total_ >= bytes_done_ && rate > 0) {
        fields["eta_s"] =
            static_cast<std::uint64_t>(static_cast<double>(bytes_total_ - bytes_done_) / rate);
    }
    if (!target_.is_null()) {
        fields["target"] = target_;
        fields["phase"] = phase_;
        fields["phase_done"] = bytes_done_ - phase_from_;
        fields["errors"] = fault_bytes_;
        if (const auto celsius = celsius_ ? celsius_() : std::nullopt) {
            fields["temp_c"] = *celsius;
        }
    }
    events_.emit("progress", std::move(fields));
}

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
// What the firmware of a memory module offers through sysfs: nmemN/security (libnvdimm) and
// memN/security/ (CXL). Both work alike: a cryptographic erase that answers when it is done, and an
// overwrite that runs on behind a state file, whose end the kernel shows but not its result.
// Sources: kernel documentation driver-api/nvdimm/security, ABI/testing/sysfs-bus-cxl.
#include <fmt/format.h>

#include <chrono>
#include <sstream>
#include <thread>

#include "efface/device/memory/memory_target.hpp"

#include "memory/attributes.hpp"

namespace efface::method {

namespace {

/// Overwriting a large module takes hours; two days is a module that hangs.
constexpr std::chrono::hours kOverwriteTimeMax{48};
constexpr std::chrono::seconds kPollInterval{1};
/// Bounds the loop as well where the clock stands still.
constexpr unsigned kPollsMax = 48U * 3600U;
constexpr std::size_t kRegionsMax = 4096;
constexpr std::size_t kMappingsMax = 64;

/// Where one kind has its files, and its words.
struct Interface {
    const char* bus;
    const char* state;
    const char* erase_file;
    const char* erase_command;
    const char* overwrite_file;
    const char* overwrite_command;
    const char* overwrite_running;  ///< state while it runs
    const char* serial;             ///< attribute
};
constexpr Interface kDimm = {"nd",       "security",    "security",  "erase 0",
                             "security", "overwrite 0", "overwrite", "nfit/serial"};
constexpr Interface kCxl = {"cxl", "security/state", "security/erase", "1", "security/sanitize",
                            "1",   "sanitize",       "serial"};

class SecurityKind final : public MemoryKind {
  public:
    explicit SecurityKind(const MemoryKindContext& context)
        : context_(context),
          interface_(context.name.kind == "dimm" ? kDimm : kCxl),
          bus_(context.view.sysfs / "bus" / interface_.bus / "devices"),
          folder_(bus_ / context.name.place) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "the module's own cryptographic erase, then its own overwrite";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override { return identity(); }

  private:
    [[nodiscard]] Json identity() const;
    [[nodiscard]] std::optional<std::string> state() const {
        return read_attribute(folder_ / interface_.state);
    }
    void object(MemorySurvey& survey) const;
    void object_to_regions(MemorySurvey& survey) const;
    [[nodiscard]] int command(MemoryRun& run, const char* what, const char* file,
                              const char* text) const;
    [[nodiscard]] bool wait_for_overwrite(MemoryRun& run) const;
    void conclude(MemoryRun& run, bool erased, bool overwritten) const;

    MemoryKindContext context_;
    Interface interface_;
    std::filesystem::path bus_;
    std::filesystem::path folder_;
};

Json SecurityKind::identity() const {
    Json identity = Json::object();
    for (const auto& [attribute, key] :
         {std::pair{interface_.serial, "serial"}, std::pair{"nfit/id", "id"},
          std::pair{"nfit/vendor", "vendor"}, std::pair{"nfit/device", "model"},
          std::pair{"dev", "device"}, std::pair{"firmware_version", "firmware"}}) {
        if (const auto text = read_attribute(folder_ / attribute)) {
            identity[key] = *text;
        }
    }
    return identity;
}

/// An enabled region maps the module into this machine: its data may be in use, and our caches may
/// hold lines of it.
void SecurityKind::object_to_regions(MemorySurvey& survey) const {
    std::error_code error;
    std::size_t seen = 0;
    for (std::filesystem::directory_iterator at(bus_, error), end;
         !error && at != end && seen < kRegionsMax; at.increment(error), ++seen) {
        const std::string name = at->path().filename().string();
        std::error_code missing;
        if (!name.starts_with("region") ||
            !std::filesystem::exists(at->path() / "driver", missing)) {
            continue;
        }
        for (std::size_t i = 0; i < kMappingsMax; ++i) {
            const auto mapping = read_attribute(at->path() / fmt::format("mapping{}", i));
            if (!mapping) {
                break;
            }
            if (mapping->starts_with(context_.name.place + ",")) {
                survey.objections.push_back(
                    {ReasonCode::region_enabled,
                     fmt::format("{} is enabled on it; disable it with ndctl", name)});
            }
        }
    }
    if (error || seen == kRegionsMax) {
        survey.objections.push_back(
            {ReasonCode::unreadable_state, "the regions of this machine cannot be listed"});
    }
}

void SecurityKind::object(MemorySurvey& survey) const {
    const auto now = state();
    if (!now) {
        survey.objections.push_back({ReasonCode::not_supported,
                                     "its security state cannot be read: its firmware or this "
                                     "machine does not support the operations"});
        return;
    }
    survey.facts["securityState"] = *now;
    const auto frozen = read_attribute(folder_ / "frozen");
    if (*now == "frozen" || frozen == "1") {
        survey.objections.push_back(
            {ReasonCode::module_frozen, "its security is frozen until the next restart"});
    } else if (*now == interface_.overwrite_running) {
        survey.objections.push_back({ReasonCode::drive_erasing, "an overwrite is already running"});
    } else if (*now == "locked" || *now == "unlocked") {
        survey.objections.push_back(
            {ReasonCode::module_locked,
             fmt::format("it has a passphrase (state {}); disable its security first", *now)});
    } else if (*now != "disabled") {
        survey.objections.push_back(
            {ReasonCode::unreadable_state, "its security state is unknown: " + *now});
    }
    if (context_.name.kind == "dimm") {
        object_to_regions(survey);
    }
}

MemorySurvey SecurityKind::survey() {
    std::error_code error;
    if (!std::filesystem::exists(folder_, error)) {
        throw Error(ErrorCode::usage, context_.name.place + ": there is no such memory module");
    }
    MemorySurvey survey;
    survey.identity = identity();
    survey.confirm_token = survey.identity.value("serial", "");
    survey.facts = ObjectWriter()
                       .add("contentFreed", false)
                       .add("swappable", false)
                       .add("persistent", true)
                       .add("firmware", true)
                       .take();
    object(survey);
    survey.steps = {"ask the module for a cryptographic erase (it changes its media key)",
                    "ask the module to overwrite itself, and wait for the end",
                    "read the security state again"};
    survey.not_reached = {
        "the media: none of it is read back here, and the kernel does not report whether the "
        "module's overwrite succeeded",
        "the module's label area"};
    return survey;
}

int SecurityKind::command(MemoryRun& run, const char* what, const char* file,
                          const char* text) const {
    run.touch();
    const int error = device::write_control((folder_ / file).string(), text);
    run.step(what, error == 0 ? "accepted" : "refused", error == 0 ? "" : errno_text(error));
    run.observe(what, ObjectWriter()
                          .add("file", printable(file))
                          .add("written", text)
                          .add("error", error == 0 ? "none" : errno_text(error))
                          .add("state", state().value_or("unreadable"))
                          .take());
    return error;
}

bool SecurityKind::wait_for_overwrite(MemoryRun& run) const {
    const auto began = run.clock().steady_now();
    // A recording does not take its time.
    const std::chrono::milliseconds interval =
        context_.view.live ? kPollInterval : std::chrono::milliseconds{1};
    for (unsigned poll = 0; poll < kPollsMax; ++poll) {
        const auto now = state();
        if (!now) {
            run.doubt({ReasonCode::unreadable_state, "the security state can no longer be read"});
            return false;
        }
        if (*now != interface_.overwrite_running) {
            run.step("overwrite", "finished", "security state: " + *now);
            return true;
        }
        if (run.stopped()) {
            run.doubt({ReasonCode::still_running,
                       "stopped while the module overwrites itself; the module continues"});
            return false;
        }
        if (run.clock().steady_now() - began > kOverwriteTimeMax) {
            break;
        }
        std::this_thread::sleep_for(interval);
    }
    run.doubt({ReasonCode::still_running, "the module's overwrite does not end"});
    return false;
}

void SecurityKind::conclude(MemoryRun& run, bool erased, bool overwritten) const {
    const auto now = state();
    run.verification.method = "device-state";
    run.verification.performed = true;
    run.control("security-disabled",
                !now ? ControlResult::unknown
                     : (*now == "disabled" ? ControlResult::pass : ControlResult::fail),
                "security state: " + now.value_or("unreadable"));
    if (!erased && !overwritten) {
        run.fail({ReasonCode::module_refused, "the module refused both operations"});
        return;
    }
    if (!erased) {
        run.doubt({ReasonCode::firmware_unverified,
                   "the cryptographic erase was refused; of an overwrite the kernel reports only "
                   "that it ended"});
    }
    run.except({ReasonCode::firmware_unverified,
                "the media was not read back by efface: only the module's report is known"});
    run.complete();
}

void SecurityKind::erase(MemoryRun& run) {
    const bool erased =
        command(run, "cryptographic erase", interface_.erase_file, interface_.erase_command) == 0;
    bool overwritten = false;
    if (command(run, "overwrite", interface_.overwrite_file, interface_.overwrite_command) == 0) {
        if (!wait_for_overwrite(run)) {
            return;
        }
        overwritten = true;
    }
    conclude(run, erased, overwritten);
}

}  // namespace

std::unique_ptr<MemoryKind> make_security_kind(const MemoryKindContext& context) {
    return std::make_unique<SecurityKind>(context);
}

}  // namespace efface::method

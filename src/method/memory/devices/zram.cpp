// SPDX-License-Identifier: Apache-2.0
// zram: a write makes a new compressed object and only frees the old one, so overwriting reaches
// nothing. The device is reset: its pages go back to the kernel.
#include <fmt/format.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <sstream>
#include <thread>

#include "efface/device/linux_target.hpp"
#include "efface/device/memory/memory_target.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "memory/attributes.hpp"

namespace efface::method {

namespace {

std::filesystem::path folder_of(const std::string& name, const inventory::SystemView& view) {
    return view.sysfs / "block" / name;
}

/// The first three numbers of mm_stat: original, compressed and used bytes.
std::optional<std::array<std::uint64_t, 3>> stored_bytes(const std::filesystem::path& folder) {
    const auto text = read_attribute(folder / "mm_stat");
    std::istringstream words(text.value_or(""));
    std::array<std::uint64_t, 3> values{};
    if (!(words >> values[0] >> values[1] >> values[2])) {
        return std::nullopt;
    }
    return values;
}

void control_number(MemoryRun& run, const std::string& name, const std::filesystem::path& path) {
    const auto value = read_number(path);
    if (!value) {
        run.control(name, ControlResult::unknown, path.filename().string() + " cannot be read");
        return;
    }
    run.control(name, *value == 0 ? ControlResult::pass : ControlResult::fail,
                fmt::format("{} is {}", path.filename().string(), *value));
}

void control_stored(MemoryRun& run, const std::filesystem::path& folder) {
    const auto stored = stored_bytes(folder);
    if (!stored) {
        run.control("nothing-stored", ControlResult::unknown, "mm_stat cannot be read");
        return;
    }
    const bool empty = (*stored)[0] == 0 && (*stored)[1] == 0 && (*stored)[2] == 0;
    run.control("nothing-stored", empty ? ControlResult::pass : ControlResult::fail,
                fmt::format("{} bytes stored, {} compressed, {} used", (*stored)[0], (*stored)[1],
                            (*stored)[2]));
}

/// The kernel resets no zram that is open, and udev opens each for a moment. 0 or an errno; EBUSY:
/// nothing was changed.
int reset_unless_busy(const std::filesystem::path& folder) {
    constexpr unsigned kTriesMax = 40;
    constexpr std::chrono::milliseconds kPause{50};
    int error = EBUSY;
    for (unsigned i = 0; i < kTriesMax && error == EBUSY; ++i) {
        if (i > 0) {
            std::this_thread::sleep_for(kPause);
        }
        error = device::write_control((folder / "reset").string(), "1");
    }
    return error;
}

class ZramKind final : public MemoryKind {
  public:
    explicit ZramKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override { return "reset the device"; }
    void erase(MemoryRun& run) override;
    Json identity_after() override {
        Json identity = block_identity(folder_of(context_.name.place, context_.view));
        identity["state"] = zram_facts(context_.name.place, context_.view);
        return identity;
    }
    bool as_left(MemoryRun& /*look*/) override {
        const auto folder = folder_of(context_.name.place, context_.view);
        return read_number(folder / "disksize") == 0U && read_number(folder / "initstate") == 0U;
    }

  private:
    [[nodiscard]] Json identity(std::uint64_t size_bytes) const;

    MemoryKindContext context_;
};

/// A reset takes the size and the write-back device with it: of a job that did so they are those
/// that it began with.
Json ZramKind::identity(std::uint64_t size_bytes) const {
    const auto folder = folder_of(context_.name.place, context_.view);
    Json identity = block_identity(folder);
    identity["sizeBytes"] = size_bytes;
    identity["writeBackDevice"] = write_back_device(context_.name.place, context_.view);
    if (size_bytes == 0 && is_began_but_for(identity, {"sizeBytes", "writeBackDevice"})) {
        identity["sizeBytes"] = began_value("sizeBytes");
        identity["writeBackDevice"] = began_value("writeBackDevice");
    }
    return identity;
}

MemorySurvey ZramKind::survey() {
    const std::string& name = context_.name.place;
    const auto folder = folder_of(name, context_.view);
    const auto size = read_number(folder / "disksize");
    if (!size) {
        throw Error(ErrorCode::usage, name + ": there is no such zram device");
    }
    MemorySurvey survey;
    survey.identity = identity(*size);
    survey.objections = block_objections(
        inventory::identify(context_.view.dev / name, context_.view), context_.view);
    if (survey.identity.at("sizeBytes") == 0) {
        survey.traces.push_back(
            {ReasonCode::nothing_to_erase, "it was already reset: nothing is stored in it"});
    }
    survey.facts = zram_facts(name, context_.view);
    survey.facts["contentFreed"] = true;
    survey.facts["swappable"] = false;
    survey.facts["persistent"] = false;
    survey.steps = {"open it exclusively, to check that no process uses it",
                    "reset it: the kernel frees everything stored in it (overwriting would only "
                    "add new compressed copies next to the old ones)",
                    "check that its size and its stored amount are 0"};
    if (const auto backing = survey.identity.at("writeBackDevice").get<std::string>();
        !backing.empty()) {
        survey.not_reached.push_back("the write-back device " + backing);
    }
    return survey;
}

void ZramKind::erase(MemoryRun& run) {
    const std::string& name = context_.name.place;
    {
        // Throws when somebody uses it. Closed again: the reset refuses a device that is open.
        const auto held =
            device::LinuxTarget::open(context_.view.dev / name, device::Access::exclusive);
    }
    run.step("open exclusively", "done");
    const Json backing = began_value("writeBackDevice");
    if (reset_zram(run, name, context_.view,
                   backing.is_string() ? backing.get<std::string>() : "")) {
        run.complete();
    }
}

}  // namespace

std::string write_back_device(const std::string& name, const inventory::SystemView& view) {
    const auto text = read_attribute(folder_of(name, view) / "backing_dev");
    return !text || *text == "none" ? "" : *text;
}

Json zram_facts(const std::string& name, const inventory::SystemView& view) {
    Json facts = Json::object();
    const auto folder = folder_of(name, view);
    for (const auto& [attribute, key] :
         {std::pair{"disksize", "diskSize"}, std::pair{"comp_algorithm", "algorithm"},
          std::pair{"mm_stat", "mmStat"}, std::pair{"bd_stat", "bdStat"},
          std::pair{"backing_dev", "backingDevice"}, std::pair{"initstate", "initState"}}) {
        if (const auto text = read_attribute(folder / attribute)) {
            facts[key] = *text;
        }
    }
    return facts;
}

bool reset_zram(MemoryRun& run, const std::string& name, const inventory::SystemView& view,
                const std::string& write_back_before) {
    const auto folder = folder_of(name, view);
    const auto now = write_back_device(name, view);
    if (const auto& backing = now.empty() ? write_back_before : now; !backing.empty()) {
        run.except({ReasonCode::write_back_device,
                    fmt::format("the write-back device {} of {}: pages written there stay until "
                                "that device is erased",
                                backing, name)});
    }
    run.observe("zram before the reset", zram_facts(name, view));
    const int error = reset_unless_busy(folder);
    if (error == EBUSY) {
        throw Error(ErrorCode::busy, ReasonCode::busy, name + ": a process has it open",
                    "try again when it has been closed");
    }
    run.touch();
    run.step("reset " + name, error == 0 ? "accepted" : "refused",
             error == 0 ? "" : errno_text(error));
    if (error != 0) {
        run.fail(
            {ReasonCode::kernel_refused, "the kernel refused to reset it: " + errno_text(error)});
        return false;
    }
    run.observe("zram after the reset", zram_facts(name, view));
    run.verification.method = "device-state";
    run.verification.performed = true;
    control_number(run, "no-size", folder / "disksize");
    control_number(run, "not-initialised", folder / "initstate");
    control_stored(run, folder);
    const auto machine = inventory::read_memory_facts(view);
    if (!machine.init_on_free.on.value_or(false)) {
        run.except({ReasonCode::content_only_freed,
                    "freed pages: the compressed content was returned to the kernel without being "
                    "cleared (init_on_free is not known to be on); it is unreachable, not erased"});
    }
    return true;
}

std::unique_ptr<MemoryKind> make_zram_kind(const MemoryKindContext& context) {
    return std::make_unique<ZramKind>(context);
}

}  // namespace efface::method

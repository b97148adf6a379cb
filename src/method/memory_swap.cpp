// SPDX-License-Identifier: Apache-2.0
// A swap area: taken out of use, then overwritten as a whole and compared with direct reads, since
// a buffered one shows what the page cache has and not what the slots hold.
#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>

#include "efface/device/linux_target.hpp"
#include "efface/device/memory_target.hpp"
#include "efface/guard/users.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "memory_attributes.hpp"

namespace efface::method {

namespace {

/// Memory that must stay free while everything in the area comes back.
constexpr std::uint64_t kMemoryReserveBytes = std::uint64_t{64} << 20U;

bool same_storage(const std::string& path, const std::string& other) {
    struct stat a {};
    struct stat b {};
    if (::stat(path.c_str(), &a) != 0 || ::stat(other.c_str(), &b) != 0) {
        return path == other;
    }
    if (S_ISBLK(a.st_mode) || S_ISBLK(b.st_mode)) {
        return S_ISBLK(a.st_mode) && S_ISBLK(b.st_mode) && a.st_rdev == b.st_rdev;
    }
    return a.st_dev == b.st_dev && a.st_ino == b.st_ino;
}

class SwapKind final : public MemoryKind {
  public:
    explicit SwapKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "swapoff, then overwrite the whole area in place, compare with direct reads";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override {
        return inventory::to_json(inventory::identify(context_.name.place, context_.view));
    }

  private:
    /// The active area that the named target is, or nullopt.
    [[nodiscard]] std::optional<inventory::SwapArea> active(
        const inventory::MemoryFacts& machine) const;
    void object(MemorySurvey& survey, const inventory::Identity& identity,
                const inventory::MemoryFacts& machine) const;
    [[nodiscard]] bool take_out_of_use(MemoryRun& run) const;
    void overwrite(MemoryRun& run) const;

    MemoryKindContext context_;
};

std::optional<inventory::SwapArea> SwapKind::active(const inventory::MemoryFacts& machine) const {
    for (const auto& area : machine.swaps.value_or(std::vector<inventory::SwapArea>{})) {
        if (same_storage(context_.name.place, area.path)) {
            return area;
        }
    }
    return std::nullopt;
}

void SwapKind::object(MemorySurvey& survey, const inventory::Identity& identity,
                      const inventory::MemoryFacts& machine) const {
    const auto area = active(machine);
    if (!machine.swaps) {
        survey.objections.push_back(
            {ReasonCode::unreadable_state, "the list of swap areas can not be read"});
    }
    for (const auto& use : guard::uses_of(identity, context_.view)) {
        // That it is the named swap area is what we are here for; that it is held follows.
        if (area && (use.code == ReasonCode::swap || use.code == ReasonCode::busy)) {
            continue;
        }
        survey.objections.push_back(objection_of(use));
    }
    if (area && area->used_bytes + kMemoryReserveBytes > machine.available_bytes) {
        survey.objections.push_back(
            {ReasonCode::too_little_memory,
             fmt::format("it holds {} bytes, and only {} bytes of memory are available to take "
                         "them in",
                         area->used_bytes, machine.available_bytes)});
    }
    const auto signature = inventory::probe_signature(context_.name.place);
    if (!area && signature.type != "swap" && signature.type != "swsuspend") {
        survey.objections.push_back(
            {ReasonCode::other_identity,
             signature.type.empty()
                 ? "it is neither an active swap area nor does it have a swap signature"
                 : fmt::format("it is no swap area: it holds {}", printable(signature.type))});
    }
    if (!signature.uuid.empty()) {
        survey.identity["signatureUuid"] = printable(signature.uuid);
    }
    survey.facts["active"] = area.has_value();
    survey.facts["usedBytes"] = area ? area->used_bytes : 0;
    survey.facts["signature"] = printable(signature.type);
}

MemorySurvey SwapKind::survey() {
    const auto identity = inventory::identify(context_.name.place, context_.view);
    const auto machine = inventory::read_memory_facts(context_.view);
    const auto layers = inventory::layers_below(identity, context_.view);
    MemorySurvey survey;
    survey.identity = inventory::to_json(identity);
    survey.identity["sizeBytes"] = identity.size_bytes;
    survey.confirm_token = identity.kind == inventory::Kind::file ? "" : identity.serial;
    survey.size_bytes = identity.size_bytes;
    survey.facts = ObjectWriter()
                       .add("contentFreed", identity.kind == inventory::Kind::zram)
                       .add("swappable", false)
                       .add("persistent", identity.kind != inventory::Kind::zram)
                       .add("layers", inventory::to_json(layers))
                       .take();
    object(survey, identity, machine);
    survey.steps = {"swapoff: everything in the area comes back into memory"};
    if (identity.kind == inventory::Kind::zram) {
        survey.steps.emplace_back("reset the zram device, and see that it stores nothing");
    } else {
        survey.steps.push_back(fmt::format(
            "overwrite all {} with a keyed AES-256-CTR stream, also its header, direct I/O, and "
            "flush",
            size_text(identity.size_bytes)));
        survey.steps.emplace_back("read everything back with direct I/O and compare");
    }
    survey.steps.emplace_back(
        "leave it out of use: its swap signature is gone, mkswap and swapon are yours");
    return survey;
}

bool SwapKind::take_out_of_use(MemoryRun& run) const {
    const auto area = active(inventory::read_memory_facts(context_.view));
    if (!area) {
        run.step("swapoff", "not needed", "it is not in use");
        return true;
    }
    run.touch();
    const int error = device::swap_off(area->path);
    run.step("swapoff", error == 0 ? "done" : "refused",
             error == 0 ? fmt::format("{} bytes came back into memory", area->used_bytes)
                        : errno_text(error));
    if (error != 0) {
        run.fail({ReasonCode::kernel_refused, "swapoff failed: " + errno_text(error)});
        return false;
    }
    const auto machine = inventory::read_memory_facts(context_.view);
    const bool gone = machine.swaps && !active(machine);
    run.control("not-in-use", gone ? ControlResult::pass : ControlResult::fail,
                gone ? "not in the list of swap areas" : "still in the list of swap areas");
    return gone;
}

void SwapKind::overwrite(MemoryRun& run) const {
    const auto target = device::LinuxTarget::open(context_.name.place, device::Access::exclusive);
    const bool file = !target->facts().is_block_device;
    const auto before = file ? device::extents_of(target->descriptor()) : device::ExtentReport{};
    run.step("open exclusively", "done", target->direct_io() ? "direct I/O" : "no direct I/O");
    if (!target->direct_io()) {
        run.doubt({ReasonCode::cached_reads,
                   "without direct I/O a read shows the page cache and not the area"});
    }
    overwrite_and_check(*target, run);
    if (!file) {
        return;
    }
    const auto after = device::extents_of(target->descriptor());
    run.observe("extents", ObjectWriter()
                               .add("filesystem", printable(after.filesystem))
                               .add("before", before.extent_count)
                               .add("after", after.extent_count)
                               .take());
    if (!before.supported || !after.supported) {
        run.doubt({ReasonCode::facts_unknown,
                   "the file system does not say where the file's blocks are"});
    } else if (device::blocks_moved(before.extents, after.extents)) {
        run.fail({ReasonCode::blocks_moved,
                  "the file's blocks moved while they were overwritten: old ones may be left"});
    }
    if (after.copy_on_write || after.shared_count > 0 || after.encoded_count > 0) {
        run.except({ReasonCode::copy_on_write,
                    "blocks that the file system may have copied elsewhere (copy-on-write, shared "
                    "or encoded extents)"});
    }
}

void SwapKind::erase(MemoryRun& run) {
    const auto identity = inventory::identify(context_.name.place, context_.view);
    if (!take_out_of_use(run)) {
        return;
    }
    if (identity.kind == inventory::Kind::zram) {
        const auto name = std::filesystem::path(identity.canonical_path).filename().string();
        if (reset_zram(run, name, context_.view)) {
            run.complete();
        }
        return;
    }
    overwrite(run);
    const auto signature = inventory::probe_signature(context_.name.place);
    run.control("no-signature",
                signature.code == 1   ? ControlResult::pass
                : signature.code == 0 ? ControlResult::fail
                                      : ControlResult::unknown,
                signature.code == 1
                    ? "libblkid finds nothing"
                    : fmt::format("libblkid: {} {}", signature.code, printable(signature.type)));
}

}  // namespace

std::unique_ptr<MemoryKind> make_swap_kind(const MemoryKindContext& context) {
    return std::make_unique<SwapKind>(context);
}

}  // namespace efface::method

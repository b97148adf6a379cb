// SPDX-License-Identifier: Apache-2.0
// Host protected area, device configuration overlay and accessible max address: found, and given
// back to the host. The drive takes one SET MAX ADDRESS a power cycle, and no DEVICE CONFIGURATION
// RESTORE while a protected area is set.
#include <fmt/format.h>

#include "efface/ata/capacity.hpp"

#include "drive/notes.hpp"
#include "link.hpp"

namespace efface::method {

namespace {

/// Raising an address shows the overlay, restoring that can show another protected area.
constexpr int kAreaRoundsMax = 6;
/// Of one kind of area: before, and after power cycles.
constexpr std::uint64_t kAreaAttemptsMax = 3;

constexpr const char* kHostProtectedArea = "hpa";
constexpr const char* kConfigurationOverlay = "dco";
constexpr const char* kAccessibleMaxAddress = "ama";

bool has_native_address(const ata::Identify& identify) {
    return identify.accessible_max_address || identify.host_protected_area;
}

/// Supported and not enabled: there is no area, and the question may be aborted.
bool can_hide(const ata::Identify& identify) {
    return identify.accessible_max_address || identify.host_protected_area_enabled;
}

const char* native_kind(const ata::Identify& identify) {
    return identify.accessible_max_address ? kAccessibleMaxAddress : kHostProtectedArea;
}

HiddenArea unknown_area(const char* kind, const std::string& why, bool can_be_opened) {
    HiddenArea area;
    area.kind = kind;
    area.detail = "whether there is one is unknown: " + why;
    area.can_be_opened = can_be_opened;
    area.why_not = can_be_opened ? "" : why;
    return area;
}

HiddenArea area_of(const char* kind, const ata::Identify& identify, std::uint64_t from,
                   std::uint64_t to) {
    HiddenArea area;
    area.kind = kind;
    area.detail = fmt::format("sectors {} to {} are not addressable", from, to - 1);
    area.bytes = (to - from) * identify.logical_sector_bytes;
    area.can_be_opened = true;
    return area;
}

/// One attempt to give an area back.
class AreaOpener final {
  public:
    AreaOpener(device::AtaTransport& ata, OperationMemory& memory, OpenedAreas& opened)
        : ata_(ata), notes_(memory, "areas"), opened_(opened) {}

    /// False when there is nothing more to do now.
    bool round();

  private:
    bool raise_address(const ata::Identify& identify, std::uint64_t sectors);
    bool restore_configuration();
    bool attempt(const char* kind);
    bool conclude(const char* kind, bool changed, const std::string& answer);
    device::AtaCompletion send(const char* name, const device::AtaCommand& command) {
        auto completion = ata_.submit(command);
        opened_.commands.push_back(ata_sent(name, command, completion));
        return completion;
    }

    device::AtaTransport& ata_;
    Notes notes_;  ///< how often each kind was tried
    OpenedAreas& opened_;
};

/// Counts durably, so that a job does not ask for power cycles for ever.
bool AreaOpener::attempt(const char* kind) {
    const auto tried = notes_.get(kind, std::uint64_t{0});
    if (tried >= kAreaAttemptsMax) {
        opened_.refused.push_back(
            {kind, fmt::format("refused {} times, also after a power cycle", tried)});
        return false;
    }
    notes_.keep(kind, tried + 1);
    return true;
}

bool AreaOpener::conclude(const char* kind, bool changed, const std::string& answer) {
    if (changed) {
        opened_.opened.emplace_back(kind);
        return true;
    }
    if (notes_.get(kind, kAreaAttemptsMax) >= kAreaAttemptsMax) {
        opened_.refused.push_back({kind, answer});
        return false;
    }
    opened_.power_cycle_needed = true;
    opened_.next_step = fmt::format(
        "the drive opens its hidden area ({}) only after a power cycle ({}): switch its power off "
        "and on; a restart of the host is not enough",
        kind, answer);
    return false;
}

bool AreaOpener::raise_address(const ata::Identify& identify, std::uint64_t sectors) {
    const char* kind = native_kind(identify);
    if (!attempt(kind)) {
        return false;
    }
    device::AtaCompletion completion;
    if (identify.accessible_max_address) {
        (void)send("GET NATIVE MAX ADDRESS EXT", ata::get_native_max_address());
        completion =
            send("SET ACCESSIBLE MAX ADDRESS EXT", ata::set_accessible_max_address(sectors - 1));
    } else {
        (void)send("READ NATIVE MAX ADDRESS", ata::read_native_max_address(identify.lba48));
        completion = send("SET MAX ADDRESS (not volatile)",
                          ata::set_max_address(identify.lba48, sectors - 1));
    }
    const auto now = ata_identify(ata_);
    return conclude(kind, now.error.empty() && now.identify.sectors >= sectors,
                    ata_answer_text(completion));
}

bool AreaOpener::restore_configuration() {
    if (!attempt(kConfigurationOverlay)) {
        return false;
    }
    const auto completion = send("DEVICE CONFIGURATION RESTORE", ata::dco_restore());
    return conclude(kConfigurationOverlay, ata_taken(completion), ata_answer_text(completion));
}

bool AreaOpener::round() {
    const auto identity = ata_identify(ata_);
    if (!identity.error.empty()) {
        opened_.refused.push_back({"", identity.error});
        return false;
    }
    const auto& identify = identity.identify;
    const auto capacity = ata_capacity(ata_, identify, false);
    if (capacity.native && *capacity.native > capacity.accessible) {
        return raise_address(identify, *capacity.native);
    }
    const std::uint64_t shown = capacity.native.value_or(capacity.accessible);
    if (capacity.configurable && *capacity.configurable > shown) {
        return restore_configuration();
    }
    if (!capacity.native_error.empty()) {
        opened_.refused.push_back({native_kind(identify), capacity.native_error});
    }
    if (!capacity.overlay_error.empty()) {
        opened_.refused.push_back({kConfigurationOverlay, capacity.overlay_error});
    }
    return false;
}

void read_configurable(device::AtaTransport& ata, bool asleep, AtaCapacity& capacity) {
    if (asleep) {
        capacity.overlay_error = "the drive is in standby";
        capacity.overlay_asleep = true;
        return;
    }
    Bytes page(ata::kPageBytes);
    const auto answer = ata.submit(ata::dco_identify(page));
    const auto max_lba =
        answer.error == 0 && answer.accepted ? ata::decode_dco_max_lba(page) : std::nullopt;
    if (max_lba) {
        capacity.configurable = *max_lba + 1;
        capacity.pages.push_back({"ATA DEVICE CONFIGURATION IDENTIFY", std::move(page)});
    } else if (ata_refused(answer)) {
        capacity.overlay_error = "DEVICE CONFIGURATION is frozen until a power cycle";
    } else {
        capacity.overlay_error = "DEVICE CONFIGURATION IDENTIFY: " + ata_answer_text(answer);
    }
}

}  // namespace

AtaCapacity ata_capacity(device::AtaTransport& ata, const ata::Identify& identify, bool asleep) {
    AtaCapacity capacity;
    capacity.accessible = identify.sectors;
    if (has_native_address(identify)) {
        const bool wide = identify.accessible_max_address || identify.lba48;
        const auto answer = ata.submit(identify.accessible_max_address
                                           ? ata::get_native_max_address()
                                           : ata::read_native_max_address(identify.lba48));
        const auto native = ata_taken(answer)
                                ? std::optional(ata::decode_max_lba(*answer.registers, wide) + 1)
                                : std::nullopt;
        if (native && *native < capacity.accessible) {
            // No drive shows more than it has.
            capacity.short_address = fmt::format(
                "it returns {} as the last address of a drive of {} sectors: the high bytes of the "
                "registers are lost on the way",
                *native - 1, capacity.accessible);
            capacity.native_error = "its native address was not reported: the high bytes are lost";
        } else if (native) {
            capacity.native = native;
            capacity.pages.push_back(
                ata_registers_page("ATA native max address", *answer.registers));
        } else if (!ata_refused(answer) || can_hide(identify)) {
            capacity.native_error =
                "its native address was not reported: " + ata_answer_text(answer);
        }
    }
    if (identify.configuration_overlay) {
        read_configurable(ata, asleep, capacity);
    }
    return capacity;
}

std::vector<HiddenArea> ata_hidden_areas(const ata::Identify& identify,
                                         const AtaCapacity& capacity) {
    std::vector<HiddenArea> areas;
    const std::uint64_t shown = capacity.native.value_or(capacity.accessible);
    if (shown > capacity.accessible) {
        areas.push_back(area_of(native_kind(identify), identify, capacity.accessible, shown));
    } else if (!capacity.native_error.empty()) {
        areas.push_back(unknown_area(native_kind(identify), capacity.native_error, false));
    }
    if (capacity.configurable && *capacity.configurable > shown) {
        areas.push_back(area_of(kConfigurationOverlay, identify, shown, *capacity.configurable));
    } else if (!capacity.overlay_error.empty()) {
        // A drive in standby is asked again when there is something to do.
        areas.push_back(
            unknown_area(kConfigurationOverlay, capacity.overlay_error, capacity.overlay_asleep));
    }
    return areas;
}

OpenedAreas ata_open_hidden_areas(device::AtaTransport& ata, OperationMemory& memory) {
    OpenedAreas opened;
    AreaOpener opener(ata, memory, opened);
    for (int i = 0; i < kAreaRoundsMax; ++i) {
        if (!opener.round()) {
            break;
        }
    }
    return opened;
}

}  // namespace efface::method

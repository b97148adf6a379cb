// SPDX-License-Identifier: Apache-2.0
// A libcryptsetup that answers what the test wrote down, and does to the media what the test says.
#pragma once

#include <functional>

#include "efface/device/luks_library.hpp"

#include "fake/disk/memory_disk.hpp"

namespace efface::fake {

/// Answers stay as set until set again. A test lets unlock fail after destroy by assigning
/// `unlock_after_destroy`. Each hook runs before its answer is returned and may throw.
class ScriptedLuksLibrary final : public device::LuksLibrary {
  public:
    using Hook = std::function<void(const device::LuksLocation&)>;

    device::LoadAnswer load_answer{0, "LUKS2", "", {0}, "none", ""};
    device::DestroyAnswer destroy_answer{0, {{0, "active-last", 0}}, {}, ""};
    device::UnlockAnswer unlock_answer{0, 0, ""};
    /// From the first destroy_keyslots() on, where set.
    std::optional<device::LoadAnswer> load_after_destroy;
    std::optional<device::UnlockAnswer> unlock_after_destroy;

    Hook on_load;
    Hook on_destroy;
    Hook on_unlock;

    unsigned loads = 0;
    unsigned destroys = 0;
    unsigned unlocks = 0;
    /// SHA-256 hex of the credential of the last try_unlock(); the credential itself is not kept.
    std::string credential_sha256;

    device::LoadAnswer load(const device::LuksLocation& location) override;
    device::DestroyAnswer destroy_keyslots(const device::LuksLocation& location) override;
    device::UnlockAnswer try_unlock(const device::LuksLocation& location,
                                    const SecretBytes& credential) override;
};

/// A hook that overwrites [offset, offset + length) of the media with zeros, not durably: what an
/// honest keyslot wipe does before its flush.
[[nodiscard]] ScriptedLuksLibrary::Hook zeroing(MemoryDisk& disk, std::uint64_t offset,
                                                std::uint64_t length);

}  // namespace efface::fake

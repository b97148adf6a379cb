// SPDX-License-Identifier: Apache-2.0
#include "scripted_luks_library.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"

namespace efface::fake {

device::LoadAnswer ScriptedLuksLibrary::load(const device::LuksLocation& location) {
    ++loads;
    if (on_load) {
        on_load(location);
    }
    return destroys > 0 && load_after_destroy ? *load_after_destroy : load_answer;
}

device::DestroyAnswer ScriptedLuksLibrary::destroy_keyslots(const device::LuksLocation& location) {
    ++destroys;
    if (on_destroy) {
        on_destroy(location);
    }
    return destroy_answer;
}

device::UnlockAnswer ScriptedLuksLibrary::try_unlock(const device::LuksLocation& location,
                                                     const SecretBytes& credential) {
    ++unlocks;
    credential_sha256 = sha256_hex(credential.view());
    if (on_unlock) {
        on_unlock(location);
    }
    return destroys > 0 && unlock_after_destroy ? *unlock_after_destroy : unlock_answer;
}

ScriptedLuksLibrary::Hook zeroing(MemoryDisk& disk, std::uint64_t offset, std::uint64_t length) {
    return [&disk, offset, length](const device::LuksLocation&) {
        Bytes& media = disk.media();
        EFFACE_ASSERT(offset <= media.size() && length <= media.size() - offset);
        std::fill_n(media.begin() + static_cast<std::ptrdiff_t>(offset), length, std::uint8_t{0});
    };
}

}  // namespace efface::fake

// SPDX-License-Identifier: Apache-2.0
// Negative controls: what is asked after the keys were destroyed, of other witnesses than the
// read-back. One that could not be asked shows nothing.
#pragma once

#include <string>
#include <vector>

#include "efface/method/luks.hpp"

namespace efface::method {

/// One negative control: what was tried, whether it shows that nothing is left, and what was seen.
struct Control {
    const char* name;
    enum class Result { pass, fail, unknown } result;
    std::string detail;
    ReasonCode failure = ReasonCode::key_material_left;    ///< what it means when it fails
    ReasonCode not_asked = ReasonCode::control_not_asked;  ///< why it is unknown
};
[[nodiscard]] const char* to_string(Control::Result result) noexcept;

/// SHA-256 of the range, in bounded pieces; empty when any of it cannot be read.
[[nodiscard]] AreaDigest digest_area(device::BlockTarget& target, std::string name,
                                     stream::Range range);

/// Nothing is left of LUKS where a header could begin.
[[nodiscard]] Control control_no_magic(device::BlockTarget& target, const LuksKeyTask& task);
/// What carried key material is no longer what was surveyed.
[[nodiscard]] Control control_areas_changed(device::BlockTarget& target,
                                            const std::vector<AreaDigest>& before);
[[nodiscard]] Control control_crypt_load(device::LuksLibrary& library,
                                         const device::LuksLocation& location);
[[nodiscard]] Control control_libblkid(Surroundings& surroundings, const std::string& path);
[[nodiscard]] Control control_credential(device::LuksLibrary& library,
                                         const device::LuksLocation& location,
                                         const SecretBytes& credential);
[[nodiscard]] Control control_no_mapping(Surroundings& surroundings, const std::string& uuid);

}  // namespace efface::method

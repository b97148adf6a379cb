// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <array>

#include "efface/base/assert.hpp"
#include "efface/evidence/keys.hpp"

namespace efface::evidence {

namespace {

struct RoleName {
    Role role;
    const char* name;
    const char* oid;
};
// 2.25 and the UUID 30eaa737-5fcf-4399-a56c-0ecec9ad7a27 as an integer (ITU-T X.667 section 7).
constexpr std::array<RoleName, 4> kRoles{{
    {Role::station, "station", "2.25.65021332812177502488472365777237670439.1"},
    {Role::operator_person, "operator", "2.25.65021332812177502488472365777237670439.2"},
    {Role::witness, "witness", "2.25.65021332812177502488472365777237670439.3"},
    {Role::approver, "approver", "2.25.65021332812177502488472365777237670439.4"},
}};

const RoleName& entry_of(Role role) noexcept {
    const auto* found = std::find_if(kRoles.begin(), kRoles.end(),
                                     [role](const RoleName& entry) { return entry.role == role; });
    EFFACE_ASSERT(found != kRoles.end());
    return *found;
}

/// Beside the role, put there by who issued the certificate: the key was made in hardware that does
/// not hand it out.
constexpr const char* kHardwareOid = "2.25.65021332812177502488472365777237670439.32";

}  // namespace

const char* to_string(Role role) noexcept {
    return entry_of(role).name;
}

std::optional<Role> role_from_string(std::string_view text) noexcept {
    const auto* found = std::find_if(kRoles.begin(), kRoles.end(),
                                     [text](const RoleName& entry) { return text == entry.name; });
    return found == kRoles.end() ? std::nullopt : std::optional<Role>(found->role);
}

const char* policy_oid(Role role) noexcept {
    return entry_of(role).oid;
}

const char* to_string(Held held) noexcept {
    return held == Held::hardware ? "hardware" : "software";
}

const char* hardware_oid() noexcept {
    return kHardwareOid;
}

}  // namespace efface::evidence

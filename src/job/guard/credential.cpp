// SPDX-License-Identifier: Apache-2.0
// The project's own credential: read from its file, and tried before anything is destroyed.
#include <fmt/format.h>

#include "efface/base/file.hpp"
#include "efface/job/guard.hpp"

#include "location.hpp"

namespace efface::job {

namespace {
constexpr std::size_t kCredentialBytesMax = std::size_t{8} << 20U;  // cryptsetup's own limit
}  // namespace

SecretBytes read_credential(const mandate::CredentialReference& reference) {
    auto secret = read_secret_file(reference.path, kCredentialBytesMax);
    if (!secret) {
        throw Error(ErrorCode::usage, ReasonCode::no_such_target,
                    reference.path + ": there is no such credential file");
    }
    if (reference.strip_newline && !secret->empty() && secret->view().back() == '\n') {
        secret->shrink(secret->size() - 1);
    }
    return *std::move(secret);
}

void Guard::try_credential(VolumePlan& plan, const mandate::Volume& volume) {
    if (!volume.credential) {
        return;
    }
    Objector objector(plan);
    std::optional<SecretBytes> secret;
    try {
        secret = read_credential(*volume.credential);
    } catch (const Error& error) {
        objector.object(error.reason(), error.what(), error.code());
    }
    // What is in use is not opened, and of a volume that is refused nothing more is asked.
    if (!secret || plan.locations.empty() || !plan.objections.empty()) {
        return;
    }
    const auto& location = plan.locations.front();
    device::LuksLocation where{location.path, std::nullopt};
    if (!location.data_path.empty()) {
        where.data = location.data_path;
    }
    const auto trial = device::trial_of(host_.luks_library().try_unlock(where, *secret));
    switch (trial.result) {
        case device::CredentialTrial::Result::opened:
            plan.credential_opened = true;
            break;
        case device::CredentialTrial::Result::refused:
            plan.credential_opened = false;
            objector.object(
                ReasonCode::credential_does_not_open,
                fmt::format("the declared credential does not open {}: it may be the wrong volume",
                            location.path));
            break;
        case device::CredentialTrial::Result::not_tried:
            plan.residual_risks.push_back(
                {trial.why, fmt::format("{}: whether the declared credential opened the volume "
                                        "before is unknown, for it could not be tried: {}",
                                        location.path, printable(trial.detail))});
            break;
    }
}

}  // namespace efface::job

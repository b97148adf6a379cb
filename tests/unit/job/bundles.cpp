// SPDX-License-Identifier: Apache-2.0
#include "bundles.hpp"

#include "efface/answers/verify.hpp"
#include "efface/evidence/keys.hpp"

#include "catch.hpp"

namespace efface::job {

std::size_t verified_bundles(const StateDirectory& state) {
    std::size_t count = 0;
    if (!std::filesystem::exists(state.certificates())) {
        return 0;
    }
    const auto keys = evidence::KeyStore::open(state.keys());
    const answers::TrustAnchors anchors{keys.root_certificate_pem(), keys.log_verifier_key(),
                                        state.log()};
    for (const auto& entry : std::filesystem::directory_iterator(state.certificates())) {
        const auto verification = answers::verify_bundle(entry.path(), anchors);
        for (const auto& check : verification.checks) {
            INFO(check.name << ": " << check.detail);
            CHECK(check.passed);
        }
        CHECK(verification.ok());
        ++count;
    }
    return count;
}

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
#include "bundles.hpp"

#include "efface/answers/verify.hpp"
#include "efface/evidence/keys.hpp"

#include "catch.hpp"

namespace efface::job {

Bundles look_at_bundles(const StateDirectory& state) {
    Bundles bundles;
    if (!std::filesystem::exists(state.certificates())) {
        return bundles;
    }
    const auto keys = evidence::KeyStore::open(state.keys());
    const answers::TrustAnchors anchors{keys.root_certificate_pem(), keys.log_verifier_key(),
                                        state.log()};
    for (const auto& entry : std::filesystem::directory_iterator(state.certificates())) {
        const auto verification = answers::verify_bundle(entry.path(), anchors);
        ++bundles.all;
        bundles.proved += verification.ok() ? 1U : 0U;
        for (const auto& check : verification.checks) {
            if (!check.passed) {
                bundles.problem = check.name + ": " + check.detail;
            }
        }
    }
    return bundles;
}

std::size_t verified_bundles(const StateDirectory& state) {
    const auto bundles = look_at_bundles(state);
    INFO(bundles.problem);
    CHECK(bundles.proved == bundles.all);
    return bundles.all;
}

}  // namespace efface::job

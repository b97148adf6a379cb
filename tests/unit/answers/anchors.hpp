// SPDX-License-Identifier: Apache-2.0
// What an auditor of the example trusts.
#pragma once

#include "efface/answers/verify.hpp"
#include "efface/base/file.hpp"

#include "example_bundle.hpp"

namespace efface::answers {

[[nodiscard]] inline TrustAnchors anchors_of(const evidence::Example& example, bool with_log) {
    constexpr std::size_t kAnchorBytesMax = std::size_t{64} * 1024;
    TrustAnchors anchors;
    anchors.roots_pem = *read_text_file(example.keys / "root.pem", kAnchorBytesMax);
    std::string line = *read_text_file(example.keys / "log.vkey", kAnchorBytesMax);
    while (!line.empty() && line.back() == '\n') {
        line.pop_back();
    }
    anchors.log_verifier_key = line;
    if (with_log) {
        anchors.log_directory = example.log;
    }
    return anchors;
}

}  // namespace efface::answers

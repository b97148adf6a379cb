// SPDX-License-Identifier: Apache-2.0
// The log in tests/data/evidence/log, which was made with Python.
#pragma once

#include "efface/base/file.hpp"
#include "efface/evidence/log.hpp"

#include "example_files.hpp"

namespace efface::evidence {

inline std::filesystem::path example_folder() {
    return std::filesystem::path(EFFACE_TEST_DATA) / "evidence" / "log";
}

inline std::string content(const std::filesystem::path& path) {
    return read_text_file(path, kFileBytesMax).value();
}

inline NoteSigner example_signer(const char* name = "example.org/log/station-1") {
    SecretBytes seed(32);
    for (std::size_t i = 0; i < seed.size(); ++i) {
        seed.view()[i] = static_cast<std::uint8_t>(i);
    }
    return NoteSigner(name, seed);
}

inline std::vector<Json> example_entries() {
    return {{{"type", "log-created"}, {"at", "2026-11-21T09:00:00Z"}},
            {{"type", "run-intent"}, {"runId", "run-A"}, {"device", "b0f9e2"}},
            {{"type", "run-outcome"}, {"runId", "run-A"}, {"intent", 1}, {"status", "failed"}},
            {{"type", "run-intent"},
             {"runId", "run-B"},
             {"device", "b0f9e2"},
             {"note",
              "zweiter Lauf, gepr\xc3\xbc"
              "ft"}},
            {{"type", "run-outcome"}, {"runId", "run-B"}, {"intent", 3}, {"status", "sanitized"}}};
}

/// Makes the example log again with our code.
inline Log make_example(const std::filesystem::path& folder) {
    Log::create(folder, example_signer());
    Log log = Log::open(folder, example_signer());
    for (const Json& entry : example_entries()) {
        (void)log.append(entry);
    }
    return log;
}

template <typename Call>
std::optional<ErrorCode> error_of(Call call) {
    try {
        call();
    } catch (const Error& error) {
        return error.code();
    }
    return std::nullopt;
}

inline std::optional<ErrorCode> error_of_opening(const std::filesystem::path& folder) {
    return error_of([&] { (void)Log::open(folder, example_signer()); });
}

inline std::string verifier_key() {
    return content(example_folder() / "log.vkey");
}

}  // namespace efface::evidence

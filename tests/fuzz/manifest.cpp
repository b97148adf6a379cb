// SPDX-License-Identifier: Apache-2.0
// Fuzzes the reader of project manifests. What it accepts must be something that can be erased by
// name: absolute paths, identifiers that are safe as file names, and a digest of exactly the input.
#include "efface/mandate/manifest.hpp"

#include <algorithm>

#include "efface/base/digest.hpp"
#include "efface/base/error.hpp"

using namespace efface;

namespace {

bool safe_name(const std::string& name) {
    return !name.empty() && name.front() != '.' && name.find('/') == std::string::npos &&
           std::all_of(name.begin(), name.end(),
                       [](char character) { return character > 0x20 && character < 0x7f; });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto text = as_text({data, size});
    try {
        const auto manifest = mandate::parse_manifest(text);
        EFFACE_ASSERT(manifest.text == text && manifest.sha256 == sha256_hex(text));
        EFFACE_ASSERT(safe_name(manifest.project_id) && !manifest.volumes.empty());
        for (const auto& volume : manifest.volumes) {
            EFFACE_ASSERT(safe_name(volume.name) && volume.path.front() == '/');
            EFFACE_ASSERT(volume.uuid.size() == 36);
        }
        (void)canonical_json(mandate::project_identity(manifest));
    } catch (const Error& error) {
        EFFACE_ASSERT(error.code() == ErrorCode::usage);
    }
    return 0;
}

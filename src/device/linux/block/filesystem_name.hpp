// SPDX-License-Identifier: Apache-2.0
// What the kernel's file system magic numbers mean for overwriting in place.
#pragma once

#include <string>

namespace efface::device {

struct FilesystemTraits {
    std::string name;            ///< or the magic in hex
    bool copy_on_write = false;  ///< by design; for btrfs and f2fs a file may be an exception
    bool remote = false;
    bool memory = false;
};

/// statfs(2) of an open file. Throws Error(internal) when that fails.
[[nodiscard]] FilesystemTraits filesystem_of(int file_descriptor);

}  // namespace efface::device

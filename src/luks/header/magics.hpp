// SPDX-License-Identifier: Apache-2.0
// Marks of file systems, file formats and database pages in what should be ciphertext.
#pragma once

#include <optional>
#include <string>

#include "efface/base/bytes.hpp"

namespace efface::luks {

struct Magic {
    std::string name;        ///< "ext4"
    std::size_t offset = 0;  ///< of the mark itself, in the piece
};
/// The first mark in the piece. Random data has one in fewer than 1 of 10 million pieces.
[[nodiscard]] std::optional<Magic> find_magic(ByteView piece);

}  // namespace efface::luks

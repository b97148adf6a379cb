// SPDX-License-Identifier: Apache-2.0
// Reading a target in bounded pieces, and recognising a header by its first bytes.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "efface/device/block_target.hpp"

namespace efface::luks {

/// One read of a longer walk.
constexpr std::size_t kReadBytesMax = std::size_t{64} * 1024;
/// What is looked at where a header could start.
constexpr std::size_t kPlaceBytes = 512;
/// The binary header of LUKS2; LUKS1 needs the first 1024 bytes of it.
constexpr std::size_t kBinaryHeaderBytes = 4096;
/// A binary header and the first page of the JSON area behind it.
constexpr std::size_t kLookBytes = 2 * kBinaryHeaderBytes;

/// Fills `into` from `offset`, going on after a short transfer while it makes progress. Returns
/// empty, or in words why it could not: "cannot read 512 bytes at 16384: Input/output error (EIO)".
[[nodiscard]] std::string read_exactly(device::BlockTarget& target, std::uint64_t offset,
                                       MutableByteView into);

/// The text in a field of `length` bytes, up to the first zero byte. Borrowed from `bytes`.
[[nodiscard]] std::string_view text_field(ByteView bytes, std::size_t offset, std::size_t length);

/// What the first bytes of a place say.
enum class Sign {
    none,
    primary,      ///< LUKS ba be
    secondary,    ///< SKUL ba be
    reencrypted,  ///< LUKS de ad: marked by an unfinished run of the old cryptsetup-reencrypt
    wiped,        ///< no magic, but the version and UUID of a LUKS header behind it (wipefs)
};
/// `place` is at least kPlaceBytes long.
[[nodiscard]] Sign sign_of(ByteView place);

struct Place {
    Sign sign = Sign::none;
    bool all_zero = false;
    std::string problem;  ///< why it could not be read, or empty
};
/// Looks at the kPlaceBytes (or fewer, at the end of the target) from `offset`, which lies within
/// the target.
[[nodiscard]] Place look_at(device::BlockTarget& target, std::uint64_t offset);

}  // namespace efface::luks

// SPDX-License-Identifier: Apache-2.0
// The Merkle tree of RFC 6962 section 2.1 over nodes that are stored once and never change.
// Private to the evidence module.
//
// Stored order: behind each leaf come the inner nodes that it completes, lowest first, so a log
// that grows only ever appends. Node `n` of `level` covers leaves [n * 2^level, (n + 1) * 2^level).
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "efface/base/digest.hpp"

namespace efface::evidence {

/// Paths of trees with 64-bit sizes are never longer.
constexpr std::size_t kTreeLevelsMax = 64;
/// Larger trees are refused: seq must stay below 2^53 in JSON, and node positions in 64 bits.
constexpr std::uint64_t kTreeSizeMax = std::uint64_t{1} << 53U;

/// How many nodes are stored for `size` leaves.
[[nodiscard]] std::uint64_t stored_node_count(std::uint64_t size) noexcept;
/// The position of a complete node in stored order.
[[nodiscard]] std::uint64_t stored_node_index(unsigned level, std::uint64_t n) noexcept;

/// The node at a position of the stored order.
using NodeSource = std::function<Digest(std::uint64_t position)>;

/// SHA-256 of nothing: the root of the empty tree.
[[nodiscard]] Digest empty_root();
/// Root over leaves [begin, end), begin < end, where `begin` is a multiple of the smallest power
/// of two that is not below end - begin.
[[nodiscard]] Digest range_root(std::uint64_t begin, std::uint64_t end, const NodeSource& source);
/// Root over the first `size` leaves.
[[nodiscard]] Digest tree_root(std::uint64_t size, const NodeSource& source);
/// RFC 6962 section 2.1.1; index < size. Reads O(log size) nodes.
[[nodiscard]] std::vector<Digest> inclusion_path(std::uint64_t index, std::uint64_t size,
                                                 const NodeSource& source);
/// RFC 6962 section 2.1.2; old_size <= size. Empty for old_size 0 and old_size == size.
[[nodiscard]] std::vector<Digest> consistency_path(std::uint64_t old_size, std::uint64_t size,
                                                   const NodeSource& source);

/// The right edge of a growing tree: one complete node for every bit set in the size.
class Frontier final {
  public:
    Frontier() = default;
    /// The edge of a tree of `size` leaves that is stored already.
    Frontier(std::uint64_t size, const NodeSource& source);

    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    [[nodiscard]] Digest root() const;
    /// Adds a leaf; appends to `created` the nodes it makes, in stored order.
    void push(const Digest& leaf, std::vector<Digest>& created);

  private:
    std::uint64_t size_ = 0;
    std::vector<Digest> nodes_;  ///< widest first
};

}  // namespace efface::evidence

// SPDX-License-Identifier: Apache-2.0
#include "merkle.hpp"

#include <algorithm>
#include <bit>

#include "efface/evidence/log.hpp"

namespace efface::evidence {

namespace {

/// The largest power of two strictly below `size`; size >= 2.
std::uint64_t split_point(std::uint64_t size) noexcept {
    return std::bit_floor(size - 1);
}

/// Folds complete nodes of falling width, the widest first, into their root.
Digest fold(const std::vector<Digest>& nodes) {
    EFFACE_ASSERT(!nodes.empty());
    Digest root = nodes.back();
    for (std::size_t i = nodes.size() - 1; i-- > 0;) {
        root = node_hash(nodes[i], root);
    }
    return root;
}

}  // namespace

Digest leaf_hash(ByteView entry) {
    constexpr std::uint8_t kLeafPrefix = 0x00;
    Sha256 hash;
    hash.update({&kLeafPrefix, 1});
    hash.update(entry);
    return hash.finish();
}

Digest node_hash(const Digest& left, const Digest& right) {
    constexpr std::uint8_t kNodePrefix = 0x01;
    Sha256 hash;
    hash.update({&kNodePrefix, 1});
    hash.update(left);
    hash.update(right);
    return hash.finish();
}

Digest empty_root() {
    return sha256(ByteView{});
}

std::uint64_t stored_node_count(std::uint64_t size) noexcept {
    // Level l holds floor(size / 2^l) complete nodes.
    std::uint64_t count = 0;
    for (std::uint64_t level = size; level > 0; level >>= 1U) {
        count += level;
    }
    return count;
}

std::uint64_t stored_node_index(unsigned level, std::uint64_t n) noexcept {
    // The node is written right behind its last leaf and that leaf's `level` lower ancestors.
    const std::uint64_t last_leaf = ((n + 1) << level) - 1;
    return stored_node_count(last_leaf) + level;
}

Digest range_root(std::uint64_t begin, std::uint64_t end, const NodeSource& source) {
    EFFACE_ASSERT(begin < end && end <= kTreeSizeMax);
    EFFACE_ASSERT(begin % std::bit_ceil(end - begin) == 0);
    std::vector<Digest> nodes;
    while (begin < end) {
        const std::uint64_t width = std::bit_floor(end - begin);
        const auto level = static_cast<unsigned>(std::countr_zero(width));
        nodes.push_back(source(stored_node_index(level, begin >> level)));
        begin += width;
    }
    return fold(nodes);
}

Digest tree_root(std::uint64_t size, const NodeSource& source) {
    return size == 0 ? empty_root() : range_root(0, size, source);
}

std::vector<Digest> inclusion_path(std::uint64_t index, std::uint64_t size,
                                   const NodeSource& source) {
    EFFACE_ASSERT(index < size && size <= kTreeSizeMax);
    std::vector<Digest> path;
    std::uint64_t begin = 0;
    std::uint64_t end = size;
    while (end - begin > 1) {
        const std::uint64_t middle = begin + split_point(end - begin);
        if (index < middle) {
            path.push_back(range_root(middle, end, source));
            end = middle;
        } else {
            path.push_back(range_root(begin, middle, source));
            begin = middle;
        }
    }
    std::reverse(path.begin(), path.end());  // found from the root down, written from the leaf up
    return path;
}

std::vector<Digest> consistency_path(std::uint64_t old_size, std::uint64_t size,
                                     const NodeSource& source) {
    EFFACE_ASSERT(old_size <= size && size <= kTreeSizeMax);
    std::vector<Digest> path;
    if (old_size == 0) {
        return path;
    }
    std::uint64_t begin = 0;
    std::uint64_t end = size;
    while (end != old_size) {
        const std::uint64_t middle = begin + split_point(end - begin);
        if (old_size <= middle) {
            path.push_back(range_root(middle, end, source));
            end = middle;
        } else {
            path.push_back(range_root(begin, middle, source));
            begin = middle;
        }
    }
    if (begin != 0) {  // else the node is the old root, which the verifier has
        path.push_back(range_root(begin, end, source));
    }
    std::reverse(path.begin(), path.end());
    return path;
}

std::optional<Digest> root_from_inclusion(std::uint64_t index, std::uint64_t size,
                                          const Digest& leaf, const std::vector<Digest>& path) {
    if (index >= size || path.size() > kTreeLevelsMax) {
        return std::nullopt;
    }
    // fn and sn as in RFC 9162 section 2.1.3.2.
    std::uint64_t fn = index;
    std::uint64_t sn = size - 1;
    Digest root = leaf;
    for (const Digest& sibling : path) {
        if (sn == 0) {
            return std::nullopt;
        }
        if ((fn & 1U) != 0 || fn == sn) {
            root = node_hash(sibling, root);
            while ((fn & 1U) == 0 && fn != 0) {
                fn >>= 1U;
                sn >>= 1U;
            }
        } else {
            root = node_hash(root, sibling);
        }
        fn >>= 1U;
        sn >>= 1U;
    }
    return sn == 0 ? std::optional(root) : std::nullopt;
}

bool consistency_holds(std::uint64_t old_size, const Digest& old_root, std::uint64_t new_size,
                       const Digest& new_root, const std::vector<Digest>& path) {
    if (old_size > new_size || path.size() > kTreeLevelsMax) {
        return false;
    }
    if (old_size == new_size) {
        return path.empty() && old_root == new_root;
    }
    if (old_size == 0) {  // every tree continues the empty one
        return path.empty() && old_root == empty_root();
    }
    const bool old_root_is_node = std::has_single_bit(old_size);
    if (path.empty() && !old_root_is_node) {
        return false;
    }
    // fn, sn, fr and sr as in RFC 9162 section 2.1.4.2.
    std::uint64_t fn = old_size - 1;
    std::uint64_t sn = new_size - 1;
    while ((fn & 1U) != 0) {
        fn >>= 1U;
        sn >>= 1U;
    }
    Digest fr = old_root_is_node ? old_root : path.front();
    Digest sr = fr;
    for (std::size_t i = old_root_is_node ? 0 : 1; i < path.size(); ++i) {
        if (sn == 0) {
            return false;
        }
        if ((fn & 1U) != 0 || fn == sn) {
            fr = node_hash(path[i], fr);
            sr = node_hash(path[i], sr);
            while ((fn & 1U) == 0 && fn != 0) {
                fn >>= 1U;
                sn >>= 1U;
            }
        } else {
            sr = node_hash(sr, path[i]);
        }
        fn >>= 1U;
        sn >>= 1U;
    }
    return sn == 0 && fr == old_root && sr == new_root;
}

Frontier::Frontier(std::uint64_t size, const NodeSource& source) : size_(size) {
    EFFACE_ASSERT(size <= kTreeSizeMax);
    for (std::uint64_t begin = 0; begin < size;) {
        const std::uint64_t width = std::bit_floor(size - begin);
        const auto level = static_cast<unsigned>(std::countr_zero(width));
        nodes_.push_back(source(stored_node_index(level, begin >> level)));
        begin += width;
    }
}

Digest Frontier::root() const {
    return nodes_.empty() ? empty_root() : fold(nodes_);
}

void Frontier::push(const Digest& leaf, std::vector<Digest>& created) {
    EFFACE_ASSERT(size_ < kTreeSizeMax);
    Digest node = leaf;
    created.push_back(node);
    // One bit at the end of the old size, one complete node that now has its right sibling.
    for (std::uint64_t rest = size_; (rest & 1U) != 0; rest >>= 1U) {
        node = node_hash(nodes_.back(), node);
        nodes_.pop_back();
        created.push_back(node);
    }
    nodes_.push_back(node);
    ++size_;
}

}  // namespace efface::evidence

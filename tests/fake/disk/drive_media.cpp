// SPDX-License-Identifier: Apache-2.0
#include "drive_media.hpp"

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

namespace efface::fake {

DriveMedia::DriveMedia(std::uint64_t blocks, std::uint32_t block_bytes, std::uint64_t spare_blocks)
    : blocks_(blocks),
      block_bytes_(block_bytes),
      spare_blocks_(spare_blocks),
      visible_(blocks * block_bytes) {}

void DriveMedia::read(std::uint64_t block, MutableByteView into) const {
    const std::uint64_t offset = block * block_bytes_;
    EFFACE_ASSERT(offset + into.size() <= visible_.size());
    std::copy_n(visible_.begin() + static_cast<std::ptrdiff_t>(offset), into.size(), into.begin());
}

void DriveMedia::write(std::uint64_t block, ByteView from) {
    const std::uint64_t offset = block * block_bytes_;
    EFFACE_ASSERT(from.size() % block_bytes_ == 0 && offset + from.size() <= visible_.size());
    for (std::size_t at = 0; at < from.size(); at += block_bytes_) {
        const auto place = MutableByteView(visible_).subspan(offset + at, block_bytes_);
        if (spare_blocks_ > 0) {
            spare_.emplace_back(place.begin(), place.end());
            if (spare_.size() > spare_blocks_) {
                spare_.pop_front();
            }
        }
        std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(at), block_bytes_, place.begin());
    }
}

void DriveMedia::retire(std::uint64_t block) {
    Bytes content(block_bytes_);
    read(block, content);
    retired_.push_back(std::move(content));
}

void DriveMedia::leave(MutableByteView place, Leave what) {
    switch (what) {
        case Leave::zeros:
            std::fill(place.begin(), place.end(), std::uint8_t{0});
            return;
        case Leave::ones:
            std::fill(place.begin(), place.end(), std::uint8_t{0xff});
            return;
        case Leave::noise: {
            std::mt19937_64 generator(++noise_);
            for (std::size_t at = 0; at < place.size(); at += sizeof(std::uint64_t)) {
                const auto word = generator();
                std::memcpy(&place[at], &word, std::min(sizeof word, place.size() - at));
            }
            return;
        }
    }
}

void DriveMedia::erase(std::uint64_t first_block, std::uint64_t count, Leave what) {
    EFFACE_ASSERT(first_block <= blocks_ && count <= blocks_ - first_block);
    leave(MutableByteView(visible_).subspan(first_block * block_bytes_, count * block_bytes_),
          what);
}

void DriveMedia::reblock(std::uint32_t block_bytes) {
    EFFACE_ASSERT(spare_.empty() && retired_.empty());
    block_bytes_ = block_bytes;
    blocks_ = visible_.size() / block_bytes;
    visible_.resize(blocks_ * block_bytes);
}

void DriveMedia::forget(std::uint64_t first_block, std::uint64_t count) {
    for (std::uint64_t block = first_block; block < first_block + count; ++block) {
        retire(block);
    }
    erase(first_block, count, Leave::zeros);
}

void DriveMedia::fill(std::uint64_t first_block, std::uint64_t count, ByteView pattern) {
    EFFACE_ASSERT(first_block <= blocks_ && count <= blocks_ - first_block && !pattern.empty());
    const std::uint64_t begin = first_block * block_bytes_;
    std::vector<std::uint8_t> block(block_bytes_);
    for (std::size_t i = 0; i < block.size(); ++i) {
        block[i] = pattern[i % pattern.size()];
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        std::copy(block.begin(), block.end(),
                  visible_.begin() + static_cast<std::ptrdiff_t>(begin + i * block_bytes_));
    }
}

void DriveMedia::erase_spare(Leave what) {
    for (auto& place : spare_) {
        leave(place, what);
    }
}

void DriveMedia::erase_retired(Leave what) {
    for (auto& place : retired_) {
        leave(place, what);
    }
}

bool DriveMedia::holds(ByteView block_content) const {
    EFFACE_ASSERT(block_content.size() == block_bytes_);
    const auto same = [&](ByteView place) {
        return std::equal(place.begin(), place.end(), block_content.begin());
    };
    for (std::uint64_t block = 0; block < blocks_; ++block) {
        if (same(ByteView(visible_).subspan(block * block_bytes_, block_bytes_))) {
            return true;
        }
    }
    return std::any_of(spare_.begin(), spare_.end(), same);
}

bool DriveMedia::retired_holds(ByteView block_content) const {
    return std::any_of(retired_.begin(), retired_.end(), [&](const Bytes& place) {
        return std::equal(place.begin(), place.end(), block_content.begin(), block_content.end());
    });
}

Bytes DriveMedia::everything() const {
    Bytes all = visible_;
    for (const auto* places : {&spare_, &retired_}) {
        for (const auto& place : *places) {
            all.insert(all.end(), place.begin(), place.end());
        }
    }
    return all;
}

}  // namespace efface::fake

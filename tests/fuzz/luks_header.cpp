// SPDX-License-Identifier: Apache-2.0
// The first bytes of a target, through everything that reads LUKS metadata. The target is larger
// than the input and zero behind it, so that small inputs reach second headers and gaps. An input
// that begins with '{' is the JSON text of an otherwise good LUKS2 header.
#include <algorithm>
#include <cstdlib>

#include "efface/luks/header.hpp"
#include "efface/luks/payload_sample.hpp"

namespace {

using namespace efface;

constexpr std::uint64_t kTargetBytes = std::uint64_t{6} << 20U;

class InputTarget final : public device::BlockTarget {
  public:
    InputTarget(ByteView input, std::uint64_t size) : input_(input), size_(size) {}

    [[nodiscard]] std::uint64_t size_bytes() const override { return size_; }
    [[nodiscard]] std::uint32_t preferred_alignment() const override { return 512; }
    device::IoResult read_at(std::uint64_t offset, MutableByteView into) override {
        if (offset > size_ || into.size() > size_ - offset) {
            std::abort();  // nothing may look beyond the end
        }
        std::fill(into.begin(), into.end(), std::uint8_t{0});
        if (offset < input_.size()) {
            const auto at = static_cast<std::size_t>(offset);
            const std::size_t length = std::min(into.size(), input_.size() - at);
            std::copy_n(input_.begin() + static_cast<long>(at), length, into.begin());
        }
        return {into.size(), 0};
    }
    device::IoResult write_at(std::uint64_t /*offset*/, ByteView /*from*/) override {
        std::abort();  // read-only is a promise
    }
    [[nodiscard]] int flush() override { std::abort(); }

  private:
    ByteView input_;
    std::uint64_t size_;
};

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

void look(ByteView input, std::uint64_t size) {
    InputTarget target(input, size);
    const luks::Header header = luks::inspect(target);
    require(!canonical_json(luks::to_json(header)).empty());
    require(!header.intact || (header.found() && header.defects.empty()));
    for (const bool whole : {false, true}) {
        const luks::MetadataRegion region = luks::metadata_region(header, size, whole);
        std::uint64_t end = 0;
        for (const luks::Range& range : region.ranges) {
            require(range.offset >= end && range.length != 0 && range.end() <= size);
            end = range.end();
        }
        const luks::RemnantReport report = luks::find_remnants(target, region.ranges);
        require(report.unreadable.empty());
        // A plan ends, whatever it finds, within the target.
        const luks::MetadataRegion planned = luks::plan_region(target, header, whole);
        require(planned.ranges.empty() || planned.ranges.back().end() <= size);
        // What inspect() calls a header must also count as a remnant.
        require(!header.found() || !report.remnants.empty());
        require(!header.found() || !region.ranges.empty());
    }
    if (input.size() >= luks::kPieceBytesMin) {
        (void)luks::classify(input.first(std::min<std::size_t>(input.size(), luks::kSampleBytes)));
    }
}

Bytes with_binary_header(ByteView text) {
    constexpr std::uint64_t kHeaderBytes = 16384;
    constexpr std::size_t kBinaryBytes = 4096;
    constexpr std::string_view kMagic = "LUKS\xba\xbe";
    constexpr std::string_view kAlgorithm = "sha256";
    Bytes header(kHeaderBytes, 0);
    std::copy(kMagic.begin(), kMagic.end(), header.begin());
    header[7] = 2;
    write_be<std::uint64_t>(header, 8, kHeaderBytes);
    std::copy(kAlgorithm.begin(), kAlgorithm.end(), header.begin() + 72);
    const std::size_t length = std::min(text.size(), kHeaderBytes - kBinaryBytes);
    std::copy_n(text.begin(), length, header.begin() + kBinaryBytes);
    return header;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const ByteView input(data, size);
    if (size != 0 && data[0] == '{') {
        look(with_binary_header(input), kTargetBytes);
        return 0;
    }
    look(input, kTargetBytes);
    look(input, size);
    return 0;
}

// SPDX-License-Identifier: Apache-2.0
// Every damage of a header alone and with every other one, generated: whatever is left, either all
// key space is in the region that will go, or what is left is named.
// tests/system/luks/cross_test.py does the same with volumes of cryptsetup, the program and an
// unlocker of our own.
#include <functional>

#include "efface/luks/header.hpp"

#include "catch.hpp"
#include "fake/disk/memory_disk.hpp"
#include "images.hpp"

using namespace efface;
using namespace efface::test;
using efface::fake::MemoryDisk;

namespace {

constexpr std::size_t kHeader = 16384;
constexpr std::size_t kBinary = 4096;
constexpr std::size_t kArea = 32768;
constexpr std::size_t kAreaBytes = 258048;
constexpr std::size_t kPayload = 1048576;
constexpr std::size_t kGapCopy = 0x90000;  // none of the ten places
constexpr std::size_t kImage = 2U << 20U;

struct Damage {
    std::string name;
    std::function<void(Bytes&)> apply;
    /// Of the JSON of copy 0, of copy 1: what a key needs is gone from it.
    bool text_lost[2] = {false, false};
    /// The damage adds another whole header with its JSON.
    bool adds_text = false;
};

std::vector<Damage> of_copy(std::size_t copy) {
    const std::size_t at = copy * kHeader;
    const std::string name = copy == 0 ? "primary " : "secondary ";
    const auto zero = [at](std::size_t offset, std::size_t length) {
        return [=](Bytes& image) { put(image, at + offset, Bytes(length, 0)); };
    };
    const auto flip = [at](std::size_t offset) {
        return [=](Bytes& image) { image[at + offset] ^= 1; };
    };
    Damage text{name + "JSON", zero(kBinary, kHeader - kBinary), {}, false};
    text.text_lost[copy] = true;
    return {{name + "magic", zero(0, 6), {}, false},
            {name + "version", flip(7), {}, false},
            {name + "size", flip(9), {}, false},
            {name + "UUID", flip(170), {}, false},
            {name + "checksum", flip(450), {}, false},
            {name + "binary header", zero(0, kBinary), {}, false},
            {name + "beginning of the JSON", zero(kBinary, 64), {}, false},
            {name + "end of the JSON", zero(kBinary + 500, kHeader - kBinary - 500), {}, false},
            {name + "bit of the JSON", flip(kBinary + 40), {}, false},
            text};
}

std::vector<Damage> damages() {
    std::vector<Damage> all = of_copy(0);
    for (Damage& damage : of_copy(1)) {
        all.push_back(std::move(damage));
    }
    all.push_back({"half a key area",
                   [](Bytes& image) { put(image, kArea, Bytes(kAreaBytes / 2, 0)); },
                   {},
                   false});
    all.push_back(
        {"a copy in the gap",
         [](Bytes& image) { put(image, kGapCopy, luks2_header(luks2_document().dump(), false)); },
         {},
         true});
    all.push_back(
        {"a second header of former times",
         [](Bytes& image) { put(image, 0x40000, luks2_header(luks2_document().dump(), true)); },
         {},
         true});
    all.push_back(
        {"a volume in the payload",
         [](Bytes& image) { put(image, kPayload, luks2_header(luks2_document().dump(), false)); },
         {},
         true});
    return all;
}

bool covers(const std::vector<luks::Range>& ranges, std::uint64_t offset, std::uint64_t length) {
    return std::any_of(ranges.begin(), ranges.end(), [&](const luks::Range& range) {
        return range.offset <= offset && offset + length <= range.end();
    });
}

void check(const Bytes& image, const std::vector<const Damage*>& done) {
    MemoryDisk disk(image);
    const auto header = luks::inspect(disk);
    bool text_lost = true;
    for (std::size_t copy = 0; copy < 2; ++copy) {
        text_lost = text_lost && std::any_of(done.begin(), done.end(), [&](const Damage* damage) {
                        return damage->text_lost[copy];
                    });
    }
    const bool adds = std::any_of(done.begin(), done.end(),
                                  [](const Damage* damage) { return damage->adds_text; });
    if (!header.found()) {
        // Nobody overwrites this without being told to; it must not pass for gone.
        const auto left = luks::find_remnants(disk, {}, luks::kMetadataBytesMax);
        CHECK(left.remnants.empty() == (text_lost && !adds));
        return;
    }
    const auto region = luks::plan_region(disk, header, false);
    CHECK(covers(region.ranges, 0, kPayload));
    CHECK(region.beyond.empty());
    CHECK(region.unbounded.length == 0);
    for (const auto& range : region.ranges) {
        put(disk.media(), range.offset, Bytes(range.length, 0x77));
    }
    CHECK(luks::find_remnants(disk, region.ranges).nothing());
    CHECK(luks::find_remnants(disk, {}, kImage).nothing());
    // Neither of these can be seen: the geometry stays certain.
    const bool unseen = std::all_of(done.begin(), done.end(), [](const Damage* damage) {
        return damage->name == "half a key area" || damage->name == "a copy in the gap";
    });
    CHECK(region.widened != unseen);
    CHECK((header.intact || !unseen));
}

}  // namespace

TEST_CASE("every damage of a LUKS2 header, alone and in pairs: all key space goes, or is named") {
    const std::vector<Damage> all = damages();
    const Bytes whole = luks2_image(luks2_document().dump(), kImage);
    std::size_t cases = 0;
    for (std::size_t first = 0; first < all.size(); ++first) {
        for (std::size_t second = first; second < all.size(); ++second) {
            Bytes image = whole;
            all[first].apply(image);
            std::vector<const Damage*> done = {&all[first]};
            if (second != first) {
                all[second].apply(image);
                done.push_back(&all[second]);
            }
            CAPTURE(all[first].name, all[second].name);
            check(image, done);
            ++cases;
        }
    }
    CHECK(cases == all.size() * (all.size() + 1) / 2);
}

TEST_CASE("every damage of a LUKS1 header: all key space goes, or is named") {
    constexpr std::size_t kPayload1 = 2097152;
    const std::vector<std::pair<const char*, std::function<void(Bytes&)>>> all = {
        {"magic", [](Bytes& image) { put(image, 0, Bytes(6, 0)); }},
        {"version", [](Bytes& image) { image[7] ^= 4; }},
        {"first bytes", [](Bytes& image) { put(image, 0, Bytes(104, 0)); }},
        {"all before the slots", [](Bytes& image) { put(image, 0, Bytes(208, 0)); }},
        {"a slot", [](Bytes& image) { put(image, 208, Bytes(48, 0)); }},
        {"a slot's offset", [](Bytes& image) { image[208 + 40] ^= 0x40; }},
        {"UUID", [](Bytes& image) { image[170] ^= 1; }},
        {"key size", [](Bytes& image) { image[110] ^= 0x20; }},
        {"payload offset", [](Bytes& image) { put_u32(image, 104, 0x7fffffff); }}};
    for (std::size_t first = 0; first < all.size(); ++first) {
        for (std::size_t second = first; second < all.size(); ++second) {
            Bytes image = luks1_image();
            all[first].second(image);
            if (second != first) {
                all[second].second(image);
            }
            CAPTURE(all[first].first, all[second].first);
            MemoryDisk disk(image);
            const auto header = luks::inspect(disk);
            if (!header.found()) {
                CHECK_FALSE(luks::find_remnants(disk, {}).nothing());
            } else {
                CHECK(covers(luks::plan_region(disk, header, false).ranges, 0, kPayload1));
            }
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
// Roots and proofs of the leaves that the certificate-transparency projects test with; the digests
// over many trees come from a recursion after RFC 6962 written in Python.
#include "tlog/merkle.hpp"

#include <array>

#include "efface/evidence/log.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

constexpr std::array kLeaves{"",
                             "00",
                             "10",
                             "2021",
                             "3031",
                             "40414243",
                             "5051525354555657",
                             "606162636465666768696a6b6c6d6e6f"};
constexpr std::array kRoots{"e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
                            "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
                            "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
                            "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
                            "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
                            "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
                            "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
                            "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
                            "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"};

Digest digest_of(std::string_view hex) {
    const auto bytes = from_hex(hex);
    Digest digest{};
    REQUIRE((bytes && bytes->size() == digest.size()));
    std::copy(bytes->begin(), bytes->end(), digest.begin());
    return digest;
}

std::vector<std::string> hex_of(const std::vector<Digest>& path) {
    std::vector<std::string> text;
    for (const Digest& digest : path) {
        text.push_back(to_hex(digest));
    }
    return text;
}

/// A stored tree: nodes in the order in which the frontier makes them.
struct StoredTree {
    Frontier frontier;
    std::vector<Digest> nodes;

    void add(ByteView entry) { frontier.push(leaf_hash(entry), nodes); }
    [[nodiscard]] NodeSource source() const {
        return
            [this](std::uint64_t position) { return nodes.at(static_cast<std::size_t>(position)); };
    }
};

StoredTree transparency_tree() {
    StoredTree tree;
    for (const char* leaf : kLeaves) {
        tree.add(from_hex(leaf).value());
    }
    return tree;
}

StoredTree numbered_tree(unsigned size) {
    StoredTree tree;
    for (unsigned i = 0; i < size; ++i) {
        tree.add(as_bytes(std::to_string(i)));
    }
    return tree;
}

}  // namespace

TEST_CASE("a leaf is hashed with the prefix 00 and a node with the prefix 01") {
    CHECK(to_hex(leaf_hash(as_bytes("L123456"))) ==
          "395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56");
    const Digest first = leaf_hash({});
    const Digest second = leaf_hash(from_hex("00").value());
    CHECK(to_hex(first) == kRoots[1]);
    CHECK(to_hex(node_hash(first, second)) == kRoots[2]);
}

TEST_CASE("the frontier gives the published root at every size") {
    Frontier frontier;
    std::vector<Digest> nodes;
    CHECK(to_hex(frontier.root()) == kRoots[0]);
    for (std::size_t i = 0; i < kLeaves.size(); ++i) {
        frontier.push(leaf_hash(from_hex(kLeaves.at(i)).value()), nodes);
        CHECK(to_hex(frontier.root()) == kRoots.at(i + 1));
    }
}

TEST_CASE("the stored nodes give the published root of every earlier size") {
    const StoredTree tree = transparency_tree();
    CHECK(tree.nodes.size() == stored_node_count(8));
    for (std::size_t size = 0; size < kRoots.size(); ++size) {
        CHECK(to_hex(tree_root(size, tree.source())) == kRoots.at(size));
        CHECK(to_hex(Frontier(size, tree.source()).root()) == kRoots.at(size));
    }
}

TEST_CASE("nodes are stored behind the leaf that completes them") {
    // Seven leaves: 0 1 (01) 2 3 (23) (0123) 4 5 (45) 6
    CHECK(stored_node_count(0) == 0);
    CHECK(stored_node_count(1) == 1);
    CHECK(stored_node_count(7) == 11);
    CHECK(stored_node_index(0, 0) == 0);
    CHECK(stored_node_index(1, 0) == 2);
    CHECK(stored_node_index(0, 3) == 4);
    CHECK(stored_node_index(1, 1) == 5);
    CHECK(stored_node_index(2, 0) == 6);
    CHECK(stored_node_index(0, 6) == 10);
}

TEST_CASE("inclusion paths are the published ones") {
    const StoredTree tree = transparency_tree();
    using Hex = std::vector<std::string>;
    CHECK(hex_of(inclusion_path(0, 1, tree.source())) == Hex{});
    CHECK(hex_of(inclusion_path(0, 8, tree.source())) ==
          Hex{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
              "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
              "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"});
    CHECK(hex_of(inclusion_path(5, 8, tree.source())) ==
          Hex{"bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
              "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
              "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"});
    CHECK(hex_of(inclusion_path(2, 3, tree.source())) ==
          Hex{"fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"});
    CHECK(hex_of(inclusion_path(1, 5, tree.source())) ==
          Hex{"6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
              "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
              "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"});
}

TEST_CASE("consistency paths are the published ones") {
    const StoredTree tree = transparency_tree();
    using Hex = std::vector<std::string>;
    CHECK(hex_of(consistency_path(1, 1, tree.source())) == Hex{});
    CHECK(hex_of(consistency_path(1, 8, tree.source())) ==
          Hex{"96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
              "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
              "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4"});
    CHECK(hex_of(consistency_path(6, 8, tree.source())) ==
          Hex{"0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
              "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
              "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7"});
    CHECK(hex_of(consistency_path(2, 5, tree.source())) ==
          Hex{"5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
              "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"});
}

TEST_CASE("all paths of all trees up to 130 leaves equal those of an independent recursion") {
    const StoredTree tree = numbered_tree(130);
    Sha256 inclusion;
    Sha256 consistency;
    for (std::uint64_t size = 1; size <= 130; ++size) {
        for (std::uint64_t index = 0; index < size; ++index) {
            for (const Digest& hash : inclusion_path(index, size, tree.source())) {
                inclusion.update(hash);
            }
            for (const Digest& hash : consistency_path(index + 1, size, tree.source())) {
                consistency.update(hash);
            }
        }
    }
    CHECK(to_hex(inclusion.finish()) ==
          "5b259a2f998681a828a5b4c5e01933be50ff740b481a56e47a63ea7e63454115");
    CHECK(to_hex(consistency.finish()) ==
          "3cafff97c75185d40d703248c88fe4d6b62f57de8ca27024f9e1289a19593cf4");
}

TEST_CASE("a published inclusion path leads to the published root") {
    const std::vector<Digest> path{
        digest_of("bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b"),
        digest_of("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
        digest_of(kRoots[4])};
    const Digest leaf = leaf_hash(from_hex(kLeaves[5]).value());
    CHECK(root_from_inclusion(5, 8, leaf, path) == digest_of(kRoots[8]));
    CHECK(root_from_inclusion(4, 8, leaf, path) != digest_of(kRoots[8]));
    CHECK(root_from_inclusion(0, 1, digest_of(kRoots[1]), {}) == digest_of(kRoots[1]));
}

TEST_CASE("an inclusion path of the wrong length or index gives no root") {
    const Digest leaf = leaf_hash({});
    const std::vector<Digest> two(2, leaf);
    CHECK(root_from_inclusion(0, 4, leaf, two));
    CHECK_FALSE(root_from_inclusion(0, 8, leaf, two));
    CHECK_FALSE(root_from_inclusion(0, 2, leaf, two));
    CHECK_FALSE(root_from_inclusion(4, 4, leaf, two));
    CHECK_FALSE(root_from_inclusion(0, 0, leaf, {}));
    CHECK_FALSE(root_from_inclusion(0, ~std::uint64_t{0}, leaf, std::vector<Digest>(65, leaf)));
}

TEST_CASE("a published consistency path holds for its roots and for no others") {
    const std::vector<Digest> path{
        digest_of("0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a"),
        digest_of("ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0"),
        digest_of(kRoots[4])};
    const Digest six = digest_of(kRoots[6]);
    const Digest eight = digest_of(kRoots[8]);
    CHECK(consistency_holds(6, six, 8, eight, path));
    CHECK_FALSE(consistency_holds(6, digest_of(kRoots[5]), 8, eight, path));
    CHECK_FALSE(consistency_holds(6, six, 8, digest_of(kRoots[7]), path));
    CHECK_FALSE(consistency_holds(5, six, 8, eight, path));
    CHECK_FALSE(consistency_holds(6, six, 9, eight, path));
    for (std::size_t i = 0; i < path.size(); ++i) {
        std::vector<Digest> changed = path;
        changed[i][31] ^= 1U;
        CHECK_FALSE(consistency_holds(6, six, 8, eight, changed));
        changed = path;
        changed.erase(changed.begin() + static_cast<std::ptrdiff_t>(i));
        CHECK_FALSE(consistency_holds(6, six, 8, eight, changed));
    }
    std::vector<Digest> longer = path;
    longer.push_back(eight);
    CHECK_FALSE(consistency_holds(6, six, 8, eight, longer));
    CHECK_FALSE(consistency_holds(6, six, 8, eight, {}));
}

TEST_CASE("a tree is consistent with itself and with the empty tree, without a path") {
    const Digest empty = digest_of(kRoots[0]);
    const Digest five = digest_of(kRoots[5]);
    CHECK(consistency_holds(5, five, 5, five, {}));
    CHECK_FALSE(consistency_holds(5, five, 5, five, {five}));
    CHECK_FALSE(consistency_holds(5, five, 5, digest_of(kRoots[4]), {}));
    CHECK(consistency_holds(0, empty, 5, five, {}));
    CHECK_FALSE(consistency_holds(0, five, 5, five, {}));
    CHECK_FALSE(consistency_holds(6, five, 5, five, {}));
}

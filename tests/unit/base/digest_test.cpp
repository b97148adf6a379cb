// SPDX-License-Identifier: Apache-2.0
#include "efface/base/digest.hpp"

#include "catch.hpp"

using namespace efface;

// FIPS 180-4 examples (NIST CSRC).
TEST_CASE("SHA-256 gives the published digests", "[base][digest]") {
    CHECK(sha256_hex("abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    CHECK(sha256_hex("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    CHECK(sha256_hex("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
          "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST_CASE("a digest may be fed in pieces and used again", "[base][digest]") {
    Sha256 hash;
    for (int i = 0; i < 1000; ++i) {
        hash.update(as_bytes(std::string(1000, 'a')));
    }
    CHECK(to_hex(hash.finish()) ==
          "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    hash.update(as_bytes("abc"));
    CHECK(to_hex(hash.finish()) ==
          "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

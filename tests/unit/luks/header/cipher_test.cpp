// SPDX-License-Identifier: Apache-2.0
#include "efface/luks/cipher.hpp"

#include "catch.hpp"

using namespace efface::luks;

namespace {
CipherStrength strength(std::string_view text) {
    return strength_of(parse_cipher(text));
}
using Words = std::vector<std::string>;
}  // namespace

TEST_CASE("a cipher specification is split as dm-crypt splits it") {
    CHECK(parse_cipher("aes-xts-plain64").words == Words{"aes", "xts"});
    CHECK(parse_cipher("aes-xts-plain64").iv == "plain64");
    CHECK(parse_cipher("aes:2-cbc-essiv:sha3-256").words == Words{"aes", "cbc"});
    CHECK(parse_cipher("aes:2-cbc-essiv:sha3-256").iv == "essiv:sha3-256");
    CHECK(parse_cipher("capi:authenc(hmac(sha256),xts(aes))-random").words ==
          Words{"authenc", "hmac", "sha256", "xts", "aes"});
    CHECK(parse_cipher("capi:cbc(aes)-essiv:sha256").words == Words{"cbc", "aes"});
    CHECK(parse_cipher("capi:cbc(aes)-essiv:sha256").iv == "essiv:sha256");
    CHECK(parse_cipher("aes").words == Words{"aes"});
    CHECK(parse_cipher("").words.empty());
}

TEST_CASE("a null cipher is one in any spelling") {
    for (const char* text :
         {"cipher_null-ecb", "null", "null-ecb", "NULL", "Cipher_Null-ECB", "cipher_null-cbc-plain",
          "cipher_null", "capi:cipher_null", "capi:ecb(cipher_null)-plain", "capi:ecb-cipher_null",
          "CAPI:ECB(CIPHER_NULL)-PLAIN64", "capi:authenc(hmac(sha256),ecb(cipher_null))-plain64",
          "capi:cipher_null-plain", "", "-", "aes-null-plain"}) {
        CAPTURE(text);
        CHECK(strength(text) == CipherStrength::none);
    }
}

TEST_CASE("ECB is ECB in any spelling") {
    for (const char* text :
         {"aes-ecb", "AES-ECB", "aes-ecb-plain", "capi:ecb(aes)-plain", "capi:ecb(aes)",
          "capi:ECB(AES)-plain64", "capi:ecb-aes-aesni-plain64", "capi:cryptd(ecb(aes))-plain",
          "serpent:1-ecb", "capi:authenc(hmac(sha1),ecb(aes))-plain", "capi:aes-ecb"}) {
        CAPTURE(text);
        CHECK(strength(text) == CipherStrength::ecb);
    }
}

TEST_CASE("an initial value of zeros is no null cipher") {
    CHECK(strength("aes-cbc-null") == CipherStrength::known);
}

TEST_CASE("what the database services use is known, and so is its like") {
    for (const char* text :
         {"aes-xts-plain64", "aes-cbc-essiv:sha256", "serpent-xts-plain64", "twofish-cbc-plain",
          "capi:xts(aes)-plain64", "capi:cbc(aes)-essiv:sha256", "capi:gcm(aes)-random",
          "capi:authenc(hmac(sha256),xts(aes))-random", "xchacha12,aes-adiantum-plain64",
          "capi:rfc7539(chacha20,poly1305)-random", "aegis128-random", "aes", "aes-plain",
          "AES-XTS-PLAIN64", "capi:xts-aes-aesni-plain64"}) {
        CAPTURE(text);
        CHECK(strength(text) == CipherStrength::known);
    }
}

TEST_CASE("what nobody knows, or knows as weak, is unknown") {
    for (const char* text :
         {"des3_ede-cbc-plain", "des-cbc-plain", "arc4-xts-plain", "rot13-xts", "aes-weird-plain64",
          "capi:essiv", "xts", "xts-plain64", "aes-xts2-iv"}) {
        CAPTURE(text);
        CHECK(strength(text) == CipherStrength::unknown);
    }
}

TEST_CASE("of a key counts what makes the strength") {
    CHECK(effective_key_bits(parse_cipher("aes-xts-plain64"), "", 64) == 256);
    CHECK(effective_key_bits(parse_cipher("serpent-xts-plain64"), "", 16) == 64);
    CHECK(effective_key_bits(parse_cipher("aes-cbc-essiv:sha256"), "", 32) == 256);
    CHECK(effective_key_bits(parse_cipher("serpent-xts-plain64"), "hmac(sha256)", 48) == 64);
    CHECK(effective_key_bits(parse_cipher("aes-cbc-plain"), "hmac(sha512)", 32) == 0);
}

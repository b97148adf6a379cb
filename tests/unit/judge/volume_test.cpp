// SPDX-License-Identifier: Apache-2.0
// What a level for a LUKS volume depends on, and what was not read of a drive: each rule both ways.
// tests/system/tamper has every one of them as a claim that is signed.
#include "catch.hpp"
#include "records/volume_claim.hpp"
#include "target_records.hpp"

using namespace efface;
using namespace efface::judge;
using Catch::Matchers::Contains;

namespace {

Json& place(Json& p) {
    return first_volume(p)["locations"][0];
}
std::string keyslot(const Change& change) {
    Json predicate = example_predicate("example");
    change(predicate);
    return problem_of(predicate);
}
void overwrite(Json& p, std::uint64_t from, std::uint64_t to) {
    place(p)["regions"] =
        Json::array({ObjectWriter().add("offset", from).add("length", to - from).take()});
    place(p)["overwrite"]["bytesWritten"] = to - from;
    place(p)["verification"]["bytesCompared"] = to - from;
}

bool hides(std::string_view encryption, std::uint64_t key_bytes) {
    return hides_payload(encryption, key_bytes, rules::techniques().family("keys").volume);
}

}  // namespace

TEST_CASE("No cipher and ECB are found in any spelling, and nothing else is") {
    // Names as cryptsetup-luksFormat(8) and the kernel's dm-crypt.rst spell them.
    for (const char* readable : {"cipher_null-ecb",
                                 "cipher_null-cbc-plain",
                                 "CIPHER_NULL-ECB",
                                 "cipher_null",
                                 "aes-ecb",
                                 "AES-Ecb",
                                 "aes-ecb-plain64",
                                 "serpent-ecb-null",
                                 "null-xts-plain64",
                                 "null",
                                 "capi:ecb(aes)-plain64",
                                 "CAPI:ECB(AES)-null",
                                 "capi:ecb(cipher_null)-null",
                                 "capi:cbc(cipher_null)-essiv:sha256",
                                 "capi:ecb(aes)",
                                 "capi:authenc(hmac(sha256),ecb(aes))-random",
                                 "aes:64-ecb-lmk",
                                 "",
                                 "-",
                                 ":"}) {
        INFO(readable);
        CHECK_FALSE(hides(readable, 64));
    }
    for (const char* hidden :
         {"aes-xts-plain64", "aes-cbc-essiv:sha256", "aes-cbc-null", "capi:xts(aes)-plain64",
          "capi:cbc(aes)-essiv:sha256", "capi:authenc(hmac(sha256),xts(aes))-random",
          "aes:64-cbc-lmk", "xchacha12,aes-adiantum-plain64", "capi:xts(aes)-null"}) {
        INFO(hidden);
        CHECK(hides(hidden, 64));
    }
    CHECK(hides("aes-cbc-plain64", 16));
    CHECK_FALSE(hides("aes-cbc-plain64", 15));
    CHECK(hides("aes-xts-plain64", 32));
    CHECK_FALSE(hides("capi:xts(aes)-plain64", 31));  // two keys
}

TEST_CASE("A gap before the payload is key space to its end") {
    constexpr std::uint64_t kPayload = 16'777'216;  // of the example
    CHECK(keyslot([&](Json& p) { overwrite(p, 0, kPayload); }).empty());
    CHECK_THAT(keyslot([&](Json& p) { overwrite(p, 0, kPayload - 512); }), Contains("leave bytes"));
    CHECK_THAT(keyslot([&](Json& p) { overwrite(p, 512, kPayload); }), Contains("leave bytes"));
    CHECK_THAT(keyslot([](Json& p) { place(p)["header"]["copies"][1]["dataOffset"] = 16781312U; }),
               Contains("leave bytes"));
    CHECK_THAT(keyslot([](Json& p) {
                   place(p)["header"]["keyslots"][0]["area"]["length"] = ~std::uint64_t{0};
               }),
               Contains("area.length"));
}

TEST_CASE("A control that was not asked is no answer") {
    CHECK_THAT(keyslot([](Json& p) { place(p)["negativeControls"].erase(1); }),
               Contains("crypt-load"));
    CHECK_THAT(keyslot([](Json& p) { place(p)["negativeControls"].erase(3); }),
               Contains("not tried"));
    CHECK(keyslot([](Json& p) {
              place(p)["negativeControls"].erase(3);
              first_volume(p)["credential"]["refusedAfter"] = nullptr;
          }).empty());
    CHECK_THAT(keyslot([](Json& p) { first_volume(p)["credential"]["openedBefore"] = false; }),
               Contains("credential.openedBefore"));
}

TEST_CASE("A level needs a payload that is known to be ciphertext, and no doubts") {
    const auto sample = [](const char* key, std::uint64_t count, std::uint64_t zero) {
        return keyslot([&](Json& p) {
            first_volume(p)["payloadSample"]["ciphertextLike"] = 0U;
            first_volume(p)["payloadSample"][key] = count;
            first_volume(p)["payloadSample"]["zero"] = zero;
        });
    };
    CHECK(sample("ciphertextLike", 1, 300).empty());
    CHECK_THAT(sample("piecesSampled", 0, 0), Contains("too little"));
    CHECK_THAT(sample("zero", 301, 301), Contains("too little"));
    CHECK_THAT(sample("unreadable", 301, 0), Contains("too little"));
    CHECK_THAT(sample("zero", ~std::uint64_t{0}, ~std::uint64_t{0}), Contains("whole number"));
    CHECK_THAT(keyslot([](Json& p) { place(p)["regionReasons"] = Json::array({"damaged"}); }),
               Contains("regionReasons"));
    CHECK_THAT(keyslot([](Json& p) { p["authorization"].erase("attestation"); }),
               Contains("attestation"));
    CHECK_THAT(keyslot([](Json& p) {
                   place(p)["header"]["segments"][0]["encryption"] = "capi:ecb(aes)-plain64";
               }),
               Contains("not known to encrypt"));
}

TEST_CASE("Canaries that cannot be read are no evidence, whatever status the read ended with") {
    const auto with_level = [](const char* level, const char* code) {
        return drive([&](Json& p) {
            some_unreadable(p);
            Json& surface = p["verification"]["canaries"]["surfaces"][0];
            surface["unreadable"] = surface["offsets"];
            surface["unexpected"] = Json::array();
            p["verification"]["canaries"]["changed"] = 0U;
            p["verification"]["canaries"]["unreadable"] = 19U;
            p["verification"]["unreadableStatuses"][0]["count"] = 19U;
            p["verification"]["unreadableStatuses"][0]["expected"] = true;
            p["verification"]["expected"]["content"] = "nothing";
            p["verification"]["expected"]["checked"] = 0U;
            p["verification"]["recheck"]["unreadableBefore"] = 19U;
            with_exception(p, code);
            set_level(p, level);
        });
    };
    CHECK(with_level("none", "no-evidence-read").empty());
    CHECK_THAT(with_level("purge", "no-evidence-read"), Contains("too little"));
    CHECK_THAT(with_level("clear", "no-evidence-read"), Contains("too little"));
    CHECK_THAT(with_level("none", "unreadable-blocks"), Contains("too little"));
    CHECK(drive([](Json& p) { some_unreadable(p); }).empty());
    CHECK_THAT(drive([](Json& p) {
                   some_unreadable(p);
                   with_exception(p);
               }),
               Contains("unreadable-blocks"));
}

TEST_CASE("Where the drive says that it is larger, the difference is an exception without level") {
    const auto cut = [](Json& p) {
        p["target"]["drive"]["capacityBytes"] = kDrive + 4096;
        Json area = hidden_area("not-shown", false, false);
        area["bytes"] = 4096U;
        p["target"]["hiddenAreas"]["areas"].push_back(area);
        with_exception(p, "hidden-area");
        set_level(p, "none");
    };
    CHECK(drive(cut).empty());
    CHECK(drive([](Json& p) { p["target"]["drive"]["capacityBytes"] = kDrive; }).empty());
    CHECK_THAT(drive([](Json& p) { p["target"]["drive"]["capacityBytes"] = kDrive + 4096; }),
               Contains("not listed"));
    CHECK_THAT(drive([&](Json& p) {
                   cut(p);
                   set_level(p, "clear");
               }),
               Contains("no level"));
    CHECK_THAT(drive([&](Json& p) {
                   cut(p);
                   p["target"]["hiddenAreas"]["areas"].back()["opened"] = true;
               }),
               Contains("beyond the cut"));
}

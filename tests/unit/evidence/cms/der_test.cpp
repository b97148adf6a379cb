// SPDX-License-Identifier: Apache-2.0
// Literals after X.690; OpenSSL takes several of those that are refused here.
#include "cms/der.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

bool is_strict(const std::string& hex) {
    const auto bytes = from_hex(hex);
    REQUIRE(bytes.has_value());
    return is_strict_der(*bytes);
}

}  // namespace

TEST_CASE("DER as it should be is read") {
    CHECK(is_strict(""));
    CHECK(is_strict("0500"));
    CHECK(is_strict("30030201ff"));
    CHECK(is_strict("3000310030023000"));
    CHECK(is_strict("a003020102"));  // context tags are of both forms
    CHECK(is_strict("8000"));
    CHECK(is_strict("3106020101020102"));  // in the order of a SET OF
    CHECK(is_strict("3106020101020101"));
    CHECK(is_strict("310702017f02020100"));
    CHECK(is_strict("31050201ff0500"));
    CHECK(is_strict("3006020102020101"));                  // a SEQUENCE has its own
    CHECK(is_strict("048180" + std::string(256, '0')));    // 128 bytes
    CHECK(is_strict("04820100" + std::string(512, '0')));  // 256 bytes
}

TEST_CASE("What is not DER is refused, at any depth") {
    const std::vector<std::string> all = {
        "30",                              // no length
        "3001",                            // no content
        "30800000",                        // indefinite length
        "048100",                          // longer than needed
        "04817f" + std::string(254, '0'),  //
        "04820080" + std::string(256, '0'),
        "0484000000010000",
        "048401000000",
        "1f8101",  // a tag of several bytes
        "1000",    // SEQUENCE, primitive
        "1100",    // SET, primitive
        "2400",    // OCTET STRING, constructed
        "2000",
        "3106020102020101",    // SET OF, in another order: by content,
        "310505000201ff",      // by tag,
        "31070202010002017f",  // by length
    };
    for (const std::string& bad : all) {
        CHECK_FALSE(is_strict(bad));
        if (bad.size() < 200) {  // the same inside of two SEQUENCEs
            const auto size = bad.size() / 2;
            const Bytes head{0x30, static_cast<std::uint8_t>(size + 2), 0x30,
                             static_cast<std::uint8_t>(size)};
            CHECK_FALSE(is_strict(to_hex(head) + bad));
        }
    }
}

TEST_CASE("Depth and number of elements are bounded") {
    const auto nested = [](int depth) {
        Bytes bytes;
        for (int i = 0; i < depth; ++i) {
            const auto size = bytes.size();
            Bytes outer{0x30};
            if (size >= 0x80) {
                outer.push_back(0x81);
            }
            outer.push_back(static_cast<std::uint8_t>(size));
            outer.insert(outer.end(), bytes.begin(), bytes.end());
            bytes = outer;
        }
        return bytes;
    };
    CHECK(is_strict_der(nested(25)));
    CHECK_FALSE(is_strict_der(nested(26)));
    Bytes many;
    for (int i = 0; i < 4096; ++i) {
        many.insert(many.end(), {0x05, 0x00});
    }
    CHECK(is_strict_der(many));
    many.insert(many.end(), {0x05, 0x00});
    CHECK_FALSE(is_strict_der(many));
}

TEST_CASE("One element of a tag, and nothing behind it") {
    const Bytes one{0x30, 0x04, 0x05, 0x00, 0x02, 0x00};
    const auto children = der_children(one, kDerSequence);
    REQUIRE(children.has_value());
    CHECK(children->size() == 2);
    CHECK(children->front().tag == kDerNull);
    CHECK_FALSE(der_children(one, kDerSet).has_value());
    Bytes behind = one;
    behind.insert(behind.end(), {0x05, 0x00});
    CHECK_FALSE(der_children(behind, kDerSequence).has_value());
    CHECK_FALSE(der_children({}, kDerSequence).has_value());
}

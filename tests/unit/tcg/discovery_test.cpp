// SPDX-License-Identifier: Apache-2.0
// Responses of real drives, as reports on sedutil show them (issues 304, 340, 392 of
// Drive-Trust-Alliance/sedutil), and features laid out after the tables of Opal 2.30.
#include "efface/tcg/discovery.hpp"

#include "catch.hpp"
#include "hex.hpp"

using namespace efface;
using efface::test::hex;
using tcg::RemovalMechanism;
using tcg::Ssc;

namespace {

const char* const kHeader850Evo =
    "000000b4 00000001 00000000 00000000 00000000 00000000 00000000 00000000"
    "00000000 00000000 00000000 00000000";
const char* const kFeatures850Evo =
    "0001100c 11000000 00000000 00000000"
    "0002100c 1f000000 00000000 00000000"
    "0003101c 00000000 00000000 00000200 00000000 00000001 00000000 00000000"
    "02001010 10040001 00000000 00000000 00000000"
    "0201100c 00000009 04000000 00000000"
    "0202100c 00000009 00a00000 00000001"
    "02031010 10040001 00000400 09000000 00000000";
const char* const kMx500 =
    "000000b0 00000001 00000000 00000000 00000000 00000000 00000000 00000000"
    "00000000 00000000 00000000 00000000"
    "0001100c 11000000 00000000 00000000"
    "0002100c 0b000000 00000000 00000000"
    "0003101c 01000000 00000000 00000200 00000000 00000001 00000000 00000000"
    "0201100c 00000009 03000000 00000000"
    "0202100c 0000000a 00a00000 00000001"
    "02031010 08880001 00000400 09000000 00000000"
    "0402100c 01000000 00000000 00000000";
const char* const kWithVendorFeature =
    "000000bc 00000001 00000000 00000000 0180005f 00590000 00000000 00000000"
    "00000000 00000000 00000000 00000000"
    "0001100c 11000000 00000000 00000000"
    "0002100c 3b000000 00000000 00000000"
    "02031010 07fe0002 00000400 10000000 00000000"
    "0201100c 00000010 04000000 00000000"
    "0202100c 00000010 03200000 00001000"
    "c0011018 00010001 01000000 00010002 00000000 00010003 01000000"
    "0003101c 01000000 00000000 00000200 00000000 00000008 00000000 00000000";

/// A header of 48 bytes and these features.
Bytes response(const std::string& features) {
    Bytes bytes(48, 0);
    const Bytes tail = hex(features);
    bytes.insert(bytes.end(), tail.begin(), tail.end());
    bytes[2] = static_cast<std::uint8_t>((bytes.size() - 4) / 256);
    bytes[3] = static_cast<std::uint8_t>((bytes.size() - 4) % 256);
    bytes[7] = 1;
    return bytes;
}

}  // namespace

TEST_CASE("discovery of an Opal drive in use says that its Locking SP is active and locked") {
    const auto discovery = tcg::decode_discovery(hex(std::string(kHeader850Evo) + kFeatures850Evo));
    REQUIRE(discovery);
    CHECK(discovery->bytes == 0xb8);
    REQUIRE(discovery->tper);
    CHECK((discovery->tper->sync && discovery->tper->streaming && !discovery->tper->async));
    REQUIRE(discovery->locking);
    CHECK(discovery->locking->supported);
    CHECK(discovery->locking->enabled);
    CHECK(discovery->locking->locked);
    CHECK(discovery->locking->media_encryption);
    CHECK(discovery->locking->mbr_enabled);
    CHECK_FALSE(discovery->locking->mbr_done);
    REQUIRE(discovery->geometry);
    CHECK_FALSE(discovery->geometry->align);
    CHECK(discovery->geometry->logical_block_bytes == 512);
    CHECK(discovery->geometry->alignment_granularity == 1);
    REQUIRE(discovery->sscs.size() == 2);
    CHECK(discovery->sscs[0].ssc == Ssc::opal1);
    CHECK(discovery->sscs[0].base_com_id == 0x1004);
    REQUIRE(discovery->ssc() != nullptr);
    CHECK(discovery->ssc()->ssc == Ssc::opal2);
    CHECK(discovery->ssc()->base_com_id == 0x1004);
    CHECK(discovery->ssc()->com_ids == 1);
    REQUIRE(discovery->single_user);
    CHECK(discovery->single_user->locking_objects == 9);
    CHECK((discovery->single_user->policy && !discovery->single_user->any));
    REQUIRE(discovery->data_store);
    CHECK(discovery->data_store->tables_max == 9);
    CHECK(discovery->data_store->bytes_max == 0x00a00000);
    CHECK_FALSE(discovery->block_sid);
    CHECK_FALSE(discovery->data_removal);
    CHECK(discovery->features.size() == 7);
}

TEST_CASE("discovery says whether SID's password was changed and whether SID is blocked") {
    const auto owned = tcg::decode_discovery(hex(kMx500));
    REQUIRE(owned);
    REQUIRE(owned->block_sid);
    CHECK(owned->block_sid->sid_changed);
    CHECK_FALSE(owned->block_sid->sid_blocked);
    CHECK(owned->ssc()->base_com_id == 0x0888);
    CHECK(owned->locking->enabled);
    CHECK_FALSE(owned->locking->locked);

    const auto blocked = tcg::decode_discovery(response("0402100c 0e010000 00000000 00000000"));
    REQUIRE(blocked);
    REQUIRE(blocked->block_sid);
    CHECK_FALSE(blocked->block_sid->sid_changed);
    CHECK(blocked->block_sid->sid_blocked);
    CHECK(blocked->block_sid->freeze_supported);
    CHECK(blocked->block_sid->frozen);
    CHECK(blocked->block_sid->hardware_reset);
}

TEST_CASE("features may come in any order, with those of the vendor between them") {
    const auto discovery = tcg::decode_discovery(hex(kWithVendorFeature));
    REQUIRE(discovery);
    CHECK(discovery->ssc()->base_com_id == 0x07fe);
    CHECK(discovery->ssc()->com_ids == 2);
    CHECK(discovery->geometry->alignment_granularity == 8);
    CHECK(discovery->locking->mbr_done);
    REQUIRE(discovery->features.size() == 7);
    CHECK(discovery->features[5].code == 0xc001);
    CHECK(tcg::feature_name(0xc001) == "feature C001h");
    CHECK(tcg::feature_name(0x0404) == "Supported Data Removal Mechanism");
}

TEST_CASE("the data removal feature has its state, its mechanisms and their times") {
    // Opal 2.30 table 8: byte 5 flags, 6 mechanisms, 7 units, 8 and on the times.
    const auto running =
        tcg::decode_discovery(response("04042020 00012705 00000003 00010000 00000708"
                                       "00000000 00000000 00000000 00000000"));
    REQUIRE(running);
    REQUIRE(running->data_removal);
    const tcg::DataRemovalFeature& removal = *running->data_removal;
    CHECK(removal.processing);
    CHECK_FALSE(removal.interrupted);
    CHECK(removal.has(RemovalMechanism::overwrite));
    CHECK(removal.has(RemovalMechanism::block_erase));
    CHECK(removal.has(RemovalMechanism::cryptographic));
    CHECK_FALSE(removal.has(RemovalMechanism::unmap));
    CHECK(removal.has(RemovalMechanism::vendor));
    CHECK_FALSE(removal.time(RemovalMechanism::overwrite));  // 0: not reported
    CHECK(removal.time(RemovalMechanism::block_erase) == std::chrono::seconds{6});
    CHECK(removal.time(RemovalMechanism::cryptographic) == std::chrono::minutes{2});
    CHECK(removal.time(RemovalMechanism::vendor) == std::chrono::seconds{3600});

    const auto interrupted =
        tcg::decode_discovery(response("04042020 00020400 00000000 00000000 00000000"
                                       "00000000 00000000 00000000 00000000"));
    REQUIRE(interrupted);
    CHECK(interrupted->data_removal->interrupted);
    CHECK_FALSE(interrupted->data_removal->processing);
}

TEST_CASE("each security subsystem class is known by its feature code") {
    struct Case {
        const char* feature;
        Ssc ssc;
        const char* name;
        bool encrypts;
    };
    const auto known = GENERATE(
        Case{"01001010 07fe0001 00000000 00000000 00000000", Ssc::enterprise, "enterprise", true},
        Case{"02001010 10040001 00000000 00000000 00000000", Ssc::opal1, "opal1", true},
        Case{"02032310 10040001 00000400 08000000 00000000", Ssc::opal2, "opal2", true},
        Case{"03011010 10040001 00000000 00ff0000 00000000", Ssc::opalite, "opalite", true},
        Case{"03021010 10040001 00000000 00000000 00000000", Ssc::pyrite1, "pyrite1", false},
        Case{"03032010 10040001 00000000 00000000 00000000", Ssc::pyrite2, "pyrite2", false},
        Case{"03041010 10040001 00000100 02000000 00000000", Ssc::ruby, "ruby", true});
    const auto discovery = tcg::decode_discovery(response(known.feature));
    REQUIRE(discovery);
    REQUIRE(discovery->ssc() != nullptr);
    CHECK(discovery->ssc()->ssc == known.ssc);
    CHECK(std::string(tcg::to_string(known.ssc)) == known.name);
    CHECK(tcg::encrypts(known.ssc) == known.encrypts);
    CHECK(discovery->ssc()->initial_sid_pin.has_value() ==
          (known.ssc != Ssc::enterprise && known.ssc != Ssc::opal1));
}

TEST_CASE("the high bits of the Locking feature are those of Opal 2.30 table 4") {
    const auto discovery = tcg::decode_discovery(response("0002300c 49000000 00000000 00000000"));
    REQUIRE(discovery);
    CHECK(discovery->locking->mbr_shadowing_absent);
    CHECK_FALSE(discovery->locking->hardware_reset);
    CHECK_FALSE(discovery->locking->enabled);
}

TEST_CASE("what is no discovery response is not taken for one") {
    CHECK_FALSE(tcg::decode_discovery({}));
    CHECK_FALSE(tcg::decode_discovery(Bytes(2048, 0)));                 // a drive without TCG
    CHECK_FALSE(tcg::decode_discovery(Bytes(2048, 0xff)));              // a length beyond the end
    CHECK_FALSE(tcg::decode_discovery(response("")));                   // no feature
    CHECK_FALSE(tcg::decode_discovery(response("000210ff 03000000")));  // crosses the end

    Bytes cut = hex(kMx500);
    cut.resize(cut.size() - 1);
    CHECK_FALSE(tcg::decode_discovery(cut));

    const std::string twice = "0002100c 0b000000 00000000 00000000";
    CHECK_FALSE(tcg::decode_discovery(response(twice + "0002100c 09000000 00000000 00000000")));
}

TEST_CASE("a short descriptor makes the discovery unreadable where something is decided by it") {
    const std::string block_sid = "0402100c 02000000 00000000 00000000";
    for (const char* fields :
         {"00010000", "00020000", "01000002 1004", "02000000", "02030002 1004", "03010000",
          "03020000", "03030000", "03040003 100400", "04020001 02", "04042004 00010400"}) {
        INFO(fields);
        CHECK_FALSE(tcg::decode_discovery(response(fields)));
        CHECK_FALSE(tcg::decode_discovery(response(block_sid + fields)));
        CHECK_FALSE(tcg::decode_discovery(response(fields + block_sid)));
    }
    for (const char* fields :
         {"00030000", "02010001 00", "02020002 0000", "c0010000", "04050000"}) {
        INFO(fields);
        const auto discovery = tcg::decode_discovery(response(fields + block_sid));
        REQUIRE(discovery);
        CHECK(discovery->block_sid->sid_blocked);
        CHECK_FALSE(discovery->geometry);
    }
}

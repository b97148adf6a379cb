// SPDX-License-Identifier: Apache-2.0
// Sense buffers whose reading is that of sg_decode_sense (sg3_utils 1.46).
#include "efface/scsi/sense.hpp"

#include "catch.hpp"

using namespace efface;
using scsi::SenseKey;

namespace {

scsi::SenseData sense_of(const char* hex) {
    const auto bytes = from_hex(hex);
    REQUIRE(bytes.has_value());
    const auto sense = scsi::decode_sense(*bytes);
    REQUIRE(sense.has_value());
    return *sense;
}

}  // namespace

TEST_CASE("a running sanitize is read from fixed format, with its progress") {
    // Fixed format, current; Not Ready; sanitize in progress; progress 25.00%
    const auto sense = sense_of("700002000000000a00000000041b00804000");
    CHECK(sense.is(SenseKey::not_ready));
    CHECK(sense.code == scsi::asc::kSanitizeInProgress);
    CHECK_FALSE(sense.descriptor_format);
    CHECK_FALSE(sense.deferred);
    REQUIRE(sense.progress.has_value());
    CHECK(*sense.progress == 16384);
    CHECK(scsi::to_string(sense) == "2/04/1b sanitize in progress");
}

TEST_CASE("a running sanitize is read from descriptor format, with its progress") {
    // Descriptor format, current; Not Ready; sanitize in progress; progress 50.00%
    const auto sense = sense_of("7202041b000000080206000080800000");
    CHECK(sense.is(SenseKey::not_ready));
    CHECK(sense.code == scsi::asc::kSanitizeInProgress);
    CHECK(sense.descriptor_format);
    REQUIRE(sense.progress.has_value());
    CHECK(*sense.progress == 32768);
}

TEST_CASE("a failed sanitize and a write that is required are told apart") {
    CHECK(scsi::to_string(sense_of("700003000000000a00000000310300000000")) ==
          "3/31/03 sanitize command failed");
    CHECK(scsi::to_string(sense_of("7203111500000000")) == "3/11/15 write after sanitize required");
}

TEST_CASE("the answer of ATA pass-through carries no progress") {
    // ATA Status Return: extend=1 error=0x0 count=0x8000 device=0x40 status=0x50
    const auto sense = sense_of(
        "7201001d0000000e090c01008000000000000000"
        "4050");
    CHECK(sense.is(SenseKey::recovered_error));
    CHECK(sense.code == scsi::asc::kAtaInformation);
    CHECK_FALSE(sense.progress.has_value());
}

TEST_CASE("sense-key-specific bytes of a refusal are no progress") {
    // 5/24/00 with a field pointer (SKSV, C/D, byte 1) where progress stands otherwise.
    CHECK_FALSE(sense_of("700005000000000a00000000240000c00001").progress.has_value());
    CHECK_FALSE(sense_of("72052400000000080206000"
                         "0c0000100")
                    .progress.has_value());
}

TEST_CASE("the key of an earlier command is marked") {
    CHECK(sense_of("710003000000000a00000000110000000000").deferred);
    CHECK(sense_of("7304440000000000").deferred);
}

TEST_CASE("a reset is known by its group") {
    CHECK(sense_of("700006000000000a00000000290200000000").tells_reset());
    CHECK(sense_of("7206290000000000").tells_reset());
    CHECK_FALSE(sense_of("72062a0900000000").tells_reset());
    CHECK_FALSE(sense_of("7205290000000000").tells_reset());
}

TEST_CASE("an additional length that cuts the code off leaves no code") {
    const auto sense = sense_of("700003000000000400000000310300000000");
    CHECK(sense.is(SenseKey::medium_error));
    CHECK(sense.code == scsi::asc::kNone);
}

TEST_CASE("an additional length of nothing is not believed") {
    CHECK(sense_of("700003000000000000000000310300000000").code == scsi::asc::kSanitizeFailed);
}

TEST_CASE("descriptors that run over the end are left unread") {
    CHECK_FALSE(sense_of("7202041b000000ff02ff000080800000").progress.has_value());
    CHECK_FALSE(sense_of("7202041b0000000802").progress.has_value());
    // A descriptor before it is stepped over.
    const auto sense = sense_of(
        "7202041b0000000c0302000002060000"
        "80123400");
    REQUIRE(sense.progress.has_value());
    CHECK(*sense.progress == 0x1234);
}

TEST_CASE("what is no sense data is not read as some") {
    for (const char* hex : {"", "00", "7000", "70000200000000", "720204", "7f00000000000000",
                            "000000000000000000000000000000000000", "7e0002000000000a0000000004"}) {
        CHECK_FALSE(scsi::decode_sense(*from_hex(hex)).has_value());
    }
    CHECK(scsi::sense_text({}) == "no sense data");
    CHECK(scsi::sense_text(Bytes(18, 0)) == "no sense data");
    CHECK(scsi::sense_text(*from_hex("0102")) == "unreadable sense data: 0102");
}

// SPDX-License-Identifier: Apache-2.0
// Offsets are those of struct nvme_id_ctrl and nvme_id_ns (libnvme), written as literal bytes.
#include "efface/nvme/identify.hpp"

#include <algorithm>

#include "catch.hpp"

using namespace efface;

namespace {

void put(Bytes& page, std::size_t offset, const Bytes& bytes) {
    std::copy(bytes.begin(), bytes.end(), page.begin() + static_cast<std::ptrdiff_t>(offset));
}
void put(Bytes& page, std::size_t offset, std::string_view text) {
    put(page, offset, Bytes(text.begin(), text.end()));
}

Bytes controller() {
    Bytes page(4096, 0);
    put(page, 4, "S5GXNX0R12345       ");
    put(page, 24, "EXAMPLE SSD 980                         ");
    put(page, 64, "5B2QGXA7");
    page[76] = 0x02;
    page[77] = 7;
    put(page, 78, {0x06, 0x00});
    put(page, 80, {0x00, 0x01, 0x02, 0x00});  // 2.1.0
    put(page, 256, {0x0b, 0x00});             // security, format, namespace management
    put(page, 280, {0x00, 0x60, 0x11, 0xc1, 0xd1, 0x01});
    put(page, 296, {0x00, 0x00, 0x10});
    put(page, 328, {0x0b, 0x00, 0x00, 0x60});  // crypto, block, verification, NDI, NODMMAS 1
    put(page, 516, {0x20, 0x00, 0x00, 0x00});
    page[524] = 0x05;
    put(page, 768, "nqn.2014.08.org.nvmexpress:144d144dS5GXNX0R12345");
    return page;
}

}  // namespace

TEST_CASE("Identify Controller is read at its offsets", "[nvme]") {
    const auto found = nvme::decode_controller(controller());
    REQUIRE(found);
    CHECK(found->serial == "S5GXNX0R12345");
    CHECK(found->model == "EXAMPLE SSD 980");
    CHECK(found->firmware == "5B2QGXA7");
    CHECK(found->multiple_controllers());
    CHECK(found->mdts == 7);
    CHECK(found->controller_id == 6);
    CHECK(nvme::version_text(found->version) == "2.1.0");
    CHECK(found->has_security());
    CHECK(found->has_format());
    CHECK(found->has_namespace_management());
    CHECK(found->total_bytes == 2000398934016);
    CHECK(found->unallocated_bytes == 1048576);
    CHECK(found->namespaces_max == 32);
    CHECK(found->subsystem_nqn == "nqn.2014.08.org.nvmexpress:144d144dS5GXNX0R12345");
}

TEST_CASE("SANICAP and FNA are read bit by bit", "[nvme]") {
    const auto found = nvme::decode_controller(controller());
    REQUIRE(found);
    CHECK(found->sanitize.crypto_erase);
    CHECK(found->sanitize.block_erase);
    CHECK_FALSE(found->sanitize.overwrite);
    CHECK(found->sanitize.media_verification);
    CHECK(found->sanitize.no_deallocate_inhibited);
    CHECK(found->sanitize.nodmmas == nvme::Nodmmas::not_modified);
    CHECK(nvme::decode_sanicap(0xa0000002).nodmmas == nvme::Nodmmas::modified);
    CHECK(found->format_sets_all());
    CHECK_FALSE(found->erase_reaches_all());
    CHECK(found->format_crypto_erase());
    CHECK(found->format_broadcast());  // the bit says that it is NOT supported
}

TEST_CASE("a structure that is short or empty is no identity", "[nvme]") {
    CHECK_FALSE(nvme::decode_controller(Bytes(4095, 1)));
    CHECK_FALSE(nvme::decode_controller(Bytes(4096, 0)));
    CHECK_FALSE(nvme::decode_namespace(Bytes(4095, 1)));
    CHECK_FALSE(nvme::decode_namespace(Bytes(4096, 0)));
}

TEST_CASE("Identify Namespace gives size, format and what deallocated blocks read", "[nvme]") {
    Bytes page(4096, 0);
    put(page, 0, {0xb0, 0x6d, 0x70, 0x74});  // 1953525168 blocks of 512 bytes: 1 TB
    page[25] = 1;
    page[26] = 0x11;  // format 1, metadata in the same buffer
    page[29] = 0x0b;
    page[30] = 1;
    page[32] = 0xe4;  // an indicator is there, 100 % remain
    page[33] = 0x09;
    put(page, 48, {0x00, 0x60, 0xdb, 0xe0, 0xe8});
    page[99] = 1;
    put(page, 104, {0x00, 0x25, 0x38});
    put(page, 128, {0x00, 0x00, 12, 0x00, 0x08, 0x00, 9, 0x00});
    const auto found = nvme::decode_namespace(page);
    REQUIRE(found);
    CHECK(found->blocks == 1953525168);
    CHECK(found->bytes() == 1000204886016);
    CHECK(found->nvm_bytes == 1000204886016);
    CHECK(found->block_bytes == 512);
    CHECK(found->metadata_bytes == 8);
    CHECK(found->lba_format == 1);
    CHECK(found->extended_metadata);
    CHECK(found->protection == 0x0b);
    CHECK(found->shared);
    CHECK(found->write_protected);
    CHECK(found->deallocated_reads == 1);
    CHECK(found->format_remaining_percent == 100);
    CHECK(found->nguid == "00253800000000000000000000000000");
    CHECK(found->eui64.empty());
}

TEST_CASE("a block size that no drive has is none", "[nvme]") {
    Bytes page(4096, 0);
    page[0] = 1;
    page[130] = 64;
    const auto found = nvme::decode_namespace(page);
    REQUIRE(found);
    CHECK(found->block_bytes == 0);
    CHECK(found->bytes() == 0);
}

TEST_CASE("a namespace list ends at zero and never runs in circles", "[nvme]") {
    Bytes page(4096, 0);
    put(page, 0, {1, 0, 0, 0, 3, 0, 0, 0, 3, 0, 0, 0, 2, 0, 0, 0, 0x10, 1, 0, 0});
    CHECK(nvme::decode_namespace_list(page) == std::vector<std::uint32_t>{1, 3, 0x110});
    CHECK(nvme::decode_namespace_list(Bytes(4096, 0)).empty());
    CHECK(nvme::decode_namespace_list(Bytes(3, 1)).empty());
}

TEST_CASE("the UUID of a namespace is found among other descriptors", "[nvme]") {
    Bytes page(4096, 0);
    put(page, 0, {1, 8, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8});
    put(page, 12, {3, 16, 0, 0, 0xde, 0xad});
    CHECK(nvme::decode_namespace_uuid(page) == "dead0000000000000000000000000000");
    page[1] = 255;
    CHECK(nvme::decode_namespace_uuid(ByteView(page).first(64)).empty());
}

// SPDX-License-Identifier: Apache-2.0
// The tunnel, a translation layer and a drive, one behind the other.
#include "efface/ata/capacity.hpp"
#include "efface/ata/identify.hpp"
#include "efface/ata/logs.hpp"
#include "efface/ata/sanitize.hpp"
#include "efface/ata/sat_tunnel.hpp"
#include "efface/ata/security.hpp"

#include "catch.hpp"
#include "fake/ata/drive.hpp"
#include "fake/ata/sat_bridge.hpp"
#include "fake/disk/fixed.hpp"

using namespace efface;
using namespace efface::ata;
using namespace std::chrono_literals;

namespace {

struct Path {
    explicit Path(const fake::AtaDriveOptions& options = {},
                  const fake::SatBridgeOptions& layer = {})
        : drive(options, clock), bridge(drive, layer), tunnel(bridge) {}

    std::optional<Identify> identify() {
        Bytes page(kPageBytes);
        return tunnel.submit(identify_device(page)).accepted ? decode_identify(page) : std::nullopt;
    }

    fake::FixedClock clock;
    fake::AtaDrive drive;
    fake::SatBridge bridge;
    SatTunnel tunnel;
};

}  // namespace

TEST_CASE("A drive behind a translation layer says who it is", "[ata]") {
    Path path({.encrypts_all = true});
    const auto identify = path.identify();
    REQUIRE(identify);
    CHECK(identify->model == "EFFACE RIG SSD");
    CHECK(identify->serial == "RIGATA0001");
    CHECK(identify->wwn == "5001405aabbccdd1");
    CHECK(identify->sectors == 2048);
    CHECK(identify->checksum_good == true);
    CHECK(identify->sanitize.crypto_scramble);
    CHECK(identify->encrypts_all);
    Bytes page(512);
    REQUIRE(path.tunnel.submit(read_log(kLogIdentifyDeviceData, kPageSecurity, page)).accepted);
    CHECK(decode_security_page(page)->encrypts_all);
    REQUIRE(path.tunnel.submit(read_log(kLogDirectory, 0, page)).accepted);
    CHECK(decode_log_pages(page, kLogIdentifyDeviceData) == 9);
}

TEST_CASE("SANITIZE BLOCK ERASE is watched through a translation layer to its end", "[ata]") {
    Path path;
    const Bytes secret(512, 0x77);
    path.drive.media().write(2047, secret);
    auto answer = path.tunnel.submit(sanitize_block_erase());
    REQUIRE(answer.registers);
    CHECK(answer.accepted);
    path.clock.advance(1s);
    answer = path.tunnel.submit(sanitize_status());
    REQUIRE(answer.registers);
    CHECK(decode_sanitize_status(*answer.registers).progress == 0x8000);
    Bytes sector(512);
    CHECK_FALSE(path.tunnel.submit(read_sectors(true, 0, 1, sector)).accepted);
    path.clock.advance(1s);
    answer = path.tunnel.submit(sanitize_status());
    REQUIRE(answer.registers);
    CHECK(decode_sanitize_status(*answer.registers).completed_without_error);
    CHECK_FALSE(path.drive.media().holds(secret));
}

TEST_CASE("A long native address comes back through a translation layer", "[ata]") {
    Path path({.blocks = 4096, .protected_area = true, .protected_blocks = 1024});
    const auto answer = path.tunnel.submit(read_native_max_address(true));
    REQUIRE(answer.registers);
    CHECK(decode_max_lba(*answer.registers, true) == 4095);
    const auto narrow = path.tunnel.submit(read_native_max_address(false));
    REQUIRE(narrow.registers);
    CHECK(decode_max_lba(*narrow.registers, false) == 4095);
    CHECK(path.identify()->sectors == 3072);
}

TEST_CASE("A translation layer that keeps the registers gives no status", "[ata]") {
    const auto status = [](const fake::SatBridgeOptions& layer) {
        Path path({}, layer);
        (void)path.tunnel.submit(sanitize_crypto_scramble());
        path.clock.advance(1h);
        return path.tunnel.submit(sanitize_status());
    };
    for (const auto& layer :
         {fake::SatBridgeOptions{.fixed_sense = true}, fake::SatBridgeOptions{.no_sense = true},
          fake::SatBridgeOptions{.zero_registers = true},
          fake::SatBridgeOptions{.no_pass_through = true}}) {
        const auto answer = status(layer);
        CHECK_FALSE(answer.registers);
        CHECK(answer.note.find("status unreadable") == 0);
    }
    CHECK(status({}).registers);
}

TEST_CASE("Sectors of 4096 bytes are read and written through a translation layer", "[ata]") {
    Path path({.blocks = 64, .block_bytes = 4096});
    device::ScsiCommand write;
    write.cdb = *from_hex("2a000000000700000100");
    const Bytes secret(4096, 0x42);
    write.write_from = secret;
    CHECK(path.bridge.submit(write).good());
    CHECK(path.drive.media().holds(secret));
    Bytes sector(4096);
    CHECK(path.tunnel.submit(read_sectors(true, 7, 1, sector)).accepted);
    CHECK(sector == secret);
    const auto beyond = path.tunnel.submit(read_sectors(true, 64, 1, sector));
    REQUIRE(beyond.registers);
    CHECK(error_text(*beyond.registers) == "IDNF");
}

TEST_CASE("SECURITY ERASE UNIT goes through a translation layer only directly after PREPARE",
          "[ata]") {
    Path path;
    const Bytes password(kPasswordBytes, 0x31);
    const auto set = password_block_set(password);
    const auto erase = password_block_erase(password, true);
    CHECK(path.tunnel.submit(security_set_password(set.view())).accepted);
    CHECK(path.identify()->security.enabled);
    CHECK_FALSE(path.tunnel.submit(security_erase_unit(erase.view(), 1h)).accepted);
    CHECK(path.tunnel.submit(security_erase_prepare()).accepted);
    CHECK(path.tunnel.submit(security_erase_unit(erase.view(), 1h)).registers);
    CHECK_FALSE(path.identify()->security.enabled);
}

// SPDX-License-Identifier: Apache-2.0
// Which runs were on the same device. The digests were made with sha256sum of the texts beside
// them.
#include "efface/evidence/device_key.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::evidence;
using KeyList = std::vector<std::string>;

namespace {

Json drive(const char* serial, const char* wwid, std::uint64_t size = 4096) {
    return {
        {"kind", "disk"}, {"model", "M"}, {"serial", serial}, {"wwid", wwid}, {"sizeBytes", size}};
}

bool same(const Json& one, const Json& other) {
    const bool answer = same_device(device_keys(one), device_keys(other));
    CHECK(same_device(device_keys(other), device_keys(one)) == answer);
    return answer;
}

}  // namespace

TEST_CASE("the keys of each kind of storage are digests of what stays of it") {
    CHECK(device_keys(drive("S64GNE0T400123", "eui.36344730545001230025384500000001")) ==
          // {"serial":"S64GNE0T400123"}  {"wwid":"eui.36344730545001230025384500000001"}
          KeyList{"serial:66d4d801451f575427d722179ffa3b53e5aa401d60a1d368bf907dc660663db8",
                  "wwid:46dbecb066dc189044abcfa60aa2ca3c0d11afac7e9bc20f94b6713b08d5eb3d"});
    const Json volume = {{"name", "a"}, {"uuid", "2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10"}};
    CHECK(device_keys({{"projectId", "p"}, {"volumes", {volume, volume}}}) ==
          // {"uuid":"2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10"}
          KeyList{"uuid:a6fd9c99845bc3832eaf6b49398ee42af0c4a8ebc57b30efef3c10b83b60bf6a"});
    Json file = {{"kind", "file"},
                 {"serial", ""},
                 {"wwid", ""},
                 {"inode", "1315842"},
                 {"deviceNumber", "259:2"},
                 {"place", "/a"},
                 {"sizeBytes", 1},
                 {"birthTime", "1763111222.123456789"}};
    CHECK(device_keys(file) ==
          // {"birthTime":"1763111222.123456789","inode":"1315842"}
          // {"deviceNumber":"259:2","inode":"1315842"}
          KeyList{"file:3a4fb5caaa49718276efdafedafda48eac2c07958ce8a860f8d34096285f39ff",
                  "inode:5bb526a04d53a69fcb665645b753a99934895823d865f78046949887082d75e7"});
    file.erase("birthTime");
    CHECK(device_keys(file) ==  // {"deviceNumber":"259:2","inode":"1315842"}
          KeyList{"inode:5bb526a04d53a69fcb665645b753a99934895823d865f78046949887082d75e7"});
    CHECK(device_keys({{"kind", "partition"},
                       {"serial", "S1"},
                       {"wwid", "naa.5000"},
                       {"partitionUuid", "aa-01"}}) ==  // {"partitionUuid":"aa-01","serial":"S1"}
          KeyList{"partition:3aec626bd367cdba4b3f947e1916e7d6bbae70c6db6ad9a8f742b717a06db1c0"});
    CHECK(device_keys({{"kind", "device-mapper"}, {"deviceMapperUuid", "LVM-x"}}) ==
          // {"deviceMapperUuid":"LVM-x"}
          KeyList{"map:75628671a33b00db6c854632ee696c8732df8df9cd6d790c3e31c618d5b01a4a"});
    CHECK(device_keys({{"kind", "loop"},
                       {"model", ""},
                       {"place", "loop device over /a"},
                       {"serial", ""},
                       {"wwid", ""},
                       {"sizeBytes", 4096}}) ==
          // {"kind":"loop","model":"","place":"loop device over /a","serial":"","wwid":""}
          KeyList{"identity:27f2b5c35337b2603d9515516aa8e69709cfdbb30c888fe05de0b707fd483918"});
    CHECK(device_keys(
              {{"kind", "zram"}, {"place", "/dev/zram0"}, {"sizeBytes", 4096}, {"bootId", "b"}}) ==
          // {"bootId":"b","kind":"zram","place":"/dev/zram0","sizeBytes":4096}
          KeyList{"identity:5df69de40ac6fdbfd64d0adcb4812ba8e006f48d010c26e3191845ccc16cbaff"});
}

TEST_CASE("a drive is the same by serial number or world-wide name, whatever its size and model") {
    const Json one = drive("S1", "naa.5000c500a1b2c3d4");
    Json other = one;
    other["sizeBytes"] = 8192;
    other["model"] = "behind a bridge";
    CHECK(same(one, other));
    CHECK(same(one, drive("", "naa.5000c500a1b2c3d4")));
    CHECK(same(one, drive("S1", "")));
    CHECK(same(one, drive("S1", "t10.ATA     M     S1")));
    CHECK_FALSE(same(one, drive("S2", "naa.5000c500a1b2c3d4aa")));
    CHECK_FALSE(same(one, drive("S2", "")));
}

TEST_CASE("namespaces of one drive are not the same, nor is a part of a drive the drive") {
    CHECK_FALSE(same(drive("S1", "eui.01"), drive("S1", "eui.02")));
    const Json part = {{"kind", "partition"}, {"serial", "S1"}, {"partitionUuid", "aa-01"}};
    CHECK_FALSE(same(drive("S1", ""), part));
    Json next = part;
    next["partitionUuid"] = "aa-02";
    CHECK_FALSE(same(part, next));
}

TEST_CASE(
    "a file keeps its key under another name, and another file under its name has none of it") {
    const Json one = {
        {"kind", "file"}, {"place", "/a"}, {"inode", "7"}, {"birthTime", "1.000000002"}};
    Json other = one;
    other["place"] = "/b";
    CHECK(same(one, other));
    other = one;
    other["birthTime"] = "1.000000003";
    CHECK_FALSE(same(one, other));
}

TEST_CASE("a loop device is known by the file below it, and where it begins in it") {
    const Json one = {{"kind", "loop"},
                      {"serial", ""},
                      {"place", "loop device over /a"},
                      {"backing",
                       {{"deviceNumber", "259:2"},
                        {"inode", "1315842"},
                        {"offsetBytes", 0},
                        {"birthTime", "1763111222.123456789"}}}};
    CHECK(device_keys(one) ==  // as those of the file
          KeyList{"file:3a4fb5caaa49718276efdafedafda48eac2c07958ce8a860f8d34096285f39ff",
                  "inode:5bb526a04d53a69fcb665645b753a99934895823d865f78046949887082d75e7"});
    Json other = one;
    other["place"] = "loop device over /b";
    other["backing"]["deviceNumber"] = "8:1";
    CHECK(same(one, other));
    other = one;
    other["backing"]["birthTime"] = "1763111222.000000000";
    CHECK_FALSE(same(one, other));
    other = one;
    other["backing"]["offsetBytes"] = 512;
    CHECK(device_keys(other) ==
          // {"birthTime":"1763111222.123456789","inode":"1315842","offsetBytes":512}
          // {"deviceNumber":"259:2","inode":"1315842","offsetBytes":512}
          KeyList{"within-file:ac13042f269c74241faba9d03f6b9981ad4e331a5d85bfe5a46a12992038ea69",
                  "within-inode:e48eef34e2a1e3fb65de0f1a6c3797cc5de15e02213ea0aa20595711b5c013fd"});
    CHECK_FALSE(same(one, other));
    other = one;
    other["backing"].erase("birthTime");  // it has no name any more
    CHECK(same(one, other));
    CHECK(device_keys(other) ==  // {"deviceNumber":"259:2","inode":"1315842"}
          KeyList{"inode:5bb526a04d53a69fcb665645b753a99934895823d865f78046949887082d75e7"});
}

TEST_CASE("a volume is the same in whatever project it stands") {
    const auto project = [](const char* id, std::vector<std::string> uuids) {
        Json volumes = Json::array();
        for (const auto& uuid : uuids) {
            volumes.push_back({{"name", id}, {"uuid", uuid}});
        }
        return Json{{"projectId", id}, {"volumes", volumes}};
    };
    CHECK(same(project("p", {"u1", "u2"}), project("q", {"u2", "u3"})));
    CHECK_FALSE(same(project("p", {"u1", "u2"}), project("p", {"u3"})));
    CHECK(same(project("p", {""}), project("p", {""})));
    CHECK_FALSE(same(project("p", {""}), project("q", {""})));
}

TEST_CASE("memory is the same only as it was") {
    const Json one = {{"kind", "tmpfs"}, {"place", "/m"}, {"bootId", "b"}, {"serial", "S1"}};
    Json other = one;
    CHECK(same(one, other));
    other["bootId"] = "c";
    CHECK_FALSE(same(one, other));
}

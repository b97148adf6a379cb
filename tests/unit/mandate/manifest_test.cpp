// SPDX-License-Identifier: Apache-2.0
#include "efface/mandate/manifest.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::mandate;

namespace {

constexpr const char* kWhole = R"({
  "schema": "efface.project/1",
  "project": {"id": "prj-7781", "owner": "Example Tenant Ltd", "confidentiality": "confidential"},
  "ticket": "CHG-1", "not_before": "2026-11-20T00:00:00Z", "not_after": "2026-12-20T00:00:00Z",
  "retention_until": "2036-12-31T00:00:00Z", "minimum_level": "purge",
  "attestation": {"encrypted_since_first_use": true, "all_key_copies_declared": true, "by": "x"},
  "volumes": [{"name": "pg-data", "path": "/dev/loop3", "engine": "postgresql",
    "uuid": "2F4C2E52-6a8f-4a8d-9a5c-0a6f1b7f9e10", "header": "/srv/pg.hdr",
    "header_backups": [{"path": "/root/pg.bak"}, {"path": "/root/old.bak", "gone": true}],
    "credential": {"passphrase_file": "/run/pass"}, "serial": "S1", "size_bytes": 33554432,
    "asset_tag": "A-1"}]})";

std::string with(const std::string& from, const std::string& to) {
    std::string text = kWhole;
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    return text.replace(at, from.size(), to);
}

std::string problem(const std::string& text) {
    try {
        (void)parse_manifest(text);
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::usage);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("manifest: every field is read", "[mandate][manifest]") {
    const auto manifest = parse_manifest(kWhole);
    CHECK(manifest.project_id == "prj-7781");
    CHECK(manifest.owner == "Example Tenant Ltd");
    CHECK(manifest.confidentiality == "confidential");
    CHECK(manifest.terms.ticket == "CHG-1");
    CHECK(to_rfc3339(manifest.terms.not_before.value()) == "2026-11-20T00:00:00Z");
    CHECK(to_rfc3339(manifest.terms.not_after.value()) == "2026-12-20T00:00:00Z");
    CHECK(to_rfc3339(manifest.terms.retention_until.value()) == "2036-12-31T00:00:00Z");
    CHECK(manifest.terms.minimum_level == rules::Level::purge);
    CHECK(manifest.attestation.encrypted_since_first_use);
    CHECK(manifest.attestation.all_key_copies_declared);
    REQUIRE(manifest.volumes.size() == 1);
    const auto& volume = manifest.volumes.front();
    CHECK(volume.uuid == "2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10");
    CHECK(volume.header == "/srv/pg.hdr");
    REQUIRE(volume.header_backups.size() == 2);
    CHECK_FALSE(volume.header_backups[0].gone);
    CHECK(volume.header_backups[1].gone);
    CHECK(volume.credential.value().path == "/run/pass");
    CHECK(volume.credential.value().strip_newline);
    CHECK(volume.serial == "S1");
    CHECK(volume.size_bytes == 33554432);
    CHECK_FALSE(volume.gone);
}

TEST_CASE("manifest: the digest is that of the bytes that approvers sign", "[mandate][manifest]") {
    // printf of the text | sha256sum would differ with one blank more.
    CHECK(parse_manifest(kWhole).sha256 != parse_manifest(std::string(kWhole) + " ").sha256);
    CHECK(parse_manifest(kWhole).text == kWhole);
}

TEST_CASE("manifest: what is wrong is named with its place", "[mandate][manifest]") {
    CHECK(problem(with("efface.project/1", "efface.project/2")).find("schema") !=
          std::string::npos);
    CHECK(problem(with("\"ticket\"", "\"tickets\"")) == "manifest: tickets: is not a known key");
    CHECK(problem(with("\"asset_tag\"", "\"assettag\"")) ==
          "manifest: volumes[0].assettag: is not a known key");
    CHECK(problem(with("\"/dev/loop3\"", "\"loop3\"")) ==
          "manifest: volumes[0].path: must be an absolute path");
    CHECK(problem(with("2F4C2E52-", "2F4C2E5-")).find("volumes[0].uuid") != std::string::npos);
    CHECK(problem(with("2026-11-20T00:00:00Z", "2026-11-20")).find("not_before") !=
          std::string::npos);
    CHECK(problem(with("33554432", "-1")).find("size_bytes") != std::string::npos);
    CHECK(problem(with("33554432", "\"x\"")).find("size_bytes") != std::string::npos);
    CHECK(problem(with("\"purge\"", "\"destroy\"")).find("minimum_level") != std::string::npos);
    CHECK(problem(with("\"passphrase_file\"", "\"key_file\": \"/x\", \"passphrase_file\""))
              .find("either") != std::string::npos);
    CHECK(problem(with("\"prj-7781\"", "\"../../etc\"")).find("project.id") != std::string::npos);
    CHECK(problem(with("\"pg-data\"", "\"\\u001b[2J\"")).find("name") != std::string::npos);
    CHECK(problem(with("\"ticket\": \"CHG-1\"", "\"ticket\": \"CHG-1\", \"ticket\": \"CHG-2\"")) ==
          "manifest: key \"ticket\" is repeated");
    CHECK(problem(with("/root/pg.bak", "/dev/loop3")).find("listed twice") != std::string::npos);
}

TEST_CASE("manifest: clones of one UUID are volumes of their own", "[mandate][manifest]") {
    const std::string uuid = "2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10";
    const auto listed = [&](const std::string& name, const std::string& path) {
        return R"({"schema":"efface.project/1","project":{"id":"p","owner":"o"},"volumes":[)"
               R"({"name":"one","path":"/dev/one","uuid":")" +
               uuid + R"("},{"name":")" + name + R"(","path":")" + path + R"(","uuid":")" + uuid +
               R"("}]})";
    };
    CHECK(parse_manifest(listed("two", "/dev/two")).volumes.size() == 2);
    CHECK(problem(listed("two", "/dev/one")).find("listed twice") != std::string::npos);
    CHECK(problem(listed("one", "/dev/two")).find("listed twice") != std::string::npos);
}

TEST_CASE("manifest: hostile input ends in an error", "[mandate][manifest]") {
    CHECK(problem("").find("not valid JSON") != std::string::npos);
    CHECK(problem("[]") == "manifest:: must be an object");
    CHECK(problem(std::string(kManifestBytesMax + 1, ' ')).find("larger") != std::string::npos);
    CHECK(problem(with("Example", "Ex\xff")).find("not valid JSON") != std::string::npos);
    CHECK(problem(with("\"volumes\": [{", "\"volumes\": [7,{")).find("volumes[0]") !=
          std::string::npos);
}

TEST_CASE("manifest: without volumes there is nothing to do", "[mandate][manifest]") {
    CHECK(problem(R"({"schema":"efface.project/1","project":{"id":"p","owner":"o"},"volumes":[]})")
              .find("1 to 4096") != std::string::npos);
}

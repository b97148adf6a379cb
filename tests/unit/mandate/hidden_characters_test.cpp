// SPDX-License-Identifier: Apache-2.0
// No text of an order or manifest, whichever, holds a character that people do not see.
#include "efface/mandate/manifest.hpp"
#include "efface/mandate/order.hpp"

#include "catch.hpp"

using namespace efface;
using namespace efface::mandate;

namespace {

/// Every field that has a text.
constexpr const char* kWholeOrder = R"({"schema":"efface.order/1","id":"ret-1","owner":"Tenant",
  "confidentiality":"secret","ticket":"CHG-1","not_before":"2026-11-20T00:00:00Z",
  "not_after":"2026-12-20T00:00:00Z","retention_until":"2036-12-31T00:00:00Z",
  "minimum_level":"clear","policy":"tcg-psid-revert","fallbacks":["overwrite-zero"],
  "credential_file":"/run/psid","verification":"full","bad_blocks":"except",
  "limits":{"when_slow":"stop","when_late":"stop","when_hot":"pause"},
  "targets":[{"target":"/dev/a","serial":"S1","wwid":"naa.5","asset_tag":"A-1",
    "release_member":["data"]}]})";
constexpr const char* kWholeManifest = R"({"schema":"efface.project/1",
  "project":{"id":"prj-1","owner":"Tenant","confidentiality":"secret"},"ticket":"CHG-1",
  "not_before":"2026-11-20T00:00:00Z","not_after":"2026-12-20T00:00:00Z",
  "retention_until":"2036-12-31T00:00:00Z","minimum_level":"purge",
  "attestation":{"encrypted_since_first_use":true,"all_key_copies_declared":true,"by":"x"},
  "volumes":[{"name":"pg-data","path":"/dev/loop3","engine":"postgresql",
    "uuid":"2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10","header":"/srv/pg.hdr",
    "header_backups":[{"path":"/root/pg.bak"}],"credential":{"passphrase_file":"/run/pass"},
    "serial":"S1","asset_tag":"A-1","release_member":["data"]}]})";

/// The ends of each range, in UTF-8.
const std::vector<std::string> kHidden{
    std::string(1, '\0'), "\x1f",         "\n",           "\x7f",         "\xc2\x80",
    "\xc2\x9f",           "\xd8\x9c",     "\xe2\x80\x8e", "\xe2\x80\x8f", "\xe2\x80\xa8",
    "\xe2\x80\xa9",       "\xe2\x80\xaa", "\xe2\x80\xae", "\xe2\x81\xa6", "\xe2\x81\xa9"};
/// Their neighbours, and others of two, three and four bytes.
const std::vector<std::string> kSeen{" ",
                                     "~",
                                     "\xc2\xa0",
                                     "\xd8\x9b",
                                     "\xd8\x9d",
                                     "\xe2\x80\x8d",
                                     "\xe2\x80\x90",
                                     "\xe2\x80\xa7",
                                     "\xe2\x80\xaf",
                                     "\xe2\x81\xa5",
                                     "\xe2\x81\xaa",
                                     "\xe6\xbc\xa2",
                                     "\xf0\x9f\x98\x80"};

void read(const Json& json) {
    if (json.contains("project")) {
        (void)parse_manifest(json.dump());
    } else {
        (void)parse_order(json.dump());
    }
}

/// nullopt: it was read.
std::optional<ReasonCode> refusal_of(const Json& json) {
    try {
        read(json);
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::usage);
        return error.reason();
    }
    return std::nullopt;
}

std::vector<Json::json_pointer> texts_in(const Json& json) {
    std::vector<Json::json_pointer> places;
    const Json flat = json.flatten();
    for (const auto& item : flat.items()) {
        if (item.value().is_string()) {
            places.emplace_back(item.key());
        }
    }
    return places;
}

}  // namespace

TEST_CASE("hidden characters are refused in every text", "[mandate][hidden]") {
    for (const auto& [text, count] :
         {std::pair{kWholeOrder, 22U}, std::pair{kWholeManifest, 20U}}) {
        const Json whole = Json::parse(text);
        CHECK(refusal_of(whole) == std::nullopt);
        const auto places = texts_in(whole);
        CHECK(places.size() == count);
        for (const auto& place : places) {
            for (const auto& hidden : kHidden) {
                INFO(place.to_string() << " " << to_hex(as_bytes(hidden)));
                const auto was = whole.at(place).get<std::string>();
                for (const auto& made : {hidden + was, was + hidden, was.substr(0, 1) + hidden}) {
                    Json changed = whole;
                    changed[place] = made;
                    CHECK(refusal_of(changed) == ReasonCode::unprintable_name);
                }
            }
        }
    }
}

TEST_CASE("other characters may stand in texts for people", "[mandate][hidden]") {
    for (const auto& [text, owner] :
         {std::pair{kWholeOrder, "/owner"}, std::pair{kWholeManifest, "/project/owner"}}) {
        for (const auto& seen : kSeen) {
            Json json = Json::parse(text);
            json[Json::json_pointer(owner)] = "a" + seen + "b";
            INFO(to_hex(as_bytes(seen)));
            CHECK(refusal_of(json) == std::nullopt);
        }
    }
}

// SPDX-License-Identifier: Apache-2.0
#include "efface/job/guard.hpp"

#include <cerrno>

#include "efface/base/file.hpp"

#include "catch.hpp"
#include "fake/luks/luks1_image.hpp"
#include "fixture/run_fixture.hpp"

using namespace efface;
using namespace efface::job;

namespace {

using Codes = std::vector<ReasonCode>;

Codes objections(RunFixture& fixture) {
    Codes codes;
    for (const auto& objection : fixture.plan().objections()) {
        codes.push_back(objection.reason.code);
    }
    return codes;
}

void replace(std::string& text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    REQUIRE(at != std::string::npos);
    text.replace(at, from.size(), to);
}

}  // namespace

TEST_CASE("guard: a clean project has no objection", "[job][guard]") {
    RunFixture fixture;
    CHECK(objections(fixture).empty());
}

TEST_CASE("guard: every use is an objection that says which", "[job][guard]") {
    RunFixture fixture;
    fixture.host.at("/dev/a").uses = {{ReasonCode::mounted, "mounted at /srv"},
                                      {ReasonCode::swap, "swap area"}};
    CHECK(objections(fixture) == Codes{ReasonCode::mounted, ReasonCode::swap});
    CHECK(fixture.plan().objections().front().reason.text == "a: /dev/a: mounted at /srv");
}

TEST_CASE("guard: what may go by itself is busy, anything else is not", "[job][guard]") {
    RunFixture fixture;
    auto& uses = fixture.host.at("/dev/a").uses;
    uses = {{ReasonCode::busy, "another job holds it"}};
    CHECK(fixture.plan().objections().front().status == ErrorCode::busy);
    uses = {{ReasonCode::opened, "process 17 has it open"}};
    CHECK(fixture.plan().objections().front().status == ErrorCode::safety);
}

TEST_CASE("guard: a UUID is the same in any case", "[job][guard]") {
    constexpr std::size_t kUuidOffset = 168;
    RunFixture fixture;
    auto& media = fixture.host.at("/dev/a").disk->media();
    for (std::size_t i = kUuidOffset; i < kUuidOffset + kUuidA.size(); ++i) {
        media[i] = static_cast<std::uint8_t>(std::toupper(media[i]));
    }
    CHECK(objections(fixture).empty());
}

TEST_CASE("guard: another UUID is another volume", "[job][guard]") {
    RunFixture fixture;
    replace(fixture.manifest_text, kUuidA, "00000000-6a8f-4a8d-9a5c-0a6f1b7f9e10");
    CHECK(objections(fixture) == Codes{ReasonCode::other_uuid});
}

TEST_CASE("guard: size and serial number of the manifest must hold", "[job][guard]") {
    RunFixture fixture;
    replace(fixture.manifest_text, R"("name":"a",)",
            R"("name":"a","size_bytes":1,"serial":"OTHER",)");
    CHECK(objections(fixture) == Codes{ReasonCode::other_identity, ReasonCode::other_identity});
}

TEST_CASE("guard: a missing device is named before anything happens", "[job][guard]") {
    RunFixture fixture;
    fixture.host.remove("/dev/b");
    const auto plan = fixture.plan();
    REQUIRE(plan.objections().size() == 1);
    CHECK(plan.objections().front().status == ErrorCode::usage);
    CHECK(plan.objections().front().reason.code == ReasonCode::no_such_target);
}

TEST_CASE("guard: no header at all is no silent success", "[job][guard]") {
    RunFixture fixture;
    fixture.host.at("/dev/a").disk->media().assign(fixture.before_a.size(), 0);
    CHECK(objections(fixture) == Codes{ReasonCode::header_not_found});
}

TEST_CASE("guard: what is declared gone must be gone, and stays an exception", "[job][guard]") {
    RunFixture fixture;
    replace(fixture.manifest_text, R"("name":"a",)", R"("name":"a","gone":true,)");
    CHECK(objections(fixture) == Codes{ReasonCode::gone_but_there});
    fixture.host.remove("/dev/a");
    CHECK(objections(fixture).empty());
    const auto result = fixture.run();
    CHECK(result.verdict == method::Verdict::sanitized_with_exceptions);
    CHECK(result.level == method::Level::none);
    CHECK(result.exit_code() == 4);
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("guard: what cannot be read cannot be declared gone", "[job][guard]") {
    RunFixture fixture;
    replace(fixture.manifest_text, R"("name":"a",)", R"("name":"a","gone":true,)");
    auto& disk = *fixture.host.at("/dev/a").disk;
    std::fill(disk.media().begin(), disk.media().begin() + (1 << 20), std::uint8_t{0});
    CHECK(objections(fixture).empty());
    // A LUKS2 header could have its second copy at any of these.
    const std::uint64_t place = GENERATE(0U, 0x4000U, 0x40000U);
    disk.set_hook([place](const fake::Operation& operation) {
        fake::Fault fault;
        if (operation.offset <= place && place < operation.offset + operation.length) {
            fault.kind = fake::Fault::Kind::fail;
            fault.error = EIO;
        }
        return fault;
    });
    CHECK(objections(fixture) == Codes{ReasonCode::remnants_unknown});
}

TEST_CASE("guard: a first header that cannot be looked for is an exception", "[job][guard]") {
    RunFixture fixture;
    const Bytes detached(fixture.before_a.begin(),
                         fixture.before_a.begin() + std::ptrdiff_t{fake::kLuks1PayloadOffset});
    fixture.host.add("/srv/a.hdr", detached);
    auto& data = *fixture.host.at("/dev/a").disk;
    std::fill(data.media().begin(), data.media().begin() + 512, std::uint8_t{0});
    data.set_hook([](const fake::Operation& operation) {
        fake::Fault fault;
        if (operation.offset == 0x8000) {
            fault.kind = fake::Fault::Kind::fail;
            fault.error = EIO;
        }
        return fault;
    });
    replace(fixture.manifest_text, R"("name":"a",)", R"("name":"a","header":"/srv/a.hdr",)");
    const auto result = fixture.run();
    CHECK(result.volumes.at(0).verdict == method::Verdict::sanitized_with_exceptions);
    CHECK_FALSE(fixture.old_metadata_remains("/srv/a.hdr", detached));
}

TEST_CASE("guard: copy-on-write, thin and shared storage is refused", "[job][guard]") {
    RunFixture fixture;
    SECTION("a layer below") {
        fixture.host.at("/dev/a").layers = {
            {"dm-2", "dm-snapshot-origin", true, false, false, false, false, ""}};
    }
    SECTION("a thin volume") {
        fixture.host.at("/dev/a").layers = {
            {"dm-2", "dm-thin", false, true, false, false, false, ""}};
    }
    SECTION("a reflinked file") {
        fixture.host.at("/dev/a").extents.shared_count = 3;
    }
    SECTION("a file system that writes elsewhere") {
        fixture.host.at("/dev/a").extents.copy_on_write = true;
    }
    CHECK_FALSE(objections(fixture).empty());
}

TEST_CASE("guard: a header backup is destroyed with the volume", "[job][guard]") {
    RunFixture fixture;
    const Bytes backup(fixture.before_a.begin(),
                       fixture.before_a.begin() + std::ptrdiff_t{fake::kLuks1PayloadOffset});
    fixture.host.add("/root/a.bak", backup);
    replace(fixture.manifest_text, R"("name":"a",)",
            R"("name":"a","header_backups":[{"path":"/root/a.bak"}],)");
    const auto result = fixture.run();
    CHECK(result.verdict == method::Verdict::sanitized);
    CHECK_FALSE(fixture.old_metadata_remains("/root/a.bak", backup));
}

TEST_CASE("guard: a backup of another volume is not touched", "[job][guard]") {
    RunFixture fixture;
    fixture.host.add("/root/a.bak", fixture.before_b);
    replace(fixture.manifest_text, R"("name":"a",)",
            R"("name":"a","header_backups":[{"path":"/root/a.bak"}],)");
    CHECK(objections(fixture) == Codes{ReasonCode::other_uuid});
}

TEST_CASE("guard: a whole disk with the volume's header is a clone of it", "[job][guard]") {
    RunFixture fixture;
    fixture.host.add("/dev/huge", fixture.before_a);
    fixture.host.at("/dev/huge").identity.size_bytes = std::uint64_t{4} << 40U;
    replace(fixture.manifest_text, R"("name":"a",)",
            R"("name":"a","header_backups":[{"path":"/dev/huge"}],)");
    CHECK(objections(fixture) == Codes{ReasonCode::volume_clone});
}

TEST_CASE("guard: plaintext in the payload takes the level, not the run", "[job][guard]") {
    RunFixture fixture;
    auto& media = fixture.host.at("/dev/a").disk->media();
    std::fill(media.begin() + std::ptrdiff_t{fake::kLuks1PayloadOffset}, media.end(),
              std::uint8_t{'x'});
    const auto result = fixture.run();
    CHECK(result.volumes.at(0).verdict == method::Verdict::sanitized);
    CHECK(result.volumes.at(0).level == method::Level::none);
    CHECK(result.volumes.at(1).level == method::Level::purge);
}

TEST_CASE("guard: a device exchanged between plan and erase is not written", "[job][guard]") {
    RunFixture fixture;
    std::function<void(fake::FakeHost::Disk&)> exchange;
    SECTION("another serial number") {
        exchange = [](auto& disk) { disk.identity.serial = "OTHER"; };
    }
    SECTION("another size") {
        exchange = [](auto& disk) {
            disk.disk = std::make_shared<fake::MemoryDisk>(Bytes(1U << 20U, 0x77));
        };
    }
    SECTION("another first sector") {
        exchange = [](auto& disk) { disk.disk->media()[0] = 0; };
    }
    SECTION("in use now") {
        exchange = [](auto& disk) { disk.uses = {{ReasonCode::mounted, "/srv"}}; };
    }
    Bytes exchanged;
    fixture.on_event = [&](const Json& event) {
        if (event.at("event") == "started" && event.at("target").at("name") == "b") {
            exchange(fixture.host.at("/dev/b"));
            exchanged = fixture.host.at("/dev/b").disk->media();
        }
    };
    const auto result = fixture.run();
    CHECK(result.volumes.at(1).verdict == method::Verdict::not_sanitized);
    CHECK((fixture.host.at("/dev/b").disk->media() == exchanged));
}

TEST_CASE("guard: a first header left on the data device of a detached one goes too",
          "[job][guard]") {
    RunFixture fixture;
    const Bytes detached(fixture.before_a.begin(),
                         fixture.before_a.begin() + std::ptrdiff_t{fake::kLuks1PayloadOffset});
    fixture.host.add("/srv/a.hdr", detached);
    replace(fixture.manifest_text, R"("name":"a",)", R"("name":"a","header":"/srv/a.hdr",)");
    const auto result = fixture.run();
    CHECK(result.verdict == method::Verdict::sanitized);
    CHECK_FALSE(fixture.old_metadata_remains("/srv/a.hdr", detached));
    CHECK_FALSE(fixture.old_metadata_remains("/dev/a", fixture.before_a));
    CHECK(fixture.verified_bundles() == 1);
}

TEST_CASE("guard: a data device without a header of its own is only read", "[job][guard]") {
    RunFixture fixture;
    const Bytes detached(fixture.before_a.begin(),
                         fixture.before_a.begin() + std::ptrdiff_t{fake::kLuks1PayloadOffset});
    fixture.host.add("/srv/a.hdr", detached);
    auto& data = fixture.host.at("/dev/a").disk->media();
    std::fill(data.begin(), data.begin() + 512, std::uint8_t{0});
    const Bytes before = data;
    replace(fixture.manifest_text, R"("name":"a",)", R"("name":"a","header":"/srv/a.hdr",)");
    CHECK(fixture.run().verdict == method::Verdict::sanitized);
    CHECK((fixture.host.at("/dev/a").disk->media() == before));
}

TEST_CASE(
    "guard: a mapping of the volume by any path is an objection, and right before the first byte",
    "[job][guard]") {
    RunFixture fixture;
    SECTION("in the plan") {
        fixture.host.mappings = {"luks-elsewhere"};
        CHECK(objections(fixture) == Codes{ReasonCode::active_mapping, ReasonCode::active_mapping});
        replace(fixture.manifest_text, R"("name":"a",)", R"("name":"a","gone":true,)");
        fixture.host.remove("/dev/a");
        CHECK(objections(fixture) == Codes{ReasonCode::active_mapping, ReasonCode::active_mapping});
    }
    SECTION("opened since") {
        fixture.on_event = [&](const Json& event) {
            if (event.at("event") == "started" && event.at("target").at("name") == "b") {
                fixture.host.mappings = {"luks-elsewhere"};
            }
        };
        const auto result = fixture.run();
        REQUIRE(result.volumes.at(1).reasons.size() == 1);
        CHECK(result.volumes.at(1).reasons.front().code == ReasonCode::active_mapping);
        CHECK((fixture.host.at("/dev/b").disk->media() == fixture.before_b));
    }
}

TEST_CASE("guard: what is left of a header is neither a volume nor gone", "[job][guard]") {
    RunFixture fixture;
    auto& media = fixture.host.at("/dev/a").disk->media();
    const bool gone = GENERATE(false, true);
    if (gone) {
        replace(fixture.manifest_text, R"("name":"a",)", R"("name":"a","gone":true,)");
    }
    const auto code = gone ? ReasonCode::gone_but_there : ReasonCode::key_material_left;
    SECTION("the slots of LUKS1") {
        std::fill(media.begin(), media.begin() + 208, std::uint8_t{0});
    }
    SECTION("the JSON of LUKS2") {
        std::fill(media.begin(), media.begin() + 8192, std::uint8_t{0});
        const std::string text = R"({"keyslots":{"0":{"type":"luks2","kdf":{}}}})";
        std::copy(text.begin(), text.end(), media.begin() + 4096);
    }
    CHECK(objections(fixture) == Codes{code});
    // The way out is named.
    CHECK(fixture.plan().objections().front().reason.text.find("efface erase /dev/a") !=
          std::string::npos);
}

TEST_CASE("guard: only a refusal says that a credential does not open", "[job][guard]") {
    RunFixture fixture;
    const auto key = fixture.scratch.path() / "key";
    write_file_durably(key, "secret");
    replace(fixture.manifest_text, R"("name":"a",)",
            R"("name":"a","credential":{"key_file":")" + key.string() + R"("},)");
    auto& library = fixture.host.library;
    const auto volume_of = [&](const RunResult& result) {
        const auto text = read_text_file(result.bundle / "certificate.json", 1U << 20U);
        return parse_json(*text, "certificate").at("predicate").at("volumes").at(0);
    };
    struct Untried {
        device::UnlockAnswer answer;
        ReasonCode why;
    };
    const std::vector<Untried> untried = {
        {{0, -ENOMEM, ""}, ReasonCode::luks_memory},
        {{-ENOMEM, -ENOMEM, ""}, ReasonCode::luks_memory},
        {{0, -ETIMEDOUT, ""}, ReasonCode::luks_deadline},
        {{0, 0, "gave no answer", ReasonCode::luks_deadline}, ReasonCode::luks_deadline},
        {{-EIO, -EIO, ""}, ReasonCode::control_not_asked},
        {{0, -EINVAL, ""}, ReasonCode::control_not_asked},
        {{0, 0, "the worker died"}, ReasonCode::control_not_asked},
    };
    SECTION("before: refused") {
        library.unlock_answer.code = GENERATE(-EPERM, -ENOENT);
        const auto planned = fixture.plan().objections();
        REQUIRE(planned.size() == 1);
        CHECK(planned.front().reason.code == ReasonCode::credential_does_not_open);
        try {
            (void)fixture.run();
            FAIL("it was taken for the volume");
        } catch (const Error& error) {
            CHECK(error.reason() == ReasonCode::credential_does_not_open);
        }
        CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
    }
    SECTION("before: its file is not there") {
        std::filesystem::remove(key);
        const auto planned = fixture.plan().objections();
        REQUIRE(planned.size() == 1);
        CHECK(planned.front().reason.code == ReasonCode::no_such_target);
        CHECK(planned.front().status == ErrorCode::usage);
        CHECK_THROWS_AS(fixture.run(), Error);
        CHECK(fixture.ended.error->code() == ErrorCode::usage);
        CHECK(library.unlocks == 0);
        CHECK((fixture.host.at("/dev/a").disk->media() == fixture.before_a));
    }
    SECTION("before: not asked") {
        library.unlock_after_destroy = device::UnlockAnswer{-EINVAL, -EINVAL, ""};
        const auto& row = untried.at(GENERATE(range(0U, 7U)));
        library.unlock_answer = row.answer;
        const auto planned = fixture.plan();
        CHECK(planned.objections().empty());
        CHECK(planned.volumes.at(0).residual_risks.back().code == row.why);
        const auto result = fixture.run();
        CHECK(result.volumes.at(0).verdict == method::Verdict::sanitized);
        const Json volume = volume_of(result);
        CHECK(volume.at("credential").at("openedBefore").is_null());
        CHECK(volume.at("credential").at("refusedAfter") == true);
        CHECK(volume.at("residualRisks").back().at("code") == to_string(row.why));
    }
    SECTION("after: not asked") {
        const auto& row = untried.at(GENERATE(range(0U, 7U)));
        library.unlock_after_destroy = row.answer;
        const auto result = fixture.run();
        CHECK(result.volumes.at(0).verdict == method::Verdict::indeterminate);
        REQUIRE(result.volumes.at(0).reasons.size() == 1);
        CHECK(result.volumes.at(0).reasons.front().code == row.why);
        const Json volume = volume_of(result);
        CHECK(volume.at("credential").at("openedBefore") == true);
        CHECK(volume.at("credential").at("refusedAfter").is_null());
    }
    SECTION("after: it opens") {
        library.unlock_after_destroy = device::UnlockAnswer{0, 0, ""};
        const auto result = fixture.run();
        CHECK(result.volumes.at(0).verdict == method::Verdict::not_sanitized);
        CHECK(result.volumes.at(0).reasons.front().code == ReasonCode::credential_still_opens);
    }
}

TEST_CASE("guard: crypt_load that could not answer shows nothing", "[job][guard]") {
    RunFixture fixture;
    fixture.host.library.load_after_destroy = device::LoadAnswer{-ENOMEM, "", "", {}, "", ""};
    CHECK(fixture.run().verdict == method::Verdict::indeterminate);
}

TEST_CASE("guard: a volume in the payload goes with it, and no level is claimed", "[job][guard]") {
    RunFixture fixture;
    auto& media = fixture.host.at("/dev/a").disk->media();
    std::copy(fixture.before_b.begin(), fixture.before_b.begin() + 4096,
              media.begin() + std::ptrdiff_t{fake::kLuks1PayloadOffset});
    const auto result = fixture.run();
    CHECK(result.volumes.at(0).verdict == method::Verdict::sanitized);
    CHECK(result.volumes.at(0).level == method::Level::none);
    CHECK(luks::find_remnants(*fixture.host.at("/dev/a").disk, {}, media.size()).nothing());
}

TEST_CASE("guard: another volume in the payload of a detached header is an objection",
          "[job][guard]") {
    RunFixture fixture;
    Bytes detached(fixture.before_a.begin(),
                   fixture.before_a.begin() + std::ptrdiff_t{fake::kLuks1PayloadOffset});
    write_be<std::uint32_t>(detached, 104, 0);
    fixture.host.add("/srv/a.hdr", detached);
    replace(fixture.manifest_text, R"("name":"a",)", R"("name":"a","header":"/srv/a.hdr",)");
    fixture.host.at("/dev/a").disk->media() = fixture.before_b;
    CHECK(objections(fixture) == Codes{ReasonCode::nested_header});
}

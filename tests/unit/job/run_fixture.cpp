// SPDX-License-Identifier: Apache-2.0
#include "run_fixture.hpp"

#include <algorithm>
#include <set>

#include "efface/base/file.hpp"

#include "bundles.hpp"
#include "catch.hpp"
#include "fake/luks/luks1_image.hpp"
#include "station_state.hpp"

namespace efface::job {

const std::string kUuidA = "2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10";
const std::string kUuidB = "c0ffee00-6a8f-4a8d-9a5c-0a6f1b7f9e11";

RunFixture::RunFixture() : state{scratch.path()} {
    put_station(state);
    static const Bytes image_a = fake::luks1_image(kUuidA);
    static const Bytes image_b = fake::luks1_image(kUuidB);
    before_a = image_a;
    before_b = image_b;
    host.add("/dev/a", before_a);
    host.add("/dev/b", before_b);
    host.library.load_after_destroy = device::LoadAnswer{-22, "", "", {}, "", ""};
    manifest_text = R"({"schema":"efface.project/1",
        "project":{"id":"prj-1","owner":"Tenant"},
        "attestation":{"encrypted_since_first_use":true,"all_key_copies_declared":true,"by":"x"},
        "volumes":[{"name":"a","path":"/dev/a","uuid":")" +
                    kUuidA + R"("},{"name":"b","path":"/dev/b","uuid":")" + kUuidB + R"("}]})";
}

evidence::KeyStore RunFixture::keys() const {
    return evidence::KeyStore::open(state.keys());
}

RunResult RunFixture::run() {
    Events sink(
        [this](const Json& event) {
            events.push_back(event);
            if (on_event) {
                on_event(event);
            }
        },
        clock);
    RunContext context{state, host, clock, random, sink};
    ProjectRequest request;
    request.manifest = mandate::parse_manifest(manifest_text);
    request.workers = workers;
    request.expected_plan_digest = plan_digest;
    request.program = "/bin/true";
    request.authorize = [this](const ProjectPlan&) {
        ++authorizations;
        return mandate::Authorization{"typed-project-id", "tester", {}, {}};
    };
    ended = run_project(context, request, stop.get_token());
    if (ended.error) {
        throw Error(*ended.error);
    }
    return ended;
}

ProjectPlan RunFixture::plan() {
    Events sink({}, clock);
    RunContext context{state, host, clock, random, sink};
    return make_plan(context, mandate::parse_manifest(manifest_text), 1);
}

std::string RunFixture::log_text() const {
    return read_text_file(state.log() / "entries.jsonl", 1U << 20U).value_or("");
}

bool RunFixture::old_metadata_remains(const std::string& path, const Bytes& before) {
    constexpr std::size_t kBlock = 4096;
    std::set<std::string_view> old;
    for (std::size_t at = 0; at < fake::kLuks1PayloadOffset; at += kBlock) {
        old.insert(as_text(ByteView(before).subspan(at, kBlock)));
    }
    const fake::MemoryDisk& disk = *host.at(path).disk;
    for (const Bytes* medium : {&disk.media(), &disk.durable()}) {
        for (std::size_t at = 0; at + kBlock <= medium->size(); at += kBlock) {
            const auto block = ByteView(*medium).subspan(at, kBlock);
            if (!all_zero(block) && old.contains(as_text(block))) {
                return true;
            }
        }
    }
    return false;
}

std::size_t RunFixture::verified_bundles() const {
    return job::verified_bundles(state);
}

}  // namespace efface::job

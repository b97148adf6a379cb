// SPDX-License-Identifier: Apache-2.0
#include "target_fixture.hpp"

#include <set>

#include "efface/base/file.hpp"
#include "efface/job/jobs.hpp"

#include "bundles.hpp"
#include "station_state.hpp"

namespace efface::job {

namespace {

constexpr std::size_t kBlock = 512;

/// Every block is different from every other.
Bytes old_content() {
    Bytes bytes(TargetFixture::kDiskBytes);
    for (std::size_t at = 0; at < bytes.size(); at += 8) {
        for (std::size_t i = 0; i < 8; ++i) {
            bytes[at + i] = static_cast<std::uint8_t>((at / 8) >> (8 * i));
        }
    }
    return bytes;
}

}  // namespace

TargetFixture::TargetFixture() : state{scratch.path()} {
    put_station(state);
    static const Bytes content = old_content();
    before = content;
    host.add("/dev/a", before);
}

evidence::KeyStore TargetFixture::keys() const {
    return evidence::KeyStore::open(state.keys());
}

RunResult TargetFixture::run(TargetRequest request) {
    Events sink(
        [this](const Json& event) {
            if (on_event) {
                on_event(event);
            }
        },
        clock);
    RunContext context{state, host, clock, random, sink};
    request.choice = order ? order->choice : choice;
    request.order = order ? &*order : nullptr;
    request.program = "/bin/true";
    request.authorize = [this](const TargetPlan&) {
        ++authorizations;
        return authorize ? authorize() : mandate::Authorization{"typed-token", "tester", {}, {}};
    };
    ended = run_target(context, request, stop.get_token());
    if (ended.error) {
        throw Error(*ended.error);
    }
    return ended;
}

TargetPlan TargetFixture::plan() {
    Events sink({}, clock);
    RunContext context{state, host, clock, random, sink};
    TargetRequest request;
    request.target = target;
    request.choice = order ? order->choice : choice;
    request.order = order ? &*order : nullptr;
    return make_target_plan(context, request);
}

RunResult TargetFixture::run() {
    TargetRequest request;
    request.target = target;
    return run(std::move(request));
}

RunResult TargetFixture::resume(const std::string& job_id) {
    TargetRequest request;
    request.target = target;
    request.job_id = job_id;
    return run(std::move(request));
}

std::size_t TargetFixture::log_entries(const std::string& type) const {
    const auto log = read_text_file(state.log() / "entries.jsonl", 1U << 20U).value_or("");
    const auto wanted = "\"" + type + "\"";
    std::size_t count = 0;
    for (auto at = log.find(wanted); at != std::string::npos; at = log.find(wanted, at + 1)) {
        ++count;
    }
    return count;
}

bool TargetFixture::old_content_remains() {
    std::set<std::string_view> old;
    for (std::size_t at = 0; at < before.size(); at += kBlock) {
        old.insert(as_text(ByteView(before).subspan(at, kBlock)));
    }
    const fake::MemoryDisk& medium_of = disk();
    for (const Bytes* medium : {&medium_of.media(), &medium_of.durable()}) {
        for (std::size_t at = 0; at < medium->size(); at += kBlock) {
            if (old.contains(as_text(ByteView(*medium).subspan(at, kBlock)))) {
                return true;
            }
        }
    }
    return false;
}

std::size_t TargetFixture::verified_bundles() const {
    return job::verified_bundles(state);
}

std::string TargetFixture::open_job() const {
    for (const auto& entry : list_jobs(state)) {
        if (entry.resumable()) {
            return entry.id;
        }
    }
    return {};
}

}  // namespace efface::job

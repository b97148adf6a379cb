// SPDX-License-Identifier: Apache-2.0
#include "station.hpp"

#include <set>
#include <string_view>

#include "efface/base/file.hpp"
#include "efface/job/jobs.hpp"

#include "fixture/bundles.hpp"
#include "fixture/station_state.hpp"

namespace efface::job {

namespace {

class Connection final : public DriveConnection {
  public:
    explicit Connection(DriveModel& model) : model_(model) {}
    std::vector<method::CommandSet*> command_sets() override { return model_.command_sets(); }
    void rescan() override {}

  private:
    DriveModel& model_;
};

Bytes distinct_block(std::uint64_t surface, std::uint64_t block, std::uint32_t bytes) {
    Bytes content(bytes);
    for (std::size_t at = 0; at + sizeof(std::uint64_t) <= bytes; at += sizeof(std::uint64_t)) {
        write_be<std::uint64_t>(content, at, (surface << 56U) | (block << 16U) | at | 1U);
    }
    return content;
}

}  // namespace

DriveStation::DriveStation() : state{scratch.path()} {
    put_station(state);
    request.target = "/dev/a";
    request.program = "/bin/true";
    request.authorize = [](const TargetPlan&) {
        return mandate::Authorization{"typed-token", "tester", {}, {}};
    };
}

void DriveStation::attach(DriveModel& model, const std::string& serial) {
    model_ = &model;
    const auto media = model.media();
    for (std::uint64_t i = 0; i < media.size(); ++i) {
        for (std::uint64_t block = 0; block < media[i]->blocks(); ++block) {
            const auto content = distinct_block(i, block, media[i]->block_bytes());
            media[i]->write(block, content);
            before_.push_back(content);
        }
    }
    const auto surfaces = model.surfaces();
    host.drive.protocol = inventory::Drive::Protocol::nvme;
    host.drive.command_nodes = {"/dev/a"};
    for (std::size_t i = 0; i < surfaces.size(); ++i) {
        const std::string name(1, static_cast<char>('a' + i));
        auto& disk = host.add("/dev/" + name, Bytes(512));
        disk.medium = surfaces[i];
        disk.identity.serial = serial;
        host.drive.surfaces.push_back({name, "/dev/" + name, static_cast<std::uint32_t>(i + 1)});
    }
    host.connection = [this] { return std::make_unique<Connection>(*model_); };
}

template <typename Run>
auto DriveStation::with_context(const Run& run) {
    Events sink(
        [this](const Json& event) {
            if (on_event) {
                on_event(event);
            }
        },
        clock);
    RunContext context{state,
                       host,
                       clock,
                       random,
                       sink,
                       [this](std::chrono::milliseconds pause, const std::stop_token& token) {
                           clock.advance(pause);
                           if (on_wait) {
                               on_wait();
                           }
                           return !token.stop_requested();
                       }};
    return run(context);
}

TargetPlan DriveStation::plan() {
    return with_context([this](RunContext& context) { return make_target_plan(context, request); });
}

RunResult DriveStation::run() {
    ended = with_context(
        [this](RunContext& context) { return run_target(context, request, stop.get_token()); });
    if (ended.error) {
        throw Error(*ended.error);
    }
    return ended;
}

bool DriveStation::old_content_remains(bool spare) const {
    for (auto* media : model_->media()) {
        std::set<std::string_view> old;
        for (const auto& block : before_) {
            old.insert(as_text(block));
        }
        Bytes block(media->block_bytes());
        for (std::uint64_t at = 0; at < media->blocks(); ++at) {
            media->read(at, block);
            if (old.contains(as_text(block))) {
                return true;
            }
        }
        for (std::size_t i = 0; spare && i < before_.size(); i += 61) {
            if (before_[i].size() == media->block_bytes() && media->holds(before_[i])) {
                return true;
            }
        }
    }
    return false;
}

std::size_t DriveStation::verified_bundles() const {
    return job::verified_bundles(state);
}

std::string DriveStation::job_id() const {
    const auto jobs = list_jobs(state);
    return jobs.empty() ? std::string() : jobs.front().id;
}

void DriveStation::rename(const std::string& from, const std::string& to) {
    host.rename(from, to);
    for (auto& surface : host.drive.surfaces) {
        if (surface.path == from) {
            surface.path = to;
            surface.name = to.substr(to.rfind('/') + 1);
        }
    }
}

std::string DriveStation::certificate() const {
    return file_of_bundle("certificate.json");
}

std::string DriveStation::observations() const {
    return file_of_bundle("observations.jsonl");
}

std::string DriveStation::file_of_bundle(const char* name) const {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(state.certificates())) {
        if (entry.path().filename() == name) {
            return read_text_file(entry.path(), std::size_t{16} << 20U).value_or("");
        }
    }
    return {};
}

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
// The guard of targets that are erased as a whole.
#include <fmt/format.h>

#include "efface/job/guard.hpp"

namespace efface::job {

Json target_identity(const inventory::Identity& identity) {
    Json json = {{"kind", inventory::to_string(identity.kind)},
                 {"model", identity.model},
                 {"serial", identity.serial},
                 {"wwid", identity.wwid},
                 {"sizeBytes", identity.size_bytes}};
    if (!identity.partition_uuid.empty()) {
        json["partitionUuid"] = identity.partition_uuid;
    }
    if (!identity.device_mapper_uuid.empty()) {
        json["deviceMapperUuid"] = identity.device_mapper_uuid;
    }
    if (identity.backing) {
        json["backing"] = inventory::to_json(*identity.backing);
    }
    if (identity.kind == inventory::Kind::file) {
        json["place"] =
            fmt::format("{} inode {} on device {}:{}", printable(identity.canonical_path),
                        identity.inode, identity.major, identity.minor);
        json["inode"] = std::to_string(identity.inode);  // may exceed what JSON numbers hold
        json["deviceNumber"] = fmt::format("{}:{}", identity.major, identity.minor);
        if (!identity.birth_time.empty()) {
            json["birthTime"] = identity.birth_time;
        }
    } else if (identity.serial.empty() && identity.wwid.empty()) {
        json["place"] =
            printable(identity.backing_file.empty() ? identity.canonical_path
                                                    : "loop device over " + identity.backing_file);
    } else if (identity.kind == inventory::Kind::partition && identity.partition_uuid.empty()) {
        json["place"] = printable(identity.canonical_path);
    }
    return json;
}

guard::Held Guard::clear_target(const std::string& path, const Json& identity, Moment moment,
                                std::optional<std::uint64_t> disk_sequence) {
    guard::HoldRequest request;
    request.path = path;
    request.moment = moment;
    request.disk_sequence = disk_sequence;
    request.recognise = [&](const inventory::Identity& now) -> std::optional<Reason> {
        if (target_identity(now) == identity) {
            return std::nullopt;
        }
        return Reason{ReasonCode::other_identity, "another device or file is there now"};
    };
    return guard::hold(host_, request);
}

guard::Clearance Guard::clear_memory(method::MemoryMethod& method, const std::string& name,
                                     const Json& identity) {
    return guard::clear_memory(name, identity, [&] {
        auto survey = method.survey();
        return guard::MemoryLook{std::move(survey.identity), std::move(survey.objections)};
    });
}

}  // namespace efface::job

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
    if (identity.kind == inventory::Kind::file) {
        json["place"] =
            fmt::format("{} inode {} on device {}:{}", printable(identity.canonical_path),
                        identity.inode, identity.major, identity.minor);
    } else if (identity.serial.empty() && identity.wwid.empty()) {
        json["place"] =
            printable(identity.backing_file.empty() ? identity.canonical_path
                                                    : "loop device over " + identity.backing_file);
    } else if (identity.kind == inventory::Kind::partition && identity.partition_uuid.empty()) {
        json["place"] = printable(identity.canonical_path);
    }
    return json;
}

Guard::Cleared Guard::clear_target(const std::string& path, const Json& identity, Moment moment) {
    const auto refuse = [&](const std::string& what) {
        throw Error(ErrorCode::safety, printable(path) + ": " + what);
    };
    const auto now = host_.identify(path);
    if (target_identity(now) != identity || now.canonical_path != path) {
        refuse("another device or file stands there now");
    }
    const auto uses = host_.uses_of(now, moment);
    if (!uses.empty()) {
        throw Error(ErrorCode::safety, uses.front().code,
                    printable(path) + ": " + uses.front().detail);
    }
    if (now.kind == inventory::Kind::file && host_.is_open(path).value_or(false)) {
        refuse("another process has it open");
    }
    auto target = host_.open(path, device::Access::exclusive);
    const auto facts = target->facts();
    const bool same = facts.size_bytes == now.size_bytes &&
                      (facts.is_block_device ? facts.disk_sequence == now.disk_sequence
                                             : facts.inode == now.inode);
    if (!same) {
        refuse("the device was exchanged while it was opened");
    }
    target->lock_metadata();
    return {std::move(target), method::Clearance(path)};
}

method::Clearance Guard::clear_memory(method::MemoryMethod& method, const std::string& name,
                                      const Json& identity) {
    const auto survey = method.survey();
    if (survey.identity != identity) {
        throw Error(ErrorCode::safety, name + ": other storage stands there now");
    }
    if (!survey.objections.empty()) {
        throw Error(ErrorCode::safety, survey.objections.front().code,
                    name + ": " + survey.objections.front().text);
    }
    return method::Clearance(name);
}

}  // namespace efface::job

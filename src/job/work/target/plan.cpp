// SPDX-License-Identifier: Apache-2.0
#include "plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/job/guard.hpp"
#include "efface/mandate/manifest.hpp"

namespace efface::job {

namespace {

constexpr std::size_t kTokenHexDigits = 6;

std::string name_token(const inventory::Identity& identity, const Json& target) {
    const auto name = identity.canonical_path.substr(identity.canonical_path.rfind('/') + 1);
    return fmt::format("{}-{}-{}", printable(name), identity.size_bytes,
                       sha256_hex(canonical_json(target)).substr(0, kTokenHexDigits));
}

/// Whether a folder has this file, by whatever name: hard links and other mounts of it, too. What
/// can't be listed may have it.
bool has_file(const std::filesystem::path& folder, const std::string& file) {
    std::error_code error;
    if (!std::filesystem::exists(folder, error)) {
        return static_cast<bool>(error);
    }
    for (auto at = std::filesystem::recursive_directory_iterator(folder, error);
         !error && at != std::filesystem::recursive_directory_iterator(); at.increment(error)) {
        std::error_code vanished;
        if (at->is_regular_file(vanished) && std::filesystem::equivalent(*at, file, vanished)) {
            return true;
        }
    }
    return static_cast<bool>(error);
}

}  // namespace

std::string confirm_token(const inventory::Identity& identity, const Json& target) {
    if (identity.kind == inventory::Kind::disk && !identity.serial.empty()) {
        return identity.serial;
    }
    return name_token(identity, target);
}

TargetPlan begin_plan(const std::string& name, const inventory::Identity& identity) {
    if (!is_utf8(name) || !is_utf8(identity.canonical_path)) {
        throw Error(ErrorCode::usage, ReasonCode::unprintable_name,
                    printable(name) + ": its name is not UTF-8, so it cannot be put into a record");
    }
    TargetPlan plan;
    plan.name = printable(name);
    plan.path = identity.canonical_path;
    plan.kind = inventory::to_string(identity.kind);
    plan.identity = target_identity(identity);
    plan.confirm_token = confirm_token(identity, plan.identity);
    plan.size_bytes = identity.size_bytes;
    return plan;
}

void make_token_unique(TargetPlan& plan, Host& host, const inventory::Identity& identity,
                       const inventory::Drive& drive) {
    if (plan.confirm_token != identity.serial) {
        return;
    }
    const auto& paths = drive.other_paths;
    for (const auto& disk : host.disks()) {
        const bool same_disk = disk.canonical_path == identity.canonical_path ||
                               std::any_of(paths.begin(), paths.end(), [&](const auto& path) {
                                   return path.path == disk.canonical_path;
                               });
        if (!same_disk && disk.serial == identity.serial) {
            plan.confirm_token = name_token(identity, plan.identity);
            return;
        }
    }
}

std::optional<Reason> another_target(const Json& before, const Json& after,
                                     std::initializer_list<const char*> also) {
    std::vector<std::string> keys(also.begin(), also.end());
    keys.insert(keys.end(), {"serialNumber", "wwid"});
    if (before.contains("inode")) {
        keys.insert(keys.end(), {"deviceNumber", "inode"});
    }
    for (const auto& key : keys) {
        if (before.value(key, Json()) != after.value(key, Json())) {
            return Reason{
                ReasonCode::other_identity,
                fmt::format("it is not the target that was erased: {} is {}, not {}", key,
                            after.value(key, Json()).dump(), before.value(key, Json()).dump())};
        }
    }
    return std::nullopt;
}

void object_to_uses(TargetPlan& plan, Host& host, const inventory::Identity& identity,
                    Moment moment, const char* as) {
    const auto users = host.users_of(identity, moment);
    for (const auto& use : users.uses) {
        plan.objections.push_back({{use.code, as + use.detail}, guard::status_of(use.code)});
    }
}

void object_to(TargetPlan& plan, const std::vector<Reason>& reasons) {
    for (const auto& reason : reasons) {
        plan.objections.push_back({reason, guard::status_of(reason.code)});
    }
}

/// What says what is to be erased, or how it was, is no storage.
void object_to_document(TargetPlan& plan, const StateDirectory& state, const std::string& path) {
    const auto object = [&](const char* what) {
        plan.objections.push_back({{ReasonCode::own_document, what}});
    };
    std::error_code error;
    const auto root = std::filesystem::weakly_canonical(state.root, error).string() + "/";
    if (error || path.starts_with(root) || has_file(root, path)) {
        object("it is part of efface's own state");
    }
    const auto size = std::filesystem::file_size(path, error);
    if (error || size > mandate::kOrderBytesMax) {
        return;
    }
    const auto text = read_text_file(path, mandate::kOrderBytesMax).value_or("");
    if (mandate::is_order(text)) {
        object("it is an order");
    } else if (mandate::is_manifest(text)) {
        object("it is the manifest of a project");
    }
}

Json no_hidden_areas(const char* why) {
    return ObjectWriter().add("examined", false).add("note", why).take();
}

bool same_drive(const Json& one, const Json& other) {
    const bool known = !one.value("serial", "").empty() || !one.value("wwid", "").empty();
    if (!known) {
        return one == other;
    }
    auto a = one;
    auto b = other;
    a.erase("sizeBytes");
    b.erase("sizeBytes");
    return a == b;
}

void object_to_size(TargetPlan& plan, const inventory::Identity& identity) {
    if (identity.size_bytes != 0) {
        return;
    }
    plan.objections.push_back(
        identity.kind == inventory::Kind::disk
            ? Objection{{ReasonCode::no_capacity,
                         fmt::format(
                             "the kernel reports a capacity of 0 bytes for {}: no medium, a failed "
                             "drive, or an unsupported block size such as 520 bytes",
                             printable(identity.canonical_path))}}
            : Objection{{ReasonCode::nothing_to_erase, "it has no bytes"}});
}

void object_to_holes(TargetPlan& plan, const device::ExtentReport& extents) {
    if (extents.free_bytes && extents.missing_bytes > *extents.free_bytes) {
        plan.objections.push_back(
            {{ReasonCode::no_room_below,
              fmt::format("it has {} bytes of holes, which an overwrite fills, and its file system "
                          "has {} bytes free",
                          extents.missing_bytes, *extents.free_bytes)}});
    }
}

void add_identity_risk(TargetPlan& plan, const inventory::Identity& identity) {
    if (identity.transport == "usb" && !identity.serial_by_drive) {
        plan.residual_risks.push_back(
            {ReasonCode::bridge_serial,
             fmt::format("the serial number \"{}\" may be the USB bridge's, which does not pass on "
                         "the drive's own",
                         identity.serial)});
    }
}

Reason without_commands(const inventory::Identity& identity,
                        const std::vector<inventory::Layer>& layers) {
    std::vector<std::string> drives;
    for (const auto& layer : layers) {
        if (layer.type == "disk") {
            drives.push_back(layer.name);
        }
    }
    const auto below = fmt::format("{}", fmt::join(drives, ", "));
    std::string text;
    if (drives.empty()) {
        text = "it is not on a single drive: overwrite it";
    } else if (identity.kind == inventory::Kind::partition) {
        text = fmt::format("it is part of {}: name that drive, or overwrite this part", below);
    } else if (identity.device_mapper_uuid.starts_with("mpath-")) {
        text = fmt::format(
            "it is a multipath map over {}: overwrite the map, or flush it "
            "(multipath -f {}) and name one of these paths",
            below, printable(identity.path));
    } else if (identity.kind == inventory::Kind::md) {
        text = fmt::format(
            "it is an array over {}: overwrite it, or stop it (mdadm --stop {}) and "
            "name each of these drives",
            below, printable(identity.path));
    } else {
        text = fmt::format("it is mapped onto {}: overwrite it, or close it and name the drive",
                           below);
    }
    return {ReasonCode::no_drive_commands, std::move(text)};
}

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
#include "rows.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "terminal/text.hpp"

namespace efface::cli {

namespace {

/// So many loop and ram devices without use bury nothing yet.
constexpr std::size_t kIdleShown = 3;
constexpr const char* kUnknown = "?";

Cell text_or_dash(const std::string& text) {
    return {text.empty() ? "-" : text};
}

std::string name_of(const inventory::ListEntry& entry) {
    return (entry.parent.empty() ? "" : " ") +
           std::filesystem::path(entry.identity.canonical_path).filename().string();
}

/// What it is: who made it and its model; of a loop device its file, by the end that tells files
/// apart.
std::string model_of(const inventory::ListEntry& entry) {
    constexpr std::size_t kPathMax = 40;
    if (entry.identity.backing_file.empty()) {
        return entry.vendor.empty() ? entry.identity.model
                                    : entry.vendor + " " + entry.identity.model;
    }
    std::string path = entry.identity.backing_file;
    while (path.size() > kPathMax) {
        const auto slash = path.find('/', path.starts_with(".../") ? 4 : 1);
        if (slash == std::string::npos) {
            break;
        }
        path = "..." + path.substr(slash);
    }
    return path;
}

bool was_read(const inventory::ListEntry& entry) {
    return entry.signature.code >= 0;
}

Cell luks_cell(const inventory::ListEntry& entry) {
    if (entry.luks_version != 0) {
        return {fmt::format("LUKS{}", entry.luks_version), Meaning::caution};
    }
    return was_read(entry) ? Cell{"-"} : Cell{kUnknown, Meaning::caution};
}

/// The best that a drive can do to itself.
Cell best_of(const std::optional<job::DriveAbility>& ability, bool examined) {
    if (!ability) {
        return {"-"};
    }
    if (!ability->error.empty()) {
        return {examined ? "no answer" : kUnknown, Meaning::caution};
    }
    if (!ability->running.empty()) {
        return {"runs " + ability->running, Meaning::caution};
    }
    for (const auto& technique : ability->techniques) {
        if (technique.why_not.empty() && technique.level != method::Level::none) {
            return {fmt::format("{}: {}", to_string(technique.level), technique.name)};
        }
    }
    return {"nothing"};
}

/// Who has it, most important first: a job of efface, users, what could not be looked at.
Cell used_by(const Storage& storage, std::size_t i) {
    const auto& entry = storage.entries[i];
    const auto& job = storage.pasts.rows[i].job;
    if (job && job->running) {
        return {"being erased by " + job_in_words(*job), Meaning::caution};
    }
    std::vector<std::string> users;
    bool unknown = !storage.examined;
    for (const auto& use : entry.uses) {
        if (use.code == ReasonCode::unreadable_state) {
            unknown = true;
        } else {
            users.push_back(use.detail);
        }
    }
    if (job) {
        users.insert(users.begin(), "interrupted " + job_in_words(*job));
    }
    if (users.empty()) {
        const auto* unread = entry.uses.empty() ? nullptr : &entry.uses.front().detail;
        return unknown ? Cell{unread != nullptr && storage.examined ? "? " + *unread : kUnknown,
                              Meaning::caution}
                       : Cell{"-"};
    }
    std::string text = users.front();
    if (users.size() > 1 || unknown) {
        text += users.size() > 1 ? fmt::format(" (and {} more)", users.size() - 1) : " (and ?)";
    }
    return {text, Meaning::caution};
}

/// "clear 2026-11-22": what a certificate of this machine says that it is.
Cell last_of(const Storage& storage, std::size_t i) {
    constexpr std::size_t kDay = 10;
    const auto& last = storage.pasts.rows[i].last;
    if (!last) {
        return storage.pasts.unread.empty() ? Cell{"-"} : Cell{kUnknown, Meaning::caution};
    }
    const auto day = last->at.substr(0, kDay);
    if (last->status.empty()) {
        return {"NOT PROVED " + day, Meaning::bad};
    }
    if (last->rejected) {
        return {"REJECTED " + day, Meaning::bad};
    }
    if (last->superseded) {
        return {"SUPERSEDED " + day, Meaning::bad};
    }
    const bool success = last->status.starts_with("sanitized");
    return {fmt::format("{}{} {}", last->status,
                        success && last->level != "none" ? ", " + last->level : "", day),
            success ? Meaning::good : Meaning::bad};
}

std::vector<Cell> row_of(const Storage& storage, std::size_t i) {
    const auto& entry = storage.entries[i];
    const auto& identity = entry.identity;
    const auto& last = storage.pasts.rows[i].last;
    return {{name_of(entry)},
            {entry.controller.empty() ? inventory::to_string(identity.kind)
                                      : "virtual disk of " + entry.controller},
            {human_bytes(identity.size_bytes)},
            text_or_dash(model_of(entry)),
            text_or_dash(identity.serial),
            text_or_dash(identity.transport == "loop" ? "" : identity.transport),
            text_or_dash(entry.place),
            luks_cell(entry),
            best_of(storage.abilities[i], storage.examined),
            used_by(storage, i),
            last_of(storage, i),
            text_or_dash(entry.luks_uuid),
            text_or_dash(identity.wwid),
            text_or_dash(last ? last->bundle.string() : "")};
}

bool is_idle(const Storage& storage, std::size_t i) {
    const auto& entry = storage.entries[i];
    const auto kind = entry.identity.kind;
    const bool whole = entry.parent.empty() && entry.luks_version == 0;
    const bool virtual_one = kind == inventory::Kind::loop || kind == inventory::Kind::ram;
    return virtual_one && whole && entry.uses.empty() && !storage.pasts.rows[i].job;
}

/// "+30 loop": one line for those that nobody uses.
std::vector<Cell> folded(const Storage& storage, const std::vector<std::size_t>& idle,
                         std::size_t columns) {
    std::uint64_t bytes = 0;
    for (const auto i : idle) {
        bytes += storage.entries[i].identity.size_bytes;
    }
    std::vector<Cell> row(columns, Cell{"-", Meaning::quiet});
    row[0] = {fmt::format("+{} {}", idle.size(),
                          inventory::to_string(storage.entries[idle.front()].identity.kind)),
              Meaning::quiet};
    row[1] = {inventory::to_string(storage.entries[idle.front()].identity.kind), Meaning::quiet};
    row[2] = {human_bytes(bytes), Meaning::quiet};
    row[9] = {"nobody (-d all)", Meaning::quiet};
    return row;
}

}  // namespace

Storage chosen(Storage storage, Devices devices) {
    if (devices != Devices::disks) {
        return storage;
    }
    Storage disks;
    disks.pasts.unread = storage.pasts.unread;
    disks.examined = storage.examined;
    for (std::size_t i = 0; i < storage.entries.size(); ++i) {
        if (storage.entries[i].identity.kind == inventory::Kind::disk) {
            disks.entries.push_back(std::move(storage.entries[i]));
            disks.abilities.push_back(std::move(storage.abilities[i]));
            disks.pasts.rows.push_back(std::move(storage.pasts.rows[i]));
        }
    }
    return disks;
}

Table table_of(const Storage& storage, Devices devices) {
    Table table;
    table.columns = {{"NAME", 100},         {"KIND", 45},          {"SIZE", 95},  {"MODEL", 80},
                     {"SERIAL", 85},        {"BUS", 60},           {"PLACE", 40}, {"LUKS", 55},
                     {"ERASES ITSELF", 50}, {"USED BY", 90, true}, {"LAST", 70},  {"UUID", 20},
                     {"WWID", 15},          {"CERTIFICATE", 10}};
    std::vector<std::size_t> idle;
    for (std::size_t i = 0; i < storage.entries.size(); ++i) {
        if (is_idle(storage, i)) {
            idle.push_back(i);
        }
    }
    const bool folds = devices == Devices::usual && idle.size() > kIdleShown;
    for (std::size_t i = 0; i < storage.entries.size(); ++i) {
        if (!folds || !is_idle(storage, i)) {
            table.rows.push_back(row_of(storage, i));
        }
    }
    if (folds) {
        table.rows.push_back(folded(storage, idle, table.columns.size()));
    }
    return table;
}

std::vector<std::string> list_columns() {
    return typed_names(table_of({}, Devices::all));
}

std::string usual_columns() {
    return "name,kind,size,model,serial,bus,place,luks,erases itself,used by,last";
}

}  // namespace efface::cli

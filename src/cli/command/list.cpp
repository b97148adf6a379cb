// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>

#include "efface/device/capabilities.hpp"
#include "efface/guard/users.hpp"

#include "commands.hpp"
#include "list/rows.hpp"
#include "terminal/console.hpp"
#include "terminal/text.hpp"

namespace efface::cli {

namespace {

struct ListOptions {
    bool json = false;
    bool techniques = false;
    bool wide = false;
    std::string columns;
    bool picks = false;  ///< columns were asked for
    std::string devices = "usual";
    unsigned wait = 0;

    [[nodiscard]] Devices which() const {
        return devices == "disks" ? Devices::disks
               : devices == "all" ? Devices::all
                                  : Devices::usual;
    }
};

Json job_document(const std::optional<job::JobEntry>& job) {
    return job ? ObjectWriter()
                     .add("jobId", job->id)
                     .add("running", job->running)
                     .add("bytesDone", job->bytes_done)
                     .add("bytesTotal", job->bytes_total)
                     .take()
               : Json();
}

Json last_document(const std::optional<LastErased>& last) {
    return last ? ObjectWriter()
                      .add("bundle", printable(last->bundle.string()))
                      .add("issuedAt", last->at)
                      .add("status", last->status)
                      .add("level", last->level)
                      .add("rejected", last->rejected)
                      .add("superseded", last->superseded)
                      .take()
                : Json();
}

Json document_of(const Storage& storage) {
    Json list = Json::array();
    for (std::size_t i = 0; i < storage.entries.size(); ++i) {
        const auto& entry = storage.entries[i];
        Json uses = Json::array();
        for (const auto& use : entry.uses) {
            uses.push_back(
                ObjectWriter().add("kind", to_string(use.code)).add("detail", use.detail).take());
        }
        const auto& ability = storage.abilities[i];
        const auto& past = storage.pasts.rows[i];
        list.push_back(ObjectWriter()
                           .add("identity", inventory::to_json(entry.identity))
                           .add("parent", entry.parent)
                           .add("vendor", entry.vendor)
                           .add("virtualDiskOf", entry.controller)
                           .add("place", entry.place)
                           .add("blocksRead", entry.signature.code >= 0)
                           .add("luksVersion", entry.luks_version)
                           .add("luksUuid", entry.luks_uuid)
                           .add("erasesItself", ability ? to_json(*ability) : Json())
                           .add("uses", std::move(uses))
                           .add("job", job_document(past.job))
                           .add("last", last_document(past.last))
                           .take());
    }
    return ObjectWriter()
        .add("schema", "efface.list/1")
        .add("examined", storage.examined)
        .add("pastUnread", printable(storage.pasts.unread))
        .add("storage", std::move(list))
        .take();
}

/// Every technique of each drive, and why not.
std::string techniques_text(const Storage& storage) {
    std::string text;
    for (std::size_t i = 0; i < storage.entries.size(); ++i) {
        const auto& ability = storage.abilities[i];
        if (!ability) {
            continue;
        }
        const auto& identity = storage.entries[i].identity;
        text += fmt::format("\n{}  {} {}\n", one_line(identity.canonical_path),
                            one_line(identity.model), one_line(identity.serial));
        if (!ability->error.empty()) {
            text += "  " + one_line(ability->error) + "\n";
        }
        for (const auto& area : ability->hidden_areas) {
            text += "  hidden: " + one_line(area) + "\n";
        }
        if (!ability->techniques.empty()) {
            const auto& health = ability->health_text;
            text += "  health: " + (health.empty() ? "not reported" : health) + "\n";
        }
        for (const auto& technique : ability->techniques) {
            text += fmt::format("  {:<26} {}\n", technique.name,
                                !technique.why_not.empty() ? "no: " + technique.why_not
                                : technique.estimate_seconds
                                    ? fmt::format("{}, about {} s", to_string(technique.level),
                                                  *technique.estimate_seconds)
                                    : std::string(to_string(technique.level)));
        }
    }
    return text.empty() ? "\nNo drive here supports an erase command.\n" : text;
}

bool has(const Table& table, std::string_view name) {
    return std::any_of(table.columns.begin(), table.columns.end(),
                       [&](const Column& column) { return name == column.name; });
}

/// Those of which nobody can say whether they hold LUKS.
std::string names_unread(const Storage& storage) {
    std::vector<std::string> names;
    for (const auto& entry : storage.entries) {
        if (entry.signature.code < 0) {
            names.push_back(one_line(entry.identity.canonical_path));
        }
    }
    return listed(names);
}

/// The columns that were asked for, and where nobody asked those that fit.
void print_table(const ListOptions& options, const Storage& storage) {
    const Screen screen = Screen::of(STDOUT_FILENO);
    auto table = table_of(storage, options.which());
    if (options.picks) {
        table = pick(std::move(table), options.columns);
    } else if (!options.wide) {
        table = without_empty(pick(std::move(table), usual_columns()));
    }
    const bool asked = options.wide || options.picks;
    const auto fitted = fit(table, asked ? 0 : screen.columns, screen);
    print_made_safe(fitted.text);
    if (!fitted.left_out.empty()) {
        say("no room for " + listed(fitted.left_out) +
            ": efface list -w, or -o with the columns to show");
    }
    if (!storage.examined) {
        say("? is what only root may look at: run efface list as root", Meaning::caution);
        return;
    }
    const auto unread = names_unread(storage);
    if (has(table, "LUKS") && !unread.empty()) {
        say("LUKS ? is unknown: no block could be read of " + unread, Meaning::caution);
    }
    if (!storage.pasts.unread.empty()) {
        say("jobs and certificates: " + storage.pasts.unread, Meaning::caution);
    }
}

int list(const Program& program, const ListOptions& options) {
    auto columns = table_of({}, Devices::all);
    if (options.picks) {
        columns = pick(std::move(columns), options.columns);  // throws before anybody waits
    }
    const bool certificates = options.json || has(columns, "LAST") || has(columns, "CERTIFICATE");
    job::DriveAbilities questions;
    Storage storage;
    storage.examined = device::missing_for_devices().empty();
    storage.entries =
        guard::list_storage({}, false, &questions, std::chrono::seconds(options.wait));
    storage.abilities = questions.found();
    storage.pasts.rows.resize(storage.entries.size());
    storage = chosen(std::move(storage), options.which());
    try {
        storage.pasts = pasts_of(storage.entries, program.state(), certificates);
    } catch (const Error& error) {  // a state folder that others can write says nothing
        storage.pasts.unread = error.what();
    }
    if (options.json) {
        print_json(document_of(storage));
        return 0;
    }
    print_table(options, storage);
    if (options.techniques) {
        print(techniques_text(storage));
    }
    return 0;
}

/// A drive that takes longer to answer is not waited for.
constexpr unsigned kWaitDefaultS = 3;
constexpr unsigned kWaitMaxS = 600;

}  // namespace

void add_list(Command& app, Program& program) {
    auto command = app.subcommand(
        "list", "Show the storage of this machine: identity, users, and what efface knows of it");
    auto options = std::make_shared<ListOptions>();
    options->wait = kWaitDefaultS;
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.flag("-t,--techniques", options->techniques,
                 "Show every technique of each drive, and why one cannot be used");
    command
        .add("-o,--columns", options->columns,
             ("Show these columns, of " + listed(list_columns())).c_str())
        .kind("COLUMNS");
    command.flag("-w,--wide", options->wide, "Show every column, however wide");
    command.add("-d,--devices", options->devices, "Which devices to show")
        .one_of({"usual", "disks", "all"})
        .show_default();
    command.add("--wait", options->wait, "Seconds to wait for an answer of each drive")
        .between(1U, kWaitMaxS);
    command.when_named([&program, options, command] {
        options->picks = command.given("--columns");
        program.rights = device::Rights::listing;
        program.run = [&program, options] { return list(program, *options); };
    });
}

}  // namespace efface::cli

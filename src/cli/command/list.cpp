// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "efface/guard/users.hpp"
#include "efface/job/drives.hpp"

#include "commands.hpp"
#include "terminal/console.hpp"
#include "terminal/text.hpp"

namespace efface::cli {

namespace {

std::string dash(const std::string& text) {
    return text.empty() ? "-" : text;
}

using Abilities = std::vector<std::optional<job::DriveAbility>>;

Json document_of(const std::vector<inventory::ListEntry>& entries, const Abilities& abilities) {
    Json list = Json::array();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& entry = entries[i];
        Json uses = Json::array();
        for (const auto& use : entry.uses) {
            uses.push_back(
                ObjectWriter().add("kind", to_string(use.code)).add("detail", use.detail).take());
        }
        list.push_back(ObjectWriter()
                           .add("identity", inventory::to_json(entry.identity))
                           .add("parent", entry.parent)
                           .add("virtualDiskOf", entry.controller)
                           .add("luksVersion", entry.luks_version)
                           .add("luksUuid", entry.luks_uuid)
                           .add("erasesItself", abilities[i] ? to_json(*abilities[i]) : Json())
                           .add("uses", std::move(uses))
                           .take());
    }
    return ObjectWriter().add("schema", "efface.list/1").add("storage", std::move(list)).take();
}

/// The best that a drive can do to itself.
std::string best_of(const std::optional<job::DriveAbility>& ability) {
    if (!ability) {
        return "-";
    }
    if (!ability->error.empty()) {
        return "no answer";
    }
    if (!ability->running.empty()) {
        return "runs " + ability->running;
    }
    for (const auto& technique : ability->techniques) {
        if (technique.why_not.empty() && technique.level != method::Level::none) {
            return fmt::format("{}: {}", to_string(technique.level), technique.name);
        }
    }
    return "nothing";
}

/// Every technique of each drive, and why not.
std::string techniques_text(const std::vector<inventory::ListEntry>& entries,
                            const Abilities& abilities) {
    std::string text;
    for (std::size_t i = 0; i < entries.size(); ++i) {
        if (!abilities[i]) {
            continue;
        }
        text +=
            fmt::format("\n{}  {} {}\n", one_line(entries[i].identity.canonical_path),
                        one_line(entries[i].identity.model), one_line(entries[i].identity.serial));
        if (!abilities[i]->error.empty()) {
            text += "  " + one_line(abilities[i]->error) + "\n";
        }
        for (const auto& area : abilities[i]->hidden_areas) {
            text += "  hidden: " + one_line(area) + "\n";
        }
        if (!abilities[i]->techniques.empty()) {
            const auto& health = abilities[i]->health_text;
            text += "  health: " + (health.empty() ? "not reported" : health) + "\n";
        }
        for (const auto& technique : abilities[i]->techniques) {
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

std::string text_of(const std::vector<inventory::ListEntry>& entries, const Abilities& abilities) {
    std::vector<std::vector<std::string>> rows = {
        {"NAME", "KIND", "SIZE", "MODEL", "SERIAL", "LUKS", "ERASES ITSELF", "USED BY"}};
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const auto& entry = entries[i];
        const auto name = std::filesystem::path(entry.identity.canonical_path).filename().string();
        std::string used = entry.uses.empty() ? "-" : entry.uses.front().detail;
        if (entry.uses.size() > 1) {
            used += fmt::format(" (and {} more)", entry.uses.size() - 1);
        }
        rows.push_back({(entry.parent.empty() ? "" : " ") + name,
                        entry.controller.empty() ? inventory::to_string(entry.identity.kind)
                                                 : "virtual disk of " + entry.controller,
                        human_bytes(entry.identity.size_bytes), dash(entry.identity.model),
                        dash(entry.identity.serial),
                        entry.luks_version == 0
                            ? "-"
                            : fmt::format("LUKS{} {}", entry.luks_version, entry.luks_uuid),
                        best_of(abilities[i]), used});
    }
    return table(rows);
}

/// A drive that takes longer to answer is not waited for.
constexpr unsigned kWaitDefaultS = 3;
constexpr unsigned kWaitMaxS = 600;

}  // namespace

void add_list(Command& app, Program& program) {
    auto command =
        app.subcommand("list", "Show the storage of this machine: identity, LUKS state, users");
    auto json = std::make_shared<bool>(false);
    auto techniques = std::make_shared<bool>(false);
    auto wait = std::make_shared<unsigned>(kWaitDefaultS);
    command.flag("-J,--json", *json, "Print one JSON document");
    command.flag("-t,--techniques", *techniques,
                 "Show every technique of each drive, and why one cannot be used");
    command.add("--wait", *wait, "Seconds to wait for an answer of each drive")
        .between(1U, kWaitMaxS);
    command.when_named([&program, json, techniques, wait] {
        program.rights = device::Rights::listing;
        program.run = [json, techniques, wait] {
            job::DriveAbilities questions;
            const auto entries =
                guard::list_storage({}, false, &questions, std::chrono::seconds(*wait));
            const auto& abilities = questions.found();
            if (*json) {
                print_json(document_of(entries, abilities));
            } else {
                print(text_of(entries, abilities) +
                      (*techniques ? techniques_text(entries, abilities) : ""));
            }
            return 0;
        };
    });
}

}  // namespace efface::cli

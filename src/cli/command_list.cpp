// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "efface/inventory/inventory.hpp"

#include "commands.hpp"
#include "console.hpp"
#include "text.hpp"

namespace efface::cli {

namespace {

std::string dash(const std::string& text) {
    return text.empty() ? "-" : text;
}

Json document_of(const std::vector<inventory::ListEntry>& entries) {
    Json list = Json::array();
    for (const auto& entry : entries) {
        Json uses = Json::array();
        for (const auto& use : entry.uses) {
            uses.push_back({{"kind", inventory::to_string(use.kind)}, {"detail", use.detail}});
        }
        list.push_back({{"identity", inventory::to_json(entry.identity)},
                        {"parent", entry.parent},
                        {"luksVersion", entry.luks_version},
                        {"luksUuid", entry.luks_uuid},
                        {"uses", uses}});
    }
    return {{"schema", "efface.list/1"}, {"storage", list}};
}

std::string text_of(const std::vector<inventory::ListEntry>& entries) {
    std::vector<std::vector<std::string>> rows = {
        {"NAME", "KIND", "SIZE", "MODEL", "SERIAL", "LUKS", "USED BY"}};
    for (const auto& entry : entries) {
        const auto name = std::filesystem::path(entry.identity.canonical_path).filename().string();
        std::string used = entry.uses.empty() ? "-" : entry.uses.front().detail;
        if (entry.uses.size() > 1) {
            used += fmt::format(" (and {} more)", entry.uses.size() - 1);
        }
        rows.push_back({(entry.parent.empty() ? "" : " ") + name,
                        inventory::to_string(entry.identity.kind),
                        human_bytes(entry.identity.size_bytes), dash(entry.identity.model),
                        dash(entry.identity.serial),
                        entry.luks_version == 0
                            ? "-"
                            : fmt::format("LUKS{} {}", entry.luks_version, entry.luks_uuid),
                        used});
    }
    return table(rows);
}

}  // namespace

void add_list(CLI::App& app, Program& program) {
    auto* command =
        app.add_subcommand("list", "Show the storage here: identity, LUKS state, who uses it");
    auto json = std::make_shared<bool>(false);
    command->add_flag("-J,--json", *json, "Print one JSON document");
    command->callback([&program, json] {
        program.run = [json] {
            const auto entries = inventory::list_storage();
            if (*json) {
                print_json(document_of(entries));
            } else {
                print(text_of(entries));
            }
            return 0;
        };
    });
}

}  // namespace efface::cli

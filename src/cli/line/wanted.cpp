// SPDX-License-Identifier: Apache-2.0
#include <CLI/CLI.hpp>

#include <algorithm>

#include "options.hpp"

namespace efface::cli {

namespace {

std::string one_line_of(const std::string& help) {
    return help.substr(0, help.find('\n'));
}

const CLI::App* subcommand_of(const CLI::App* command, const std::string& name) {
    const auto found =
        command->get_subcommands([&](const CLI::App* known) { return known->get_name() == name; });
    return found.empty() ? nullptr : found.front();
}

/// The option that a word names; nullptr for none, and for one that takes no value or has it.
const CLI::Option* awaits_value(const CLI::App* command, const std::string& word) {
    if (!word.starts_with('-') || word.find('=') != std::string::npos) {
        return nullptr;
    }
    for (const auto* owner = command; owner != nullptr; owner = owner->get_parent()) {
        const auto* option = owner->get_option_no_throw(word);
        if (option != nullptr) {
            return option->get_items_expected_max() > 0 ? option : nullptr;
        }
    }
    return nullptr;
}

/// The argument at this place of a command; the last one may take more.
const CLI::Option* argument_at(const CLI::App* command, std::size_t place) {
    const CLI::Option* found = nullptr;
    std::size_t number = 0;
    for (const auto* option : command->get_options()) {
        if (option->get_positional() && number++ <= place) {
            found = option;
        }
    }
    return number > place || (found != nullptr && found->get_items_expected_max() > 1) ? found
                                                                                       : nullptr;
}

void add_values(Wanted& wanted, const CLI::Option* option) {
    const std::string kind = option->get_type_name();
    if (kind.find(kBetweenWords) == std::string::npos) {
        wanted.kind = kind;
        return;
    }
    for (std::size_t at = 0; at <= kind.size();) {
        const auto end = std::min(kind.find(kBetweenWords, at), kind.size());
        wanted.words.push_back({kind.substr(at, end - at), {}});
        at = end + 1;
    }
}

void add_options(Wanted& wanted, const CLI::App* command) {
    for (const auto* option : command->get_options()) {
        for (const auto& name : option->get_lnames()) {
            wanted.words.push_back({"--" + name, one_line_of(option->get_description())});
        }
        for (const auto& name : option->get_snames()) {
            wanted.words.push_back({"-" + name, one_line_of(option->get_description())});
        }
    }
}

}  // namespace

Wanted CommandLine::wanted(const std::vector<std::string>& typed) const {
    const CLI::App* command = app_.get();
    const CLI::Option* pending = nullptr;
    std::size_t arguments = 0;
    Wanted wanted;
    for (std::size_t i = 0; i + 1 < typed.size(); ++i) {
        const auto& word = typed[i];
        if (pending != nullptr) {
            pending = nullptr;
        } else if (word.starts_with('-')) {
            pending = awaits_value(command, word);
        } else if (const auto* next = subcommand_of(command, word);
                   next != nullptr && arguments == 0) {
            command = next;
            wanted.command += (wanted.command.empty() ? "" : " ") + word;
        } else {
            ++arguments;
        }
    }
    if (pending != nullptr) {
        add_values(wanted, pending);
    } else if (!typed.empty() && typed.back().starts_with('-')) {
        add_options(wanted, command);
    } else {
        const auto named = [](const CLI::App* known) { return !known->get_group().empty(); };
        for (const auto* known : command->get_subcommands(named)) {
            wanted.words.push_back({known->get_name(), one_line_of(known->get_description())});
        }
        if (const auto* argument = argument_at(command, arguments)) {
            add_values(wanted, argument);
        }
    }
    return wanted;
}

}  // namespace efface::cli

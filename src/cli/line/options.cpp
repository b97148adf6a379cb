// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <string_view>

#include "efface/base/error.hpp"
#include "efface/base/json.hpp"

#include "habits.hpp"
#include "terminal/text.hpp"

namespace efface::cli {

namespace {

/// The largest that JSON keeps exactly; a limit above it is none.
constexpr std::uint64_t kNumberMax = (std::uint64_t{1} << 53U) - 1;

std::string scaled(std::optional<std::uint64_t> (*parse)(std::string_view), const char* wanted,
                   const std::string& text) {
    const auto value = parse(text);
    if (!value) {
        throw CLI::ValidationError("\"" + printable(text) + "\" is not " + wanted);
    }
    return std::to_string(*value);
}

CLI::App* deepest(CLI::App* app) {
    while (!app->get_subcommands().empty()) {
        app = app->get_subcommands().back();
    }
    return app;
}

/// What may stand where `word` does: commands, or the options of the command and the program.
std::vector<std::string> words_for(CLI::App* command, CLI::App* program, const std::string& word) {
    std::vector<std::string> words;
    if (!word.starts_with('-')) {
        for (const auto* known : command->get_subcommands([](CLI::App* /*any*/) { return true; })) {
            if (!known->get_group().empty()) {  // not a hidden one
                words.push_back(known->get_name());
            }
        }
        return words;
    }
    for (auto* owner : {command, program}) {
        for (const auto* option : owner->get_options()) {
            for (const auto& name : option->get_lnames()) {
                words.push_back("--" + name);
            }
        }
    }
    return words;
}

/// efface keys issue: with the commands above it.
std::string whole_name(const CLI::App* command) {
    const auto* parent = command->get_parent();
    return parent == nullptr ? "efface" : whole_name(parent) + " " + command->get_name();
}

/// CLI11 names an argument by its name, an option by its longest.
std::string in_words(const std::string& name) {
    return name.starts_with('-') ? "option " + name : "argument " + name;
}

std::string first_word(const std::string& text) {
    return text.substr(0, text.find_first_of(": "));
}

/// What is wrong with a command line whose words are all known.
std::string what_is_wrong(const CLI::ParseError& error, const std::vector<std::string>& left) {
    const std::string text = error.what();
    const auto name = first_word(text);
    const auto kind = static_cast<CLI::ExitCodes>(error.get_exit_code());
    if (kind == CLI::ExitCodes::RequiredError) {
        return "the " + in_words(name) + " is missing";
    }
    if (kind == CLI::ExitCodes::ArgumentMismatch) {
        return text.find("missing") != std::string::npos ||
                       text.find("required but received 0") != std::string::npos
                   ? "the " + in_words(name) + " needs a value"
                   : "the " + in_words(name) + " is given more than once";
    }
    if (kind == CLI::ExitCodes::ConversionError) {
        return "the value of a number is none: " + text.substr(text.find(": ") + 2);
    }
    if (kind == CLI::ExitCodes::ExtrasError) {
        const auto rest = left.empty() ? text.substr(text.find(": ") + 2) : left.front();
        return "there is no place for \"" + printable(rest) + "\"";
    }
    return text;
}

Error usage_error(CLI::App* program, const CLI::ParseError& error) {
    auto* command = deepest(program);
    const auto help = whole_name(command) + " --help";
    const auto left = program->remaining(true);
    // Of the deepest command that was named: whether one more must follow.
    const bool has_commands = !command->get_subcommands([](CLI::App*) { return true; }).empty();
    const auto unknown = std::find_if(left.begin(), left.end(), [&](const auto& word) {
        return has_commands || word.starts_with('-');
    });
    if (unknown == left.end()) {
        return {
            ErrorCode::usage,
            has_commands ? whole_name(command) + " needs a command" : what_is_wrong(error, left),
            help};
    }
    const auto& word = *unknown;
    const auto known = words_for(command, program, word);
    const auto name = word.substr(0, word.find('='));
    if (std::find(known.begin(), known.end(), name) != known.end()) {
        return {ErrorCode::usage, word + " is given before the command: efface " + word + " ...",
                help};
    }
    const auto hint = hint_for(name, help);
    const auto meant = hint == help ? most_alike(name, known) : std::nullopt;
    return {ErrorCode::usage,
            std::string(word.starts_with('-') ? "unknown option " : "unknown command ") + word +
                (meant ? ": did you mean " + *meant + "?" : ""),
            hint};
}

/// A flag is there or not: "--json=no" would set it. Throws Error(usage).
void refuse_values_of_flags(CLI::App* program, int argc, char** argv) {
    auto* command = deepest(program);
    for (int i = 1; i < argc && std::string_view(argv[i]) != "--"; ++i) {
        const std::string word = argv[i];
        const auto equals = word.find('=');
        auto name = word.substr(0, equals);
        if (equals == std::string::npos || !name.starts_with('-')) {
            continue;
        }
        if (name.size() > 2 && name[1] != '-') {  // several letters: the last has the value
            name = std::string("-") + name.back();
        }
        for (auto* owner = command; owner != nullptr; owner = owner->get_parent()) {
            const auto* option = owner->get_option_no_throw(name);
            if (option != nullptr && option->get_items_expected_max() == 0) {
                throw Error(ErrorCode::usage, name + " takes no value",
                            "leave " + word.substr(equals) + " out");
            }
        }
    }
}

}  // namespace

OptionHandle& OptionHandle::required() {
    option_->required();
    return *this;
}

OptionHandle& OptionHandle::show_default() {
    option_->capture_default_str();
    return *this;
}

OptionHandle& OptionHandle::one_of(const std::vector<std::string>& words) {
    std::string all;
    for (const auto& word : words) {
        all += (all.empty() ? "" : kBetweenWords) + word;
    }
    option_->type_name(all);
    option_->check([words, all](const std::string& text) -> std::string {
        if (std::find(words.begin(), words.end(), text) != words.end()) {
            return {};
        }
        const auto meant = most_alike(text, words);
        return "\"" + printable(text) + "\" is not one of " + all +
               (meant ? ": did you mean " + *meant + "?" : "");
    });
    return *this;
}

OptionHandle& OptionHandle::kind(const char* name) {
    option_->type_name(name);
    return *this;
}

OptionHandle& OptionHandle::between(std::uint64_t lowest, std::uint64_t highest) {
    option_->type_name("NUMBER");
    option_->check([lowest, highest](const std::string& text) -> std::string {
        const auto number = parse_bytes(text);
        const bool plain = text.find_first_not_of("0123456789") == std::string::npos;
        return plain && number && *number >= lowest && *number <= highest
                   ? std::string()
                   : "\"" + printable(text) + "\" is no whole number " +
                         (highest == kNumberMax ? "of " + std::to_string(lowest) + " or more"
                                                : "from " + std::to_string(lowest) + " to " +
                                                      std::to_string(highest));
    });
    return *this;
}

OptionHandle& OptionHandle::at_least(std::uint64_t lowest) {
    return between(lowest, kNumberMax);
}

OptionHandle& OptionHandle::one_value() {
    option_->allow_extra_args(false);
    return *this;
}

OptionHandle& OptionHandle::bytes_with_unit() {
    option_->type_name("SIZE");
    option_->transform([](const std::string& text) {
        return scaled(parse_bytes, "a whole number of bytes: 10MB, 64MiB", text);
    });
    return *this;
}

OptionHandle& OptionHandle::seconds_with_unit() {
    option_->type_name("TIME");
    option_->transform([](const std::string& text) {
        return scaled(parse_seconds, "a whole number of seconds, minutes, hours or days: 12h",
                      text);
    });
    return *this;
}

OptionHandle& OptionHandle::or_environment(const char* variable) {
    option_->envname(variable);
    return *this;
}

OptionHandle Command::add(const char* name, std::string& value, const char* help) {
    return OptionHandle(app_->add_option(name, value, help));
}

OptionHandle Command::add(const char* name, std::vector<std::string>& values, const char* help) {
    return OptionHandle(app_->add_option(name, values, help));
}

OptionHandle Command::add(const char* name, unsigned& value, const char* help) {
    return OptionHandle(app_->add_option(name, value, help));
}

OptionHandle Command::add(const char* name, std::uint64_t& value, const char* help) {
    return OptionHandle(app_->add_option(name, value, help));
}

OptionHandle Command::add(const char* name, std::optional<std::uint64_t>& value, const char* help) {
    return OptionHandle(app_->add_option(name, value, help));
}

void Command::flag(const char* name, bool& value, const char* help) {
    app_->add_flag(name, value, help);
}

Command Command::subcommand(const char* name, const char* help) {
    return Command(app_->add_subcommand(name, help));
}

void Command::needs_subcommand() {
    app_->require_subcommand(1);
}

void Command::when_named(std::function<void()> call) {
    app_->callback(std::move(call));
}

bool Command::given(const char* name) const {
    return app_->count(name) > 0;
}

bool Command::named_subcommand() const {
    return !app_->get_subcommands().empty();
}

void Command::hide() {
    app_->group("");
}

void Command::footer(const std::string& text) {
    app_->footer(text);
}

CommandLine::CommandLine(const char* name, const char* help, const char* version)
    : app_(std::make_unique<CLI::App>(help, name)) {
    app_->set_version_flag("--version", version);
}

CommandLine::~CommandLine() = default;

Command CommandLine::program() {
    return Command(app_.get());
}

std::optional<std::string> CommandLine::parse(int argc, char** argv) {
    std::optional<std::string> text;
    try {
        app_->parse(argc, argv);
    } catch (const CLI::CallForHelp&) {
        text = app_->help();
    } catch (const CLI::CallForVersion& version) {
        text = std::string(version.what()) + "\n";
    } catch (const CLI::ParseError& error) {
        refuse_values_of_flags(app_.get(), argc, argv);
        throw usage_error(app_.get(), error);
    }
    refuse_values_of_flags(app_.get(), argc, argv);
    return text;
}

std::string CommandLine::named() const {
    std::string words;
    const CLI::App* app = app_.get();
    while (!app->get_subcommands().empty()) {
        app = app->get_subcommands().back();
        words += (words.empty() ? "" : " ") + app->get_name();
    }
    return words;
}

}  // namespace efface::cli

// SPDX-License-Identifier: Apache-2.0
#include "options.hpp"

#include <CLI/CLI.hpp>

#include <map>

#include "efface/base/error.hpp"

namespace efface::cli {

OptionHandle& OptionHandle::required() {
    option_->required();
    return *this;
}

OptionHandle& OptionHandle::show_default() {
    option_->capture_default_str();
    return *this;
}

OptionHandle& OptionHandle::one_of(const std::vector<std::string>& words) {
    option_->check(CLI::IsMember(words));
    return *this;
}

OptionHandle& OptionHandle::between(unsigned lowest, unsigned highest) {
    option_->check(CLI::Range(lowest, highest));
    return *this;
}

OptionHandle& OptionHandle::one_value() {
    option_->allow_extra_args(false);
    return *this;
}

OptionHandle& OptionHandle::bytes_with_unit() {
    option_->transform(CLI::AsSizeValue(true));
    return *this;
}

OptionHandle& OptionHandle::seconds_with_unit() {
    option_->transform(CLI::AsNumberWithUnit(
        std::map<std::string, std::uint64_t>{{"s", 1}, {"m", 60}, {"h", 3600}, {"d", 86400}},
        CLI::AsNumberWithUnit::CASE_INSENSITIVE, "TIME"));
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

CommandLine::CommandLine(const char* name, const char* help, const char* version)
    : app_(std::make_unique<CLI::App>(help, name)) {
    app_->set_version_flag("--version", version);
    app_->failure_message([](const CLI::App* /*app*/, const CLI::Error& error) {
        return "efface: " + std::string(error.what()) + "\nefface: hint: efface --help\n";
    });
}

CommandLine::~CommandLine() = default;

Command CommandLine::program() {
    return Command(app_.get());
}

std::optional<int> CommandLine::parse(int argc, char** argv) {
    try {
        app_->parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app_->exit(error) == 0 ? 0 : static_cast<int>(ErrorCode::usage);
    }
    return std::nullopt;
}

}  // namespace efface::cli

// SPDX-License-Identifier: Apache-2.0
// How commands declare what they take. CLI11 is behind it in two sources, as every source that
// includes it takes seconds longer to compile.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace efface::cli {

/// Of OptionHandle::one_of(), as the help shows them.
inline constexpr const char* kBetweenWords = "|";

/// An option or argument that was declared; a handle, valid as long as its CommandLine. Each call
/// narrows what it takes, or says more of it in the help.
class OptionHandle final {
  public:
    explicit OptionHandle(CLI::Option* option) : option_(option) {}
    OptionHandle& required();
    OptionHandle& show_default();
    /// Exactly one of these words, which the help and the completion show.
    OptionHandle& one_of(const std::vector<std::string>& words);
    /// What a value is, in capitals: "FILE", "FOLDER", "TARGET", "JOB", "KEY", "TECHNIQUE",
    /// "COLUMNS"; the help shows it, and the completion knows these.
    OptionHandle& kind(const char* name);
    /// A whole number; nothing else, no sign either.
    OptionHandle& between(std::uint64_t lowest, std::uint64_t highest);
    OptionHandle& at_least(std::uint64_t lowest);
    /// One value each time it is given, so that arguments may follow.
    OptionHandle& one_value();
    /// "10MB": a number of bytes, as parse_bytes() reads it.
    OptionHandle& bytes_with_unit();
    /// "12h": a number of seconds, as parse_seconds() reads it.
    OptionHandle& seconds_with_unit();
    OptionHandle& or_environment(const char* variable);

  private:
    CLI::Option* option_;
};

/// A command, or the program itself; a handle as above. `name` is an argument ("target") or an
/// option ("-J,--json"). Values are borrowed and filled in by CommandLine::parse().
class Command final {
  public:
    explicit Command(CLI::App* app) : app_(app) {}
    OptionHandle add(const char* name, std::string& value, const char* help = "");
    OptionHandle add(const char* name, std::vector<std::string>& values, const char* help = "");
    OptionHandle add(const char* name, unsigned& value, const char* help = "");
    OptionHandle add(const char* name, std::uint64_t& value, const char* help = "");
    OptionHandle add(const char* name, std::optional<std::uint64_t>& value, const char* help = "");
    void flag(const char* name, bool& value, const char* help);
    [[nodiscard]] Command subcommand(const char* name, const char* help);
    /// It does nothing itself: one of its commands must be named.
    void needs_subcommand();
    /// Called when this command was named and all that it takes is filled in.
    void when_named(std::function<void()> call);
    /// What is below the options in its help.
    void footer(const std::string& text);
    /// Whether the user gave this option or argument.
    [[nodiscard]] bool given(const char* name) const;
    /// Whether one of its commands was named.
    [[nodiscard]] bool named_subcommand() const;
    /// Left out of the help and of what is completed.
    void hide();

  private:
    CLI::App* app_;
};

/// What may stand where somebody is typing.
struct Wanted {
    struct Word {
        std::string text;
        std::string help;  ///< one line, or empty
    };
    std::vector<Word> words;  ///< commands, options, or values
    std::string kind;         ///< of a value: OptionHandle::kind(); empty: none
    std::string command;      ///< "jobs forget"
};

class CommandLine final {
  public:
    CommandLine(const char* name, const char* help, const char* version);
    ~CommandLine();
    CommandLine(const CommandLine&) = delete;
    CommandLine& operator=(const CommandLine&) = delete;
    [[nodiscard]] Command program();
    /// The text to print when there is nothing more to do: help or version. Throws Error(usage) for
    /// what is wrong with the command line; a word that nobody knows comes with the one that was
    /// probably meant.
    [[nodiscard]] std::optional<std::string> parse(int argc, char** argv);
    /// The command that was named, as far as it was: "project erase", "project", "".
    [[nodiscard]] std::string named() const;
    /// Behind the words that are typed already, the last of which is being typed and may be empty.
    /// Knows every command, option and value that the parser takes, as it asks the parser.
    [[nodiscard]] Wanted wanted(const std::vector<std::string>& typed) const;

  private:
    std::unique_ptr<CLI::App> app_;
};

}  // namespace efface::cli

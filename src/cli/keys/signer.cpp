// SPDX-License-Identifier: Apache-2.0
#include "signer.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "efface/base/file.hpp"

#include "terminal/console.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kPassphraseBytesMax = 1024;

[[noreturn]] void refuse_option(const std::string& option) {
    throw Error(ErrorCode::usage, "--passphrase " + printable(option) + ": not fd:N or file:PATH",
                "a passphrase is never given on the command line itself: others can read that");
}

int descriptor_of(const std::string& option) {
    int fd = -1;
    const auto* end = option.data() + option.size();
    const auto [at, error] = std::from_chars(option.data() + 3, end, fd);
    if (error != std::errc() || at != end || fd < 0) {
        refuse_option(option);
    }
    return fd;
}

/// The first line, or all there is.
SecretBytes read_line(int fd, const std::string& from) {
    SecretBytes line(kPassphraseBytesMax);
    std::size_t have = 0;
    while (have < line.size()) {
        auto* at = line.view().data() + have;
        const ssize_t got = ::read(fd, at, 1);  // not a byte more: the rest may be of others
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw_errno(ErrorCode::usage, from, errno);
        }
        if (got == 0 || *at == '\n') {
            break;
        }
        ++have;
    }
    if (have == line.size()) {
        throw Error(ErrorCode::usage, from + ": a passphrase has at most 1023 bytes");
    }
    line.shrink(have);
    return line;
}

/// A question that cannot be shown is not answered either.
void write_question(int terminal, const std::string& text) {
    if (::write(terminal, text.data(), text.size()) < 0) {
        throw_errno(ErrorCode::usage, "the terminal", errno);
    }
}

SecretBytes ask(const std::string& what) {
    const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC));
    if (!terminal) {
        throw Error(ErrorCode::authorisation, ReasonCode::no_passphrase,
                    what + " is needed, and there is no terminal to ask at",
                    "--passphrase fd:N or --passphrase file:PATH");
    }
    const TypingHidden hidden(terminal.get());
    write_question(terminal.get(), one_line(what) + ": ");
    SecretBytes typed = read_line(terminal.get(), "the terminal");
    write_question(terminal.get(), "\n");
    return typed;
}

SecretBytes read_passphrase_file(const std::string& path) {
    const UniqueFd file = open_file(path, O_RDONLY | O_NONBLOCK, 0, ErrorCode::usage);
    return read_line(file.get(), printable(path));
}

bool is_same(const SecretBytes& one, const SecretBytes& other) {
    return std::equal(one.view().begin(), one.view().end(), other.view().begin(),
                      other.view().end());
}

}  // namespace

GivenPassphrase::GivenPassphrase(std::string option) : option_(std::move(option)) {
    if (option_.starts_with("fd:")) {
        (void)descriptor_of(option_);
    } else if (!option_.empty() && !option_.starts_with("file:")) {
        refuse_option(option_);
    }
}

SecretBytes GivenPassphrase::passphrase(const std::string& of) {
    if (option_.starts_with("fd:")) {
        return read_line(descriptor_of(option_), "--passphrase " + option_);
    }
    return option_.empty() ? ask("Passphrase or PIN of " + of)
                           : read_passphrase_file(option_.substr(5));
}

SecretBytes GivenPassphrase::new_passphrase(const std::string& of,
                                            const evidence::PassphraseRules& rules) {
    SecretBytes typed = option_.empty() ? ask("New passphrase for " + of) : passphrase(of);
    evidence::check_passphrase(typed, rules);
    if (option_.empty() && !is_same(typed, ask("Once more"))) {
        throw Error(ErrorCode::usage, "the two passphrases differ", "run the command again");
    }
    return typed;
}

void add_passphrase_option(Command& command, std::string& passphrase) {
    command
        .add("--passphrase", passphrase,
             "Where the passphrase or PIN is: fd:N or file:PATH; default: ask at the terminal")
        .kind("WHERE");
}

void add_signer_options(Command& command, SignerOptions& options, const char* whose) {
    command.add("--key", options.key, whose).kind("KEY").required();
    command
        .add("--certificate", options.certificate,
             "Certificate of a key that is named by where it is")
        .kind("FILE");
    add_passphrase_option(command, options.passphrase);
}

bool is_key_uri(const std::string& key) {
    return key.find_first_of(":/") != std::string::npos;
}

evidence::SigningKey open_signer(const Program& program, const SignerOptions& options) {
    GivenPassphrase passphrases(options.passphrase);
    if (!is_key_uri(options.key)) {
        if (!options.certificate.empty()) {
            throw Error(ErrorCode::usage,
                        "--certificate belongs to a key that is named by where it is",
                        "leave it out, or give --key file:PATH, pkcs11:... or handle:0x...");
        }
        return evidence::KeyStore::open(program.state().keys())
            .person_key(options.key, passphrases);
    }
    if (options.certificate.empty()) {
        throw Error(ErrorCode::usage, "a key that is named by where it is needs --certificate",
                    "--certificate FILE, as it was issued for this key");
    }
    return evidence::SigningKey::open(evidence::parse_key_uri(options.key), options.certificate,
                                      passphrases);
}

}  // namespace efface::cli

// SPDX-License-Identifier: Apache-2.0
// Which key a command signs with, wherever it is, and who is asked for what opens it.
#pragma once

#include <string>

#include "efface/evidence/keys.hpp"

#include "command/commands.hpp"

namespace efface::cli {

struct SignerOptions {
    std::string key;          ///< a name of the state folder, or where the key is
    std::string certificate;  ///< of a key that is named by where it is
    std::string passphrase;   ///< "fd:N", "file:PATH", or empty: ask at the terminal
};

/// Declares --key, --certificate and --passphrase.
void add_signer_options(Command& command, SignerOptions& options, const char* whose);
/// Only the last.
void add_passphrase_option(Command& command, std::string& passphrase);

/// Whether this is where a key is, not the name of one: it has a colon or a slash.
[[nodiscard]] bool is_key_uri(const std::string& key);
/// Throws as KeyStore::person_key() and SigningKey::open() do.
[[nodiscard]] evidence::SigningKey open_signer(const Program& program,
                                               const SignerOptions& options);

/// From a descriptor, a file, or the terminal, where nothing that is typed is shown.
class GivenPassphrase final : public evidence::PassphraseSource {
  public:
    /// Throws Error(usage) for an option that is neither.
    explicit GivenPassphrase(std::string option);
    [[nodiscard]] SecretBytes passphrase(const std::string& of) override;
    /// Of a new key: at a terminal it is typed twice. Throws Error(usage) unless the rules hold.
    [[nodiscard]] SecretBytes new_passphrase(const std::string& of,
                                             const evidence::PassphraseRules& rules);

  private:
    std::string option_;
};

}  // namespace efface::cli

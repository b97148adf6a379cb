// SPDX-License-Identifier: Apache-2.0
// Keys on PKCS#11 tokens, by libp11. The vendor's library is loaded into this process, so it must
// belong to the system: nobody but root can write it or a folder above it.
#include <libp11.h>
#include <sys/stat.h>

#include <span>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"

#include "key_files.hpp"
#include "open_key.hpp"

namespace efface::evidence {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kPinBytesMax = 256;

/// A session with the tokens that a module knows: loaded, enumerated, released in that order.
class Tokens final {
  public:
    explicit Tokens(const fs::path& module) : context_(PKCS11_CTX_new()) {
        require(context_ != nullptr, "start PKCS#11");
        if (PKCS11_CTX_load(context_, module.c_str()) != 0) {
            const auto why = drain_openssl_errors();
            PKCS11_CTX_free(context_);
            throw Error(ErrorCode::usage, module.string() + ": not a PKCS#11 module (" + why + ")",
                        "name the library of the token's vendor in module-path");
        }
        loaded_ = true;
        if (PKCS11_enumerate_slots(context_, &slots_, &count_) != 0) {
            const auto why = drain_openssl_errors();
            release();
            throw Error(ErrorCode::usage, module.string() + ": its readers are unknown: " + why);
        }
    }
    ~Tokens() { release(); }
    Tokens(const Tokens&) = delete;
    Tokens& operator=(const Tokens&) = delete;
    Tokens(Tokens&&) = delete;
    Tokens& operator=(Tokens&&) = delete;

    [[nodiscard]] std::span<PKCS11_SLOT> slots() const noexcept { return {slots_, count_}; }

  private:
    void release() noexcept {
        if (slots_ != nullptr) {
            PKCS11_release_all_slots(context_, slots_, count_);
            slots_ = nullptr;
        }
        if (loaded_) {
            PKCS11_CTX_unload(context_);
            loaded_ = false;
        }
        PKCS11_CTX_free(context_);
        context_ = nullptr;
    }
    PKCS11_CTX* context_;
    PKCS11_SLOT* slots_ = nullptr;
    unsigned count_ = 0;
    bool loaded_ = false;
};

/// Nobody but root may change what is loaded into a process of root.
void check_module(const fs::path& module) {
    std::error_code error;
    const auto real = fs::canonical(module, error);
    if (error) {
        throw Error(ErrorCode::usage, module.string() + ": " + error.message(),
                    "name the library of the token's vendor in module-path");
    }
    for (auto at = real;; at = at.parent_path()) {
        struct stat status {};
        const bool found = ::stat(at.c_str(), &status) == 0;
        const bool sticky = found && S_ISDIR(status.st_mode) && (status.st_mode & S_ISVTX) != 0;
        if (!found || (status.st_uid != 0 && status.st_uid != ::geteuid()) ||
            ((status.st_mode & (S_IWGRP | S_IWOTH)) != 0 && !sticky)) {
            throw Error(ErrorCode::authorisation, ReasonCode::not_permitted,
                        at.string() + ": others can write it, so it is not loaded",
                        "install the module as root, where only root can write");
        }
        if (at == at.root_path()) {
            return;
        }
    }
}

bool is_equal(const std::optional<std::string>& wanted, const char* found) {
    return !wanted || (found != nullptr && *wanted == found);
}

PKCS11_SLOT& find_slot(const Tokens& tokens, const KeyUri& uri) {
    PKCS11_SLOT* found = nullptr;
    for (auto& slot : tokens.slots()) {
        const auto* token = slot.token;
        if (token == nullptr || token->initialized == 0 ||
            !is_equal(uri.token.token, token->label) ||
            !is_equal(uri.token.manufacturer, token->manufacturer) ||
            !is_equal(uri.token.model, token->model) ||
            !is_equal(uri.token.serial, token->serialnr)) {
            continue;
        }
        if (found != nullptr) {
            throw Error(ErrorCode::usage, printable(uri.text) + ": fits several tokens",
                        "add serial=NUMBER to name one");
        }
        found = &slot;
    }
    if (found == nullptr) {
        throw Error(ErrorCode::usage, ReasonCode::no_keys,
                    printable(uri.text) + ": no such token is in a reader",
                    "insert it, or list tokens with: pkcs11-tool --module FILE -L");
    }
    return *found;
}

SecretBytes pin_of(const KeyUri& uri, const PKCS11_TOKEN& token, PassphraseSource& passphrases) {
    const auto name = "token " + printable(token.label == nullptr ? "" : token.label);
    if (token.userPinLocked != 0) {
        throw Error(ErrorCode::authorisation, ReasonCode::token_locked,
                    name + ": its PIN is locked",
                    "its administrator can unlock it; efface never tries the administrator's PIN");
    }
    if (token.userPinFinalTry != 0) {
        throw Error(ErrorCode::authorisation, ReasonCode::token_locked,
                    name + ": one try is left before its PIN is locked, so none is made",
                    "enter the right PIN with the vendor's own tool first; that resets the count");
    }
    SecretBytes pin = uri.token.pin_source.empty()
                          ? passphrases.passphrase("the PIN of " + name)
                          : read_secret_file(uri.token.pin_source, kPinBytesMax);
    if (pin.empty() || pin.size() > kPinBytesMax) {
        throw Error(ErrorCode::usage, name + ": a PIN has 1 to 256 bytes");
    }
    return pin;
}

void log_in(const KeyUri& uri, PKCS11_SLOT& slot, PassphraseSource& passphrases) {
    if (slot.token->loginRequired == 0) {
        return;
    }
    const SecretBytes pin = pin_of(uri, *slot.token, passphrases);
    SecretBytes text(pin.size() + 1);  // with a zero behind it, for C
    std::copy(pin.view().begin(), pin.view().end(), text.view().begin());
    if (PKCS11_login(&slot, 0, reinterpret_cast<const char*>(text.view().data())) != 0) {
        const auto why = drain_openssl_errors();
        throw Error(ErrorCode::authorisation, ReasonCode::wrong_passphrase,
                    "the token refused the PIN: " + why,
                    "the token counts wrong tries and locks itself; nothing is tried again");
    }
}

PKCS11_KEY& find_key(PKCS11_SLOT& slot, const KeyUri& uri) {
    PKCS11_KEY* keys = nullptr;
    unsigned count = 0;
    require(PKCS11_enumerate_keys(slot.token, &keys, &count) == 0, "list the keys of the token");
    PKCS11_KEY* found = nullptr;
    for (auto& key : std::span(keys, count)) {
        const bool id_fits =
            !uri.token.id ||
            (key.id != nullptr &&
             std::equal(uri.token.id->begin(), uri.token.id->end(), key.id, key.id + key.id_len));
        if (!id_fits || !is_equal(uri.token.object, key.label)) {
            continue;
        }
        if (found != nullptr) {
            throw Error(ErrorCode::usage, printable(uri.text) + ": fits several keys of the token",
                        "add id=%NN, or another object, to name one");
        }
        found = &key;
    }
    if (found == nullptr) {
        throw Error(ErrorCode::usage, ReasonCode::no_keys,
                    printable(uri.text) + ": the token has no such private key",
                    "list its keys with: pkcs11-tool --module FILE --login -O");
    }
    return *found;
}

}  // namespace

OpenKey open_token_key(const KeyUri& uri, PassphraseSource& passphrases) {
    check_module(uri.token.module);
    const auto tokens = std::make_shared<Tokens>(uri.token.module);
    auto& slot = find_slot(*tokens, uri);
    if (PKCS11_open_session(&slot, 0) != 0) {
        throw Error(ErrorCode::usage,
                    printable(uri.text) + ": no session: " + drain_openssl_errors());
    }
    log_in(uri, slot, passphrases);
    OpenKey open;
    open.key.reset(PKCS11_get_private_key(&find_key(slot, uri)));
    require(open.key != nullptr, "use the key of the token");
    open.keeper = tokens;
    return open;
}

}  // namespace efface::evidence

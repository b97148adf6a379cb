// SPDX-License-Identifier: Apache-2.0
#include "efface/evidence/key_uri.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "efface/base/error.hpp"
#include "efface/base/json.hpp"

namespace efface::evidence {

namespace {

constexpr std::uint32_t kPersistentFirst = 0x81000000;
constexpr std::uint32_t kPersistentLast = 0x81ffffff;

[[noreturn]] void refuse(std::string_view uri, const std::string& why, const char* hint) {
    throw Error(ErrorCode::usage, "key " + printable(std::string(uri)) + ": " + why, hint);
}

int digit_of(char c) {
    if (c >= '0' && c <= '9') {
        return c - '0';
    }
    const char low = static_cast<char>(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/// nullopt where a per cent sign is not followed by two hexadecimal digits (RFC 3986 section 2.1).
std::optional<std::string> unescape(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            out += text[at];
            continue;
        }
        const int high = at + 2 < text.size() ? digit_of(text[at + 1]) : -1;
        const int low = high >= 0 ? digit_of(text[at + 2]) : -1;
        if (low < 0) {
            return std::nullopt;
        }
        out += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return out;
}

struct Attribute {
    std::string name;
    std::string value;
};

/// Takes "name=value" off the front of `rest`, up to `separator`.
Attribute take_attribute(std::string_view uri, std::string_view& rest, char separator) {
    const auto part = rest.substr(0, rest.find(separator));
    rest.remove_prefix(std::min(part.size() + 1, rest.size()));
    const auto equal = part.find('=');
    const auto value = equal == part.npos ? std::nullopt : unescape(part.substr(equal + 1));
    if (!value || equal == 0) {
        refuse(uri, "\"" + printable(std::string(part)) + "\" is not NAME=VALUE",
               "RFC 7512: pkcs11:token=NAME;object=NAME?module-path=/path/to/module.so");
    }
    return {std::string(part.substr(0, equal)), *value};
}

std::filesystem::path absolute_path(std::string_view uri, const Attribute& attribute) {
    std::string text = attribute.value;
    if (attribute.name == "pin-source" && text.starts_with("file:")) {
        text.erase(0, 5);
        text = text.starts_with("//") ? text.substr(2) : text;
    }
    if (!text.starts_with('/') || text.find('\0') != text.npos) {
        refuse(uri, attribute.name + " must be an absolute path", "give the whole path");
    }
    return text;
}

void take_path_attribute(std::string_view uri, const Attribute& attribute, TokenKey& key) {
    const std::pair<const char*, std::optional<std::string> TokenKey::*> texts[] = {
        {"token", &TokenKey::token},
        {"manufacturer", &TokenKey::manufacturer},
        {"model", &TokenKey::model},
        {"serial", &TokenKey::serial},
        {"object", &TokenKey::object}};
    for (const auto& [name, member] : texts) {
        if (attribute.name == name) {
            key.*member = attribute.value;
            return;
        }
    }
    if (attribute.name == "id") {
        const auto bytes = as_bytes(attribute.value);
        key.id = Bytes(bytes.begin(), bytes.end());
        return;
    }
    if (attribute.name != "type" || attribute.value != "private") {
        refuse(uri, attribute.name + "=" + printable(attribute.value) + " is not known here",
               "token, manufacturer, model, serial, object, id and type=private are");
    }
}

void take_query_attribute(std::string_view uri, const Attribute& attribute, TokenKey& key) {
    if (attribute.name == "module-path") {
        key.module = absolute_path(uri, attribute);
    } else if (attribute.name == "pin-source") {
        key.pin_source = absolute_path(uri, attribute);
    } else if (attribute.name == "pin-value") {
        refuse("pkcs11:...", "a PIN on a command line can be read by every user of the machine",
               "use pin-source=file:/path, --passphrase fd:N, or type it at the terminal");
    } else {
        refuse(uri, attribute.name + " is not known here", "module-path and pin-source are");
    }
}

TokenKey parse_token(std::string_view uri) {
    TokenKey key;
    std::set<std::string> seen;
    auto rest = uri.substr(std::string_view("pkcs11:").size());
    auto query = rest.find('?') == rest.npos ? std::string_view() : rest.substr(rest.find('?') + 1);
    rest = rest.substr(0, rest.find('?'));
    const auto once = [&](Attribute attribute) {
        if (!seen.insert(attribute.name).second) {
            refuse(uri, attribute.name + " is there twice", "name each attribute once");
        }
        return attribute;
    };
    while (!rest.empty()) {
        take_path_attribute(uri, once(take_attribute(uri, rest, ';')), key);
    }
    while (!query.empty()) {
        take_query_attribute(uri, once(take_attribute(uri, query, '&')), key);
    }
    if (key.module.empty()) {
        refuse(uri, "does not name the token's library",
               "add ?module-path=/path/to/module.so, such as opensc-pkcs11.so for smart cards");
    }
    if (!key.object && !key.id) {
        refuse(uri, "does not name a key on the token", "add object=LABEL or id=%01");
    }
    return key;
}

TpmKey parse_handle(std::string_view uri) {
    auto digits = uri.substr(std::string_view("handle:").size());
    if (digits.starts_with("0x") || digits.starts_with("0X")) {
        digits.remove_prefix(2);
    }
    std::uint32_t handle = 0;
    const auto [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), handle, 16);
    if (error != std::errc() || end != digits.data() + digits.size() || digits.empty() ||
        handle < kPersistentFirst || handle > kPersistentLast) {
        refuse(uri, "is not a persistent handle of a TPM", "such as handle:0x81010001");
    }
    return {handle};
}

}  // namespace

KeyUri parse_key_uri(std::string_view text) {
    if (text.empty() || text.size() > kKeyUriBytesMax || text.find('\0') != text.npos) {
        refuse(text.substr(0, 64), "is not the name of a key",
               "file:PATH, pkcs11:... or handle:0x81010001");
    }
    KeyUri uri;
    uri.text = std::string(text);
    if (text.starts_with("pkcs11:")) {
        uri.place = KeyUri::Place::token;
        uri.token = parse_token(text);
    } else if (text.starts_with("handle:")) {
        uri.place = KeyUri::Place::tpm;
        uri.tpm = parse_handle(text);
        uri.text = fmt::format("handle:0x{:08x}", uri.tpm.handle);
    } else {
        uri.path = std::string(text.starts_with("file:") ? text.substr(5) : text);
        if (uri.path.empty()) {
            refuse(text, "names no file", "file:PATH");
        }
    }
    return uri;
}

SecretBytes NoPassphrase::passphrase(const std::string& of) {
    throw Error(ErrorCode::authorisation, ReasonCode::no_passphrase,
                of + " is protected, and nobody is there to be asked",
                "--passphrase fd:N or --passphrase file:PATH");
}

}  // namespace efface::evidence

// SPDX-License-Identifier: Apache-2.0
#include "fields.hpp"

#include <algorithm>
#include <cctype>

namespace efface::mandate {

namespace {

constexpr std::size_t kTextBytesMax = 256;
constexpr std::size_t kPathBytesMax = 4095;

std::string text_field(ObjectReader& reader, const char* key, std::string value) {
    if (value.empty() || value.size() > kTextBytesMax) {
        reader.fail(key, "must have 1 to 256 bytes");
    }
    return value;
}

}  // namespace

std::string required_text(ObjectReader& reader, const char* key) {
    return text_field(reader, key, reader.required_string(key));
}

std::string optional_text(ObjectReader& reader, const char* key) {
    auto value = reader.optional_string(key);
    return value ? text_field(reader, key, *std::move(value)) : std::string();
}

/// Letters, digits, '.', '_', '-': safe in file names and on a terminal.
std::string identifier(ObjectReader& reader, const char* key) {
    auto value = reader.required_string(key);
    const bool fine = std::all_of(value.begin(), value.end(), [](char character) {
        return std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '.' ||
               character == '_' || character == '-';
    });
    if (value.empty() || value.size() > 64 || !fine ||
        std::isalnum(static_cast<unsigned char>(value.front())) == 0) {
        reader.fail(key,
                    "must have 1 to 64 letters, digits, '.', '_', '-', beginning with a "
                    "letter or digit");
    }
    return value;
}

std::string path_field(ObjectReader& reader, const char* key, std::string value) {
    if (value.empty() || value.front() != '/' || value.size() > kPathBytesMax) {
        reader.fail(key, "must be an absolute path");
    }
    return value;
}

std::optional<WallTime> time_field(ObjectReader& reader, const char* key) {
    const auto text = reader.optional_string(key);
    if (!text) {
        return std::nullopt;
    }
    const auto time = from_rfc3339(*text);
    if (!time) {
        reader.fail(key, "must be a UTC time like 2026-11-20T00:00:00Z");
    }
    return time;
}

std::vector<std::string> names_field(ObjectReader& reader, const char* key) {
    std::vector<std::string> names;
    if (const Json* list = reader.optional_array(key)) {
        for (const auto& item : *list) {
            const auto* name = item.get_ptr<const std::string*>();
            if (name == nullptr || name->empty() ||
                std::find(names.begin(), names.end(), *name) != names.end()) {
                reader.fail(key, "must list names, each once");
            }
            names.push_back(*name);
        }
    }
    return names;
}

Terms read_terms(ObjectReader& reader) {
    Terms terms;
    terms.ticket = optional_text(reader, "ticket");
    terms.not_before = time_field(reader, "not_before");
    terms.not_after = time_field(reader, "not_after");
    terms.retention_until = time_field(reader, "retention_until");
    if (const auto level = reader.optional_string("minimum_level")) {
        const auto parsed = rules::level_from_string(*level);
        if (!parsed) {
            reader.fail("minimum_level", "must be purge, clear or none");
        }
        terms.minimum_level = *parsed;
    }
    return terms;
}

}  // namespace efface::mandate

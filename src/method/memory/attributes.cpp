// SPDX-License-Identifier: Apache-2.0
#include "attributes.hpp"

#include <fmt/format.h>

#include <charconv>

#include "efface/base/file.hpp"
#include "efface/guard/users.hpp"

namespace efface::method {

namespace {
constexpr std::size_t kAttributeBytesMax = 4096;
constexpr std::uint64_t kSectorBytes = 512;  // sysfs "size", whatever the logical block is
}  // namespace

std::optional<std::string> read_attribute(const std::filesystem::path& path) {
    try {
        auto text = read_text_file(path, kAttributeBytesMax);
        if (!text) {
            return std::nullopt;
        }
        const std::size_t last = text->find_last_not_of(" \t\n");
        text->resize(last == std::string::npos ? 0 : last + 1);
        return printable(*text);
    } catch (const Error&) {
        return std::nullopt;
    }
}

std::optional<std::uint64_t> read_number(const std::filesystem::path& path) {
    const auto text = read_attribute(path);
    if (!text) {
        return std::nullopt;
    }
    std::uint64_t value = 0;
    const auto [stop, error] = std::from_chars(text->data(), text->data() + text->size(), value);
    if (error != std::errc{} || stop != text->data() + text->size()) {
        return std::nullopt;
    }
    return value;
}

Reason objection_of(const inventory::Use& use) {
    return {use.code, use.detail};
}

void object_to_users(MemorySurvey& survey, const inventory::FileUsers& users) {
    for (const auto& user : users.users) {
        survey.objections.push_back(
            {user.efface ? ReasonCode::busy : ReasonCode::opened, user.text});
    }
}

void object_to_other_effaces(MemorySurvey& survey, inventory::FileUsers users) {
    std::erase_if(users.users, [](const inventory::FileUser& user) { return !user.efface; });
    object_to_users(survey, users);
}

Json block_identity(const std::filesystem::path& folder) {
    Json identity = Json::object();
    if (const auto number = read_attribute(folder / "dev")) {
        identity["device"] = *number;
    }
    if (const auto sequence = read_number(folder / "diskseq")) {
        identity["diskSequence"] = *sequence;
    }
    if (const auto sectors = read_number(folder / "size")) {
        identity["sizeBytes"] = *sectors * kSectorBytes;
    }
    return identity;
}

std::vector<Reason> block_objections(const inventory::Identity& identity,
                                     const inventory::SystemView& view) {
    std::vector<Reason> objections;
    for (const auto& use : guard::uses_of(identity, view)) {
        objections.push_back(objection_of(use));
    }
    return objections;
}

}  // namespace efface::method

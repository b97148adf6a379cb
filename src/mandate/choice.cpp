// SPDX-License-Identifier: Apache-2.0
#include "efface/mandate/choice.hpp"

#include <algorithm>
#include <array>

#include "efface/rules/techniques.hpp"
#include "efface/stream/pattern.hpp"

#include "fields.hpp"

namespace efface::mandate {

namespace {

constexpr std::uint64_t kDeadlineSecondsMax = 366ULL * 24 * 3600;
constexpr std::uint64_t kCelsiusMax = 150;
constexpr std::uint64_t kPercentMax = 100;
constexpr std::array kVerifications = {std::pair{Verification::full, "full"},
                                       std::pair{Verification::representative, "representative"},
                                       std::pair{Verification::none, "none"}};

constexpr const char* kGenKey = "tcg-genkey";
constexpr const char* kPsidRevert = "tcg-psid-revert";
constexpr std::array kAuthorities = {
    std::pair{Authority::psid, "psid"}, std::pair{Authority::sid, "sid"},
    std::pair{Authority::admin, "admin"}, std::pair{Authority::erase_master, "erase-master"}};

Then then_field(ObjectReader& reader, const char* key, Then fallback, bool may_pause) {
    const auto text = reader.optional_string(key);
    if (!text) {
        return fallback;
    }
    const auto then = then_from_string(*text);
    if (!then || (*then == Then::pause && !may_pause)) {
        reader.fail(key, may_pause ? "must be go-on, pause or stop" : "must be go-on or stop");
    }
    return *then;
}

/// What RFC 8785 lets a plan carry; no share of spare is above a hundred, wear may be.
void check_health(const HealthLimits& limits) {
    constexpr std::uint64_t kMost = (std::uint64_t{1} << 53U) - 1;
    for (const auto& row : health_limit_rows()) {
        if ((limits.*row.limit).value_or(0) > kMost) {
            throw Error(ErrorCode::usage, std::string(row.key) + " is larger than 2^53 - 1");
        }
    }
    if (limits.spare_percent_min.value_or(0) > kPercentMax) {
        throw Error(ErrorCode::usage, "the spare that must be left is more than 100 percent");
    }
}

Limits read_limits(const Json& object, const std::string& where) {
    ObjectReader reader(object, where);
    Limits limits;
    limits.bytes_per_second_min = reader.optional_unsigned("bytes_per_second_min").value_or(0);
    const auto deadline = reader.optional_unsigned("deadline_seconds").value_or(0);
    const auto celsius = reader.optional_unsigned("celsius_max").value_or(0);
    if (deadline > kDeadlineSecondsMax) {
        reader.fail("deadline_seconds", "must be at most a year");
    }
    if (celsius > kCelsiusMax) {
        reader.fail("celsius_max", "must be at most 150");
    }
    limits.deadline = std::chrono::seconds(deadline);
    limits.celsius_max = static_cast<int>(celsius);
    limits.when_slow = then_field(reader, "when_slow", limits.when_slow, false);
    limits.when_late = then_field(reader, "when_late", limits.when_late, false);
    limits.when_hot = then_field(reader, "when_hot", limits.when_hot, true);
    reader.refuse_unknown_keys();
    return limits;
}

HealthLimits read_health(const Json& object, const std::string& where) {
    ObjectReader reader(object, where);
    HealthLimits limits;
    for (const auto& row : health_limit_rows()) {
        limits.*row.limit = reader.optional_unsigned(row.key);
    }
    limits.refuse_failing = reader.optional_bool("refuse_failing", false);
    reader.refuse_unknown_keys();
    if (limits == HealthLimits()) {
        reader.fail("refuse_failing", "is the only limit, and it is false: name a limit");
    }
    check_health(limits);
    return limits;
}

bool is_sector_size(std::uint64_t bytes) {
    return std::find(kSectorSizes.begin(), kSectorSizes.end(), bytes) != kSectorSizes.end();
}

Bytes pattern_field(ObjectReader& reader) {
    const auto text = reader.optional_string("pattern");
    const auto bytes = text ? from_hex(*text) : Bytes{};
    if (!bytes) {
        reader.fail("pattern", "must be bytes in hex, such as \"a5\"");
    }
    return *bytes;
}

/// A technique that can be ordered: one that writes, or a drive's own. nullptr: there is none.
const rules::Technique* orderable(std::string_view name) noexcept {
    const auto& rows = rules::techniques().rows();
    const auto found = std::find_if(rows.begin(), rows.end(), [&](const rules::Technique& row) {
        return row.name == name && (!row.passes.empty() || !row.command_set.empty());
    });
    return found == rows.end() ? nullptr : &*found;
}

const rules::Technique& check_known(const std::string& name) {
    if (const auto* technique = orderable(name)) {
        return *technique;
    }
    std::string writing;
    std::string drives;
    for (const auto& row : rules::techniques().rows()) {
        if (!row.passes.empty()) {
            writing += (writing.empty() ? "" : ", ") + row.name;
        } else if (!row.command_set.empty()) {
            drives += ", " + row.name;
        }
    }
    throw Error(ErrorCode::usage, ReasonCode::unknown_technique,
                "there is no technique \"" + printable(name) + "\"", "one of: " + writing + drives);
}

bool asks_for_pattern(const rules::Technique& technique) {
    return rules::is_one_of(technique.passes, "given");
}

void check_drive_choice(const ErasureChoice& choice) {
    if (choice.policy == kPolicyAuto && choice.level == rules::Level::none) {
        throw Error(ErrorCode::usage, "the level must be clear or purge");
    }
    if (!choice.pattern.empty()) {
        throw Error(ErrorCode::usage, "a technique of the drive takes no pattern");
    }
    if (choice.verification == Verification::representative) {
        throw Error(ErrorCode::usage,
                    "a drive that erases itself is verified by canaries (omit --verify); full is "
                    "possible only where the technique leaves known content");
    }
}

}  // namespace

const char* to_string(Verification verification) noexcept {
    return std::find_if(kVerifications.begin(), kVerifications.end(),
                        [&](const auto& entry) { return entry.first == verification; })
        ->second;
}

std::optional<Verification> verification_from_string(std::string_view text) noexcept {
    const auto* found = std::find_if(kVerifications.begin(), kVerifications.end(),
                                     [&](const auto& entry) { return text == entry.second; });
    return found == kVerifications.end() ? std::nullopt : std::optional(found->first);
}

const char* to_string(Authority authority) noexcept {
    return std::find_if(kAuthorities.begin(), kAuthorities.end(),
                        [&](const auto& entry) { return entry.first == authority; })
        ->second;
}

std::optional<Authority> authority_from_string(std::string_view text) noexcept {
    const auto* found = std::find_if(kAuthorities.begin(), kAuthorities.end(),
                                     [&](const auto& entry) { return text == entry.second; });
    return found == kAuthorities.end() ? std::nullopt : std::optional(found->first);
}

std::optional<Authority> authority_of(const ErasureChoice& choice) {
    if (choice.credential_authority) {
        return choice.credential_authority;
    }
    auto names = choice.fallbacks;
    names.insert(names.begin(), choice.policy);
    for (const auto& name : names) {
        if (name == kGenKey) {
            return std::nullopt;
        }
        const auto* technique = orderable(name);
        if (technique != nullptr && technique->command_set == "tcg") {
            return name == kPsidRevert ? Authority::psid : Authority::sid;
        }
    }
    return Authority::psid;
}

ErasureChoice read_choice(ObjectReader& reader, rules::Level minimum) {
    ErasureChoice choice;
    const auto policy = reader.optional_string("policy");
    choice.policy = policy.value_or(kPolicyDefault);
    choice.fallbacks = names_field(reader, "fallbacks");
    if (const auto file = reader.optional_string("credential_file")) {
        choice.credential_file = path_field(reader, "credential_file", *file);
    }
    if (const auto text = reader.optional_string("credential_authority")) {
        choice.credential_authority = authority_from_string(*text);
        if (!choice.credential_authority) {
            reader.fail("credential_authority", "must be psid, sid, admin or erase-master");
        }
    }
    choice.pattern = pattern_field(reader);
    if (const auto text = reader.optional_string("verification")) {
        const auto verification = verification_from_string(*text);
        if (!verification) {
            reader.fail("verification", "must be full, representative or none");
        }
        choice.verification = *verification;
        choice.whole_medium = *verification == Verification::full;
    }
    if (const auto text = reader.optional_string("bad_blocks")) {
        if (*text != "except" && *text != "fail") {
            reader.fail("bad_blocks", "must be except or fail");
        }
        choice.bad_blocks_are_exceptions = *text == "except";
    }
    const auto sector = reader.optional_unsigned("sector_size");
    if (sector && !is_sector_size(*sector)) {
        reader.fail("sector_size", "must be 512 or 4096");
    }
    choice.sector_bytes = static_cast<std::uint32_t>(sector.value_or(0));
    if (const Json* limits = reader.optional_object("limits")) {
        choice.limits = read_limits(*limits, reader.at("limits"));
    }
    if (const Json* health = reader.optional_object("health")) {
        choice.health = read_health(*health, reader.at("health"));
    }
    // Without a name the drive's best technique is taken where overwriting cannot suffice.
    if (!policy && minimum == rules::Level::purge) {
        choice.policy = kPolicyAuto;
    }
    if (asks_the_drive(choice)) {
        choice.level = minimum;
    } else {
        choice.whole_medium = false;
    }
    check_choice(choice);
    return choice;
}

Json to_json(const ErasureChoice& choice) {
    ObjectWriter writer;
    if (choice.credential_authority) {
        writer.add("credentialAuthority", to_string(*choice.credential_authority));
    }
    if (choice.sector_bytes != 0) {
        writer.add("sectorBytes", choice.sector_bytes);
    }
    return writer.add("policy", choice.policy)
        .add("level", to_string(choice.level))
        .add("fallbacks", choice.fallbacks)
        .add("credentialFile", choice.credential_file)
        .add("pattern", to_hex(choice.pattern))
        .add("verification", to_string(choice.verification))
        .add("wholeMedium", choice.whole_medium)
        .add("badBlocks", choice.bad_blocks_are_exceptions ? "except" : "fail")
        .add("limits", to_json(choice.limits))
        .add("health", to_json(choice.health))
        .take();
}

namespace {

template <typename T>
T known(std::optional<T> value) {
    if (!value) {
        throw Json::other_error::create(501, "an unknown choice", nullptr);
    }
    return *std::move(value);
}

}  // namespace

ErasureChoice choice_from_json(const Json& json) {
    ErasureChoice choice;
    json.at("policy").get_to(choice.policy);
    choice.level = known(rules::level_from_string(json.at("level").get<std::string>()));
    json.at("fallbacks").get_to(choice.fallbacks);
    json.at("credentialFile").get_to(choice.credential_file);
    if (const auto whose = json.find("credentialAuthority"); whose != json.end()) {
        choice.credential_authority = known(authority_from_string(whose->get<std::string>()));
    }
    choice.sector_bytes = json.value("sectorBytes", 0U);
    choice.pattern = known(from_hex(json.at("pattern").get<std::string>()));
    choice.verification =
        known(verification_from_string(json.at("verification").get<std::string>()));
    json.at("wholeMedium").get_to(choice.whole_medium);
    const auto bad_blocks = json.at("badBlocks").get<std::string>();
    choice.bad_blocks_are_exceptions = bad_blocks == "except";
    (void)known(choice.bad_blocks_are_exceptions || bad_blocks == "fail" ? std::optional(true)
                                                                         : std::nullopt);
    choice.limits = limits_from_json(json.at("limits"));
    choice.health = health_limits_from_json(json.at("health"));
    check_choice(choice);
    return choice;
}

bool allows(const ErasureChoice& choice, std::string_view technique) noexcept {
    return choice.policy == kPolicyAuto || choice.policy == technique ||
           rules::is_one_of(choice.fallbacks, technique);
}

bool asks_the_drive(const ErasureChoice& choice) {
    const auto* technique = orderable(choice.policy);
    return choice.policy == kPolicyAuto ||
           (technique != nullptr && !technique->command_set.empty());
}

ErasureChoice with_technique(const ErasureChoice& choice, const std::string& name,
                             std::vector<std::string> fallbacks) {
    ErasureChoice other = choice;
    other.policy = name;
    other.fallbacks = std::move(fallbacks);
    if (!asks_the_drive(other)) {
        other.sector_bytes = 0;
    }
    if (choice.credential_file.empty() || name == choice.policy) {
        return other;
    }
    other.credential_authority = authority_of(choice);
    const bool of_another = !other.credential_authority && name != kGenKey;
    if (of_another || !asks_the_drive(other)) {
        other.credential_file.clear();
        other.credential_authority.reset();
    }
    return other;
}

void check_choice(const ErasureChoice& choice) {
    if (choice.limits.deadline.count() > static_cast<std::int64_t>(kDeadlineSecondsMax)) {
        throw Error(ErrorCode::usage, "the deadline is more than a year away");
    }
    check_health(choice.health);
    for (const auto& name : choice.fallbacks) {
        if (asks_for_pattern(check_known(name))) {
            throw Error(ErrorCode::usage, name + " needs a pattern: it cannot be a fallback");
        }
    }
    if (choice.fallbacks.size() > kFallbacksMax) {
        throw Error(ErrorCode::usage, "more than 8 fallbacks");
    }
    if (choice.credential_authority && choice.credential_file.empty()) {
        throw Error(ErrorCode::usage, "an authority was given, but no file of its credential");
    }
    if (choice.sector_bytes != 0 && !is_sector_size(choice.sector_bytes)) {
        throw Error(ErrorCode::usage, "the sector size must be 512 or 4096");
    }
    if (asks_the_drive(choice)) {
        check_drive_choice(choice);
        return;
    }
    const auto& technique = check_known(choice.policy);
    if (choice.sector_bytes != 0) {
        throw Error(ErrorCode::usage,
                    "a sector size belongs to a technique of the drive, not to " + choice.policy);
    }
    if (!choice.fallbacks.empty() || !choice.credential_file.empty()) {
        throw Error(
            ErrorCode::usage,
            choice.policy +
                " takes no fallbacks and no credential: it is not a technique of the drive");
    }
    const bool asks = asks_for_pattern(technique);
    if (asks == choice.pattern.empty()) {
        throw Error(ErrorCode::usage, asks ? choice.policy + " needs a pattern"
                                           : choice.policy + " takes no pattern");
    }
    if (choice.pattern.size() > stream::kPatternBytesMax) {
        throw Error(ErrorCode::usage, "the pattern has more than 64 bytes");
    }
}

}  // namespace efface::mandate

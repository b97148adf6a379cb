// SPDX-License-Identifier: Apache-2.0
#include "efface/job/order.hpp"

#include <algorithm>
#include <set>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/method/memory_method.hpp"
#include "efface/policy/firmware.hpp"

#include "fields.hpp"

namespace efface::job {

namespace {

constexpr const char* kOrderSchema = "efface.order/1";
constexpr std::uint64_t kDeadlineSecondsMax = 366ULL * 24 * 3600;
constexpr std::uint64_t kCelsiusMax = 150;

method::Then then_field(ObjectReader& reader, const char* key, method::Then fallback,
                        bool may_pause) {
    const auto text = reader.optional_string(key);
    if (!text) {
        return fallback;
    }
    const auto then = method::then_from_string(*text);
    if (!then || (*then == method::Then::pause && !may_pause)) {
        reader.fail(key, may_pause ? "must be go-on, pause or stop" : "must be go-on or stop");
    }
    return *then;
}

method::Limits read_limits(const Json& object, const std::string& where) {
    ObjectReader reader(object, where);
    method::Limits limits;
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

Bytes pattern_field(ObjectReader& reader) {
    const auto text = reader.optional_string("pattern");
    const auto bytes = text ? from_hex(*text) : Bytes{};
    if (!bytes) {
        reader.fail("pattern", "must be bytes in hex, such as \"a5\"");
    }
    return *bytes;
}

ErasureChoice read_choice(ObjectReader& reader, method::Level minimum) {
    ErasureChoice choice;
    choice.policy = reader.optional_string("policy").value_or("");
    const bool named = !choice.policy.empty();
    if (!named) {
        choice.policy = policy::kOverwritePolicyDefault;
    }
    if (const Json* fallbacks = reader.optional_array("fallbacks")) {
        for (const auto& name : *fallbacks) {
            if (!name.is_string()) {
                reader.fail("fallbacks", "must list names of techniques");
            }
            choice.fallbacks.push_back(name.get<std::string>());
        }
    }
    if (const auto file = reader.optional_string("credential_file")) {
        choice.credential_file = path_field(reader, "credential_file", *file);
    }
    choice.pattern = pattern_field(reader);
    if (const auto text = reader.optional_string("verification")) {
        const auto verification = policy::verification_from_string(*text);
        if (!verification) {
            reader.fail("verification", "must be full, representative or none");
        }
        choice.verification = *verification;
        choice.whole_medium = *verification == policy::Verification::full;
    }
    if (const auto text = reader.optional_string("bad_blocks")) {
        if (*text != "except" && *text != "fail") {
            reader.fail("bad_blocks", "must be except or fail");
        }
        choice.bad_blocks_are_exceptions = *text == "except";
    }
    if (const Json* limits = reader.optional_object("limits")) {
        choice.limits = read_limits(*limits, reader.at("limits"));
    }
    // Without a name the drive's best technique is taken where overwriting can not suffice.
    if (!named && minimum == method::Level::purge) {
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

OrderTarget read_target(const Json& object, const std::string& where) {
    ObjectReader reader(object, where);
    OrderTarget target;
    target.name = reader.required_string("target");
    if (!method::parse_memory_target(target.name)) {
        target.name = path_field(reader, "target", target.name);
    }
    if (reader.optional_any("serial") != nullptr) {
        target.serial = required_text(reader, "serial");
    }
    if (reader.optional_any("wwid") != nullptr) {
        target.wwid = required_text(reader, "wwid");
    }
    target.size_bytes = reader.optional_unsigned("size_bytes");
    target.asset_tag = optional_text(reader, "asset_tag");
    target.release_members = released_members(reader);
    reader.refuse_unknown_keys();
    // There is one free memory on each machine, and its size is another at each look.
    const bool told = target.name == method::kFreeMemoryTarget || target.serial || target.wwid ||
                      target.size_bytes;
    if (!told) {
        reader.fail("target", "must be told apart: give its serial, wwid or size_bytes");
    }
    return target;
}

void check_known(const std::string& name) {
    if (policy::find_overwrite_policy(name) != nullptr ||
        policy::find_firmware_technique(name) != nullptr) {
        return;
    }
    std::string names;
    for (const auto& known : policy::overwrite_policies()) {
        names += (names.empty() ? "" : ", ") + std::string(known.name);
    }
    for (const auto& known : policy::firmware_techniques()) {
        names += ", " + std::string(known.name);
    }
    throw Error(ErrorCode::usage, ReasonCode::unknown_technique,
                "there is no technique \"" + printable(name) + "\"", "one of: " + names);
}

bool asks_for_pattern(const policy::OverwritePolicy& policy) {
    return std::any_of(policy.passes.begin(), policy.passes.end(), [](const auto& pass) {
        return pass.kind == policy::PassRule::Kind::operator_bytes;
    });
}

void check_drive_choice(const ErasureChoice& choice) {
    if (choice.policy == kPolicyAuto && choice.level == method::Level::none) {
        throw Error(ErrorCode::usage, "which level? clear or purge");
    }
    if (!choice.pattern.empty()) {
        throw Error(ErrorCode::usage, "a technique of the drive takes no pattern");
    }
    if (choice.verification == policy::Verification::representative) {
        throw Error(ErrorCode::usage,
                    "what a drive erases itself is verified by canaries (leave --verify away), or "
                    "wholly (full) where the technique leaves a known content");
    }
}

/// Free memory, after what was in memory.
void add_sweep(Order& order, const ObjectReader& reader, const std::set<std::string>& names) {
    const bool memory = std::any_of(
        order.targets.begin(), order.targets.end(),
        [](const auto& one) { return method::parse_memory_target(one.name).has_value(); });
    if (!memory) {
        reader.fail("sweep", "belongs to targets in memory: name memory:free among the targets");
    }
    if (!names.contains(method::kFreeMemoryTarget)) {
        OrderTarget free;
        free.name = method::kFreeMemoryTarget;
        order.targets.push_back(std::move(free));
    }
}

}  // namespace

Json to_json(const ErasureChoice& choice) {
    return ObjectWriter()
        .add("policy", choice.policy)
        .add("level", to_string(choice.level))
        .add("fallbacks", choice.fallbacks)
        .add("credentialFile", choice.credential_file)
        .add("pattern", to_hex(choice.pattern))
        .add("verification", to_string(choice.verification))
        .add("wholeMedium", choice.whole_medium)
        .add("badBlocks", choice.bad_blocks_are_exceptions ? "except" : "fail")
        .add("limits", method::to_json(choice.limits))
        .take();
}

ErasureChoice choice_from_json(const Json& json) {
    ErasureChoice choice;
    json.at("policy").get_to(choice.policy);
    choice.level = method::level_from_string(json.at("level").get<std::string>())
                       .value_or(method::Level::none);
    json.at("fallbacks").get_to(choice.fallbacks);
    json.at("credentialFile").get_to(choice.credential_file);
    choice.pattern = from_hex(json.at("pattern").get<std::string>()).value_or(Bytes{});
    choice.verification =
        policy::verification_from_string(json.at("verification").get<std::string>())
            .value_or(policy::Verification::full);
    json.at("wholeMedium").get_to(choice.whole_medium);
    choice.bad_blocks_are_exceptions = json.at("badBlocks") == "except";
    choice.limits = method::limits_from_json(json.at("limits"));
    check_choice(choice);
    return choice;
}

bool asks_the_drive(const ErasureChoice& choice) {
    return choice.policy == kPolicyAuto ||
           policy::find_firmware_technique(choice.policy) != nullptr;
}

void check_choice(const ErasureChoice& choice) {
    if (choice.limits.deadline.count() > static_cast<std::int64_t>(kDeadlineSecondsMax)) {
        throw Error(ErrorCode::usage, "the deadline is more than a year away");
    }
    for (const auto& name : choice.fallbacks) {
        check_known(name);
        const auto* overwrite = policy::find_overwrite_policy(name);
        if (overwrite != nullptr && asks_for_pattern(*overwrite)) {
            throw Error(ErrorCode::usage, name + " needs a pattern: it can be no fall-back");
        }
    }
    if (choice.fallbacks.size() > kFallbacksMax) {
        throw Error(ErrorCode::usage, "more than 8 fallbacks");
    }
    if (asks_the_drive(choice)) {
        check_drive_choice(choice);
        return;
    }
    check_known(choice.policy);
    if (!choice.fallbacks.empty() || !choice.credential_file.empty()) {
        throw Error(ErrorCode::usage,
                    choice.policy + " takes no fallbacks and no credential: it is not the drive's");
    }
    const bool asks = asks_for_pattern(*policy::find_overwrite_policy(choice.policy));
    if (asks == choice.pattern.empty()) {
        throw Error(ErrorCode::usage, asks ? choice.policy + " needs a pattern"
                                           : choice.policy + " takes no pattern");
    }
    if (choice.pattern.size() > stream::kPatternBytesMax) {
        throw Error(ErrorCode::usage, "the pattern has more than 64 bytes");
    }
}

bool is_order(std::string_view text) noexcept {
    return text.find("\"efface.order/") != std::string_view::npos;
}

Order parse_order(std::string_view text) {
    const Json json = parse_json(text, "order", {.bytes_max = kOrderBytesMax});
    ObjectReader reader(json, "order:");
    if (reader.required_string("schema") != kOrderSchema) {
        reader.fail("schema", std::string("must be \"") + kOrderSchema + "\"");
    }
    Order order;
    order.id = identifier(reader, "id");
    order.owner = required_text(reader, "owner");
    order.confidentiality = optional_text(reader, "confidentiality");
    order.terms = read_terms(reader);
    order.choice = read_choice(reader, order.terms.minimum_level);
    const bool sweep = reader.optional_bool("sweep", false);
    const Json& targets = reader.required_array("targets");
    reader.refuse_unknown_keys();
    if (targets.empty() || targets.size() > kTargetsMax) {
        reader.fail("targets", "must list 1 to 1024 targets");
    }
    std::set<std::string> names;
    for (std::size_t i = 0; i < targets.size(); ++i) {
        order.targets.push_back(
            read_target(targets[i], reader.at("targets[" + std::to_string(i) + "]")));
        if (!names.insert(order.targets.back().name).second) {
            reader.fail("targets", "\"" + printable(order.targets.back().name) + "\" stands twice");
        }
    }
    if (sweep) {
        add_sweep(order, reader, names);
    }
    const bool memory_only =
        std::all_of(order.targets.begin(), order.targets.end(), [](const OrderTarget& target) {
            return method::parse_memory_target(target.name).has_value();
        });
    if (memory_only && order.choice.policy == kPolicyAuto) {
        order.choice.policy = policy::kOverwritePolicyDefault;
        order.choice.level = method::Level::none;
        order.choice.whole_medium = false;
    }
    const bool plain = to_json(order.choice) == to_json(ErasureChoice());
    for (const auto& target : order.targets) {
        if (!plain && method::parse_memory_target(target.name)) {
            reader.fail("targets", target.name +
                                       " is memory, which has methods of its own: order "
                                       "it without policy, verification and limits");
        }
    }
    order.text = text;
    order.sha256 = sha256_hex(text);
    return order;
}

Order load_order(const std::filesystem::path& path) {
    const auto text = read_text_file(path, kOrderBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path.string() + ": there is no such file");
    }
    return parse_order(*text);
}

}  // namespace efface::job

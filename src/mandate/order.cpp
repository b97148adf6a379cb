// SPDX-License-Identifier: Apache-2.0
#include "efface/mandate/order.hpp"

#include <algorithm>
#include <set>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/inventory/memory_name.hpp"

#include "fields.hpp"
#include "hidden_characters.hpp"

namespace efface::mandate {

namespace {

constexpr const char* kOrderSchema = "efface.order/1";

OrderTarget read_target(const Json& object, const std::string& where) {
    ObjectReader reader(object, where);
    OrderTarget target;
    target.name = reader.required_string("target");
    if (!inventory::parse_memory_target(target.name)) {
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
    target.release_members = names_field(reader, "release_member");
    reader.refuse_unknown_keys();
    // There is one free memory on each machine, and its size is another at each look.
    const bool told = target.name == inventory::kFreeMemoryTarget || target.serial || target.wwid ||
                      target.size_bytes;
    if (!told) {
        reader.fail("target", "must be told apart: give its serial, wwid or size_bytes");
    }
    return target;
}

/// Free memory, after what was in memory.
void add_sweep(Order& order, const ObjectReader& reader, const std::set<std::string>& names) {
    const bool memory = std::any_of(
        order.targets.begin(), order.targets.end(),
        [](const auto& one) { return inventory::parse_memory_target(one.name).has_value(); });
    if (!memory) {
        reader.fail("sweep", "belongs to targets in memory: list memory:free among the targets");
    }
    if (!names.contains(inventory::kFreeMemoryTarget)) {
        OrderTarget free;
        free.name = inventory::kFreeMemoryTarget;
        order.targets.push_back(std::move(free));
    }
}

}  // namespace

bool is_order(std::string_view text) noexcept {
    return text.find("\"efface.order/") != std::string_view::npos;
}

Order parse_order(std::string_view text) {
    const Json json = parse_json(text, "order", {.bytes_max = kOrderBytesMax});
    refuse_hidden_characters(json, "order:");
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
            reader.fail("targets",
                        "\"" + printable(order.targets.back().name) + "\" is listed twice");
        }
    }
    if (sweep) {
        add_sweep(order, reader, names);
    }
    const bool memory_only =
        std::all_of(order.targets.begin(), order.targets.end(), [](const OrderTarget& target) {
            return inventory::parse_memory_target(target.name).has_value();
        });
    if (memory_only && order.choice.policy == kPolicyAuto) {
        order.choice.policy = kPolicyDefault;
        order.choice.level = rules::Level::none;
        order.choice.whole_medium = false;
    }
    const bool plain = to_json(order.choice) == to_json(ErasureChoice());
    for (const auto& target : order.targets) {
        if (!plain && inventory::parse_memory_target(target.name)) {
            reader.fail("targets", target.name +
                                       " is memory, which has its own methods: order it without "
                                       "policy, verification and limits");
        }
    }
    order.text = text;
    order.sha256 = sha256_hex(text);
    return order;
}

Order load_order(const std::filesystem::path& path) {
    const auto text = read_text_file(path, kOrderBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path.string() + ": there is no such file", "check the path");
    }
    try {
        return parse_order(*text);
    } catch (const Error& error) {
        throw Error(
            error.code(), error.reason(), path.string() + ": " + error.what(),
            error.hint().empty() ? "efface-order(5) has the form and examples" : error.hint());
    }
}

}  // namespace efface::mandate

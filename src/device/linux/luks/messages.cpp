// SPDX-License-Identifier: Apache-2.0
#include "messages.hpp"

#include <array>
#include <limits>

namespace efface::device {

namespace {

constexpr const char* kWhere = "luks worker";

constexpr std::array kOperations{std::pair{LuksOperation::load, "load"},
                                 std::pair{LuksOperation::destroy, "destroy"},
                                 std::pair{LuksOperation::unlock, "unlock"}};

std::string path_to_hex(const std::filesystem::path& path) {
    return to_hex(as_bytes(path.native()));
}

std::filesystem::path path_from_hex(ObjectReader& reader, const char* key, const std::string& hex) {
    const std::optional<Bytes> bytes = from_hex(hex);
    if (!bytes || bytes->empty()) {
        reader.fail(key, "must be a path in hex");
    }
    return std::string(as_text(*bytes));
}

/// The JSON reader of base knows unsigned fields only; ours are small and signed.
int integer(ObjectReader& reader, const char* key) {
    const Json* value = reader.optional_any(key);
    if (value == nullptr || !value->is_number_integer()) {
        reader.fail(key, "must be an integer");
    }
    const auto number = value->get<std::int64_t>();
    if (number < std::numeric_limits<int>::min() || number > std::numeric_limits<int>::max()) {
        reader.fail(key, "is out of range");
    }
    return static_cast<int>(number);
}

std::vector<int> integers(ObjectReader& reader, const char* key) {
    std::vector<int> numbers;
    for (const Json& item : reader.required_array(key)) {
        if (!item.is_number_integer()) {
            reader.fail(key, "must hold integers");
        }
        numbers.push_back(item.get<int>());
    }
    return numbers;
}

}  // namespace

std::string to_line(const LuksRequest& request) {
    Json line = Json::object();
    for (const auto& [operation, name] : kOperations) {
        if (operation == request.operation) {
            line["operation"] = name;
        }
    }
    line["header"] = path_to_hex(request.location.header);
    if (request.location.data) {
        line["data"] = path_to_hex(*request.location.data);
    }
    return line.dump() + "\n";
}

LuksRequest parse_request(std::string_view text) {
    const Json line = parse_json(text, kWhere, {kRequestLineMax, 4, false});
    ObjectReader reader(line, kWhere);
    LuksRequest request;
    const std::string name = reader.required_string("operation");
    bool known = false;
    for (const auto& [operation, its_name] : kOperations) {
        if (name == its_name) {
            request.operation = operation;
            known = true;
        }
    }
    if (!known) {
        reader.fail("operation", "is unknown");
    }
    request.location.header = path_from_hex(reader, "header", reader.required_string("header"));
    if (const std::optional<std::string> data = reader.optional_string("data")) {
        request.location.data = path_from_hex(reader, "data", *data);
    }
    reader.refuse_unknown_keys();
    return request;
}

Json to_json(const LoadAnswer& answer) {
    return ObjectWriter()
        .add("code", answer.code)
        .add("type", answer.type)
        .add("uuid", answer.uuid)
        .add("keyslots", answer.keyslots)
        .add("reencryption", answer.reencryption)
        .take();
}

Json to_json(const DestroyAnswer& answer) {
    Json slots = Json::array();
    for (const SlotAnswer& slot : answer.slots) {
        slots.push_back(ObjectWriter()
                            .add("slot", slot.slot)
                            .add("status", slot.status)
                            .add("code", slot.code)
                            .take());
    }
    return ObjectWriter()
        .add("load_code", answer.load_code)
        .add("slots", std::move(slots))
        .add("tokens_removed", answer.tokens_removed)
        .take();
}

Json to_json(const UnlockAnswer& answer) {
    return ObjectWriter().add("load_code", answer.load_code).add("code", answer.code).take();
}

LoadAnswer parse_load_answer(std::string_view text) {
    const Json json = parse_json(text, kWhere, {kAnswerMax, 8, false});
    ObjectReader reader(json, kWhere);
    LoadAnswer answer;
    answer.code = integer(reader, "code");
    answer.type = reader.required_string("type");
    answer.uuid = reader.required_string("uuid");
    answer.keyslots = integers(reader, "keyslots");
    answer.reencryption = reader.required_string("reencryption");
    reader.refuse_unknown_keys();
    return answer;
}

DestroyAnswer parse_destroy_answer(std::string_view text) {
    const Json json = parse_json(text, kWhere, {kAnswerMax, 8, false});
    ObjectReader reader(json, kWhere);
    DestroyAnswer answer;
    answer.load_code = integer(reader, "load_code");
    for (const Json& item : reader.required_array("slots")) {
        ObjectReader slot(item, reader.at("slots"));
        answer.slots.push_back(
            {integer(slot, "slot"), slot.required_string("status"), integer(slot, "code")});
        slot.refuse_unknown_keys();
    }
    answer.tokens_removed = integers(reader, "tokens_removed");
    reader.refuse_unknown_keys();
    return answer;
}

UnlockAnswer parse_unlock_answer(std::string_view text) {
    const Json json = parse_json(text, kWhere, {kAnswerMax, 8, false});
    ObjectReader reader(json, kWhere);
    const UnlockAnswer answer{integer(reader, "load_code"), integer(reader, "code"), ""};
    reader.refuse_unknown_keys();
    return answer;
}

}  // namespace efface::device

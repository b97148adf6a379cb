// SPDX-License-Identifier: Apache-2.0
#include "efface/evidence/device_key.hpp"

#include <algorithm>
#include <array>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "efface/base/digest.hpp"

namespace efface::evidence {

namespace {

constexpr std::string_view kSerial = "serial:";
constexpr std::string_view kWorldWide = "wwid:";
constexpr std::string_view kFile = "file:";
constexpr std::string_view kInode = "inode:";
constexpr std::string_view kWithinFile = "within-file:";
constexpr std::string_view kWithinInode = "within-inode:";
/// Keys that several devices may share, and which do not count where both have the other.
constexpr std::array<std::pair<std::string_view, std::string_view>, 3> kWeaker = {
    {{kSerial, kWorldWide}, {kInode, kFile}, {kWithinInode, kWithinFile}}};

std::string text_of(const Json& identity, const char* field) {
    const auto found = identity.find(field);
    return found != identity.end() && found->is_string() ? found->get<std::string>()
                                                         : std::string();
}

std::string key_of(std::string_view name, const Json& fields) {
    return std::string(name) + sha256_hex(canonical_json(fields));
}

std::string key_of(std::string_view name, const Json& identity,
                   std::initializer_list<const char*> fields) {
    Json kept = Json::object();
    for (const char* field : fields) {
        kept[field] = text_of(identity, field);
    }
    return key_of(name, kept);
}

/// Names that are given once in the world; "t10." repeats what the vendor likes.
bool is_world_wide(const std::string& wwid) {
    constexpr std::array<std::string_view, 4> kSchemes = {"naa.", "eui.", "uuid.", "nvme."};
    return std::any_of(kSchemes.begin(), kSchemes.end(),
                       [&](std::string_view scheme) { return wwid.starts_with(scheme); });
}

std::vector<std::string> volume_keys(const Json& volumes) {
    std::vector<std::string> keys;
    for (const Json& volume : volumes) {
        if (volume.is_object() && !text_of(volume, "uuid").empty()) {
            keys.push_back(key_of("uuid:", volume, {"uuid"}));
        }
    }
    return keys;
}

/// Of a file, or of the file below a loop device: one that begins within it is another device. The
/// time of birth is not reported of a file whose name is gone; a number is given again.
std::vector<std::string> file_keys(const Json& file) {
    const auto offset = file.find("offsetBytes");
    const bool within = offset != file.end() && *offset != 0U;
    const auto kept = [&](const char* field) {
        Json fields = {{field, text_of(file, field)}, {"inode", text_of(file, "inode")}};
        if (within) {
            fields["offsetBytes"] = *offset;
        }
        return fields;
    };
    std::vector<std::string> keys;
    if (text_of(file, "inode").empty()) {
        return keys;
    }
    if (!text_of(file, "birthTime").empty()) {
        keys.push_back(key_of(within ? kWithinFile : kFile, kept("birthTime")));
    }
    if (!text_of(file, "deviceNumber").empty()) {
        keys.push_back(key_of(within ? kWithinInode : kInode, kept("deviceNumber")));
    }
    return keys;
}

std::vector<std::string> target_keys(const Json& identity) {
    const std::string kind = text_of(identity, "kind");
    const auto has = [&](const char* field) { return !text_of(identity, field).empty(); };
    std::vector<std::string> keys;
    if (kind == "file") {
        return file_keys(identity);
    }
    if (const auto backing = identity.find("backing");
        backing != identity.end() && backing->is_object()) {
        return file_keys(*backing);
    }
    if (kind == "partition") {
        if (has("partitionUuid")) {
            keys.push_back(key_of("partition:", identity, {"partitionUuid", "serial"}));
        }
        return keys;
    }
    if (has("serial")) {
        keys.push_back(key_of(kSerial, identity, {"serial"}));
    }
    if (is_world_wide(text_of(identity, "wwid"))) {
        keys.push_back(key_of(kWorldWide, identity, {"wwid"}));
    }
    if (keys.empty() && has("deviceMapperUuid")) {
        keys.push_back(key_of("map:", identity, {"deviceMapperUuid"}));
    }
    return keys;
}

bool has_key(const std::vector<std::string>& keys, std::string_view name) {
    return std::any_of(keys.begin(), keys.end(),
                       [name](const std::string& key) { return key.starts_with(name); });
}

}  // namespace

std::vector<std::string> device_keys(const Json& identity) {
    const auto volumes = identity.find("volumes");
    const bool project = volumes != identity.end() && volumes->is_array();
    const bool in_memory = identity.contains("bootId");
    std::vector<std::string> keys;
    if (!in_memory) {
        keys = project ? volume_keys(*volumes) : target_keys(identity);
    }
    if (keys.empty()) {
        Json rest = identity;
        if (!in_memory) {
            rest.erase("sizeBytes");
        }
        keys.push_back(key_of("identity:", rest));
    }
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    return keys;
}

bool same_device(const std::vector<std::string>& one, const std::vector<std::string>& other) {
    const auto counts = [&](const std::string& key) {
        return std::none_of(kWeaker.begin(), kWeaker.end(), [&](const auto& names) {
            const auto& [weaker, stronger] = names;
            return key.starts_with(weaker) && has_key(one, stronger) && has_key(other, stronger);
        });
    };
    return std::any_of(one.begin(), one.end(), [&](const std::string& key) {
        return counts(key) && std::find(other.begin(), other.end(), key) != other.end();
    });
}

}  // namespace efface::evidence

// SPDX-License-Identifier: Apache-2.0
#include "efface/mandate/manifest.hpp"

#include <cctype>
#include <set>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"

#include "fields.hpp"
#include "hidden_characters.hpp"

namespace efface::mandate {

namespace {

constexpr const char* kSchema = "efface.project/1";

std::string uuid_field(ObjectReader& reader) {
    auto value = reader.required_string("uuid");
    constexpr std::string_view kForm = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
    bool fine = value.size() == kForm.size();
    for (std::size_t i = 0; fine && i < kForm.size(); ++i) {
        const auto character = static_cast<unsigned char>(value[i]);
        fine = kForm[i] == '-' ? character == '-' : std::isxdigit(character) != 0;
        value[i] = static_cast<char>(std::tolower(character));
    }
    if (!fine) {
        reader.fail("uuid", "must be a UUID as `cryptsetup luksUUID` prints it");
    }
    return value;
}

std::vector<HeaderBackup> read_backups(const Json& list, const std::string& where) {
    if (list.size() > kHeaderBackupsMax) {
        throw Error(ErrorCode::usage, where + ": more than 64 header backups");
    }
    std::vector<HeaderBackup> backups;
    for (std::size_t i = 0; i < list.size(); ++i) {
        ObjectReader reader(list[i], where + "[" + std::to_string(i) + "]");
        HeaderBackup backup;
        backup.path = path_field(reader, "path", reader.required_string("path"));
        backup.gone = reader.optional_bool("gone", false);
        reader.refuse_unknown_keys();
        backups.push_back(std::move(backup));
    }
    return backups;
}

CredentialReference read_credential_reference(const Json& object, const std::string& where) {
    ObjectReader reader(object, where);
    const auto passphrase = reader.optional_string("passphrase_file");
    const auto key = reader.optional_string("key_file");
    reader.refuse_unknown_keys();
    if (passphrase.has_value() == key.has_value()) {
        throw Error(ErrorCode::usage, where + ": must have either passphrase_file or key_file");
    }
    return passphrase
               ? CredentialReference{path_field(reader, "passphrase_file", *passphrase), true}
               : CredentialReference{path_field(reader, "key_file", *key), false};
}

Volume read_volume(const Json& object, const std::string& where) {
    ObjectReader reader(object, where);
    Volume volume;
    volume.name = identifier(reader, "name");
    volume.path = path_field(reader, "path", reader.required_string("path"));
    volume.uuid = uuid_field(reader);
    volume.engine = optional_text(reader, "engine");
    if (auto header = reader.optional_string("header")) {
        volume.header = path_field(reader, "header", *std::move(header));
    }
    if (const Json* backups = reader.optional_array("header_backups")) {
        volume.header_backups = read_backups(*backups, reader.at("header_backups"));
    }
    if (const Json* credential = reader.optional_object("credential")) {
        volume.credential = read_credential_reference(*credential, reader.at("credential"));
    }
    if (reader.optional_any("serial") != nullptr) {
        volume.serial = required_text(reader, "serial");
    }
    volume.size_bytes = reader.optional_unsigned("size_bytes");
    volume.asset_tag = optional_text(reader, "asset_tag");
    volume.release_members = names_field(reader, "release_member");
    volume.gone = reader.optional_bool("gone", false);
    reader.refuse_unknown_keys();
    return volume;
}

void read_project(ObjectReader& reader, Manifest& manifest) {
    ObjectReader project(reader.required_object("project"), reader.at("project"));
    manifest.project_id = identifier(project, "id");
    manifest.owner = required_text(project, "owner");
    manifest.confidentiality = optional_text(project, "confidentiality");
    project.refuse_unknown_keys();
}

void read_attestation(ObjectReader& reader, Manifest& manifest) {
    if (const Json* object = reader.optional_object("attestation")) {
        ObjectReader attestation(*object, reader.at("attestation"));
        manifest.attestation.encrypted_since_first_use =
            attestation.optional_bool("encrypted_since_first_use", false);
        manifest.attestation.all_key_copies_declared =
            attestation.optional_bool("all_key_copies_declared", false);
        manifest.attestation.by = required_text(attestation, "by");
        attestation.refuse_unknown_keys();
    }
}

/// Clones have one UUID: each is a volume of its own, at a path of its own.
void refuse_repetitions(const Manifest& manifest) {
    std::set<std::string> names;
    std::set<std::string> paths;
    for (const auto& volume : manifest.volumes) {
        const auto once = [&](std::set<std::string>& seen, const std::string& value,
                              const char* what) {
            if (!seen.insert(value).second) {
                throw Error(ErrorCode::usage, "manifest: " + std::string(what) + " \"" +
                                                  printable(value) + "\" is listed twice");
            }
        };
        once(names, volume.name, "the name");
        once(paths, volume.path, "the path");
        if (volume.header) {
            once(paths, *volume.header, "the path");
        }
        for (const auto& backup : volume.header_backups) {
            once(paths, backup.path, "the path");
        }
    }
}

}  // namespace

Manifest parse_manifest(std::string_view text) {
    const Json json = parse_json(text, "manifest", {.bytes_max = kManifestBytesMax});
    refuse_hidden_characters(json, "manifest:");
    ObjectReader reader(json, "manifest:");
    Manifest manifest;
    if (reader.required_string("schema") != kSchema) {
        reader.fail("schema", std::string("must be \"") + kSchema + "\"");
    }
    read_project(reader, manifest);
    manifest.terms = read_terms(reader);
    read_attestation(reader, manifest);
    const Json& volumes = reader.required_array("volumes");
    reader.refuse_unknown_keys();
    if (volumes.empty() || volumes.size() > kVolumesMax) {
        reader.fail("volumes", "must list 1 to 4096 volumes");
    }
    for (std::size_t i = 0; i < volumes.size(); ++i) {
        manifest.volumes.push_back(
            read_volume(volumes[i], reader.at("volumes[" + std::to_string(i) + "]")));
    }
    refuse_repetitions(manifest);
    manifest.text = text;
    manifest.sha256 = sha256_hex(text);
    return manifest;
}

Manifest load_manifest(const std::filesystem::path& path) {
    const auto text = read_text_file(path, kManifestBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path.string() + ": there is no such file");
    }
    try {
        return parse_manifest(*text);
    } catch (const Error& error) {
        throw Error(
            error.code(), error.reason(), path.string() + ": " + error.what(),
            error.hint().empty() ? "efface-project(5) has the form and an example" : error.hint());
    }
}

Json project_identity(const Manifest& manifest) {
    Json volumes = Json::array();
    for (const auto& volume : manifest.volumes) {
        volumes.push_back(ObjectWriter().add("name", volume.name).add("uuid", volume.uuid).take());
    }
    return ObjectWriter()
        .add("projectId", manifest.project_id)
        .add("volumes", std::move(volumes))
        .take();
}

std::vector<std::string> places_of(const Manifest& manifest) {
    std::vector<std::string> places;
    for (const auto& volume : manifest.volumes) {
        places.push_back(volume.path);
        if (volume.header) {
            places.push_back(*volume.header);
        }
        for (const auto& backup : volume.header_backups) {
            places.push_back(backup.path);
        }
    }
    return places;
}

bool is_manifest(std::string_view text) noexcept {
    return text.find("\"efface.project/") != std::string_view::npos;
}

}  // namespace efface::mandate

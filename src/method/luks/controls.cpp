// SPDX-License-Identifier: Apache-2.0
#include "controls.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>

#include "efface/base/digest.hpp"
#include "efface/device/aligned_buffer.hpp"

#include "fields.hpp"

namespace efface::method {

namespace {

constexpr Word<Control::Result> kResults[] = {
    {Control::Result::pass, "pass"},
    {Control::Result::fail, "fail"},
    {Control::Result::unknown, "unknown"},
};

constexpr std::size_t kDigestPieceBytes = 256 * 1024;

/// A code of libcryptsetup: a slot number, or what a negative errno stands for.
std::string answer_text(int code) {
    return code >= 0 ? std::to_string(code) : fmt::format("{} {}", code, errno_text(-code));
}

/// crypt_load() found no header: its answer to a place without one. Anything else (no memory, an
/// I/O error, a lock) says nothing about the place.
bool no_header_found(int load_code) {
    return load_code == -EINVAL;
}

}  // namespace

const char* to_string(Control::Result result) noexcept {
    return word_of(kResults, result);
}

AreaDigest digest_area(device::BlockTarget& target, std::string name, stream::Range range) {
    AreaDigest area{.name = std::move(name), .range = range, .sha256 = {}};
    Sha256 hash;
    device::AlignedBuffer piece(
        static_cast<std::size_t>(std::min<std::uint64_t>(range.length, kDigestPieceBytes)));
    for (std::uint64_t done = 0; done < range.length;) {
        const auto want = static_cast<std::size_t>(
            std::min<std::uint64_t>(range.length - done, kDigestPieceBytes));
        const auto view = piece.first(want);
        if (!target.read_at(range.offset + done, view).complete(want)) {
            cleanse(piece.view());
            return area;
        }
        hash.update(view);
        done += want;
    }
    cleanse(piece.view());
    area.sha256 = to_hex(hash.finish());
    return area;
}

Control control_no_magic(device::BlockTarget& target, const LuksKeyTask& task) {
    const auto report = luks::find_remnants(target, task.region.ranges);
    if (!report.remnants.empty()) {
        std::vector<std::string> words;
        for (const auto& remnant : report.remnants) {
            words.push_back(remnant.words);
        }
        return {"no-magic", Control::Result::fail, fmt::format("{}", fmt::join(words, "; "))};
    }
    if (!report.unreadable.empty()) {
        return {"no-magic", Control::Result::unknown,
                fmt::format("{} places could not be read, the first at {}",
                            report.unreadable.size(), report.unreadable.front())};
    }
    return {"no-magic", Control::Result::pass,
            "no LUKS magic, keyslot JSON or slot table at any of the ten places, at the edges of "
            "the region and where the payload begins"};
}

/// What the read-back implies, seen by other means: what carried key material is no longer what was
/// surveyed. Areas that could not be read then have nothing to be compared with.
Control control_areas_changed(device::BlockTarget& target, const std::vector<AreaDigest>& before) {
    std::size_t compared = 0;
    std::size_t unreadable = 0;
    std::vector<std::string> unchanged;
    for (const auto& area : before) {
        if (area.sha256.empty()) {
            continue;
        }
        const auto now = digest_area(target, area.name, area.range);
        unreadable += now.sha256.empty() ? 1U : 0U;
        ++compared;
        if (now.sha256 == area.sha256) {
            unchanged.push_back(area.name);
        }
    }
    if (!unchanged.empty()) {
        return {"areas-changed", Control::Result::fail,
                fmt::format("as before: {}", fmt::join(unchanged, ", "))};
    }
    if (unreadable > 0) {
        return {"areas-changed", Control::Result::unknown,
                fmt::format("{} areas could not be read", unreadable)};
    }
    return {"areas-changed", Control::Result::pass,
            fmt::format("{} of {} areas with key material have a different SHA-256 than before",
                        compared, before.size())};
}

Control control_crypt_load(device::LuksLibrary& library, const device::LuksLocation& location) {
    const auto answer = library.load(location);
    if (!answer.failure.empty()) {
        return {"crypt-load", Control::Result::unknown, answer.failure};
    }
    const auto result = answer.code >= 0               ? Control::Result::fail
                        : no_header_found(answer.code) ? Control::Result::pass
                                                       : Control::Result::unknown;
    return {"crypt-load", result, fmt::format("crypt_load: {}", answer_text(answer.code))};
}

Control control_libblkid(Surroundings& surroundings, const std::string& path) {
    const auto signature = surroundings.probe_signature(path);
    if (signature.code == 1) {
        return {"libblkid", Control::Result::pass, "nothing found"};
    }
    if (signature.code == 0 && signature.usage != "crypto") {
        return {"libblkid", Control::Result::pass,
                fmt::format("no LUKS; reports {} outside the region", signature.type)};
    }
    return {"libblkid", signature.code == 0 ? Control::Result::fail : Control::Result::unknown,
            fmt::format("blkid_do_safeprobe: {} {}", signature.code, signature.type)};
}

Control control_credential(device::LuksLibrary& library, const device::LuksLocation& location,
                           const SecretBytes& credential) {
    const auto trial = device::trial_of(library.try_unlock(location, credential));
    Control control{"credential-refused", Control::Result::unknown, trial.detail,
                    ReasonCode::credential_still_opens, trial.why};
    if (trial.result == device::CredentialTrial::Result::opened) {
        control.result = Control::Result::fail;
    } else if (trial.result == device::CredentialTrial::Result::refused || !trial.header_found) {
        control.result = Control::Result::pass;
    }
    return control;
}

Control control_no_mapping(Surroundings& surroundings, const std::string& uuid) {
    std::vector<std::string> mappings;
    try {
        mappings = surroundings.mappings_of_luks_uuid(uuid);
    } catch (const Error& error) {
        return {"no-mapping", Control::Result::unknown, error.what()};
    }
    if (mappings.empty()) {
        return {"no-mapping", Control::Result::pass, "no device-mapper device with this UUID"};
    }
    return {"no-mapping", Control::Result::fail, fmt::format("{}", fmt::join(mappings, ", ")),
            ReasonCode::active_mapping};
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
// What the survey of a volume asks about key material that no whole header speaks for, and about
// the machine around it. The same is asked again when the keys are destroyed.
#include <fmt/format.h>

#include <algorithm>

#include "location.hpp"

namespace efface::job {

namespace {

std::string words_of(const luks::RemnantReport& left) {
    constexpr std::size_t kQuoted = 4;
    std::vector<std::string> words;
    for (std::size_t i = 0; i < std::min(left.remnants.size(), kQuoted); ++i) {
        words.push_back(left.remnants[i].words);
    }
    if (left.remnants.size() + left.further > kQuoted) {
        words.push_back(fmt::format("{} more", left.remnants.size() + left.further - kQuoted));
    }
    return fmt::format("{}", fmt::join(words, ", "));
}

bool any_of_uuid(const luks::RemnantReport& left, const std::string& uuid) {
    return std::any_of(left.remnants.begin(), left.remnants.end(),
                       [&](const luks::Remnant& remnant) { return same_uuid(remnant.uuid, uuid); });
}

/// The same volume key, whatever UUID the header was given since.
bool share_a_key(const luks::Header& one, const luks::Header& other) {
    return std::any_of(one.digests.begin(), one.digests.end(), [&](const luks::KeyDigest& digest) {
        return !digest.sha256.empty() &&
               std::any_of(other.digests.begin(), other.digests.end(),
                           [&](const luks::KeyDigest& its) { return its.sha256 == digest.sha256; });
    });
}

}  // namespace

/// A mapping holds the volume key in the kernel, by whatever path it was opened.
void Guard::object_to_mappings(Survey& survey) {
    const auto& objections = survey.plan.objections;
    if (std::any_of(objections.begin(), objections.end(), [](const Objection& objection) {
            return objection.reason.code == ReasonCode::active_mapping;
        })) {
        return;
    }
    try {
        const auto mappings = host_.mappings_of_luks_uuid(survey.volume.uuid);
        if (!mappings.empty()) {
            survey.objector.object(ReasonCode::active_mapping,
                                   fmt::format("a volume with the UUID {} is open as {}: its key "
                                               "is in the kernel; close it with cryptsetup close",
                                               survey.volume.uuid, fmt::join(mappings, ", ")));
        }
    } catch (const Error& error) {
        survey.objector.object(ReasonCode::unreadable_state, error.what());
    }
}

void Guard::object_to_what_is_left(Survey& survey, const std::string& path) {
    const auto target = host_.open(path, device::Access::read_only);
    const auto left = luks::find_remnants(target->storage(), {}, luks::kMetadataBytesMax);
    if (!left.remnants.empty()) {
        survey.objector.object(ReasonCode::key_material_left,
                               fmt::format("{}: no complete LUKS header identifies the volume, but "
                                           "remnants are there: {}; efface erase {} erases them",
                                           path, words_of(left), path));
    } else if (!left.unreadable.empty()) {
        survey.objector.object(ReasonCode::remnants_unknown,
                               fmt::format("{}: no LUKS header was found, and the place at {} "
                                           "cannot be read; efface erase {} erases what is there",
                                           path, left.unreadable.front(), path));
    } else {
        survey.objector.object(ReasonCode::header_not_found,
                               fmt::format("{}: no LUKS header and no remnant of one was found; "
                                           "efface erase {} erases what is there",
                                           path, path));
    }
}

/// "Gone" is the owner's word; what can be looked at must not speak against it, and what cannot be
/// read cannot be taken for gone.
void Guard::survey_gone(Survey& survey) {
    auto& plan = survey.plan;
    const auto& volume = survey.volume;
    plan.exceptions.push_back(
        {ReasonCode::declared_gone, "declared as already gone; not examined"});
    plan.eligibility =
        ObjectWriter().add("eligible", false).add("objections", Json::array()).take();
    std::vector<std::string> paths = {volume.path};
    if (volume.header) {
        paths.push_back(*volume.header);
    }
    for (const auto& path : paths) {
        if (!host_.exists(path)) {
            continue;
        }
        const auto target = host_.open(path, device::Access::read_only);
        const auto left = luks::find_remnants(target->storage(), {}, luks::kMetadataBytesMax);
        if (any_of_uuid(left, volume.uuid) || any_of_uuid(left, "")) {
            survey.objector.object(
                ReasonCode::gone_but_there,
                fmt::format(
                    "{}: declared as gone, but remnants are there: {}; efface erase {} erases them",
                    path, words_of(left), path));
        } else if (!left.unreadable.empty()) {
            survey.objector.object(
                ReasonCode::remnants_unknown,
                fmt::format("{}: declared as gone, but the place at {} cannot be read, so this "
                            "cannot be checked; efface erase {} erases what is there",
                            path, left.unreadable.front(), path));
        } else {
            plan.exceptions.push_back(
                {ReasonCode::declared_gone,
                 path + ": no remnant of a header was found; key areas without a header look like "
                        "random bytes and cannot be found"});
        }
    }
}

/// The header was copied away, and the first one left on the data device where it was.
void Guard::survey_first_header_left(Survey& survey) {
    const auto& volume = survey.volume;
    if (!host_.exists(volume.path)) {
        return;  // survey_payload() objects
    }
    const auto& front = survey.headers.front();
    const std::uint64_t payload = front.data_offset.value_or(0);
    bool ours = false;
    {
        const auto target = host_.open(volume.path, device::Access::read_only);
        const auto left = luks::find_remnants(target->storage(), {{0, payload}},
                                              std::max(payload, luks::kMetadataBytesMax));
        const bool shared = share_a_key(front, luks::inspect(target->storage()));
        ours = shared || any_of_uuid(left, volume.uuid) || any_of_uuid(left, "");
        const auto inner =
            std::find_if(left.remnants.begin(), left.remnants.end(),
                         [&](const luks::Remnant& remnant) { return remnant.offset >= payload; });
        if (!ours && inner != left.remnants.end()) {
            survey.objector.object(
                ReasonCode::nested_header,
                fmt::format("{}: its payload contains a LUKS header of another volume ({}, UUID "
                            "{}); efface erase {} erases both",
                            volume.path, inner->words, inner->uuid, volume.path));
        } else if (!ours && !left.unreadable.empty()) {
            survey.plan.exceptions.push_back(
                {ReasonCode::remnants_unknown,
                 fmt::format("{}: whether a first header was left there is unknown: the place at "
                             "{} cannot be read",
                             volume.path, left.unreadable.front())});
        }
    }
    if (ours) {
        survey_location(survey, Role::in_place_header, volume.path);
    }
}

}  // namespace efface::job

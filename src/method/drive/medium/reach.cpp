// SPDX-License-Identifier: Apache-2.0
#include "reach.hpp"

#include <algorithm>

namespace efface::method {

Reaches::Reaches(DriveAccess& access, const std::vector<NotShown>& behind) {
    for (const auto& surface : access.surfaces()) {
        all_.push_back({.name = surface.name, .storage = surface.storage, .surface = surface.name});
    }
    for (const auto& part : behind) {
        behind_.push_back(std::make_unique<CommandBlocks>(access.commands(), part));
        all_.push_back({.name = name_of(part),
                        .storage = behind_.back().get(),
                        .surface = part.surface,
                        .begin = part.from});
    }
}

const Reach* Reaches::find(const std::string& name) const {
    const auto found = std::find_if(all_.begin(), all_.end(),
                                    [&](const Reach& reach) { return reach.name == name; });
    return found == all_.end() ? nullptr : &*found;
}

PlaceReader reader_of(CommandSet& commands, const Reach& reach) {
    return [&commands, reach](std::uint64_t offset, MutableByteView into) {
        auto* storage = reach.storage;
        const bool fits = storage != nullptr && offset + into.size() <= storage->size_bytes();
        const bool by_kernel = fits && reach.name == reach.surface;
        if (by_kernel && storage->read_at(offset, into).complete(into.size())) {
            return ReadStatus{.readable = true, .expected = true, .status = "read"};
        }
        return commands.read_status(reach.surface, reach.begin + offset, into);
    };
}

namespace {

/// Marks whose range has no storage now, or is not to be read through it.
Reach by_command_alone(const SurfaceMarks& marks, const std::vector<NotShown>& behind) {
    for (const auto& part : behind) {
        if (name_of(part) == marks.name) {
            return {.name = marks.name, .surface = part.surface, .begin = part.from};
        }
    }
    return {.name = marks.name, .surface = marks.name};
}

}  // namespace

std::vector<MarksSeen> look_at_marks(DriveAccess& access, const EraseState& state, bool by_command,
                                     const Promise& promise) {
    std::optional<Reaches> reaches;
    if (!by_command) {
        reaches.emplace(access, state.behind);
    }
    std::vector<MarksSeen> seen;
    for (const auto& marks : state.marks) {
        const auto* found = reaches ? reaches->find(marks.name) : nullptr;
        const auto reach = found != nullptr ? *found : by_command_alone(marks, state.behind);
        seen.push_back(look_for(marks, state.seed, promise, reader_of(access.commands(), reach)));
    }
    return seen;
}

}  // namespace efface::method

// SPDX-License-Identifier: Apache-2.0
#include "machine_looks.hpp"

#include <fmt/format.h>

#include "efface/inventory/folder.hpp"

namespace efface::inventory {

namespace {

constexpr std::size_t kNamesShown = 3;

/// "3: a, b, c", or "5: a, b, c and more".
std::string counted(const std::vector<std::string>& names) {
    std::vector<std::string> shown;
    for (const auto& name : names) {
        if (shown.size() < kNamesShown) {
            shown.push_back(safe_text(name));
        }
    }
    return fmt::format("{}: {}{}", names.size(), fmt::join(shown, ", "),
                       names.size() > shown.size() ? " and more" : "");
}

}  // namespace

Seen of_list(const std::vector<std::string>& found, const std::string& none) {
    return found.empty() ? Seen{Presence::absent, none} : Seen{Presence::present, counted(found)};
}

Seen of_list(const std::vector<std::string>& found, const std::vector<std::string>& silent,
             const std::string& none) {
    return found.empty() && !silent.empty()
               ? Seen{Presence::unknown, "not reported by " + counted(silent)}
               : of_list(found, none);
}

Seen of_folder(const std::filesystem::path& path, const Seen& missing, const std::string& none) {
    const Listing listing = Folder::open(path).list(".");
    if (listing.reading == Reading::unreadable) {
        return {Presence::unknown, safe_text(path.string()) + " cannot be read"};
    }
    return listing.reading == Reading::missing ? missing : of_list(listing.names, none);
}

}  // namespace efface::inventory

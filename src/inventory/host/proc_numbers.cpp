// SPDX-License-Identifier: Apache-2.0
#include "proc_numbers.hpp"

#include <sstream>

#include "efface/inventory/folder.hpp"

namespace efface::inventory {

std::map<std::string, std::uint64_t> meminfo(const std::string& text) {
    std::map<std::string, std::uint64_t> found;
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        std::string before;
        for (std::string word; words >> word; before = word) {
            if (before.ends_with(':')) {
                found[before.substr(0, before.size() - 1)] = number_or(word, 0) * kKibibyte;
                break;
            }
        }
    }
    return found;
}

std::optional<std::uint64_t> vmstat_counter(const std::string& vmstat, std::string_view wanted) {
    std::istringstream lines(vmstat);
    std::string name;
    std::uint64_t value = 0;
    while (lines >> name >> value) {
        if (name == wanted) {
            return value;
        }
    }
    return std::nullopt;
}

}  // namespace efface::inventory

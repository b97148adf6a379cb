// SPDX-License-Identifier: Apache-2.0
// Options of drive models, as words NAME=VALUE.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace efface::rig {

/// Sets what `option` names.
using OptionSetter = std::function<void(const std::string& value)>;
struct ModelOption {
    const char* name;
    OptionSetter set;
};
/// Throws Error(usage) for an option that is in neither list, and for what is not a number.
void apply_options(const std::vector<std::string>& options, std::vector<ModelOption> known,
                   const std::vector<ModelOption>& more = {});

/// A setter for a number or a boolean.
template <typename T>
[[nodiscard]] OptionSetter number(T& place) {
    return [&place](const std::string& value) {
        place = static_cast<T>(std::stoull(value, nullptr, 0));
    };
}
[[nodiscard]] inline OptionSetter text(std::string& place) {
    return [&place](const std::string& value) { place = value; };
}
[[nodiscard]] inline OptionSetter share(double& place) {
    return [&place](const std::string& value) { place = std::stod(value); };
}
[[nodiscard]] inline OptionSetter milliseconds(std::chrono::milliseconds& place) {
    return [&place](const std::string& value) {
        place = std::chrono::milliseconds(std::stoull(value));
    };
}

}  // namespace efface::rig

// SPDX-License-Identifier: Apache-2.0
#include "model_options.hpp"

#include <algorithm>
#include <stdexcept>

#include "efface/base/error.hpp"

namespace efface::rig {

void apply_options(const std::vector<std::string>& options, std::vector<ModelOption> known,
                   const std::vector<ModelOption>& more) {
    known.insert(known.end(), more.begin(), more.end());
    for (const auto& option : options) {
        const auto equals = option.find('=');
        const std::string name = option.substr(0, equals);
        const auto found = std::find_if(known.begin(), known.end(),
                                        [&](const ModelOption& one) { return one.name == name; });
        if (equals == std::string::npos || found == known.end()) {
            throw Error(ErrorCode::usage, option + ": no such option of this model");
        }
        try {
            found->set(option.substr(equals + 1));
        } catch (const std::logic_error&) {
            throw Error(ErrorCode::usage, option + ": not a number");
        }
    }
}

}  // namespace efface::rig

// SPDX-License-Identifier: Apache-2.0
// Fields that block success, as the table of techniques lists them. Private to the judge module.
#pragma once

#include <string>

#include "efface/rules/techniques.hpp"

#include "claims.hpp"

namespace efface::judge {

/// What is claimed of the object that holds the fields.
struct Bearing {
    Schema schema = Schema::v1_0;
    bool success = false;
    bool pass = false;             ///< verification says that it passed
    bool with_exceptions = false;  ///< success that names exceptions
    std::string level;
    RecordView exceptions;
};

/// Throws at the first field that does not have an allowed value.
void check_conditions(const std::vector<rules::Condition>& conditions, const RecordView& root,
                      const Bearing& bearing);

}  // namespace efface::judge

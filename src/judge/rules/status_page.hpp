// SPDX-License-Identifier: Apache-2.0
// The raw pages and command bytes of a drive's erase. Private to the judge module.
#pragma once

#include "efface/rules/techniques.hpp"

#include "claims.hpp"

namespace efface::judge {

/// The page of this rule is there before and after, and the last one says that it is done.
void check_status_page(const RecordView& sanitization, const rules::StatusRule& rule);
/// The last NVMe log page 81h says that blocks were deallocated although that was not asked for.
[[nodiscard]] bool reports_deallocation(const RecordView& status_after);
/// Each of these commands was sent.
void check_commands(const RecordView& operation, const std::vector<rules::CommandRule>& rules);

/// Whether it is the command of this rule, and was not refused.
[[nodiscard]] bool is_command(const RecordView& command, const rules::CommandRule& rule);
/// Serial number, model and firmware of the drive are those in the pages by which it names itself.
void check_identify_pages(const RecordView& predicate);

}  // namespace efface::judge

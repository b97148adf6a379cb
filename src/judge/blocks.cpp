// SPDX-License-Identifier: Apache-2.0
#include "blocks.hpp"

#include <algorithm>

#include "volume_claim.hpp"

namespace efface::judge {

namespace {

using rules::Block;

bool applies(const Block& block, const Bearing& bearing) {
    if (block.with_codes && bearing.schema == Schema::v1_0) {
        return false;
    }
    const bool level = bearing.success && bearing.level != "none";
    switch (block.when) {
        case Block::For::pass:
            return bearing.pass;
        case Block::For::success:
            return bearing.success;
        case Block::For::level:
            return level;
        case Block::For::purge:
            return level && bearing.level == "purge";
    }
    return true;
}

void check_value(const Block& block, const RecordView& value, const Bearing& bearing) {
    const auto& allowed = block.allowed;
    if (std::find(allowed.begin(), allowed.end(), value.json()) != allowed.end()) {
        return;
    }
    const auto named = [&](const std::string& code) {
        return bearing.schema == Schema::v1_0 || names_reason(bearing.exceptions, code);
    };
    const bool borne =
        bearing.with_exceptions && std::any_of(block.except.begin(), block.except.end(), named);
    if (!borne) {
        value.fail("is not what success needs" +
                   (block.except.empty() ? std::string()
                                         : ", and no exception is " + block.except.front()));
    }
    if (block.no_level && bearing.level != "none") {
        value.fail("has no level");
    }
}

/// The value at the path, or each of them where the path has a star.
void visit(const Block& block, const RecordView& value, std::string_view path,
           const Bearing& bearing) {
    if (path.empty()) {
        check_value(block, value, bearing);
        return;
    }
    const std::size_t dot = std::min(path.find('.'), path.size());
    const std::string step(path.substr(0, dot));
    const std::string_view rest = path.substr(std::min(dot + 1, path.size()));
    if (value.json().is_array()) {
        const auto items = value.items();
        for (std::size_t i = 0; i < items.size(); ++i) {
            if (step == "*" || step == std::to_string(i)) {
                visit(block, items[i], rest, bearing);
            }
        }
        return;
    }
    if (const auto next = value.maybe(step.c_str())) {
        visit(block, *next, rest, bearing);
    } else if (!block.optional) {
        value.fail("\"" + step + "\" is missing");
    }
}

}  // namespace

void check_blocks(const std::vector<Block>& blocks, const RecordView& root,
                  const Bearing& bearing) {
    for (const Block& block : blocks) {
        if (applies(block, bearing)) {
            visit(block, root, block.path, bearing);
        }
    }
}

}  // namespace efface::judge

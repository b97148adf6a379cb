// SPDX-License-Identifier: Apache-2.0
// Block devices whose sectors are pages of memory: brd and pmem. Both write in place; a pmem device
// behind a BTT does not, and is refused.
#include <fmt/format.h>

#include <sstream>

#include "efface/base/file.hpp"
#include "efface/device/linux_target.hpp"

#include "memory/attributes.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kBadAreasMax = 1024;

/// Lines "first-sector count" of the kernel's list of poisoned sectors.
std::vector<std::string> bad_areas(const std::filesystem::path& folder) {
    std::vector<std::string> areas;
    const auto text = [&]() -> std::string {
        try {
            return read_text_file(folder / "badblocks", 4096).value_or("");
        } catch (const Error& error) {
            return printable(error.what());
        }
    }();
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line) && areas.size() < kBadAreasMax;) {
        if (!line.empty()) {
            areas.push_back(printable(line));
        }
    }
    return areas;
}

class BlockKind final : public MemoryKind {
  public:
    explicit BlockKind(const MemoryKindContext& context)
        : context_(context), folder_(context.view.sysfs / "block" / context.name.place) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "overwrite the whole device in place, compare";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override { return block_identity(folder_); }
    bool as_left(MemoryRun& look) override {
        const auto target = device::LinuxTarget::open(context_.view.dev / context_.name.place,
                                                      device::Access::read_only);
        return holds_pattern(*target, look);
    }

  private:
    [[nodiscard]] bool persistent() const { return context_.name.kind == "pmem"; }
    void object_to_translation(MemorySurvey& survey) const;

    MemoryKindContext context_;
    std::filesystem::path folder_;
};

/// A BTT writes each sector to a free place and leaves the old one as it was.
void BlockKind::object_to_translation(MemorySurvey& survey) const {
    const auto holder = read_attribute(folder_ / "device" / "holder_class");
    const bool sectors = context_.name.place.ends_with('s') || holder == "btt";
    survey.facts["sectorMode"] = sectors;
    if (sectors) {
        survey.objections.push_back(
            {ReasonCode::sector_mode,
             "it is in sector mode (BTT): an overwrite goes to another block and misses the old "
             "one; put the namespace into fsdax or raw mode with ndctl, or sanitize the DIMM"});
    }
}

MemorySurvey BlockKind::survey() {
    const std::string& name = context_.name.place;
    std::error_code error;
    if (!std::filesystem::exists(folder_, error)) {
        throw Error(ErrorCode::usage,
                    fmt::format("{}: there is no such {} device", name, context_.name.kind));
    }
    MemorySurvey survey;
    survey.identity = block_identity(folder_);
    const auto identity = inventory::identify(context_.view.dev / name, context_.view);
    survey.objections = block_objections(identity, context_.view);
    survey.confirm_token = identity.serial;
    survey.size_bytes = identity.size_bytes;
    survey.facts = ObjectWriter()
                       .add("contentFreed", false)
                       .add("swappable", false)
                       .add("persistent", persistent())
                       .take();
    survey.steps = {fmt::format("overwrite all {} with a keyed AES-256-CTR stream, direct I/O, and "
                                "flush",
                                size_text(identity.size_bytes)),
                    "read everything back and compare"};
    if (persistent()) {
        object_to_translation(survey);
        survey.facts["badAreas"] = bad_areas(folder_);
        survey.not_reached.emplace_back(
            "spare and retired areas of the DIMMs, and the namespace labels");
    } else {
        survey.steps.emplace_back(
            "leave the device: its pages stay allocated and hold the pattern");
        survey.not_reached.emplace_back("pages of the device that a discard freed before");
    }
    return survey;
}

void BlockKind::erase(MemoryRun& run) {
    const auto target = device::LinuxTarget::open(context_.view.dev / context_.name.place,
                                                  device::Access::exclusive);
    run.step("open exclusively", "done", target->direct_io() ? "direct I/O" : "no direct I/O");
    overwrite_and_check(*target, run);
    if (persistent()) {
        const auto bad = bad_areas(folder_);
        run.observe("list of poisoned sectors after the overwrite", Json(bad));
        for (const auto& area : bad) {
            run.except({ReasonCode::bad_blocks, "poisoned sectors (first, count): " + area});
        }
    }
}

}  // namespace

std::unique_ptr<MemoryKind> make_block_kind(const MemoryKindContext& context) {
    return std::make_unique<BlockKind>(context);
}

}  // namespace efface::method

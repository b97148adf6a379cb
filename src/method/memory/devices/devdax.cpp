// SPDX-License-Identifier: Apache-2.0
// Persistent memory as a character device (devdax): reached only by a mapping, durable only after
// the cache lines were written back.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "efface/base/file.hpp"
#include "efface/device/memory/memory_target.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "memory/attributes.hpp"

namespace efface::method {

namespace {

class DevdaxKind final : public MemoryKind {
  public:
    explicit DevdaxKind(const MemoryKindContext& context)
        : context_(context),
          folder_(context.view.sysfs / "bus" / "dax" / "devices" / context.name.place),
          node_(context.view.dev / context.name.place) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "overwrite the whole device through a mapping, flush the CPU caches, compare";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override { return identity(); }
    bool as_left(MemoryRun& look) override { return holds_pattern(*map(), look); }

  private:
    [[nodiscard]] Json identity() const;
    [[nodiscard]] std::unique_ptr<device::MappedTarget> map() const;
    void object(MemorySurvey& survey) const;

    MemoryKindContext context_;
    std::filesystem::path folder_;
    std::filesystem::path node_;
};

Json DevdaxKind::identity() const {
    Json identity = Json::object();
    if (const auto number = read_attribute(folder_ / "dev")) {
        identity["device"] = *number;
    }
    if (const auto size = read_number(folder_ / "size")) {
        identity["sizeBytes"] = *size;
    }
    if (const auto align = read_number(folder_ / "align")) {
        identity["alignBytes"] = *align;
    }
    return identity;
}

void DevdaxKind::object(MemorySurvey& survey) const {
    struct stat status {};
    if (::stat(node_.c_str(), &status) != 0) {
        throw_errno(ErrorCode::usage, node_.string() + ": reading its status failed", errno);
    }
    // A recording has a plain file in the place of the device.
    if (context_.view.live && !S_ISCHR(status.st_mode)) {
        throw Error(ErrorCode::usage, node_.string() + ": is not a character device");
    }
    const std::string number = fmt::format("{}:{}", major(status.st_rdev), minor(status.st_rdev));
    if (context_.view.live && read_attribute(folder_ / "dev") != number) {
        survey.objections.push_back(
            {ReasonCode::other_identity, node_.string() + " is not the device that sysfs names"});
    }
    std::error_code error;
    const auto driver = std::filesystem::read_symlink(folder_ / "driver", error);
    if (!error && driver.filename() == "kmem") {
        survey.objections.push_back(
            {ReasonCode::kmem,
             "the kernel uses it as system memory (kmem); take it offline with daxctl first"});
    }
    if (!device::can_flush_cache_lines()) {
        survey.objections.push_back(
            {ReasonCode::not_supported, "efface cannot flush the cache lines of this processor"});
    }
    std::optional<std::uint64_t> device_number;
    if (S_ISCHR(status.st_mode)) {
        device_number = static_cast<std::uint64_t>(status.st_rdev);
    }
    inventory::FileKey key;
    key.device = status.st_dev;
    key.inode = status.st_ino;
    key.device_number = device_number;
    const auto users = inventory::processes_using(key, context_.view);
    object_to_users(survey, users);
    for (const auto& process : users.not_examined) {
        survey.objections.push_back(
            {ReasonCode::unreadable_state, process + " may have it open and cannot be examined"});
    }
}

MemorySurvey DevdaxKind::survey() {
    const auto size = read_number(folder_ / "size");
    if (!size || *size == 0) {
        throw Error(ErrorCode::usage,
                    context_.name.place + ": no such devdax device exists, or its size is 0");
    }
    MemorySurvey survey;
    survey.identity = identity();
    survey.size_bytes = *size;
    object(survey);
    survey.facts = ObjectWriter()
                       .add("contentFreed", false)
                       .add("swappable", false)
                       .add("persistent", true)
                       .take();
    survey.steps = {
        fmt::format("overwrite all {} through a mapping with a keyed AES-256-CTR stream",
                    size_text(*size)),
        "write back and evict the cache lines", "read everything back and compare"};
    survey.not_reached = {"spare and retired areas of the DIMMs, and the namespace labels"};
    return survey;
}

std::unique_ptr<device::MappedTarget> DevdaxKind::map() const {
    const auto size = read_number(folder_ / "size").value_or(0);
    UniqueFd fd = open_file(node_, O_RDWR | O_NOFOLLOW, 0, ErrorCode::not_sanitized);
    return device::MappedTarget::map(std::move(fd), size, device::StoreFlush::cache_lines,
                                     node_.string());
}

void DevdaxKind::erase(MemoryRun& run) {
    const auto target = map();
    run.step("map the device", "done", size_text(target->size_bytes()));
    overwrite_and_check(*target, run);
}

}  // namespace

std::unique_ptr<MemoryKind> make_devdax_kind(const MemoryKindContext& context) {
    return std::make_unique<DevdaxKind>(context);
}

}  // namespace efface::method

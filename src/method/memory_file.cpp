// SPDX-License-Identifier: Apache-2.0
// One file on tmpfs, ramfs or hugetlbfs: overwritten and compared in place. Its name and size stay.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>

#include "efface/guard/users.hpp"
#include "efface/inventory/memory_facts.hpp"

#include "memory_attributes.hpp"
#include "memory_content.hpp"
#include "memory_run.hpp"
#include "memory_swapped.hpp"

namespace efface::method {

namespace {

// statfs(2)
constexpr std::uint64_t kTmpfsMagic = 0x01021994;
constexpr std::uint64_t kRamfsMagic = 0x858458f6;
constexpr std::uint64_t kHugetlbfsMagic = 0x958458f6;

MemoryFilesystem filesystem_of(int fd, const std::string& path) {
    struct statfs status {};
    if (::fstatfs(fd, &status) != 0) {
        throw_errno(ErrorCode::internal, path + ": asking for its file system", errno);
    }
    switch (static_cast<std::uint64_t>(status.f_type) & 0xffffffffU) {
        case kTmpfsMagic:
            return MemoryFilesystem::tmpfs;
        case kRamfsMagic:
            return MemoryFilesystem::ramfs;
        case kHugetlbfsMagic:
            return MemoryFilesystem::hugetlbfs;
        default:
            throw Error(ErrorCode::usage, path + ": does not lie on a file system in memory",
                        "a file on a disk is erased without \"memory:\" before its path");
    }
}

const char* to_text(MemoryFilesystem filesystem) {
    switch (filesystem) {
        case MemoryFilesystem::tmpfs:
            return "tmpfs";
        case MemoryFilesystem::ramfs:
            return "ramfs";
        case MemoryFilesystem::hugetlbfs:
            return "hugetlbfs";
    }
    return "unknown";
}

class FileKind final : public MemoryKind {
  public:
    explicit FileKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "overwrite one file in place, compare";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override;

  private:
    struct Opened {
        UniqueFd fd;
        struct stat status {};
        MemoryFilesystem filesystem = MemoryFilesystem::tmpfs;
    };
    [[nodiscard]] Opened open(int flags) const;
    [[nodiscard]] static Json identity_of(const Opened& file);
    void object(MemorySurvey& survey, const Opened& file);

    MemoryKindContext context_;
    bool swap_matters_ = true;
    bool asked_ = false;  ///< the kernel said whether somebody has it open
};

FileKind::Opened FileKind::open(int flags) const {
    const std::string& path = context_.name.place;
    Opened file;
    file.fd = open_file(path, flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0, ErrorCode::usage);
    if (::fstat(file.fd.get(), &file.status) != 0) {
        throw_errno(ErrorCode::internal, path + ": reading its status", errno);
    }
    if (!S_ISREG(file.status.st_mode)) {
        throw Error(ErrorCode::usage, path + ": is no regular file");
    }
    file.filesystem = filesystem_of(file.fd.get(), path);
    return file;
}

Json FileKind::identity_of(const Opened& file) {
    const auto& status = file.status;
    return ObjectWriter()
        .add("filesystem", to_text(file.filesystem))
        .add("device", fmt::format("{}:{}", major(status.st_dev), minor(status.st_dev)))
        .add("inode", static_cast<std::uint64_t>(status.st_ino))
        .add("sizeBytes", static_cast<std::uint64_t>(status.st_size))
        .take();
}

Json FileKind::identity_after() {
    return identity_of(open(O_RDONLY));
}

void FileKind::object(MemorySurvey& survey, const Opened& file) {
    auto& objections = survey.objections;
    const auto elsewhere = device::open_elsewhere(file.fd.get());
    if (elsewhere.value_or(false)) {
        objections.push_back({ReasonCode::busy, "it is open somewhere"});
    }
    asked_ = elsewhere.has_value();
    if (auto obstacle = write_obstacle(file.fd.get())) {
        objections.push_back(std::move(*obstacle));
    }
    auto identity = inventory::identify(context_.name.place, context_.view);
    for (const auto& use : guard::uses_of(identity, context_.view)) {
        objections.push_back(objection_of(use));
    }
}

MemorySurvey FileKind::survey() {
    MemorySurvey survey;
    {
        const Opened file = open(O_RDONLY);
        survey.identity = identity_of(file);
        object(survey, file);
        const auto mount = inventory::mount_of(
            inventory::identify(context_.name.place, context_.view).canonical_path, context_.view);
        const std::string options = mount ? mount->options : "";
        if (options == "ro" || options.starts_with("ro,")) {
            survey.objections.push_back(
                {ReasonCode::read_only, "its file system is mounted read-only"});
        }
        swap_matters_ = file.filesystem == MemoryFilesystem::tmpfs &&
                        options.find("noswap") == std::string::npos;
        survey.size_bytes = static_cast<std::uint64_t>(file.status.st_blocks) * 512;
        survey.facts = ObjectWriter()
                           .add("filesystem", to_text(file.filesystem))
                           .add("mountOptions", printable(options))
                           .add("links", static_cast<std::uint64_t>(file.status.st_nlink))
                           .add("swappable", swap_matters_)
                           .add("contentFreed", false)
                           .add("persistent", false)
                           .take();
    }  // closed again: the search for users must not find ourselves
    const auto inode = survey.identity.at("inode").get<std::uint64_t>();
    struct stat status {};
    if (::lstat(context_.name.place.c_str(), &status) != 0) {
        throw_errno(ErrorCode::safety, context_.name.place + ": reading its status", errno);
    }
    const inventory::FileKey key{static_cast<std::uint64_t>(status.st_dev), inode, {}};
    const auto users = inventory::processes_using(key, context_.view);
    for (const auto& user : users.users) {
        survey.objections.push_back({ReasonCode::busy, user});
    }
    if (!users.not_examined.empty()) {
        survey.facts["processesNotExamined"] = users.not_examined;
        if (!asked_) {
            survey.objections.push_back({ReasonCode::unreadable_state,
                                         fmt::format("{} may have it open and can not be examined",
                                                     fmt::join(users.not_examined, ", "))});
        }
    }
    survey.steps = {
        "overwrite the content of the file in place with a keyed AES-256-CTR stream, and compare",
        "leave the file: its name, size and attributes stay"};
    survey.not_reached = {
        "the name, extended attributes, and content that the file had before it was last shortened "
        "or written anew"};
    return survey;
}

void FileKind::erase(MemoryRun& run) {
    const SwapWatch swap(context_.view, swap_matters_);
    Opened file = open(O_RDWR);
    if (device::open_elsewhere(file.fd.get()).value_or(false)) {
        run.fail({ReasonCode::busy, "somebody opened it meanwhile"});
        return;
    }
    run.verification.method = "full-read-back";
    run.begin_pass(0);
    bool good = false;
    {
        ContentEraser content(run, file.filesystem);
        good = content.erase(std::move(file.fd), context_.name.place,
                             static_cast<std::uint64_t>(file.status.st_size),
                             static_cast<std::uint64_t>(file.status.st_blocks) * 512);
    }
    run.end_pass();
    run.step("overwrite and compare", run.stopped() ? "stopped" : "done");
    if (run.stopped()) {
        return;
    }
    if (!good) {
        run.fail({ReasonCode::not_completed, "the content was not wholly overwritten"});
        return;
    }
    run.verification.performed = true;  // a file without content has nothing to compare
    swap.report(run);
    run.complete();
}

}  // namespace

std::unique_ptr<MemoryKind> make_file_kind(const MemoryKindContext& context) {
    return std::make_unique<FileKind>(context);
}

}  // namespace efface::method

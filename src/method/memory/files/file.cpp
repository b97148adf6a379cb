// SPDX-License-Identifier: Apache-2.0
// One file on tmpfs, ramfs or hugetlbfs: overwritten and compared in place. Its name and size stay.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cerrno>

#include "efface/guard/users.hpp"

#include "memory/attributes.hpp"
#include "memory/devices/swapped.hpp"
#include "mount.hpp"

namespace efface::method {

namespace {

class FileKind final : public MemoryKind {
  public:
    explicit FileKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "overwrite one file in place, compare";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override;

    bool as_left(MemoryRun& look) override;

  private:
    struct Opened {
        UniqueFd fd;
        struct stat status {};
        inventory::OpenedFacts facts;
        MemoryFilesystem filesystem = MemoryFilesystem::tmpfs;

        [[nodiscard]] std::uint64_t size_bytes() const {
            return static_cast<std::uint64_t>(status.st_size);
        }
        [[nodiscard]] std::uint64_t allocated_bytes() const {
            return static_cast<std::uint64_t>(status.st_blocks) * 512;
        }
    };
    [[nodiscard]] Opened open(int flags) const;
    [[nodiscard]] Json identity_of(const Opened& file) const;
    [[nodiscard]] std::uint64_t size_to_leave(const Opened& file) const;
    void object(MemorySurvey& survey, const Opened& file);
    void object_to_users(MemorySurvey& survey, const struct stat& status) const;
    void object_to_eraser_of(MemorySurvey& survey, const std::string& mount,
                             const struct stat& status) const;

    MemoryKindContext context_;
    bool swap_matters_ = true;
    bool asked_ = false;  ///< the kernel said whether somebody has it open
    Json looked_at_;      ///< the identity that survey() gave
};

FileKind::Opened FileKind::open(int flags) const {
    const std::string path = printable(context_.name.place);
    Opened file;
    file.fd = UniqueFd(::open(context_.name.place.c_str(),
                              flags | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
    if (!file.fd) {
        throw_errno(ErrorCode::usage, path + ": opening failed", errno);
    }
    if (::fstat(file.fd.get(), &file.status) != 0) {
        throw_errno(ErrorCode::internal, path + ": reading its status failed", errno);
    }
    if (!S_ISREG(file.status.st_mode)) {
        throw Error(ErrorCode::usage, path + ": is not a regular file");
    }
    file.facts = inventory::opened_facts(file.fd.get());
    const auto filesystem = filesystem_of(file.facts);
    if (!filesystem) {
        throw Error(ErrorCode::usage, path + ": is not on a file system in memory",
                    "for a file on a disk, leave out \"memory:\" before its path");
    }
    file.filesystem = *filesystem;
    return file;
}

/// A file that this job made whole pages long for a while is still what it began with.
std::uint64_t FileKind::size_to_leave(const Opened& file) const {
    const Json began = began_value("sizeBytes");
    if (file.filesystem != MemoryFilesystem::hugetlbfs && began.is_number_unsigned()) {
        const auto size = began.get<std::uint64_t>();
        if (whole_pages(size) == file.size_bytes()) {
            return size;
        }
    }
    return file.size_bytes();
}

Json FileKind::identity_of(const Opened& file) const {
    ObjectWriter identity;
    add_origin(identity, file.facts);
    return identity.add("filesystem", to_text(file.filesystem))
        .add("device", device_text(file.facts.device))
        .add("inode", file.facts.inode)
        .add("sizeBytes", size_to_leave(file))
        .take();
}

Json FileKind::identity_after() {
    return identity_of(open(O_RDONLY));
}

void FileKind::object(MemorySurvey& survey, const Opened& file) {
    auto& objections = survey.objections;
    const auto elsewhere = device::open_elsewhere(file.fd.get());
    if (elsewhere.value_or(false)) {
        survey.traces.push_back({ReasonCode::opened, "it is open in a process"});
    }
    asked_ = elsewhere.has_value();
    if (auto obstacle = write_obstacle(file.fd.get())) {
        objections.push_back(std::move(*obstacle));
    }
    const auto mount = inventory::mount_with_id(file.facts.mount_id, context_.view);
    if (!mount) {
        objections.push_back(
            {ReasonCode::unreadable_state, "the mount that it is on is not in the list"});
    } else if (mount->has_option("ro")) {
        objections.push_back({ReasonCode::read_only, "its file system is mounted read-only"});
    }
    if (file.filesystem == MemoryFilesystem::ramfs && file.size_bytes() > kResidentSearchBytesMax) {
        objections.push_back({ReasonCode::sparse_file, "it is too large to check page by page"});
    }
    swap_matters_ =
        file.filesystem == MemoryFilesystem::tmpfs && !(mount && mount->has_option("noswap"));
    survey.facts["mountOptions"] = printable(mount ? mount->options : "");
    survey.facts["swappable"] = swap_matters_;
    auto identity = inventory::identify(context_.name.place, context_.view);
    if (identity.inode != file.facts.inode ||
        makedev(identity.major, identity.minor) != file.facts.device) {
        objections.push_back({ReasonCode::other_identity, "it was replaced in the meantime"});
    }
    for (const auto& use : guard::uses_of(identity, context_.view)) {
        objections.push_back(objection_of(use));
    }
    object_to_eraser_of(survey, mount ? mount->target : "/", file.status);
}

/// Another efface that erases all files of the mount comes to this one, too: it has the root open.
void FileKind::object_to_eraser_of(MemorySurvey& survey, const std::string& mount,
                                   const struct stat& status) const {
    struct stat root {};
    if (::stat(mount.c_str(), &root) != 0 || root.st_dev != status.st_dev) {
        return;
    }
    inventory::FileKey key;
    key.device = root.st_dev;
    key.inode = root.st_ino;
    object_to_other_effaces(survey, inventory::processes_using(key, context_.view));
}

void FileKind::object_to_users(MemorySurvey& survey, const struct stat& status) const {
    inventory::FileKey key;
    key.device = status.st_dev;
    key.inode = status.st_ino;
    const auto users = inventory::processes_using(key, context_.view);
    efface::method::object_to_users(survey, users);
    if (!users.not_examined.empty()) {
        survey.facts["processesNotExamined"] = users.not_examined;
        if (!asked_) {
            survey.objections.push_back({ReasonCode::unreadable_state,
                                         fmt::format("{} may have it open and cannot be examined",
                                                     fmt::join(users.not_examined, ", "))});
        }
    }
}

MemorySurvey FileKind::survey() {
    Opened file = open(O_RDONLY);
    MemorySurvey survey;
    survey.identity = identity_of(file);
    looked_at_ = survey.identity;
    survey.size_bytes = file.allocated_bytes();
    survey.facts = ObjectWriter()
                       .add("filesystem", to_text(file.filesystem))
                       .add("links", static_cast<std::uint64_t>(file.status.st_nlink))
                       .add("contentFreed", false)
                       .add("persistent", false)
                       .take();
    object(survey, file);
    file.fd.reset();  // the search for users must not find ourselves
    object_to_users(survey, file.status);
    survey.steps = {
        "overwrite the content of the file in place with a keyed AES-256-CTR stream, and compare",
        "leave the file: its name, size and attributes stay"};
    survey.not_reached = {
        "the name, the extended attributes, and content of the file from before it was last "
        "truncated or rewritten"};
    return survey;
}

bool FileKind::as_left(MemoryRun& look) {
    Opened file = open(O_RDONLY);
    ContentEraser content(look, file.filesystem);
    const auto size = file.size_bytes();
    const auto allocated = file.allocated_bytes();
    return content.holds_pattern(std::move(file.fd), printable(context_.name.place), size,
                                 allocated);
}

void FileKind::erase(MemoryRun& run) {
    const SwapWatch swap(context_.view, swap_matters_);
    Opened file = open(O_RDWR);
    if (identity_of(file) != looked_at_) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    printable(context_.name.place) + ": another file is there now");
    }
    if (device::open_elsewhere(file.fd.get()).value_or(false)) {
        run.fail({ReasonCode::opened, "someone opened it in the meantime"});
        return;
    }
    run.verification.method = "full-read-back";
    run.begin_pass(0);
    bool good = false;
    {
        ContentEraser content(run, file.filesystem);
        const auto size = size_to_leave(file);
        const auto allocated = file.allocated_bytes();
        good = content.erase(std::move(file.fd), printable(context_.name.place), size, allocated);
    }
    run.end_pass();
    run.step("overwrite and compare", run.stopped() ? "stopped" : "done");
    if (run.stopped()) {
        return;
    }
    if (!good) {
        run.fail({ReasonCode::not_completed, "the content was not completely overwritten"});
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

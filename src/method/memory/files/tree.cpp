// SPDX-License-Identifier: Apache-2.0
// A mount of tmpfs, ramfs or hugetlbfs: every file in it is overwritten, compared and removed; the
// mount stays and is empty.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "memory/attributes.hpp"
#include "memory/census.hpp"
#include "memory/devices/swapped.hpp"
#include "mount.hpp"

namespace efface::method {

namespace {

/// Mounts that the running system needs, whoever uses them at this moment.
bool is_system_mount(const std::string& target) {
    constexpr std::array<std::string_view, 10> kExact = {
        "/",         "/dev",     "/dev/shm",  "/dev/hugepages", "/run",
        "/run/lock", "/var/run", "/var/lock", "/usr",           "/etc"};
    constexpr std::array<std::string_view, 4> kBelow = {"/proc/", "/sys/", "/run/user/",
                                                        "/run/credentials/"};
    return std::find(kExact.begin(), kExact.end(), target) != kExact.end() ||
           std::any_of(kBelow.begin(), kBelow.end(),
                       [&](std::string_view prefix) { return target.starts_with(prefix); });
}

/// Overwrites, compares and removes. A file that is not good stays, so that it can be looked at.
class TreeEraser final : public TreeVisitor {
  public:
    TreeEraser(MemoryRun& run, MemoryFilesystem filesystem)
        : run_(run), content_(run, filesystem) {}

    void entry(const TreeEntry& entry) override {
        if (entry.regular && !content_is_gone(entry)) {
            run_.fail({ReasonCode::not_completed,
                       fmt::format("{}: its content was not completely overwritten", entry.path)});
            return;
        }
        remove(entry, 0);
    }
    void folder(const TreeEntry& entry) override { remove(entry, AT_REMOVEDIR); }

    std::uint64_t files = 0;
    std::uint64_t removed = 0;

  private:
    bool content_is_gone(const TreeEntry& entry) {
        // A file with several names was overwritten under the first of them.
        if (entry.links > 1 && seen_.contains(entry.inode)) {
            return true;
        }
        UniqueFd fd(::openat(entry.folder, entry.name.c_str(),
                             O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        struct stat status {};
        if (!fd || ::fstat(fd.get(), &status) != 0 || !S_ISREG(status.st_mode) ||
            status.st_ino != entry.inode || status.st_dev != entry.device) {
            run_.fail({fd ? ReasonCode::other_identity : ReasonCode::write_failed,
                       fmt::format("{}: cannot be opened ({})", entry.path,
                                   fd ? "it was replaced" : errno_text(errno))});
            return false;
        }
        if (device::open_elsewhere(fd.get()).value_or(false)) {
            run_.fail({ReasonCode::opened, entry.path + ": someone opened it in the meantime"});
            return false;
        }
        const int again = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
        const UniqueFd keep(again);
        if (!overwrite(std::move(fd), entry, status)) {
            return false;
        }
        if (entry.links > 1 && seen_.size() < kLinkedInodesMax) {
            seen_.insert(entry.inode);
        }
        ++files;
        // Its pages are freed now, and not when a name of it that we do not know goes.
        if (!keep || ::ftruncate(keep.get(), 0) != 0) {
            run_.fail({ReasonCode::left_behind, fmt::format("{}: could not be truncated ({})",
                                                            entry.path, errno_text(errno))});
            return false;
        }
        return true;
    }

    /// One file's failure is its own: the walk goes on.
    bool overwrite(UniqueFd fd, const TreeEntry& entry, const struct stat& status) {
        try {
            return content_.erase(std::move(fd), entry.path,
                                  static_cast<std::uint64_t>(status.st_size),
                                  static_cast<std::uint64_t>(status.st_blocks) * 512);
        } catch (const Error& error) {
            run_.fail({error.reason(), fmt::format("{}: {}", entry.path, printable(error.what()))});
            return false;
        }
    }

    void remove(const TreeEntry& entry, int flags) {
        if (::unlinkat(entry.folder, entry.name.c_str(), flags) == 0) {
            ++removed;
        } else if (errno != ENOENT) {
            run_.fail({ReasonCode::left_behind, fmt::format("{}: could not be removed ({})",
                                                            entry.path, errno_text(errno))});
        }
    }

    MemoryRun& run_;
    ContentEraser content_;
    std::set<std::uint64_t> seen_;
};

constexpr const char* kChangedAt = "changedAt";

class TreeKind final : public MemoryKind {
  public:
    explicit TreeKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "overwrite every file in place, compare, remove everything";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override {
        const auto opened = open();
        Json identity = opened.identity;
        identity[kChangedAt] = opened.changed;
        return identity;
    }
    bool as_left(MemoryRun& look) override;

  private:
    [[nodiscard]] OpenedMount open() const {
        return open_mount(context_.name.place, context_.name.kind, context_.view);
    }
    /// `all_seen`: the census reached every folder.
    void object(MemorySurvey& survey, const OpenedMount& opened, const Census& census,
                bool all_seen) const;
    void object_to_users(MemorySurvey& survey, std::uint64_t device, const Census& census) const;
    void control_empty(MemoryRun& run, OpenedMount& opened) const;
    [[nodiscard]] MemoryFilesystem filesystem() const {
        return context_.name.kind == "tmpfs"   ? MemoryFilesystem::tmpfs
               : context_.name.kind == "ramfs" ? MemoryFilesystem::ramfs
                                               : MemoryFilesystem::hugetlbfs;
    }

    MemoryKindContext context_;
    bool swap_matters_ = true;
    Json looked_at_;  ///< the identity that survey() gave
};

void TreeKind::object(MemorySurvey& survey, const OpenedMount& opened, const Census& census,
                      bool all_seen) const {
    auto& objections = survey.objections;
    const auto& mount = opened.mount;
    if (is_system_mount(mount.target)) {
        objections.push_back({ReasonCode::root_or_boot,
                              printable(mount.target) + " is needed by the running system"});
    }
    if (mount.root != "/") {
        objections.push_back(
            {ReasonCode::partial_mount, "only a part of the file system is mounted here (" +
                                            printable(mount.root) +
                                            "): name the mount point of the whole file system"});
    }
    if (mount.has_option("ro")) {
        objections.push_back({ReasonCode::read_only, "it is mounted read-only"});
    }
    for (const auto& below : mount.below) {
        objections.push_back({ReasonCode::mounted, "something is mounted in it: " + below});
    }
    for (const auto& other : mount.elsewhere) {
        objections.push_back({ReasonCode::mounted, "the same file system is mounted at " + other});
    }
    for (const auto& path : census.open) {
        survey.traces.push_back({ReasonCode::opened, path + " is open in a process"});
    }
    // Mounts in it hide folders that were not counted, and so does what could not be walked.
    const bool all_counted =
        opened.counts_inodes && mount.below.empty() && mount.root == "/" && all_seen;
    if (const auto removed = all_counted ? census.removed_files(opened.inodes) : 0; removed > 0) {
        survey.traces.push_back(
            {ReasonCode::opened, fmt::format("{} removed files in it are still open", removed)});
    }
    for (const auto& path : census.immutable) {
        objections.push_back({ReasonCode::read_only,
                              path + " is immutable or append-only (remove this with chattr)"});
    }
    for (const auto& path : census.too_sparse) {
        objections.push_back(
            {ReasonCode::sparse_file, path + " is too large to check page by page"});
    }
}

void TreeKind::object_to_users(MemorySurvey& survey, std::uint64_t device,
                               const Census& census) const {
    auto& objections = survey.objections;
    inventory::FileKey key;
    key.device = device;
    const auto users = inventory::processes_using(key, context_.view);
    efface::method::object_to_users(survey, users);
    if (!users.not_examined.empty()) {
        survey.facts["processesNotExamined"] = users.not_examined;
        // The kernel said of each file that nobody has it open; else we would not know.
        if (!census.all_asked) {
            objections.push_back({ReasonCode::unreadable_state,
                                  fmt::format("{} may have files open and cannot be examined",
                                              fmt::join(users.not_examined, ", "))});
        }
    }
    for (auto& loop : loops_over(device, {}, context_.view)) {
        objections.push_back(std::move(loop));
    }
}

MemorySurvey TreeKind::survey() {
    OpenedMount opened = open();
    MemorySurvey survey;
    survey.identity = opened.identity;
    survey.filesystem = opened.device;
    looked_at_ = opened.identity;
    Census census(filesystem());
    census.root(opened.root.get());
    auto problems = walk_tree(opened.root.get(), census, {});
    count_again(opened);
    survey.size_bytes = census.bytes;
    swap_matters_ = filesystem() == MemoryFilesystem::tmpfs && !opened.mount.has_option("noswap");
    const bool counted = opened.counts_inodes && !census.may_hide_removed_files(opened.inodes);
    survey.facts = ObjectWriter()
                       .add("filesystem", opened.mount.type)
                       .add("mountOptions", printable(opened.mount.options))
                       .add("files", census.files)
                       .add("folders", census.folders)
                       .add("otherEntries", census.others)
                       .add("removedFiles", counted ? "none" : "unknown")
                       .add("swappable", swap_matters_)
                       .add("contentFreed", false)
                       .add("persistent", false)
                       .take();
    object(survey, opened, census, problems.empty());
    survey.traces.insert(survey.traces.end(), problems.begin(), problems.end());
    opened.root.reset();  // the search for users must not find ourselves
    object_to_users(survey, opened.device, census);
    survey.steps = {
        fmt::format("overwrite the content of {} files ({}) in place with a keyed AES-256-CTR "
                    "stream, and compare",
                    census.files, size_text(census.bytes)),
        fmt::format("remove the {} files, {} folders and {} other entries", census.files,
                    census.folders, census.others),
        "check that the mount is empty; it stays mounted"};
    survey.not_reached = {
        "names, symbolic links and extended attributes: their memory is freed, not overwritten"};
    return survey;
}

void TreeKind::control_empty(MemoryRun& run, OpenedMount& opened) const {
    Census left(filesystem());
    left.root(opened.root.get());
    const auto problems = walk_tree(opened.root.get(), left, {});
    run.control("empty",
                left.names() == 0 && problems.empty() ? ControlResult::pass : ControlResult::fail,
                fmt::format("{} entries left", left.names()));
    count_again(opened);
    if (opened.counts_blocks) {
        run.control("no-pages", opened.blocks == 0 ? ControlResult::pass : ControlResult::fail,
                    fmt::format("{} blocks in use", opened.blocks));
    }
    if (!opened.counts_inodes) {
        return;
    }
    const auto removed = left.removed_files(opened.inodes);
    run.step(
        "count inodes", "done",
        fmt::format("{} in use, {} of them without a name or attribute", opened.inodes, removed));
    if (removed > 0) {
        run.except({ReasonCode::holders_unknown,
                    fmt::format("{} inodes of the empty mount are still in use: they belong to "
                                "removed files that a process holds; their content was not reached",
                                removed)});
    }
}

bool TreeKind::as_left(MemoryRun& /*look*/) {
    OpenedMount opened = open();
    Census census(filesystem());
    const bool walked = walk_tree(opened.root.get(), census, {}).empty();
    count_again(opened);
    // What was written since is gone maybe, but not overwritten; a mount of another time is
    // another.
    const Json left = left_value(kChangedAt);
    return walked && census.names() == 0 && opened.blocks == 0 && left == opened.changed;
}

void TreeKind::erase(MemoryRun& run) {
    const SwapWatch swap(context_.view, swap_matters_);
    OpenedMount opened = open();
    if (opened.identity != looked_at_) {
        throw Error(ErrorCode::safety, ReasonCode::other_identity,
                    printable(context_.name.place) + ": another mount is there now",
                    "check again with: efface plan " + printable(to_string(context_.name)));
    }
    run.verification.method = "full-read-back";
    run.begin_pass(0);
    TreeEraser eraser(run, filesystem());
    const auto problems = walk_tree(opened.root.get(), eraser, run.stop());
    run.end_pass();
    for (const auto& problem : problems) {
        run.fail(problem);
    }
    run.step("overwrite, compare and remove", run.stopped() ? "stopped" : "done",
             fmt::format("{} files overwritten, {} entries removed", eraser.files, eraser.removed));
    if (run.stopped()) {
        return;
    }
    run.verification.performed = true;  // with no content there is nothing to compare
    control_empty(run, opened);
    swap.report(run);
    run.complete();
}

}  // namespace

std::unique_ptr<MemoryKind> make_tree_kind(const MemoryKindContext& context) {
    return std::make_unique<TreeKind>(context);
}

}  // namespace efface::method

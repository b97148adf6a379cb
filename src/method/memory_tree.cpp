// SPDX-License-Identifier: Apache-2.0
// A mount of tmpfs, ramfs or hugetlbfs: every file in it is overwritten, compared and removed; the
// mount stays and is empty.
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <set>

#include "efface/inventory/memory_facts.hpp"

#include "memory_content.hpp"
#include "memory_run.hpp"
#include "memory_swapped.hpp"
#include "memory_tree_walk.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kNamedMax = 16;  ///< entries quoted in one objection
constexpr std::size_t kLinkedInodesMax = std::size_t{1} << 20U;

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

/// Counts what is there, and asks the kernel of each file whether somebody has it open: also
/// processes that we may not look into.
class Census final : public TreeVisitor {
  public:
    void entry(const TreeEntry& entry) override {
        entry.regular ? ++files : ++others;
        if (entry.regular && (entry.links < 2 || seen_.size() >= kLinkedInodesMax ||
                              seen_.insert(entry.inode).second)) {
            bytes += entry.allocated_bytes;
            ask_whether_open(entry);
        }
        note_immutable(entry);
    }
    void folder(const TreeEntry& entry) override {
        ++folders;
        note_immutable(entry);
    }

    std::uint64_t files = 0;
    std::uint64_t folders = 0;
    std::uint64_t others = 0;
    /// tmpfs charges an inode for each name, also for a second one of the same file.
    [[nodiscard]] std::uint64_t names() const { return files + folders + others; }
    std::uint64_t bytes = 0;
    std::vector<std::string> open;
    bool all_asked = true;  ///< the kernel answered for every file
    std::vector<std::string> immutable;

  private:
    void ask_whether_open(const TreeEntry& entry) {
        const UniqueFd fd(::openat(entry.folder, entry.name.c_str(),
                                   O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
        const auto elsewhere = fd ? device::open_elsewhere(fd.get()) : std::nullopt;
        all_asked = all_asked && elsewhere.has_value();
        if (elsewhere.value_or(false) && open.size() < kNamedMax) {
            open.push_back(entry.path);
        }
    }
    void note_immutable(const TreeEntry& entry) {
        if (entry.immutable && immutable.size() < kNamedMax) {
            immutable.push_back(entry.path);
        }
    }
    std::set<std::uint64_t> seen_;
};

/// Overwrites, compares and removes. A file that is not good stays, so that it can be looked at.
class TreeEraser final : public TreeVisitor {
  public:
    TreeEraser(MemoryRun& run, MemoryFilesystem filesystem)
        : run_(run), content_(run, filesystem) {}

    void entry(const TreeEntry& entry) override {
        if (entry.regular && !content_is_gone(entry)) {
            run_.fail({ReasonCode::not_completed,
                       fmt::format("{}: its content was not wholly overwritten", entry.path)});
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
                       fmt::format("{}: can not be opened ({})", entry.path,
                                   fd ? "it was replaced" : errno_text(errno))});
            return false;
        }
        if (device::open_elsewhere(fd.get()).value_or(false)) {
            run_.fail({ReasonCode::opened, entry.path + ": somebody opened it meanwhile"});
            return false;
        }
        const int again = ::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0);
        const UniqueFd keep(again);
        const bool good =
            content_.erase(std::move(fd), entry.path, static_cast<std::uint64_t>(status.st_size),
                           static_cast<std::uint64_t>(status.st_blocks) * 512);
        if (!good) {
            return false;
        }
        if (entry.links > 1 && seen_.size() < kLinkedInodesMax) {
            seen_.insert(entry.inode);
        }
        ++files;
        // Its pages are freed now, and not when a name of it that we do not know goes.
        if (!keep || ::ftruncate(keep.get(), 0) != 0) {
            run_.fail({ReasonCode::left_behind, fmt::format("{}: could not be shortened ({})",
                                                            entry.path, errno_text(errno))});
            return false;
        }
        return true;
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

class TreeKind final : public MemoryKind {
  public:
    explicit TreeKind(const MemoryKindContext& context) : context_(context) {}

    MemorySurvey survey() override;
    [[nodiscard]] std::string technique() const override {
        return "overwrite every file in place, compare, remove everything";
    }
    void erase(MemoryRun& run) override;
    Json identity_after() override { return identity_of(find_mount()); }

  private:
    [[nodiscard]] inventory::MountFacts find_mount() const;
    [[nodiscard]] Json identity_of(const inventory::MountFacts& mount) const;
    [[nodiscard]] UniqueFd open_root() const;
    void object(MemorySurvey& survey, const inventory::MountFacts& mount,
                const Census& census) const;
    void object_to_nameless(MemorySurvey& survey, const Census& census) const;
    void control_empty(MemoryRun& run) const;
    [[nodiscard]] MemoryFilesystem filesystem() const {
        return context_.name.kind == "tmpfs"   ? MemoryFilesystem::tmpfs
               : context_.name.kind == "ramfs" ? MemoryFilesystem::ramfs
                                               : MemoryFilesystem::hugetlbfs;
    }

    MemoryKindContext context_;
    bool swap_matters_ = true;
};

inventory::MountFacts TreeKind::find_mount() const {
    const std::string& place = context_.name.place;
    auto mount = inventory::mount_at(place, context_.view);
    if (!mount) {
        throw Error(ErrorCode::usage, place + ": nothing is mounted there",
                    "give the mount point itself; for one file use memory:file:" + place);
    }
    if (mount->type != context_.name.kind) {
        throw Error(ErrorCode::usage, fmt::format("{}: is a mount of {}, not of {}", place,
                                                  mount->type, context_.name.kind));
    }
    return *mount;
}

Json TreeKind::identity_of(const inventory::MountFacts& mount) const {
    ObjectWriter identity;
    identity.add("mountId", mount.id)
        .add("device", fmt::format("{}:{}", mount.major, mount.minor))
        .add("filesystem", mount.type)
        .add("source", printable(mount.source));
    struct statfs status {};
    if (::statfs(mount.target.c_str(), &status) == 0 && status.f_blocks > 0) {
        identity.add("sizeBytes", static_cast<std::uint64_t>(status.f_blocks) *
                                      static_cast<std::uint64_t>(status.f_bsize));
    }
    return identity.take();
}

UniqueFd TreeKind::open_root() const {
    return open_file(context_.name.place, O_RDONLY | O_DIRECTORY | O_NOFOLLOW, 0,
                     ErrorCode::safety);
}

void TreeKind::object(MemorySurvey& survey, const inventory::MountFacts& mount,
                      const Census& census) const {
    auto& objections = survey.objections;
    if (is_system_mount(mount.target)) {
        objections.push_back(
            {ReasonCode::root_or_boot, mount.target + " is needed by the running system"});
    }
    if (mount.root != "/") {
        objections.push_back(
            {ReasonCode::partial_mount, "only a part of the file system is mounted here (" +
                                            mount.root + "): name the mount of the whole"});
    }
    if (mount.options == "ro" || mount.options.starts_with("ro,")) {
        objections.push_back({ReasonCode::read_only, "it is mounted read-only"});
    }
    for (const auto& below : mount.below) {
        objections.push_back({ReasonCode::mounted, "something is mounted in it: " + below});
    }
    for (const auto& other : mount.elsewhere) {
        objections.push_back({ReasonCode::mounted, "the same file system is mounted at " + other});
    }
    const std::uint64_t device = makedev(mount.major, mount.minor);
    const auto users = inventory::processes_using({device, {}, {}}, context_.view);
    for (const auto& user : users.users) {
        objections.push_back({ReasonCode::opened, user});
    }
    for (const auto& path : census.open) {
        objections.push_back({ReasonCode::opened, path + " is open somewhere"});
    }
    object_to_nameless(survey, census);
    if (!users.not_examined.empty()) {
        survey.facts["processesNotExamined"] = users.not_examined;
        // The kernel said of each file that nobody has it open; else we would not know.
        if (!census.all_asked) {
            objections.push_back({ReasonCode::unreadable_state,
                                  fmt::format("{} may have files open and can not be examined",
                                              fmt::join(users.not_examined, ", "))});
        }
    }
    for (auto& loop : loops_over(device, {}, context_.view)) {
        objections.push_back(std::move(loop));
    }
    for (const auto& path : census.immutable) {
        objections.push_back(
            {ReasonCode::read_only, path + " is immutable or append-only (lift it with chattr)"});
    }
}

/// More inodes in use than names lead to: a file was removed and is still open. The root is one.
void TreeKind::object_to_nameless(MemorySurvey& survey, const Census& census) const {
    struct statfs status {};
    if (::statfs(context_.name.place.c_str(), &status) != 0 || status.f_files == 0) {
        return;  // ramfs does not count
    }
    const auto used = static_cast<std::uint64_t>(status.f_files - status.f_ffree);
    if (used > census.names() + 1) {
        survey.objections.push_back(
            {ReasonCode::opened,
             fmt::format("{} removed files are still open in it", used - census.names() - 1)});
    }
}

MemorySurvey TreeKind::survey() {
    const auto mount = find_mount();
    MemorySurvey survey;
    survey.identity = identity_of(mount);
    Census census;
    std::vector<Reason> problems;
    {
        const UniqueFd root = open_root();
        problems = walk_tree(root.get(), census, {});
    }  // closed again: the search for users must not find ourselves
    survey.size_bytes = census.bytes;
    const bool noswap = mount.options.find("noswap") != std::string::npos;
    swap_matters_ = filesystem() == MemoryFilesystem::tmpfs && !noswap;
    survey.facts = ObjectWriter()
                       .add("filesystem", mount.type)
                       .add("mountOptions", printable(mount.options))
                       .add("files", census.files)
                       .add("folders", census.folders)
                       .add("otherEntries", census.others)
                       .add("swappable", swap_matters_)
                       .add("contentFreed", false)
                       .add("persistent", false)
                       .take();
    object(survey, mount, census);
    survey.objections.insert(survey.objections.end(), problems.begin(), problems.end());
    survey.steps = {
        fmt::format("overwrite the content of {} files ({}) in place with a keyed AES-256-CTR "
                    "stream, and compare",
                    census.files, size_text(census.bytes)),
        fmt::format("remove the {} files, {} folders and {} other entries", census.files,
                    census.folders, census.others),
        "see that the mount is empty; it stays mounted"};
    survey.not_reached = {
        "names, symbolic links and extended attributes: their memory is freed, not overwritten"};
    return survey;
}

void TreeKind::control_empty(MemoryRun& run) const {
    const UniqueFd root = open_root();
    Census left;
    const auto problems = walk_tree(root.get(), left, {});
    const std::uint64_t entries = left.files + left.folders + left.others;
    run.control("empty",
                entries == 0 && problems.empty() ? ControlResult::pass : ControlResult::fail,
                fmt::format("{} entries left", entries));
    struct statfs status {};
    if (::fstatfs(root.get(), &status) != 0) {
        run.control("no-pages", ControlResult::unknown, errno_text(errno));
    } else if (status.f_blocks > 0) {
        const auto used = static_cast<std::uint64_t>(status.f_blocks - status.f_bfree);
        run.control("no-pages", used == 0 ? ControlResult::pass : ControlResult::fail,
                    fmt::format("{} blocks in use", used));
    }
}

void TreeKind::erase(MemoryRun& run) {
    const SwapWatch swap(context_.view, swap_matters_);
    const UniqueFd root = open_root();
    run.verification.method = "full-read-back";
    run.begin_pass(0);
    TreeEraser eraser(run, filesystem());
    const auto problems = walk_tree(root.get(), eraser, run.stop());
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
    control_empty(run);
    swap.report(run);
    run.complete();
}

}  // namespace

std::unique_ptr<MemoryKind> make_tree_kind(const MemoryKindContext& context) {
    return std::make_unique<TreeKind>(context);
}

}  // namespace efface::method

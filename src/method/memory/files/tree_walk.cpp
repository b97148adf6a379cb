// SPDX-License-Identifier: Apache-2.0
#include "tree_walk.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <memory>
#include <optional>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"

namespace efface::method {

namespace {

constexpr std::size_t kProblemsMax = 64;

struct DirCloser {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
};

struct Names {
    std::vector<std::string> names;
    int error = 0;
};

/// Lists a folder through a descriptor of its own; `fd` stays as it is.
Names list(int fd) {
    UniqueFd copy(::openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOATIME));
    if (!copy) {
        return {.names = {}, .error = errno};
    }
    const std::unique_ptr<DIR, DirCloser> folder{::fdopendir(copy.get())};
    if (!folder) {
        return {.names = {}, .error = errno};
    }
    static_cast<void>(copy.release());  // closedir() closes it
    Names result;
    while (true) {
        errno = 0;
        const dirent* entry = ::readdir(folder.get());
        if (entry == nullptr) {
            result.error = errno;
            return result;
        }
        const std::string name = entry->d_name;
        if (name == "." || name == "..") {
            continue;
        }
        if (result.names.size() == kTreeFolderEntriesMax) {
            result.error = E2BIG;
            return result;
        }
        result.names.push_back(name);
    }
}

/// A name in messages and records: whatever bytes it has, and also where nothing is left of it.
std::string shown(const std::string& name) {
    const std::string text = printable(name);
    return text.empty() ? "?" : text;
}

struct Looked {
    TreeEntry entry;
    std::uint64_t mount = 0;
};

std::optional<Looked> look(int folder, const std::string& name, int flags) {
    struct statx status {};
    if (::statx(folder, name.c_str(), flags | AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT,
                STATX_BASIC_STATS | STATX_MNT_ID, &status) != 0) {
        return std::nullopt;
    }
    Looked looked;
    looked.mount = status.stx_mnt_id;
    looked.entry.folder = folder;
    looked.entry.name = name;
    looked.entry.regular = S_ISREG(status.stx_mode);
    looked.entry.folder_type = S_ISDIR(status.stx_mode);
    looked.entry.immutable =
        (status.stx_attributes & (STATX_ATTR_IMMUTABLE | STATX_ATTR_APPEND)) != 0;
    looked.entry.device = makedev(status.stx_dev_major, status.stx_dev_minor);
    looked.entry.inode = status.stx_ino;
    looked.entry.links = status.stx_nlink;
    looked.entry.size_bytes = status.stx_size;
    looked.entry.allocated_bytes = status.stx_blocks * 512;
    return looked;
}

class Walk final {
  public:
    Walk(int root, TreeVisitor& visitor, const std::stop_token& stop)
        : root_(root), visitor_(visitor), stop_(stop) {}

    std::vector<Reason> run() {
        const auto top = look(root_, "", AT_EMPTY_PATH);
        UniqueFd fd(::openat(root_, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
        if (!top || !fd) {
            problem(ReasonCode::unreadable_state, ".", errno_text(errno));
            return problems_;
        }
        mount_ = top->mount;
        push({}, std::move(fd));
        while (!stack_.empty() && !stop_.stop_requested()) {
            step();
        }
        return problems_;
    }

  private:
    struct Frame {
        TreeEntry entry;  ///< of the folder itself; its name is empty for the root
        UniqueFd fd;
        std::vector<std::string> names;
        std::size_t next = 0;
    };

    void problem(ReasonCode code, const std::string& path, const std::string& what) {
        if (problems_.size() < kProblemsMax) {
            problems_.push_back({code, fmt::format("{}: {}", path, what)});
        }
    }

    void push(TreeEntry entry, UniqueFd fd) {
        Names found = list(fd.get());
        if (found.error != 0) {
            problem(ReasonCode::unreadable_state, entry.path.empty() ? "." : entry.path,
                    errno_text(found.error));
        }
        stack_.push_back({std::move(entry), std::move(fd), std::move(found.names), 0});
    }

    void leave() {
        const Frame done = std::move(stack_.back());
        stack_.pop_back();
        if (!stack_.empty()) {
            visitor_.folder(done.entry);
        }
    }

    void step() {
        Frame& frame = stack_.back();
        if (frame.next == frame.names.size()) {
            leave();
            return;
        }
        const std::string name = frame.names[frame.next++];
        auto looked = look(frame.fd.get(), name, 0);
        const std::string path =
            (frame.entry.path.empty() ? "" : frame.entry.path + '/') + shown(name);
        if (!looked) {
            if (errno != ENOENT) {  // gone meanwhile: nothing is left to visit
                problem(ReasonCode::unreadable_state, path, errno_text(errno));
            }
            return;
        }
        looked->entry.path = path;
        if (looked->mount != mount_) {
            problem(ReasonCode::mounted, path, "another file system is mounted there");
        } else if (looked->entry.folder_type) {
            enter(looked->entry);
        } else {
            visitor_.entry(looked->entry);
        }
    }

    void enter(const TreeEntry& entry) {
        if (stack_.size() == kTreeDepthMax) {
            problem(ReasonCode::unreadable_state, entry.path,
                    fmt::format("is more than {} folders deep", kTreeDepthMax));
            return;
        }
        UniqueFd fd(::openat(entry.folder, entry.name.c_str(),
                             O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        const auto inside = fd ? look(fd.get(), "", AT_EMPTY_PATH) : std::nullopt;
        if (!inside) {
            problem(ReasonCode::unreadable_state, entry.path, errno_text(errno));
        } else if (inside->mount != mount_ || inside->entry.inode != entry.inode) {
            problem(ReasonCode::other_identity, entry.path, "was replaced in the meantime");
        } else {
            push(entry, std::move(fd));
        }
    }

    int root_;
    TreeVisitor& visitor_;
    const std::stop_token& stop_;
    std::uint64_t mount_ = 0;
    std::vector<Frame> stack_;
    std::vector<Reason> problems_;
};

}  // namespace

std::vector<Reason> walk_tree(int root, TreeVisitor& visitor, const std::stop_token& stop) {
    return Walk(root, visitor, stop).run();
}

}  // namespace efface::method

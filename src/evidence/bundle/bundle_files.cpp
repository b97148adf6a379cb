// SPDX-License-Identifier: Apache-2.0
#include "efface/evidence/bundle_files.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "efface/base/json.hpp"
#include "efface/evidence/bundle.hpp"
#include "efface/evidence/bundle_names.hpp"

namespace efface::evidence {

namespace {

constexpr std::size_t kHashPieceBytes = std::size_t{256} * 1024;
constexpr std::size_t kEntriesMax = 4 * kEvidenceFilesMax;

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { (void)::closedir(directory); }
};

[[noreturn]] void refuse(const std::string& name, const std::string& why) {
    throw Error(ErrorCode::usage, printable(name) + ": " + why);
}

/// What is not there, or is not a file or folder, is the bundle's fault; whatever else keeps us
/// from reading is not.
[[noreturn]] void refuse_errno(const std::string& name, int error) {
    if (error == ELOOP) {
        refuse(name, "is a symbolic link");
    }
    if (error == ENOENT || error == ENOTDIR || error == ENXIO || error == ENAMETOOLONG) {
        refuse(name, errno_text(error));
    }
    throw Error(ErrorCode::internal, ReasonCode::io_failed,
                printable(name) + ": " + errno_text(error));
}

/// Opens `name` below `folder`, part by part, through no symbolic link.
UniqueFd open_below(int folder, const std::string& name, int flags) {
    UniqueFd at;
    std::size_t start = 0;
    for (std::size_t depth = 0; depth <= kEvidenceDepthMax + 1; ++depth) {
        const std::size_t slash = name.find('/', start);
        const bool last = slash == std::string::npos;
        const std::string part = name.substr(start, last ? slash : slash - start);
        const int how = O_NOFOLLOW | O_CLOEXEC | (last ? flags : O_RDONLY | O_DIRECTORY);
        UniqueFd next(::openat(at ? at.get() : folder, part.c_str(), how));
        if (!next) {
            refuse_errno(name, errno);
        }
        if (last) {
            return next;
        }
        at = std::move(next);
        start = slash + 1;
    }
    refuse(name, "is nested too deep");
}

struct Entry {
    std::string name;
    mode_t mode = 0;
    std::uint64_t bytes = 0;
};

/// What is in one folder, without "." and "..".
std::vector<Entry> entries_of(UniqueFd folder, const std::string& name) {
    const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(folder.get()));
    if (directory == nullptr) {
        refuse_errno(name, errno);
    }
    const int fd = folder.release();  // closedir() closes it
    std::vector<Entry> entries;
    for (std::size_t count = 0; count <= kEntriesMax; ++count) {
        errno = 0;
        const dirent* found = ::readdir(directory.get());
        if (found == nullptr) {
            if (errno != 0) {
                refuse_errno(name, errno);
            }
            return entries;
        }
        Entry entry{found->d_name, 0, 0};
        if (entry.name == "." || entry.name == "..") {
            continue;
        }
        struct stat status {};
        if (::fstatat(fd, found->d_name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
            refuse_errno(entry.name, errno);
        }
        entry.mode = status.st_mode;
        entry.bytes = static_cast<std::uint64_t>(status.st_size);
        entries.push_back(std::move(entry));
    }
    refuse(name, "holds too many files");
}

void check_size(const std::string& name, std::uint64_t bytes, std::uint64_t bytes_max) {
    if (bytes > bytes_max) {
        refuse(name, "is larger than " + std::to_string(bytes_max) + " bytes");
    }
}

/// Every regular file below the evidence folder; anything else there is refused, a folder with
/// nothing in it as well.
std::vector<std::string> list_evidence(int bundle) {
    std::vector<std::string> files;
    std::vector<std::string> folders{kEvidenceFolder};
    for (std::size_t seen = 0; !folders.empty(); ++seen) {
        const std::string folder = std::move(folders.back());
        folders.pop_back();
        const std::vector<Entry> entries =
            entries_of(open_below(bundle, folder, O_RDONLY | O_DIRECTORY), folder);
        if (entries.empty()) {
            refuse(folder, "is an empty folder");
        }
        for (const Entry& entry : entries) {
            const std::string name = folder + "/" + entry.name;
            if (!is_evidence_name(name)) {
                refuse(name, "is not a valid name for an evidence file");
            }
            if (S_ISDIR(entry.mode)) {
                folders.push_back(name);
            } else if (S_ISREG(entry.mode)) {
                check_size(name, entry.bytes, kEvidenceFileBytesMax);
                files.push_back(name);
            } else {
                refuse(name, "is neither a file nor a folder");
            }
        }
        if (seen > kEntriesMax || files.size() > kEvidenceFilesMax) {
            refuse(kEvidenceFolder, "holds too many files");
        }
    }
    std::sort(files.begin(), files.end());
    return files;
}

/// acceptance/1 to acceptance/N, each with its two files and nothing else.
std::size_t count_acceptances(int bundle) {
    const std::string top = kAcceptanceFolder;
    const std::vector<Entry> folders =
        entries_of(open_below(bundle, top, O_RDONLY | O_DIRECTORY), top);
    if (folders.empty() || folders.size() > kAcceptancesMax) {
        refuse(top, folders.empty() ? "is an empty folder" : "holds too many acceptances");
    }
    for (std::size_t number = 1; number <= folders.size(); ++number) {
        const std::string name = top + "/" + std::to_string(number);
        // Where a number is left out it cannot be opened; another name is one too many.
        const std::vector<Entry> files =
            entries_of(open_below(bundle, name, O_RDONLY | O_DIRECTORY), name);
        for (const Entry& file : files) {
            const bool record = file.name == kAcceptanceFile;
            if (!S_ISREG(file.mode) || (!record && file.name != kAcceptanceSignatureFile)) {
                refuse(name + "/" + file.name, "does not belong here");
            }
            check_size(name + "/" + file.name, file.bytes,
                       record ? kAcceptanceBytesMax : kSignatureBytesMax);
        }
        if (files.size() != 2) {
            refuse(name, "must hold a record and its signature");
        }
    }
    return folders.size();
}

struct Known {
    const char* name;
    std::size_t bytes_max;
    bool needed;
};
constexpr Known kKnown[] = {
    {kCertificateFile, kCertificateBytesMax, true},
    {kSignatureFile, kSignatureBytesMax, true},
    {kProofFile, kProofBytesMax, true},
    {kIntentProofFile, kProofBytesMax, false},
    {kConsistencyProofFile, kProofBytesMax, false},
    {kRootFile, kAnchorBytesMax, false},
    {kLogKeyFile, kAnchorBytesMax, false},
};

const Known* known_file(const Entry& entry) {
    const auto* found = std::find_if(std::begin(kKnown), std::end(kKnown),
                                     [&](const Known& known) { return entry.name == known.name; });
    return found == std::end(kKnown) || !S_ISREG(entry.mode) ? nullptr : found;
}

}  // namespace

BundleFiles::BundleFiles(const std::filesystem::path& bundle)
    : folder_(::open(bundle.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC)) {
    if (!folder_) {  // not there is no fault of the bundle, as there is none
        throw Error(ErrorCode::internal, ReasonCode::io_failed,
                    printable(bundle.string()) + ": " + errno_text(errno));
    }
    bool has_evidence = false;
    for (const Entry& entry :
         entries_of(open_below(folder_.get(), ".", O_RDONLY | O_DIRECTORY), ".")) {
        const Known* const known = known_file(entry);
        if (known != nullptr) {
            check_size(entry.name, entry.bytes, known->bytes_max);
            names_.insert(entry.name);
        } else if (entry.name == kEvidenceFolder && S_ISDIR(entry.mode)) {
            has_evidence = true;
        } else if (entry.name == kAcceptanceFolder && S_ISDIR(entry.mode)) {
            acceptances_ = count_acceptances(folder_.get());
        } else {
            refuse(entry.name, S_ISLNK(entry.mode) ? "is a symbolic link" : "does not belong here");
        }
    }
    for (const Known& known : kKnown) {
        if (known.needed && !has(known.name)) {
            refuse(known.name, "is missing");
        }
    }
    if (has_evidence) {
        evidence_ = list_evidence(folder_.get());
    }
}

UniqueFd BundleFiles::open_regular(const std::string& name, std::uint64_t bytes_max) const {
    UniqueFd fd = open_below(folder_.get(), name, O_RDONLY | O_NONBLOCK);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        refuse_errno(name, errno);
    }
    if (!S_ISREG(status.st_mode)) {
        refuse(name, "is not a regular file");
    }
    check_size(name, static_cast<std::uint64_t>(status.st_size), bytes_max);
    return fd;
}

bool BundleFiles::lock() const noexcept {
    return ::flock(folder_.get(), LOCK_EX | LOCK_NB) == 0;
}

bool BundleFiles::has(const std::string& name) const {
    return names_.count(name) != 0;
}

Bytes BundleFiles::read(const std::string& name, std::size_t bytes_max) const {
    const UniqueFd fd = open_regular(name, bytes_max);
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        refuse_errno(name, errno);
    }
    // One byte more than there are, so that the end is seen without growing the buffer.
    Bytes bytes(static_cast<std::size_t>(status.st_size) + 1);
    std::size_t done = 0;
    while (done < bytes.size()) {
        const ssize_t got = ::read(fd.get(), bytes.data() + done, bytes.size() - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            refuse_errno(name, errno);
        }
        if (got == 0) {
            bytes.resize(done);
            return bytes;
        }
        done += static_cast<std::size_t>(got);
    }
    refuse(name, "grew while it was read");
}

std::string BundleFiles::digest_hex(const std::string& name) const {
    const UniqueFd fd = open_regular(name, kEvidenceFileBytesMax);
    Sha256 hash;
    Bytes piece(kHashPieceBytes);
    for (std::uint64_t done = 0; done <= kEvidenceFileBytesMax;) {
        const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            refuse_errno(name, errno);
        }
        if (got == 0) {
            return to_hex(hash.finish());
        }
        hash.update(ByteView(piece).first(static_cast<std::size_t>(got)));
        done += static_cast<std::uint64_t>(got);
    }
    refuse(name, "grew while it was read");
}

}  // namespace efface::evidence

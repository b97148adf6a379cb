// SPDX-License-Identifier: Apache-2.0
// The whole log read from the first line to the last and compared with its checkpoint.
#include <algorithm>
#include <set>
#include <utility>

#include "lines.hpp"
#include "store.hpp"

namespace efface::evidence {

namespace {

constexpr std::size_t kProblemsMax = 100;
constexpr std::size_t kOpenIntentsShown = 1'000;
constexpr std::size_t kLostRunsShown = 1'000;
constexpr std::size_t kSetAsideShown = 1'000;
constexpr std::size_t kReasonBytesMax = 4096;
constexpr std::size_t kOpenIntentsMax = 65'536;
constexpr std::size_t kAuditReadBytes = std::size_t{64} * 1024;

/// A file read once from its start, a few bytes at a time.
class SequentialReader final {
  public:
    SequentialReader(LogFiles& files, LogFile file) : files_(files), file_(file) {}

    /// True when the next bytes of the file are these.
    bool next_is(ByteView expected) {
        while (buffer_.size() - used_ < expected.size()) {
            buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(used_));
            used_ = 0;
            const std::size_t have = buffer_.size();
            buffer_.resize(have + kAuditReadBytes);
            const std::size_t got =
                files_.read_at(file_, position_, MutableByteView(buffer_).subspan(have));
            buffer_.resize(have + got);
            position_ += got;
            if (got == 0) {
                return false;
            }
        }
        const ByteView actual = ByteView(buffer_).subspan(used_, expected.size());
        used_ += expected.size();
        return std::equal(actual.begin(), actual.end(), expected.begin());
    }

  private:
    LogFiles& files_;
    LogFile file_;
    std::uint64_t position_ = 0;
    Bytes buffer_;
    std::size_t used_ = 0;
};

class Auditor final {
  public:
    Auditor(LogFiles& files, std::string_view verifier_key, const AuditVisitor& visit)
        : files_(files),
          verifier_key_(verifier_key),
          visit_(visit),
          lines_(files, 0),
          hashes_(files, LogFile::hashes),
          offsets_(files, LogFile::offsets) {}

    LogAudit run() {
        read_signed_head();
        while (!checkpoint_ || frontier_.size() < checkpoint_->size) {
            const auto line = lines_.next();
            if (!line) {
                break;
            }
            take(*line);
        }
        check_end();
        for (const std::uint64_t intent : open_) {
            if (audit_.open_intents.size() == kOpenIntentsShown) {
                break;
            }
            audit_.open_intents.push_back(intent);
        }
        audit_.set_aside = files_.unsigned_names(kSetAsideShown);
        audit_.entries = frontier_.size();
        return std::move(audit_);
    }

  private:
    void add_problem(const std::string& problem) {
        if (audit_.problems.size() < kProblemsMax) {
            audit_.problems.push_back(problem);
        } else if (audit_.problems.size() == kProblemsMax) {
            audit_.problems.emplace_back("more problems are not listed");
        }
    }

    void read_signed_head() {
        try {
            checkpoint_ = read_checkpoint(files_, verifier_key_).content;
            indexed_ = checkpoint_->size == 0 || is_copy_of_two_files(files_)
                           ? 0
                           : (checkpoint_->size - 1) / kBlockEntries * kBlockEntries;
        } catch (const Error& error) {
            add_problem(error.what());
        }
    }

    void take(std::string_view line) {
        const std::uint64_t seq = frontier_.size();
        const std::string name = "entry " + std::to_string(seq);
        std::string problem;
        const auto entry = check_line(line, seq, previous_, problem);
        if (entry) {
            take_run(*entry, seq, name);
        } else {
            add_problem(name + " " + problem);
        }
        previous_ = sha256(line);
        created_.clear();
        frontier_.push(leaf_hash(as_bytes(line)), created_);
        if (seq < indexed_) {
            check_index(name);
        }
        if (visit_) {
            visit_({seq, entry ? &*entry : nullptr, created_});
        }
    }

    /// An announced run stays open until an outcome names its entry.
    void take_run(const Json& entry, std::uint64_t seq, const std::string& name) {
        const Json type = entry.value("type", Json());
        if (type == "run-intent") {
            if (open_.size() == kOpenIntentsMax) {
                if (!std::exchange(too_many_open_, true)) {
                    add_problem(name + " announces a run while " + std::to_string(kOpenIntentsMax) +
                                " are open: which ones is unknown from here on");
                }
                return;
            }
            open_.insert(seq);
        } else if (type == "run-refused" || type == "run-outcome") {
            const Json intent = entry.value("intent", Json());
            const bool closed =
                intent.is_number_unsigned() && open_.erase(intent.get<std::uint64_t>()) != 0;
            if (!closed && !too_many_open_) {
                add_problem(name + " closes a run that is not open");
            }
            if (type == "run-outcome" && entry.value("status", Json()) == kLostRun) {
                take_lost(entry, seq, name);
            }
        }
    }

    /// Nobody saw how the run ended: there is a reason, and nothing that was issued for it.
    void take_lost(const Json& entry, std::uint64_t seq, const std::string& name) {
        const Json reason = entry.value("reason", Json());
        if (!reason.is_string() || reason.get_ref<const std::string&>().empty() ||
            reason.get_ref<const std::string&>().size() > kReasonBytesMax) {
            add_problem(name + " declares a run lost without a reason");
        }
        if (entry.contains("certificate") || entry.contains("signature")) {
            add_problem(name + " declares a run lost that has a certificate");
        }
        if (audit_.lost_runs.size() < kLostRunsShown) {
            audit_.lost_runs.push_back(seq);
        }
    }

    void check_index(const std::string& name) {
        for (const Digest& node : created_) {
            if (hashes_good_ && !hashes_.next_is(node)) {
                hashes_good_ = false;
                add_problem("hashes do not match " + name);
            }
        }
        Bytes end(kOffsetBytes);
        write_be<std::uint64_t>(end, 0, lines_.position());
        if (offsets_good_ && !offsets_.next_is(end)) {
            offsets_good_ = false;
            add_problem("offsets do not match " + name);
        }
    }

    void check_end() {
        if (!checkpoint_) {
            return;
        }
        const std::uint64_t size = frontier_.size();
        if (size < checkpoint_->size) {
            add_problem("only " + std::to_string(size) + " of " +
                        std::to_string(checkpoint_->size) + " signed entries are there");
            return;
        }
        if (frontier_.root() != checkpoint_->root) {
            add_problem("the entries differ from those the checkpoint signed");
        }
        count_unsigned();
    }

    /// A log in use has such lines, and one whose last run was cut short: who opens it to write
    /// sets them aside.
    void count_unsigned() {
        Bytes piece(kAuditReadBytes);
        std::uint64_t position = lines_.position();
        bool torn = false;
        for (std::uint64_t seen = 0; seen <= kUnsignedBytesMax;) {
            const std::size_t got = files_.read_at(LogFile::entries, position, piece);
            if (got == 0) {
                audit_.unsigned_lines += torn ? 1 : 0;
                return;
            }
            const ByteView bytes = ByteView(piece).first(got);
            audit_.unsigned_lines +=
                static_cast<std::uint64_t>(std::count(bytes.begin(), bytes.end(), '\n'));
            torn = bytes.back() != '\n';
            position += got;
            seen += got;
        }
        add_problem("more than " + std::to_string(kUnsignedBytesMax) +
                    " bytes follow what the checkpoint signed");
    }

    LogFiles& files_;
    std::string_view verifier_key_;
    const AuditVisitor& visit_;
    std::optional<Checkpoint> checkpoint_;
    std::uint64_t indexed_ = 0;  ///< entries whose nodes and offsets are in the files
    LineReader lines_;
    SequentialReader hashes_;
    SequentialReader offsets_;
    bool hashes_good_ = true;
    bool offsets_good_ = true;
    Frontier frontier_;
    Digest previous_{};
    std::vector<Digest> created_;
    std::set<std::uint64_t> open_;
    bool too_many_open_ = false;
    LogAudit audit_;
};

}  // namespace

LogAudit audit_files(LogFiles& files, std::string_view verifier_key, const AuditVisitor& visit) {
    return Auditor(files, verifier_key, visit).run();
}

LogAudit audit_log(const std::filesystem::path& directory, std::string_view verifier_key) {
    return audit_folder(directory, verifier_key, {});
}

LogAudit audit_folder(const std::filesystem::path& directory, std::string_view verifier_key,
                      const AuditVisitor& visit) {
    try {
        FolderLogFiles files(directory, FolderLogFiles::Access::read);
        return audit_files(files, verifier_key, visit);
    } catch (const Error& error) {
        LogAudit unreadable;
        unreadable.problems.emplace_back(error.what());
        unreadable.readable = error.reason() != ReasonCode::io_failed &&
                              error.reason() != ReasonCode::too_few_descriptors;
        return unreadable;
    }
}

}  // namespace efface::evidence

// SPDX-License-Identifier: Apache-2.0
#include "store.hpp"

#include <algorithm>

#include "lines.hpp"

namespace efface::evidence {

namespace {

constexpr std::size_t kOriginBytesMax = 1024;

void write_new(LogFiles& files, LogFile file, ByteView content) {
    files.truncate(file, 0);
    files.write_at(file, 0, content);
    files.sync(file);
}

void write_new_checkpoint(LogFiles& files, std::string_view note) {
    write_new(files, LogFile::new_checkpoint, as_bytes(note));
    files.publish_checkpoint();
    files.sync_directory();
}

std::optional<Checkpoint> checkpoint_in(std::string_view note, std::string_view verifier_key) {
    const auto text = open_note(note, verifier_key);
    return text ? parse_checkpoint(*text) : std::nullopt;
}

}  // namespace

bool is_copy_of_two_files(LogFiles& files) {
    return !files.exists(LogFile::hashes) && !files.exists(LogFile::offsets) &&
           !files.exists(LogFile::origin);
}

SignedCheckpoint read_checkpoint(LogFiles& files, std::string_view verifier_key) {
    SignedCheckpoint checkpoint;
    checkpoint.note = read_whole(files, LogFile::checkpoint, kNoteBytesMax);
    const auto content = checkpoint_in(checkpoint.note, verifier_key);
    if (!content) {
        throw Error(ErrorCode::evidence,
                    "log " + files.name() + ": the checkpoint is not signed by the log key");
    }
    checkpoint.content = *content;
    const std::string_view name = verifier_key.substr(0, verifier_key.find('+'));
    const bool copy = is_copy_of_two_files(files);
    if (checkpoint.content.origin != name ||
        (!copy &&
         read_whole(files, LogFile::origin, kOriginBytesMax) != std::string(name) + '\n')) {
        throw Error(ErrorCode::evidence, "log " + files.name() + ": is not the log " +
                                             std::string(name) + " that the key belongs to");
    }
    return checkpoint;
}

void LogStore::create(LogFiles& files, const NoteSigner& signer) {
    // Without a checkpoint, an empty log is what a crash of an earlier create() left.
    if (files.exists(LogFile::checkpoint) ||
        (files.exists(LogFile::entries) && files.size(LogFile::entries) != 0)) {
        throw Error(ErrorCode::usage, "there is a log in " + files.name() + " already");
    }
    for (const LogFile file : {LogFile::entries, LogFile::hashes, LogFile::offsets}) {
        files.truncate(file, 0);
        files.sync(file);
    }
    files.truncate(LogFile::origin, 0);
    files.write_at(LogFile::origin, 0, as_bytes(signer.name() + '\n'));
    files.sync(LogFile::origin);
    // The names must be durable before the checkpoint's is: it makes the log one.
    files.sync_directory();
    write_new_checkpoint(files, signer.sign(checkpoint_text({signer.name(), 0, empty_root()})));
}

LogStore::LogStore(std::unique_ptr<LogFiles> files, const NoteSigner& signer)
    : files_(std::move(files)), signer_(signer) {
    if (!files_->exists(LogFile::checkpoint) &&
        (!files_->exists(LogFile::entries) || files_->size(LogFile::entries) == 0)) {
        throw Error(ErrorCode::usage, "there is no log in " + files_->name());
    }
    load(signer.verifier_key());
    publish_signed_head();
    set_aside_unsigned();
}

LogStore::LogStore(std::unique_ptr<LogFiles> files, std::string_view verifier_key)
    : files_(std::move(files)) {
    load(verifier_key);
}

/// Everything up to the checkpoint, compared with it.
void LogStore::load(std::string_view verifier_key) {
    checkpoint_ = read_checkpoint(*files_, verifier_key);
    const std::uint64_t size = checkpoint_.content.size;
    base_ = size == 0 ? 0 : (size - 1) / kBlockEntries * kBlockEntries;
    if (files_->size(LogFile::hashes) < stored_node_count(base_) * sizeof(Digest) ||
        files_->size(LogFile::offsets) < base_ * kOffsetBytes) {
        contradiction("there are fewer hashes or offsets than the checkpoint states");
    }
    frontier_ = Frontier(base_, [this](std::uint64_t position) { return node(position); });
    LineReader lines(*files_, base_ == 0 ? 0 : end_of(base_ - 1));
    while (frontier_.size() < size) {
        const auto line = lines.next();
        if (!line) {
            contradiction("entry " + std::to_string(frontier_.size()) + " is missing");
        }
        push(*line);
    }
    if (frontier_.root() != checkpoint_.content.root) {
        contradiction("entries, hashes or offsets differ from those the checkpoint signed");
    }
}

/// A head that was signed over what is behind the checkpoint, and did not come to its name: two
/// heads of one size would make it two logs. Its lines were durable before it was signed.
void LogStore::publish_signed_head() {
    if (!files_->exists(LogFile::new_checkpoint) ||
        files_->size(LogFile::new_checkpoint) > kNoteBytesMax) {
        return;
    }
    SignedCheckpoint next;
    next.note = read_whole(*files_, LogFile::new_checkpoint, kNoteBytesMax);
    const auto content = checkpoint_in(next.note, signer_->verifier_key());
    if (!content || content->origin != signer_->name() || content->size <= size()) {
        return;
    }
    next.content = *content;
    LineReader lines(*files_, signed_end());
    std::vector<std::string> found;
    Frontier grown = frontier_;
    std::vector<Digest> created;
    while (grown.size() < content->size) {
        const auto line = lines.next();
        if (!line || lines.position() - signed_end() > kUnsignedBytesMax) {
            return;
        }
        grown.push(leaf_hash(as_bytes(*line)), created);
        found.emplace_back(*line);
    }
    if (grown.root() != content->root) {
        return;
    }
    usable_ = false;
    for (const std::string& line : found) {
        push(line);
    }
    write_full_blocks();
    // It may be in memory only, and marked as written after a failed flush: write it again.
    files_->write_at(LogFile::new_checkpoint, 0, as_bytes(next.note));
    files_->sync(LogFile::new_checkpoint);
    files_->publish_checkpoint();
    files_->sync_directory();
    checkpoint_ = std::move(next);
    usable_ = true;
}

/// What the key did not sign is never signed later, whoever wrote it: it goes to a file of its own.
/// Who had begun to write it does not rely on it: an append ends with the new checkpoint.
void LogStore::set_aside_unsigned() {
    const std::uint64_t file_end = files_->size(LogFile::entries);
    const std::uint64_t end = signed_end();
    if (file_end == end) {
        return;
    }
    if (file_end - end > kUnsignedBytesMax) {
        contradiction("more than " + std::to_string(kUnsignedBytesMax) +
                      " bytes follow what the checkpoint signed");
    }
    Bytes tail(static_cast<std::size_t>(file_end - end));
    tail.resize(files_->read_at(LogFile::entries, end, tail));
    usable_ = false;
    write_new(*files_, LogFile::new_unsigned, tail);
    set_aside_ = unsigned_name(size(), tail);
    files_->publish_unsigned(*set_aside_);
    files_->sync_directory();
    files_->truncate(LogFile::entries, end);
    files_->sync(LogFile::entries);
    usable_ = true;
}

/// Takes a line that is in the file at the end of those known.
void LogStore::push(std::string_view line) {
    const std::uint64_t begin = frontier_.size() == 0 ? 0 : end_of(frontier_.size() - 1);
    tail_ends_.push_back(begin + line.size() + 1);
    frontier_.push(leaf_hash(as_bytes(line)), tail_nodes_);
    previous_ = sha256(line);
}

/// Writes out all but the last block: at least one entry stays in memory, so that opening always
/// has the last line at hand.
void LogStore::write_full_blocks() {
    if (tail_ends_.size() <= kBlockEntries) {
        return;
    }
    const std::uint64_t new_base = (frontier_.size() - 1) / kBlockEntries * kBlockEntries;
    const auto entries = static_cast<std::ptrdiff_t>(new_base - base_);
    const auto nodes =
        static_cast<std::ptrdiff_t>(stored_node_count(new_base) - stored_node_count(base_));
    Bytes bytes;
    for (auto hash = tail_nodes_.begin(); hash != tail_nodes_.begin() + nodes; ++hash) {
        bytes.insert(bytes.end(), hash->begin(), hash->end());
    }
    files_->write_at(LogFile::hashes, stored_node_count(base_) * sizeof(Digest), bytes);
    bytes.assign(static_cast<std::size_t>(entries) * kOffsetBytes, 0);
    for (std::size_t i = 0; i < static_cast<std::size_t>(entries); ++i) {
        write_be<std::uint64_t>(bytes, i * kOffsetBytes, tail_ends_[i]);
    }
    files_->write_at(LogFile::offsets, base_ * kOffsetBytes, bytes);
    files_->sync(LogFile::hashes);
    files_->sync(LogFile::offsets);
    tail_nodes_.erase(tail_nodes_.begin(), tail_nodes_.begin() + nodes);
    tail_ends_.erase(tail_ends_.begin(), tail_ends_.begin() + entries);
    base_ = new_base;
}

/// The lines up to the frontier must be durable before: a checkpoint is never ahead of them.
void LogStore::write_checkpoint() {
    SignedCheckpoint next;
    next.content = {signer_->name(), frontier_.size(), frontier_.root()};
    next.note = signer_->sign(checkpoint_text(next.content));
    write_new_checkpoint(*files_, next.note);
    checkpoint_ = std::move(next);
}

Log::Appended LogStore::append(Json entry) {
    require_usable();
    EFFACE_ASSERT(signer_.has_value());
    if (size() >= kTreeSizeMax) {
        throw Error(ErrorCode::evidence, "log " + files_->name() + " is full");
    }
    Log::Appended appended;
    appended.index = size();
    appended.line = make_line(std::move(entry), size(), previous_);
    appended.leaf_hash_hex = to_hex(leaf_hash(as_bytes(appended.line)));
    usable_ = false;
    files_->write_at(LogFile::entries, signed_end(), as_bytes(appended.line + '\n'));
    files_->sync(LogFile::entries);
    push(appended.line);
    write_full_blocks();
    write_checkpoint();
    usable_ = true;
    return appended;
}

std::uint64_t LogStore::size() const {
    return checkpoint_.content.size;
}

const std::string& LogStore::checkpoint() const {
    require_usable();
    return checkpoint_.note;
}

TlogProof LogStore::prove(std::uint64_t index) const {
    require_usable();
    if (index >= size()) {
        throw Error(ErrorCode::usage, "log " + files_->name() + " has no entry " +
                                          std::to_string(index) + ", only " +
                                          std::to_string(size()));
    }
    TlogProof proof;
    proof.entry = read_entry(index);
    proof.index = index;
    proof.path = inclusion_path(index, size(), [this](std::uint64_t at) { return node(at); });
    proof.checkpoint = checkpoint_.note;
    // The files may have been changed below us: only what the checkpoint covers is handed out.
    if (root_from_inclusion(index, size(), leaf_hash(as_bytes(proof.entry)), proof.path) !=
        checkpoint_.content.root) {
        contradiction("entry " + std::to_string(index) +
                      " or its hashes differ from those the checkpoint signed");
    }
    return proof;
}

void LogStore::read_lines(
    std::uint64_t from,
    const std::function<void(std::uint64_t index, std::string_view line)>& take) const {
    require_usable();
    if (from >= size()) {
        return;
    }
    LineReader lines(*files_, from == 0 ? 0 : end_of(from - 1));
    for (std::uint64_t index = from; index < size(); ++index) {
        const auto line = lines.next();
        if (!line) {
            contradiction("entry " + std::to_string(index) + " is missing");
        }
        take(index, *line);
    }
}

std::vector<Digest> LogStore::prove_consistency(std::uint64_t old_size) const {
    require_usable();
    if (old_size > size()) {
        throw Error(ErrorCode::usage, "log " + files_->name() + " has " + std::to_string(size()) +
                                          " entries, not " + std::to_string(old_size));
    }
    const auto source = [this](std::uint64_t position) { return node(position); };
    std::vector<Digest> path = consistency_path(old_size, size(), source);
    if (!consistency_holds(old_size, tree_root(old_size, source), size(), checkpoint_.content.root,
                           path)) {
        contradiction("the stored hashes differ from those the checkpoint signed");
    }
    return path;
}

Digest LogStore::root_at(std::uint64_t size) const {
    (void)prove_consistency(size);  // the nodes that the root is made of belong to the checkpoint
    return tree_root(size, [this](std::uint64_t position) { return node(position); });
}

void LogStore::require_usable() const {
    if (!usable_) {
        throw Error(ErrorCode::evidence,
                    "log " + files_->name() + " cannot be used after a failed write",
                    "open it again: what was written is checked then");
    }
}

void LogStore::contradiction(const std::string& problem) const {
    throw Error(ErrorCode::evidence, "log " + files_->name() + ": " + problem,
                "compare the log with a copy kept elsewhere; nothing was written");
}

Digest LogStore::node(std::uint64_t position) const {
    const std::uint64_t stored = stored_node_count(base_);
    if (position >= stored) {
        return tail_nodes_.at(static_cast<std::size_t>(position - stored));
    }
    Digest digest{};
    if (files_->read_at(LogFile::hashes, position * sizeof(Digest), digest) != digest.size()) {
        contradiction("there are fewer hashes than the checkpoint states");
    }
    return digest;
}

/// Where the line behind the signed ones starts.
std::uint64_t LogStore::signed_end() const {
    return size() == 0 ? 0 : end_of(size() - 1);
}

/// Where the line behind entry `index` starts.
std::uint64_t LogStore::end_of(std::uint64_t index) const {
    if (index >= base_) {
        return tail_ends_.at(static_cast<std::size_t>(index - base_));
    }
    std::array<std::uint8_t, kOffsetBytes> bytes{};
    if (files_->read_at(LogFile::offsets, index * kOffsetBytes, bytes) != bytes.size()) {
        contradiction("there are fewer offsets than the checkpoint states");
    }
    const auto end = read_be<std::uint64_t>(bytes, 0);
    if (end > files_->size(LogFile::entries)) {
        contradiction("offsets point past the end of the entries");
    }
    return end;
}

std::string LogStore::read_entry(std::uint64_t index) const {
    const std::uint64_t begin = index == 0 ? 0 : end_of(index - 1);
    const std::uint64_t end = end_of(index);
    if (end <= begin || end - begin > kLogEntryBytesMax) {
        contradiction("offsets of entry " + std::to_string(index) + " do not mark a line");
    }
    Bytes bytes(static_cast<std::size_t>(end - begin));
    if (files_->read_at(LogFile::entries, begin, bytes) != bytes.size() || bytes.back() != '\n') {
        contradiction("entry " + std::to_string(index) + " is not a line");
    }
    bytes.pop_back();
    return std::string(as_text(bytes));
}

}  // namespace efface::evidence

// SPDX-License-Identifier: Apache-2.0
// The public log: a folder, its lock, and the store over its files.
#include "efface/evidence/log.hpp"

#include <chrono>
#include <thread>

#include "store.hpp"

namespace efface::evidence {

namespace {

constexpr const char* kLockName = "lock";
constexpr unsigned kLockPollMs = 20;

FileLock lock_log(const std::filesystem::path& directory, unsigned wait_ms) {
    const unsigned attempts = wait_ms / kLockPollMs + 1;
    for (unsigned attempt = 0; attempt < attempts; ++attempt) {
        if (attempt > 0) {
            std::this_thread::sleep_for(std::chrono::milliseconds(kLockPollMs));
        }
        if (auto lock = FileLock::try_acquire(directory / kLockName)) {
            return std::move(*lock);
        }
    }
    throw Error(ErrorCode::busy, "log " + directory.string() + " is in use by another process",
                "try again when it has ended");
}

}  // namespace

struct Log::State {
    std::optional<FileLock> lock;  ///< none: read-only
    LogStore store;
};

Log::Log(std::unique_ptr<State> state) : state_(std::move(state)) {}
Log::~Log() = default;
Log::Log(Log&&) noexcept = default;
Log& Log::operator=(Log&&) noexcept = default;

void Log::create(const std::filesystem::path& directory, const NoteSigner& signer) {
    make_directories_durably(directory, 0700);
    const FileLock lock = lock_log(directory, 0);
    FolderLogFiles files(directory, FolderLogFiles::Access::write);
    LogStore::create(files, signer);
}

Log Log::open(const std::filesystem::path& directory, const NoteSigner& signer,
              unsigned lock_wait_ms) {
    auto files = std::make_unique<FolderLogFiles>(directory, FolderLogFiles::Access::write);
    FileLock lock = lock_log(directory, lock_wait_ms);
    return Log(std::make_unique<State>(State{std::move(lock), LogStore(std::move(files), signer)}));
}

Log Log::open_read_only(const std::filesystem::path& directory, std::string_view verifier_key) {
    auto files = std::make_unique<FolderLogFiles>(directory, FolderLogFiles::Access::read);
    return Log(
        std::make_unique<State>(State{std::nullopt, LogStore(std::move(files), verifier_key)}));
}

Log::Appended Log::append(Json entry) {
    return state_->store.append(std::move(entry));
}

std::optional<std::string> Log::set_aside() const {
    return state_->store.set_aside();
}
std::uint64_t Log::size() const noexcept {
    return state_->store.size();
}
std::string Log::checkpoint() const {
    return state_->store.checkpoint();
}
std::string Log::entry(std::uint64_t index) const {
    return state_->store.prove(index).entry;
}
TlogProof Log::prove(std::uint64_t index) const {
    return state_->store.prove(index);
}

void Log::read_lines(
    std::uint64_t from,
    const std::function<void(std::uint64_t index, std::string_view line)>& take) const {
    state_->store.read_lines(from, take);
}

std::vector<Digest> Log::prove_consistency(std::uint64_t old_size) const {
    return state_->store.prove_consistency(old_size);
}

Digest Log::root_at(std::uint64_t size) const {
    return state_->store.root_at(size);
}

}  // namespace efface::evidence

// SPDX-License-Identifier: Apache-2.0
// What libcryptsetup says and does, behind a process boundary: each call runs in a short-lived
// child, because libcryptsetup keeps volume keys in the thread keyring until the process ends.
// A return code of 0 is an answer, never evidence (cryptsetup ignores failed flushes and does not
// read back what it wrote).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/secret.hpp"

namespace efface::device {

/// The header and, for a detached header, the device that it unlocks.
struct LuksLocation {
    std::filesystem::path header;
    std::optional<std::filesystem::path> data;
};

// Every answer has a `failure`: empty, or why the child gave none (it crashed on a hostile header,
// hung, or was killed). Then the other fields say nothing, neither success nor refusal.

/// crypt_load() and what the library reads after it.
struct LoadAnswer {
    int code = 0;      ///< 0 or a negative errno of crypt_load
    std::string type;  ///< "LUKS1", "LUKS2", or empty
    std::string uuid;
    std::vector<int> keyslots;  ///< every slot whose status is not INACTIVE
    std::string reencryption;   ///< "none", "clean", "crash", "invalid"
    std::string failure;
};

struct SlotAnswer {
    int slot = 0;
    std::string status;  ///< before: "active", "active-last", "unbound", "invalid"
    int code = 0;        ///< of crypt_keyslot_destroy
};
struct DestroyAnswer {
    int load_code = 0;  ///< when negative nothing was attempted
    std::vector<SlotAnswer> slots;
    std::vector<int> tokens_removed;
    std::string failure;
};

struct UnlockAnswer {
    int load_code = 0;
    int code = 0;  ///< slot number, or a negative errno (-EPERM refused, -ENOENT no usable slot)
    std::string failure;
};

class LuksLibrary {
  public:
    virtual ~LuksLibrary() = default;
    /// All calls disable the library's metadata locking, and with it its automatic repair: the
    /// caller holds a MetadataLock.
    virtual LoadAnswer load(const LuksLocation& location) = 0;
    /// Destroys every slot whose status is not INACTIVE and goes on after a refusal; then tokens.
    virtual DestroyAnswer destroy_keyslots(const LuksLocation& location) = 0;
    /// Tries one passphrase or key-file content on all slots; activates nothing.
    virtual UnlockAnswer try_unlock(const LuksLocation& location,
                                    const SecretBytes& credential) = 0;
};

/// Runs `program luks-worker` for each call (posix_spawn; `program` is this executable), with the
/// request on its standard input and the answer on its standard output, and a deadline.
class LuksLibraryProcess final : public LuksLibrary {
  public:
    explicit LuksLibraryProcess(std::filesystem::path program, unsigned deadline_ms = 120'000);
    LoadAnswer load(const LuksLocation& location) override;
    DestroyAnswer destroy_keyslots(const LuksLocation& location) override;
    UnlockAnswer try_unlock(const LuksLocation& location, const SecretBytes& credential) override;

  private:
    std::filesystem::path program_;
    unsigned deadline_ms_;
};

/// The child's side: one request from `in_fd`, one answer to `out_fd`. Returns the exit status.
[[nodiscard]] int run_luks_worker(int in_fd, int out_fd);

/// "2.6.1" or whatever the loaded library calls itself; empty when it can not be asked.
[[nodiscard]] std::string luks_library_version();

}  // namespace efface::device

// SPDX-License-Identifier: Apache-2.0
// What libcryptsetup says and does, behind a process boundary: each call runs in a short-lived
// child of its own, because libcryptsetup keeps volume keys in the thread keyring until the process
// ends, and because a hostile header that crashes or hangs it must cost one volume only.
// A return code of 0 is an answer, never evidence (cryptsetup ignores failed flushes and does not
// read back what it wrote).
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/base/reason.hpp"
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
    ReasonCode why = ReasonCode::control_not_asked;  ///< of the failure
};

/// What an answer says of the credential: one that could not be tried is not a wrong one.
struct CredentialTrial {
    enum class Result { opened, refused, not_tried } result = Result::not_tried;
    ReasonCode why = ReasonCode::control_not_asked;  ///< why not
    std::string detail;                              ///< the answer in words
    bool header_found = true;                        ///< else nothing is there to be opened
};
[[nodiscard]] CredentialTrial trial_of(const UnlockAnswer& answer);

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

class WorkerClient;

/// Starts `program luks-worker` (`program` is this executable, which then calls run_luks_server())
/// at the first call and keeps it. That server has loaded libcryptsetup and initialised its crypto;
/// it touches no header itself, but forks a child for each call: a fork is a tenth of starting the
/// program. Each call has a deadline, then its child is killed and has ended when the call returns.
/// A server that died is started again, a few times. It ends with this object, and when this
/// process dies; its children are killed then. Safe from several threads.
class LuksLibraryProcess final : public LuksLibrary {
  public:
    explicit LuksLibraryProcess(std::filesystem::path program, unsigned deadline_ms = 120'000);
    ~LuksLibraryProcess() override;
    LuksLibraryProcess(const LuksLibraryProcess&) = delete;
    LuksLibraryProcess& operator=(const LuksLibraryProcess&) = delete;
    LoadAnswer load(const LuksLocation& location) override;
    DestroyAnswer destroy_keyslots(const LuksLocation& location) override;
    UnlockAnswer try_unlock(const LuksLocation& location, const SecretBytes& credential) override;

  private:
    std::unique_ptr<WorkerClient> worker_;
    unsigned deadline_ms_;
};

/// The server's side, in a process with one thread: serves until the other end of the socket
/// `control_fd` is closed. Returns the exit status.
[[nodiscard]] int run_luks_server(int control_fd);

/// "2.6.1" or whatever the loaded library calls itself; empty when it cannot be asked.
[[nodiscard]] std::string luks_library_version();

}  // namespace efface::device

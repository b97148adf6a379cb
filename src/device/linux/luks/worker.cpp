// SPDX-License-Identifier: Apache-2.0
// The only code that calls libcryptsetup (2.6 or later) on a header.
#include "worker.hpp"

#include <fmt/format.h>
#include <libcryptsetup.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <memory>

#include "efface/base/file.hpp"
#include "efface/device/luks_library.hpp"

#include "linux/process/fork_server.hpp"
#include "messages.hpp"

namespace efface::device {

namespace {

struct FreeDevice {
    void operator()(crypt_device* device) const noexcept { crypt_free(device); }
};
using Device = std::unique_ptr<crypt_device, FreeDevice>;

/// The library would write to standard error.
void say_nothing(int /*level*/, const char* /*message*/, void* /*user*/) {}

/// The loaded header, or the negative errno that says why not.
struct Loaded {
    Device device;
    int code = 0;
};

Loaded load_header(const LuksLocation& location) {
    crypt_device* raw = nullptr;
    const char* header = location.header.c_str();
    const int made = location.data ? crypt_init_data_device(&raw, header, location.data->c_str())
                                   : crypt_init(&raw, header);
    if (made < 0) {
        return {nullptr, made};
    }
    Device device(raw);
    crypt_set_log_callback(raw, say_nothing, nullptr);
    const int loaded = crypt_load(raw, CRYPT_LUKS, nullptr);
    if (loaded < 0) {
        return {nullptr, loaded};
    }
    return {std::move(device), 0};
}

int slot_count(crypt_device* device) {
    const int count = crypt_keyslot_max(crypt_get_type(device));
    return count < 0 ? 0 : count;
}

const char* name_of(crypt_keyslot_info status) {
    switch (status) {
        case CRYPT_SLOT_ACTIVE:
            return "active";
        case CRYPT_SLOT_ACTIVE_LAST:
            return "active-last";
        case CRYPT_SLOT_UNBOUND:
            return "unbound";
        case CRYPT_SLOT_INACTIVE:
            return "inactive";
        case CRYPT_SLOT_INVALID:
            break;
    }
    return "invalid";
}

std::string reencryption_of(crypt_device* device) {
    switch (crypt_reencrypt_status(device, nullptr)) {
        case CRYPT_REENCRYPT_NONE:
            return "none";
        case CRYPT_REENCRYPT_CLEAN:
            return "clean";
        case CRYPT_REENCRYPT_CRASH:
            return "crash";
        case CRYPT_REENCRYPT_INVALID:
            break;
    }
    return "invalid";
}

std::string text_or_empty(const char* text) {
    return text == nullptr ? "" : printable(text);
}

LoadAnswer answer_load(const LuksLocation& location) {
    const Loaded loaded = load_header(location);
    LoadAnswer answer;
    answer.code = loaded.code;
    crypt_device* device = loaded.device.get();
    if (device == nullptr) {
        return answer;
    }
    answer.type = text_or_empty(crypt_get_type(device));
    answer.uuid = text_or_empty(crypt_get_uuid(device));
    answer.reencryption = reencryption_of(device);
    for (int slot = 0; slot < slot_count(device); ++slot) {
        if (crypt_keyslot_status(device, slot) != CRYPT_SLOT_INACTIVE) {
            answer.keyslots.push_back(slot);
        }
    }
    return answer;
}

std::vector<int> remove_tokens(crypt_device* device) {
    std::vector<int> removed;
    const int count = crypt_token_max(crypt_get_type(device));
    for (int token = 0; token < count; ++token) {
        const crypt_token_info status = crypt_token_status(device, token, nullptr);
        if (status != CRYPT_TOKEN_INACTIVE && status != CRYPT_TOKEN_INVALID &&
            crypt_token_json_set(device, token, nullptr) >= 0) {
            removed.push_back(token);
        }
    }
    return removed;
}

DestroyAnswer answer_destroy(const LuksLocation& location) {
    const Loaded loaded = load_header(location);
    DestroyAnswer answer;
    answer.load_code = loaded.code;
    crypt_device* device = loaded.device.get();
    if (device == nullptr) {
        return answer;
    }
    for (int slot = 0; slot < slot_count(device); ++slot) {
        const crypt_keyslot_info status = crypt_keyslot_status(device, slot);
        if (status == CRYPT_SLOT_INACTIVE) {
            continue;
        }
        // A refusal (a reencryption slot, an unknown type: -EINVAL) may have wiped the area all
        // the same, and says nothing of the slots behind it.
        answer.slots.push_back({slot, name_of(status), crypt_keyslot_destroy(device, slot)});
    }
    answer.tokens_removed = remove_tokens(device);
    return answer;
}

int try_slot(crypt_device* device, int slot, ByteView credential, std::uint32_t flags) {
    // An empty passphrase is one; a null pointer is none.
    const char* passphrase = credential.empty() ? "" : as_text(credential).data();
    return crypt_activate_by_passphrase(device, nullptr, slot, passphrase, credential.size(),
                                        flags);
}

/// Longer than any key of a volume.
constexpr std::size_t kKeyBytesMax = 4096;

/// While a volume is being reencrypted it has two keys, and no call takes a passphrase that opens
/// one of them alone: each slot is asked for its key.
int try_each_slot(crypt_device* device, ByteView credential) {
    const char* passphrase = credential.empty() ? "" : as_text(credential).data();
    SecretBytes key(kKeyBytesMax);
    int answer = -ENOENT;
    for (int slot = 0; slot < slot_count(device); ++slot) {
        if (crypt_keyslot_status(device, slot) == CRYPT_SLOT_INACTIVE) {
            continue;
        }
        std::size_t key_bytes = key.size();
        const int code = crypt_volume_key_get(
            device, slot, static_cast<char*>(static_cast<void*>(key.view().data())), &key_bytes,
            passphrase, credential.size());
        if (code >= 0) {
            return slot;
        }
        const bool is_slot_without_key = code == -ENOENT || code == -EINVAL;
        // A slot that could not be tried is not made up for by one that refuses.
        if (!is_slot_without_key && (answer == -ENOENT || answer == -EPERM)) {
            answer = code;
        }
    }
    return answer;
}

UnlockAnswer answer_unlock(const LuksLocation& location, const SecretBytes& credential) {
    const Loaded loaded = load_header(location);
    crypt_device* device = loaded.device.get();
    if (device == nullptr) {
        return {loaded.code, loaded.code, ""};
    }
    const auto reencryption = crypt_reencrypt_status(device, nullptr);
    if (reencryption == CRYPT_REENCRYPT_CLEAN || reencryption == CRYPT_REENCRYPT_CRASH) {
        return {loaded.code, try_each_slot(device, credential.view()), ""};
    }
    // "Any slot" leaves out the unbound ones unless asked for, and those of priority "ignore".
    std::uint32_t flags = 0;
    std::vector<int> ignored;
    for (int slot = 0; slot < slot_count(device); ++slot) {
        const crypt_keyslot_info status = crypt_keyslot_status(device, slot);
        if (status == CRYPT_SLOT_UNBOUND) {
            flags = CRYPT_ACTIVATE_ALLOW_UNBOUND_KEY;
        }
        if (status != CRYPT_SLOT_INACTIVE &&
            crypt_keyslot_get_priority(device, slot) == CRYPT_SLOT_PRIORITY_IGNORE) {
            ignored.push_back(slot);
        }
    }
    UnlockAnswer answer;
    answer.code = try_slot(device, CRYPT_ANY_SLOT, credential.view(), flags);
    for (const int slot : ignored) {
        if (answer.code >= 0) {
            break;
        }
        const int code = try_slot(device, slot, credential.view(), flags);
        // A slot that could not be tried is not made up for by one that refuses.
        if (code >= 0 || answer.code == -EPERM || answer.code == -ENOENT) {
            answer.code = code;
        }
    }
    return answer;
}

void read_exactly(int fd, MutableByteView into) {
    while (!into.empty()) {
        const ssize_t count = ::read(fd, into.data(), into.size());
        if (count < 0 && errno == EINTR) {
            continue;
        }
        if (count <= 0) {
            throw Error(ErrorCode::usage, "luks worker: the request is truncated");
        }
        into = into.subspan(static_cast<std::size_t>(count));
    }
}

/// Byte by byte: what follows the line is a secret and belongs into locked memory only.
std::string read_line(int fd) {
    std::string line;
    std::array<std::uint8_t, 1> byte{};
    while (line.size() < kRequestLineMax) {
        read_exactly(fd, byte);
        if (byte[0] == '\n') {
            return line;
        }
        line.push_back(static_cast<char>(byte[0]));
    }
    throw Error(ErrorCode::usage, "luks worker: the request line is too long");
}

SecretBytes read_credential(int fd) {
    std::array<std::uint8_t, sizeof(std::uint64_t)> length{};
    read_exactly(fd, length);
    const auto size = read_be<std::uint64_t>(length, 0);
    if (size > kCredentialBytesMax) {
        throw Error(ErrorCode::usage, "luks worker: the credential is too long");
    }
    SecretBytes credential;
    if (size > 0) {
        credential = SecretBytes(static_cast<std::size_t>(size));
        read_exactly(fd, credential.view());
    }
    return credential;
}

Json answer_request(int in_fd) {
    const LuksRequest request = parse_request(read_line(in_fd));
    const SecretBytes credential = read_credential(in_fd);
    switch (request.operation) {
        case LuksOperation::load:
            return to_json(answer_load(request.location));
        case LuksOperation::destroy:
            return to_json(answer_destroy(request.location));
        case LuksOperation::unlock:
            return to_json(answer_unlock(request.location, credential));
    }
    EFFACE_ASSERT(false);
    return {};
}

/// Settings of the library that hold for the whole process and for those forked from it.
[[nodiscard]] bool settle_library() {
    crypt_set_log_callback(nullptr, say_nothing, nullptr);
    // No volume key into a kernel keyring, whatever the library would do with it.
    (void)crypt_volume_key_keyring(nullptr, 0);
    // Without its locking the library does not repair one header copy from the other.
    return crypt_metadata_locking(nullptr, 0) >= 0;
}

/// A LUKS2 header of which everything is right up to its checksum (LUKS2 on-disk format 1.1.1,
/// section 2.1), so that loading it makes the library hash and then refuse it.
Bytes header_with_wrong_checksum() {
    constexpr std::size_t kHeaderBytes = 16 * 1024;
    constexpr std::size_t kFileBytes = 2 * kHeaderBytes;
    Bytes file(kFileBytes);
    const auto put = [&](std::size_t offset, std::string_view text) {
        std::copy(text.begin(), text.end(), file.begin() + static_cast<std::ptrdiff_t>(offset));
    };
    put(0, "LUKS\xba\xbe");
    write_be<std::uint16_t>(file, 6, 2);
    write_be<std::uint64_t>(file, 8, kHeaderBytes);
    put(72, "sha256");
    return file;
}

/// Refusing a header has initialised the library's crypto backend (OpenSSL's providers, its
/// configuration and its digests: the most of what a fresh process costs). When it does not come to
/// that, each child does it itself.
void warm_up() {
    const UniqueFd file(::memfd_create("efface-header", MFD_CLOEXEC));
    const Bytes header = header_with_wrong_checksum();
    if (file && ::pwrite(file.get(), header.data(), header.size(), 0) ==
                    static_cast<ssize_t>(header.size())) {
        (void)load_header({fmt::format("/proc/self/fd/{}", file.get()), std::nullopt});
    }
}

}  // namespace

int answer_luks_request(int in_fd, int out_fd) {
    if (!settle_library()) {
        return static_cast<int>(ErrorCode::internal);
    }
    try {
        const std::string answer = answer_request(in_fd).dump();
        write_all(out_fd, as_bytes(answer), "luks worker: the answer");
        return 0;
    } catch (const Error& error) {
        return static_cast<int>(error.code());
    }
}

int run_luks_server(int control_fd) {
    harden_process();
    if (!settle_library()) {
        return static_cast<int>(ErrorCode::internal);
    }
    warm_up();
    return serve_requests(control_fd, [](int conversation) {
        return answer_luks_request(conversation, conversation);
    });
}

}  // namespace efface::device

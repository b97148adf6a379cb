// SPDX-License-Identifier: Apache-2.0
// libcryptsetup has no call for its version; it tells it in the first debug message of its crypto
// backend, which crypt_load() on an empty file brings about.
#include <fmt/format.h>
#include <libcryptsetup.h>
#include <sys/mman.h>
#include <unistd.h>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"
#include "efface/device/luks_library.hpp"

namespace efface::device {

namespace {

constexpr std::size_t kMessagesMax = std::size_t{16} << 10U;
constexpr off_t kEmptyFileBytes = 4096;

void collect(int /*level*/, const char* message, void* user) {
    auto* messages = static_cast<std::string*>(user);
    if (message != nullptr && messages->size() < kMessagesMax) {
        messages->append(message);
    }
}

void say_nothing(int /*level*/, const char* /*message*/, void* /*user*/) {}

std::string ask_version() {
    const UniqueFd file(::memfd_create("efface-version", MFD_CLOEXEC));
    if (!file || ::ftruncate(file.get(), kEmptyFileBytes) != 0) {
        return {};
    }
    std::string messages;
    crypt_set_log_callback(nullptr, collect, &messages);
    crypt_set_debug_level(CRYPT_DEBUG_ALL);
    crypt_device* device = nullptr;
    const std::string path = fmt::format("/proc/self/fd/{}", file.get());
    if (crypt_init(&device, path.c_str()) == 0) {
        (void)crypt_load(device, CRYPT_LUKS2, nullptr);
        crypt_free(device);
    }
    crypt_set_debug_level(CRYPT_DEBUG_NONE);
    crypt_set_log_callback(nullptr, say_nothing, nullptr);
    constexpr std::string_view kBefore = "library version ";
    const std::size_t at = messages.find(kBefore);
    if (at == std::string::npos) {
        return {};
    }
    const std::string rest = messages.substr(at + kBefore.size());
    const std::size_t end = rest.find_first_not_of("0123456789abcdefghijklmnopqrstuvwxyz.-");
    std::string version = rest.substr(0, end);
    while (!version.empty() && version.back() == '.') {
        version.pop_back();
    }
    return printable(version);
}

}  // namespace

std::string luks_library_version() {
    static const std::string version = ask_version();  // it is told once a process
    return version;
}

}  // namespace efface::device

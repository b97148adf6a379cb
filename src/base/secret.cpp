// SPDX-License-Identifier: Apache-2.0
#include "efface/base/secret.hpp"

#include <openssl/crypto.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "efface/base/error.hpp"

namespace efface {

SecretBytes::SecretBytes(std::size_t size) : size_(size) {
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    mapped_ = std::max<std::size_t>((size + page - 1) / page, 1) * page;
    void* memory =
        ::mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        throw_errno(ErrorCode::internal, "memory for a secret", errno);
    }
    data_ = static_cast<std::uint8_t*>(memory);
    if (::mlock(data_, mapped_) != 0 || ::madvise(data_, mapped_, MADV_DONTDUMP) != 0 ||
        ::madvise(data_, mapped_, MADV_DONTFORK) != 0) {
        const int error = errno;
        release();
        throw_errno(ErrorCode::internal, "locking memory for a secret failed", error);
    }
}

SecretBytes::SecretBytes(ByteView bytes) : SecretBytes(bytes.size()) {
    std::copy(bytes.begin(), bytes.end(), data_);
}

SecretBytes::~SecretBytes() {
    release();
}

SecretBytes::SecretBytes(SecretBytes&& other) noexcept
    : data_(std::exchange(other.data_, nullptr)),
      size_(std::exchange(other.size_, 0)),
      mapped_(std::exchange(other.mapped_, 0)) {}

SecretBytes& SecretBytes::operator=(SecretBytes&& other) noexcept {
    if (this != &other) {
        release();
        data_ = std::exchange(other.data_, nullptr);
        size_ = std::exchange(other.size_, 0);
        mapped_ = std::exchange(other.mapped_, 0);
    }
    return *this;
}

void SecretBytes::shrink(std::size_t size) noexcept {
    EFFACE_ASSERT(size <= size_);
    cleanse(view().subspan(size));
    size_ = size;
}

void SecretBytes::release() noexcept {
    if (data_ != nullptr) {
        OPENSSL_cleanse(data_, mapped_);
        (void)::munmap(data_, mapped_);  // also unlocks
        data_ = nullptr;
    }
}

void cleanse(MutableByteView bytes) noexcept {
    OPENSSL_cleanse(bytes.data(), bytes.size());
}

void harden_process() noexcept {
    const rlimit none{0, 0};
    (void)::setrlimit(RLIMIT_CORE, &none);
    (void)::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace efface

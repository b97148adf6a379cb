// SPDX-License-Identifier: Apache-2.0
#include "key_files.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "efface/base/file.hpp"

namespace efface::evidence {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kEd25519SeedBytes = 32;

/// Nobody is asked for a passphrase: an encrypted key fails here.
int no_passphrase(char* /*buffer*/, int /*size*/, int /*writing*/, void* /*user*/) {
    return -1;
}

UniqueFd open_private(const fs::path& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) {
        throw_errno(ErrorCode::usage, path.string(), errno);
    }
    struct stat status {};
    if (::fstat(fd.get(), &status) != 0) {
        throw_errno(ErrorCode::usage, path.string(), errno);
    }
    if (!S_ISREG(status.st_mode) || (status.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
        throw Error(ErrorCode::authorisation,
                    path.string() + ": a private key that others can read is not used",
                    "run chmod 600 on it, and consider whether it has been copied");
    }
    return fd;
}

SecretBytes read_all(int fd, const fs::path& path) {
    SecretBytes bytes(kPemBytesMax + 1);
    std::size_t have = 0;
    while (have < bytes.size()) {
        const ssize_t got = ::read(fd, bytes.view().data() + have, bytes.size() - have);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw_errno(ErrorCode::usage, path.string(), errno);
        }
        if (got == 0) {
            break;
        }
        have += static_cast<std::size_t>(got);
    }
    if (have > kPemBytesMax) {
        throw Error(ErrorCode::usage, path.string() + ": too large for a key");
    }
    bytes.shrink(have);
    return bytes;
}

}  // namespace

PkeyPtr read_private_key(const fs::path& path) {
    const UniqueFd fd = open_private(path);
    const SecretBytes pem = read_all(fd.get(), path);
    const BioPtr bio = read_only_bio(pem.view());
    PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    if (key == nullptr) {
        throw Error(ErrorCode::usage, path.string() + ": not an unencrypted private key in PEM (" +
                                          drain_openssl_errors() + ")");
    }
    ERR_clear_error();
    return key;
}

void write_private_key(const fs::path& path, const EVP_PKEY* key) {
    const BioPtr bio(BIO_new(BIO_s_secmem()));  // cleansed when freed
    require(bio != nullptr && PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0,
                                                            nullptr, nullptr) == 1,
            "write private key as PEM");
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio.get(), &data);
    write_file_durably(path, std::string_view(data, static_cast<std::size_t>(size)), 0600);
}

PkeyPtr ed25519_from_seed(const SecretBytes& seed) {
    EFFACE_ASSERT(seed.size() == kEd25519SeedBytes);
    PkeyPtr key(
        EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.view().data(), seed.size()));
    require(key != nullptr, "make an Ed25519 key");
    return key;
}

SecretBytes seed_of_ed25519(const EVP_PKEY* key) {
    SecretBytes seed(kEd25519SeedBytes);
    std::size_t size = seed.size();
    if (EVP_PKEY_is_a(key, "ED25519") != 1 ||
        EVP_PKEY_get_raw_private_key(key, seed.view().data(), &size) != 1 || size != seed.size()) {
        (void)drain_openssl_errors();
        throw Error(ErrorCode::usage, "the log key is not an Ed25519 key");
    }
    return seed;
}

}  // namespace efface::evidence

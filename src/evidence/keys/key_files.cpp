// SPDX-License-Identifier: Apache-2.0
#include "key_files.hpp"

#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/pkcs12.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "efface/base/file.hpp"

namespace efface::evidence {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kEd25519SeedBytes = 32;

constexpr std::string_view kEncrypted = "-----BEGIN ENCRYPTED PRIVATE KEY-----";
constexpr std::uint64_t kScryptN = 16384;
constexpr std::uint64_t kScryptR = 8;
constexpr std::uint64_t kScryptP = 1;

using PrivateKeyInfoPtr = Owned<PKCS8_PRIV_KEY_INFO, PKCS8_PRIV_KEY_INFO_free>;
using AlgorithmPtr = Owned<X509_ALGOR, X509_ALGOR_free>;
using EncryptedPtr = Owned<X509_SIG, X509_SIG_free>;

/// PEM's callback: the passphrase that `user` points to, or none.
int give_passphrase(char* buffer, int size, int /*writing*/, void* user) {
    const auto* passphrase = static_cast<const SecretBytes*>(user);
    if (passphrase == nullptr || size < 0 || passphrase->size() > static_cast<std::size_t>(size)) {
        return -1;
    }
    std::copy(passphrase->view().begin(), passphrase->view().end(), buffer);
    return static_cast<int>(passphrase->size());
}

UniqueFd open_private(const fs::path& path) {
    UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!fd) {
        throw Error(ErrorCode::usage, path.string() + ": " + errno_text(errno),
                    "name the file itself, not a link, and check that this user may read it");
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

SecretBytes read_all(int fd, const fs::path& path, std::size_t bytes_max) {
    SecretBytes bytes(bytes_max + 1);
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
    if (have > bytes_max) {
        throw Error(ErrorCode::usage, path.string() + ": too large for a key or a passphrase");
    }
    bytes.shrink(have);
    return bytes;
}

}  // namespace

PkeyPtr read_private_key(const fs::path& path, PassphraseSource& passphrases) {
    const UniqueFd fd = open_private(path);
    const SecretBytes pem = read_all(fd.get(), path, kPemBytesMax);
    const bool encrypted = as_text(pem.view()).find(kEncrypted) != std::string_view::npos;
    SecretBytes passphrase;
    if (encrypted) {
        passphrase = passphrases.passphrase("the key " + path.string());
    }
    const BioPtr bio = read_only_bio(pem.view());
    PkeyPtr key(PEM_read_bio_PrivateKey(bio.get(), nullptr, give_passphrase,
                                        encrypted ? &passphrase : nullptr));
    if (key == nullptr && encrypted) {
        (void)drain_openssl_errors();
        throw Error(ErrorCode::authorisation, ReasonCode::wrong_passphrase,
                    path.string() + ": the passphrase does not open it", "try again");
    }
    if (key == nullptr) {
        throw Error(ErrorCode::usage,
                    path.string() + ": not a private key in PEM (" + drain_openssl_errors() + ")",
                    "PKCS#8 is read, with a passphrase or without; convert it with: openssl pkcs8 "
                    "-topk8");
    }
    ERR_clear_error();
    return key;
}

PkeyPtr read_private_key(const fs::path& path) {
    NoPassphrase nobody;
    return read_private_key(path, nobody);
}

bool is_encrypted_key(const fs::path& path) {
    const UniqueFd fd(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    std::array<char, kEncrypted.size()> begin{};
    return fd &&
           ::pread(fd.get(), begin.data(), begin.size(), 0) == static_cast<ssize_t>(begin.size()) &&
           std::string_view(begin.data(), begin.size()) == kEncrypted;
}

SecretBytes read_secret_file(const fs::path& path, std::size_t bytes_max) {
    const UniqueFd fd = open_private(path);
    SecretBytes bytes = read_all(fd.get(), path, bytes_max);
    const auto text = as_text(bytes.view());
    bytes.shrink(std::min(text.find('\n'), text.size()));
    return bytes;
}

namespace {

/// PKCS#8 under scrypt (RFC 7914 section 7): OpenSSL's own writer takes 2048 rounds of PBKDF2.
void write_encrypted(BIO* out, const EVP_PKEY* key, const SecretBytes& passphrase) {
    const PrivateKeyInfoPtr info(EVP_PKEY2PKCS8(key));
    AlgorithmPtr scheme(PKCS5_pbe2_set_scrypt(EVP_aes_256_cbc(), nullptr, 0, nullptr, kScryptN,
                                              kScryptR, kScryptP));
    require(info != nullptr && scheme != nullptr, "encrypt a private key");
    const EncryptedPtr encrypted(PKCS8_set0_pbe(as_text(passphrase.view()).data(),
                                                static_cast<int>(passphrase.size()), info.get(),
                                                scheme.get()));
    require(encrypted != nullptr, "encrypt a private key");
    (void)scheme.release();  // it belongs to `encrypted` now
    require(PEM_write_bio_PKCS8(out, encrypted.get()) == 1, "write private key as PEM");
}

}  // namespace

void write_private_key(const fs::path& path, const EVP_PKEY* key, const SecretBytes* passphrase) {
    const BioPtr bio(BIO_new(BIO_s_secmem()));  // cleansed when freed
    require(bio != nullptr, "allocate memory");
    if (passphrase != nullptr) {
        write_encrypted(bio.get(), key, *passphrase);
    } else {
        require(PEM_write_bio_PKCS8PrivateKey(bio.get(), key, nullptr, nullptr, 0, nullptr,
                                              nullptr) == 1,
                "write private key as PEM");
    }
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

// SPDX-License-Identifier: Apache-2.0
// Keys in a TPM 2.0, by the provider of tpm2-openssl. It gets a library context of its own: in the
// default one it would be asked for every digest and random number of the program.
#include <openssl/provider.h>
#include <openssl/store.h>

#include <cstdlib>

#include "efface/base/json.hpp"

#include "open_key.hpp"

namespace efface::evidence {

namespace {

constexpr const char* kPrefersTpm = "?provider=tpm2";

class TpmLibrary final {
  public:
    TpmLibrary() : library_(OSSL_LIB_CTX_new()) {
        (void)::setenv("TSS2_LOG", "all+none", 0);  // it writes to standard error otherwise
        require(library_ != nullptr, "make a library context");
        tpm_ = OSSL_PROVIDER_load(library_, "tpm2");
        default_ = tpm_ == nullptr ? nullptr : OSSL_PROVIDER_load(library_, "default");
        if (default_ == nullptr) {
            const auto why = drain_openssl_errors();
            release();
            throw Error(ErrorCode::usage, ReasonCode::no_keys,
                        "the TPM cannot be reached, or OpenSSL has no provider for it: " + why,
                        "install tpm2-openssl; /dev/tpmrm0 must be there");
        }
    }
    ~TpmLibrary() { release(); }
    TpmLibrary(const TpmLibrary&) = delete;
    TpmLibrary& operator=(const TpmLibrary&) = delete;
    TpmLibrary(TpmLibrary&&) = delete;
    TpmLibrary& operator=(TpmLibrary&&) = delete;
    [[nodiscard]] OSSL_LIB_CTX* get() const noexcept { return library_; }

  private:
    void release() noexcept {
        if (default_ != nullptr) {
            (void)OSSL_PROVIDER_unload(default_);
        }
        if (tpm_ != nullptr) {
            (void)OSSL_PROVIDER_unload(tpm_);
        }
        OSSL_LIB_CTX_free(library_);
    }
    OSSL_LIB_CTX* library_;
    OSSL_PROVIDER* tpm_ = nullptr;
    OSSL_PROVIDER* default_ = nullptr;
};

using StorePtr = Owned<OSSL_STORE_CTX, OSSL_STORE_close>;
using StoreInfoPtr = Owned<OSSL_STORE_INFO, OSSL_STORE_INFO_free>;

}  // namespace

OpenKey open_tpm_key(const KeyUri& uri) {
    const auto library = std::make_shared<TpmLibrary>();
    OpenKey open;
    open.library = library->get();
    open.properties = kPrefersTpm;
    const StorePtr store(OSSL_STORE_open_ex(uri.text.c_str(), library->get(), kPrefersTpm, nullptr,
                                            nullptr, nullptr, nullptr, nullptr));
    while (store != nullptr && open.key == nullptr && OSSL_STORE_eof(store.get()) == 0) {
        const StoreInfoPtr info(OSSL_STORE_load(store.get()));
        if (info != nullptr && OSSL_STORE_INFO_get_type(info.get()) == OSSL_STORE_INFO_PKEY) {
            open.key.reset(OSSL_STORE_INFO_get1_PKEY(info.get()));
        }
    }
    if (open.key == nullptr) {
        throw Error(ErrorCode::usage, ReasonCode::no_keys,
                    printable(uri.text) + ": the TPM has no such key, or cannot be reached: " +
                        drain_openssl_errors(),
                    "tpm2_getcap handles-persistent lists its handles; /dev/tpmrm0 must be there");
    }
    (void)drain_openssl_errors();
    open.keeper = library;
    return open;
}

}  // namespace efface::evidence

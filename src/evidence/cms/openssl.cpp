// SPDX-License-Identifier: Apache-2.0
#include "openssl.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>

#include <algorithm>
#include <ctime>

#include "efface/base/digest.hpp"
#include "efface/base/json.hpp"

namespace efface::evidence {

namespace {
constexpr int kErrorsMax = 16;
}  // namespace

std::string drain_openssl_errors() {
    std::string text;
    for (int i = 0; i < kErrorsMax; ++i) {
        const unsigned long code = ERR_get_error();
        if (code == 0) {
            break;
        }
        const char* reason = ERR_reason_error_string(code);
        text += text.empty() ? "" : "; ";
        text += reason == nullptr ? "unknown reason" : reason;
    }
    ERR_clear_error();
    return text;
}

void throw_openssl(const std::string& what) {
    const std::string reasons = drain_openssl_errors();
    throw Error(ErrorCode::internal,
                "OpenSSL could not " + what + (reasons.empty() ? "" : ": " + reasons));
}

void require(bool good, const char* what) {
    if (!good) {
        throw_openssl(what);
    }
}

BioPtr read_only_bio(ByteView bytes) {
    EFFACE_ASSERT(bytes.size() <= std::size_t{INT32_MAX});
    static constexpr std::uint8_t kNothing = 0;  // BIO_new_mem_buf refuses a null pointer
    BioPtr bio(
        BIO_new_mem_buf(bytes.empty() ? &kNothing : bytes.data(), static_cast<int>(bytes.size())));
    require(bio != nullptr, "allocate memory");
    return bio;
}

std::string text_of(const BioPtr& memory) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(memory.get(), &data);
    return std::string(data, static_cast<std::size_t>(size));
}

Bytes der_of(const X509* certificate) {
    const int size = i2d_X509(certificate, nullptr);
    require(size > 0, "encode certificate");
    Bytes der(static_cast<std::size_t>(size));
    std::uint8_t* out = der.data();
    require(i2d_X509(certificate, &out) == size, "encode certificate");
    return der;
}

std::string pem_of(X509* certificate) {
    const BioPtr bio(BIO_new(BIO_s_mem()));
    require(bio != nullptr && PEM_write_bio_X509(bio.get(), certificate) == 1,
            "write certificate as PEM");
    return text_of(bio);
}

std::string spki_sha256_of(const X509* certificate) {
    X509_PUBKEY* key = X509_get_X509_PUBKEY(certificate);
    const int size = i2d_X509_PUBKEY(key, nullptr);
    require(size > 0, "encode public key");
    Bytes der(static_cast<std::size_t>(size));
    std::uint8_t* out = der.data();
    require(i2d_X509_PUBKEY(key, &out) == size, "encode public key");
    return sha256_hex(der);
}

std::string common_name_of(const X509* certificate) {
    const X509_NAME* name = X509_get_subject_name(certificate);
    int last = -1;
    for (int i = 0; i < X509_NAME_entry_count(name); ++i) {
        const X509_NAME_ENTRY* entry = X509_NAME_get_entry(name, i);
        last = OBJ_obj2nid(X509_NAME_ENTRY_get_object(entry)) == NID_commonName ? i : last;
    }
    if (last < 0) {
        return {};
    }
    const ASN1_STRING* value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, last));
    const int size = ASN1_STRING_length(value);
    return printable(as_text(
        ByteView(ASN1_STRING_get0_data(value), static_cast<std::size_t>(size < 0 ? 0 : size))));
}

namespace {

constexpr std::string_view kPemBegin = "-----BEGIN CERTIFICATE-----";
constexpr std::string_view kPemEnd = "-----END CERTIFICATE-----";

/// The next line off the front of `text`, without its line feed and a carriage return before it.
std::string_view take_pem_line(std::string_view& text) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.ends_with('\r')) {
        line.remove_suffix(1);
    }
    return line;
}

/// The certificate whose BEGIN line was taken off `text`, up to its END line: RFC 7468, strict.
X509Ptr take_pem_certificate(std::string_view& text) {
    constexpr std::size_t kLineBytes = 64;
    std::string base64;
    bool last = false;
    while (true) {
        if (text.empty()) {
            return nullptr;
        }
        const std::string_view line = take_pem_line(text);
        if (line == kPemEnd) {
            break;
        }
        if (last || line.empty() || line.size() > kLineBytes) {
            return nullptr;
        }
        last = line.size() < kLineBytes;
        base64 += line;
    }
    const auto der = from_base64(base64);
    if (!der || der->empty()) {
        return nullptr;
    }
    const std::uint8_t* at = der->data();
    X509Ptr certificate(d2i_X509(nullptr, &at, static_cast<long>(der->size())));
    ERR_clear_error();
    return certificate != nullptr && der_of(certificate.get()) == *der ? std::move(certificate)
                                                                       : nullptr;
}

}  // namespace

std::vector<X509Ptr> certificates_from_pem(std::string_view pem) {
    std::vector<X509Ptr> certificates;
    if (pem.size() > kPemBytesMax * kCertificatesMax) {
        return certificates;
    }
    while (!pem.empty()) {
        const std::string_view line = take_pem_line(pem);
        if (line.empty() && !certificates.empty()) {
            continue;
        }
        X509Ptr certificate = line == kPemBegin ? take_pem_certificate(pem) : nullptr;
        if (certificate == nullptr || certificates.size() == std::size_t{kCertificatesMax}) {
            return {};
        }
        certificates.push_back(std::move(certificate));
    }
    return certificates;
}

std::time_t to_time_t(WallTime time) noexcept {
    return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

std::optional<WallTime> from_asn1_time(const ASN1_TIME* time) {
    std::tm parts{};
    if (time == nullptr || ASN1_TIME_to_tm(time, &parts) != 1) {
        ERR_clear_error();
        return std::nullopt;
    }
    const std::time_t seconds = timegm(&parts);
    if (seconds < 0) {
        return std::nullopt;
    }
    return WallTime(std::chrono::seconds(seconds));
}

}  // namespace efface::evidence

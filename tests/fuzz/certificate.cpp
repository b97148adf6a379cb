// SPDX-License-Identifier: Apache-2.0
// Fuzzes what reads a bundle of strangers. The first byte says what the rest is: J a certificate,
// S a CMS signature, P certificates in PEM.
#include <algorithm>

#include "efface/base/assert.hpp"
#include "efface/evidence/bundle.hpp"
#include "efface/judge/judge.hpp"
#include "efface/view/page.hpp"
#include "efface/view/text.hpp"

#include "cms/openssl.hpp"

using namespace efface;
using namespace efface::evidence;

namespace {

// tests/data/evidence/cms/root.pem and content: some inputs of the corpus verify with them.
constexpr std::string_view kContent = "signed content\n";
constexpr std::string_view kRoot =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBvzCCAUagAwIBAgIUccLrtX2AgZZJZxFI3BXxe8A2ZyswCgYIKoZIzj0EAwMw\n"
    "DzENMAsGA1UEAwwEcm9vdDAeFw0yNjExMjIwMTIyMTBaFw00NjExMTcwMTIyMTBa\n"
    "MA8xDTALBgNVBAMMBHJvb3QwdjAQBgcqhkjOPQIBBgUrgQQAIgNiAARosaBHIwPm\n"
    "KIHVQnLmCgSOeJlxKsXyTCMsmxwlIG49sRyivAn8BRIuHnYC8cw+JWmWeAZBp2cX\n"
    "bbEYir3OFW1BPDEAl5yS/JwJVYFn4VhqWwZ9d+C6a6WQ62P/5F0ZQlCjYzBhMB0G\n"
    "A1UdDgQWBBRCEo6BkRPZVH0yR7llUJYnUqfz7jAfBgNVHSMEGDAWgBRCEo6BkRPZ\n"
    "VH0yR7llUJYnUqfz7jAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB/wQEAwIBBjAK\n"
    "BggqhkjOPQQDAwNnADBkAjA8qlO8xqLg82eMV/xc+CXBQEEiC7toehpMMY0OtFT+\n"
    "Mnhdrep+Zm41OAfVOui7ZxkCMEdQ+64C9tJ87PqpvrLwZhKTVhuQcW80BkE/3qCw\n"
    "nXvUaxaifRjD797+VeyjW///mQ==\n"
    "-----END CERTIFICATE-----\n";

bool is_printable_page(const std::string& text) {
    std::size_t columns = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        columns = c == '\n' ? 0 : columns + ((byte & 0xc0U) == 0x80U ? 0 : 1);
        if (columns > view::kPageColumns || (byte < 0x20U && c != '\n') || byte == 0x7fU) {
            return false;
        }
    }
    return true;
}

void fuzz_certificate(std::string_view text) {
    Json certificate;
    try {
        certificate = parse_json(text, "input");
    } catch (const Error&) {
        return;
    }
    EFFACE_ASSERT(is_printable_page(view::render_text(certificate)));
    try {
        const rules::RecordView view(certificate, "certificate");
        judge::check_statement(view);
        judge::check_predicate(view.at("predicate"));
        judge::check_rules(view.at("predicate"));
    } catch (const Error&) {  // every other exception is a finding
        return;
    }
}

void fuzz_signature(std::string_view der) {
    const CmsReport report = cms_verify(as_bytes(kContent), as_bytes(der), kRoot);
    for (const Signer& signer : report.signers) {
        EFFACE_ASSERT(signer.spki_sha256.size() == 64);
    }
    EFFACE_ASSERT(!report.ok() || report.signers.front().signing_time.has_value());
    EFFACE_ASSERT(!cms_verify(as_bytes("other"), as_bytes(der), kRoot).ok());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const std::string_view rest = as_text(ByteView(data, size).subspan(1));
    if (data[0] == 'J') {
        fuzz_certificate(rest);
    } else if (data[0] == 'S') {
        fuzz_signature(rest);
    } else if (data[0] == 'P') {
        (void)certificates_from_pem(rest);
    }
    return 0;
}

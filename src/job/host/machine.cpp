// SPDX-License-Identifier: Apache-2.0
#include "machine.hpp"

#include <fcntl.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cerrno>
#include <string_view>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/device/luks_library.hpp"

#include "record/certificate_parts.hpp"

namespace efface::job {

namespace {

constexpr std::size_t kSmallFileBytesMax = 64 * 1024;
constexpr std::size_t kReadBytes = 1024 * 1024;

std::string first_line(const std::filesystem::path& path) {
    try {
        const auto text = read_text_file(path, kSmallFileBytesMax);
        return text ? printable(text->substr(0, text->find('\n'))) : std::string();
    } catch (const Error&) {
        return {};  // unreadable by this user: the record leaves it empty
    }
}

std::string os_name() {
    const auto text = read_text_file("/etc/os-release", kSmallFileBytesMax).value_or("");
    constexpr std::string_view kKey = "PRETTY_NAME=\"";
    const auto start = text.find(kKey);
    if (start == std::string::npos) {
        return "unknown";
    }
    const auto from = start + kKey.size();
    return printable(text.substr(from, text.find('"', from) - from));
}

std::string file_sha256(const std::string& path) {
    const UniqueFd fd = open_file(path, O_RDONLY);
    Sha256 hash;
    Bytes piece(kReadBytes);
    for (;;) {
        const ssize_t got = ::read(fd.get(), piece.data(), piece.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw_errno(ErrorCode::internal, path, errno);
        }
        if (got == 0) {
            return to_hex(hash.finish());
        }
        hash.update(ByteView(piece).first(static_cast<std::size_t>(got)));
    }
}

Json clock_record() {
    timex state{};
    const int code = ::ntp_adjtime(&state);
    return ObjectWriter()
        .add("source", "kernel")
        .add("synchronised", code >= 0 && code != TIME_ERROR)
        .add("maxErrorMs", code >= 0 ? state.maxerror / 1000 : -1)
        .take();
}

}  // namespace

Json environment_record(const inventory::SystemView& view) {
    utsname name{};
    (void)::uname(&name);
    auto host_id = first_line("/sys/class/dmi/id/product_uuid");
    host_id = host_id.empty() ? "machine-id-sha256:" + sha256_hex(first_line("/etc/machine-id"))
                              : "dmi-uuid:" + host_id;
    return ObjectWriter()
        .add("hostId", host_id)
        .add("hostName", printable(name.nodename))
        .add("kernel", printable(name.release))
        .add("os", os_name())
        .add("bootId", first_line(view.proc / "sys/kernel/random/boot_id"))
        .add("clock", clock_record())
        .take();
}

Json tool_record(const std::string& program) {
    auto libraries = ObjectWriter()
                         .add("libcryptsetup", device::luks_library_version())
                         .add("openssl", openssl_version())
                         .take();
    return ObjectWriter()
        .add("name", "efface")
        .add("version", EFFACE_VERSION)
        .add("binaryDigest", sha256_record(file_sha256(program)))
        .add("libraries", std::move(libraries))
        .take();
}

}  // namespace efface::job

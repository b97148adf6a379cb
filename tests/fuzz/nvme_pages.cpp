// SPDX-License-Identifier: Apache-2.0
// What an NVMe drive may send, through everything that reads it. The first byte says what the rest
// is: 'c' Identify Controller, 'n' Identify Namespace, 'l' a namespace list, 'u' descriptors,
// 's' log 81h, 'h' log 02h, 'p' log 00h, 'e' log 0Dh, else a status field and command dwords.
#include <cstdlib>

#include "efface/base/json.hpp"
#include "efface/nvme/commands.hpp"
#include "efface/nvme/logs.hpp"
#include "efface/nvme/status.hpp"

namespace {

using namespace efface;

void require(bool holds) {
    if (!holds) {
        std::abort();
    }
}

bool printed(const std::string& text) {
    return printable(text) == text;
}

void read_controller(ByteView page) {
    const auto found = nvme::decode_controller(page);
    require(!found || page.size() >= nvme::kIdentifyBytes);
    if (found) {
        require(printed(found->serial) && printed(found->model) && printed(found->firmware) &&
                printed(found->subsystem_nqn));
        (void)nvme::version_text(found->version);
    }
}

void read_namespace(ByteView page) {
    const auto found = nvme::decode_namespace(page);
    if (!found) {
        return;
    }
    require(found->block_bytes == 0 || found->bytes() >= found->blocks);
    require(!found->format_remaining_percent || *found->format_remaining_percent < 128);
    // What is kept by a format must be the format that is there.
    const auto cdw10 = nvme::format_cdw10(*found, nvme::SecureErase::user_data);
    require(((cdw10 & 0xfU) | ((cdw10 >> 8U) & 0x30U)) == found->lba_format);
    require(((cdw10 >> 9U) & 7U) == 1);
}

void read_list(ByteView page) {
    const auto ids = nvme::decode_namespace_list(page);
    require(ids.size() <= nvme::kNamespacesInList && ids.size() * 4 <= page.size());
    std::uint32_t before = 0;
    for (const std::uint32_t id : ids) {
        require(id > before);
        before = id;
    }
}

void read_sanitize_log(ByteView page) {
    const auto log = nvme::decode_sanitize_log(page);
    if (!log) {
        return;
    }
    require(*to_string(log->outcome()) != '\0' && *to_string(log->state) != '\0');
    require(!log->progress() || (*log->progress() >= 0 && *log->progress() < 1));
    const auto sanitize = nvme::decode_sanitize(log->scdw10);
    require(sanitize.overwrite_passes <= 15);
}

void read_events(ByteView page) {
    const auto events = nvme::decode_erasure_events(page);
    require(events.empty() || nvme::event_log_bytes(page));
    require(events.size() * 24 <= page.size());
}

void read_dwords(ByteView bytes) {
    if (bytes.size() < 6) {
        return;
    }
    const auto status = read_le<std::uint16_t>(bytes, 0);
    require(nvme::status_text(status) ==
            nvme::status_text(static_cast<std::uint16_t>(status & nvme::kStatusMask)));
    (void)nvme::next_step(status);
    const auto name_space = nvme::decode_sanitize_namespace(read_le<std::uint32_t>(bytes, 2));
    require(name_space.overwrite_passes == 0 && !name_space.no_deallocate);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) {
        return 0;
    }
    const ByteView rest(data + 1, size - 1);
    switch (data[0]) {
        case 'c':
            read_controller(rest);
            return 0;
        case 'n':
            read_namespace(rest);
            return 0;
        case 'l':
            read_list(rest);
            return 0;
        case 'u':
            (void)nvme::decode_namespace_uuid(rest);
            return 0;
        case 's':
            read_sanitize_log(rest);
            return 0;
        case 'h':
            (void)nvme::decode_smart(rest);
            (void)nvme::decode_self_test_log(rest);
            return 0;
        case 'p':
            (void)nvme::supports_log_page(rest, 0x81);
            return 0;
        case 'e':
            read_events(rest);
            return 0;
        default:
            read_dwords(rest);
            return 0;
    }
}

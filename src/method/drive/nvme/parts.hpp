// SPDX-License-Identifier: Apache-2.0
// What the NVMe techniques share: the drive as it was read, and answers in words.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "efface/device/drive/nvme_transport.hpp"
#include "efface/method/drive/command_set.hpp"
#include "efface/nvme/commands.hpp"
#include "efface/nvme/logs.hpp"

namespace efface::method {

constexpr std::string_view kNvmeSanitizeBlock = "nvme-sanitize-block";
constexpr std::string_view kNvmeSanitizeCrypto = "nvme-sanitize-crypto";
constexpr std::string_view kNvmeSanitizeOverwrite = "nvme-sanitize-overwrite";
constexpr std::string_view kNvmeFormatCrypto = "nvme-format-crypto";
constexpr std::string_view kNvmeFormatUserData = "nvme-format-user-data";

/// One structure or page; `error` says why there is none.
struct NvmeReading {
    Bytes bytes;
    std::string error;
    bool refused = false;  ///< the drive answered, with a status
    [[nodiscard]] bool ok() const noexcept { return error.empty(); }
};
[[nodiscard]] NvmeReading nvme_read_identify(device::NvmeTransport& transport, nvme::Cns cns,
                                             std::uint32_t nsid);
[[nodiscard]] NvmeReading nvme_read_log(device::NvmeTransport& transport, nvme::LogPage page,
                                        std::size_t bytes);
/// The newest events of the Persistent Event Log; an error when the drive has none. Not to be
/// asked while a sanitize runs.
[[nodiscard]] NvmeReading nvme_read_event_log(device::NvmeTransport& transport);

/// "accepted", the status, or the errno, in words.
[[nodiscard]] std::string nvme_answer_text(const device::NvmeCompletion& completion);
/// The status with what to do about it.
[[nodiscard]] std::string nvme_refusal_text(const device::NvmeCompletion& completion);
[[nodiscard]] SentCommand nvme_sent(const std::string& name, const device::NvmeCommand& command,
                                    const device::NvmeCompletion& completion);
/// Byte counts as our records can hold them.
[[nodiscard]] Json nvme_json_count(std::uint64_t value);

struct NvmeNamespace {
    std::uint32_t nsid = 0;
    bool attached = false;  ///< to this controller
    nvme::NamespaceIdentity identity;
};

/// Attaches every namespace that is not attached to this controller, and keeps which those were.
[[nodiscard]] OpenedAreas nvme_attach_all(device::NvmeTransport& transport,
                                          OperationMemory& memory);
/// Detaches those again.
[[nodiscard]] std::optional<std::string> nvme_detach_attached(device::NvmeTransport& transport,
                                                              OperationMemory& memory,
                                                              std::vector<SentCommand>& commands);

/// The drive as it answers now.
struct NvmeFacts {
    std::string error;  ///< not empty: nothing else is filled in
    nvme::ControllerIdentity controller;
    std::vector<NvmeNamespace> namespaces;
    /// Every namespace of the subsystem is in the list, as far as the drive can be asked.
    bool all_listed = false;
    std::uint64_t unaccounted_bytes = 0;  ///< of TNVMCAP, neither in a namespace nor unallocated
    std::optional<nvme::SanitizeLog> sanitize_log;
    std::string sanitize_log_error;
    std::vector<RawPage> pages;
};
[[nodiscard]] NvmeFacts read_nvme_facts(device::NvmeTransport& transport);
[[nodiscard]] HealthLook ask_nvme_health(device::NvmeTransport& transport);

/// The technique that CDW10 of a Sanitize asks for; empty when it is none of ours.
[[nodiscard]] std::string nvme_sanitize_technique(std::uint32_t cdw10);
/// What log page 81h says, of whatever sanitize.
[[nodiscard]] OperationState nvme_sanitize_state(const NvmeReading& log);
/// The same, read from the drive; a drive without Sanitize is idle.
[[nodiscard]] OperationState read_nvme_sanitize_state(device::NvmeTransport& transport);

/// One technique on this drive; nothing when the name is not one of theirs.
[[nodiscard]] std::vector<TechniqueFacts> nvme_sanitize_techniques(const NvmeFacts& facts);
[[nodiscard]] std::vector<TechniqueFacts> nvme_format_techniques(const NvmeFacts& facts);
[[nodiscard]] std::unique_ptr<Operation> make_nvme_sanitize(std::string_view technique,
                                                            device::NvmeTransport& transport,
                                                            OperationMemory& memory);
[[nodiscard]] std::unique_ptr<Operation> make_nvme_format(std::string_view technique,
                                                          device::NvmeTransport& transport,
                                                          OperationMemory& memory);

/// Why neither Sanitize nor Format would be carried out at present.
[[nodiscard]] std::optional<Reason> nvme_write_protection(const NvmeFacts& facts);

}  // namespace efface::method

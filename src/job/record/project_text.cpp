// SPDX-License-Identifier: Apache-2.0
// Sentences that a person reads in the certificate. Facts come from the plan; nothing is promised
// that was not looked at.
#include <fmt/format.h>

#include "project_record.hpp"

namespace efface::job {

namespace {

std::string joined(const Json& list, const char* none) {
    std::string text;
    for (const auto& item : list) {
        text += (text.empty() ? "" : ", ") + item.get<std::string>();
    }
    return text.empty() ? none : text;
}

std::string places(const VolumePlan& plan) {
    std::string text;
    for (const auto& location : plan.locations) {
        text +=
            fmt::format("{}{} at {} ({} bytes)", text.empty() ? "" : "; ", to_string(location.role),
                        location.path, stream::total_bytes(location.region.ranges));
    }
    return text.empty() ? "none: declared as already gone" : text;
}

std::string medium(const Json& locations) {
    if (locations.empty()) {
        return "not examined";
    }
    const auto& identity = locations.front().at("identity");
    return fmt::format("{} {} {}, serial number {}", identity.value("kind", "unknown"),
                       identity.value("model", ""), identity.value("canonicalPath", ""),
                       identity.value("serialNumber", "") == ""
                           ? "none reported"
                           : identity.value("serialNumber", ""));
}

}  // namespace

Json cryptographic_erase_items(const VolumePlan& plan, const Json& locations) {
    const Json& facts = plan.encryption;
    const bool known = facts.is_object();
    const std::string ciphers = known ? joined(facts.at("ciphers"), "unknown") : "unknown";
    const std::uint64_t bits = known ? facts.at("keyBits").get<std::uint64_t>() : 0;
    const std::string derivations = known ? joined(facts.at("keyDerivations"), "none") : "unknown";
    const std::string tokens = known ? joined(facts.at("tokens"), "none") : "unknown";
    return ObjectWriter()
        .add("makeModelVersion", medium(locations))
        .add("keyGeneration",
             "by cryptsetup on the host that formatted the volume; not observed by this tool")
        .add("mediaEncryption", known
                                    ? fmt::format("LUKS{} payload, {}, {}-bit key",
                                                  facts.at("luksVersion").get<int>(), ciphers, bits)
                                    : "not examined")
        .add("keyLevel",
             fmt::format(
                 "every keyslot that wraps the volume key ({} in use, key derivation {}) and "
                 "the headers with its salts and digests",
                 known ? facts.at("keyslots").get<std::uint64_t>() : 0, derivations))
        .add("dataAreas",
             "the whole encrypted payload, by its key; the payload itself was not overwritten")
        .add("keyLifeCycle",
             fmt::format("one volume key for this volume; unlocking tokens: {}; no active mapping "
                         "before or after",
                         tokens))
        .add("technique",
             fmt::format("keyslots destroyed by libcryptsetup, then the metadata overwritten with "
                         "an AES-256-CTR stream, flushed, and read back completely: {}",
                         places(plan)))
        .add("keyEscrow",
             "copies listed in the manifest were erased in the same way; that there are no other "
             "copies is stated, not proved")
        .add("errorHandling",
             "a failed write, flush, read-back or negative control ends in not-sanitized or "
             "indeterminate; every fault is listed")
        .add("interface",
             "Linux block layer and libcryptsetup; commands and answers under evidence/")
        .take();
}

}  // namespace efface::job

// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/mandate/authorization.hpp"
#include "efface/mandate/manifest.hpp"
#include "efface/mandate/order.hpp"

#include "commands.hpp"
#include "keys/signer.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kTargetsShown = 20;
constexpr std::size_t kRootBytesMax = std::size_t{256} << 10U;

struct ApproveOptions {
    std::string file;
    std::string approval;
    std::string root;
    SignerOptions signer;
    bool json = false;
};

/// What is approved, for who approves it.
struct Approvable {
    std::string text;  ///< the bytes that are signed
    std::string shown;
};

std::string date_line(const char* what, const std::optional<WallTime>& at) {
    return at ? fmt::format("  {:<12}{}\n", what, to_rfc3339(*at)) : std::string();
}

std::string head(const char* kind, const std::string& id, const std::string& owner,
                 const mandate::Terms& terms) {
    return fmt::format("{} {}\n  {:<12}{}\n", kind, one_line(id), "owner", one_line(owner)) +
           (terms.ticket.empty() ? std::string()
                                 : fmt::format("  {:<12}{}\n", "ticket", one_line(terms.ticket))) +
           date_line("not before", terms.not_before) + date_line("not after", terms.not_after) +
           fmt::format("  {:<12}{}\n", "level",
                       terms.minimum_level == rules::Level::none
                           ? "none demanded"
                           : std::string(rules::to_string(terms.minimum_level)) + " at least");
}

template <typename List, typename Line>
std::string lines_of(const List& list, const char* what, const Line& line) {
    std::string text = fmt::format("  {} {}\n", list.size(), what);
    for (std::size_t i = 0; i < std::min(list.size(), kTargetsShown); ++i) {
        text += "    " + line(list[i]) + "\n";
    }
    return list.size() <= kTargetsShown
               ? text
               : text + fmt::format("    and {} more\n", list.size() - kTargetsShown);
}

Approvable approvable(const mandate::Order& order) {
    return {order.text,
            head("Order", order.id, order.owner, order.terms) +
                fmt::format("  {:<12}{}\n", "technique", one_line(order.choice.policy)) +
                lines_of(order.targets, "targets to erase", [](const auto& target) {
                    return one_line(target.name) +
                           (target.serial ? ", serial " + one_line(*target.serial) : "") +
                           (target.wwid ? ", WWID " + one_line(*target.wwid) : "") +
                           (target.asset_tag.empty() ? ""
                                                     : ", asset tag " + one_line(target.asset_tag));
                })};
}

Approvable approvable(const mandate::Manifest& manifest) {
    return {manifest.text, head("Project", manifest.project_id, manifest.owner, manifest.terms) +
                               lines_of(manifest.volumes, "volumes whose keys are destroyed",
                                        [](const auto& volume) {
                                            return one_line(volume.name) + ", " +
                                                   one_line(volume.path) + ", UUID " + volume.uuid;
                                        })};
}

/// A manifest or an order, checked as strictly as when it is carried out.
Approvable load(const std::string& path) {
    const auto text = read_text_file(path, mandate::kManifestBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path + ": there is no such file", "check the path");
    }
    return mandate::is_order(*text) ? approvable(mandate::parse_order(*text))
                                    : approvable(mandate::parse_manifest(*text));
}

void check_approver(const evidence::SigningKey& key, WallTime now) {
    if (key.role() != evidence::Role::approver) {
        throw Error(ErrorCode::authorisation, ReasonCode::not_an_approver,
                    fmt::format("{} is {}, not an approver", printable(key.subject()),
                                key.role() ? to_string(*key.role()) : "of no role"),
                    "sign with a key whose certificate has the role approver");
    }
    const auto validity = key.validity();
    if (now < validity.from || now > validity.to) {
        throw Error(
            ErrorCode::authorisation, ReasonCode::bad_approval,
            fmt::format("the certificate of {} is valid from {} to {}", printable(key.subject()),
                        to_rfc3339(validity.from), to_rfc3339(validity.to)),
            "have it renewed: efface keys renew NAME");
    }
}

struct Trust {
    std::string root;  ///< empty: there is none here, as on an approver's own machine
    std::string revocations;
};

/// That of --root, else of this machine's state folder, where it has one.
Trust trust_of(const Program& program, const ApproveOptions& options) {
    const auto keys = program.state().keys();
    if (options.root.empty()) {
        return {read_text_file(keys / "root.pem", kRootBytesMax).value_or(""),
                read_text_file(keys / "crl.pem", kRootBytesMax).value_or("")};
    }
    const auto text = read_text_file(options.root, kRootBytesMax);
    if (!text || evidence::trusted_roots(*text).empty()) {
        throw Error(ErrorCode::usage, options.root + ": must hold only certificates in PEM",
                    "give root.pem of the station that will erase");
    }
    return {*text, {}};
}

/// The signature of this key must be one that the station will take. Throws Error(authorisation).
void check_result(const std::string& text, const Bytes& signature, const Trust& trust,
                  const evidence::SigningKey& key) {
    if (trust.root.empty()) {
        return;
    }
    const auto report =
        evidence::cms_verify(as_bytes(text), signature, trust.root, trust.revocations);
    for (const auto& signer : report.signers) {
        if (signer.spki_sha256 == key.spki_sha256() && signer.revoked) {
            throw Error(ErrorCode::authorisation, ReasonCode::key_revoked,
                        printable(key.subject()) + ": the key was revoked",
                        "sign with a key that is valid; efface keys list shows them");
        }
    }
    if (!report.ok()) {
        throw Error(ErrorCode::authorisation, ReasonCode::bad_approval,
                    "the signature does not verify against the trusted root: " +
                        (report.problems.empty() ? "it has no signer" : report.problems.front()),
                    "use a certificate that this station's root issued");
    }
}

/// The signatures that are there must hold, as far as there is a root to hold them against.
void check_existing(const Bytes& existing, const std::string& text, const Trust& trust) {
    if (trust.root.empty()) {
        return;
    }
    const auto report =
        evidence::cms_verify(as_bytes(text), existing, trust.root, trust.revocations);
    if (!report.ok()) {
        throw Error(ErrorCode::usage,
                    "what is there is not an approval of this text: " +
                        (report.problems.empty() ? "it has no signer" : report.problems.front()),
                    "remove it, and have each approver approve the new text");
    }
}

int tell(const ApproveOptions& options, const Approvable& approved, const evidence::SigningKey& key,
         const std::string& path, bool before) {
    if (options.json) {
        print_json(ObjectWriter()
                       .add("schema", "efface.approval/1")
                       .add("key", printable(key.subject()))
                       .add("subjectPublicKeySha256", key.spki_sha256())
                       .add("sha256", sha256_hex(approved.text))
                       .add("approval", printable(path))
                       .add("signedBefore", before)
                       .take());
        return 0;
    }
    print(fmt::format("{} {} {} (SHA-256 {}) in {}\n", one_line(key.subject()),
                      before ? "has already approved" : "approved", one_line(options.file),
                      sha256_hex(approved.text), one_line(path)));
    return 0;
}

int approve(const Program& program, const ApproveOptions& options) {
    const auto approved = load(options.file);
    const auto path = options.approval.empty() ? options.file + ".p7s" : options.approval;
    if (!options.json) {
        show(approved.shown);
    }
    const auto key = open_signer(program, options.signer);
    const auto now = SystemClock().now();
    check_approver(key, now);
    const auto trust = trust_of(program, options);
    const auto content = as_bytes(approved.text);
    const auto existing = read_file(path, mandate::kApprovalBytesMax);
    if (existing) {
        check_existing(*existing, approved.text, trust);
    }
    if (existing && evidence::cms_signed_by(*existing, key)) {
        return tell(options, approved, key, path, true);
    }
    const auto signature = existing ? evidence::cms_add_signer(*existing, content, key, now)
                                    : evidence::cms_sign(content, key, now);
    check_result(approved.text, signature, trust, key);
    write_file_durably(path, signature, 0644);
    return tell(options, approved, key, path, false);
}

}  // namespace

void add_approve(Command& app, Program& program) {
    auto command =
        app.subcommand("approve", "Sign a manifest or an order as one of its two approvers");
    auto options = std::make_shared<ApproveOptions>();
    command.add("file", options->file, "Project manifest or order").kind("FILE").required();
    add_signer_options(command, options->signer,
                       "The approver's key: its name, file:PATH, pkcs11:... or handle:0x...");
    command.add("--root", options->root, "Evidence root of the station; default: that of this one")
        .kind("FILE");
    command.add("--approval", options->approval, "Default: FILE.p7s beside it").kind("FILE");
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return approve(program, *options); };
    });
}

}  // namespace efface::cli

// SPDX-License-Identifier: Apache-2.0
#include "efface/base/digest.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/cms.hpp"
#include "efface/mandate/authorization.hpp"
#include "efface/mandate/manifest.hpp"
#include "efface/mandate/order.hpp"

#include "commands.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

/// A manifest or an order, checked as strictly as when it is carried out.
std::string approvable_text(const std::string& path) {
    const auto text = read_text_file(path, mandate::kManifestBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path + ": there is no such file", "check the path");
    }
    return mandate::is_order(*text) ? mandate::load_order(path).text
                                    : mandate::load_manifest(path).text;
}

/// The signature of anybody else would spoil those of the approvers for good.
void must_be_approver(const evidence::SigningKey& key, const std::string& root_pem, WallTime now) {
    const Bytes nothing;
    const auto report =
        evidence::cms_verify(nothing, evidence::cms_sign(nothing, key, now), root_pem);
    if (!report.ok()) {
        throw Error(ErrorCode::authorisation, ReasonCode::bad_approval,
                    key.subject() + ": " + report.problems.front(),
                    "sign with a key that this machine's root issued: efface keys issue");
    }
    const auto role = report.signers.front().role;
    if (role != evidence::Role::approver) {
        throw Error(ErrorCode::authorisation, ReasonCode::not_an_approver,
                    key.subject() + " has the role " + (role ? to_string(*role) : "of nobody") +
                        ", not approver: nothing was signed",
                    "have an approver sign: efface keys issue NAME --role approver");
    }
}

struct ApproveOptions {
    std::string manifest;
    std::string key;
    std::string approval;
    bool json = false;
};

int approve(const Program& program, const ApproveOptions& options) {
    const auto text = approvable_text(options.manifest);
    const auto path = options.approval.empty() ? options.manifest + ".p7s" : options.approval;
    const auto keys = evidence::KeyStore::open(program.state().keys());
    const auto key = keys.person_key(options.key);
    const auto now = SystemClock().now();
    must_be_approver(key, keys.root_certificate_pem(), now);
    const auto content = as_bytes(text);
    const auto existing = read_file(path, mandate::kApprovalBytesMax);
    if (existing && !evidence::cms_verify(content, *existing, keys.root_certificate_pem()).ok()) {
        throw Error(ErrorCode::usage, path + ": is not an approval of this text",
                    "remove it, and have each approver approve the new text");
    }
    const auto signature = existing ? evidence::cms_add_signer(*existing, content, key, now)
                                    : evidence::cms_sign(content, key, now);
    write_file_durably(path, signature, 0644);
    if (options.json) {
        print_json(ObjectWriter()
                       .add("schema", "efface.approval/1")
                       .add("key", options.key)
                       .add("sha256", sha256_hex(text))
                       .add("approval", printable(path))
                       .take());
        return 0;
    }
    print(one_line(options.key) + " approved " + one_line(options.manifest) + " (SHA-256 " +
          sha256_hex(text) + ") in " + one_line(path) + "\n");
    return 0;
}

}  // namespace

void add_approve(Command& app, Program& program) {
    auto command =
        app.subcommand("approve", "Sign a manifest or an order as one of its two approvers");
    auto options = std::make_shared<ApproveOptions>();
    command.add("file", options->manifest, "Project manifest or order").kind("FILE").required();
    command.add("--key", options->key, "Name of the approver's key").kind("KEY").required();
    command.add("--approval", options->approval, "Default: FILE.p7s beside it").kind("FILE");
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return approve(program, *options); };
    });
}

}  // namespace efface::cli

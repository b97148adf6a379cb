// SPDX-License-Identifier: Apache-2.0
#include "efface/answers/verify.hpp"
#include "efface/base/file.hpp"

#include "commands.hpp"
#include "console.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kAnchorBytesMax = 256 * 1024;

struct VerifyOptions {
    std::string bundle;
    std::string root;
    std::string log_key;
    std::string log;
    bool json = false;
};

std::string read_anchor(const std::filesystem::path& path, const char* option) {
    auto text = read_text_file(path, kAnchorBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path.string() + ": there is no such trust anchor",
                    std::string("give it with ") + option);
    }
    return *std::move(text);
}

answers::TrustAnchors anchors_of(const Program& program, const VerifyOptions& options) {
    const auto state = program.state();
    answers::TrustAnchors anchors;
    anchors.roots_pem = read_anchor(
        options.root.empty() ? state.keys() / "root.pem" : std::filesystem::path(options.root),
        "--root");
    anchors.log_verifier_key =
        read_anchor(options.log_key.empty() ? state.keys() / "log.vkey"
                                            : std::filesystem::path(options.log_key),
                    "--log-key");
    if (!options.log.empty()) {
        anchors.log_directory = options.log;
    }
    return anchors;
}

Json document_of(const answers::Verification& verification) {
    Json checks = Json::array();
    for (const auto& check : verification.checks) {
        checks.push_back(ObjectWriter()
                             .add("name", check.name)
                             .add("passed", check.passed)
                             .add("detail", check.detail)
                             .take());
    }
    return ObjectWriter()
        .add("schema", "efface.verification/1")
        .add("verified", verification.ok())
        .add("checks", std::move(checks))
        .take();
}

int verify(const Program& program, const VerifyOptions& options) {
    const auto verification = answers::verify_bundle(options.bundle, anchors_of(program, options));
    if (options.json) {
        print_json(document_of(verification));
    } else {
        std::string text = answers::render_verification(verification);
        text += verification.ok() ? "The bundle is proved.\n" : "The bundle is NOT proved.\n";
        if (verification.ok() && options.root.empty()) {
            text +=
                "Trusted: the root and log key of this machine. An auditor gives --root and "
                "--log-key from elsewhere.\n";
        }
        print(text);
    }
    return verification.ok() ? 0 : static_cast<int>(ErrorCode::not_sanitized);
}

}  // namespace

void add_verify(Command& app, Program& program) {
    auto command = app.subcommand("verify", "Check a certificate bundle strictly, offline");
    auto options = std::make_shared<VerifyOptions>();
    command.add("bundle", options->bundle, "Bundle folder").required();
    command.add("--root", options->root, "Trusted evidence root (PEM)");
    command.add("--log-key", options->log_key, "Trusted log key (vkey line)");
    command.add("--log", options->log, "Folder of the whole log: shows what is missing");
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.when_named([&program, options] {
        program.run = [&program, options] { return verify(program, *options); };
    });
}

}  // namespace efface::cli

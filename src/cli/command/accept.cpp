// SPDX-License-Identifier: Apache-2.0
#include "efface/answers/acceptance.hpp"

#include "commands.hpp"
#include "keys/signer.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

struct AcceptOptions {
    std::string bundle;
    SignerOptions signer;
    std::string reason;
    bool reject = false;
    bool json = false;
};

constexpr const char* kAcceptSchema = "efface.accept/1";

int accept(const Program& program, const AcceptOptions& options) {
    const auto keys = evidence::KeyStore::open(program.state().keys());
    const answers::TrustAnchors anchors{
        keys.root_certificate_pem(), keys.log_verifier_key(), {}, keys.revocations_pem()};
    const answers::AcceptanceInput input{
        options.reject ? answers::Decision::rejected : answers::Decision::accepted, options.reason};
    SystemRandom random;
    const auto key = open_signer(program, options.signer);
    const auto number =
        answers::add_acceptance(options.bundle, anchors, input, key, SystemClock(), random);
    if (options.json) {
        print_json(ObjectWriter()
                       .add("schema", kAcceptSchema)
                       .add("bundle", printable(options.bundle))
                       .add("key", printable(key.subject()))
                       .add("decision", to_string(input.decision))
                       .add("number", number)
                       .add("exitCode", 0)
                       .take());
    } else {
        print(one_line(key.subject()) + " " + to_string(input.decision) + " " +
              printable(options.bundle) + " (acceptance " + std::to_string(number) + ")\n");
    }
    return 0;
}

}  // namespace

void add_accept(Command& app, Program& program) {
    auto command = app.subcommand("accept", "Accept or reject a certificate for the organisation");
    auto options = std::make_shared<AcceptOptions>();
    command.add("bundle", options->bundle, "Bundle folder").kind("FOLDER").required();
    add_signer_options(command, options->signer,
                       "Key of an approver or a witness: its name, file:PATH, pkcs11:... or "
                       "handle:0x...");
    command.add("--reason", options->reason, "Why, in words").kind("TEXT").required();
    command.flag("--reject", options->reject, "Reject it instead of accepting it");
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return accept(program, *options); };
    });
}

}  // namespace efface::cli

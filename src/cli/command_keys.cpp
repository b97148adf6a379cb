// SPDX-License-Identifier: Apache-2.0
#include "efface/base/file.hpp"
#include "efface/evidence/keys.hpp"

#include "commands.hpp"
#include "console.hpp"

namespace efface::cli {

namespace {

struct KeysOptions {
    evidence::Issuer issuer;
    std::string name;
    std::string role;
    bool json = false;
};

int init(const job::StateDirectory& state, const KeysOptions& options) {
    SystemClock clock;
    SystemRandom random;
    make_directories_durably(state.root);
    evidence::KeyStore::init(state.keys(), options.issuer, clock, random);
    const auto keys = evidence::KeyStore::open(state.keys());
    const auto signer = keys.log_signer();
    evidence::Log::create(state.log(), signer);
    auto log = evidence::Log::open(state.log(), signer);
    const auto at = to_rfc3339(clock.now());
    log.append(ObjectWriter()
                   .add("type", "log-created")
                   .add("at", at)
                   .add("origin", signer.name())
                   .take());
    log.append(ObjectWriter()
                   .add("type", "key-added")
                   .add("at", at)
                   .add("role", "station")
                   .add("subjectPublicKeySha256", keys.station_key().spki_sha256())
                   .take());
    const auto root = (state.keys() / "root.pem").string();
    const auto log_key = (state.keys() / "log.vkey").string();
    if (options.json) {
        print_json(ObjectWriter()
                       .add("schema", "efface.keys/1")
                       .add("root", printable(root))
                       .add("logKey", printable(log_key))
                       .take());
        return 0;
    }
    print("Keys and log are in " + one_line(state.root.string()) + ".\n" +
          "They are held in software: whoever is root here can copy them. Each certificate says "
          "so.\n" +
          "Give auditors these two by another way than the certificates:\n  " + one_line(root) +
          "\n  " + one_line(log_key) + "\n");
    return 0;
}

int issue(const job::StateDirectory& state, const KeysOptions& options) {
    const auto parsed = evidence::role_from_string(options.role);
    if (!parsed || *parsed == evidence::Role::station) {
        throw Error(ErrorCode::usage, "--role must be approver, operator or witness");
    }
    SystemRandom random;
    evidence::KeyStore::open(state.keys())
        .issue_person(options.name, *parsed, SystemClock(), random);
    const auto base = (state.keys() / "people" / options.name).string();
    if (options.json) {
        print_json(ObjectWriter()
                       .add("schema", "efface.key/1")
                       .add("name", options.name)
                       .add("role", options.role)
                       .add("key", printable(base + ".key"))
                       .add("certificate", printable(base + ".pem"))
                       .take());
        return 0;
    }
    print("Key of " + one_line(options.name) + " (" + options.role + "): " + one_line(base) +
          ".key and .pem\n");
    return 0;
}

}  // namespace

void add_keys(Command& app, Program& program) {
    auto keys = app.subcommand("keys", "Make the keys that sign evidence and approvals");
    keys.needs_subcommand();
    auto options = std::make_shared<KeysOptions>();
    auto init_command = keys.subcommand("init", "Make evidence root, station and log key");
    init_command.add("--organization", options->issuer.organization).required();
    init_command.add("--site", options->issuer.site).required();
    init_command.add("--station", options->issuer.station_id, "Name of this machine").required();
    init_command.flag("-J,--json", options->json, "Print one JSON document");
    init_command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return init(program.state(), *options); };
    });
    auto issue_command = keys.subcommand("issue", "Make the key of a person");
    issue_command.add("name", options->name).required();
    issue_command.add("--role", options->role, "approver, operator or witness").required();
    issue_command.flag("-J,--json", options->json, "Print one JSON document");
    issue_command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return issue(program.state(), *options); };
    });
}

}  // namespace efface::cli

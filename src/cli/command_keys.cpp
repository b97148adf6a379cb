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
};

int init(const job::StateDirectory& state, const evidence::Issuer& issuer) {
    SystemClock clock;
    SystemRandom random;
    make_directories_durably(state.root);
    evidence::KeyStore::init(state.keys(), issuer, clock, random);
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
    print("Keys and log are in " + state.root.string() + ".\n" +
          "They are held in software: whoever is root here can copy them. Each certificate says "
          "so.\n" +
          "Give auditors these two by another way than the certificates:\n  " +
          (state.keys() / "root.pem").string() + "\n  " + (state.keys() / "log.vkey").string() +
          "\n");
    return 0;
}

int issue(const job::StateDirectory& state, const std::string& name, const std::string& role) {
    const auto parsed = evidence::role_from_string(role);
    if (!parsed || *parsed == evidence::Role::station) {
        throw Error(ErrorCode::usage, "--role must be approver, operator or witness");
    }
    SystemRandom random;
    evidence::KeyStore::open(state.keys()).issue_person(name, *parsed, SystemClock(), random);
    print("Key of " + name + " (" + role + "): " + (state.keys() / "people").string() + "/" + name +
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
    init_command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return init(program.state(), options->issuer); };
    });
    auto issue_command = keys.subcommand("issue", "Make the key of a person");
    issue_command.add("name", options->name).required();
    issue_command.add("--role", options->role, "approver, operator or witness").required();
    issue_command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] {
            return issue(program.state(), options->name, options->role);
        };
    });
}

}  // namespace efface::cli

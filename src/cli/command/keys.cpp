// SPDX-License-Identifier: Apache-2.0
#include "efface/evidence/keys.hpp"

#include "efface/base/file.hpp"

#include "commands.hpp"
#include "keys/key_log.hpp"
#include "keys/people.hpp"
#include "keys/signer.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

struct KeysOptions {
    evidence::Issuer issuer;
    bool json = false;
};

/// An earlier `keys init` was killed when the keys were there and the log did not tell of them yet.
/// Where anything else is there, a log that is missing was lost, and is not begun again.
bool was_cut_short(const job::StateDirectory& state, const evidence::Issuer& issuer) {
    if (!std::filesystem::exists(state.keys() / "log.vkey") ||
        std::filesystem::exists(state.jobs()) || std::filesystem::exists(state.certificates())) {
        return false;
    }
    const auto keys = evidence::KeyStore::open(state.keys());
    return keys.issuer() == issuer && !log_has_begun(state, keys);
}

int init(const job::StateDirectory& state, const KeysOptions& options) {
    SystemClock clock;
    SystemRandom random;
    make_directories_durably(state.root);
    if (!was_cut_short(state, options.issuer)) {
        evidence::KeyStore::init(state.keys(), options.issuer, clock, random);
    }
    log_keys(state, evidence::KeyStore::open(state.keys()), clock);
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
          "They are held in software: root on this machine can copy them. Each certificate says "
          "so.\n" +
          "Give auditors these two files, separately from the certificates:\n  " + one_line(root) +
          "\n  " + one_line(log_key) + "\n");
    return 0;
}

/// Declares what each of the commands for people's keys takes, and what it does.
class PeopleCommands final {
  public:
    PeopleCommands(Command& keys, Program& program) : keys_(keys), program_(program) {}

    void add_request() {
        const auto options = std::make_shared<PersonOptions>();
        auto command = keys_.subcommand("request", "Ask for a certificate of a key of your own");
        add_name(command, *options);
        command.add("--key", options->key, "file:PATH, pkcs11:... or handle:0x...")
            .kind("KEY")
            .required();
        add_passphrase_option(command, options->passphrase);
        command.add("--output", options->output, "Default: standard output").kind("FILE");
        command.flag("-J,--json", options->json, "Print one JSON document");
        runs(command, [options] { return request_certificate(*options); });
    }
    void add_issue() {
        const auto options = std::make_shared<PersonOptions>();
        auto command = keys_.subcommand("issue", "Issue a certificate, and create the key");
        add_name(command, *options);
        command.add("--role", options->role, "What the person does")
            .one_of({"approver", "operator", "witness"})
            .required();
        command.add("--request", options->request, "Of a key that is held elsewhere").kind("FILE");
        command
            .add("--held", options->held,
                 "How the key of a request is held; you answer for it: the certificate says so")
            .one_of({"software", "hardware"})
            .show_default();
        add_passphrase_option(command, options->passphrase);
        command.flag("--no-passphrase", options->no_passphrase, "Who reads the file can sign");
        command.flag("-J,--json", options->json, "Print one JSON document");
        runs(command,
             [&program = program_, options] { return issue_key(program.state(), *options); });
    }
    void add_renew() {
        const auto options = std::make_shared<PersonOptions>();
        auto command = keys_.subcommand("renew", "A new certificate for the same key");
        add_name(command, *options);
        command.flag("-J,--json", options->json, "Print one JSON document");
        runs(command,
             [&program = program_, options] { return renew_key(program.state(), *options); });
    }
    void add_revoke() {
        const auto options = std::make_shared<PersonOptions>();
        auto command = keys_.subcommand("revoke", "Declare that a key no longer counts");
        add_name(command, *options);
        command.add("--reason", options->reason, "Why")
            .one_of({"compromised", "left", "replaced"})
            .required();
        command
            .add("--since", options->since,
                 "From when on its signatures do not count; default: from now, of a compromised "
                 "key from ever")
            .kind("TIME");
        command.flag("-J,--json", options->json, "Print one JSON document");
        runs(command,
             [&program = program_, options] { return revoke_key(program.state(), *options); });
    }
    void add_list() {
        const auto options = std::make_shared<PersonOptions>();
        auto command = keys_.subcommand("list", "Show whose keys there are, and until when");
        command.flag("-J,--json", options->json, "Print one JSON document");
        runs(command, [&program = program_, options] {
            return list_keys(program.existing_state(), *options);
        });
    }
    void add_export() {
        const auto options = std::make_shared<PersonOptions>();
        auto command = keys_.subcommand("export-trust", "One file of all that an auditor trusts");
        command.add("--output", options->output, "Default: standard output").kind("FILE");
        runs(command, [&program = program_, options] {
            return export_trust(program.existing_state(), *options);
        });
    }

  private:
    static void add_name(Command& command, PersonOptions& options) {
        command.add("name", options.name, "Of the person").kind("NAME").required();
    }
    void runs(Command& command, std::function<int()> run) {
        command.when_named([&program = program_, run = std::move(run)] {
            program.rights = device::Rights::signing;
            program.run = run;
        });
    }
    Command& keys_;
    Program& program_;
};

}  // namespace

void add_keys(Command& app, Program& program) {
    auto keys = app.subcommand("keys", "Create the keys that sign evidence and approvals");
    keys.needs_subcommand();
    auto options = std::make_shared<KeysOptions>();
    auto init_command = keys.subcommand("init", "Create evidence root, station key and log key");
    init_command.add("--organization", options->issuer.organization, "Who issues the certificates")
        .kind("NAME")
        .required();
    init_command.add("--site", options->issuer.site, "Where").kind("NAME").required();
    init_command.add("--station", options->issuer.station_id, "Name of this machine")
        .kind("NAME")
        .required();
    init_command.flag("-J,--json", options->json, "Print one JSON document");
    init_command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return init(program.state(), *options); };
    });
    PeopleCommands people(keys, program);
    people.add_request();
    people.add_issue();
    people.add_list();
    people.add_renew();
    people.add_revoke();
    people.add_export();
}

}  // namespace efface::cli

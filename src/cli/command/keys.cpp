// SPDX-License-Identifier: Apache-2.0
#include "efface/evidence/keys.hpp"

#include "efface/base/file.hpp"
#include "efface/evidence/log.hpp"

#include "commands.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

constexpr std::uint64_t kFirstEntries = 2;  // log-created and key-added

struct KeysOptions {
    evidence::Issuer issuer;
    std::string name;
    std::string role;
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
    return keys.issuer() == issuer &&
           (!std::filesystem::exists(state.log() / "checkpoint") ||
            evidence::Log::open_read_only(state.log(), keys.log_verifier_key()).size() <
                kFirstEntries);
}

/// Tells of the keys as far as the log does not yet.
void begin_log(const job::StateDirectory& state, const evidence::KeyStore& keys,
               const Clock& clock) {
    const auto& signer = keys.log_signer();
    if (!std::filesystem::exists(state.log() / "checkpoint")) {
        evidence::Log::create(state.log(), signer);
    }
    auto log = evidence::Log::open(state.log(), signer);
    const auto at = to_rfc3339(clock.now());
    if (log.size() == 0) {
        log.append(ObjectWriter()
                       .add("type", "log-created")
                       .add("at", at)
                       .add("origin", signer.name())
                       .take());
    }
    if (log.size() < kFirstEntries) {
        log.append(ObjectWriter()
                       .add("type", "key-added")
                       .add("at", at)
                       .add("role", "station")
                       .add("subjectPublicKeySha256", keys.station_key().spki_sha256())
                       .take());
    }
}

int init(const job::StateDirectory& state, const KeysOptions& options) {
    SystemClock clock;
    SystemRandom random;
    make_directories_durably(state.root);
    if (!was_cut_short(state, options.issuer)) {
        evidence::KeyStore::init(state.keys(), options.issuer, clock, random);
    }
    begin_log(state, evidence::KeyStore::open(state.keys()), clock);
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
    auto issue_command = keys.subcommand("issue", "Create the key of a person");
    issue_command.add("name", options->name, "Of the person").kind("NAME").required();
    issue_command.add("--role", options->role, "What the person does")
        .one_of({"approver", "operator", "witness"})
        .required();
    issue_command.flag("-J,--json", options->json, "Print one JSON document");
    issue_command.when_named([&program, options] {
        program.rights = device::Rights::signing;
        program.run = [&program, options] { return issue(program.state(), *options); };
    });
}

}  // namespace efface::cli

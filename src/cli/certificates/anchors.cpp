// SPDX-License-Identifier: Apache-2.0
#include "anchors.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/evidence/log.hpp"

namespace efface::cli {

namespace {

constexpr std::size_t kLogKeyIdDigits = 8;

std::string read_anchor(const std::filesystem::path& path, const char* option, bool given) {
    const std::string hint =
        given ? std::string("check the path behind ") + option
              : "give both, from whoever published them: --root root.pem --log-key log.vkey";
    try {
        if (auto text = read_text_file(path, evidence::kAnchorBytesMax)) {
            return *std::move(text);
        }
    } catch (const Error& error) {  // no permission, a folder, too large
        throw Error(ErrorCode::usage, error.what(), hint);
    }
    throw Error(ErrorCode::usage, path.string() + ": there is no such trust anchor", hint);
}

}  // namespace

std::string Anchors::text(const std::vector<std::string>& used) const {
    std::string lines;
    for (const auto& one : roots) {
        const bool is_used = std::find(used.begin(), used.end(), one.sha256) != used.end();
        lines += fmt::format("Trusted: root \"{}\"{}, from {}\n       SHA-256 {}\n",
                             printable(one.subject), is_used ? "" : " (no signature depends on it)",
                             printable(root.string()), one.sha256);
    }
    lines += fmt::format("Trusted: log key {}+{}, from {}\n", log_name, log_id,
                         printable(log_key.string()));
    return lines +
           (from == std::string_view("state-folder")
                ? "       These are this machine's own. An auditor gives --root and --log-key\n    "
                  "   from "
                  "another source.\n"
                : "       Compare them with what was published before; whoever made the bundle\n"
                  "       must not be the source.\n");
}

void refuse_own_anchors(const Anchors& anchors, const std::string& bundle) {
    std::error_code error;
    const auto folder = std::filesystem::canonical(bundle, error);
    if (error) {
        return;  // the answer tells what is wrong with it
    }
    const bool one_file = anchors.from == std::string_view("trust-file");
    for (const auto& [path, option] :
         {std::pair{anchors.root, one_file ? "--trust" : "--root"},
          std::pair{anchors.log_key, "--log-key"}}) {
        const auto real = std::filesystem::canonical(path, error);
        const auto [end, ignored] =
            std::mismatch(folder.begin(), folder.end(), real.begin(), real.end());
        if (!error && end == folder.end()) {
            throw Error(ErrorCode::usage,
                        fmt::format("{} {} lies in the bundle itself: that proves nothing", option,
                                    printable(path.string())),
                        "get root.pem and log.vkey from whom you trust, not with the bundle");
        }
    }
}

namespace {

void check_options(const AnchorOptions& options) {
    if (options.root.empty() != options.log_key.empty()) {
        throw Error(ErrorCode::usage, "--root and --log-key are given together or not at all",
                    std::string("add ") + (options.root.empty() ? "--root" : "--log-key") +
                        ": the keys of this machine cannot vouch for what others signed");
    }
    if (!options.trust.empty() && !(options.root.empty() && options.crl.empty())) {
        throw Error(ErrorCode::usage, "--trust holds all that --root, --log-key and --crl give",
                    "give --trust FILE alone");
    }
    if (!options.crl.empty() && options.root.empty()) {
        throw Error(ErrorCode::usage, "--crl belongs to the root that revoked",
                    "add --root and --log-key");
    }
}

/// The texts of one field in a list of a trust file, one behind the other.
std::string texts_of(const Json& document, const char* list, const char* key) {
    std::string text;
    for (const Json& one : document.at(list)) {
        text += one.at(key).get<std::string>();
    }
    return text;
}

/// What `efface keys export-trust` wrote: efface.trust/1, efface-certificate(5). The log's key
/// line.
std::string read_trust_file(const std::string& path, Anchors& anchors) {
    anchors.from = "trust-file";
    anchors.root = anchors.log_key = path;
    try {
        const Json document = parse_json(read_anchor(path, "--trust", true), path);
        if (document.at("schema") == "efface.trust/1" && document.at("logKeys").size() == 1) {
            anchors.trusted.roots_pem = texts_of(document, "roots", "pem");
            anchors.trusted.revocations_pem = texts_of(document, "revocations", "pem");
            return texts_of(document, "logKeys", "verifierKey");
        }
    } catch (const Json::exception&) {  // told below
    }
    throw Error(ErrorCode::usage, path + ": is not a trust file (efface.trust/1) of one log",
                "write it with: efface keys export-trust");
}

/// The same of single files.
std::string read_files(const job::StateDirectory& state, const AnchorOptions& options,
                       Anchors& anchors) {
    const bool own = options.own();
    const auto path_of = [&](const std::string& option, const char* name) {
        return own ? state.keys() / name : std::filesystem::path(option);
    };
    anchors.from = own ? "state-folder" : "options";
    anchors.root = path_of(options.root, evidence::kRootFile);
    anchors.log_key = path_of(options.log_key, evidence::kLogKeyFile);
    anchors.trusted.roots_pem = read_anchor(anchors.root, "--root", !own);
    const auto revocations = path_of(options.crl, evidence::kRevocationsFile);
    if (own ? std::filesystem::exists(revocations) : !options.crl.empty()) {
        anchors.trusted.revocations_pem = read_anchor(revocations, "--crl", !own);
    }
    return read_anchor(anchors.log_key, "--log-key", !own);
}

}  // namespace

Anchors anchors_of(const job::StateDirectory& state, const AnchorOptions& options) {
    check_options(options);
    const bool own = options.own();
    Anchors anchors;
    const auto line = evidence::verifier_key_line(options.trust.empty()
                                                      ? read_files(state, options, anchors)
                                                      : read_trust_file(options.trust, anchors));
    const auto& root = anchors.root;
    const auto& log_key = anchors.log_key;
    anchors.roots = evidence::trusted_roots(anchors.trusted.roots_pem);
    if (anchors.roots.empty()) {
        throw Error(ErrorCode::usage, root.string() + ": must hold only certificates in PEM");
    }
    evidence::check_revocations(anchors.trusted.revocations_pem, anchors.trusted.roots_pem);
    if (!line) {
        throw Error(ErrorCode::usage, log_key.string() + ": has no line \"name+id+key\"",
                    "give the content of log.vkey with --log-key");
    }
    anchors.trusted.log_verifier_key = *line;
    const auto name = line->find('+');
    anchors.log_name = printable(line->substr(0, name));
    anchors.log_id = printable(line->substr(name + 1, kLogKeyIdDigits));
    std::error_code error;
    if (!options.log.empty()) {
        anchors.trusted.log_directory = options.log;
    } else if (own && std::filesystem::is_directory(state.log(), error)) {
        anchors.trusted.log_directory = state.log();
        anchors.trusted.log_if_intact = true;
    }
    return anchors;
}

Json anchors_document(const Anchors& anchors, const answers::Verification* verification) {
    Json roots = Json::array();
    for (const auto& root : anchors.roots) {
        ObjectWriter entry;
        entry.add("subject", root.subject).add("sha256", root.sha256);
        if (verification != nullptr) {
            const auto& used = verification->roots_used;
            entry.add("used", std::find(used.begin(), used.end(), root.sha256) != used.end());
        }
        roots.push_back(entry.take());
    }
    return ObjectWriter()
        .add("from", anchors.from)
        .add("rootFile", printable(anchors.root.string()))
        .add("logKeyFile", printable(anchors.log_key.string()))
        .add("roots", std::move(roots))
        .add("logKey",
             ObjectWriter().add("name", anchors.log_name).add("id", anchors.log_id).take())
        .take();
}

}  // namespace efface::cli

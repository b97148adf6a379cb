// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "efface/answers/verify.hpp"
#include "efface/base/file.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/evidence/log.hpp"

#include "commands.hpp"
#include "terminal/console.hpp"
#include "terminal/text.hpp"

namespace efface::cli {

namespace {

/// What a bundle says, if it is proved; else why it is not.
struct Issued {
    std::string bundle;
    std::string at;
    std::string type;
    std::string subject;
    std::string status;
    std::string level;
    std::string why_not;
    answers::Answer answer = answers::Answer::not_known;
};

std::string word_of(const Json& record, const char* key) {
    const auto found = record.find(key);
    return found != record.end() && found->is_string() ? found->get<std::string>() : std::string();
}

std::string subject_in(const Json& predicate) {
    for (const auto& [key, field] :
         {std::pair{"target", "name"}, std::pair{"dataOwner", "projectId"}}) {
        const auto found = predicate.find(key);
        if (found != predicate.end() && found->is_object()) {
            return word_of(*found, field);
        }
    }
    return {};
}

Issued issued_of(const answers::Verifier& verifier, const std::filesystem::path& bundle) {
    const auto verification = verifier.verify(bundle);
    Issued issued;
    issued.bundle = bundle.string();
    issued.answer = answers::answer_of(verification);
    if (!verification.ok()) {
        issued.why_not = answers::summarize(verification);
    }
    const Json& record = verification.certificate;
    if (!record.is_object() || !record.contains("predicate") ||
        !record.at("predicate").is_object()) {
        return issued;
    }
    const Json& predicate = record.at("predicate");
    issued.at = word_of(predicate, "issuedAt");
    issued.type = word_of(predicate, "certificateType");
    issued.subject = subject_in(predicate);
    if (issued.answer == answers::Answer::no || issued.answer == answers::Answer::not_known) {
        return issued;  // what is not proved says nothing
    }
    if (const auto result = predicate.find("result");
        result != predicate.end() && result->is_object()) {
        issued.status = word_of(*result, "status");
        issued.level = word_of(*result, "level");
    }
    return issued;
}

/// Latest first; those of which nothing is known at the end.
std::vector<Issued> all_issued(const job::StateDirectory& state) {
    std::vector<Issued> list;
    if (!std::filesystem::is_directory(state.certificates())) {
        return list;
    }
    const auto read = [&](const char* name) {
        auto text = read_text_file(state.keys() / name, evidence::kAnchorBytesMax);
        if (!text) {
            throw Error(ErrorCode::usage, (state.keys() / name).string() + ": is missing",
                        "efface keys init");
        }
        return *std::move(text);
    };
    const auto key = evidence::verifier_key_line(read(evidence::kLogKeyFile));
    const answers::Verifier verifier({read(evidence::kRootFile), key.value_or(""), {}});
    for (const auto& entry : std::filesystem::directory_iterator(state.certificates())) {
        if (entry.is_directory() && !entry.path().filename().string().starts_with('.')) {
            list.push_back(issued_of(verifier, entry.path()));
        }
    }
    std::sort(list.begin(), list.end(), [](const Issued& a, const Issued& b) {
        return std::tie(b.at, a.bundle) < std::tie(a.at, b.bundle);
    });
    return list;
}

const char* proof_word(answers::Answer answer) {
    switch (answer) {
        case answers::Answer::yes:
            return "proved";
        case answers::Answer::no:
            return "NOT PROVED";
        case answers::Answer::not_known:
            return "unreadable";
        case answers::Answer::qualified:
            return "limited";
    }
    return "";
}

Json issued_document(const std::vector<Issued>& list) {
    Json certificates = Json::array();
    for (const auto& issued : list) {
        certificates.push_back(ObjectWriter()
                                   .add("bundle", printable(issued.bundle))
                                   .add("issuedAt", issued.at)
                                   .add("type", issued.type)
                                   .add("subject", issued.subject)
                                   .add("status", issued.status)
                                   .add("level", issued.level)
                                   .add("exitCode", static_cast<int>(issued.answer))
                                   .add("whyNot", issued.why_not)
                                   .take());
    }
    return ObjectWriter()
        .add("schema", "efface.certificates/1")
        .add("certificates", std::move(certificates))
        .take();
}

int list_certificates(const Program& program, bool json) {
    const auto list = all_issued(program.state());
    if (json) {
        print_json(issued_document(list));
        return 0;
    }
    if (list.empty()) {
        print("no certificate has been issued here\n");
        return 0;
    }
    std::vector<std::vector<std::string>> rows = {
        {"ISSUED", "PROOF", "VERDICT", "LEVEL", "WHAT", "BUNDLE"}};
    for (const auto& issued : list) {
        const auto dash = [](const std::string& text) { return text.empty() ? "-" : text; };
        rows.push_back(
            {dash(issued.at), proof_word(issued.answer), dash(issued.status), dash(issued.level),
             issued.why_not.empty() ? dash(issued.subject) : issued.why_not, issued.bundle});
    }
    print(table(std::move(rows)));
    return 0;
}

}  // namespace

void add_certificates(Command& app, Program& program) {
    auto command =
        app.subcommand("certificates", "Show what this machine issued, and whether it is proved");
    auto json = std::make_shared<bool>(false);
    command.flag("-J,--json", *json, "Print one JSON document");
    command.when_named([&program, json] {
        program.rights = device::Rights::reading;
        program.run = [&program, json] { return list_certificates(program, *json); };
    });
}

}  // namespace efface::cli

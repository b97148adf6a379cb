// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <unistd.h>

#include "certificates/issued.hpp"
#include "commands.hpp"
#include "terminal/columns.hpp"
#include "terminal/console.hpp"
#include "terminal/text.hpp"

namespace efface::cli {

namespace {

struct CertificatesOptions {
    bool json = false;
    bool csv = false;
    bool wide = false;
    std::string columns;
    bool picks = false;  ///< columns were asked for
};

Json issued_document(const std::vector<Issued>& list) {
    Json certificates = Json::array();
    for (const auto& issued : list) {
        certificates.push_back(ObjectWriter()
                                   .add("bundle", printable(issued.bundle))
                                   .add("issuedAt", issued.at)
                                   .add("type", issued.type)
                                   .add("subject", issued.subject)
                                   .add("serial", issued.serial)
                                   .add("assetTags", issued.asset_tags)
                                   .add("project", issued.project)
                                   .add("order", issued.order)
                                   .add("ticket", issued.ticket)
                                   .add("technique", issued.technique)
                                   .add("status", issued.status)
                                   .add("level", issued.level)
                                   .add("operator", issued.operator_name)
                                   .add("approvers", issued.approvers)
                                   .add("proof", proof_word(issued.answer))
                                   .add("rejected", issued.rejected)
                                   .add("superseded", issued.superseded)
                                   .add("exitCode", static_cast<int>(issued.answer))
                                   .add("whyNot", issued.why_not)
                                   .take());
    }
    return ObjectWriter()
        .add("schema", "efface.certificates/1")
        .add("certificates", std::move(certificates))
        .take();
}

Meaning meaning_of_proof(answers::Answer answer) {
    return answer == answers::Answer::yes  ? Meaning::good
           : answer == answers::Answer::no ? Meaning::bad
                                           : Meaning::caution;
}

Meaning meaning_of_verdict(const std::string& status) {
    return status == "sanitized"                   ? Meaning::good
           : status == "sanitized-with-exceptions" ? Meaning::caution
                                                   : Meaning::bad;
}

Table table_of(const std::vector<Issued>& list) {
    Table table;
    table.columns = {{"ISSUED", 90},    {"PROOF", 100},      {"VERDICT", 95}, {"LEVEL", 80},
                     {"SERIAL", 70},    {"ASSET TAG", 60},   {"PROJECT", 65}, {"WHAT", 85, true},
                     {"OPERATOR", 50},  {"APPROVED BY", 40}, {"ORDER", 65},   {"TICKET", 35},
                     {"TECHNIQUE", 25}, {"BUNDLE", 30}};
    const auto dash = [](const std::string& text) { return Cell{text.empty() ? "-" : text}; };
    for (const auto& issued : list) {
        table.rows.push_back(
            {dash(issued.at),
             {proof_word(issued.answer), meaning_of_proof(issued.answer)},
             {issued.status.empty() ? "-" : issued.status, meaning_of_verdict(issued.status)},
             dash(issued.level),
             dash(issued.serial),
             dash(listed(issued.asset_tags)),
             dash(issued.project),
             dash(issued.why_not.empty() ? issued.subject : issued.why_not),
             dash(issued.operator_name),
             dash(listed(issued.approvers)),
             dash(issued.order),
             dash(issued.ticket),
             dash(issued.technique),
             {issued.bundle}});
    }
    return table;
}

/// A field of RFC 4180. What a spreadsheet would take for a formula begins with an apostrophe.
std::string csv_field(const std::string& text) {
    std::string field = one_line(text);
    if (!field.empty() && std::string_view("=+-@").find(field.front()) != std::string_view::npos) {
        field.insert(0, "'");
    }
    std::string quoted = "\"";
    for (const char letter : field) {
        quoted += letter == '"' ? "\"\"" : std::string(1, letter);
    }
    return quoted + "\"";
}

std::string csv_line(const std::vector<std::string>& fields) {
    std::string line;
    for (const auto& field : fields) {
        line += (line.empty() ? "" : ",") + csv_field(field);
    }
    return line + "\r\n";
}

std::string csv_of(const std::vector<Issued>& list) {
    std::string text = csv_line({"issued at", "proof", "verdict", "level", "serial number",
                                 "asset tag", "project", "target", "type", "technique", "operator",
                                 "approved by", "order", "bundle", "why not proved", "ticket"});
    for (const auto& issued : list) {
        text +=
            csv_line({issued.at, proof_word(issued.answer), issued.status, issued.level,
                      issued.serial, listed(issued.asset_tags), issued.project, issued.subject,
                      issued.type, issued.technique, issued.operator_name, listed(issued.approvers),
                      issued.order, issued.bundle, issued.why_not, issued.ticket});
    }
    return text;
}

void print_table(const std::vector<Issued>& list, const CertificatesOptions& options) {
    const Screen screen = Screen::of(STDOUT_FILENO);
    auto table = table_of(list);
    const bool asked = options.wide || options.picks;
    table =
        options.picks ? pick(std::move(table), options.columns) : without_empty(std::move(table));
    const auto fitted = fit(table, asked ? 0 : screen.columns, screen);
    print_made_safe(fitted.text);
    if (!fitted.left_out.empty()) {
        say("no room for " + listed(fitted.left_out) +
            ": efface certificates -w, or -o with the columns to show");
    }
}

int list_certificates(const Program& program, const CertificatesOptions& options) {
    if (options.json && options.csv) {
        throw Error(ErrorCode::usage, "--json and --csv cannot be combined");
    }
    if (options.picks) {
        (void)pick(table_of({}), options.columns);
    }
    const auto list = all_issued(program.existing_state());
    if (options.json) {
        print_json(issued_document(list));
    } else if (options.csv) {
        print_made_safe(csv_of(list));
    } else if (list.empty()) {
        print("no certificate has been issued here\n");
    } else {
        print_table(list, options);
    }
    return 0;
}

}  // namespace

std::vector<std::string> certificate_columns() {
    return typed_names(table_of({}));
}

void add_certificates(Command& app, Program& program) {
    auto command =
        app.subcommand("certificates", "Show what this machine issued, and whether it is proved");
    auto options = std::make_shared<CertificatesOptions>();
    command.flag("-J,--json", options->json, "Print one JSON document");
    command.flag("--csv", options->csv, "Print a table for a spreadsheet (RFC 4180)");
    command
        .add("-o,--columns", options->columns,
             ("Show these columns, of " + listed(certificate_columns())).c_str())
        .kind("COLUMNS");
    command.flag("-w,--wide", options->wide, "Show every column, however wide");
    command.when_named([&program, options, command] {
        options->picks = command.given("--columns");
        program.rights = device::Rights::reading;
        program.run = [&program, options] { return list_certificates(program, *options); };
    });
}

}  // namespace efface::cli

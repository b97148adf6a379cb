// SPDX-License-Identifier: Apache-2.0
#include <unistd.h>

#include "efface/base/file.hpp"
#include "efface/evidence/bundle.hpp"
#include "efface/view/text.hpp"

#include "commands.hpp"
#include "terminal/console.hpp"

namespace efface::cli {

namespace {

int show_certificate(const std::string& path, bool json) {
    const auto file = std::filesystem::is_directory(path)
                          ? std::filesystem::path(path) / "certificate.json"
                          : std::filesystem::path(path);
    const auto text = read_text_file(file, evidence::kCertificateBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, file.string() + ": there is no such file", "check the path");
    }
    const auto certificate =
        parse_json(*text, file.string(), {.bytes_max = evidence::kCertificateBytesMax});
    if (!certificate.is_object() || !certificate.contains("predicate")) {
        throw Error(ErrorCode::usage, file.string() + ": it is not a certificate",
                    "name the folder of a bundle, or its certificate.json");
    }
    if (json) {
        print_json_part(json_text(certificate, 2) + "\n");
        return 0;
    }
    print(view::render_text(certificate, Screen::of(STDOUT_FILENO).page_columns()));
    say("shown, not verified: efface verify checks it");
    return 0;
}

}  // namespace

void add_show(Command& app, Program& program) {
    auto command = app.subcommand("show", "Print a certificate as text");
    auto path = std::make_shared<std::string>();
    auto json = std::make_shared<bool>(false);
    command.add("bundle", *path, "Bundle folder or certificate.json").kind("FILE").required();
    command.flag("-J,--json", *json, "Print the JSON, indented");
    command.when_named([&program, path, json] {
        program.rights = device::Rights::reading;
        program.run = [path, json] { return show_certificate(*path, *json); };
    });
}

}  // namespace efface::cli

// SPDX-License-Identifier: Apache-2.0
// nvme_target: the model of an NVMe subsystem as an NVMe/TCP target on 127.0.0.1. Prints
// "port N" when it listens. --control FIFO takes lines; each is answered in FIFO.answer.
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <optional>
#include <stdexcept>

#include "held_clock.hpp"
#include "tcg_model.hpp"
#include "tcp.hpp"

namespace {

using namespace efface;
using fake::NvmeDriveOptions;
using fake::NvmeLies;

constexpr const char* kUsage =
    R"(nvme_target [OPTION]...
  --port N                  TCP port; 0 (default) takes a free one
  --control FIFO            commands: power-off, power-on, power-cycle, reset, lie NAME[=N],
                            holds FILE (first block of it: yes, no), retired-holds FILE,
                            media FILE (all that stands on namespace 1 goes there), count tcgUID
                            or count wrong (of TcgModel), tcg NAME=VALUE,
                            retire NSID BLOCK, put-unallocated FILE, sanitizes (how many), quit,
                            hold (what the drive does by itself stands still), pass MS (so much of
                            it is done all the same), release
  --namespace BLOCKS[xBYTES][:unattached|:protected]   again for each; default one of 32768x512
  --controllers N --unallocated BLOCKS --spare BLOCKS
  --serial S --model S --firmware S --nqn S
  --sanicap N --fna N --version N --no-format --no-namespace-management --no-event-log
  --leaves zeros|noise|unreadable
  --crypto-ms N --block-ms N --overwrite-ms N --deallocation-ms N
  --crypto-estimate S --block-estimate S --overwrite-estimate S
  --tcg NAME=VALUE          an option of TcgModel (tcg=opal2); TCG reaches namespace 1
  --lie NAME[=N]            erases-nothing, keeps-permille=N, progress-stuck, sanitize-fails,
                            idle-after-sanitize, ignores-sanitize, reset, power-cut, hang,
                            other-serial, hide-namespace, reverts-writes, status-log-zero,
                            format-status=N, sanitize-status=N, format-unanswered,
                            reads-status=N (of all reads after an erasure), reads-until-write
)";

std::uint64_t number(const std::string& text) {
    std::size_t used = 0;
    const std::uint64_t value = std::stoull(text, &used, 0);
    if (used != text.size()) {
        throw std::invalid_argument(text);
    }
    return value;
}

void set_lie(NvmeLies& lies, const std::string& text) {
    const auto equals = text.find('=');
    const std::string name = text.substr(0, equals);
    const std::uint64_t value = equals == std::string::npos ? 1 : number(text.substr(equals + 1));
    const std::map<std::string, bool NvmeLies::*> kFlags = {
        {"erases-nothing", &NvmeLies::erases_nothing},
        {"only-forgets", &NvmeLies::only_forgets},
        {"progress-stuck", &NvmeLies::progress_stuck},
        {"sanitize-fails", &NvmeLies::sanitize_fails},
        {"idle-after-sanitize", &NvmeLies::idle_after_sanitize},
        {"ignores-sanitize", &NvmeLies::ignores_sanitize},
        {"reset", &NvmeLies::reset_in_the_middle},
        {"power-cut", &NvmeLies::power_cut_in_the_middle},
        {"hang", &NvmeLies::hangs_in_the_middle},
        {"other-serial", &NvmeLies::other_serial_after_reset},
        {"hide-namespace", &NvmeLies::hides_last_namespace},
        {"reverts-writes", &NvmeLies::reverts_writes},
        {"status-log-zero", &NvmeLies::status_log_zero},
        {"format-unanswered", &NvmeLies::format_unanswered},
        {"reads-until-write", &NvmeLies::reads_until_write},
    };
    if (const auto flag = kFlags.find(name); flag != kFlags.end()) {
        lies.*(flag->second) = value != 0;
    } else if (name == "keeps-permille") {
        lies.keeps_permille = static_cast<unsigned>(value);
    } else if (name == "reads-status") {
        lies.reads_status = static_cast<std::uint16_t>(value);
    } else if (name == "format-status") {
        lies.format_status = static_cast<std::uint16_t>(value);
    } else if (name == "sanitize-status") {
        lies.sanitize_status = static_cast<std::uint16_t>(value);
    } else {
        throw std::invalid_argument(text);
    }
}

fake::NvmeNamespaceOptions name_space(const std::string& text) {
    const auto colon = text.find(':');
    const std::string size = text.substr(0, colon);
    const std::string how = colon == std::string::npos ? "" : text.substr(colon + 1);
    const auto times = size.find('x');
    fake::NvmeNamespaceOptions made;
    made.blocks = number(size.substr(0, times));
    if (times != std::string::npos) {
        made.block_bytes = static_cast<std::uint32_t>(number(size.substr(times + 1)));
    }
    if (!how.empty() && how != "unattached" && how != "protected") {
        throw std::invalid_argument(text);
    }
    made.attached = how != "unattached";
    made.write_protected = how == "protected";
    return made;
}

struct Arguments {
    NvmeDriveOptions drive;
    std::vector<std::string> tcg;
    std::uint16_t port = 0;
    std::string control;
};

using Setter = std::function<void(Arguments&, const std::string&)>;

std::map<std::string, Setter> times_and_estimates() {
    std::map<std::string, Setter> setters;
    const auto time = [&](const char* name, std::chrono::milliseconds NvmeDriveOptions::*field) {
        setters[name] = [field](Arguments& to, const std::string& text) {
            to.drive.*field = std::chrono::milliseconds(number(text));
        };
    };
    const auto word = [&](const char* name, std::uint32_t NvmeDriveOptions::*field) {
        setters[name] = [field](Arguments& to, const std::string& text) {
            to.drive.*field = static_cast<std::uint32_t>(number(text));
        };
    };
    time("--crypto-ms", &NvmeDriveOptions::crypto_time);
    time("--block-ms", &NvmeDriveOptions::block_time);
    time("--overwrite-ms", &NvmeDriveOptions::overwrite_time);
    time("--deallocation-ms", &NvmeDriveOptions::deallocation_time);
    word("--crypto-estimate", &NvmeDriveOptions::crypto_estimate);
    word("--block-estimate", &NvmeDriveOptions::block_estimate);
    word("--overwrite-estimate", &NvmeDriveOptions::overwrite_estimate);
    word("--sanicap", &NvmeDriveOptions::sanicap);
    word("--version", &NvmeDriveOptions::version);
    return setters;
}

std::map<std::string, Setter> setters() {
    auto all = times_and_estimates();
    const auto text = [&](const char* name, std::string NvmeDriveOptions::*field) {
        all[name] = [field](Arguments& to, const std::string& value) { to.drive.*field = value; };
    };
    text("--serial", &NvmeDriveOptions::serial);
    text("--model", &NvmeDriveOptions::model);
    text("--firmware", &NvmeDriveOptions::firmware);
    text("--nqn", &NvmeDriveOptions::subsystem_nqn);
    all["--port"] = [](Arguments& to, const std::string& value) {
        to.port = static_cast<std::uint16_t>(number(value));
    };
    all["--control"] = [](Arguments& to, const std::string& value) { to.control = value; };
    all["--controllers"] = [](Arguments& to, const std::string& value) {
        to.drive.controllers = static_cast<unsigned>(number(value));
    };
    all["--unallocated"] = [](Arguments& to, const std::string& value) {
        to.drive.unallocated_blocks = number(value);
    };
    all["--spare"] = [](Arguments& to, const std::string& value) {
        to.drive.spare_blocks = number(value);
    };
    all["--fna"] = [](Arguments& to, const std::string& value) {
        to.drive.fna = static_cast<std::uint8_t>(number(value));
    };
    all["--namespace"] = [](Arguments& to, const std::string& value) {
        to.drive.namespaces.push_back(name_space(value));
    };
    all["--tcg"] = [](Arguments& to, const std::string& value) { to.tcg.push_back(value); };
    all["--lie"] = [](Arguments& to, const std::string& value) { set_lie(to.drive.lies, value); };
    all["--leaves"] = [](Arguments& to, const std::string& value) {
        to.drive.leaves = value == "zeros"        ? fake::NvmeLeaves::zeros
                          : value == "noise"      ? fake::NvmeLeaves::noise
                          : value == "unreadable" ? fake::NvmeLeaves::unreadable
                                                  : throw std::invalid_argument("leaves " + value);
    };
    return all;
}

Arguments parse(const std::vector<std::string>& words) {
    Arguments parsed;
    parsed.drive.namespaces.clear();
    const auto known = setters();
    for (std::size_t i = 0; i < words.size(); ++i) {
        if (words[i] == "--no-format") {
            parsed.drive.format = false;
        } else if (words[i] == "--no-namespace-management") {
            parsed.drive.namespace_management = false;
        } else if (words[i] == "--no-event-log") {
            parsed.drive.event_log = false;
        } else if (const auto found = known.find(words[i]);
                   found != known.end() && i + 1 < words.size()) {
            found->second(parsed, words[++i]);
        } else {
            throw std::invalid_argument(words[i]);
        }
    }
    if (parsed.drive.namespaces.empty()) {
        parsed.drive.namespaces.push_back({32768, 512, true, false});
    }
    return parsed;
}

Bytes first_block(const std::string& path, std::size_t bytes) {
    constexpr std::size_t kFileMax = std::size_t{64} << 20U;
    auto content = read_file(path, kFileMax).value_or(Bytes{});
    content.resize(bytes);
    return content;
}

/// False when the line says nothing about time.
bool keep_time(rig::HeldClock& clock, const std::string& verb, const std::string& rest) {
    if (verb == "hold") {
        clock.hold();
    } else if (verb == "release") {
        clock.release();
    } else if (verb == "pass") {
        clock.pass(std::chrono::milliseconds(number(rest)));
    } else {
        return false;
    }
    return true;
}

struct Controls {
    rig::NvmeTarget& target;
    fake::NvmeDrive& drive;
    rig::TcgModel& tcg;
    rig::HeldClock& clock;
};

/// False when the line is about neither the medium as a whole nor the TCG functions.
bool look_behind(const Controls& controls, const std::string& verb, const std::string& rest,
                 std::string& answer) {
    if (verb == "media") {
        const Bytes all = controls.drive.media(1).everything();
        std::ofstream(rest, std::ios::binary) << as_text(all);
    } else if (verb == "count") {
        answer = std::to_string(controls.tcg.count(rest));
    } else if (verb == "tcg") {
        rig::apply_options({rest}, controls.tcg.options());
    } else {
        return false;
    }
    return true;
}

std::string answer_to(const Controls& controls, const std::string& line) {
    auto& target = controls.target;
    auto& drive = controls.drive;
    const auto space = line.find(' ');
    const std::string verb = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    std::string answer = "ok";
    target.with_drive([&](fake::NvmeDrive&) {
        if (verb == "power-off") {
            drive.power_off();
        } else if (verb == "power-on") {
            drive.power_on();
        } else if (verb == "power-cycle") {
            drive.power_cycle();
            controls.tcg.power_cycle();
        } else if (verb == "reset") {
            drive.reset();
        } else if (verb == "lie") {
            set_lie(drive.lies(), rest);
        } else if (verb == "holds") {
            answer = drive.holds(first_block(rest, drive.media(1).block_bytes())) ? "yes" : "no";
        } else if (verb == "retired-holds") {
            answer =
                drive.retired_holds(first_block(rest, drive.media(1).block_bytes())) ? "yes" : "no";
        } else if (verb == "retire") {
            const auto blank = rest.find(' ');
            drive.media(static_cast<std::uint32_t>(number(rest.substr(0, blank))))
                .retire(number(rest.substr(blank + 1)));
        } else if (verb == "put-unallocated") {
            drive.unallocated().write(0, first_block(rest, drive.unallocated().block_bytes()));
        } else if (verb == "sanitizes") {
            std::size_t count = 0;
            for (const auto& one : drive.seen()) {
                count += one.admin && one.opcode == 0x84 ? 1 : 0;
            }
            answer = std::to_string(count);
        } else if (!look_behind(controls, verb, rest, answer) &&
                   !keep_time(controls.clock, verb, rest)) {
            throw std::invalid_argument(line);
        }
    });
    if (verb == "power-off" || verb == "power-cycle" || verb == "reset") {
        target.disconnect_all();
    }
    return answer;
}

/// Each answer is a file of its own, which the asker takes away.
void control(const Controls& controls, const std::string& fifo) {
    for (;;) {
        std::ifstream lines(fifo);  // opens when somebody writes, ends when the last one closed
        for (std::string line; std::getline(lines, line);) {
            if (line == "quit") {
                return;
            }
            std::string answer;
            try {
                answer = answer_to(controls, line);
            } catch (const std::logic_error& error) {
                answer = std::string("error: ") + error.what();
            }
            std::ofstream(fifo + ".new") << answer << '\n';
            std::filesystem::rename(fifo + ".new", fifo + ".answer");
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    Arguments arguments;
    try {
        arguments = parse({argv + 1, argv + argc});
    } catch (const std::logic_error& error) {
        std::fprintf(stderr, "nvme_target: %s\n%s", error.what(), kUsage);
        return 2;
    }
    // Ended by a signal when there is no FIFO to be told by.
    sigset_t ends;
    sigemptyset(&ends);
    sigaddset(&ends, SIGTERM);
    sigaddset(&ends, SIGINT);
    if (arguments.control.empty()) {
        pthread_sigmask(SIG_BLOCK, &ends, nullptr);
    }
    try {
        rig::HeldClock clock;
        rig::TcgModel tcg;
        rig::apply_options(arguments.tcg, tcg.options());
        fake::NvmeDrive drive(arguments.drive, clock, tcg.present() ? &tcg : nullptr);
        if (tcg.present()) {
            tcg.begin(drive.media(1), clock);
            drive.lock_by([&] { return tcg.locked(); });
        }
        rig::NvmeTarget target(drive, arguments.port);
        std::printf("port %u\n", unsigned{target.port()});
        std::fflush(stdout);
        if (arguments.control.empty()) {
            int signal = 0;
            sigwait(&ends, &signal);
        } else {
            control({target, drive, tcg, clock}, arguments.control);
        }
    } catch (const std::exception& error) {
        std::fprintf(stderr, "nvme_target: %s\n", error.what());
        return 1;
    }
    return 0;
}

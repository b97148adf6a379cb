// SPDX-License-Identifier: Apache-2.0
// A drive model behind the kernel's SCSI stack: rig_scsi_target scsi|ata uioN CONTROL
// [NAME=VALUE]... CONTROL is a FIFO that takes lines: power-cycle, hang (no command is answered),
// resume, hold (what the drive does by itself stands still), pass MS (so much of it is done all the
// same), release, count COMMAND, media FILE (all that is on the medium goes there, spare and
// retired places too), tcg NAME=VALUE (an option of TcgModel changes). Each is answered by the line
// "did LINE". COMMAND is an operation code in two hexadecimal digits, or ataCCFF of what an ATA
// PASS-THROUGH carries, command and feature, or what TcgModel counts; the line before its answer is
// "count COMMAND TIMES WHEN", WHEN being the last one's CLOCK_MONOTONIC seconds. It says "ready" on
// standard output when commands are served, and ends when it is killed.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <fstream>
#include <map>
#include <string>

#include "held_clock.hpp"
#include "model.hpp"
#include "tcmu_ring.hpp"

namespace {

using namespace efface;

/// A drive that hangs on a lie of its own is asked again so often.
constexpr int kPollMs = 200;
constexpr std::size_t kLineMax = 4096;

/// What came to the drive, for a test that trusts nobody's word about it.
class Counted final : public device::ScsiTransport {
  public:
    explicit Counted(device::ScsiTransport& drive) : drive_(drive) {}

    device::ScsiCompletion submit(const device::ScsiCommand& command) override {
        auto& seen = seen_[key_of(command.cdb)];
        ++seen.times;
        seen.last = std::chrono::steady_clock::now();
        return drive_.submit(command);
    }
    void tell(const std::string& key) const {
        const auto found = seen_.find(key);
        const Seen seen = found == seen_.end() ? Seen{} : found->second;
        const std::chrono::duration<double> last = seen.last.time_since_epoch();
        fmt::print("count {} {} {:.3f}\n", key, seen.times, last.count());
    }

  private:
    struct Seen {
        unsigned times = 0;
        std::chrono::steady_clock::time_point last;
    };
    /// SAT-4, section 12.2: FEATURES and COMMAND of the two forms.
    static std::string key_of(const Bytes& cdb) {
        if (cdb[0] == 0x85 && cdb.size() >= 16) {
            return fmt::format("ata{:02x}{:02x}", cdb[14], cdb[4]);
        }
        if (cdb[0] == 0xa1 && cdb.size() >= 12) {
            return fmt::format("ata{:02x}{:02x}", cdb[9], cdb[3]);
        }
        return fmt::format("{:02x}", cdb[0]);
    }
    device::ScsiTransport& drive_;
    std::map<std::string, Seen> seen_;
};

/// What a line of the control FIFO can change.
struct Controls {
    rig::ScsiModel& model;
    rig::HeldClock& clock;
    bool hanging = false;
};

void dump(const fake::DriveMedia& media, const std::string& path) {
    const Bytes all = media.everything();
    std::ofstream file(path, std::ios::binary);
    file.write(as_text(all).data(), static_cast<std::streamsize>(all.size()));
    file.close();
    if (!file) {
        throw Error(ErrorCode::internal, path + ": the medium could not be written there");
    }
}

/// What is not known ends the process: a test that asks for it must not go on.
void carry_out(const std::string& line, Controls& controls, const Counted& counted) {
    const auto space = line.find(' ');
    const std::string verb = line.substr(0, space);
    const std::string rest = space == std::string::npos ? "" : line.substr(space + 1);
    if (verb == "power-cycle") {
        controls.model.power_cycle();
    } else if (verb == "hang" || verb == "resume") {
        controls.hanging = verb == "hang";
    } else if (verb == "hold") {
        controls.clock.hold();
    } else if (verb == "pass") {
        controls.clock.pass(std::chrono::milliseconds(std::stoull(rest)));
    } else if (verb == "release") {
        controls.clock.release();
    } else if (verb == "count" && controls.model.tcg &&
               (rest == "wrong" || rest == "tries" || rest == "resets" ||
                rest.starts_with("tcg"))) {
        fmt::print("count {} {} 0\n", rest, controls.model.tcg->count(rest));
    } else if (verb == "count") {
        counted.tell(rest);
    } else if (verb == "media") {
        dump(*controls.model.media, rest);
    } else if (verb == "tcg" && controls.model.tcg) {
        rig::apply_options({rest}, controls.model.tcg->options());
    } else {
        throw Error(ErrorCode::usage, line + ": no such thing can happen to a drive");
    }
    fmt::print("did {}\n", line);
    std::fflush(stdout);
}

/// Whole lines are taken off the front.
void obey(std::string& text, Controls& controls, const Counted& counted) {
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
        const std::string line = text.substr(0, end);
        text.erase(0, end + 1);
        carry_out(line, controls, counted);
    }
    if (text.size() > kLineMax) {
        throw Error(ErrorCode::usage, "a line without an end");
    }
}

void serve(rig::TcmuRing& ring, Controls controls, int control) {
    Counted counted(*controls.model.transport);
    std::string text;
    for (;;) {
        if (!controls.hanging) {
            ring.serve(counted);
        }
        std::array<struct pollfd, 2> sources{
            {{ring.descriptor(), POLLIN, 0}, {control, POLLIN, 0}}};
        if (::poll(sources.data(), sources.size(), kPollMs) < 0 && errno != EINTR) {
            throw_errno(ErrorCode::internal, "waiting", errno);
        }
        if ((sources[0].revents & POLLIN) != 0) {
            ring.take_notice();
        }
        if ((sources[1].revents & POLLIN) != 0) {
            std::array<char, 256> piece{};
            const auto count = ::read(control, piece.data(), piece.size());
            text.append(piece.data(), count > 0 ? static_cast<std::size_t>(count) : 0);
            obey(text, controls, counted);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 4) {
        std::fputs("usage: rig_scsi_target scsi|ata uioN CONTROL [NAME=VALUE]...\n", stderr);
        return 2;
    }
    try {
        rig::HeldClock clock;
        const std::vector<std::string> options(argv + 4, argv + argc);
        auto model = std::string(argv[1]) == "ata" ? rig::make_ata_model(options, clock)
                                                   : rig::make_scsi_model(options, clock);
        rig::TcmuRing ring(argv[2]);
        // Open for both ways, so that it is not at its end whenever a writer leaves.
        const UniqueFd control = open_file(argv[3], O_RDWR | O_NONBLOCK);
        std::puts("ready");
        std::fflush(stdout);
        serve(ring, {model, clock}, control.get());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "rig_scsi_target: %s\n", error.what());
    }
    return 1;
}

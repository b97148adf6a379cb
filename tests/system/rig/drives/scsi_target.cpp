// SPDX-License-Identifier: Apache-2.0
// A drive model behind the kernel's SCSI stack: rig_scsi_target scsi|ata uioN CONTROL
// [NAME=VALUE]... CONTROL is a FIFO that takes lines: power-cycle, hang (no command is answered),
// resume, count COMMAND. COMMAND is an operation code in two hexadecimal digits, or ataCCFF of what
// an ATA PASS-THROUGH carries, command and feature; the answer is the line "count COMMAND TIMES
// WHEN", WHEN being the last one's CLOCK_MONOTONIC seconds. It says "ready" on standard output when
// commands are served, and ends when it is killed.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <exception>
#include <map>
#include <string>

#include "scsi_model.hpp"
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
        std::fflush(stdout);
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

/// Lines of the control FIFO, carried out. What is not known ends the process: a test that asks
/// for it must not go on.
void obey(std::string& text, rig::ScsiModel& model, const Counted& counted, bool& hanging) {
    const std::string count = "count ";
    for (auto end = text.find('\n'); end != std::string::npos; end = text.find('\n')) {
        const std::string line = text.substr(0, end);
        text.erase(0, end + 1);
        if (line == "power-cycle") {
            model.power_cycle();
        } else if (line == "hang" || line == "resume") {
            hanging = line == "hang";
        } else if (line.rfind(count, 0) == 0) {
            counted.tell(line.substr(count.size()));
        } else {
            throw Error(ErrorCode::usage, line + ": no such thing can happen to a drive");
        }
    }
    if (text.size() > kLineMax) {
        throw Error(ErrorCode::usage, "a line without an end");
    }
}

void serve(rig::TcmuRing& ring, rig::ScsiModel& model, int control) {
    Counted counted(*model.transport);
    std::string text;
    bool hanging = false;
    for (;;) {
        if (!hanging) {
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
            obey(text, model, counted, hanging);
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
        const SystemClock clock;
        const std::vector<std::string> options(argv + 4, argv + argc);
        auto model = std::string(argv[1]) == "ata" ? rig::make_ata_model(options, clock)
                                                   : rig::make_scsi_model(options, clock);
        rig::TcmuRing ring(argv[2]);
        // Open for both ways, so that it is not at its end whenever a writer leaves.
        const UniqueFd control = open_file(argv[3], O_RDWR | O_NONBLOCK);
        std::puts("ready");
        std::fflush(stdout);
        serve(ring, model, control.get());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "rig_scsi_target: %s\n", error.what());
    }
    return 1;
}

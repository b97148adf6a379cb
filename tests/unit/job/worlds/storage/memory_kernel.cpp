// SPDX-License-Identifier: Apache-2.0
// The kernel of a machine that is files, and the firmware of its modules.
#include <sys/stat.h>

#include <cerrno>
#include <fstream>

#include "memory.hpp"

namespace efface::job::worlds {

namespace fs = std::filesystem;

void put(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::trunc | std::ios::binary) << text;
}

Bytes content_at(const fs::path& path) {
    std::ifstream file(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
}

namespace {

constexpr std::size_t kSector = 512;

using FileId = std::pair<dev_t, ino_t>;
std::optional<FileId> id_of(const fs::path& path) {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0 ? std::optional(FileId{status.st_dev, status.st_ino})
                                              : std::nullopt;
}

/// Those of this machine that its files in memory are on.
std::string mounts_in_memory() {
    std::ifstream all("/proc/self/mountinfo");
    std::string found;
    for (std::string line; std::getline(all, line);) {
        if (line.find(" - tmpfs ") != std::string::npos) {
            found += line + "\n";
        }
    }
    return found;
}

}  // namespace

/// What every kind asks the kernel for.
void Memory::put_machine() {
    const auto root = machine_.path();
    auto& view = around_.host.trees;
    view = {root / "sys", root / "proc", root / "dev", is_file()};
    for (const char* folder : {"run", "dev", "sys/class/block", "sys/block", "proc/self"}) {
        fs::create_directories(root / folder);
    }
    put_boot();
    put(view.proc / "swaps", "Filename\tType\tSize\tUsed\tPriority\n");
    put(view.proc / "meminfo", "MemAvailable: 4000000 kB\nSwapCached: 0 kB\nZswapped: 0 kB\n");
    put(view.proc / "vmstat", "pswpout 0\nzswpout 0\n");
    put(view.proc / "cmdline", "init_on_free=1\n");
    static const std::string mounts = mounts_in_memory();
    put(view.proc / "self/mountinfo", mounts);
    put(view.proc / "1/mountinfo", mounts);
    place_ = is_file() ? root / "target" : view.dev / kind_->place;
    if (is("devdax")) {
        folder_ = view.sysfs / "bus/dax/devices" / kind_->place;
    } else if (is_module()) {
        folder_ = view.sysfs / "bus" / (is("cxl") ? "cxl" : "nd") / "devices" / kind_->place;
    } else if (!is_file()) {
        folder_ = view.sysfs / "devices/virtual/block" / kind_->place;
        fs::create_directories(folder_ / "holders");
        fs::create_directories(folder_ / "slaves");
        for (const char* list : {"class/block", "block"}) {
            const auto up = std::string(list) == "block" ? "../" : "../../";
            fs::create_symlink(std::string(up) + "devices/virtual/block/" + kind_->place,
                               view.sysfs / list / kind_->place);
        }
    }
}

void Memory::put_boot() {
    put(around_.host.trees.proc / "sys/kernel/random/boot_id",
        "11111111-2222-3333-4444-00000000000" + std::to_string(boot_ % 10) + "\n");
}

/// As the one that is in place has them.
void Memory::put_attributes() {
    const auto number = std::to_string(in_place_);
    if (is("devdax")) {
        put(folder_ / "size", std::to_string(size_) + "\n");
        put(folder_ / "align", "4096\n");
        put(folder_ / "dev", "250:" + number + "\n");
    } else if (is_module()) {
        put(folder_ / (is("cxl") ? "serial" : "nfit/serial"), "0x1234" + number + "\n");
        for (const char* command : {"security/erase", "security/sanitize"}) {
            if (is("cxl")) {
                put(folder_ / command, "");
            }
        }
        set_state("disabled");
    } else if (!is_file()) {
        put(folder_ / "dev", (is("zram") ? "254:" : "1:") + number + "\n");
        put(folder_ / "ro", "0\n");
        put(folder_ / "diskseq", std::to_string(sequence_.at(in_place_)) + "\n");
        const auto size = reset_.at(in_place_) ? 0 : size_;
        put(folder_ / "size", std::to_string(size / kSector) + "\n");
        if (is("zram")) {
            const auto bytes = std::to_string(size);
            put(folder_ / "disksize", bytes + "\n");
            put(folder_ / "initstate", size == 0 ? "0\n" : "1\n");
            put(folder_ / "mm_stat", size == 0 ? "0 0 0 0 0\n" : bytes + " 900 4096 0 4096\n");
            put(folder_ / "comp_algorithm", "[lzo]\n");
            put(folder_ / "backing_dev", "none\n");
            put(folder_ / "reset", "");
            put(place_, "");
        }
    }
}

std::optional<fs::path> Memory::control_of(int fd) const {
    struct stat status {};
    if (folder_.empty() || ::fstat(fd, &status) != 0) {
        return std::nullopt;
    }
    for (const char* name : {"reset", "security", "security/erase", "security/sanitize"}) {
        if (id_of(folder_ / name) == FileId{status.st_dev, status.st_ino} &&
            S_ISREG(status.st_mode)) {
            return name;
        }
    }
    return std::nullopt;
}

/// Of a run: each transfer is a moment, and may go wrong. What maps its target moves it through a
/// file without a name.
std::optional<fake::Fault> Memory::on_call(const TargetCall& call) {
    if (!running_) {
        return std::nullopt;
    }
    std::optional<fs::path> control;
    if (call.kind == TargetCall::Kind::control) {
        control = control_of(call.fd);
        if (!control) {
            return std::nullopt;
        }
    } else {
        struct stat status {};
        const bool known = ::fstat(call.fd, &status) == 0 && S_ISREG(status.st_mode);
        const bool window = known && status.st_nlink == 0;
        if (!window && (!known || id_of(place_) != FileId{status.st_dev, status.st_ino})) {
            return std::nullopt;
        }
    }
    using Kind = fake::Fault::Kind;
    if (call.kind != TargetCall::Kind::resize && !around_.operation()) {
        return fake::Fault{Kind::fail, EIO, 0};
    }
    ++calls_;
    fake::Fault fault;
    if (troubles_ && calls_ >= troubles_->first && calls_ <= troubles_->last &&
        (!troubles_->of || *troubles_->of == call.kind)) {
        fault = troubles_->fault;
    }
    if (control) {
        const int error = fault.kind == Kind::fail ? fault.error : on_control(*control);
        if (!around_.operation()) {
            return fake::Fault{Kind::fail, EIO, 0};
        }
        return fake::Fault{error == 0 ? Kind::none : Kind::fail, error, 0};
    }
    if (call.kind == TargetCall::Kind::flush || call.kind == TargetCall::Kind::resize) {
        fault.error = fault.kind == Kind::fail ? fault.error : 0;
    }
    return fault;
}

int Memory::reset_zram() {
    stored_.at(in_place_) = Bytes();
    reset_.at(in_place_) = true;
    put_attributes();
    return 0;
}

/// A module is given its commands by the same file that shows its state, or by files of their own.
int Memory::on_control(const std::string& name) {
    if (name == "reset") {
        return reset_zram();
    }
    if (module_ends_) {
        return EBUSY;
    }
    if (name == "security/sanitize" || (name == "security" && stored_.at(in_place_).empty())) {
        constexpr std::chrono::milliseconds kTakes{20};
        stored_.at(in_place_).clear();
        module_ends_ = around_.clock.steady_now() + kTakes;
        set_state(is("cxl") ? "sanitize" : "overwrite");
        return 0;
    }
    stored_.at(in_place_).clear();
    return 0;
}

void Memory::time_passes() {
    if (running_ && !around_.operation()) {
        return;
    }
    if (module_ends_ && around_.clock.steady_now() >= *module_ends_) {
        module_ends_.reset();
        set_state(troubles_ && troubles_->of == TargetCall::Kind::control ? "frozen" : "disabled");
    }
}

}  // namespace efface::job::worlds

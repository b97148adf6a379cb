// SPDX-License-Identifier: Apache-2.0
// The kinds of memory targets that a recorded machine can show: modules with firmware
// of their own and devdax.
#include <sys/stat.h>

#include <fstream>
#include <thread>

#include "efface/policy/memory.hpp"

#include "catch.hpp"
#include "fake/scratch.hpp"
#include "support.hpp"

namespace fs = std::filesystem;
using namespace efface;
using method::Verdict;
using test::Driver;
using test::has;
using test::joined;

namespace {

void put(const fs::path& path, const std::string& text) {
    fs::create_directories(path.parent_path());
    std::ofstream(path, std::ios::trunc) << text;
}
std::string get(const fs::path& path) {
    std::ifstream file(path);
    std::string text;
    std::getline(file, text);
    return text;
}

/// A machine of files with one memory module, whose firmware is played by a thread: it takes a
/// command from the command file as the kernel's attribute does, and shows states.
class FakeModule {
  public:
    explicit FakeModule(bool cxl) : cxl_(cxl) {
        view.sysfs = scratch_.path() / "sys";
        view.proc = scratch_.path() / "proc";
        view.dev = scratch_.path() / "dev";
        view.live = false;
        put(view.proc / "sys/kernel/random/boot_id", "11111111-2222-3333-4444-555555555555\n");
        put(view.proc / "swaps", "Filename\tType\tSize\tUsed\tPriority\n");
        const fs::path bus = view.sysfs / "bus" / (cxl ? "cxl" : "nd") / "devices";
        folder = bus / (cxl ? "mem0" : "nmem0");
        if (cxl) {
            put(folder / "serial", "0xabcdef\n");
            put(folder / "security/erase", "");
            put(folder / "security/sanitize", "");
        } else {
            put(folder / "nfit/serial", "0x1234abcd\n");
        }
        put(state(), "disabled\n");
    }
    [[nodiscard]] fs::path state() const {
        return cxl_ ? folder / "security/state" : folder / "security";
    }
    [[nodiscard]] std::string target() const {
        return cxl_ ? "memory:cxl:mem0" : "memory:dimm:nmem0";
    }

    inventory::SystemView view;
    fs::path folder;

  protected:
    bool cxl_;
    fake::ScratchDirectory scratch_;
};

/// The firmware of a CXL module. Pipes stand for its command files: each command waits until the
/// firmware takes it, so that the state is "sanitize" when that command is accepted, and
/// `end_state` some time after.
class Firmware {
  public:
    Firmware(const FakeModule& module, std::string end_state) {
        const fs::path folder = module.folder / "security";
        for (const char* name : {"erase", "sanitize"}) {
            fs::remove(folder / name);
            if (::mkfifo((folder / name).c_str(), 0600) != 0) {
                throw std::runtime_error("mkfifo");
            }
        }
        thread_ = std::thread([this, folder, end = std::move(end_state)] {
            erase = get(folder / "erase");
            put(folder / "state", "sanitize\n");
            sanitize = get(folder / "sanitize");
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
            put(folder / "new", end + "\n");
            fs::rename(folder / "new", folder / "state");
        });
    }
    /// After the run, which must have sent both commands.
    void join() { thread_.join(); }
    std::string erase;
    std::string sanitize;

  private:
    std::thread thread_;
};

}  // namespace

TEST_CASE("a module is named by its serial number, and its states decide whether it may run") {
    for (const bool cxl : {false, true}) {
        const FakeModule module(cxl);
        Driver driver(module.target(), module.view);
        CHECK(driver.method->survey().objections.empty());
        CHECK(driver.method->survey().confirm_token == (cxl ? "0xabcdef" : "0x1234abcd"));
        for (const char* state : {"frozen", "locked", "unlocked", "overwrite", "sanitize", "new"}) {
            put(module.state(), std::string(state) + "\n");
            INFO(state);
            CHECK_FALSE(driver.method->survey().objections.empty());
        }
        fs::remove(module.state());
        CHECK_FALSE(driver.method->survey().objections.empty());
    }
}

TEST_CASE("a module that is frozen, or has an enabled region, is refused") {
    const FakeModule module(false);
    Driver driver(module.target(), module.view);
    put(module.folder / "frozen", "1\n");
    CHECK(has(driver.method->survey().objections, ReasonCode::module_frozen));
    put(module.folder / "frozen", "0\n");
    const fs::path region = module.folder.parent_path() / "region0";
    put(region / "mapping0", "nmem1,0,1073741824,0\n");
    put(region / "mapping1", "nmem0,0,1073741824,1\n");
    CHECK(driver.method->survey().objections.empty());  // a disabled region has no driver
    fs::create_directory(region / "driver");
    CHECK(has(driver.method->survey().objections, ReasonCode::region_enabled));
    put(region / "mapping1", "nmem00,0,1073741824,1\n");
    CHECK(driver.method->survey().objections.empty());  // another module
}

TEST_CASE("a CXL module that erased and sanitized itself has exceptions, and no level") {
    const FakeModule module(true);
    Driver driver(module.target(), module.view);
    const auto survey = driver.method->survey();
    Firmware firmware(module, "disabled");
    const auto outcome = driver.run();
    firmware.join();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized_with_exceptions);
    CHECK(firmware.erase == "1");
    CHECK(firmware.sanitize == "1");
    CHECK(policy::memory_claim(survey.facts).level == method::Level::none);
    CHECK(outcome.record.at("passes").empty());
}

TEST_CASE("a module whose state is not the right one at the end is not sanitized") {
    for (const char* state : {"frozen", "locked", "unlocked", "?"}) {
        const FakeModule module(true);
        Driver driver(module.target(), module.view);
        Firmware firmware(module, state);
        const auto outcome = driver.run();
        firmware.join();
        INFO(state << outcome.record.dump(1));
        CHECK(outcome.verdict == Verdict::not_sanitized);
    }
}

TEST_CASE("a stop while a module overwrites itself leaves nobody knowing") {
    const FakeModule module(true);
    Driver driver(module.target(), module.view);
    Firmware firmware(module, "sanitize");  // it does not end
    std::stop_source stop;
    stop.request_stop();
    const auto outcome = driver.run([] {}, stop.get_token());
    firmware.join();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::not_sanitized);
    CHECK(has(outcome.reasons, ReasonCode::still_running));
}

TEST_CASE("an NVDIMM is asked to erase and then to overwrite, in the kernel's words") {
    // A plain file takes the place of the attribute: it shows the last command and no state, which
    // is no good end.
    const FakeModule module(false);
    Driver driver(module.target(), module.view);
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    std::vector<std::string> written;
    for (const auto& seen : outcome.observations) {
        if (seen.raw.contains("written")) {
            written.push_back(seen.raw.at("written"));
        }
    }
    CHECK(written == std::vector<std::string>{"erase 0", "overwrite 0"});
    CHECK(get(module.state()) == "overwrite 0");
    CHECK(outcome.verdict == Verdict::not_sanitized);
}

TEST_CASE("a module that refuses the cryptographic erase leaves nobody knowing") {
    const FakeModule module(true);
    fs::remove(module.folder / "security/erase");  // ENOENT stands for a refusal
    Driver driver(module.target(), module.view);
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::indeterminate);
}

TEST_CASE("a module that refuses everything is not sanitized") {
    const FakeModule module(true);
    fs::remove(module.folder / "security/erase");
    fs::remove(module.folder / "security/sanitize");
    Driver driver(module.target(), module.view);
    CHECK(driver.run().verdict == Verdict::not_sanitized);
}

namespace {

/// devdax: a plain file stands for the device.
struct FakeDevdax {
    explicit FakeDevdax(std::size_t bytes) {
        view.sysfs = scratch.path() / "sys";
        view.proc = scratch.path() / "proc";
        view.dev = scratch.path() / "dev";
        view.live = false;
        folder = view.sysfs / "bus/dax/devices/dax0.0";
        put(view.proc / "swaps", "");
        put(folder / "size", std::to_string(bytes) + "\n");
        put(folder / "align", "4096\n");
        put(view.dev / "dax0.0", std::string(bytes, 'S'));
    }
    [[nodiscard]] std::string content() const {
        std::ifstream file(view.dev / "dax0.0", std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    fake::ScratchDirectory scratch;
    inventory::SystemView view;
    fs::path folder;
};

}  // namespace

TEST_CASE("a devdax device is overwritten through a mapping and compared") {
    const FakeDevdax device(3U << 20U);
    Driver driver("memory:devdax:dax0.0", device.view);
    const auto survey = driver.method->survey();
    INFO(joined(survey.objections));
    REQUIRE(survey.objections.empty());
    CHECK(survey.size_bytes == 3U << 20U);
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::sanitized);
    CHECK(device.content().find("SSSSSSSS") == std::string::npos);
    CHECK(outcome.record.at("verification").at("bytesCompared") == 3U << 20U);
}

TEST_CASE("devdax memory that cannot be touched is an answer, listed, and not sanitized") {
    // The device says that it is larger than what can be reached: the pages behind the file's end
    // raise SIGBUS in a plain access, as poisoned ones do.
    const FakeDevdax device(2U << 20U);
    put(device.folder / "size", std::to_string(3U << 20U) + "\n");
    Driver driver("memory:devdax:dax0.0", device.view);
    const auto outcome = driver.run();
    INFO(outcome.record.dump(1));
    CHECK(outcome.verdict == Verdict::not_sanitized);
    const auto& faults = outcome.record.at("passes").at(0).at("writeFaults");
    CHECK(faults.at("bytes") == 1U << 20U);
    CHECK(faults.at("areas").at(0).at("offset") == 2U << 20U);
    // What can be reached was overwritten all the same.
    CHECK(device.content().find("SSSSSSSS") == std::string::npos);
}

TEST_CASE("a devdax device that is system memory, or that a process has open, is refused") {
    const FakeDevdax device(1U << 20U);
    Driver driver("memory:devdax:dax0.0", device.view);
    fs::create_directories(device.view.sysfs / "bus/dax/drivers/kmem");
    fs::create_symlink("../../drivers/kmem", device.folder / "driver");
    CHECK(has(driver.method->survey().objections, ReasonCode::kmem));
    fs::remove(device.folder / "driver");
    fs::create_directories(device.view.proc / "4711/fd");
    put(device.view.proc / "4711/comm", "postgres\n");
    fs::create_symlink(device.view.dev / "dax0.0", device.view.proc / "4711/fd/3");
    CHECK(has(driver.method->survey().objections, ReasonCode::opened));
}

TEST_CASE("the token of a target without a serial number follows from what it is") {
    const FakeDevdax device(1U << 20U);
    Driver driver("memory:devdax:dax0.0", device.view);
    const auto token = driver.method->survey().confirm_token;
    CHECK(token.starts_with("dax0.0-1MiB-"));
    CHECK(driver.method->survey().confirm_token == token);
    put(device.folder / "size", "524288\n");
    CHECK(driver.method->survey().confirm_token != token);
}

TEST_CASE("a method refuses to run when what it looked at is no longer there") {
    const FakeDevdax device(1U << 20U);
    Driver driver("memory:devdax:dax0.0", device.view);
    static_cast<void>(driver.method->survey());
    put(device.folder / "align", "2097152\n");
    try {
        static_cast<void>(driver.run());
        FAIL("it ran");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::safety);
        CHECK(error.reason() == ReasonCode::other_identity);
    }
    CHECK(device.content() == std::string(1U << 20U, 'S'));
}

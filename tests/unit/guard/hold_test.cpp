// SPDX-License-Identifier: Apache-2.0
// What is held and what refuses, at each step of holding, with nothing left held after a refusal.
#include <map>
#include <set>

#include "efface/guard/guard.hpp"

#include "catch.hpp"

using namespace efface;
using guard::Use;

namespace {

class ScriptedMachine;

class ScriptedTarget final : public guard::HeldTarget {
  public:
    ScriptedTarget(ScriptedMachine& machine, std::string path)
        : machine_(machine), path_(std::move(path)) {}
    ~ScriptedTarget() override;
    ScriptedTarget(const ScriptedTarget&) = delete;
    ScriptedTarget& operator=(const ScriptedTarget&) = delete;
    device::BlockTarget& storage() override { throw std::logic_error("not read here"); }
    [[nodiscard]] device::TargetFacts facts() const override;
    [[nodiscard]] device::ExtentReport extents() const override { return {}; }
    [[nodiscard]] bool direct_io() const override { return true; }
    void lock_metadata() override {}
    [[nodiscard]] int drop_cache() override { return 0; }

  private:
    ScriptedMachine& machine_;
    std::string path_;
};

class ScriptedMachine final : public guard::Machine {
  public:
    ScriptedMachine() {
        identity.path = identity.canonical_path = "/dev/a";
        identity.kind = inventory::Kind::disk;
        identity.size_bytes = 4096;
        identity.disk_sequence = 7;
        facts.is_block_device = true;
        facts.size_bytes = 4096;
        facts.disk_sequence = 7;
    }
    inventory::Identity identify(const std::string& /*path*/) override { return identity; }
    guard::Users users_of(const inventory::Identity& /*identity*/, guard::Moment moment) override {
        moments.push_back(moment);
        held_when_looked.push_back(held);
        return {moments.size() == 1 ? first : second, aliases};
    }
    std::unique_ptr<guard::HeldTarget> open(const std::string& path,
                                            device::Access access) override {
        CHECK(access == device::Access::exclusive);
        if (taken.contains(path) || !held.insert(path).second) {
            throw Error(ErrorCode::safety, ReasonCode::busy, path + ": is in use");
        }
        return std::make_unique<ScriptedTarget>(*this, path);
    }

    inventory::Identity identity;
    device::TargetFacts facts;
    std::vector<Use> first;
    std::vector<Use> second;
    std::vector<std::string> aliases;
    std::set<std::string> taken;  ///< by others
    std::set<std::string> held;   ///< by us
    std::vector<guard::Moment> moments;
    std::vector<std::set<std::string>> held_when_looked;
};

ScriptedTarget::~ScriptedTarget() {
    machine_.held.erase(path_);
}

device::TargetFacts ScriptedTarget::facts() const {
    return machine_.facts;
}

guard::HoldRequest request() {
    guard::HoldRequest request;
    request.path = "/dev/a";
    return request;
}

/// Status and code of the refusal.
std::pair<ErrorCode, ReasonCode> refusal(ScriptedMachine& machine,
                                         const guard::HoldRequest& asked = request()) {
    try {
        (void)guard::hold(machine, asked);
    } catch (const Error& error) {
        CHECK(machine.held.empty());
        return {error.code(), error.reason()};
    }
    FAIL("it was not refused");
    return {};
}

using Refusal = std::pair<ErrorCode, ReasonCode>;

}  // namespace

TEST_CASE("a target that nobody uses is held with every other name of it, until it is closed") {
    ScriptedMachine machine;
    machine.aliases = {"/dev/b", "/dev/c"};
    {
        const auto held = guard::hold(machine, request());
        CHECK(held.clearance.path() == "/dev/a");
        CHECK(machine.held == std::set<std::string>{"/dev/a", "/dev/b", "/dev/c"});
        // Each other name is looked at once more when it is held.
        CHECK(machine.held_when_looked ==
              std::vector<std::set<std::string>>{{"/dev/a"}, machine.held});
    }
    CHECK(machine.held.empty());
}

TEST_CASE("without other names one look, with the target held, is enough") {
    ScriptedMachine machine;
    CHECK(guard::hold(machine, request()).clearance.path() == "/dev/a");
    CHECK(machine.held_when_looked == std::vector<std::set<std::string>>{{"/dev/a"}});
}

TEST_CASE("who uses it refuses, whether it can be opened or not") {
    for (const auto& taken : {std::set<std::string>{}, std::set<std::string>{"/dev/a"}}) {
        ScriptedMachine machine;
        machine.taken = taken;
        machine.first = {{ReasonCode::mounted, "a mounted at /srv"}};
        CHECK(refusal(machine) == Refusal{ErrorCode::safety, ReasonCode::mounted});
    }
}

TEST_CASE("who opens it while its other names are opened is found after they are held") {
    ScriptedMachine machine;
    machine.aliases = {"/dev/b"};
    machine.second = {{ReasonCode::opened, "process 17 (qemu) has /dev/a open"}};
    CHECK(refusal(machine) == Refusal{ErrorCode::safety, ReasonCode::opened});
}

TEST_CASE("what may go by itself is busy, but never beside what will not") {
    ScriptedMachine machine;
    machine.first = {{ReasonCode::busy, "another efface"}};
    CHECK(refusal(machine) == Refusal{ErrorCode::busy, ReasonCode::busy});
    ScriptedMachine both;
    both.first = {{ReasonCode::busy, "another efface"}, {ReasonCode::swap, "a is a swap area"}};
    CHECK(refusal(both) == Refusal{ErrorCode::safety, ReasonCode::swap});
}

TEST_CASE("two jobs that meet at one storage are busy, by whichever name") {
    for (const char* path : {"/dev/a", "/dev/b", "/dev/c"}) {
        ScriptedMachine machine;
        machine.aliases = {"/dev/b", "/dev/c"};
        machine.taken = {path};
        CHECK(refusal(machine) == Refusal{ErrorCode::busy, ReasonCode::busy});
    }
}

TEST_CASE("another device than the confirmed one is refused") {
    SECTION("under another name") {
        ScriptedMachine machine;
        machine.identity.canonical_path = "/dev/z";
        CHECK(refusal(machine) == Refusal{ErrorCode::safety, ReasonCode::other_identity});
    }
    SECTION("put in its place") {
        ScriptedMachine machine;
        auto asked = request();
        asked.disk_sequence = 6;
        CHECK(refusal(machine, asked) == Refusal{ErrorCode::safety, ReasonCode::other_identity});
    }
    SECTION("while it is opened") {
        ScriptedMachine machine;
        machine.facts.disk_sequence = 8;
        CHECK(refusal(machine) == Refusal{ErrorCode::safety, ReasonCode::other_identity});
    }
    SECTION("not recognised") {
        ScriptedMachine machine;
        auto asked = request();
        asked.recognise = [](const inventory::Identity&) {
            return Reason{ReasonCode::other_identity, "another serial number"};
        };
        CHECK(refusal(machine, asked) == Refusal{ErrorCode::safety, ReasonCode::other_identity});
    }
    SECTION("with another content") {
        ScriptedMachine machine;
        auto asked = request();
        asked.examine = [](guard::HeldTarget&) {
            return Reason{ReasonCode::content_changed, "another first sector"};
        };
        CHECK(refusal(machine, asked) == Refusal{ErrorCode::safety, ReasonCode::content_changed});
    }
}

TEST_CASE("a header file of mode 0400 may be held, a read-only target not") {
    ScriptedMachine machine;
    machine.first = machine.second = {{ReasonCode::read_only, "the file is read-only"}};
    CHECK(refusal(machine) == Refusal{ErrorCode::safety, ReasonCode::read_only});
    ScriptedMachine header;
    header.first = header.second = machine.first;
    auto asked = request();
    asked.read_only_file_allowed = true;
    CHECK(guard::hold(header, asked).clearance.path() == "/dev/a");
}

TEST_CASE("memory is cleared only as it was seen") {
    const Json identity = "one";
    const auto look = [&](const char* now, std::vector<Reason> objections) {
        return guard::clear_memory("memory:tmpfs:/mnt", identity, [&] {
            return guard::MemoryLook{now, objections};
        });
    };
    CHECK(look("one", {}).path() == "memory:tmpfs:/mnt");
    CHECK_THROWS_AS(look("other", {}), Error);
    try {
        (void)look("one", {{ReasonCode::busy, "somebody looks"}});
        FAIL("it was not refused");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::busy);
    }
}

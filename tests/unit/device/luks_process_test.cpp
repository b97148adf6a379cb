// SPDX-License-Identifier: Apache-2.0
// The process boundary: children that misbehave, and what a child can be seen to hold.
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "efface/base/error.hpp"
#include "efface/base/file.hpp"
#include "efface/device/luks_library.hpp"

#include "catch.hpp"
#include "support.hpp"

using namespace device_test;
using efface::Error;
using efface::ErrorCode;
using efface::SecretBytes;
using efface::device::LuksLibraryProcess;

namespace {

fs::path script(const ScratchFolder& folder, const std::string& body) {
    const fs::path path = folder / "program";
    std::ofstream stream(path);
    stream << "#!/bin/sh\n" << body << "\n";
    stream.close();
    REQUIRE(::chmod(path.c_str(), 0700) == 0);
    return path;
}

std::string message_of(const fs::path& program, unsigned deadline_ms = 20'000) {
    LuksLibraryProcess library(program, deadline_ms);
    const auto answer = library.load({"/nowhere", {}});
    CHECK_FALSE(answer.failure.empty());
    return answer.failure;
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("a child that never answers is killed at the deadline") {
    ScratchFolder folder;
    const fs::path program =
        script(folder, "echo $$ > '" + (folder / "pid").string() + "'; exec sleep 600");
    CHECK(contains(message_of(program, 1000), "within 1000 ms"));
    const std::string pid = output_of("cat '" + (folder / "pid").string() + "'");
    CHECK_FALSE(fs::exists("/proc/" + pid));
}

TEST_CASE("a child that answers and then hangs is killed at the deadline") {
    ScratchFolder folder;
    const fs::path program = script(folder, "exec sleep 600 <&- >&-");
    CHECK(contains(message_of(program, 1000), "within 1000 ms"));
}

TEST_CASE("a child that says too much is stopped") {
    ScratchFolder folder;
    CHECK(contains(message_of(script(folder, "exec cat /dev/zero")), "said more than"));
}

TEST_CASE("a child that fails gives no answer, whatever it printed") {
    ScratchFolder folder;
    const fs::path program = script(folder,
                                    R"(cat >/dev/null
printf '{"code":0,"type":"","uuid":"","keyslots":[],"reencryption":"none"}'
exit 3)");
    CHECK(contains(message_of(program), "status 3"));
}

TEST_CASE("a child that dies by a signal gives no answer") {
    ScratchFolder folder;
    CHECK(contains(message_of(script(folder, "kill -ABRT $$")), "signal 6"));
}

TEST_CASE("an answer that is not the expected JSON is refused") {
    ScratchFolder folder;
    for (const std::string body :
         {"echo nonsense", "true", "echo '[]'", R"(echo '{"code":0}')",
          R"(printf '{"code":"0","type":"","uuid":"","keyslots":[],"reencryption":"none"}')",
          R"(printf '{"code":0,"type":"","uuid":"","keyslots":[],"reencryption":"none","x":1}')"}) {
        INFO(body);
        CHECK_FALSE(message_of(script(folder, "cat >/dev/null; " + body)).empty());
    }
}

TEST_CASE("a program that is not there is an error that names it") {
    CHECK(contains(message_of("/nonexistent/efface"), "/nonexistent/efface"));
}

TEST_CASE("a child that does not read its request does not hang or kill us") {
    ScratchFolder folder;
    LuksLibraryProcess library(script(folder, "exit 4"), 20'000);
    const SecretBytes large(std::size_t{4} << 20U);
    CHECK_FALSE(library.try_unlock({"/nowhere", {}}, large).failure.empty());
}

TEST_CASE("a credential above the library's limit is refused before any child starts") {
    LuksLibraryProcess library("/nonexistent/efface");
    const SecretBytes huge((std::size_t{8} << 20U) + 1);
    try {
        (void)library.try_unlock({"/nowhere", {}}, huge);
        FAIL("accepted");
    } catch (const Error& error) {
        CHECK(error.code() == ErrorCode::usage);
    }
}

TEST_CASE("the credential travels on standard input: not in arguments, environment or files") {
    ScratchFolder folder;
    const std::string seen = (folder / "seen").string();
    const fs::path program =
        script(folder, "cat > '" + seen + ".stdin'\ntr '\\0' '\\n' < /proc/$$/cmdline > '" + seen +
                           ".argv'\ntr '\\0' '\\n' < /proc/$$/environ > '" + seen +
                           ".env'\nls /proc/$$/fd | LC_ALL=C sort > '" + seen +
                           ".fd'\nprintf '{\"load_code\":0,\"code\":2}'");
    LuksLibraryProcess library(program, 20'000);
    REQUIRE(::setenv("EFFACE_TEST_ENVIRONMENT", "leaks", 1) == 0);
    const SecretBytes credential(efface::as_bytes("hunter2-secret"));
    const efface::UniqueFd inheritable(::dup(1));
    CHECK(library.try_unlock({"/the/header", {}}, credential).code == 2);
    CHECK(output_of("cat " + seen + ".argv") == "/bin/sh\n" + program.string() + "\nluks-worker");
    CHECK(output_of("sort " + seen + ".env") == "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin");
    const std::string input = output_of("cat " + seen + ".stdin | tr '\\0' '.'");
    CHECK(contains(input, "\n.......\x0ehunter2-secret"));
    CHECK_FALSE(contains(input.substr(0, input.find('\n')), "hunter2"));
    // The standard streams, and the script that the shell reads.
    CHECK(output_of("cat " + seen + ".fd") == "0\n1\n10\n2");
}

TEST_CASE("the worker refuses a request that is cut short or malformed") {
    ScratchFolder folder;
    const std::string worker = EFFACE_LUKS_WORKER " luks-worker";
    CHECK(run("true | " + worker) != 0);
    CHECK(run("echo '{}' | " + worker) != 0);
    CHECK(run("echo '{\"operation\":\"format\",\"header\":\"2f78\"}' | " + worker) != 0);
    CHECK(run("printf '{\"operation\":\"load\",\"header\":\"2f78\"}\\n' | " + worker) != 0);
    CHECK(run("printf '{\"operation\":\"load\",\"header\":\"2f78\"}\\n\\377\\377\\377\\377"
              "\\377\\377\\377\\377' | " +
              worker) != 0);
    CHECK(run("head -c 100000 /dev/zero | " + worker) != 0);
    CHECK(
        output_of("printf '{\"operation\":\"load\",\"header\":\"2f78\"}\\n\\0\\0\\0\\0\\0\\0\\0\\0'"
                  " | " +
                  worker + " | head -c 10") == R"({"code":-1)");
}

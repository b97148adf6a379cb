// SPDX-License-Identifier: Apache-2.0
// Lines behind the checkpoint, which nobody signed: set aside, whatever fails meanwhile.
#include "memory_log.hpp"

using namespace efface;
using namespace efface::evidence;

TEST_CASE("what stands behind the checkpoint is set aside as it is, and never signed") {
    const MemoryDisk good = disk_with(2);
    MemoryDisk grown = good;
    const std::string checkpoint = open_on(grown).checkpoint();
    const std::string line = open_on(grown).append(new_entry(2)).line + '\n';
    std::vector<std::string> tails = {"x\n",
                                      "\n",
                                      "{}\n",
                                      line + line,
                                      line + R"({"type":"run-int)",
                                      std::string(4096, '\0'),
                                      std::string(kLogEntryBytesMax + 1, 'x'),
                                      std::string(kUnsignedBytesMax, 'x')};
    for (std::size_t kept = 1; kept <= line.size(); ++kept) {
        tails.push_back(line.substr(0, kept));
    }
    for (const std::string& tail : tails) {
        MemoryDisk disk = good;
        add_behind(disk, tail);
        LogStore log = open_on(disk);
        REQUIRE(log.checkpoint() == checkpoint);
        REQUIRE(log.set_aside() == unsigned_name(2, as_bytes(tail)));
        REQUIRE(as_text(disk.contents.at(disk.set_aside.at(*log.set_aside())).now) == tail);
        REQUIRE(text_in(disk, LogFile::entries) == text_in(good, LogFile::entries));
        // It is durable where it went before it is gone where it was, and set aside once.
        MemoryDisk after = cut_power(disk, Unflushed::lost, false);
        LogStore again = open_on(after);
        REQUIRE_FALSE(again.set_aside());
        REQUIRE(after.set_aside.size() == 1);
        REQUIRE(as_text(after.contents.at(after.set_aside.begin()->second).now) == tail);
        require_whole(disk, 2, checkpoint);
        MemoryLogFiles files(disk);
        const LogAudit audit = audit_files(files, test_signer().verifier_key());
        REQUIRE(audit.set_aside == std::vector<std::string>{unsigned_name(2, as_bytes(tail))});
    }
}

TEST_CASE("whichever operation of setting aside fails, nothing of it is lost") {
    const std::string tail = "{\"forged\":1}\nhalf";
    bool went_through = false;
    for (std::size_t n = 0; !went_through; ++n) {
        REQUIRE(n < kChangesMax);
        MemoryDisk disk = disk_with(2);
        add_behind(disk, tail);
        disk.changes = 0;
        disk.fail_at = n;
        try {
            (void)open_on(disk);
            went_through = true;
        } catch (const Error& error) {
            REQUIRE(error.code() == ErrorCode::evidence);
        }
        disk.fail_at.reset();
        (void)open_on(disk);
        REQUIRE(disk.set_aside.size() == 1);
        REQUIRE(as_text(disk.contents.at(disk.set_aside.begin()->second).now) == tail);
    }
}

TEST_CASE("names of what was set aside are told from others") {
    const std::string name = unsigned_name(12, as_bytes("x"));
    CHECK(is_unsigned_name(name));
    for (const std::string& other :
         {std::string(), std::string("unsigned-"), std::string("unsigned-.jsonl"),
          std::string("unsigned.new"), std::string("entries.jsonl"), name + "x", "x" + name,
          "unsigned-" + name.substr(11), "unsigned-x" + name.substr(9),
          name.substr(0, name.size() - 7) + ".jsonl", "unsigned-1\n" + name.substr(11)}) {
        CHECK_FALSE(is_unsigned_name(other));
    }
}

TEST_CASE("more behind the checkpoint than a crash leaves is refused unwritten") {
    MemoryDisk disk = disk_with(2);
    add_behind(disk, std::string(kUnsignedBytesMax + 1, 'x'));
    disk.changes = 0;
    CHECK(is_evidence_error([&] { (void)open_on(disk); }));
    CHECK(disk.changes == 0);
}

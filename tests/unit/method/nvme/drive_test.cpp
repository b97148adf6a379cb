// SPDX-License-Identifier: Apache-2.0
// Sanitize on the NVMe model: what is sent, what is believed, and what is never called a success.
#include "bench.hpp"

using namespace efface;
using namespace std::chrono_literals;
using fake::NvmeDriveOptions;
using fake::NvmeLeaves;
using method::Phase;
using method::Start;
using Bench = test::NvmeBench;
using test::kSanitize;
using test::with_lie;

TEST_CASE("a block erase runs, tells its progress and ends with success", "[nvme]") {
    Bench bench;
    bench.put_old_block(1, 100);
    auto operation = bench.make("nvme-sanitize-block");
    const auto answer = operation->start();
    CHECK(answer.start == Start::accepted);
    CHECK(bench.sent(kSanitize) == std::vector<std::uint32_t>{0x2});
    CHECK(bench.saves >= 1);
    bench.clock.advance(15s);
    const auto running = operation->state();
    CHECK(running.phase == Phase::running);
    CHECK(running.progress.value_or(0) == Approx(0.25).margin(0.01));
    CHECK(running.technique == "nvme-sanitize-block");
    bench.clock.advance(45s);
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK_FALSE(bench.drive.holds(bench.old_block));
}

TEST_CASE("sanitize reaches spare, retired, unallocated and unattached places", "[nvme]") {
    NvmeDriveOptions options;
    options.namespaces = {{}, {1024, 512, false, false}};
    options.unallocated_blocks = 64;
    options.spare_blocks = 16;
    Bench bench(options);
    bench.put_old_block(1, 7);
    bench.drive.media(1).retire(7);
    bench.drive.media(1).write(7, Bytes(512));  // the old content is spare now
    bench.put_old_block(2, 3);
    bench.drive.unallocated().write(5, bench.old_block);
    REQUIRE(bench.drive.holds(bench.old_block));
    REQUIRE(bench.drive.retired_holds(bench.old_block));
    auto operation = bench.make("nvme-sanitize-crypto");
    REQUIRE(operation->start().start == Start::accepted);
    bench.clock.advance(2s);
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK_FALSE(bench.drive.holds(bench.old_block));
    CHECK_FALSE(bench.drive.retired_holds(bench.old_block));
}

TEST_CASE("an overwrite is sent as one pass of the job's pattern, which stays readable", "[nvme]") {
    Bench bench;
    bench.memory.pattern = {0x5c, 0xa1, 0xa1, 0x5c};
    auto operation = bench.make("nvme-sanitize-overwrite");
    REQUIRE(operation->start().start == Start::accepted);
    CHECK(bench.sent(kSanitize) == std::vector<std::uint32_t>{0x213});
    bench.clock.advance(600s);
    CHECK(operation->state().phase == Phase::succeeded);
    CHECK(operation->promise().repeated == bench.memory.pattern);
    Bytes block(512);
    bench.drive.media(1).read(bench.drive.media(1).blocks() - 1, block);
    CHECK(to_hex(block).starts_with("5ca1a15c5ca1a15c"));
    CHECK(bench.facts("nvme-sanitize-overwrite").estimate == 600s);  // 9600 s are 16 passes
}

TEST_CASE("no-deallocate is only asked where the drive keeps the medium as it was written",
          "[nvme]") {
    for (const std::uint32_t sanicap : {0x00000007U, 0x80000007U, 0x60000007U}) {
        for (const std::uint8_t deallocated_reads : {std::uint8_t{0}, std::uint8_t{1}}) {
            CAPTURE(sanicap, deallocated_reads);
            NvmeDriveOptions options;
            options.sanicap = sanicap;
            options.deallocated_reads = deallocated_reads;
            Bench bench(options);
            bench.memory.pattern = {0x5c, 0xa1, 0xa1, 0x5c};
            auto operation = bench.make("nvme-sanitize-overwrite");
            REQUIRE(operation->start().start == Start::accepted);
            CHECK(bench.sent(kSanitize) == std::vector<std::uint32_t>{0x13});
            bench.clock.advance(600s);
            CHECK(operation->state().phase == Phase::succeeded);
            // Deallocated blocks hold no pattern.
            CHECK(operation->promise().repeated == Bytes(deallocated_reads, 0));
        }
    }
}

TEST_CASE("media verification is entered, read by command, and left", "[nvme]") {
    NvmeDriveOptions options;
    options.sanicap = 0x4000000f;
    Bench bench(options);
    bench.put_old_block(1, 100);
    auto operation = bench.make("nvme-sanitize-block");
    REQUIRE(operation->start().start == Start::accepted);
    CHECK(bench.sent(kSanitize) == std::vector<std::uint32_t>{0x402});
    bench.clock.advance(60s);
    CHECK(operation->state().phase == Phase::verifying);
    Bytes block(512);
    const auto status = bench.set->read_status("nvme0n1", 100 * 512, block);
    CHECK(status.readable);
    CHECK(status.status == "Successful Media Verification Read (sct 1 sc 9ch)");
    CHECK(block == Bytes(512, 0xff));
    std::vector<method::SentCommand> commands;
    CHECK(operation->leave_verification(commands));
    REQUIRE(commands.size() == 1);
    CHECK(to_hex(commands.front().bytes).starts_with("05000000"));
    CHECK(bench.sent(kSanitize).back() == 0x5);
    CHECK(operation->state().phase == Phase::running);  // deallocates
    bench.clock.advance(5s);
    CHECK(operation->state().phase == Phase::succeeded);
}

TEST_CASE("media verification that a power cut ended still ends in success", "[nvme]") {
    NvmeDriveOptions options;
    options.sanicap = 0x4000000f;
    Bench bench(options);
    auto operation = bench.make("nvme-sanitize-crypto");
    REQUIRE(operation->start().start == Start::accepted);
    bench.clock.advance(2s);
    REQUIRE(operation->state().phase == Phase::verifying);
    bench.drive.power_cycle();
    bench.clock.advance(5s);
    const auto now = operation->state();
    CHECK(now.phase == Phase::succeeded);
    CHECK(now.detail.find("verification was cancelled") != std::string::npos);
}

TEST_CASE("a power cut in the middle is followed to its end by another process", "[nvme]") {
    Bench bench(with_lie([](fake::NvmeLies& lies) { lies.power_cut_in_the_middle = true; }));
    bench.put_old_block(1, 4000);
    REQUIRE(bench.make("nvme-sanitize-block")->start().start == Start::accepted);
    bench.clock.advance(40s);
    CHECK(bench.set->state().phase == Phase::unknown);
    bench.drive.power_on();
    auto later = bench.make("nvme-sanitize-block");  // with the memory of the first
    CHECK(later->state().phase == Phase::running);
    CHECK(later->start().start == Start::accepted);  // it runs: nothing is sent again
    CHECK(bench.sent(kSanitize).size() == 1);
    bench.clock.advance(30s);
    CHECK(later->state().phase == Phase::succeeded);
    CHECK_FALSE(bench.drive.holds(bench.old_block));
}

TEST_CASE("a sanitize of someone else is not started over", "[nvme]") {
    Bench bench;
    Json kept = Json::object();
    method::OperationMemory other{.kept = kept};
    REQUIRE(bench.set->make("nvme-sanitize-block", other)->start().start == Start::accepted);
    CHECK(bench.make("nvme-sanitize-block")->start().start == Start::refused);
    CHECK(bench.set->state().phase == Phase::running);
    const auto crypto = bench.facts("nvme-sanitize-crypto").objection;
    REQUIRE(crypto);
    CHECK(crypto->code == ReasonCode::drive_erasing);
    CHECK_FALSE(bench.facts("nvme-sanitize-block").objection);
}

TEST_CASE("nothing but a told success is a success", "[nvme]") {
    struct Case {
        const char* name;
        void (*lie)(fake::NvmeLies&);
        Phase phase;
    };
    const std::vector<Case> cases = {
        {"fails", [](fake::NvmeLies& l) { l.sanitize_fails = true; }, Phase::failed},
        {"idle", [](fake::NvmeLies& l) { l.idle_after_sanitize = true; }, Phase::idle},
        {"stuck", [](fake::NvmeLies& l) { l.progress_stuck = true; }, Phase::running},
        {"zero page", [](fake::NvmeLies& l) { l.status_log_zero = true; }, Phase::unknown},
        {"hangs", [](fake::NvmeLies& l) { l.hangs_in_the_middle = true; }, Phase::unknown},
        {"power cut", [](fake::NvmeLies& l) { l.power_cut_in_the_middle = true; }, Phase::unknown},
    };
    for (const auto& one : cases) {
        CAPTURE(one.name);
        Bench bench;
        auto operation = bench.make("nvme-sanitize-block");
        REQUIRE(operation->start().start == Start::accepted);
        one.lie(bench.drive.lies());
        bench.clock.advance(61s);
        (void)operation->state();
        bench.clock.advance(1s);
        CHECK(operation->state().phase == one.phase);
    }
}

TEST_CASE("a reset in the middle loses one answer and not the sanitize", "[nvme]") {
    Bench bench(with_lie([](fake::NvmeLies& lies) { lies.reset_in_the_middle = true; }));
    auto operation = bench.make("nvme-sanitize-block");
    REQUIRE(operation->start().start == Start::accepted);
    bench.clock.advance(31s);
    CHECK(operation->state().phase == Phase::unknown);
    CHECK(operation->state().phase == Phase::running);
    bench.clock.advance(30s);
    CHECK(operation->state().phase == Phase::succeeded);
}

TEST_CASE("the success of an earlier sanitize is not taken for this one", "[nvme]") {
    Bench bench;
    auto first = bench.make("nvme-sanitize-block");
    REQUIRE(first->start().start == Start::accepted);
    bench.clock.advance(60s);
    REQUIRE(first->state().phase == Phase::succeeded);
    // Data is written again, and the drive pretends.
    device::NvmeCommand write;
    write.queue = device::NvmeCommand::Queue::io;
    write.opcode = 0x01;
    write.nsid = 1;
    write.write_from = bench.old_block;
    REQUIRE(bench.drive.controller().submit(write).succeeded());
    bench.drive.lies().ignores_sanitize = true;
    bench.memory.kept = Json::object();
    auto second = bench.make("nvme-sanitize-block");
    REQUIRE(second->start().start == Start::accepted);
    CHECK(second->state().phase == Phase::unknown);
    // Nor is that of another technique.
    auto crypto = bench.make("nvme-sanitize-crypto");
    REQUIRE(crypto->start().start == Start::accepted);
    CHECK(crypto->state().phase == Phase::unknown);
}

TEST_CASE("a drive in a failure mode is sanitized again and never just let out", "[nvme]") {
    Bench bench(with_lie([](fake::NvmeLies& lies) { lies.sanitize_fails = true; }));
    bench.put_old_block(1, 9);
    auto operation = bench.make("nvme-sanitize-crypto");
    REQUIRE(operation->start().start == Start::accepted);
    bench.clock.advance(2s);
    const auto failed = operation->state();
    CHECK(failed.phase == Phase::failed);
    CHECK(failed.detail.find("start one again") != std::string::npos);
    const auto format = bench.facts("nvme-format-user-data").objection;
    REQUIRE(format);
    CHECK(format->code == ReasonCode::drive_failed);
    bench.drive.lies().sanitize_fails = false;
    auto again = bench.make("nvme-sanitize-block");
    REQUIRE(again->start().start == Start::accepted);
    bench.clock.advance(60s);
    CHECK(again->state().phase == Phase::succeeded);
    CHECK_FALSE(bench.drive.holds(bench.old_block));
    for (const std::uint32_t cdw10 : bench.sent(kSanitize)) {
        CHECK((cdw10 & 0xfU) != 1);  // never Exit Failure Mode
        CHECK((cdw10 & 0x8U) == 0);  // never AUSE
    }
}

TEST_CASE("refusals come with the status in words and the next step", "[nvme]") {
    for (const int number : {0x4123, 0x4110, 0x4020, 0x4001}) {
        CAPTURE(number);
        Bench bench;
        bench.drive.lies().sanitize_status = static_cast<std::uint16_t>(number);
        const auto answer = bench.make("nvme-sanitize-block")->start();
        CHECK(answer.start == Start::refused);
        CHECK(answer.detail.find("sct") != std::string::npos);
        CHECK(answer.detail.find("; ") != std::string::npos);
    }
}

TEST_CASE("what a drive lacks is named before anything is sent", "[nvme]") {
    NvmeDriveOptions options;
    options.sanicap = 0x2;
    options.fna = 0;
    Bench bench(options);
    CHECK_FALSE(bench.facts("nvme-sanitize-block").objection);
    for (const auto* lacking : {"nvme-sanitize-crypto", "nvme-format-crypto"}) {
        const auto objection = bench.facts(lacking).objection;
        REQUIRE(objection);
        CHECK(objection->code == ReasonCode::drive_lacks_technique);
    }
    options.sanicap = 0;
    options.format = false;
    Bench neither(options);
    for (const auto& technique : neither.set->survey().techniques) {
        CHECK(technique.objection);
    }
    CHECK(neither.set->state().phase == Phase::idle);
    CHECK(neither.sent(kSanitize).empty());
}

TEST_CASE("a write-protected namespace is an objection to every technique", "[nvme]") {
    NvmeDriveOptions options;
    options.namespaces = {{}, {512, 512, true, true}};
    Bench bench(options);
    for (const auto& technique : bench.set->survey().techniques) {
        CAPTURE(technique.name);
        REQUIRE(technique.objection);
        CHECK(technique.objection->code == ReasonCode::drive_write_protected);
    }
}

TEST_CASE("reading after a crypto or block erase may fail in the expected way", "[nvme]") {
    NvmeDriveOptions options;
    options.leaves = NvmeLeaves::unreadable;
    Bench bench(options);
    auto operation = bench.make("nvme-sanitize-crypto");
    REQUIRE(operation->start().start == Start::accepted);
    bench.clock.advance(2s);
    REQUIRE(operation->state().phase == Phase::succeeded);
    Bytes blocks(4096);
    const auto status = bench.set->read_status("nvme0n1", 0, blocks);
    CHECK_FALSE(status.readable);
    CHECK(status.expected);
    CHECK(status.status == "Unrecovered Read Error (sct 2 sc 81h)");
    const auto elsewhere = bench.set->read_status("sdz", 0, blocks);
    CHECK_FALSE(elsewhere.readable);
    CHECK_FALSE(elsewhere.expected);
}

TEST_CASE("the event log of the drive is read when a sanitize has ended", "[nvme]") {
    Bench bench;
    auto operation = bench.make("nvme-sanitize-crypto");
    REQUIRE(operation->start().start == Start::accepted);
    CHECK(operation->state().pages.size() == 1);  // not while it runs
    bench.clock.advance(2s);
    const auto ended = operation->state();
    REQUIRE(ended.pages.size() == 2);
    CHECK(ended.pages[0].name == "NVMe log 81h");
    CHECK(ended.pages[1].bytes.at(0) == 0x0d);
    CHECK(ended.pages[1].bytes.at(512) == 0x0a);  // the newest event: sanitize completion
}

// A lie that no status shows: only looking at the medium does.
TEST_CASE("a drive that keeps data and says success is caught by its medium alone", "[nvme]") {
    for (const auto lie : {+[](fake::NvmeLies& l) { l.erases_nothing = true; },
                           +[](fake::NvmeLies& l) { l.keeps_permille = 500; },
                           +[](fake::NvmeLies& l) { l.reverts_writes = true; }}) {
        Bench bench(with_lie(lie));
        for (std::uint64_t block = 0; block < 64; ++block) {
            bench.put_old_block(1, block);
        }
        auto operation = bench.make("nvme-sanitize-block");
        REQUIRE(operation->start().start == Start::accepted);
        bench.clock.advance(60s);
        CHECK(operation->state().phase == Phase::succeeded);
        CHECK(bench.drive.holds(bench.old_block));
    }
}

TEST_CASE("techniques of other sets are not made", "[nvme]") {
    Bench bench;
    CHECK(bench.set->make("ata-sanitize-block", bench.memory) == nullptr);
    CHECK(bench.set->make("nvme-sanitize", bench.memory) == nullptr);
}

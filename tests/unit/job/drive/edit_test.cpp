// SPDX-License-Identifier: Apache-2.0
// Edited journals of drives that erase themselves.
#include "fixture/journal_edits.hpp"
#include "fixture/killed.hpp"
#include "models.hpp"
#include "sample.hpp"

using namespace efface;
using namespace efface::job;

namespace {

/// A job at work on a drive, or one that failed and is tried again.
struct DriveJob {
    explicit DriveJob(bool fails) : model(options(fails), station.clock), state(station.state) {
        station.attach(model, options(fails).serial);
        station.request.choice.policy = "nvme-sanitize-block";
        if (fails) {
            CHECK(station.run().exit_code() == 3);
        } else {
            station.on_wait = [] { throw Killed(); };
            CHECK_THROWS_AS(station.run(), Killed);
            station.on_wait = nullptr;
        }
        station.request.job_id = station.job_id();
    }
    static fake::NvmeDriveOptions options(bool kept) {
        fake::NvmeDriveOptions options;
        options.namespaces = {{4096, 512, true, false, kept}};
        return options;
    }
    /// As the drive, which goes on by itself while time passes, has it by now.
    [[nodiscard]] Bytes content() {
        (void)model.drive.holds({});
        auto& media = model.drive.media(1);
        Bytes all;
        Bytes block(media.block_bytes());
        for (std::uint64_t at = 0; at < media.blocks(); ++at) {
            media.read(at, block);
            all.insert(all.end(), block.begin(), block.end());
        }
        return all;
    }
    DriveStation station;
    NvmeModel model;
    StateDirectory& state;
};

edits::Seen go_on(DriveJob& job, const std::string& /*id*/) {
    const auto before = job.content();
    (void)list_jobs(job.state);
    try {
        (void)job.station.run();
    } catch (const Error&) {
    }
    return edits::seen_of(job.station.ended, job.content() == before,
                          job.station.old_content_remains(false), look_at_bundles(job.state));
}

}  // namespace

TEST_CASE("journal: an edited job of a drive is refused as damaged, or ends as it should",
          "[edited]") {
    unsigned refused = 0;
    for (const bool fails : {false, true}) {
        CAPTURE(fails);
        DriveJob job(fails);
        const auto counts = edits::edit_all(job, test::day() + (fails ? 3 : 0));
        CHECK(counts.cases > 0);
        refused += counts.refused;
    }
    CHECK(refused > 0);
}

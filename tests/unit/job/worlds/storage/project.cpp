// SPDX-License-Identifier: Apache-2.0
// A project of one or two LUKS volumes.
#include <algorithm>
#include <cerrno>

#include "fake/luks/luks1_image.hpp"
#include "storage.hpp"

namespace efface::job::worlds {

namespace {

constexpr std::size_t kBlock = 512;
const char* const kPaths[] = {"/dev/a", "/dev/b"};
const char* const kUuids[] = {"2f4c2e52-6a8f-4a8d-9a5c-0a6f1b7f9e10",
                              "c0ffee00-6a8f-4a8d-9a5c-0a6f1b7f9e11"};

const Bytes& image(unsigned number) {
    static const Bytes images[] = {fake::luks1_image(kUuids[0]), fake::luks1_image(kUuids[1])};
    return images[number];
}

class Project final : public Storage {
  public:
    Project(Surroundings surroundings, Dice& dice);

    [[nodiscard]] RunResult erase(RunContext& context, const Asked& /*asked*/,
                                  const std::stop_token& stop) override {
        ProjectRequest request;
        request.manifest = manifest_;
        request.workers = 1;
        request.program = "/bin/true";
        request.authorize = [](const ProjectPlan&) {
            return mandate::Authorization{"typed-project-id", "tester", {}, {}};
        };
        return run_project(context, request, stop);
    }
    void plan(RunContext& context, const Asked& /*asked*/) override {
        (void)make_plan(context, manifest_, 1);
    }
    [[nodiscard]] const mandate::Terms* terms() const override { return &manifest_.terms; }
    [[nodiscard]] std::vector<Bytes> media() override {
        std::vector<Bytes> all;
        for (unsigned i = 0; i < volumes_; ++i) {
            all.push_back(disk(i).media());
        }
        return all;
    }
    [[nodiscard]] std::string left(const RunResult& result, const Json& predicate) override;
    std::string interfere(Dice& dice) override;
    std::string trouble(Dice& dice) override;
    Ranges write_in_between(Dice& /*dice*/) override { return {}; }
    void cut_power() override { around_.host.cut_power(); }
    void mend() override;

  private:
    [[nodiscard]] fake::MemoryDisk& disk(unsigned number) {
        return *around_.host.at(kPaths[number]).disk;
    }
    void restore(unsigned number, std::size_t from, std::size_t to);
    void watch(unsigned number);

    Surroundings around_;
    unsigned volumes_ = 1;
    mandate::Manifest manifest_;
    std::optional<fake::Fault> fault_;
    fake::Operation::Kind fault_of_ = fake::Operation::Kind::read;
    std::uint64_t first_ = 0;
    std::uint64_t last_ = 0;
    std::uint64_t operations_ = 0;
};

Project::Project(Surroundings surroundings, Dice& dice)
    : around_(std::move(surroundings)), volumes_(dice.one_in(3) ? 2 : 1) {
    std::string text = R"({"schema":"efface.project/1",)" + drawn_dates(dice, around_.clock.now()) +
                       R"("project":{"id":"prj-1","owner":"Tenant"},
        "attestation":{"encrypted_since_first_use":true,"all_key_copies_declared":true,"by":"x"},
        "volumes":[)";
    for (unsigned i = 0; i < volumes_; ++i) {
        (void)around_.host.add(kPaths[i], image(i));
        watch(i);
        text += std::string(i == 0 ? "" : ",") + R"({"name":")" + static_cast<char>('a' + i) +
                R"(","path":")" + kPaths[i] + R"(","uuid":")" + kUuids[i] + "\"}";
    }
    manifest_ = mandate::parse_manifest(text + "]}");
    // The library reads the medium: a header opens, or it does not.
    around_.host.library.on_load = [this](const device::LuksLocation& location) {
        if (!around_.operation()) {
            throw Error(ErrorCode::internal, "dead");
        }
        const auto& medium = around_.host.at(location.header.string()).disk->media();
        const bool opens = std::equal(medium.begin(), medium.begin() + 8, image(0).begin());
        around_.host.library.load_answer = opens
                                               ? device::LoadAnswer{0, "LUKS2", "", {0}, "none", ""}
                                               : device::LoadAnswer{-22, "", "", {}, "", ""};
    };
}

void Project::watch(unsigned number) {
    disk(number).set_hook([this](const fake::Operation& operation) {
        if (!around_.operation()) {
            return fake::Fault{.kind = fake::Fault::Kind::fail, .error = EIO};
        }
        ++operations_;
        return fault_ && operation.kind == fault_of_ && operations_ >= first_ &&
                       operations_ <= last_
                   ? *fault_
                   : fake::Fault{};
    });
}

/// The header and the key areas; the payload stays.
std::string Project::left(const RunResult& /*result*/, const Json& /*predicate*/) {
    for (unsigned i = 0; i < volumes_; ++i) {
        const fake::MemoryDisk& volume = disk(i);
        for (const auto* medium : {&volume.media(), &volume.durable()}) {
            for (std::size_t at = 0; at < fake::kLuks1PayloadOffset; at += kBlock) {
                const auto before = ByteView(image(i)).subspan(at, kBlock);
                const auto now = ByteView(*medium).subspan(at, kBlock);
                if (std::equal(before.begin(), before.end(), now.begin()) && !all_zero(before)) {
                    return std::string(kPaths[i]) + " at byte " + std::to_string(at);
                }
            }
        }
    }
    return {};
}

void Project::restore(unsigned number, std::size_t from, std::size_t to) {
    std::copy(image(number).begin() + static_cast<std::ptrdiff_t>(from),
              image(number).begin() + static_cast<std::ptrdiff_t>(to),
              disk(number).media().begin() + static_cast<std::ptrdiff_t>(from));
    disk(number).set_hook({});
    (void)disk(number).flush();
    watch(number);
}

std::string Project::interfere(Dice& dice) {
    const auto number = static_cast<unsigned>(dice.below(volumes_));
    for (unsigned i = 0; i < volumes_; ++i) {
        around_.host.at(kPaths[i]).uses.clear();
    }
    switch (dice.below(4)) {
        case 0:
            restore(number, 0, fake::kLuks1PayloadOffset);
            return "somebody restores the header and its key areas";
        case 1:
            restore(number, 0, 4096);
            return "somebody restores the header";
        case 2:
            around_.host.at(kPaths[number]).uses = {{ReasonCode::opened, "process 17"}};
            return "somebody has a volume open";
        default:
            cut_power();
            return "the power is gone for a moment";
    }
}

std::string Project::trouble(Dice& dice) {
    using Kind = fake::Fault::Kind;
    using Of = fake::Operation::Kind;
    fault_.reset();
    operations_ = 0;
    if (!dice.one_in(3)) {
        return {};
    }
    fault_of_ = dice.of<Of>({Of::read, Of::write, Of::flush});
    fault_ = fake::Fault{.kind = Kind::fail, .error = EIO};
    if (fault_of_ != Of::flush) {
        fault_->kind = dice.of<Kind>({Kind::fail, Kind::corrupt, Kind::shorten, Kind::drop});
        fault_->bytes = dice.below(8192);
    }
    first_ = 1 + dice.below(80);
    last_ = dice.one_in(2) ? first_ : ~std::uint64_t{0};
    return "fault " + std::to_string(static_cast<int>(fault_->kind)) + " of " +
           std::to_string(static_cast<int>(fault_of_)) + " from operation " +
           std::to_string(first_) + (first_ == last_ ? "" : " on");
}

void Project::mend() {
    fault_.reset();
    for (unsigned i = 0; i < volumes_; ++i) {
        around_.host.at(kPaths[i]).uses.clear();
    }
}

}  // namespace

std::unique_ptr<Storage> make_project(Surroundings surroundings, Dice& dice) {
    return std::make_unique<Project>(std::move(surroundings), dice);
}

}  // namespace efface::job::worlds

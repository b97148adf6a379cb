// SPDX-License-Identifier: Apache-2.0
// A disk or a file that is overwritten, and another one that may be in its place.
#include <algorithm>
#include <array>
#include <cerrno>

#include "target.hpp"

namespace efface::job::worlds {

namespace {

constexpr std::size_t kBlock = 512;
constexpr unsigned kDisks = 2;

enum class Named {
    disk,      ///< by its serial number
    nameless,  ///< by its place alone
    file,      ///< by inode and time of birth
};

/// Faults of one run.
struct Faults {
    fake::Fault fault;
    std::optional<fake::Operation::Kind> of;  ///< none: any
    std::uint64_t first = 0;                  ///< operation, from 1
    std::uint64_t last = 0;
    std::uint64_t from = 0;  ///< bytes; only what touches [from, to) of a bad place
    std::uint64_t to = 0;
};

class Disk final : public TargetInWorld {
  public:
    Disk(Surroundings surroundings, Dice& dice);

    [[nodiscard]] std::vector<Bytes> media() override {
        return {disks_[0]->media(), disks_[1]->media()};
    }
    [[nodiscard]] std::string left(const RunResult& result, const Json& predicate) override;
    [[nodiscard]] std::string touched_wrongly(const std::vector<Bytes>& before,
                                              const Asked& asked) override;
    std::string interfere(Dice& dice) override;
    std::string trouble(Dice& dice) override;
    Ranges write_in_between(Dice& dice) override;
    void cut_power() override {
        for (auto& disk : disks_) {
            disk->cut_power();
        }
    }
    void mend() override;
    /// Who is known by its place alone is another one at each.
    [[nodiscard]] unsigned places() const override {
        return named_ == Named::nameless ? 2 * kDisks : kDisks;
    }
    void put_in_place(unsigned number) override;

  private:
    void set_choice(Dice& dice);
    [[nodiscard]] fake::FakeHost::Disk& place() {
        return around_.host.at(around_.host.exists("/dev/z") ? "/dev/z" : "/dev/a");
    }
    [[nodiscard]] fake::Fault fault_of(const fake::Operation& operation);
    [[nodiscard]] unsigned number_in(const Json& predicate) const;
    void write(unsigned number, std::uint64_t offset, const Bytes& content);
    [[nodiscard]] std::uint64_t some_block(Dice& dice) const {
        return dice.below(size_ / kBlock) * kBlock;
    }

    Surroundings around_;
    Named named_;
    std::size_t size_;
    std::array<std::shared_ptr<fake::MemoryDisk>, kDisks> disks_;
    unsigned in_place_ = 0;
    bool whole_read_back_ = true;
    std::optional<Faults> faults_;
    std::uint64_t operations_ = 0;  ///< of this run
    std::uint64_t sequence_ = 7;
};

Disk::Disk(Surroundings surroundings, Dice& dice)
    : around_(std::move(surroundings)),
      named_(dice.of<Named>({Named::disk, Named::disk, Named::nameless, Named::file})),
      size_(kBlock * (128 + dice.below(385))) {
    for (std::uint8_t number = 0; number < kDisks; ++number) {
        disks_[number] = std::make_shared<fake::MemoryDisk>(content_of(number, size_));
        disks_[number]->set_hook(
            [this](const fake::Operation& operation) { return fault_of(operation); });
    }
    (void)around_.host.add(target_, Bytes(kBlock));
    put_in_place(0);
    set_choice(dice);
}

void Disk::set_choice(Dice& dice) {
    const auto policy = dice.of<std::string>({"overwrite-random", "overwrite-zero"});
    const auto verification =
        dice.of<std::string>({"full", "full", "full", "representative", "none"});
    const bool exceptions = dice.one_in(2);
    choice_.policy = policy;
    choice_.verification = *mandate::verification_from_string(verification);
    choice_.bad_blocks_are_exceptions = exceptions;
    whole_read_back_ = verification != "representative";
    if (named_ != Named::nameless && !dice.one_in(3)) {
        order(R"("policy":")" + policy + R"(","verification":")" + verification +
                  R"(","bad_blocks":")" + (exceptions ? "except" : "fail") + R"(",)",
              named_ == Named::disk ? R"(,"serial":"SERIAL-0")"
                                    : ",\"size_bytes\":" + std::to_string(size_),
              drawn_dates(dice, around_.clock.now()));
    }
}

void Disk::put_in_place(unsigned number) {
    if (number >= kDisks && !around_.host.exists("/dev/z")) {
        around_.host.rename("/dev/a", "/dev/z");
        target_ = "/dev/z";
    }
    number %= kDisks;
    auto& place = this->place();
    place.disk = disks_[number];
    auto& identity = place.identity;
    identity.size_bytes = size_;
    identity.serial.clear();
    identity.disk_sequence = ++sequence_;
    if (named_ == Named::disk) {
        identity.serial = "SERIAL-" + std::to_string(number);
    } else if (named_ == Named::file) {
        identity.kind = inventory::Kind::file;
        identity.transport = "file";
        identity.inode = 7 + number;
        identity.birth_time = "1763111222.00000000" + std::to_string(number);
    }
    in_place_ = number;
}

fake::Fault Disk::fault_of(const fake::Operation& operation) {
    if (!around_.operation()) {
        return {.kind = fake::Fault::Kind::fail, .error = EIO};
    }
    ++operations_;
    if (!faults_ || (faults_->of && *faults_->of != operation.kind)) {
        return {};
    }
    const bool touches = faults_->to == 0 || (operation.offset < faults_->to &&
                                              operation.offset + operation.length > faults_->from);
    return touches && operations_ >= faults_->first && operations_ <= faults_->last ? faults_->fault
                                                                                    : fake::Fault{};
}

unsigned Disk::number_in(const Json& predicate) const {
    const auto& identity = predicate.at("targetIdentity");
    switch (named_) {
        case Named::disk:
            return identity.at("serial") == "SERIAL-1" ? 1 : 0;
        case Named::file:
            return identity.at("inode") == "8" ? 1 : 0;
        case Named::nameless:
            return in_place_;
    }
    return in_place_;
}

std::string Disk::left(const RunResult& /*result*/, const Json& predicate) {
    const auto number = number_in(predicate);
    const auto but = unwritten_in(predicate);
    const fake::MemoryDisk& disk = *disks_[number];
    for (const auto* medium : {&disk.media(), &disk.durable()}) {
        if (auto place = first_left(*medium, static_cast<std::uint8_t>(number), but);
            !place.empty()) {
            return place;
        }
    }
    return {};
}

std::string Disk::touched_wrongly(const std::vector<Bytes>& before, const Asked& asked) {
    const bool first = before[0] != disks_[0]->media();
    const bool second = before[1] != disks_[1]->media();
    if (first && second) {
        return "two disks were changed by one command";
    }
    return asked.ordered && named_ == Named::disk && second ? "a disk that the order does not name"
                                                            : "";
}

void Disk::write(unsigned number, std::uint64_t offset, const Bytes& content) {
    std::copy(content.begin(), content.end(),
              disks_[number]->media().begin() + static_cast<std::ptrdiff_t>(offset));
    auto hook = disks_[number];
    hook->set_hook({});
    (void)hook->flush();
    hook->set_hook([this](const fake::Operation& operation) { return fault_of(operation); });
}

std::string Disk::interfere(Dice& dice) {
    place().uses.clear();
    const auto block = some_block(dice);
    const auto owner = static_cast<std::uint8_t>(in_place_);
    switch (dice.below(7)) {
        case 0:
            write(in_place_, block, content_of(kForeign, kBlock));
            return "somebody writes one block";
        case 1:
            write(in_place_, 0, content_of(owner, size_));
            return "somebody restores everything";
        case 2:
            write(in_place_, block, content_of(owner, kBlock, block / sizeof(std::uint64_t)));
            return "somebody restores one block";
        case 3:
            put_in_place(1 - in_place_);
            return "somebody puts the other one in its place";
        case 4: {
            if (named_ == Named::file) {
                return {};
            }
            const bool moved = around_.host.exists("/dev/z");
            const std::string other = moved ? "/dev/a" : "/dev/z";
            around_.host.rename(moved ? "/dev/z" : "/dev/a", other);
            if (!order_) {
                target_ = other;
            }
            return "it has another name";
        }
        case 5:
            cut_power();
            return "the power is gone for a moment";
        default:
            place().uses = {{ReasonCode::opened, "process 17"}};
            return "somebody has it open";
    }
}

/// One thing goes wrong, once or in one place or for good.
std::string Disk::trouble(Dice& dice) {
    operations_ = 0;
    faults_.reset();
    if (!dice.one_in(3)) {
        return {};
    }
    using Kind = fake::Fault::Kind;
    using Of = fake::Operation::Kind;
    Faults faults;
    faults.first = 1 + dice.below(12);
    faults.last = dice.one_in(2) ? faults.first : ~std::uint64_t{0};
    switch (dice.below(whole_read_back_ ? 7 : 3)) {
        case 0: {
            const auto block = some_block(dice);
            faults.from = block;
            faults.to = block + kBlock * (1 + dice.below(4));
            faults.fault = {Kind::fail, EIO, 0};
            if (dice.one_in(2)) {
                faults.of = Of::write;
            }
            faults.first = 1;
            faults.last = ~std::uint64_t{0};
            break;
        }
        case 1:
            faults.fault = {Kind::fail, dice.of<int>({EIO, ENODEV, ENOSPC}), 0};
            break;
        case 2:
            faults.of = Of::flush;
            faults.fault = {Kind::fail, EIO, 0};
            break;
        case 3:
            faults.of = dice.of<Of>({Of::write, Of::read});
            faults.fault = {dice.of<Kind>({Kind::shorten, Kind::partial}), EIO, dice.below(size_)};
            break;
        case 4:
            faults.of = Of::write;
            faults.fault = {dice.of<Kind>({Kind::drop, Kind::corrupt}), 0, 0};
            break;
        case 5:
            faults.of = Of::read;
            faults.fault = {dice.of<Kind>({Kind::drop, Kind::corrupt, Kind::stale}), 0, 0};
            break;
        default:
            faults.of = Of::write;
            faults.fault = {Kind::fail, EIO, 0};
            break;
    }
    faults_ = faults;
    return "fault " + std::to_string(static_cast<int>(faults.fault.kind)) + " of " +
           std::to_string(faults.of ? static_cast<int>(*faults.of) : -1) + " from operation " +
           std::to_string(faults.first) + (faults.first == faults.last ? "" : " on") + " in [" +
           std::to_string(faults.from) + ", " + std::to_string(faults.to) + ")";
}

/// Who samples may miss it.
Ranges Disk::write_in_between(Dice& dice) {
    if (!whole_read_back_) {
        return {};
    }
    const auto block = some_block(dice);
    const auto content = content_of(kForeign, kBlock);
    std::copy(content.begin(), content.end(),
              disks_[in_place_]->media().begin() + static_cast<std::ptrdiff_t>(block));
    return {{block, block + kBlock}};
}

void Disk::mend() {
    faults_.reset();
    if (around_.host.exists("/dev/z")) {
        around_.host.rename("/dev/z", "/dev/a");
        target_ = "/dev/a";
    }
    place().uses.clear();
    put_in_place(0);
}

}  // namespace

std::unique_ptr<Storage> make_disk(Surroundings surroundings, Dice& dice) {
    return std::make_unique<Disk>(std::move(surroundings), dice);
}

}  // namespace efface::job::worlds

// SPDX-License-Identifier: Apache-2.0
// Storage in memory, on a kernel that is played: its trees are files, its devices too, and a write
// to one of its control files does what the kernel does (memory_kernel.cpp). The methods are those
// of the program.
#pragma once

#include <array>
#include <cstring>
#include <filesystem>
#include <optional>

#include "fake/scratch.hpp"
#include "system_calls.hpp"
#include "target.hpp"

namespace efface::job::worlds {

struct MemoryKindInWorld {
    const char* kind;
    const char* place;  ///< empty: the path of the file
    bool volatile_content;
    bool has_medium;  ///< a file that is written; else only the kernel or firmware reaches it
};

void put(const std::filesystem::path& path, const std::string& text);
[[nodiscard]] Bytes content_at(const std::filesystem::path& path);

class Memory final : public TargetInWorld {
  public:
    Memory(Surroundings surroundings, Dice& dice);
    ~Memory() override {
        watch_target({});
        std::filesystem::current_path("/");
    }
    Memory(const Memory&) = delete;
    Memory& operator=(const Memory&) = delete;

    [[nodiscard]] RunResult erase(RunContext& context, const Asked& asked,
                                  const std::stop_token& stop) override {
        const Running now(running_);
        return TargetInWorld::erase(context, asked, stop);
    }
    void plan(RunContext& context, const Asked& asked) override {
        const Running now(running_);
        TargetInWorld::plan(context, asked);
    }
    [[nodiscard]] std::vector<Bytes> media() override {
        return {kind_->has_medium ? content_at(medium(0)) : stored_[0],
                kind_->has_medium ? content_at(medium(1)) : stored_[1]};
    }
    [[nodiscard]] std::string left(const RunResult& result, const Json& predicate) override;
    [[nodiscard]] std::string touched_wrongly(const std::vector<Bytes>& before,
                                              const Asked& /*asked*/) override {
        return before[1 - in_place_] == media()[1 - in_place_] ? "" : "what is not in its place";
    }
    [[nodiscard]] bool runs_again() const override { return true; }
    [[nodiscard]] bool is_another_for_ever() const override { return restarted_; }
    [[nodiscard]] bool changes_by_itself() override { return module_ends_.has_value(); }
    void time_passes() override;
    std::string interfere(Dice& dice) override;
    std::string trouble(Dice& dice) override;
    Ranges write_in_between(Dice& dice) override;
    void cut_power() override;
    void mend() override;
    [[nodiscard]] unsigned places() const override { return 2; }
    void put_in_place(unsigned number) override;

  protected:
    [[nodiscard]] mandate::ErasureChoice last_choice() const override { return choice_; }

  private:
    struct Running {
        explicit Running(bool& flag) : flag_(flag) { flag_ = true; }
        ~Running() { flag_ = false; }
        Running(const Running&) = delete;
        Running& operator=(const Running&) = delete;
        bool& flag_;
    };
    [[nodiscard]] bool is(const char* kind) const { return std::strcmp(kind_->kind, kind) == 0; }
    [[nodiscard]] bool is_module() const { return is("dimm") || is("cxl"); }
    [[nodiscard]] bool is_file() const { return kind_->place[0] == '\0'; }
    /// Where the content of this one is: at its place, or beside it.
    [[nodiscard]] std::filesystem::path medium(unsigned number) const {
        return number == in_place_ ? place_ : std::filesystem::path(place_.string() + ".other");
    }
    [[nodiscard]] Bytes fresh_content(unsigned number) const;
    void write_content(unsigned number, std::size_t from, const Bytes& bytes);
    void restore(unsigned number, std::size_t from, std::size_t to);
    void put_machine();
    void put_boot();
    void put_attributes();
    void set_state(const std::string& state) {
        put(folder_ / (is("cxl") ? "security/state" : "security"), state + "\n");
    }
    [[nodiscard]] std::optional<fake::Fault> on_call(const TargetCall& call);
    [[nodiscard]] int on_control(const std::string& name);
    [[nodiscard]] int reset_zram();
    [[nodiscard]] std::optional<std::filesystem::path> control_of(int fd) const;

    Surroundings around_;
    fake::ScratchDirectory machine_;
    const MemoryKindInWorld* kind_;
    std::size_t size_;
    std::filesystem::path folder_;  ///< in sysfs
    std::filesystem::path place_;   ///< its file
    unsigned in_place_ = 0;
    std::array<Bytes, 2> stored_;  ///< that no file shows
    std::array<std::uint64_t, 2> sequence_{7, 8};
    std::array<bool, 2> reset_{false, false};  ///< zram
    bool running_ = false;
    bool restarted_ = false;
    unsigned boot_ = 1;
    std::optional<SteadyTime> module_ends_;

    struct Troubles {
        std::optional<TargetCall::Kind> of;
        fake::Fault fault;
        std::uint64_t first = 0;
        std::uint64_t last = 0;
    };
    std::optional<Troubles> troubles_;
    std::uint64_t calls_ = 0;  ///< of this run
};

}  // namespace efface::job::worlds

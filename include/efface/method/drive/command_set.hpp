// SPDX-License-Identifier: Apache-2.0
// What a drive can do to itself, whatever it speaks: NVMe, ATA, SCSI, TCG or the block layer. Each
// of them is a CommandSet; erase_drive() (erase.hpp) carries one of its techniques out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "efface/base/bytes.hpp"
#include "efface/base/json.hpp"
#include "efface/method/drive/health.hpp"

namespace efface::method {

/// Storage that the host cannot address at present.
struct HiddenArea {
    std::string kind;         ///< "hpa", "dco", "ama", "reduced-capacity", "depopulated-elements",
                              ///< "unallocated-capacity", "unaccounted-capacity",
                              ///< kUnattachedNamespace, kNotShown, kOddSectors
    std::string detail;       ///< for a person
    std::uint64_t bytes = 0;  ///< 0: not known
    bool covered = false;     ///< the techniques of this set reach it as it is
    bool can_be_opened = false;  ///< by open_hidden_areas()
    std::string why_not;         ///< when it can't: "DCO is frozen until a power cycle"
};

constexpr const char* kUnattachedNamespace = "unattached-namespace";
/// What the drive has behind the end that the host sees: a shelf, a bridge or a stale kernel.
constexpr const char* kNotShown = "not-shown";

/// The whole disk, for Linux cannot address sectors of their size. Only the format that somebody
/// asked for opens it (EraseTask::sector_bytes).
constexpr const char* kOddSectors = "odd-sectors";
/// Linux drivers/scsi/sd.c: what sd takes; of anything else it shows a device without a byte.
[[nodiscard]] bool can_be_addressed(std::uint32_t sector_bytes) noexcept;

/// A range of blocks that the host addresses, as large as somebody says.
struct SurfaceSize {
    std::string surface;  ///< its block device
    std::uint64_t bytes = 0;
    std::uint32_t block_bytes = 0;  ///< logical blocks
};

/// One technique of this set on this drive, also when it can't be used.
struct TechniqueFacts {
    std::string name;                 ///< as efface-methods.7 lists it: "nvme-sanitize-block"
    std::optional<Reason> objection;  ///< why not on this drive, and the next step
    /// Not empty: the drive does not tell whether it has it. Only somebody who names it may try.
    /// To be told with ReasonCode::drive_not_told.
    std::string untold;
    /// From the drive's own figures; nothing when it gives none.
    std::optional<std::chrono::seconds> estimate;
    std::vector<std::string> sends;        ///< the commands, in order, with their fields
    std::vector<std::string> not_reached;  ///< named areas
    /// Facts that a claim depends on, for policy::firmware; keys are documented there.
    Json facts = Json::object();
};

/// What is there, looked at without changing anything.
struct DriveSurvey {
    /// Printable; empty where the drive does not tell. The first three never change in a run.
    std::string model;
    std::string serial;
    std::string wwn;       ///< NAA, EUI-64, NGUID or subsystem NQN
    std::string firmware;  ///< revision
    std::string error;     ///< not empty: the drive did not answer, and nothing else is filled in
    std::vector<TechniqueFacts> techniques;
    std::vector<HiddenArea> hidden_areas;
    std::vector<SurfaceSize> sizes;  ///< by the drive's own word; what is missing was not reported
    /// Of format_sectors(), by the disk's own figures.
    std::optional<std::chrono::seconds> format_estimate;
    std::vector<Reason> residual_risks;
    std::vector<RawPage> pages;
    Json facts = Json::object();  ///< for the record and `efface list`
};

enum class Phase {
    idle,       ///< nothing runs, and nothing is said of an earlier one
    running,    ///< an erase runs
    verifying,  ///< NVMe media verification: read_status() now, then leave_verification()
    succeeded,  ///< the drive says that the last erase was completed without error
    failed,     ///< the drive says that it failed
    unknown,    ///< no answer, or one that proves nothing
};
[[nodiscard]] const char* to_string(Phase phase) noexcept;

/// What the drive says of an erase. Only what it says: nothing of it is proof.
struct OperationState {
    Phase phase = Phase::unknown;
    std::optional<double> progress;  ///< 0 to 1
    std::string technique;       ///< that the drive names as running or last; empty: not reported
    std::string detail;          ///< for a person: "restricted failure: SOS 3"
    std::vector<RawPage> pages;  ///< what it was read from
};

/// As long as NVMe's OVRPAT and ATA's OVERWRITE PATTERN.
constexpr std::size_t kOverwritePatternBytes = 4;

/// What must not be lost between processes (a password that was set, what was sent). The job's
/// state owns it and journals it; each operation has a part of its own. save() returns when it is
/// durable, and may throw Error.
struct OperationMemory {
    Json& kept;
    std::function<void()> save = [] {};
    /// What a technique that overwrites with a pattern of the host's writes everywhere, the same in
    /// every process of a job: kOverwritePatternBytes.
    Bytes pattern = Bytes(kOverwritePatternBytes, 0);
};

struct SentCommand {
    std::string name;    ///< "SANITIZE (BLOCK ERASE)"
    Bytes bytes;         ///< the CDB, the task file or cdw10 to cdw15, little-endian
    std::string answer;  ///< "accepted", or the status in words
};

enum class Start {
    accepted,  ///< it runs: ask state()
    finished,  ///< it was carried out within the command: ask state() once
    refused,   ///< the drive has changed nothing
    unknown,   ///< no answer: it may run
};
struct StartAnswer {
    Start start = Start::unknown;
    std::string detail;  ///< why it was refused, and the next step
    std::vector<SentCommand> commands;
    ReasonCode why = ReasonCode::drive_refused;  ///< of a refusal
};
/// Nothing was sent, for the reason that is given.
[[nodiscard]] StartAnswer refused_start(const Reason& reason);

/// What the medium must read as afterwards.
struct Promise {
    Bytes repeated;  ///< over every block, whose size is a multiple of it; empty: nothing is known
    /// A block may hold one of these, over and over, instead: the drive reports that it deallocated
    /// blocks although it was told not to. There the other content cannot be looked for.
    Bytes deallocated = {};
    [[nodiscard]] static Promise zeros() { return {Bytes(1, 0), {}}; }
};

/// One technique on one drive. `memory` is carried over from an earlier process when there was one.
class Operation {
  public:
    virtual ~Operation() = default;
    [[nodiscard]] virtual std::string_view technique() const = 0;
    [[nodiscard]] virtual Promise promise() const = 0;
    /// Asks; changes nothing, and never blocks longer than one command's timeout. After an erase
    /// that leaves no status on the drive (Format NVM, SECURITY ERASE UNIT, TCG) it is what
    /// `memory` and the drive's present state together prove.
    [[nodiscard]] virtual OperationState state() = 0;
    /// Journals what must be journalled, then sends. May be called again after a failure, and by a
    /// process that does not know whether an earlier one was answered.
    [[nodiscard]] virtual StartAnswer start() = 0;
    /// What start() had sent in an earlier process that died before it could tell: for the record,
    /// once.
    [[nodiscard]] virtual std::vector<SentCommand> sent_before() { return {}; }
    /// Takes back what start() left behind (a password, a session), whatever came of it; also when
    /// start() was called by an earlier process. A problem is returned in words: the drive is not
    /// fit for use until it is solved. Not to be overridden where nothing stays behind.
    [[nodiscard]] virtual std::optional<std::string> clean_up(
        std::vector<SentCommand>& /*commands*/) {
        return std::nullopt;
    }
    /// Ends Phase::verifying; adds what was sent. False: the drive stays in it.
    [[nodiscard]] virtual bool leave_verification(std::vector<SentCommand>& /*commands*/) {
        return true;
    }
};

/// What reading a place answers, where the block layer only says EIO.
struct ReadStatus {
    bool readable = false;
    bool expected = false;  ///< unreadable in the way that this technique leaves blocks behind
    std::string status;     ///< "3/11/15 write after sanitize required", "sct 0 sc 1ch"
};

struct WriteStatus {
    bool written = false;
    std::string status;
};

struct RefusedArea {
    std::string kind;  ///< empty: of all of them
    std::string why;
};
struct OpenedAreas {
    std::vector<std::string> opened;  ///< kinds
    std::vector<RefusedArea> refused;
    bool power_cycle_needed = false;  ///< before the rest can be opened or the erase started
    std::string next_step;            ///< for a person, when a power cycle is needed
    std::vector<SentCommand> commands;
};

/// One drive through one set of commands. The transport it was made with outlives it. Not shared
/// between threads.
class CommandSet {
  public:
    virtual ~CommandSet() = default;
    [[nodiscard]] virtual std::string_view name()
        const = 0;  ///< "nvme", "ata", "scsi", "tcg", "block"
    /// Asks the drive only what does not change or wake it.
    [[nodiscard]] virtual DriveSurvey survey() = 0;
    /// What the drive says of its health; a look without a command set where it can't be asked, or
    /// would have to be woken. Not while it erases.
    [[nodiscard]] virtual HealthLook health() { return {}; }
    /// What the drive says of any erase of this set, also of one that someone else began.
    [[nodiscard]] virtual OperationState state() = 0;
    /// nullptr when `technique` is not of this set. `memory` outlives the operation.
    [[nodiscard]] virtual std::unique_ptr<Operation> make(std::string_view technique,
                                                          OperationMemory& memory) = 0;
    /// Makes hidden areas addressable. Called again after a power cycle until nothing is left.
    [[nodiscard]] virtual OpenedAreas open_hidden_areas(OperationMemory& memory) = 0;
    /// Reads by command. `surface` is a name that survey()'s caller gave (a namespace's or a
    /// logical unit's block device name); `offset` and the length are multiples of its logical
    /// block size.
    [[nodiscard]] virtual ReadStatus read_status(const std::string& surface, std::uint64_t offset,
                                                 MutableByteView into) = 0;
    /// Writes by command, and has it durable; likewise.
    [[nodiscard]] virtual WriteStatus write_by_command(const std::string& /*surface*/,
                                                       std::uint64_t /*offset*/,
                                                       ByteView /*from*/) {
        return {.status = "no command of this set writes blocks"};
    }
    [[nodiscard]] virtual bool flush_by_command(const std::string& /*surface*/) { return false; }
    /// Has the disk format itself to sectors of `bytes`; all of its content is lost. state() tells
    /// while it is at it; whether it did it, the next survey.
    [[nodiscard]] virtual StartAnswer format_sectors(std::uint32_t /*bytes*/) {
        return refused_start({ReasonCode::drive_lacks_technique,
                              "no command of this set changes the size of sectors"});
    }
    /// What that had sent in a process that died before it could tell: for the record.
    [[nodiscard]] virtual std::vector<SentCommand> format_sent_before(std::uint32_t /*bytes*/) {
        return {};
    }
    /// Takes back what open_hidden_areas() did for the time of the erase alone (an attached
    /// namespace is detached). A problem is returned in words.
    [[nodiscard]] virtual std::optional<std::string> close_hidden_areas(
        OperationMemory& /*memory*/, std::vector<SentCommand>& /*commands*/) {
        return std::nullopt;
    }
};

/// The blocks [from, to) in bytes, which the drive has on a surface and the host does not see.
struct NotShown {
    std::string surface;
    std::uint64_t from = 0;
    std::uint64_t to = 0;
    std::uint32_t block_bytes = 0;  ///< of the drive; `from` and `to` are multiples of it
};
/// Where the drive's own word is more than what the host sees.
[[nodiscard]] std::vector<NotShown> not_shown(const DriveSurvey& survey,
                                              const std::vector<SurfaceSize>& seen_by_host);
[[nodiscard]] HiddenArea hidden_area_of(const NotShown& part);

}  // namespace efface::method

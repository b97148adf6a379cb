// SPDX-License-Identifier: Apache-2.0
#include "plan_text.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <set>

#include "terminal/console.hpp"
#include "terminal/text.hpp"

namespace efface::cli {

namespace {

/// With its code, which efface-reasons(7) explains.
std::string objection_text(const job::Objection& objection) {
    return fmt::format("{}: {}", to_string(objection.reason.code), objection.reason.text);
}

bool needs_root(const Reason& reason) {
    return reason.code == ReasonCode::no_capability ||
           reason.text.find("(EACCES)") != std::string::npos ||
           reason.text.find("(EPERM)") != std::string::npos;
}

std::string location_text(const job::LocationPlan& location) {
    std::string text =
        fmt::format("    {} {}\n", job::to_string(location.role), one_line(location.path));
    for (const auto& range : location.region.ranges) {
        text += fmt::format("      overwrite {} at byte {}, read back completely\n",
                            human_bytes(range.length), range.offset);
    }
    for (const auto& reason : location.region.reasons) {
        text += fmt::format("      widened: {}\n", one_line(reason));
    }
    return text;
}

std::string slots_text(const Json& header) {
    std::string text;
    for (const auto& slot : header.at("keyslots")) {
        text +=
            fmt::format("{}{} ({} {})", text.empty() ? "" : ", ", slot.at("index").get<int>(),
                        slot.at("type").get<std::string>(), slot.at("state").get<std::string>());
    }
    return text.empty() ? "none readable" : text;
}

std::string volume_text(const job::VolumePlan& volume) {
    std::string text =
        fmt::format("\n  {}  LUKS UUID {}{}\n", one_line(volume.name), one_line(volume.uuid),
                    volume.engine.empty() ? "" : "  " + one_line(volume.engine));
    for (const auto& location : volume.locations) {
        text += location_text(location);
    }
    if (!volume.locations.empty()) {
        text += "    keyslots: " + slots_text(volume.locations.front().record.at("header")) + "\n";
    }
    if (volume.objections.empty()) {
        text += fmt::format("    level if verified: {}\n", method::to_string(volume.level));
    }
    for (const auto& exception : volume.exceptions) {
        text += "    exception: " + one_line(exception.text) + "\n";
    }
    for (const auto& risk : volume.residual_risks) {
        text += "    not claimed: " + one_line(risk.text) + "\n";
    }
    for (const auto& objection : volume.objections) {
        text += "    REFUSED: " + one_line(objection_text(objection)) + "\n";
    }
    return text;
}

constexpr unsigned kColumnsDefault = 100;

/// One item of a plan, in lines that fit.
class Items final {
  public:
    explicit Items(unsigned columns) : columns_(columns == 0 ? kColumnsDefault : columns) {}

    [[nodiscard]] std::string item(const std::string& label, const std::string& said) const {
        return wrapped("    " + label, 4 + label.size(), one_line(said));
    }
    /// Of the plan itself, two columns in.
    [[nodiscard]] std::string line(const std::string& said) const { return wrapped("  ", 4, said); }

  private:
    [[nodiscard]] std::string wrapped(const std::string& first, std::size_t hang,
                                      const std::string& text) const {
        const std::string indent(hang, ' ');
        std::string out;
        std::string line = first;
        bool fresh = true;
        for (std::size_t at = 0; at < text.size();) {
            auto end = text.find(' ', at);
            end = end == std::string::npos ? text.size() : end;
            const auto word = text.substr(at, end - at);
            if (!fresh && line.size() + 1 + word.size() > columns_) {
                out += line + "\n";
                line = indent;
                fresh = true;
            }
            line += (fresh ? "" : " ") + word;
            fresh = false;
            at = end + 1;
        }
        return out + line + "\n";
    }

    std::size_t columns_;
};

/// What only root may look at is one line, however much it is: nothing else is known of it.
std::string refusals(const Items& items, const std::vector<job::Objection>& objections) {
    std::string text;
    std::set<std::string> codes;
    for (const auto& objection : objections) {
        if (::geteuid() != 0 && needs_root(objection.reason)) {
            codes.insert(to_string(objection.reason.code));
        } else {
            text += items.item("REFUSED: ", objection_text(objection));
        }
    }
    return codes.empty()
               ? text
               : text + items.item("REFUSED: ",
                                   fmt::format("{}: only root may look at all of it, and what is "
                                               "not seen is unknown: run efface plan as root",
                                               fmt::join(codes, ", ")));
}

std::string done_text(const job::DoneBefore& done) {
    return fmt::format(
        "  done at {} by job {} and unchanged since: would not run again\n  certificate {}\n",
        done.completed_at, done.job_id, one_line(done.bundle));
}

std::string open_text(const job::OpenJob& open, const char* with) {
    return fmt::format("  job {} began at {} and {}: {} resumes it\n", open.job_id, open.started_at,
                       open.status.empty() ? "was interrupted" : "ended " + open.status, with);
}

}  // namespace

std::string plan_text(const job::TargetPlan& plan, Confirmation confirmation, unsigned columns) {
    const Items items(columns);
    if (plan.done_before) {
        return fmt::format("Target {}  ({}, {})\n", one_line(plan.name), plan.kind,
                           human_bytes(plan.size_bytes)) +
               done_text(*plan.done_before);
    }
    std::string text = fmt::format("Target {}  ({}, {})\n", one_line(plan.name), plan.kind,
                                   human_bytes(plan.size_bytes));
    if (plan.open_job) {
        text += open_text(*plan.open_job, "the same erase --order, or efface resume");
    }
    const auto told = [&](const char* key) {
        const auto value = plan.identity.value(key, "");
        return value.empty() ? std::string("-") : one_line(value);
    };
    text += items.line(fmt::format("model {}, serial number {}, WWID {}", told("model"),
                                   told("serial"), told("wwid")));
    text += items.line(
        fmt::format("technique {} (policy version {})", plan.technique, plan.policy_version));
    for (std::size_t i = 0; i < plan.steps.size(); ++i) {
        text += items.item(fmt::format("{}. ", i + 1), plan.steps[i]);
    }
    for (const auto& content : plan.destroys) {
        text += items.item("destroys: ", guard::to_text(content));
    }
    if (plan.objections.empty()) {
        text += fmt::format("  level if verified: {}\n", method::to_string(plan.level));
    }
    for (const auto& area : plan.not_reached) {
        text += items.item("not reached: ", area);
    }
    if (const auto health = method::to_text(plan.health); !health.empty()) {
        text += items.item("health, as the drive reports it: ", health);
    }
    for (const auto& exception : plan.exceptions) {
        text += items.item("exception: ", exception.text);
    }
    for (const auto& risk : plan.residual_risks) {
        text += items.item("not claimed: ", risk.text);
    }
    text += refusals(items, plan.objections);
    if (plan.objections.empty() && confirmation == Confirmation::possible) {
        text += "  to confirm, type: " + one_line(plan.confirm_token) + "\n";
    }
    return text + "  plan " + job::plan_digest(plan) + "\n";
}

std::string refused_text(const std::string& target, const Error& error) {
    return fmt::format("Target {}\n    REFUSED: {}: {}\n", one_line(target),
                       to_string(error.reason()), one_line(error.what()));
}

std::string plan_text(const mandate::Manifest& manifest, const job::ProjectPlan& plan) {
    std::string text = fmt::format("Project {} of {}: destroy the LUKS keys of {} volumes\n",
                                   one_line(manifest.project_id), one_line(manifest.owner),
                                   manifest.volumes.size());
    if (plan.done_before) {
        return text + done_text(*plan.done_before);
    }
    if (plan.open_job) {
        text += open_text(*plan.open_job, "project erase with this manifest");
    }
    for (const auto& objection : plan.station) {
        text += "  REFUSED: " + objection_text(objection) + "\n";
    }
    for (const auto& volume : plan.volumes) {
        text += volume_text(volume);
    }
    text += fmt::format(
        "\n{} are overwritten and read back. The payload is not overwritten: without its keys it "
        "is\nunreadable. Copies of keys that the manifest does not list are not reached.\nPlan "
        "{}\n",
        human_bytes(plan.bytes_to_overwrite()), job::plan_digest(manifest, plan));
    return text;
}

}  // namespace efface::cli

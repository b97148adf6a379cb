// SPDX-License-Identifier: Apache-2.0
// The parts of a plan that devices, files and drives have in common.
#pragma once

#include <initializer_list>
#include <optional>

#include "efface/job/target_run.hpp"

namespace efface::job {

/// A disk's serial number, or a name that only this target has (what is on a disk shows its
/// serial number, too).
[[nodiscard]] std::string confirm_token(const inventory::Identity& identity, const Json& target);

/// The part of a plan that every device and file has: name, identity, token and size.
[[nodiscard]] TargetPlan begin_plan(const std::string& name, const inventory::Identity& identity);
/// Where another disk of this machine has the same serial number, the name of this one is typed.
void make_token_unique(TargetPlan& plan, Host& host, const inventory::Identity& identity,
                       const inventory::Drive& drive);
/// What uses it is an objection; `as` says how it belongs to the target, or nothing.
void object_to_uses(TargetPlan& plan, Host& host, const inventory::Identity& identity,
                    Moment moment, const char* as);

void object_to(TargetPlan& plan, const std::vector<Reason>& reasons);
/// The file is an order, a manifest or a part of efface's own state, by whatever name: an
/// objection.
void object_to_document(TargetPlan& plan, const StateDirectory& state, const std::string& path);
/// `hiddenAreas` of a certificate where nobody looked for any.
[[nodiscard]] Json no_hidden_areas(const char* why);

/// Whether two target_identity() name one drive: opening a hidden area changes its size.
[[nodiscard]] bool same_drive(const Json& one, const Json& other);

/// Why what is at the target's path now (`after`, as inventory::to_json()) is not what was
/// erased: another serial number, WWID or file, or another value of one of `also`. nullopt when it
/// is.
[[nodiscard]] std::optional<Reason> another_target(const Json& before, const Json& after,
                                                   std::initializer_list<const char*> also);

/// Storage without a byte is an objection.
void object_to_size(TargetPlan& plan, const inventory::Identity& identity);
/// An overwrite fills the holes of a file: that must fit into its file system.
void object_to_holes(TargetPlan& plan, const device::ExtentReport& extents);

/// What the record's identity may be wrong about is a residual risk of the plan.
void add_identity_risk(TargetPlan& plan, const inventory::Identity& identity);

/// Why a technique of a drive is not available here, and which way leads to one: `layers` is what
/// lies below it.
[[nodiscard]] Reason without_commands(const inventory::Identity& identity,
                                      const std::vector<inventory::Layer>& layers);

}  // namespace efface::job

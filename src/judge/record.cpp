// SPDX-License-Identifier: Apache-2.0
// Whether a record has its shape, and what no shape can say of it: names and digests.
#include <algorithm>
#include <set>

#include "efface/base/bytes.hpp"
#include "efface/base/digest.hpp"
#include "efface/evidence/bundle.hpp"
#include "efface/evidence/bundle_names.hpp"
#include "efface/rules/shape.hpp"

#include "rules/claims.hpp"

namespace efface::judge {

namespace {

/// One that this program knows.
const std::string& version_of(const RecordView& predicate) {
    const RecordView version = predicate.at("schemaVersion");
    const auto& known = rules::record_shapes().versions();
    if (std::find(known.begin(), known.end(), version.text()) == known.end()) {
        version.fail("is unknown to this version of efface");
    }
    return version.text();
}

void check_subject(const RecordView& subject, std::string_view identity_name,
                   std::set<std::string>& names) {
    const RecordView name = subject.at("name");
    const bool first = names.empty();
    if (first && name.text() != identity_name) {
        name.fail("the first subject must be " + std::string(identity_name));
    }
    if (!first) {
        if (!evidence::is_evidence_name(name.text())) {
            name.fail("must be a plain name below evidence/");
        }
        (void)subject.at("mediaType");
    }
    if (!names.insert(name.text()).second) {
        name.fail("is listed twice");
    }
}

/// Each page is the one whose digest is beside it.
void check_pages(const RecordView& pages) {
    for (const RecordView& page : pages.items()) {
        const auto bytes = from_hex(page.at("hex").text(std::string::npos));
        if (!bytes || page.at("sha256").text() != sha256_hex(*bytes)) {
            page.at("sha256").fail("is not that of the bytes");
        }
    }
}

}  // namespace

Schema schema_of(const RecordView& predicate) {
    return version_of(predicate) == "1.0.0" ? Schema::v1_0 : Schema::v1_1;
}

TargetType target_type_of(const RecordView& predicate) {
    const std::string& type = predicate.at("certificateType").text();
    return type == "media"    ? TargetType::media
           : type == "file"   ? TargetType::file
           : type == "memory" ? TargetType::memory
                              : TargetType::volumes;
}

std::optional<WallTime> time_of(const RecordView& record, const char* key) {
    const auto time = record.maybe(key);
    return time && !time->text().empty() ? std::optional(time->time()) : std::nullopt;
}

void check_statement(const RecordView& statement) {
    const auto& shapes = rules::record_shapes();
    shapes.check(statement, "statement", shapes.versions().back());
    const char* identity_name = statement.at("predicate").maybe("targetIdentity")
                                    ? evidence::kTargetSubject
                                    : evidence::kProjectSubject;
    std::set<std::string> names;
    for (const RecordView& subject : statement.at("subject").items()) {
        check_subject(subject, identity_name, names);
    }
}

void check_predicate(const RecordView& predicate) {
    rules::record_shapes().check(predicate, "record", version_of(predicate));
    const RecordView sanitization = predicate.at("sanitization");
    for (const char* key : {"statusBefore", "statusAfter"}) {
        if (const auto pages = sanitization.maybe(key)) {
            check_pages(*pages);
        }
    }
}

}  // namespace efface::judge

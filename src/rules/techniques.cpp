// SPDX-License-Identifier: Apache-2.0
#include "efface/rules/techniques.hpp"

#include <algorithm>
#include <array>

#include "efface/rules/record_view.hpp"
#include "efface/rules/table.hpp"
#include "efface/rules/verdict.hpp"

namespace efface::rules {

namespace {

constexpr std::array<std::string_view, 5> kCommandSets{"nvme", "ata", "scsi", "tcg", "block"};

Words words_of(const RecordView& of, const char* key) {
    Words words;
    if (const auto list = of.maybe(key)) {
        for (const RecordView& word : list->items()) {
            words.push_back(word.text());
        }
    }
    return words;
}

/// What the judges know how to look at.
constexpr std::array<std::string_view, 5> kNeeds{"freed-is-named", "removed", "resident-written",
                                                 "swept", "written"};
constexpr std::array<std::string_view, 5> kLevelNeeds{"all-read-back", "cleared-when-freed",
                                                      "most-taken", "pass", "whole-target"};

template <std::size_t n>
Words known_words_of(const RecordView& of, const char* key,
                     const std::array<std::string_view, n>& known) {
    Words words = words_of(of, key);
    for (const std::string& word : words) {
        if (std::find(known.begin(), known.end(), word) == known.end()) {
            of.at(key).fail("\"" + word + "\" is not a word that the judges know");
        }
    }
    return words;
}

std::string text_of(const RecordView& of, const char* key) {
    const auto text = of.maybe(key);
    return text ? text->text() : std::string();
}

bool flag_of(const RecordView& of, const char* key, bool otherwise = false) {
    const auto flag = of.maybe(key);
    return flag ? flag->flag() : otherwise;
}

std::uint64_t number_of(const RecordView& of, const char* key) {
    const auto number = of.maybe(key);
    return number ? number->number() : 0;
}

Bytes hex_of(const RecordView& of, const char* key) {
    const auto bytes = from_hex(text_of(of, key));
    if (!bytes) {
        of.at(key).fail("must be bytes in lower-case hex");
    }
    return *bytes;
}

Condition condition_of(const RecordView& of) {
    of.only({"path", "allowed", "except", "optional", "for", "level", "since"});
    Condition condition;
    condition.path = of.at("path").non_empty_text();
    for (const RecordView& value : of.at("allowed").items()) {
        condition.allowed.push_back(value.json());
    }
    condition.except = words_of(of, "except");
    condition.optional = flag_of(of, "optional");
    if (const auto level = of.maybe("level")) {
        (void)level->one_of({"none"});
        condition.no_level = true;
    }
    if (const auto since = of.maybe("since")) {
        (void)since->one_of({"1.1.0"});
        condition.with_codes = true;
    }
    if (const auto when = of.maybe("for")) {
        const std::string& word = when->one_of({"pass", "level", "purge"});
        condition.when = word == "pass"    ? Condition::For::pass
                         : word == "level" ? Condition::For::level
                                           : Condition::For::purge;
    }
    return condition;
}

Fact fact_of(const RecordView& of) {
    using How = Fact::How;
    constexpr std::array<std::pair<const char*, How>, 7> kHow{{{"same", How::same},
                                                               {"begins", How::begins},
                                                               {"differs", How::differs},
                                                               {"within", How::within},
                                                               {"until", How::until},
                                                               {"below", How::below},
                                                               {"atMost", How::at_most}}};
    of.only({"fact", "same", "begins", "differs", "within", "until", "below", "atMost", "types",
             "success", "uninterrupted", "unless"});
    Fact fact;
    fact.path = of.at("fact").non_empty_text();
    std::size_t hows = 0;
    for (const auto& [key, how] : kHow) {
        if (const auto other = of.maybe(key)) {
            ++hows;
            fact.how = how;
            fact.others = how == How::within ? words_of(of, key) : Words{other->non_empty_text()};
        }
    }
    if (hows != 1 || fact.others.size() != (fact.how == How::within ? 2U : 1U)) {
        of.fail("must name what it is compared with, once");
    }
    fact.types = words_of(of, "types");
    fact.success = flag_of(of, "success");
    fact.uninterrupted = flag_of(of, "uninterrupted");
    if (const auto unless = of.maybe("unless")) {
        fact.unless = unless->text();
    }
    return fact;
}

std::vector<Condition> conditions_of(const RecordView& of, const char* key) {
    std::vector<Condition> conditions;
    if (const auto list = of.maybe(key)) {
        for (const RecordView& condition : list->items()) {
            conditions.push_back(condition_of(condition));
        }
    }
    return conditions;
}

ControlRule controls_of(const RecordView& of) {
    ControlRule rule;
    if (const auto controls = of.maybe("controls")) {
        controls->only({"needs", "withUuid", "whenRefused", "may"});
        rule.needs = words_of(*controls, "needs");
        rule.with_uuid = words_of(*controls, "withUuid");
        rule.when_refused = words_of(*controls, "whenRefused");
        rule.may = words_of(*controls, "may");
    }
    return rule;
}

void read_looks(const RecordView& of, Family& family) {
    if (const auto canaries = of.maybe("canaries")) {
        canaries->only(
            {"blockBytesMin", "parts", "bothEnds", "wholeTarget", "lostOneIn", "unexplainedOneIn"});
        family.canaries = {
            number_of(*canaries, "blockBytesMin"), number_of(*canaries, "parts"),
            flag_of(*canaries, "bothEnds"),        flag_of(*canaries, "wholeTarget"),
            number_of(*canaries, "lostOneIn"),     number_of(*canaries, "unexplainedOneIn")};
    }
    if (const auto samples = of.maybe("samples")) {
        samples->only({"lostOneIn"});
        family.samples_lost_one_in = number_of(*samples, "lostOneIn");
    }
    if (const auto whole = of.maybe("wholeRead")) {
        whole->only({"lostOneIn", "unexplainedOneIn"});
        family.whole_lost_one_in = number_of(*whole, "lostOneIn");
        family.whole_unexplained_one_in = number_of(*whole, "unexplainedOneIn");
    }
    if (const auto methods = of.maybe("readBack")) {
        for (const auto& [method, one_in] : methods->json().items()) {
            family.read_back[method] = methods->at(method.c_str()).number();
        }
    }
}

void read_volume(const RecordView& of, VolumeRule& rule) {
    if (const auto regions = of.maybe("regions")) {
        regions->only({"headerBytesMin", "keyPlaces", "mayOverlap", "mayLieOutside"});
        rule.header_bytes_min = number_of(*regions, "headerBytesMin");
        rule.key_places = words_of(*regions, "keyPlaces");
        rule.may_overlap = flag_of(*regions, "mayOverlap", true);
        rule.may_lie_outside = flag_of(*regions, "mayLieOutside", true);
    }
    if (const auto sample = of.maybe("sample")) {
        sample->only({"notLikeOneIn"});
        rule.not_like_one_in = number_of(*sample, "notLikeOneIn");
    }
    rule.ciphers = words_of(of, "ciphers");
    rule.modes_that_hide_nothing = words_of(of, "modesThatHideNothing");
    rule.modes_of_two_keys = words_of(of, "modesOfTwoKeys");
    rule.key_bytes_min = number_of(of, "keyBytesMin");
    if (const auto objections = of.maybe("objections")) {
        for (const auto& [level, codes] : objections->json().items()) {
            rule.objections[level] = words_of(*objections, level.c_str());
        }
    }
    rule.attestation = words_of(of, "attestation");
}

Family family_of(const std::string& name, const RecordView& of) {
    of.only({"source",
             "types",
             "kinds",
             "conditions",
             "volumeConditions",
             "policy",
             "canaries",
             "samples",
             "wholeRead",
             "readBack",
             "unwrittenOneIn",
             "unreadOneIn",
             "untakenOneIn",
             "swap",
             "noLevel",
             "notPurge",
             "controls",
             "regions",
             "sample",
             "ciphers",
             "modesThatHideNothing",
             "modesOfTwoKeys",
             "keyBytesMin",
             "objections",
             "attestation"});
    Family family;
    family.name = name;
    family.types = words_of(of, "types");
    family.kinds = words_of(of, "kinds");
    family.conditions = conditions_of(of, "conditions");
    family.volume_conditions = conditions_of(of, "volumeConditions");
    family.policy = flag_of(of, "policy");
    family.unwritten_one_in = number_of(of, "unwrittenOneIn");
    family.unread_one_in = number_of(of, "unreadOneIn");
    family.untaken_one_in = number_of(of, "untakenOneIn");
    if (const auto swap = of.maybe("swap")) {
        swap->only({"states", "counters"});
        family.swap_states = words_of(*swap, "states");
        family.swap_counters = words_of(*swap, "counters");
    }
    if (const auto none = of.maybe("noLevel")) {
        none->only({"types", "kinds", "layers", "exceptions", "notes"});
        family.no_level = {words_of(*none, "types"), words_of(*none, "kinds"),
                           words_of(*none, "layers"), words_of(*none, "exceptions"),
                           words_of(*none, "notes")};
    }
    if (const auto most = of.maybe("notPurge")) {
        most->only({"layers", "notes"});
        family.not_purge.layers = words_of(*most, "layers");
        family.not_purge.notes = words_of(*most, "notes");
    }
    family.controls = controls_of(of);
    read_looks(of, family);
    read_volume(of, family.volume);
    return family;
}

CommandRule command_of(const RecordView& of) {
    of.only({"names", "bytes", "mask", "or"});
    CommandRule rule{words_of(of, "names"), hex_of(of, "bytes"), hex_of(of, "mask"), {}};
    if (const auto others = of.maybe("or")) {
        for (const RecordView& other : others->items()) {
            rule.instead.push_back(command_of(other));
        }
    }
    if (rule.mask.size() != rule.bytes.size() || rule.names.empty()) {
        of.fail("must have names, and a mask as long as the bytes");
    }
    return rule;
}

void read_drive(const RecordView& of, Technique& row) {
    row.command_set = text_of(of, "commandSet");
    row.leaves_known = flag_of(of, "leavesKnown");
    if (const auto commands = of.maybe("commands")) {
        for (const RecordView& command : commands->items()) {
            row.commands.push_back(command_of(command));
        }
    }
    if (const auto status = of.maybe("status")) {
        status->only({"page", "decoder", "action"});
        const std::string& decoder = status->at("decoder").one_of(
            {"nvme-sanitize-log", "nvme-format-ended", "ata-sanitize-registers", "ata-security-off",
             "scsi-sense-idle"});
        row.status = {status->at("page").text(), decoder, number_of(*status, "action")};
    }
}

Technique row_of(const RecordView& of, const Family& family) {
    of.only({"technique", "family",        "commandSet",  "title",        "source",
             "policy",    "level",         "leavesKnown", "commands",     "status",
             "passes",    "kinds",         "needs",       "levelNeeds",   "whenFreed",
             "named",     "readBackOneIn", "swap",        "neverSwapped", "controls"});
    Technique row;
    row.name = of.at("technique").non_empty_text();
    row.family = &family;
    row.title = of.at("title").non_empty_text();
    row.source = of.at("source").non_empty_text();
    row.policy = of.maybe("policy") ? of.at("policy").non_empty_text() : row.name;
    const RecordView level = of.at("level");
    const bool by_medium = level.is_object();
    if (by_medium) {
        level.only({"flash", "disk"});
    }
    const auto level_on = [&](const char* medium) {
        return (by_medium ? level.at(medium) : level).one_of({"none", "clear", "purge"});
    };
    row.level_flash = level_on("flash");
    row.level_disk = level_on("disk");
    row.passes = words_of(of, "passes");
    row.kinds = words_of(of, "kinds");
    row.needs = known_words_of(of, "needs", kNeeds);
    row.level_needs = known_words_of(of, "levelNeeds", kLevelNeeds);
    row.when_freed = words_of(of, "whenFreed");
    row.named = words_of(of, "named");
    row.read_back_one_in = number_of(of, "readBackOneIn");
    if (const auto swap = of.maybe("swap")) {
        row.swap = swap->one_of({"always", "unless-noswap"});
    }
    row.never_swapped = words_of(of, "neverSwapped");
    row.controls = controls_of(of);
    read_drive(of, row);
    return row;
}

}  // namespace

Techniques::Techniques(std::string_view text) {
    const Json json = parse_json(text, "techniques");
    const RecordView table(json, "techniques");
    table.only({"format", "failures", "facts", "hiddenAreas", "families", "rows"});
    if (table.at("format").number() != 1) {
        table.at("format").fail("is not one that this program reads");
    }
    failures_ = words_of(table, "failures");
    if (const auto facts = table.maybe("facts")) {
        for (const RecordView& fact : facts->items()) {
            facts_.push_back(fact_of(fact));
        }
    }
    if (const auto areas = table.maybe("hiddenAreas")) {
        areas->only({"neverCovered", "noLevel", "except"});
        hidden_areas_ = {words_of(*areas, "neverCovered"), words_of(*areas, "noLevel"),
                         words_of(*areas, "except")};
    }
    const RecordView families = table.at("families");
    families.must_be_object();
    for (const auto& [name, unused] : families.json().items()) {
        families_.emplace(name, family_of(name, families.at(name.c_str())));
    }
    for (const RecordView& row : table.at("rows").items()) {
        rows_.push_back(row_of(row, family(row.at("family").text())));
    }
}

bool is_one_of(const Words& words, std::string_view word) noexcept {
    return std::find(words.begin(), words.end(), word) != words.end();
}

const Family& Techniques::family(std::string_view name) const {
    const auto found = families_.find(name);
    if (found == families_.end()) {
        throw Error(ErrorCode::usage, "techniques: no family is called " + std::string(name));
    }
    return found->second;
}

const Technique* Techniques::find(std::string_view name, std::string_view kind) const noexcept {
    const auto found = std::find_if(rows_.begin(), rows_.end(), [&](const Technique& row) {
        return row.name == name &&
               (kind.empty() || row.kinds.empty() || is_one_of(row.kinds, kind));
    });
    return found == rows_.end() ? nullptr : &*found;
}

const Techniques& techniques() {
    static const Techniques kTechniques(table("techniques"));
    return kTechniques;
}

std::string_view command_set_of(std::string_view technique) noexcept {
    for (const std::string_view set : kCommandSets) {
        if (technique.size() > set.size() && technique.starts_with(set) &&
            technique[set.size()] == '-') {
            return set;
        }
    }
    return {};
}

}  // namespace efface::rules

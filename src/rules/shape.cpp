// SPDX-License-Identifier: Apache-2.0
#include "efface/rules/shape.hpp"

#include <algorithm>

#include "efface/base/assert.hpp"
#include "efface/rules/table.hpp"

#include "shape_forms.hpp"

namespace efface::rules {

namespace {

constexpr std::string_view kSince = "since ";
constexpr JsonLimits kTableLimits{.bytes_max = std::size_t{1} << 20U};

[[noreturn]] void refuse_table(const std::string& problem) {
    throw Error(ErrorCode::internal, "the table of shapes: " + problem);
}

void only(const Json& form, std::initializer_list<std::string_view> keys) {
    for (const auto& [key, unused] : form.items()) {
        if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
            refuse_table("\"" + key + "\" belongs to no such shape");
        }
    }
}

std::int64_t bound(const Json& bounds, const char* key) {
    return bounds.value(key, std::int64_t{0});
}

std::size_t size(const Json& bounds, const char* key) {
    const std::int64_t value = bound(bounds, key);
    if (value < 0) {
        refuse_table("a size below 0");
    }
    return static_cast<std::size_t>(value);
}

/// Makes the shapes of one version.
class Maker final {
  public:
    using All = std::vector<std::unique_ptr<const Shape>>;

    Maker(const std::map<std::string, Json>& table, const std::vector<std::string>& versions,
          std::size_t version, All& all)
        : table_(table), versions_(versions), version_(version), all_(all) {
        for (const auto& [name, accepts, what] : built_in_shapes()) {
            made_.emplace(name, keep(std::make_unique<BuiltInShape>(accepts, what)));
        }
    }

    std::map<std::string, const Shape*, std::less<>> make_all() {
        for (const auto& [name, unused] : table_) {
            (void)named(name);
        }
        return std::move(made_);
    }

  private:
    struct FieldForm {
        const Json* shape = nullptr;
        bool required = true;
    };
    using FieldForms = std::map<std::string, FieldForm>;

    template <typename T>
    const Shape* keep(std::unique_ptr<T> shape) {
        all_.push_back(std::move(shape));
        return all_.back().get();
    }

    const Json& form_of(const std::string& name) const {
        const auto found = table_.find(name);
        if (found == table_.end()) {
            refuse_table("there is no \"" + name + "\"");
        }
        return found->second;
    }

    const Shape* named(const std::string& name) {
        const auto [found, fresh] = made_.emplace(name, nullptr);
        if (fresh) {
            const Shape* shape = make(form_of(name));
            return made_[name] = shape;
        }
        if (found->second == nullptr) {
            refuse_table("\"" + name + "\" is a part of itself");
        }
        return found->second;
    }

    const Shape* make(const Json& form);
    const Shape* make_scalar(const Json& form);
    const Shape* make_list(const Json& form);
    const Shape* make_map(const Json& form);
    const Shape* make_fields(const Json& form);
    const Shape* make_choice(const Json& form);
    const Shape* make_any(const Json& form);
    const Json& newest(const Json& by_version) const;
    void add_fields(const Json& form, bool optional, FieldForms& fields) const;
    static void add_own(const Json& own, bool optional, FieldForms& fields);

    const std::map<std::string, Json>& table_;
    const std::vector<std::string>& versions_;
    std::size_t version_;
    All& all_;
    std::map<std::string, const Shape*, std::less<>> made_;
};

const Shape* Maker::make(const Json& form) {
    if (form.is_string()) {
        return named(form.get<std::string>());
    }
    if (form.contains("list")) {
        return make_list(form);
    }
    if (form.contains("map")) {
        return make_map(form);
    }
    if (form.contains("choice")) {
        return make_choice(form);
    }
    if (form.contains("any")) {
        return make_any(form);
    }
    if (form.contains("by version")) {
        only(form, {"by version"});
        return make(newest(form.at("by version")));
    }
    if (form.contains("apart")) {
        only(form, {"apart"});
        (void)form_of(form.at("apart").get<std::string>());
        return keep(std::make_unique<ApartShape>());
    }
    if (form.contains("fields") || form.contains("with") || form.contains("maybe with")) {
        return make_fields(form);
    }
    return make_scalar(form);
}

const Shape* Maker::make_scalar(const Json& form) {
    only(form, {"text", "hex", "number", "one of"});
    if (form.size() != 1) {
        refuse_table("a shape is none or several: " + form.dump());
    }
    const Json& bounds = form.front();
    if (form.contains("one of")) {
        auto shape = std::make_unique<WordShape>();
        bounds.get_to(shape->words);
        return keep(std::move(shape));
    }
    if (form.contains("number")) {
        only(bounds, {"min", "max"});
        auto shape = std::make_unique<NumberShape>();
        shape->min = bound(bounds, "min");
        shape->max = bound(bounds, "max");
        return keep(std::move(shape));
    }
    if (form.contains("hex")) {
        only(bounds, {"min", "max", "after"});
        auto shape = std::make_unique<HexShape>();
        shape->bytes_min = size(bounds, "min");
        shape->bytes_max = size(bounds, "max");
        shape->after = bounds.value("after", "");
        return keep(std::move(shape));
    }
    only(bounds, {"min", "max", "not"});
    auto shape = std::make_unique<TextShape>();
    shape->bytes_min = size(bounds, "min");
    shape->bytes_max = size(bounds, "max");
    shape->refused = bounds.value("not", std::vector<std::string>());
    return keep(std::move(shape));
}

const Shape* Maker::make_list(const Json& form) {
    only(form, {"list", "min", "max"});
    auto shape = std::make_unique<ListShape>();
    shape->item = make(form.at("list"));
    shape->items_min = size(form, "min");
    shape->items_max = size(form, "max");
    return keep(std::move(shape));
}

const Shape* Maker::make_map(const Json& form) {
    only(form, {"map", "max"});
    auto shape = std::make_unique<MapShape>();
    shape->item = make(form.at("map"));
    shape->items_max = size(form, "max");
    return keep(std::move(shape));
}

const Shape* Maker::make_choice(const Json& form) {
    only(form, {"choice", "cases", "else"});
    auto shape = std::make_unique<ChoiceShape>();
    std::string rest = form.at("choice").get<std::string>();
    for (std::size_t dot = rest.find('.'); dot != std::string::npos; dot = rest.find('.')) {
        shape->path.push_back(rest.substr(0, dot));
        rest.erase(0, dot + 1);
    }
    shape->path.push_back(rest);
    for (const auto& [word, one] : form.at("cases").items()) {
        const bool begins = word.ends_with('*');
        shape->cases.push_back({word.substr(0, word.size() - (begins ? 1 : 0)), begins, make(one)});
    }
    for (const auto& one : shape->cases) {
        for (const auto& other : shape->cases) {
            // Which of two that a word could be is not said by the order of names in JSON.
            if (&one != &other && one.only_begins && other.word.starts_with(one.word) &&
                (other.only_begins || other.word.size() > one.word.size())) {
                refuse_table("cases overlap: " + one.word + "* and " + other.word);
            }
        }
    }
    shape->otherwise = form.contains("else") ? make(form.at("else")) : nullptr;
    return keep(std::move(shape));
}

const Shape* Maker::make_any(const Json& form) {
    only(form, {"any"});
    auto shape = std::make_unique<AnyShape>();
    for (const Json& one : form.at("any")) {
        shape->shapes.push_back(make(one));
    }
    return keep(std::move(shape));
}

const Shape* Maker::make_fields(const Json& form) {
    FieldForms forms;
    add_fields(form, false, forms);
    auto shape = std::make_unique<FieldsShape>();
    for (const auto& [name, field] : forms) {
        shape->fields.push_back({name, make(*field.shape), field.required});
    }
    return keep(std::move(shape));
}

const Json& Maker::newest(const Json& by_version) const {
    for (std::size_t i = version_ + 1; i > 0; --i) {
        if (by_version.contains(versions_[i - 1])) {
            return by_version.at(versions_[i - 1]);
        }
    }
    refuse_table("nothing is said of version " + versions_[version_]);
}

/// What stands here itself is narrower than what it includes, so it comes last and stays.
void Maker::add_fields(const Json& form, bool optional, FieldForms& fields) const {
    for (const auto& [key, with_as_optional] :
         {std::pair{"with", optional}, {"maybe with", true}}) {
        if (const auto names = form.find(key); names != form.end()) {
            for (const Json& name : *names) {
                add_fields(form_of(name.get<std::string>()), with_as_optional, fields);
            }
        }
    }
    if (const auto own = form.find("fields"); own != form.end()) {
        add_own(*own, optional, fields);
    }
    for (const auto& [key, own] : form.items()) {
        if (key == "with" || key == "maybe with" || key == "fields") {
            continue;
        }
        const auto since =
            std::find(versions_.begin(), versions_.end(),
                      key.starts_with(kSince) ? key.substr(kSince.size()) : std::string());
        if (since == versions_.end()) {
            refuse_table("\"" + key + "\" belongs to no object of fields");
        }
        if (static_cast<std::size_t>(since - versions_.begin()) <= version_) {
            add_own(own, optional, fields);
        }
    }
}

void Maker::add_own(const Json& own, bool optional, FieldForms& fields) {
    for (const auto& [key, shape] : own.items()) {
        const bool may_be_missing = key.ends_with('?');
        fields[key.substr(0, key.size() - (may_be_missing ? 1 : 0))] = {
            &shape, !may_be_missing && !optional};
    }
}

}  // namespace

Shapes::Shapes(const std::vector<Json>& tables) {
    try {
        std::map<std::string, Json> table;
        for (const Json& part : tables) {
            for (const auto& [name, form] : part.at("shapes").items()) {
                if (!table.emplace(name, form).second) {
                    refuse_table("\"" + name + "\" is listed twice");
                }
            }
        }
        tables.at(0).at("versions").get_to(versions_);
        for (std::size_t i = 0; i < versions_.size(); ++i) {
            named_[versions_[i]] = Maker(table, versions_, i, all_).make_all();
        }
    } catch (const Json::exception& error) {
        refuse_table(error.what());
    }
}

Shapes::~Shapes() = default;

void Shapes::check(const RecordView& value, std::string_view name, std::string_view version) const {
    const auto shapes = named_.find(version);
    EFFACE_ASSERT(shapes != named_.end());
    const auto shape = shapes->second.find(name);
    EFFACE_ASSERT(shape != shapes->second.end());
    Finding finding(Finding::Words::wanted);
    if (!shape->second->fits(value.json(), Place(value.where()), finding)) {
        throw Error(ErrorCode::usage, finding.text());
    }
}

const Shapes& record_shapes() {
    static const Shapes kShapes = [] {
        std::vector<Json> tables{parse_json(table("shapes"), "shapes.json", kTableLimits)};
        for (const Json& part : tables.front().at("parts")) {
            const auto name = part.get<std::string>();
            tables.push_back(parse_json(table(name), name + ".json", kTableLimits));
        }
        return Shapes(tables);
    }();
    return kShapes;
}

}  // namespace efface::rules

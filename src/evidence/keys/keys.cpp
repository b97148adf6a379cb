// SPDX-License-Identifier: Apache-2.0
#include "efface/evidence/keys.hpp"

#include <algorithm>
#include <array>

#include "efface/base/file.hpp"
#include "efface/base/json.hpp"
#include "efface/evidence/bundle_names.hpp"

#include "cms/x509.hpp"
#include "key_files.hpp"
#include "names.hpp"
#include "signing_key.hpp"

namespace efface::evidence {

namespace fs = std::filesystem;

namespace {

constexpr std::size_t kStationIdMax = 40;
constexpr std::size_t kNameTextMax = 64;  // ub-organization-name of RFC 5280 appendix A
constexpr std::size_t kIssuerBytesMax = 4096;
constexpr std::size_t kSeedBytes = 32;
constexpr std::size_t kTemporaryTagBytes = 8;

bool is_name_text(const std::string& text) {
    const bool printable_bytes = std::none_of(text.begin(), text.end(), [](char c) {
        return static_cast<unsigned char>(c) < 0x20U || c == 0x7f;
    });
    return !text.empty() && text.size() <= kNameTextMax && printable_bytes;
}

void check_issuer(const Issuer& issuer) {
    if (!is_name_text(issuer.organization) || !is_name_text(issuer.site)) {
        throw Error(ErrorCode::usage,
                    "organization and site must be 1 to 64 bytes without control characters");
    }
    if (!is_identifier(issuer.station_id, kStationIdMax, true)) {
        throw Error(ErrorCode::usage, "station '" + printable(issuer.station_id) +
                                          "': must be 1 to 40 of A-Z a-z 0-9 . _ -");
    }
}

std::string log_name(const Issuer& issuer) {
    return "efface/" + issuer.station_id;
}

std::string issuer_text(const Issuer& issuer) {
    return canonical_json(ObjectWriter()
                              .add("organization", issuer.organization)
                              .add("site", issuer.site)
                              .add("stationId", issuer.station_id)
                              .take()) +
           "\n";
}

Issuer read_issuer(const fs::path& path) {
    const auto text = read_text_file(path, kIssuerBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, ReasonCode::no_keys, path.string() + ": no keys here",
                    "make them with 'efface keys init'");
    }
    const Json json = parse_json(*text, path.string());
    ObjectReader reader(json, path.string());
    Issuer issuer;
    issuer.organization = reader.required_string("organization");
    issuer.site = reader.required_string("site");
    issuer.station_id = reader.required_string("stationId");
    reader.refuse_unknown_keys();
    check_issuer(issuer);
    return issuer;
}

/// Removes a folder that never got its final name.
class TemporaryFolder final {
  public:
    explicit TemporaryFolder(fs::path path) : path_(std::move(path)) {}
    ~TemporaryFolder() {
        if (!kept_) {
            std::error_code ignored;
            fs::remove_all(path_, ignored);
        }
    }
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    TemporaryFolder(TemporaryFolder&&) = delete;
    TemporaryFolder& operator=(TemporaryFolder&&) = delete;
    [[nodiscard]] const fs::path& path() const noexcept { return path_; }
    void keep() noexcept { kept_ = true; }

  private:
    fs::path path_;
    bool kept_ = false;
};

fs::path beside(const fs::path& directory, Random& random) {
    std::array<std::uint8_t, kTemporaryTagBytes> tag{};
    random.fill(tag);
    const std::string name = "." + directory.filename().string() + ".new-" + to_hex(tag);
    return directory.parent_path() / name;
}

void write_log_key(const fs::path& folder, const Issuer& issuer, Random& random) {
    SecretBytes seed(kSeedBytes);
    random.fill(seed.view());
    write_private_key(folder / "log.key", ed25519_from_seed(seed).get());
    const NoteSigner signer(log_name(issuer), seed);
    write_file_durably(folder / "log.vkey", signer.verifier_key() + "\n", 0644);
}

void write_keys(const fs::path& folder, const Issuer& issuer, WallTime now, Random& random) {
    const PkeyPtr root_key = make_ec_key("P-384");
    const X509Ptr root =
        make_root({issuer.organization, issuer.site, "evidence root of " + issuer.station_id},
                  root_key.get(), now, random);
    const PkeyPtr station_key = make_ec_key("P-256");
    const X509Ptr station =
        make_leaf({issuer.organization, issuer.site, issuer.station_id}, station_key.get(),
                  {issuer.station_id, Role::station, Held::software}, root.get(), root_key.get(),
                  now, random);
    write_private_key(folder / "root.key", root_key.get());
    write_file_durably(folder / "root.pem", pem_of(root.get()), 0644);
    write_private_key(folder / "station.key", station_key.get());
    write_file_durably(folder / "station.pem", pem_of(station.get()), 0644);
    write_log_key(folder, issuer, random);
    make_directories_durably(folder / "people", 0700);
    write_file_durably(folder / "issuer.json", issuer_text(issuer), 0644);
}

std::string required_text(const fs::path& path) {
    auto text = read_text_file(path, kPemBytesMax);
    if (!text) {
        throw Error(ErrorCode::usage, path.string() + ": no such file",
                    "the key folder is incomplete; restore it, or create a new one with 'efface "
                    "keys init --state-dir'");
    }
    return *text;
}

/// The station signs unattended: its key has no passphrase, a token's PIN comes from pin-source.
SigningKey open_station(const fs::path& directory) {
    const auto uri = read_text_file(directory / "station.uri", kKeyUriBytesMax);
    if (!uri) {
        return SigningKey::load(directory / "station.key", directory / "station.pem");
    }
    NoPassphrase nobody;
    return SigningKey::open(parse_key_uri(uri->substr(0, uri->find('\n'))),
                            directory / "station.pem", nobody);
}

}  // namespace

void KeyStore::init(const fs::path& directory, const Issuer& issuer, const Clock& clock,
                    Random& random) {
    check_issuer(issuer);
    const fs::path target = fs::absolute(directory).lexically_normal();
    const fs::path wanted = target.has_filename() ? target : target.parent_path();
    make_directories_durably(wanted.parent_path(), 0700);
    const auto refuse = [&wanted] {
        throw Error(ErrorCode::usage, wanted.string() + ": there are keys already",
                    "keys are never replaced; use another folder with --state-dir");
    };
    if (fs::exists(fs::symlink_status(wanted)) &&
        !(fs::is_directory(fs::symlink_status(wanted)) && fs::is_empty(wanted))) {
        refuse();
    }
    TemporaryFolder folder(beside(wanted, random));
    fs::create_directory(folder.path());
    fs::permissions(folder.path(), fs::perms::owner_all);
    write_keys(folder.path(), issuer, clock.now(), random);
    std::error_code error;
    fs::rename(folder.path(), wanted, error);  // replaces an empty folder only
    if (error) {
        refuse();
    }
    folder.keep();
    sync_directory(wanted.parent_path());
}

KeyStore KeyStore::open(const fs::path& directory) {
    Issuer issuer = read_issuer(directory / "issuer.json");
    if (fs::exists(fs::symlink_status(directory / "root.key"))) {
        (void)read_private_key(directory / "root.key");
    }
    KeyStore keys(directory, std::move(issuer));
    if (names_of(keys.station_key().state().certificate.get()) != keys.issuer()) {
        throw Error(
            ErrorCode::usage,
            (directory / "station.pem").string() + ": names a different station than issuer.json",
            "a record's issuer must be the one named in its certificate (O, OU, CN)");
    }
    return keys;
}

KeyStore::KeyStore(fs::path directory, Issuer issuer)
    : directory_(std::move(directory)),
      issuer_(std::move(issuer)),
      station_(open_station(directory_)),
      log_(log_name(issuer_), seed_of_ed25519(read_private_key(directory_ / "log.key").get())) {}

std::string KeyStore::root_certificate_pem() const {
    return required_text(directory_ / "root.pem");
}

std::string KeyStore::revocations_pem() const {
    return read_text_file(directory_ / kRevocationsFile, kAnchorBytesMax).value_or("");
}

std::string KeyStore::log_verifier_key() const {
    std::string line = required_text(directory_ / "log.vkey");
    while (!line.empty() && line.back() == '\n') {
        line.pop_back();
    }
    return line;
}

}  // namespace efface::evidence

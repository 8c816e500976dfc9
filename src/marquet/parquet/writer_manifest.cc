#include "marquet/parquet/writer_manifest.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <map>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "arrow/buffer.h"
#include "arrow/io/interfaces.h"
#include "arrow/io/memory.h"
#include "arrow/ipc/api.h"
#include "arrow/type.h"
#include "arrow/util/base64.h"
#include "marquet/base/error.h"
#include "marquet/base/exceptions.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/file/durable_file.h"

namespace marquet::pq {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr std::string_view kEnding = ".json";
constexpr size_t kDigestDigits = 32;
// Units that a manifest holds itself before the older ones are sealed: some 12 KiB of text.
constexpr size_t kUnsealedUnits = 64;
constexpr size_t kLongestId = 120;
constexpr int64_t kBlock = 1 << 20;

// A JSON document, and in a line of its own the digest of all before that line.
std::string WithDigest(const Json& json) {
  std::string text = json.dump(1, ' ', /*ensure_ascii=*/false) + "\n";
  return text + Xxh3Hex(text) + "\n";
}

arrow::Result<Json> ParseWithDigest(const std::string& text, const std::string& path) {
  const auto corrupt = [&](std::string_view why) {
    return CorruptData(fmt::format("{}: {}", path, why),
                       "The files that it lists are not harmed; verify them, and write to another folder.");
  };
  const size_t tail = kDigestDigits + 1;
  if (text.size() <= tail || text.back() != '\n') {
    return corrupt(fmt::format("the manifest of {} bytes ends without a digest", text.size()));
  }
  const std::string_view body = std::string_view(text).substr(0, text.size() - tail);
  const std::string_view said = std::string_view(text).substr(body.size(), kDigestDigits);
  if (const std::string found = Xxh3Hex(body); found != said) {
    return corrupt(fmt::format("the manifest has digest {}; it says {}", found, Quoted(said)));
  }
  Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return corrupt("the manifest is no JSON document");
  return json;
}

Json UnitJson(const PublishedUnit& unit) {
  Json json = Json::object();
  if (unit.chunk) json["chunk"] = *unit.chunk;
  json["records"] = unit.records;
  if (unit.dropped > 0) json["dropped"] = unit.dropped;
  Json files = Json::array();
  for (const PublishedFile& file : unit.files) {
    Json entry = {{"name", file.name}, {"rows", file.rows}, {"bytes", file.bytes}, {"digest", file.digest}};
    if (!file.digest_before.empty()) {
      entry["bytes_before"] = file.bytes_before;
      entry["digest_before"] = file.digest_before;
    }
    files.push_back(std::move(entry));
  }
  json["files"] = std::move(files);
  return json;
}

PublishedUnit UnitOf(const Json& json) {
  PublishedUnit unit;
  if (json.contains("chunk")) unit.chunk = json.at("chunk").get<int64_t>();
  unit.records = json.at("records").get<int64_t>();
  unit.dropped = json.value("dropped", int64_t{0});
  for (const Json& file : json.at("files")) {
    unit.files.push_back({file.at("name").get<std::string>(), file.at("rows").get<int64_t>(),
                          file.at("bytes").get<int64_t>(), file.at("digest").get<std::string>(),
                          file.value("bytes_before", int64_t{0}),
                          file.value("digest_before", std::string())});
  }
  return unit;
}

Json UnitsJson(std::vector<PublishedUnit>::const_iterator begin,
               std::vector<PublishedUnit>::const_iterator end) {
  Json units = Json::array();
  for (; begin != end; ++begin) units.push_back(UnitJson(*begin));
  return units;
}

arrow::Result<std::string> SchemaText(const arrow::Schema& schema) {
  ARROW_ASSIGN_OR_RAISE(const auto bytes, arrow::ipc::SerializeSchema(schema));
  return arrow::util::base64_encode(std::string_view(*bytes));
}

arrow::Result<std::shared_ptr<arrow::Schema>> SchemaOf(const std::string& text) {
  ARROW_ASSIGN_OR_RAISE(auto decoded, arrow::util::base64_decode(text));
  arrow::io::BufferReader bytes(arrow::Buffer::FromString(std::move(decoded)));
  arrow::ipc::DictionaryMemo memo;
  return arrow::ipc::ReadSchema(&bytes, &memo);
}

std::string NameOf(const std::string& id, int64_t attempt) {
  return fmt::format("{}.{}{}", id, attempt, kEnding);
}

// Which output's which attempt a file's name says it is; nothing for other names.
struct Attempt {
  std::string id;
  int64_t number = 0;
};
std::optional<Attempt> AttemptOf(std::string_view name) {
  if (!name.ends_with(kEnding)) return std::nullopt;
  name.remove_suffix(kEnding.size());
  const size_t dot = name.rfind('.');
  if (dot == name.npos || dot == 0) return std::nullopt;
  const std::string_view digits = name.substr(dot + 1);
  Attempt attempt{std::string(name.substr(0, dot)), 0};
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), attempt.number);
  if (error != std::errc() || end != digits.data() + digits.size() || attempt.number < 1) return std::nullopt;
  return attempt;
}

arrow::Result<std::map<std::string, int64_t>> NewestAttempts(file::FileSystem& fs,
                                                             const std::string& directory) {
  std::map<std::string, int64_t> newest;
  const auto names = fs.ListNames(directory);
  if (IsKind(names.status(), ErrorKind::kNotFound)) return newest;
  ARROW_RETURN_NOT_OK(names.status());
  for (const std::string& name : *names) {
    if (const auto attempt = AttemptOf(name)) {
      int64_t& number = newest[attempt->id];
      number = std::max(number, attempt->number);
    }
  }
  return newest;
}

// The manifest of one attempt with its sealed units, which `sealed` then lists as the manifest does.
arrow::Result<WriterManifest> ReadAttempt(file::FileSystem& fs, const std::string& directory,
                                          const std::string& id, int64_t attempt,
                                          std::vector<std::string>* sealed) {
  const std::string path = file::JoinPath(directory, NameOf(id, attempt));
  ARROW_ASSIGN_OR_RAISE(const std::string text, file::ReadAll(fs, path));
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseWithDigest(text, path));
  try {
    if (json.at("format").get<int>() != kFormat) {
      return Unsupported(fmt::format("{}: a manifest of format {}; this version knows {}", path,
                                     json.at("format").get<int>(), kFormat));
    }
    WriterManifest manifest;
    manifest.run = json.at("run").get<std::string>();
    manifest.attempt = json.at("attempt").get<int64_t>();
    if (manifest.attempt != attempt) {
      return WithHint(
          CorruptData(fmt::format("{}: holds the manifest of attempt {}: it was copied or renamed", path,
                                  manifest.attempt)),
          "Give it the name that it had.");
    }
    manifest.name_template = json.at("template").get<std::string>();
    manifest.rank = json.at("rank").get<int>();
    manifest.input = json.at("input").get<std::string>();
    manifest.records_per_chunk = json.at("records_per_chunk").get<int64_t>();
    manifest.finished = json.at("finished").get<bool>();
    if (const std::string schema = json.at("schema").get<std::string>(); !schema.empty()) {
      ARROW_ASSIGN_OR_RAISE(manifest.schema, SchemaOf(schema));
    }
    for (const Json& entry : json.at("sealed")) {
      const auto file_name = entry.at("name").get<std::string>();
      if (file_name.find('/') != file_name.npos) {
        return CorruptData(fmt::format("{}: {} is no file's name", path, Quoted(file_name)));
      }
      const std::string sealed_path = file::JoinPath(directory, file_name);
      ARROW_ASSIGN_OR_RAISE(const std::string sealed_text, file::ReadAll(fs, sealed_path));
      if (Xxh3Hex(sealed_text) != entry.at("digest").get<std::string>()) {
        return CorruptData(fmt::format("{}: its digest is not the one that {} has of it", sealed_path, path));
      }
      ARROW_ASSIGN_OR_RAISE(const Json units, ParseWithDigest(sealed_text, sealed_path));
      for (const Json& unit : units.at("units")) manifest.units.push_back(UnitOf(unit));
      sealed->push_back(entry.dump());
    }
    for (const Json& unit : json.at("units")) manifest.units.push_back(UnitOf(unit));
    return manifest;
  } catch (const Json::exception&) {
    return CorruptData(fmt::format("{}: a field is missing or of an unexpected type", path));
  }
}

arrow::Result<std::string> DigestOf(file::FileSystem& fs, const std::string& path) {
  ARROW_ASSIGN_OR_RAISE(const auto source, fs.OpenForReading(path));
  ARROW_ASSIGN_OR_RAISE(const int64_t size, source->GetSize());
  Xxh3Digest digest;
  for (int64_t at = 0; at < size;) {
    ARROW_ASSIGN_OR_RAISE(const auto block, source->ReadAt(at, std::min(kBlock, size - at)));
    if (block->size() == 0) return StorageError(EIO, "read", path, "The file became shorter.");
    digest.Update(block->data(), block->size());
    at += block->size();
  }
  return digest.Hex();
}

}  // namespace

arrow::Result<PublishedFile> AsItIs(file::FileSystem& fs, const std::string& folder, PublishedFile file) {
  if (file.digest_before.empty()) return file;
  const std::string path = file::JoinPath(folder, file.name);
  ARROW_ASSIGN_OR_RAISE(const file::FileInfo info, fs.Stat(path));
  bool is_older = info.size == file.bytes_before;
  if (is_older && info.size == file.bytes) {
    ARROW_ASSIGN_OR_RAISE(const std::string digest, DigestOf(fs, path));
    is_older = digest == file.digest_before;
  }
  if (is_older) {
    file.bytes = file.bytes_before;
    file.digest = file.digest_before;
  }
  file.bytes_before = 0;
  file.digest_before.clear();
  return file;
}

std::string ManifestDirectory(const std::string& folder) {
  return file::JoinPath(file::JoinPath(folder, "_marquet"), "writers");
}

std::string ManifestId(std::string_view partly_filled_template) {
  std::string id = UriEncode(partly_filled_template, "{}");
  if (id.size() <= kLongestId) return id;
  return id.substr(0, kLongestId - kDigestDigits - 1) + "-" + Xxh3Hex(partly_filled_template);
}

arrow::Result<std::optional<WriterManifest>> ManifestFile::Read(file::FileSystem& fs,
                                                                const std::string& folder,
                                                                const std::string& id) {
  const std::string directory = ManifestDirectory(folder);
  ARROW_ASSIGN_OR_RAISE(const auto newest, NewestAttempts(fs, directory));
  const auto found = newest.find(id);
  if (found == newest.end()) return std::nullopt;
  std::vector<std::string> sealed;
  ARROW_ASSIGN_OR_RAISE(auto manifest, ReadAttempt(fs, directory, id, found->second, &sealed));
  return manifest;
}

arrow::Result<std::vector<WriterManifest>> ManifestFile::ReadAll(file::FileSystem& fs,
                                                                 const std::string& folder) {
  const std::string directory = ManifestDirectory(folder);
  ARROW_ASSIGN_OR_RAISE(const auto newest, NewestAttempts(fs, directory));
  std::vector<WriterManifest> manifests;
  for (const auto& [id, attempt] : newest) {
    std::vector<std::string> sealed;
    ARROW_ASSIGN_OR_RAISE(auto manifest, ReadAttempt(fs, directory, id, attempt, &sealed));
    manifests.push_back(std::move(manifest));
  }
  return manifests;
}

ManifestFile::ManifestFile(std::shared_ptr<file::FileSystem> fs, std::string directory, std::string id,
                           WriterManifest manifest)
    : fs_(std::move(fs)),
      directory_(std::move(directory)),
      id_(std::move(id)),
      manifest_(std::move(manifest)) {}

// Steps, and what a crash after each leaves:
//   1. The new attempt's manifest is created, whole.     Two manifests: the newer counts.
//   2. The older attempts' manifests are removed.        Some of them: older ones do not count.
arrow::Result<std::unique_ptr<ManifestFile>> ManifestFile::Claim(std::shared_ptr<file::FileSystem> fs,
                                                                 const std::string& folder,
                                                                 const std::string& id,
                                                                 WriterManifest manifest) {
  const std::string directory = ManifestDirectory(folder);
  std::unique_ptr<ManifestFile> claimed(new ManifestFile(fs, directory, id, std::move(manifest)));
  const int64_t attempt = claimed->manifest_.attempt;
  if (attempt > 1) {
    // What is sealed stays so.
    ARROW_ASSIGN_OR_RAISE(const auto before,
                          ReadAttempt(*fs, directory, id, attempt - 1, &claimed->sealed_files_));
    claimed->sealed_units_ = 0;
    for (const std::string& entry : claimed->sealed_files_) {
      claimed->sealed_units_ += Json::parse(entry).at("units").get<size_t>();
    }
  }
  ARROW_ASSIGN_OR_RAISE(const std::string text, claimed->Text());
  const arrow::Status put = file::PutNew(fs, file::JoinPath(directory, NameOf(id, attempt)), text);
  if (IsKind(put, ErrorKind::kAlreadyExists)) {
    return Conflict(
        fmt::format("{}: another process has just begun attempt {} at this output", folder, attempt));
  }
  ARROW_RETURN_NOT_OK(file::NotYetCommitted(put));
  ARROW_ASSIGN_OR_RAISE(const auto names, fs->ListNames(directory));
  for (const std::string& name : names) {
    const auto other = AttemptOf(name);
    if (other && other->id == id && other->number < attempt) {
      const arrow::Status removed = fs->Remove(file::JoinPath(directory, name));
      if (!removed.ok() && !IsKind(removed, ErrorKind::kNotFound)) return removed;
    }
  }
  return claimed;
}

arrow::Status ManifestFile::CheckClaim() const {
  const auto exists = [&](int64_t attempt) {
    return file::Exists(*fs_, file::JoinPath(directory_, NameOf(id_, attempt)));
  };
  ARROW_ASSIGN_OR_RAISE(const bool ours, exists(manifest_.attempt));
  ARROW_ASSIGN_OR_RAISE(const bool later, exists(manifest_.attempt + 1));
  if (ours && !later) return arrow::Status::OK();
  return Conflict(fmt::format("{}: another process has taken over this output since attempt {} began",
                              file::JoinPath(directory_, id_), manifest_.attempt),
                  "Nothing more of this process is published. Let the other one go on.");
}

arrow::Status ManifestFile::Add(std::optional<PublishedUnit> unit,
                                const std::shared_ptr<arrow::Schema>& schema, bool finished) {
  if (manifest_.units.size() - sealed_units_ >= kUnsealedUnits) {
    const arrow::Status sealed = Caught(directory_, [&] { return Seal(); });
    // Nothing names the sealed file yet, so it does not matter whether it is there.
    ARROW_RETURN_NOT_OK(file::NotYetCommitted(sealed));
  }
  const size_t units_before = manifest_.units.size();
  const std::shared_ptr<arrow::Schema> schema_before = manifest_.schema;
  bool in_doubt = false;
  const arrow::Status saved = Caught(directory_, [&] {
    if (unit.has_value()) manifest_.units.push_back(*std::move(unit));
    if (manifest_.schema == nullptr) manifest_.schema = schema;
    manifest_.finished = finished;
    return Save(&in_doubt);
  });
  if (saved.ok()) return saved;
  if (in_doubt) return AsKind(saved, ErrorKind::kCommitUnknown);
  manifest_.units.resize(units_before);
  manifest_.schema = schema_before;
  manifest_.finished = false;
  return saved;
}

arrow::Status ManifestFile::Replace(const std::vector<PublishedFile>& files,
                                    const std::shared_ptr<arrow::Schema>& schema) {
  const WriterManifest manifest_before = manifest_;
  const auto sealed_files_before = sealed_files_;
  const size_t sealed_units_before = sealed_units_;
  bool in_doubt = false;
  const arrow::Status saved = Caught(directory_, [&] {
    std::map<std::string_view, const PublishedFile*> by_name;
    for (const PublishedFile& file : files) by_name[file.name] = &file;
    for (PublishedUnit& unit : manifest_.units) {
      for (PublishedFile& file : unit.files) {
        if (const auto found = by_name.find(file.name); found != by_name.end()) file = *found->second;
      }
    }
    manifest_.schema = schema;
    // What was sealed may have changed: the manifest holds all of it, until it is sealed again.
    sealed_files_.clear();
    sealed_units_ = 0;
    return Save(&in_doubt);
  });
  if (saved.ok()) return saved;
  if (in_doubt) return AsKind(saved, ErrorKind::kCommitUnknown);
  manifest_ = manifest_before;
  sealed_files_ = sealed_files_before;
  sealed_units_ = sealed_units_before;
  return saved;
}

void ManifestFile::Replaced() {
  for (PublishedUnit& unit : manifest_.units) {
    for (PublishedFile& file : unit.files) {
      file.bytes_before = 0;
      file.digest_before.clear();
    }
  }
}

arrow::Result<std::string> ManifestFile::Text() const {
  Json json;
  json["format"] = kFormat;
  json["run"] = manifest_.run;
  json["attempt"] = manifest_.attempt;
  json["template"] = manifest_.name_template;
  json["rank"] = manifest_.rank;
  json["input"] = manifest_.input;
  json["records_per_chunk"] = manifest_.records_per_chunk;
  json["finished"] = manifest_.finished;
  json["schema"] = "";
  if (manifest_.schema != nullptr) {
    ARROW_ASSIGN_OR_RAISE(json["schema"], SchemaText(*manifest_.schema));
  }
  json["sealed"] = Json::array();
  for (const std::string& entry : sealed_files_) json["sealed"].push_back(Json::parse(entry));
  json["units"] =
      UnitsJson(manifest_.units.begin() + static_cast<int64_t>(sealed_units_), manifest_.units.end());
  return WithDigest(json);
}

arrow::Status ManifestFile::Save(bool* in_doubt) {
  ARROW_ASSIGN_OR_RAISE(const std::string text, Text());
  const std::string path = file::JoinPath(directory_, NameOf(id_, manifest_.attempt));
  *in_doubt = true;  // also for what is thrown
  arrow::Status saved = file::PutReplacing(fs_, path, text);
  *in_doubt = IsKind(saved, ErrorKind::kCommitUnknown);
  return saved;
}

// The sealed file is there before a manifest names it. The attempt in its name keeps processes apart.
arrow::Status ManifestFile::Seal() {
  const auto begin = manifest_.units.begin() + static_cast<int64_t>(sealed_units_);
  const std::string text = WithDigest({{"units", UnitsJson(begin, manifest_.units.end())}});
  const std::string name =
      fmt::format("{}.sealed.{}-{}{}", id_, manifest_.attempt, sealed_files_.size() + 1, kEnding);
  ARROW_RETURN_NOT_OK(file::PutReplacing(fs_, file::JoinPath(directory_, name), text));
  const Json entry = {
      {"name", name}, {"units", manifest_.units.size() - sealed_units_}, {"digest", Xxh3Hex(text)}};
  sealed_files_.push_back(entry.dump());
  sealed_units_ = manifest_.units.size();
  return arrow::Status::OK();
}

}  // namespace marquet::pq

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "arrow/buffer.h"
#include "arrow/io/memory.h"
#include "arrow/ipc/api.h"
#include "arrow/type.h"
#include "arrow/util/base64.h"
#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/saturating.h"
#include "marquet/base/text.h"
#include "marquet/output/manifest_json_internal.h"
#include "marquet/output/manifest_names_internal.h"

namespace marquet::output {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;
constexpr size_t kManifestDigestDigits = 32;

// A JSON document, and in a line of its own the digest of all before that line.
std::string WithDigest(const Json& json) {
  std::string text = json.dump(1, ' ', /*ensure_ascii=*/false) + "\n";
  return text + Xxh3Hex(text) + "\n";
}

arrow::Status Corrupt(std::string_view why) {
  return CorruptData(std::string(why),
                     "The files that it lists are not harmed; verify them, and write to another folder.");
}

arrow::Result<Json> ParseWithDigest(const std::string& text) {
  const size_t tail = kManifestDigestDigits + 1;
  if (text.size() <= tail || text.back() != '\n') {
    return Corrupt(fmt::format("the manifest of {} bytes ends without a digest", text.size()));
  }
  const std::string_view body = std::string_view(text).substr(0, text.size() - tail);
  const std::string_view said = std::string_view(text).substr(body.size(), kManifestDigestDigits);
  if (const std::string found = Xxh3Hex(body); found != said) {
    return Corrupt(fmt::format("the manifest has digest {}; it says {}", found, Quoted(said)));
  }
  Json json = Json::parse(body, nullptr, /*allow_exceptions=*/false);
  if (json.is_discarded()) return Corrupt("the manifest is no JSON document");
  return json;
}

// Throws Json::exception where the key is missing, as all that reads here.
arrow::Result<int64_t> Whole(const Json& json, const char* key, int64_t least = 0,
                             int64_t most = std::numeric_limits<int64_t>::max()) {
  const Json& value = json.at(key);
  const bool fits = value.is_number_unsigned() ? value.get<uint64_t>() <= static_cast<uint64_t>(most) &&
                                                     static_cast<int64_t>(value.get<uint64_t>()) >= least
                    : value.is_number_integer()
                        ? value.get<int64_t>() >= least && value.get<int64_t>() <= most
                        : false;
  if (fits) return value.get<int64_t>();
  const std::string found = value.dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  return Corrupt(
      fmt::format("'{}' is {:.80}; expected a whole number from {} to {}", key, found, least, most));
}

arrow::Result<const Json*> List(const Json& json, const char* key) {
  const Json& value = json.at(key);
  if (!value.is_array()) return Corrupt(fmt::format("'{}' is not a list", key));
  return &value;
}

// A name in the output folder, or in one below it.
arrow::Result<std::string> FileNameWithin(const Json& json) {
  auto name = json.at("name").get<std::string>();
  bool within = !name.empty() && name.find('\0') == name.npos;
  for (std::string_view rest = name; within && !rest.empty();) {
    const size_t slash = std::min(rest.find('/'), rest.size());
    const std::string_view part = rest.substr(0, slash);
    within = !part.empty() && part != "." && part != ".." && slash + 1 != rest.size();
    rest.remove_prefix(std::min(slash + 1, rest.size()));
  }
  if (within) return name;
  return Corrupt(fmt::format("{} is not a file's name within the output folder", Quoted(name, 200)));
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

Json UnitsJson(const std::vector<PublishedUnit>& units, size_t begin) {
  Json json = Json::array();
  for (size_t i = begin; i < units.size(); ++i) json.push_back(UnitJson(units[i]));
  return json;
}

arrow::Result<PublishedFile> FileOf(const Json& json) {
  PublishedFile file;
  ARROW_ASSIGN_OR_RAISE(file.name, FileNameWithin(json));
  ARROW_ASSIGN_OR_RAISE(file.rows, Whole(json, "rows"));
  ARROW_ASSIGN_OR_RAISE(file.bytes, Whole(json, "bytes"));
  file.digest = json.at("digest").get<std::string>();
  if (json.contains("digest_before")) {
    ARROW_ASSIGN_OR_RAISE(file.bytes_before, Whole(json, "bytes_before"));
    file.digest_before = json.at("digest_before").get<std::string>();
  }
  return file;
}

arrow::Result<PublishedUnit> UnitOf(const Json& json) {
  PublishedUnit unit;
  if (json.contains("chunk")) {
    ARROW_ASSIGN_OR_RAISE(unit.chunk, Whole(json, "chunk"));
  }
  ARROW_ASSIGN_OR_RAISE(unit.records, Whole(json, "records"));
  if (json.contains("dropped")) {
    ARROW_ASSIGN_OR_RAISE(unit.dropped, Whole(json, "dropped"));
  }
  ARROW_ASSIGN_OR_RAISE(const Json* files, List(json, "files"));
  for (const Json& file : *files) {
    ARROW_ASSIGN_OR_RAISE(unit.files.emplace_back(), FileOf(file));
  }
  return unit;
}

// Adds the units that are listed; the sum of all records stays a number.
arrow::Status AddUnits(const Json& json, WriterManifest* manifest, int64_t* records) {
  ARROW_ASSIGN_OR_RAISE(const Json* units, List(json, "units"));
  for (const Json& entry : *units) {
    ARROW_ASSIGN_OR_RAISE(PublishedUnit unit, UnitOf(entry));
    *records = SaturatingSum(*records, unit.records);
    if (*records == INT64_MAX) return Corrupt("the records of its units have no sum in 64 bits");
    manifest->units.push_back(std::move(unit));
  }
  return arrow::Status::OK();
}

arrow::Result<std::string> SchemaText(const arrow::Schema& schema) {
  ARROW_ASSIGN_OR_RAISE(const auto bytes, arrow::ipc::SerializeSchema(schema));
  return arrow::util::base64_encode(std::string_view(*bytes));
}

arrow::Result<std::shared_ptr<arrow::Schema>> SchemaOf(const std::string& text) {
  const auto parse = [&]() -> arrow::Result<std::shared_ptr<arrow::Schema>> {
    ARROW_ASSIGN_OR_RAISE(auto decoded, arrow::util::base64_decode(text));
    arrow::io::BufferReader bytes(arrow::Buffer::FromString(std::move(decoded)));
    arrow::ipc::DictionaryMemo memo;
    return arrow::ipc::ReadSchema(&bytes, &memo);
  };
  auto schema = parse();
  if (!schema.ok() && !schema.status().IsOutOfMemory()) {
    return Corrupt(fmt::format("'schema' cannot be read: {}", schema.status().message()));
  }
  return schema;
}

arrow::Status ReadSealed(file::FileSystem& fs, const std::string& directory, const Json& entry,
                         WriterManifest* manifest, int64_t* records) {
  const auto name = entry.at("name").get<std::string>();
  if (name.empty() || name == "." || name == ".." || name.find('/') != name.npos ||
      name.find('\0') != name.npos) {
    return Corrupt(fmt::format("{} is not a file's name", Quoted(name, 200)));
  }
  ARROW_ASSIGN_OR_RAISE(const int64_t told, Whole(entry, "units"));
  const std::string path = file::JoinPath(directory, name);
  ARROW_ASSIGN_OR_RAISE(const std::string text, file::ReadAll(fs, path));
  if (Xxh3Hex(text) != entry.at("digest").get<std::string>()) {
    return Corrupt(fmt::format("{}: its digest is not the one that the manifest has of it", path));
  }
  const auto json = ParseWithDigest(text);
  if (!json.ok()) return WithContext(json.status(), path);
  const size_t before = manifest->units.size();
  ARROW_RETURN_NOT_OK(WithContext(AddUnits(*json, manifest, records), path));
  const size_t units = manifest->units.size() - before;
  if (static_cast<int64_t>(units) != told) {
    return Corrupt(fmt::format("{}: holds {} units, and the manifest says {}", path, units, told));
  }
  manifest->sealed.push_back({entry.dump(), units});
  return arrow::Status::OK();
}

arrow::Result<WriterManifest> ManifestOf(file::FileSystem& fs, const std::string& directory,
                                         const std::string& text, int64_t attempt) {
  ARROW_ASSIGN_OR_RAISE(const Json json, ParseWithDigest(text));
  ARROW_ASSIGN_OR_RAISE(const int64_t format, Whole(json, "format"));
  if (format != kFormat) {
    return Unsupported(fmt::format("a manifest of format {}; this version knows {}", format, kFormat));
  }
  WriterManifest manifest;
  manifest.run = json.at("run").get<std::string>();
  ARROW_ASSIGN_OR_RAISE(manifest.attempt, Whole(json, "attempt"));
  if (manifest.attempt != attempt) {
    return CorruptData(
        fmt::format("holds the manifest of attempt {}: it was copied or renamed", manifest.attempt),
        "Give it the name that it had.");
  }
  manifest.name_template = json.at("template").get<std::string>();
  ARROW_ASSIGN_OR_RAISE(const int64_t rank, Whole(json, "rank", 0, std::numeric_limits<int>::max()));
  manifest.rank = static_cast<int>(rank);
  manifest.input = json.at("input").get<std::string>();
  ARROW_ASSIGN_OR_RAISE(manifest.records_per_chunk, Whole(json, "records_per_chunk"));
  manifest.finished = json.at("finished").get<bool>();
  if (const auto schema = json.at("schema").get<std::string>(); !schema.empty()) {
    ARROW_ASSIGN_OR_RAISE(manifest.schema, SchemaOf(schema));
  }
  int64_t records = 0;
  ARROW_ASSIGN_OR_RAISE(const Json* sealed, List(json, "sealed"));
  for (const Json& entry : *sealed) {
    ARROW_RETURN_NOT_OK(ReadSealed(fs, directory, entry, &manifest, &records));
  }
  ARROW_RETURN_NOT_OK(AddUnits(json, &manifest, &records));
  return manifest;
}

}  // namespace

arrow::Result<WriterManifest> ReadManifest(file::FileSystem& fs, const std::string& directory,
                                           const std::string& id, int64_t attempt) {
  const std::string path = file::JoinPath(directory, ManifestName(id, attempt));
  ARROW_ASSIGN_OR_RAISE(const std::string text, file::ReadAll(fs, path));
  try {
    auto manifest = ManifestOf(fs, directory, text, attempt);
    if (!manifest.ok()) return WithContext(manifest.status(), path);
    return manifest;
  } catch (const Json::exception&) {
    return WithContext(Corrupt("a field is missing or of an unexpected type"), path);
  }
}

arrow::Result<std::string> ManifestText(const WriterManifest& manifest) {
  Json json;
  json["format"] = kFormat;
  json["run"] = manifest.run;
  json["attempt"] = manifest.attempt;
  json["template"] = manifest.name_template;
  json["rank"] = manifest.rank;
  json["input"] = manifest.input;
  json["records_per_chunk"] = manifest.records_per_chunk;
  json["finished"] = manifest.finished;
  json["schema"] = "";
  if (manifest.schema != nullptr) {
    ARROW_ASSIGN_OR_RAISE(json["schema"], SchemaText(*manifest.schema));
  }
  json["sealed"] = Json::array();
  size_t sealed_units = 0;
  for (const SealedFile& file : manifest.sealed) {
    json["sealed"].push_back(Json::parse(file.entry));
    sealed_units += file.units;
  }
  json["units"] = UnitsJson(manifest.units, sealed_units);
  return WithDigest(json);
}

std::string SealedText(const std::vector<PublishedUnit>& units, size_t begin) {
  return WithDigest({{"units", UnitsJson(units, begin)}});
}

SealedFile SealedEntry(const std::string& name, size_t units, const std::string& text) {
  const Json entry = {{"name", name}, {"units", units}, {"digest", Xxh3Hex(text)}};
  return {entry.dump(), units};
}

}  // namespace marquet::output

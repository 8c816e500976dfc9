#include "marquet/ledger/source_description.h"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/file/durable_file.h"
#include "marquet/ledger/json_file.h"
#include "marquet/ledger/source_json.h"

namespace marquet::ledger {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kFirstFormat = 1;  // times in microseconds, no publishers
constexpr int kFormat = 2;
constexpr int kPartFormat = 3;  // of parts of sources, which readers of the others would take for the whole
constexpr const char* kDirectory = "_marquet/sources";
constexpr std::string_view kAttemptAppPrefix = "marquet.attempt.";
constexpr const char* kAttempts = "_marquet/sources/attempts";
constexpr std::string_view kEnding = ".json";

std::string AttemptPath(const std::string& id, int64_t number) {
  return file::JoinPath(kAttempts, fmt::format("{}-{}{}", id, number, kEnding));
}

// As SourceId makes them. Others come from a log, or a file's name, that Marquet did not write.
bool IsSourceId(std::string_view id) {
  constexpr size_t kDigestDigits = 32;
  constexpr size_t kMostDigits = 19;  // of an int64_t
  const auto all_in = [](std::string_view text, const char* characters) {
    return text.find_first_not_of(characters) == text.npos;
  };
  if (id.size() < kDigestDigits || !all_in(id.substr(0, kDigestDigits), "0123456789abcdef")) return false;
  std::string_view number = id.substr(kDigestDigits);
  if (number.empty()) return true;
  if (number.front() != '.') return false;
  number.remove_prefix(1);
  if (number.empty() || number.size() > kMostDigits || number.front() == '0' || number == "1") return false;
  return all_in(number, "0123456789");
}

Json Texts(const std::vector<std::string>& texts) {
  Json list = Json::array();
  for (const std::string& text : texts) list.push_back(TextToJson(text));
  return list;
}

std::vector<std::string> TextsOf(const JsonField& json) {
  std::vector<std::string> texts;
  json.ForEach([&](const JsonField& text) { texts.push_back(TextOf(text)); });
  return texts;
}

template <typename T>
Json Optional(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

template <typename T>
std::optional<T> IntegerOrNull(const JsonField& json) {
  return json.is_null() ? std::nullopt : std::optional(json.Integer<T>());
}

Json MetadataToJson(const dbn::Metadata& metadata) {
  Json mappings = Json::array();
  for (const dbn::SymbolMapping& mapping : metadata.mappings) {
    Json intervals = Json::array();
    for (const dbn::MappingInterval& interval : mapping.intervals) {
      intervals.push_back({interval.start_date, interval.end_date, TextToJson(interval.symbol)});
    }
    mappings.push_back({{"raw_symbol", TextToJson(mapping.raw_symbol)}, {"intervals", std::move(intervals)}});
  }
  return Json{{"version", metadata.version},
              {"dataset", TextToJson(metadata.dataset)},
              {"schema", Optional(metadata.schema)},
              {"start", metadata.start},
              {"end", Optional(metadata.end)},
              {"limit", Optional(metadata.limit)},
              {"stype_in", Optional(metadata.stype_in)},
              {"stype_out", metadata.stype_out},
              {"ts_out", metadata.ts_out},
              {"symbol_cstr_len", metadata.symbol_cstr_len},
              {"symbols", Texts(metadata.symbols)},
              {"partial", Texts(metadata.partial)},
              {"not_found", Texts(metadata.not_found)},
              {"mappings", std::move(mappings)}};
}

dbn::Metadata MetadataOf(const JsonField& json) {
  dbn::Metadata metadata;
  metadata.version = json.At("version").Integer<int>();
  metadata.dataset = TextOf(json.At("dataset"));
  metadata.schema = IntegerOrNull<uint16_t>(json.At("schema"));
  metadata.start = json.At("start").Integer<uint64_t>();
  metadata.end = IntegerOrNull<uint64_t>(json.At("end"));
  metadata.limit = IntegerOrNull<uint64_t>(json.At("limit"));
  metadata.stype_in = IntegerOrNull<uint8_t>(json.At("stype_in"));
  metadata.stype_out = json.At("stype_out").Integer<uint8_t>();
  metadata.ts_out = json.At("ts_out").Bool();
  metadata.symbol_cstr_len = json.At("symbol_cstr_len").Integer<uint16_t>();
  metadata.symbols = TextsOf(json.At("symbols"));
  metadata.partial = TextsOf(json.At("partial"));
  metadata.not_found = TextsOf(json.At("not_found"));
  json.At("mappings").ForEach([&](const JsonField& mapping) {
    dbn::SymbolMapping made;
    made.raw_symbol = TextOf(mapping.At("raw_symbol"));
    mapping.At("intervals").ForEach([&](const JsonField& interval) {
      made.intervals.push_back(
          {interval.At(0).Integer<int32_t>(), interval.At(1).Integer<int32_t>(), TextOf(interval.At(2))});
    });
    metadata.mappings.push_back(std::move(made));
  });
  return metadata;
}

Json CountsToJson(const dbn::ReadSummary& summary) {
  Json unknown = Json::array();
  for (const auto& [rtype, records] : summary.unknown_by_rtype) unknown.push_back({rtype, records});
  return Json{{"records", summary.records},
              {"control_records", summary.control_records},
              {"unknown_records", summary.unknown_records},
              {"unknown_by_rtype", std::move(unknown)},
              {"unmapped_rows", summary.unmapped_rows},
              {"nulled_times", summary.nulled_times},
              {"truncated_bytes", summary.truncated_bytes},
              {"truncated_records", summary.truncated_records},
              {"truncated_frame", summary.truncated_frame}};
}

void CountsOf(const JsonField& json, dbn::ReadSummary* summary) {
  summary->records = json.At("records").Integer<int64_t>();
  summary->control_records = json.At("control_records").Integer<int64_t>();
  summary->unknown_records = json.At("unknown_records").Integer<int64_t>();
  json.At("unknown_by_rtype").ForEach([&](const JsonField& unknown) {
    summary->unknown_by_rtype[unknown.At(0).Integer<int>()] = unknown.At(1).Integer<int64_t>();
  });
  summary->unmapped_rows = json.At("unmapped_rows").Integer<int64_t>();
  summary->nulled_times = json.At("nulled_times").Integer<int64_t>();
  summary->truncated_bytes = json.At("truncated_bytes").Integer<int64_t>();
  summary->truncated_records = json.At("truncated_records").Integer<int64_t>();
  summary->truncated_frame = json.At("truncated_frame").Bool();
}

dbn::RecordKind KindOf(const JsonField& json) {
  const auto kind = dbn::KindFromName(json.String());
  if (kind.ok()) return *kind;
  json.Fail("the name of a record kind, such as mbp-10");
  return {};
}

Json PartToJson(const BroughtPart& part) {
  return {{"id", part.id},
          {"symbols", Texts(part.selection.symbols)},
          {"start_ns", Optional(part.selection.start_ns)},
          {"end_ns", Optional(part.selection.end_ns)},
          {"matched", part.matched}};
}

BroughtPart PartOf(const JsonField& json) {
  BroughtPart part;
  part.id = json.At("id").String();
  part.selection.symbols = TextsOf(json.At("symbols"));
  part.selection.start_ns = IntegerOrNull<int64_t>(json.At("start_ns"));
  part.selection.end_ns = IntegerOrNull<int64_t>(json.At("end_ns"));
  part.matched = json.At("matched").Integer<int64_t>();
  return part;
}

// Whether readers that know nothing of parts would take it for what it is not.
bool NeedsPartFormat(const SourceDescription& description) {
  return description.is_partial() || !description.part.selection.is_all() || !description.earlier.empty();
}

SourceDescription DescriptionOf(const JsonField& json) {
  SourceDescription description;
  const JsonField format = json.At("format");
  const int version = format.Integer<int>();
  if (version < kFirstFormat || version > kPartFormat) {
    format.Fail(fmt::format("format {} to {}", kFirstFormat, kPartFormat));
  }
  description.id = json.At("id").String();
  description.digest = json.At("digest").String();
  description.name = TextOf(json.At("name"));
  description.bytes = json.At("bytes").Integer<int64_t>();
  description.kind = KindOf(json.At("kind"));
  description.rows = json.At("rows").Integer<int64_t>();
  dbn::ReadSummary& summary = description.summary;
  summary.compressed = json.At("compressed").Bool();
  summary.has_metadata = json.At("has_metadata").Bool();
  summary.identical_export = json.At("identical_export").Bool();
  CountsOf(json.At("counts"), &summary);
  json.At("rows_by_kind").ForEach([&](const JsonField& kind_rows) {
    summary.rows[KindOf(kind_rows.At(0))] = kind_rows.At(1).Integer<int64_t>();
  });
  summary.metadata = MetadataOf(json.At("metadata"));
  json.At("kept_records").ForEach([&](const JsonField& record) {
    summary.kept_records.push_back({record.At(0).Integer<int64_t>(), BytesOf(record.At(1))});
  });
  const JsonField ranges = json.At("ranges");
  description.ranges = version == kFirstFormat ? RangesOfFirstFormat(ranges) : RangesOf(ranges);
  const auto rows = summary.rows.find(description.kind);
  description.part = {description.id, {}, rows == summary.rows.end() ? 0 : rows->second};
  if (version < kPartFormat) return description;
  description.part = PartOf(json.At("part"));
  summary.selection.not_selected = json.At("not_selected").Integer<int64_t>();
  summary.selection.held = json.At("held").Integer<int64_t>();
  json.At("earlier").ForEach([&](const JsonField& part) { description.earlier.push_back(PartOf(part)); });
  return description;
}

}  // namespace

std::string SourceAppId(std::string_view digest) {
  return std::string(kSourceAppPrefix) + std::string(digest);
}

std::string SourceDescriptionPath(const std::string& id) {
  return file::JoinPath(kDirectory, id + std::string(kEnding));
}

std::string SourceDescriptionPath(const delta::Snapshot& snapshot, const std::string& id) {
  const delta::Transaction* attempt = snapshot.transactions.Find(AttemptAppId(id));
  return attempt == nullptr ? SourceDescriptionPath(id) : AttemptPath(id, attempt->version);
}

std::string AttemptAppId(std::string_view id) { return std::string(kAttemptAppPrefix) + std::string(id); }

std::string SourceId(std::string_view digest, int64_t transaction_version) {
  if (transaction_version <= 1) return std::string(digest);
  return fmt::format("{}.{}", digest, transaction_version / 2 + transaction_version % 2);
}

bool IsIngestOf(std::string_view id, std::string_view digest) {
  return id.starts_with(digest) && (id.size() == digest.size() || id[digest.size()] == '.');
}

std::string SourceOf(const delta::AddFile& file) {
  const auto tag = file.tags.find(kSourceTag);
  return tag == file.tags.end() ? std::string() : tag->second;
}

std::vector<BroughtPart> SourceDescription::Parts() const {
  std::vector<BroughtPart> parts = earlier;
  parts.push_back(part);
  return parts;
}

bool AnyCovers(const std::vector<BroughtPart>& parts, const dbn::Selection& selection) {
  return std::any_of(parts.begin(), parts.end(),
                     [&](const BroughtPart& part) { return part.selection.Covers(selection); });
}

std::string SelectionsOf(const std::vector<BroughtPart>& parts) {
  std::string text;
  for (const BroughtPart& part : parts) text += (text.empty() ? "" : "; ") + dbn::ToText(part.selection);
  return text;
}

arrow::Result<int64_t> RaisedVersion(const std::string& table, const delta::Transaction& stored, int by) {
  if (stored.version >= 0 && stored.version <= INT64_MAX - by) return stored.version + by;
  return CorruptData(
      fmt::format("{}: the version of the application {} is {}; expected 0 to {}",
                  file::JoinPath(table, "_delta_log"), Quoted(stored.app_id), stored.version, INT64_MAX - by),
      "Marquet did not commit it. Restore the log from a copy, or write the rows to a new "
      "table.");
}

std::string ToJson(const SourceDescription& description) {
  const dbn::ReadSummary& summary = description.summary;
  Json kept = Json::array();
  for (const dbn::KeptRecord& record : summary.kept_records) {
    kept.push_back({record.source_row, ToHex(record.bytes)});
  }
  Json rows_by_kind = Json::array();
  for (const auto& [kind, rows] : summary.rows) rows_by_kind.push_back({dbn::KindName(kind), rows});
  Json root = {{"format", NeedsPartFormat(description) ? kPartFormat : kFormat},
               {"id", description.id},
               {"digest", description.digest},
               {"name", TextToJson(description.name)},
               {"bytes", description.bytes},
               {"kind", dbn::KindName(description.kind)},
               {"rows", description.rows},
               {"compressed", summary.compressed},
               {"has_metadata", summary.has_metadata},
               {"identical_export", summary.identical_export},
               {"counts", CountsToJson(summary)},
               {"rows_by_kind", std::move(rows_by_kind)},
               {"metadata", MetadataToJson(summary.metadata)},
               {"kept_records", std::move(kept)},
               {"ranges", RangesToJson(description.ranges)}};
  if (NeedsPartFormat(description)) {
    Json earlier = Json::array();
    for (const BroughtPart& part : description.earlier) earlier.push_back(PartToJson(part));
    root["part"] = PartToJson(description.part);
    root["not_selected"] = summary.selection.not_selected;
    root["held"] = summary.selection.held;
    root["earlier"] = std::move(earlier);
  }
  return WithDigest(root);
}

arrow::Result<SourceDescription> SourceDescriptionFromJson(std::string json, const std::string& path) {
  const arrow::Status digest = CheckDigest(json, path);
  ARROW_ASSIGN_OR_RAISE(const auto file, JsonFile::Parse(path, "a source's description", std::move(json)));
  SourceDescription description = DescriptionOf(file->root());
  ARROW_RETURN_NOT_OK(file->status());
  ARROW_RETURN_NOT_OK(digest);
  return description;
}

arrow::Result<std::optional<int64_t>> WriteSourceDescription(const std::shared_ptr<file::FileSystem>& fs,
                                                             const std::string& table,
                                                             const delta::Snapshot& snapshot,
                                                             const SourceDescription& description) {
  const std::string path = file::JoinPath(table, SourceDescriptionPath(description.id));
  const std::string text = ToJson(description);
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, file::ParentPath(path)));
  const arrow::Status put = file::PutNew(fs, path, text);
  if (put.ok()) return std::nullopt;
  if (!IsKind(put, ErrorKind::kAlreadyExists)) return file::NotYetCommitted(put);
  ARROW_ASSIGN_OR_RAISE(const std::string there, file::ReadAll(*fs, path));
  if (there == text) {
    ARROW_RETURN_NOT_OK(fs->SyncDirectory(file::ParentPath(path)));  // another may not have come to it
    return std::nullopt;
  }
  ARROW_RETURN_NOT_OK(file::CreateDirectories(*fs, file::JoinPath(table, kAttempts)));
  return WriteNumbered(
      fs, table, snapshot, AttemptAppId(description.id),
      [&](int64_t number) { return AttemptPath(description.id, number); }, text);
}

arrow::Result<int64_t> WriteNumbered(const std::shared_ptr<file::FileSystem>& fs, const std::string& table,
                                     const delta::Snapshot& snapshot, const std::string& app_id,
                                     const std::function<std::string(int64_t number)>& path_of,
                                     std::string_view text) {
  const delta::Transaction* before = snapshot.transactions.Find(app_id);
  delta::Transaction taken = before == nullptr ? delta::Transaction{app_id, 0, std::nullopt} : *before;
  while (true) {
    ARROW_ASSIGN_OR_RAISE(taken.version, RaisedVersion(table, taken, 1));
    const arrow::Status put = file::PutNew(fs, file::JoinPath(table, path_of(taken.version)), text);
    if (put.ok()) return taken.version;
    if (!IsKind(put, ErrorKind::kAlreadyExists)) return file::NotYetCommitted(put);
  }
}

arrow::Result<SourceDescription> ReadSourceDescription(file::FileSystem& fs, const std::string& table,
                                                       const delta::Snapshot& snapshot,
                                                       const std::string& id) {
  const std::string path = file::JoinPath(table, SourceDescriptionPath(snapshot, id));
  if (!IsSourceId(id)) {
    return CorruptData(
        fmt::format("{}: describes the source {}; expected an id of 32 hexadecimal digits, with .2 or more "
                    "behind them where the same bytes were ingested again",
                    path, Quoted(id)),
        "Marquet gives no such id: the name of this file, or the tag of a data file in the log, comes from "
        "elsewhere. Bring the table back from a copy.");
  }
  ARROW_ASSIGN_OR_RAISE(std::string text, file::ReadAll(fs, path));
  ARROW_ASSIGN_OR_RAISE(auto description, SourceDescriptionFromJson(std::move(text), path));
  const std::string_view digest = std::string_view(id).substr(0, id.find('.'));
  if (description.id != id || description.digest != digest) {
    return CorruptData(fmt::format("{}: describes the source {} of the digest {}; expected {} of the digest "
                                   "{}, as the file's name says",
                                   path, Quoted(description.id), Quoted(description.digest), id, digest),
                       "The file was changed, or is another's under this name. Bring it back from a copy of "
                       "the table.");
  }
  return description;
}

arrow::Result<std::vector<std::string>> ListSourceDescriptions(file::FileSystem& fs,
                                                               const std::string& table) {
  const auto entries = fs.List(file::JoinPath(table, kDirectory));
  if (IsKind(entries.status(), ErrorKind::kNotFound)) return std::vector<std::string>{};
  ARROW_RETURN_NOT_OK(entries.status());
  std::vector<std::string> ids;
  for (const file::FileInfo& entry : *entries) {
    if (entry.path.starts_with('.') || !entry.path.ends_with(kEnding)) continue;
    ids.push_back(entry.path.substr(0, entry.path.size() - kEnding.size()));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

}  // namespace marquet::ledger

#include "marquet/jobs/ingest/batch_folder.h"

#include <algorithm>
#include <memory>
#include <optional>
#include <string_view>

#include <arrow/util/string.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/base/text.h"
#include "marquet/base/time.h"
#include "marquet/dbn/reader.h"
#include "marquet/ledger/json_file.h"

namespace marquet::jobs {
namespace {

constexpr std::string_view kInstrumentId = "instrument_id";

// {"filename": "day.dbn.zst", "size": 123, "hash": "sha256:..."}; size and hash of what is read alone.
struct ManifestEntry {
  std::string name, hash;
  int64_t size = 0;
};

class BatchFolder {
 public:
  BatchFolder(file::FileSystem& fs, const std::string& directory)
      : fs_(fs), directory_(directory), manifest_(file::JoinPath(directory, kManifestName)) {}

  arrow::Status Open() {
    ARROW_ASSIGN_OR_RAISE(std::string text, file::ReadAll(fs_, manifest_));
    ARROW_ASSIGN_OR_RAISE(const auto file,
                          ledger::JsonFile::Parse(manifest_, "a batch folder's manifest", std::move(text)));
    file->root().At("files").ForEach([&](const ledger::JsonField& entry) {
      ManifestEntry listed{entry.At("filename").String(), {}, 0};
      if (IsDbnName(listed.name) || listed.name == kSymbologyName || listed.name == kConditionName) {
        listed.hash = entry.At("hash").String();
        listed.size = entry.At("size").Integer<int64_t>();
      }
      entries_.push_back(std::move(listed));
    });
    return file->status();
  }

  const std::vector<ManifestEntry>& entries() const { return entries_; }

  arrow::Result<SourceFile> SourceOf(const ManifestEntry& entry, const SourceFile& common) const {
    if (entry.name.find('/') != std::string::npos) {
      return CorruptData(
          fmt::format("{}: lists {}, which is no name of a file beside it", manifest_, Quoted(entry.name)));
    }
    SourceFile source = common;
    source.path = file::JoinPath(directory_, entry.name);
    const auto info = fs_.Stat(source.path);
    if (!info.ok()) return WithContext(info.status(), manifest_ + " lists a file that is not there");
    ARROW_RETURN_NOT_OK(CheckSize(entry, source.path, info->size));
    ARROW_ASSIGN_OR_RAISE(source.sha256, HashOf(entry));
    return source;
  }

  // One of the files that describe the others: nothing where there is none, and the manifest lists none.
  arrow::Result<std::unique_ptr<ledger::JsonFile>> ReadIfThere(const char* name, std::string what) const {
    const std::string path = file::JoinPath(directory_, name);
    const auto entry = std::find_if(entries_.begin(), entries_.end(),
                                    [&](const ManifestEntry& each) { return each.name == name; });
    auto text = file::ReadAll(fs_, path);
    if (IsKind(text.status(), ErrorKind::kNotFound)) {
      if (entry == entries_.end()) return nullptr;
      return WithContext(text.status(), manifest_ + " lists a file that is not there");
    }
    ARROW_RETURN_NOT_OK(text.status());
    if (entry != entries_.end()) {
      ARROW_RETURN_NOT_OK(CheckSize(*entry, path, static_cast<int64_t>(text->size())));
      ARROW_ASSIGN_OR_RAISE(const std::string expected, HashOf(*entry));
      Sha256Digest digest;
      digest.Update(text->data(), static_cast<int64_t>(text->size()));
      if (const std::string hash = digest.Hex(); hash != expected) {
        return CorruptData(fmt::format("{}: has the SHA-256 {}; {} says {}", path, hash, manifest_, expected),
                           "download the file again");
      }
    }
    return ledger::JsonFile::Parse(path, std::move(what), *std::move(text));
  }

 private:
  arrow::Status CheckSize(const ManifestEntry& entry, const std::string& path, int64_t size) const {
    if (size == entry.size) return arrow::Status::OK();
    return CorruptData(fmt::format("{}: has {} bytes; {} says {}", path, WithCommas(size), manifest_,
                                   WithCommas(entry.size)),
                       "download the file again");
  }

  arrow::Result<std::string> HashOf(const ManifestEntry& entry) const {
    constexpr std::string_view kSha256 = "sha256:";
    if (entry.hash.starts_with(kSha256))
      return arrow::internal::AsciiToLower(entry.hash.substr(kSha256.size()));
    return Unsupported(fmt::format("{}: gives the hash {}; sha256 is known", manifest_, Quoted(entry.hash)));
  }

  file::FileSystem& fs_;
  const std::string& directory_;
  const std::string manifest_;
  std::vector<ManifestEntry> entries_;
};

void AddNote(SourceFile* source, const std::string& text) {
  if (text.empty()) return;
  source->note += (source->note.empty() ? "" : "; ") + text;
}

int32_t DateOf(const ledger::JsonField& json) {
  const auto date = ParseDate(json.String());
  if (date.ok()) return *date;
  json.Fail("a date such as 2024-01-02");
  return 0;
}

// Databento reads "instrument-id" and "INSTRUMENT_ID", too.
std::string StypeOf(const ledger::JsonField& json) {
  std::string stype = arrow::internal::AsciiToLower(json.String());
  std::replace(stype.begin(), stype.end(), '-', '_');
  return stype;
}

// One interval as symbol -> id; nothing where a symbol was not resolved.
void AddInterval(std::string_view key, const ledger::JsonField& interval, bool keys_are_ids,
                 std::vector<dbn::SymbolMapping>* mappings) {
  const int32_t start = DateOf(interval.At("d0")), end = DateOf(interval.At("d1"));
  const ledger::JsonField other = interval.At("s");
  const std::string value = other.String();
  if (value.empty() || key.empty()) return;
  const std::string_view id = keys_are_ids ? key : std::string_view(value);
  if (!dbn::ParseInstrumentId(id)) {
    const ledger::JsonField& place = keys_are_ids ? interval : other;
    return place.Fail(fmt::format("an instrument id such as 5482{}, as stype_{} says",
                                  keys_are_ids ? " in place of " + Quoted(key) : std::string(),
                                  keys_are_ids ? "in" : "out"));
  }
  mappings->push_back({keys_are_ids ? value : std::string(key), {{start, end, std::string(id)}}});
}

// {"result": {"ESH4": [{"d0": "2024-01-02", "d1": "2024-01-03", "s": "17077"}]}, "stype_in": "raw_symbol",
// "stype_out": "instrument_id"}
arrow::Status AddSymbology(const BatchFolder& folder, SourceFile* common) {
  ARROW_ASSIGN_OR_RAISE(const auto file, folder.ReadIfThere(kSymbologyName, "a symbology file"));
  if (file == nullptr) return arrow::Status::OK();
  std::string stype_in, stype_out;
  file->root().ForEachMember([&](std::string_view name, const ledger::JsonField& member) {
    if (name == "stype_in") stype_in = StypeOf(member);
    if (name == "stype_out") stype_out = StypeOf(member);
  });
  const bool keys_are_ids = stype_in == kInstrumentId;
  std::vector<dbn::SymbolMapping> mappings;
  const bool names_ids = keys_are_ids || stype_out == kInstrumentId || stype_out.empty();
  file->root().At("result").ForEachMember([&](std::string_view key, const ledger::JsonField& intervals) {
    if (!names_ids) return;
    intervals.ForEach(
        [&](const ledger::JsonField& interval) { AddInterval(key, interval, keys_are_ids, &mappings); });
  });
  ARROW_RETURN_NOT_OK(file->status());
  common->mappings = std::make_shared<const std::vector<dbn::SymbolMapping>>(std::move(mappings));
  if (!names_ids) {
    AddNote(common, fmt::format("symbology.json maps {} to {}, and so no instrument ids: it was not used",
                                Quoted(stype_in), Quoted(stype_out)));
  }
  return arrow::Status::OK();
}

// [{"date": "2024-01-02", "condition": "available"}]
arrow::Status AddCondition(const BatchFolder& folder, SourceFile* common) {
  ARROW_ASSIGN_OR_RAISE(const auto file, folder.ReadIfThere(kConditionName, "a condition file"));
  if (file == nullptr) return arrow::Status::OK();
  std::string note;
  file->root().ForEach([&](const ledger::JsonField& day) {
    const std::string condition = day.At("condition").String();
    if (condition == "available") return;
    note += fmt::format("{}{} is {}", note.empty() ? "" : ", ", day.At("date").String(), condition);
  });
  ARROW_RETURN_NOT_OK(file->status());
  AddNote(common, note);
  return arrow::Status::OK();
}

}  // namespace

arrow::Status FindInBatch(file::FileSystem& fs, const std::string& directory, std::vector<SourceFile>* found,
                          std::vector<std::string>* names) {
  BatchFolder folder(fs, directory);
  ARROW_RETURN_NOT_OK(folder.Open());
  SourceFile common;
  ARROW_RETURN_NOT_OK(AddSymbology(folder, &common));
  ARROW_RETURN_NOT_OK(AddCondition(folder, &common));
  names->insert(names->end(), {kManifestName, kSymbologyName, kConditionName});
  std::vector<SourceFile> files;
  for (const ManifestEntry& entry : folder.entries()) {
    names->push_back(entry.name);
    if (!IsDbnName(entry.name)) continue;
    ARROW_ASSIGN_OR_RAISE(auto source, folder.SourceOf(entry, common));
    files.push_back(std::move(source));
  }
  if (files.empty()) {
    return NotFound(file::JoinPath(directory, kManifestName) + ": lists no DBN files");
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
  std::move(files.begin(), files.end(), std::back_inserter(*found));
  return arrow::Status::OK();
}

}  // namespace marquet::jobs

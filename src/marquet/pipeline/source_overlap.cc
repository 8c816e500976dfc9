#include "marquet/pipeline/source_overlap.h"

#include <set>

#include <arrow/scalar.h>

#include "marquet/base/error.h"
#include "marquet/delta/statistics.h"

namespace marquet::pipeline {
namespace {

std::string SourceOf(const delta::AddFile& file) {
  const auto tag = file.tags.find(kSourceTag);
  return tag == file.tags.end() ? std::string() : tag->second;
}

bool IsOfDigest(const std::string& id, const std::string& digest) {
  return id == digest || (id.starts_with(digest) && id[digest.size()] == '.');
}

bool ValueFits(const delta::PartitionValues& values, const char* column,
               const std::optional<std::string>& wanted) {
  const auto value = values.find(column);
  return value == values.end() || value->second == wanted;
}

// The range of `ts` by the file's statistics; all times where they do not say.
SourceRange TimesOf(const delta::AddFile& file, const arrow::Schema& schema) {
  SourceRange all{INT64_MIN, INT64_MAX, 0};
  const auto statistics = delta::StatisticsFromJson(file.stats, schema);
  if (!statistics.ok()) return all;  // no statistics prove nothing
  for (const pq::ColumnStatistics& column : statistics->columns) {
    if (column.name != "ts") continue;
    const auto value = [](const std::shared_ptr<arrow::Scalar>& scalar) -> std::optional<int64_t> {
      if (scalar == nullptr || !scalar->is_valid || scalar->type->id() != arrow::Type::TIMESTAMP) return {};
      return static_cast<const arrow::TimestampScalar&>(*scalar).value;
    };
    all.first_us = value(column.min).value_or(all.first_us);
    all.last_us = value(column.max).value_or(all.last_us);
  }
  return all;
}

// By the files' statistics; those of a file without any are not counted.
int64_t RowsOf(const std::vector<std::shared_ptr<const delta::AddFile>>& files, const arrow::Schema& schema) {
  int64_t rows = 0;
  for (const auto& file : files) {
    const auto statistics = delta::StatisticsFromJson(file->stats, schema);
    if (statistics.ok()) rows += statistics->rows.value_or(0);
  }
  return rows;
}

bool MayMeet(const delta::AddFile& file, const SourceRange& times,
             const std::map<RangeKey, SourceRange>& ranges) {
  for (const auto& [key, range] : ranges) {
    if (range.Intersects(times) && ValueFits(file.partition_values, "symbol", key.first) &&
        ValueFits(file.partition_values, "date", key.second)) {
      return true;
    }
  }
  return false;
}

}  // namespace

std::vector<std::shared_ptr<const delta::AddFile>> FilesOfSource(const delta::Snapshot& snapshot,
                                                                 const std::string& id) {
  std::vector<std::shared_ptr<const delta::AddFile>> files;
  for (const auto& file : snapshot.files) {
    if (SourceOf(*file) == id) files.push_back(file);
  }
  return files;
}

std::string RangeName(const RangeKey& key) {
  return (key.first ? *key.first : "rows without a symbol") +
         (key.second ? " on " + *key.second : " without a date");
}

arrow::Result<std::vector<Overlap>> FindOverlaps(file::FileSystem& fs, const std::string& table,
                                                 const delta::Snapshot& snapshot,
                                                 const std::map<RangeKey, SourceRange>& ranges,
                                                 const std::string& digest, SameBytes same_bytes) {
  const bool with_own = same_bytes == SameBytes::kOverlap;
  std::set<std::string> candidates;
  std::set<std::optional<std::string>> dates;
  bool unmarked = false;  // rows of any source may be in files that no source marks
  for (const auto& [key, range] : ranges) dates.insert(key.second);
  for (const auto& file : snapshot.files) {
    const std::string id = SourceOf(*file);
    if (id.empty() ? unmarked : candidates.contains(id)) continue;
    if (IsOfDigest(id, digest)) {
      if (with_own) candidates.insert(id);
      continue;
    }
    const auto date = file->partition_values.find("date");
    if (date != file->partition_values.end() && !dates.contains(date->second)) continue;
    if (!MayMeet(*file, TimesOf(*file, *snapshot.schema), ranges)) continue;
    if (id.empty()) {
      unmarked = true;
    } else {
      candidates.insert(id);
    }
  }
  if (unmarked) {
    ARROW_ASSIGN_OR_RAISE(const auto ids, ListSourceDescriptions(fs, table));
    for (const std::string& id : ids) {
      const auto* stored = snapshot.transactions.Find(SourceAppId(id.substr(0, id.find('.'))));
      const bool ingested = stored != nullptr && stored->version % 2 == 1;
      if (ingested && (with_own || !IsOfDigest(id, digest))) candidates.insert(id);
    }
  }
  std::vector<Overlap> overlaps;
  for (const std::string& id : candidates) {
    Overlap overlap;
    ARROW_ASSIGN_OR_RAISE(overlap.source, ReadSourceDescription(fs, table, id));
    for (const auto& [key, range] : ranges) {
      const auto theirs = overlap.source.ranges.find(key);
      if (theirs == overlap.source.ranges.end()) continue;
      if (!IsOfDigest(id, digest) && !theirs->second.Intersects(range)) continue;
      overlap.where = key;
      overlap.range = theirs->second;
      overlap.files = FilesOfSource(snapshot, id);
      overlap.apart = !unmarked || RowsOf(overlap.files, *snapshot.schema) == overlap.source.rows;
      overlaps.push_back(std::move(overlap));
      break;
    }
  }
  return overlaps;
}

}  // namespace marquet::pipeline

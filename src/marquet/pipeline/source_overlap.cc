#include "marquet/pipeline/source_overlap.h"

#include <algorithm>
#include <set>
#include <tuple>

#include <arrow/scalar.h>
#include <arrow/type.h>

#include "marquet/base/error.h"
#include "marquet/base/time.h"
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

// The range of `ts` by the file's statistics, in microseconds; all times where they do not say.
std::pair<int64_t, int64_t> MicrosOf(const delta::AddFile& file, const arrow::Schema& schema) {
  std::pair<int64_t, int64_t> all(INT64_MIN, INT64_MAX);
  const auto statistics = delta::StatisticsOf(file, schema);
  if (!statistics.ok()) return all;  // no statistics prove nothing
  for (const pq::ColumnStatistics& column : statistics->columns) {
    if (column.name != "ts") continue;
    const auto value = [](const std::shared_ptr<arrow::Scalar>& scalar) -> std::optional<int64_t> {
      if (scalar == nullptr || !scalar->is_valid || scalar->type->id() != arrow::Type::TIMESTAMP) return {};
      return static_cast<const arrow::TimestampScalar&>(*scalar).value;
    };
    all = {value(column.min).value_or(all.first), value(column.max).value_or(all.second)};
  }
  return all;
}

// By the files' statistics; those of a file without any that can be relied on are not counted.
int64_t RowsOf(const std::vector<std::shared_ptr<const delta::AddFile>>& files, const arrow::Schema& schema) {
  int64_t rows = 0;
  for (const auto& file : files) {
    const auto statistics = delta::StatisticsOf(*file, schema);
    if (statistics.ok() && statistics->decide) rows += statistics->rows.value_or(0);
  }
  return rows;
}

bool MayMeet(const delta::AddFile& file, const arrow::Schema& schema, const SourceRanges& ranges) {
  std::optional<std::pair<int64_t, int64_t>> micros;  // read where the partition alone does not tell
  for (const auto& [key, of_key] : ranges) {
    if (!MayHold(file, key)) continue;
    if (!micros) micros = MicrosOf(file, schema);
    for (const SourceRange& range : of_key) {
      if (range.has_times() && FloorDiv(range.first_ns, 1'000) <= micros->second &&
          micros->first <= FloorDiv(range.last_ns, 1'000)) {
        return true;
      }
    }
  }
  return false;
}

const pq::ColumnStatistics* Find(const delta::FileStatistics& statistics, const std::string& name) {
  for (const pq::ColumnStatistics& column : statistics.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

// The least and the greatest value of an integer column without nulls.
std::optional<std::pair<int64_t, int64_t>> WholeBounds(const delta::FileStatistics& statistics,
                                                       const std::string& name) {
  const pq::ColumnStatistics* column = Find(statistics, name);
  if (column == nullptr || column->null_count != 0) return std::nullopt;
  const auto value = [](const std::shared_ptr<arrow::Scalar>& scalar) -> std::optional<int64_t> {
    if (scalar == nullptr || !scalar->is_valid) return std::nullopt;
    switch (scalar->type->id()) {
      case arrow::Type::INT16:
        return static_cast<const arrow::Int16Scalar&>(*scalar).value;
      case arrow::Type::INT32:
        return static_cast<const arrow::Int32Scalar&>(*scalar).value;
      case arrow::Type::INT64:
        return static_cast<const arrow::Int64Scalar&>(*scalar).value;
      default:
        return std::nullopt;
    }
  };
  const auto least = value(column->min), greatest = value(column->max);
  if (!least || !greatest) return std::nullopt;
  return std::pair(*least, *greatest);
}

// Narrows the range of a symbol and date, of which a description of the first format says microseconds and
// no publisher, where all files of the source that may hold such rows hold nothing else.
void Narrow(const RangeKey& key, const std::vector<std::shared_ptr<const delta::AddFile>>& files,
            const arrow::Schema& schema, SourceRange* range) {
  std::optional<SourceRange> all;
  for (const auto& file : files) {
    if (!MayHold(*file, key)) continue;
    const FileBounds bounds = BoundsOf(*file, schema);
    if (!bounds.key || !bounds.range) return;
    if (!all) {
      all = bounds.range;
      continue;
    }
    if (all->publisher != bounds.range->publisher) all->publisher.reset();
    if (all->rtype != bounds.range->rtype) all->rtype.reset();
    all->first_ns = std::min(all->first_ns, bounds.range->first_ns);
    all->last_ns = std::max(all->last_ns, bounds.range->last_ns);
  }
  if (!all) return;
  range->publisher = all->publisher;
  range->rtype = all->rtype;
  range->first_ns = std::max(range->first_ns, all->first_ns);
  range->last_ns = std::min(range->last_ns, all->last_ns);
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

bool MayHold(const delta::AddFile& file, const RangeKey& key) {
  return ValueFits(file.partition_values, "symbol", key.first) &&
         ValueFits(file.partition_values, "date", key.second);
}

FileBounds BoundsOf(const delta::AddFile& file, const arrow::Schema& schema) {
  FileBounds bounds;
  const auto symbol = file.partition_values.find("symbol"), date = file.partition_values.find("date");
  if (symbol != file.partition_values.end() && date != file.partition_values.end()) {
    bounds.key = RangeKey(symbol->second, date->second);
  }
  const auto statistics = delta::StatisticsOf(file, schema);
  if (!statistics.ok() || !statistics->decide || !statistics->rows) return bounds;
  const bool received = schema.GetFieldIndex("ts_recv") >= 0;
  const auto times = WholeBounds(*statistics, received ? "ts_recv" : "ts_event");
  if (!times) return bounds;
  bounds.range.emplace();
  std::tie(bounds.range->first_ns, bounds.range->last_ns) = *times;
  bounds.range->rows = *statistics->rows;
  const auto publisher = WholeBounds(*statistics, "publisher_id"), rtype = WholeBounds(*statistics, "rtype");
  if (publisher && publisher->first == publisher->second) {
    bounds.range->publisher = static_cast<int32_t>(publisher->first);
  }
  if (rtype && rtype->first == rtype->second) bounds.range->rtype = static_cast<int32_t>(rtype->first);
  return bounds;
}

std::vector<RangeOverlap> OverlapsOf(const SourceDescription& ours, const SourceDescription& theirs,
                                     Intent intent) {
  std::vector<RangeOverlap> overlaps;
  const std::string &data_set = ours.summary.metadata.dataset, &other = theirs.summary.metadata.dataset;
  if (ours.kind != theirs.kind || (!data_set.empty() && !other.empty() && data_set != other)) return overlaps;
  for (const auto& [key, of_key] : ours.ranges) {
    const auto found = theirs.ranges.find(key);
    if (found == theirs.ranges.end()) continue;
    for (const SourceRange& range : of_key) {
      for (const SourceRange& filled : found->second) {
        const Meeting meeting = MeetingOf(range, filled, ours.kind);
        // One of them is of that time alone, so it lies within the other.
        const bool within = range.first_ns == range.last_ns || filled.first_ns == filled.last_ns;
        if (meeting == Meeting::kOverlap ||
            (meeting == Meeting::kTouch && intent == Intent::kReplace && within)) {
          overlaps.push_back({key, range, filled});
        }
      }
    }
  }
  return overlaps;
}

arrow::Result<std::vector<Overlap>> FindOverlaps(file::FileSystem& fs, const std::string& table,
                                                 const delta::Snapshot& snapshot,
                                                 const SourceDescription& incoming, Intent intent) {
  const bool with_own = intent == Intent::kReplace;
  std::set<std::string> candidates;
  std::set<std::optional<std::string>> dates;
  bool unmarked = false;  // rows of any source may be in files that no source marks
  for (const auto& [key, range] : incoming.ranges) dates.insert(key.second);
  for (const auto& file : snapshot.files) {
    const std::string id = SourceOf(*file);
    if (id.empty() ? unmarked : candidates.contains(id)) continue;
    if (IsOfDigest(id, incoming.digest)) {
      if (with_own) candidates.insert(id);
      continue;
    }
    const auto date = file->partition_values.find("date");
    if (date != file->partition_values.end() && !dates.contains(date->second)) continue;
    if (!MayMeet(*file, *snapshot.schema, incoming.ranges)) continue;
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
      if (ingested && (with_own || !IsOfDigest(id, incoming.digest))) candidates.insert(id);
    }
  }
  std::vector<Overlap> overlaps;
  for (const std::string& id : candidates) {
    Overlap overlap;
    ARROW_ASSIGN_OR_RAISE(overlap.source, ReadHeldSource(fs, table, snapshot, id));
    overlap.files = FilesOfSource(snapshot, id);
    overlap.same_bytes = IsOfDigest(id, incoming.digest);
    overlap.apart = !unmarked || RowsOf(overlap.files, *snapshot.schema) == overlap.source.description.rows;
    if (!overlap.same_bytes) {
      for (auto& [key, of_key] : overlap.source.description.ranges) {
        if (!overlap.apart) break;
        for (SourceRange& range : of_key) {
          if (!range.publisher && incoming.ranges.contains(key)) {
            Narrow(key, overlap.files, *snapshot.schema, &range);
          }
        }
      }
      overlap.ranges = OverlapsOf(incoming, overlap.source.description, intent);
      if (overlap.ranges.empty()) continue;
    }
    overlaps.push_back(std::move(overlap));
  }
  return overlaps;
}

}  // namespace marquet::pipeline

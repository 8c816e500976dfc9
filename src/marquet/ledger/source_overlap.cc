#include "marquet/ledger/source_overlap.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

#include <arrow/scalar.h>
#include <arrow/type.h>

#include "marquet/base/error.h"
#include "marquet/base/time.h"
#include "marquet/delta/statistics.h"
#include "marquet/ledger/range_search.h"
#include "marquet/schema/column_statistics.h"

namespace marquet::ledger {
namespace {

bool ValueFits(const delta::PartitionValues& values, const char* column,
               const std::optional<std::string>& wanted) {
  const auto value = values.find(column);
  return value == values.end() || value->second == wanted;
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

const schema::ColumnStatistics* Find(const delta::FileStatistics& statistics, const std::string& name) {
  for (const schema::ColumnStatistics& column : statistics.columns) {
    if (column.name == name) return &column;
  }
  return nullptr;
}

// The least and the greatest value of an integer column without nulls.
std::optional<std::pair<int64_t, int64_t>> WholeBounds(const delta::FileStatistics& statistics,
                                                       const std::string& name) {
  const schema::ColumnStatistics* column = Find(statistics, name);
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
// no publisher, and early ones no instrument, where all files of the source that may hold such rows hold
// nothing else.
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
    if (all->instrument != bounds.range->instrument) all->instrument.reset();
    all->first_ns = std::min(all->first_ns, bounds.range->first_ns);
    all->last_ns = std::max(all->last_ns, bounds.range->last_ns);
  }
  if (!all) return;
  if (!range->publisher) range->publisher = all->publisher;
  if (!range->rtype) range->rtype = all->rtype;
  if (!range->instrument) range->instrument = all->instrument;
  range->first_ns = std::max(range->first_ns, all->first_ns);
  range->last_ns = std::min(range->last_ns, all->last_ns);
}

// The ranges of one symbol and date, by publisher, type of record and instrument, so that those of a time are
// found without looking at all.
class RangesByKind {
 public:
  explicit RangesByKind(const std::vector<SourceRange>& ranges) {
    for (size_t i = 0; i < ranges.size(); ++i) {
      if (!ranges[i].has_times()) continue;
      ByKind& of_instrument = by_instrument_[ranges[i].instrument];
      of_instrument[{ranges[i].publisher, ranges[i].rtype}].Add(ranges[i].first_ns, ranges[i].last_ns, i);
    }
  }

  // The places of those that may be of the same publisher, type and instrument and have a time in common,
  // ascending.
  std::vector<size_t> Meeting(const SourceRange& range) const {
    std::vector<size_t> places;
    if (!range.has_times()) return places;
    if (!range.instrument) {  // it may be of any; of rows with a symbol there is no other
      for (const auto& [instrument, by_kind] : by_instrument_) Look(by_kind, range, &places);
    } else {
      for (const std::optional<int64_t> instrument : {range.instrument, std::optional<int64_t>()}) {
        const auto by_kind = by_instrument_.find(instrument);
        if (by_kind != by_instrument_.end()) Look(by_kind->second, range, &places);
      }
    }
    std::sort(places.begin(), places.end());
    return places;
  }

 private:
  using Kind = std::pair<std::optional<int32_t>, std::optional<int32_t>>;
  using ByKind = std::map<Kind, RangeSearch<size_t>>;

  static void Look(const ByKind& by_kind, const SourceRange& range, std::vector<size_t>* places) {
    const auto look = [&](const auto& ranges) {
      ranges.ForEachMeeting(range.first_ns, range.last_ns, [&](size_t place) { places->push_back(place); });
    };
    if (!range.publisher || !range.rtype) {  // it may be of any
      for (const auto& [kind, ranges] : by_kind) look(ranges);
      return;
    }
    const std::set<Kind> kinds = {{range.publisher, range.rtype},
                                  {range.publisher, std::nullopt},
                                  {std::nullopt, range.rtype},
                                  {std::nullopt, std::nullopt}};
    for (const Kind& kind : kinds) {
      const auto ranges = by_kind.find(kind);
      if (ranges != by_kind.end()) look(ranges->second);
    }
  }

  std::map<std::optional<int64_t>, ByKind> by_instrument_;
};

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
  const auto instrument = WholeBounds(*statistics, "instrument_id");
  if (bounds.key && !bounds.key->first && instrument && instrument->first == instrument->second) {
    bounds.range->instrument = instrument->first;
  }
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
    const RangesByKind filled(found->second);
    for (const SourceRange& range : of_key) {
      for (const size_t place : filled.Meeting(range)) {
        const SourceRange& there = found->second[place];
        const Meeting meeting = MeetingOf(range, there, ours.kind);
        // One of them is of that time alone, so it lies within the other.
        const bool within = range.first_ns == range.last_ns || there.first_ns == there.last_ns;
        if (meeting == Meeting::kOverlap ||
            (meeting == Meeting::kTouch && intent == Intent::kReplace && within)) {
          overlaps.push_back({key, range, there});
        }
      }
    }
  }
  return overlaps;
}

arrow::Result<std::vector<Overlap>> FindOverlaps(file::FileSystem& fs, const std::string& table,
                                                 const std::shared_ptr<const delta::Snapshot>& snapshot,
                                                 const SourceDescription& incoming, Intent intent,
                                                 bool with_own, SourceIndex* index) {
  index->Update(snapshot);
  auto [candidates, unmarked] = index->MayMeet(incoming.ranges);
  if (unmarked) {
    ARROW_ASSIGN_OR_RAISE(const auto ids, ListSourceDescriptions(fs, table));
    for (const std::string& id : ids) {
      const auto* stored = snapshot->transactions.Find(SourceAppId(id.substr(0, id.find('.'))));
      if (stored != nullptr && stored->version % 2 == 1) candidates.insert(id);
    }
  }
  if (with_own) {
    const auto own = index->IdsOf(incoming.digest);
    candidates.insert(own.begin(), own.end());
  } else {
    std::erase_if(candidates, [&](const std::string& id) { return IsIngestOf(id, incoming.digest); });
  }
  std::vector<Overlap> overlaps;
  for (const std::string& id : candidates) {
    Overlap overlap;
    ARROW_ASSIGN_OR_RAISE(overlap.source, ReadHeldSource(fs, table, *snapshot, id));
    overlap.files = index->FilesOf(id);
    overlap.same_bytes = IsIngestOf(id, incoming.digest);
    overlap.apart = !unmarked || RowsOf(overlap.files, *snapshot->schema) == overlap.source.description.rows;
    if (!overlap.same_bytes) {
      for (auto& [key, of_key] : overlap.source.description.ranges) {
        if (!overlap.apart) break;
        for (SourceRange& range : of_key) {
          const bool is_early = !range.publisher || (!key.first && !range.instrument);
          if (is_early && incoming.ranges.contains(key)) {
            Narrow(key, overlap.files, *snapshot->schema, &range);
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

}  // namespace marquet::ledger

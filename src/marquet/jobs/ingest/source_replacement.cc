#include "marquet/jobs/ingest/source_replacement.h"

#include <algorithm>
#include <array>
#include <functional>

#include <arrow/api.h>
#include <arrow/compute/api.h>
#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/ledger/data_file.h"

namespace marquet::jobs {
namespace {

constexpr int64_t kComparedRows = 32'768;
constexpr int kGoes = -1;

arrow::Status ForEachBatch(const table::Table& table, const ledger::SourceDescription& source,
                           const delta::AddFile& file, const std::function<bool(const std::string&)>& wants,
                           const StopFlag* stop,
                           const std::function<arrow::Status(const arrow::RecordBatch&)>& sink) {
  ARROW_ASSIGN_OR_RAISE(
      const auto rows,
      ledger::ReadDataFile(table.fs(), table.path(), *table.snapshot(), file,
                           {source.kind, source.summary.metadata.version}, wants, kComparedRows));
  while (true) {
    if (stop != nullptr) ARROW_RETURN_NOT_OK(stop->Check());
    std::shared_ptr<arrow::RecordBatch> batch;
    ARROW_RETURN_NOT_OK(rows->ReadNext(&batch));
    if (batch == nullptr) return arrow::Status::OK();
    ARROW_RETURN_NOT_OK(WithContext(sink(*batch), file::JoinPath(table.path(), file.path)));
  }
}

bool IsPlace(const std::string& column) {
  static constexpr std::array kPlaces = {"symbol",        "date",    "publisher_id", "rtype",
                                         "instrument_id", "ts_recv", "ts_event"};
  return std::find(kPlaces.begin(), kPlaces.end(), column) != kPlaces.end();
}

// The columns of records in the order in which a source brings them, which digests depend on.
arrow::Result<std::shared_ptr<arrow::RecordBatch>> AsBrought(const arrow::RecordBatch& batch,
                                                             dbn::RecordKind kind) {
  std::vector<int> columns;
  for (const auto& field : dbn::TableSchema(kind, true)->fields()) {
    const int column = batch.schema()->GetFieldIndex(field->name());
    if (column >= 0) columns.push_back(column);
  }
  return batch.SelectColumns(columns);
}

}  // namespace

// Tells of each row whether it goes and, where it stays, behind how many of the ranges that went it lies.
class SourceReplacement::Cutter {
 public:
  Cutter(const std::vector<ledger::ReplacedRange>& before, const std::vector<ledger::ReplacedRange>& cuts) {
    for (const ledger::ReplacedRange& cut : cuts) ranges_[cut.where][cut.instrument].push_back({&cut, true});
    for (const ledger::ReplacedRange& cut : before) {
      const auto key = ranges_.find(cut.where);
      if (key != ranges_.end()) key->second[cut.instrument].push_back({&cut, false});
    }
  }

  // kGoes, or the part. `goes(row, cut)` is called of rows that go.
  template <typename Goes>
  arrow::Status PartsOf(const arrow::RecordBatch& batch, std::vector<int>* parts, Goes&& goes) const {
    ARROW_ASSIGN_OR_RAISE(const ledger::RecordPlaces places, ledger::RecordPlaces::Of(batch));
    parts->assign(static_cast<size_t>(batch.num_rows()), 0);
    const RangesOfKey* of_key = nullptr;
    for (int64_t row = 0; row < batch.num_rows(); ++row) {
      if (row == 0 || !places.SameKey(row, row - 1)) {
        const auto found = ranges_.find(places.KeyAt(row));
        of_key = found == ranges_.end() ? nullptr : &found->second;
      }
      const auto time = of_key == nullptr ? std::nullopt : places.TimeAt(row);
      if (!time) continue;
      int& part = (*parts)[static_cast<size_t>(row)];
      const auto cut_by = [&](std::optional<int64_t> instrument) {
        const auto ranges = of_key->find(instrument);
        if (ranges == of_key->end()) return false;
        for (const auto& [range, is_new] : ranges->second) {
          if (range->publisher != places.publisher(row) || range->rtype != places.rtype(row)) continue;
          if (is_new && range->first_ns <= *time && *time <= range->last_ns) {
            goes(*range);
            part = kGoes;
            return true;
          }
          part += range->first_ns < *time;
        }
        return false;
      };
      const auto instrument = places.InstrumentAt(row);
      if (!cut_by(std::nullopt) && instrument) cut_by(instrument);
    }
    return arrow::Status::OK();
  }

 private:
  struct Range {
    const ledger::ReplacedRange* range;
    bool is_new;
  };
  // By instrument; nothing: of rows with a symbol, and what early versions did not tell apart.
  using RangesOfKey = std::map<std::optional<int64_t>, std::vector<Range>>;
  std::map<ledger::RangeKey, RangesOfKey> ranges_;
};

arrow::Result<SourceReplacement> SourceReplacement::Plan(const table::Table& table, ledger::Overlap overlap,
                                                         std::string by, const StopFlag* stop) {
  if (!overlap.apart) {
    return Unsupported(
        fmt::format("{}: cannot take the place of {}, whose rows another engine has put into files with "
                    "other rows",
                    by, overlap.source.description.name),
        "pass --append-anyway (on_overlap=\"append\" in Python) to keep both, or ingest into another table");
  }
  SourceReplacement plan;
  plan.table_ = &table;
  plan.stop_ = stop;
  plan.source_ = std::move(overlap.source);
  if (overlap.same_bytes) {
    for (const auto& file : overlap.files) plan.files_.push_back({file, 0, true});
    for (const auto& [key, of_key] : plan.source_.description.ranges) {
      for (const ledger::SourceRange& range : of_key) plan.gone_[key] += range.rows;
    }
    plan.source_.description.rows = 0;
    return plan;
  }
  for (const ledger::RangeOverlap& range : overlap.ranges) {
    plan.cuts_.push_back({by, range.where, *range.ours.publisher, *range.ours.rtype,
                          std::max(range.ours.first_ns, range.theirs.first_ns),
                          std::min(range.ours.last_ns, range.theirs.last_ns), 0, range.ours.instrument});
  }
  for (const auto& file : overlap.files) {
    const bool may_hold = std::any_of(plan.cuts_.begin(), plan.cuts_.end(),
                                      [&](const auto& cut) { return ledger::MayHold(*file, cut.where); });
    if (may_hold) plan.files_.push_back({file, 0, false});
  }
  ARROW_RETURN_NOT_OK(plan.Count());
  return plan;
}

arrow::Status SourceReplacement::Count() {
  const Cutter cutter(source_.replaced, cuts_);
  for (File& file : files_) ARROW_RETURN_NOT_OK(CountIn(&file, cutter));
  source_.description.rows -= total();
  if (source_.description.rows < 0) {
    return CorruptData(fmt::format("{}: {} rows of {} come again, which are more than it is known to have",
                                   table_->path(), total(), source_.description.name),
                       "'marquet history' tells what changed the table since");
  }
  CountLeft();
  return arrow::Status::OK();
}

void SourceReplacement::CountLeft() {
  for (const auto& [key, gone] : gone_) {
    const auto of_key = source_.description.ranges.find(key);
    if (of_key == source_.description.ranges.end()) continue;
    int64_t rows = 0;
    for (const ledger::SourceRange& range : of_key->second) {
      const bool comes =
          std::any_of(cuts_.begin(), cuts_.end(), [&, &where = key](const ledger::ReplacedRange& cut) {
            return cut.where == where && range.publisher.value_or(cut.publisher) == cut.publisher &&
                   range.rtype.value_or(cut.rtype) == cut.rtype &&
                   (!range.instrument || range.instrument == cut.instrument);
          });
      if (comes) rows += range.rows;
    }
    if (rows > gone) left_[key] = rows - gone;
  }
}

arrow::Status SourceReplacement::CountIn(File* file, const Cutter& cutter) {
  const ledger::FileBounds bounds = ledger::BoundsOf(*file->file, *table_->schema());
  for (ledger::ReplacedRange& cut : cuts_) {
    if (!bounds.key || *bounds.key != cut.where || !bounds.range ||
        bounds.range->publisher != cut.publisher || bounds.range->rtype != cut.rtype ||
        bounds.range->instrument != cut.instrument || bounds.range->first_ns < cut.first_ns ||
        bounds.range->last_ns > cut.last_ns) {
      continue;
    }
    file->goes = bounds.range->rows;
    file->all_goes = true;
    cut.rows += file->goes;
    gone_[cut.where] += file->goes;
    return arrow::Status::OK();
  }
  int64_t rows = 0;
  std::vector<int> parts;
  ARROW_RETURN_NOT_OK(ForEachBatch(
      *table_, source_.description, *file->file, IsPlace, stop_, [&](const arrow::RecordBatch& batch) {
        rows += batch.num_rows();
        return cutter.PartsOf(batch, &parts, [&](const ledger::ReplacedRange& cut) {
          cuts_[static_cast<size_t>(&cut - cuts_.data())].rows += 1;
          gone_[cut.where] += 1;
          file->goes += 1;
        });
      }));
  file->all_goes = file->goes == rows;
  return arrow::Status::OK();
}

int64_t SourceReplacement::total() const {
  int64_t rows = 0;
  for (const auto& [key, gone] : gone_) rows += gone;
  return rows;
}

arrow::Status SourceReplacement::Apply(table::Appender* append) {
  const Cutter cutter(source_.replaced, cuts_);
  std::map<int, ledger::RangeCounter> left;  // by part, none reaching across what the source did not have
  const ledger::BordersOf borders = ledger::BordersBetween(source_.description.ranges);
  std::vector<int> parts;
  const auto& partitions = table_->snapshot()->metadata.partition_columns;
  for (const File& file : files_) {
    if (file.goes > 0 || file.all_goes) append->Remove(file.file);
    if (file.all_goes) continue;
    ARROW_RETURN_NOT_OK(ForEachBatch(
        *table_, source_.description, *file.file, [](const std::string&) { return true; }, stop_,
        [&](const arrow::RecordBatch& batch) -> arrow::Status {
          ARROW_RETURN_NOT_OK(cutter.PartsOf(batch, &parts, [](const ledger::ReplacedRange&) {}));
          std::vector<int> numbers(parts);
          std::sort(numbers.begin(), numbers.end());
          numbers.erase(std::unique(numbers.begin(), numbers.end()), numbers.end());
          std::vector<int> stored(static_cast<size_t>(batch.num_columns()) - partitions.size());
          for (size_t i = 0; i < stored.size(); ++i) stored[i] = static_cast<int>(i);
          for (const int number : numbers) {
            if (number == kGoes) continue;
            arrow::BooleanBuilder chosen;
            ARROW_RETURN_NOT_OK(chosen.Reserve(batch.num_rows()));
            for (const int part : parts) chosen.UnsafeAppend(part == number);
            ARROW_ASSIGN_OR_RAISE(const auto mask, chosen.Finish());
            ARROW_ASSIGN_OR_RAISE(const auto filtered,
                                  arrow::compute::Filter(batch.Slice(0), arrow::Datum(mask)));
            const auto kept = filtered.record_batch();
            ARROW_ASSIGN_OR_RAISE(const auto brought, AsBrought(*kept, source_.description.kind));
            ARROW_RETURN_NOT_OK(left.try_emplace(number, borders).first->second.Add(*brought, false));
            if (file.goes == 0) continue;
            ARROW_ASSIGN_OR_RAISE(const auto rows, kept->SelectColumns(stored));
            ARROW_RETURN_NOT_OK(append->Keep(file.file, number, *rows));
          }
          return arrow::Status::OK();
        }));
  }
  for (const ledger::ReplacedRange& cut : cuts_) source_.description.ranges.erase(cut.where);
  for (const auto& [part, counter] : left) {
    for (const auto& [key, of_key] : counter.ranges()) {
      const bool is_cut = std::any_of(cuts_.begin(), cuts_.end(),
                                      [&where = key](const auto& cut) { return cut.where == where; });
      if (!is_cut) continue;
      auto& ranges = source_.description.ranges[key];
      ranges.insert(ranges.end(), of_key.begin(), of_key.end());
    }
  }
  for (const ledger::ReplacedRange& cut : cuts_) {
    if (cut.rows > 0) source_.replaced.push_back(cut);
  }
  return arrow::Status::OK();
}

}  // namespace marquet::jobs

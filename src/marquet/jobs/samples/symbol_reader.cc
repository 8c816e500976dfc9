#include "marquet/jobs/samples/symbol_reader.h"

#include <algorithm>

#include <fmt/format.h>

#include "arrow/api.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/int64_columns.h"
#include "marquet/depth/runs.h"

namespace marquet::jobs {

arrow::Result<SymbolReader> SymbolReader::Make(std::shared_ptr<table::Table> book, const std::string& where,
                                               int64_t memory, ProgressCallback progress,
                                               const StopFlag* stop) {
  SymbolReader reader;
  if (!where.empty()) {
    ARROW_ASSIGN_OR_RAISE(reader.where_, predicate::Predicate::Parse(where));
    ARROW_RETURN_NOT_OK(reader.where_.Bind(*book->schema()).status());  // sequences take what samples stored
  }
  ARROW_ASSIGN_OR_RAISE(reader.time_column_, sampling::TimeColumn(*book));
  ARROW_ASSIGN_OR_RAISE(reader.files_, sampling::BookFiles::Of(*book));
  reader.book_ = std::move(book);
  reader.memory_ = memory;
  reader.progress_ = std::move(progress);
  reader.stop_ = stop;
  return reader;
}

arrow::Result<sampling::BookSequence> SymbolReader::Open(const std::string& symbol,
                                                         std::vector<std::string> columns) const {
  return sampling::BookSequence::Open(*book_, files_, symbol, std::move(columns), stop_, where_);
}

arrow::Result<Quotes> SymbolReader::ReadQuotes(const std::string& symbol) const {
  std::vector<std::string> columns = {"bid_px_00", "ask_px_00", time_column_};
  for (const char* column : depth::kIdentityColumns) {
    if (book_->schema()->GetFieldByName(column)) columns.emplace_back(column);
  }
  ARROW_ASSIGN_OR_RAISE(auto sequence, Open(symbol, std::move(columns)));
  Quotes quotes;
  depth::RollFinder rolls;
  constexpr int64_t kBytesPerRow = 40;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, sequence.Next());
    if (!batch) {
      quotes.rolls = rolls.rolls();
      return quotes;
    }
    const auto known = static_cast<int64_t>(quotes.time.size());
    const auto known_rolls = static_cast<int64_t>(rolls.rolls().size());  // mostly none
    if ((known + batch->rows->num_rows()) * kBytesPerRow + known_rolls * 16 > memory_) {
      return InvalidInput(
          fmt::format("the best prices of {} take more than the budget of {} ({} bytes a row)",
                      Quoted(symbol), HumanBytes(memory_), kBytesPerRow),
          "Raise the memory budget.");
    }
    ARROW_RETURN_NOT_OK(depth::AppendPrices(*batch->rows->column(0), "bid_px_00", &quotes.bid));
    ARROW_RETURN_NOT_OK(depth::AppendPrices(*batch->rows->column(1), "ask_px_00", &quotes.ask));
    ARROW_RETURN_NOT_OK(depth::AppendTimes(*batch->rows->column(2), time_column_, &quotes.time));
    ARROW_RETURN_NOT_OK(WithContext(rolls.Append(*batch->rows), book_->path()));
    if (progress_) progress_({"read prices of " + symbol, static_cast<int64_t>(quotes.time.size()), 0, 0});
  }
}

arrow::Result<PickedRows> SymbolReader::Pick(const std::string& symbol,
                                             const std::vector<int64_t>& rows) const {
  PickedRows picked;
  ARROW_ASSIGN_OR_RAISE(auto sequence, Open(symbol, {"ts_event", "sequence", "source_row"}));
  int64_t first = 0;
  size_t next = 0;
  while (next < rows.size()) {
    ARROW_ASSIGN_OR_RAISE(const auto batch, sequence.Next());
    if (!batch) return RowsWentMissing(symbol);
    std::vector<int64_t> times, sequences, numbers;
    ARROW_RETURN_NOT_OK(depth::AppendIntegers(*batch->rows->column(0), "ts_event", 0, &times));
    ARROW_RETURN_NOT_OK(depth::AppendIntegers(*batch->rows->column(1), "sequence", 0, &sequences));
    ARROW_RETURN_NOT_OK(depth::AppendIntegers(*batch->rows->column(2), "source_row", 0, &numbers));
    const int64_t end = first + batch->rows->num_rows();
    for (; next < rows.size() && rows[next] < end; ++next) {
      const int64_t i = rows[next] - first;
      picked.times.push_back(times[i]);
      picked.sequences.push_back(sequences[i]);
      picked.source_rows.push_back(numbers[i]);
      picked.sources.push_back(batch->source);
    }
    first = end;
  }
  return picked;
}

size_t RowNames::PartOf(int64_t row) const {
  const auto next = std::upper_bound(parts.begin(), parts.end(), row,
                                     [](int64_t value, const Part& part) { return value < part.begin; });
  return static_cast<size_t>(next - parts.begin()) - 1;
}

arrow::Result<RowNames> SymbolReader::ReadNames(const std::string& symbol) const {
  ARROW_ASSIGN_OR_RAISE(auto sequence, Open(symbol, {"source_row"}));
  RowNames names;
  for (;;) {
    ARROW_ASSIGN_OR_RAISE(auto batch, sequence.Next());
    if (!batch) return names;
    if (names.parts.empty() || names.parts.back().source != batch->source) {
      names.parts.push_back({static_cast<int64_t>(names.source_rows.size()), std::move(batch->source)});
    }
    ARROW_RETURN_NOT_OK(depth::AppendIntegers(*batch->rows->column(0), "source_row", 0, &names.source_rows));
  }
}

arrow::Status SymbolReader::RowsWentMissing(const std::string& symbol) const {
  return CorruptData(fmt::format("{}: rows of {} went missing", book_->path(), Quoted(symbol)));
}

}  // namespace marquet::jobs

#include "marquet/ledger/source_ranges.h"

#include <algorithm>
#include <random>

#include <arrow/api.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "marquet/base/time.h"

namespace marquet::ledger {
namespace {

constexpr auto kTrades = dbn::RecordKind::kTrades;

SourceRange Range(int64_t first, int64_t last, std::vector<uint64_t> first_records = {1},
                  std::vector<uint64_t> last_records = {2}) {
  return {1, 0, first, last, 1, std::move(first_records), std::move(last_records)};
}

Meeting Meet(const SourceRange& one, const SourceRange& other, dbn::RecordKind kind = kTrades) {
  const Meeting meeting = MeetingOf(one, other, kind);
  EXPECT_EQ(meeting, MeetingOf(other, one, kind));
  return meeting;
}

TEST(MeetingTest, EndsAreIncluded) {
  EXPECT_EQ(Meet(Range(10, 20), Range(21, 30)), Meeting::kApart);
  EXPECT_EQ(Meet(Range(10, 20), Range(19, 30)), Meeting::kOverlap);
  EXPECT_EQ(Meet(Range(10, 20), Range(15, 15)), Meeting::kOverlap);
  EXPECT_EQ(Meet(Range(10, 20), SourceRange{1, 0}), Meeting::kApart);  // no times at all
}

TEST(MeetingTest, OneTimeWithoutACommonRecordIsATouch) {
  EXPECT_EQ(Meet(Range(10, 20, {1}, {2, 3}), Range(20, 30, {4, 5}, {6})), Meeting::kTouch);
  EXPECT_EQ(Meet(Range(10, 20, {1}, {2, 3}), Range(20, 30, {3, 4}, {6})), Meeting::kOverlap);
  EXPECT_EQ(Meet(Range(20, 20, {2}, {2}), Range(20, 20, {3}, {3})), Meeting::kTouch);
  EXPECT_EQ(Meet(Range(10, 20, {1}, {}), Range(20, 30, {4}, {6})), Meeting::kOverlap);  // not known
}

TEST(MeetingTest, TheSequenceOfATouchDoesNotRunBackwards) {
  SourceRange one = Range(10, 20), other = Range(20, 30, {5}, {6});
  one.last_sequence = 7;
  for (const int64_t sequence : {6, 7, 8}) {
    other.first_sequence = sequence;
    EXPECT_EQ(Meet(one, other), sequence < 7 ? Meeting::kOverlap : Meeting::kTouch);
  }
}

TEST(MeetingTest, BarsOfOneTimeAreTheSameBar) {
  EXPECT_EQ(Meet(Range(10, 20, {1}, {2}), Range(20, 30, {4}, {6}), dbn::RecordKind::kOhlcv),
            Meeting::kOverlap);
}

TEST(MeetingTest, OtherPublishersAndTypesAreApart) {
  SourceRange other = Range(10, 20);
  other.publisher = 2;
  EXPECT_EQ(Meet(Range(10, 20), other), Meeting::kApart);
  other.publisher.reset();
  EXPECT_EQ(Meet(Range(10, 20), other), Meeting::kOverlap);
  other.rtype = 33;
  EXPECT_EQ(Meet(Range(10, 20), other), Meeting::kApart);
  SourceRange one = Range(10, 20);
  other = Range(10, 20);
  one.instrument = 7;
  EXPECT_EQ(Meet(one, other), Meeting::kOverlap);  // of an early version, which did not tell them apart
  other.instrument = 8;
  EXPECT_EQ(Meet(one, other), Meeting::kApart);
}

struct Row {
  int64_t time;  // 0: none
  std::optional<std::string> symbol;
  int32_t publisher;
  int64_t price;
  int64_t instrument = 1;
};

std::shared_ptr<arrow::RecordBatch> Batch(const std::vector<Row>& rows) {
  arrow::Int64Builder received, happened, price, sequence, place, instrument;
  arrow::Int16Builder rtype;
  arrow::Int32Builder publisher;
  arrow::StringBuilder symbol;
  arrow::Date32Builder date;
  for (const Row& row : rows) {
    EXPECT_TRUE((row.time == 0 ? received.AppendNull() : received.Append(row.time)).ok());
    EXPECT_TRUE(happened.AppendNull().ok());
    EXPECT_TRUE(price.Append(row.price).ok());
    EXPECT_TRUE(sequence.Append(row.price).ok());
    EXPECT_TRUE(rtype.Append(0).ok());
    EXPECT_TRUE(publisher.Append(row.publisher).ok());
    EXPECT_TRUE((row.symbol ? symbol.Append(*row.symbol) : symbol.AppendNull()).ok());
    EXPECT_TRUE(instrument.Append(row.instrument).ok());
    EXPECT_TRUE((row.time == 0 ? date.AppendNull() : date.Append(DateOfNanos(row.time))).ok());
    EXPECT_TRUE(place.Append(place.length()).ok());
  }
  const auto schema =
      arrow::schema({arrow::field("ts_recv", arrow::int64()), arrow::field("ts_event", arrow::int64()),
                     arrow::field("rtype", arrow::int16()), arrow::field("publisher_id", arrow::int32()),
                     arrow::field("instrument_id", arrow::int64()), arrow::field("price", arrow::int64()),
                     arrow::field("sequence", arrow::int64()), arrow::field("symbol", arrow::utf8()),
                     arrow::field("date", arrow::date32()), arrow::field("source_row", arrow::int64())});
  const auto count = static_cast<int64_t>(rows.size());
  return arrow::RecordBatch::Make(
      schema, count,
      std::vector<std::shared_ptr<arrow::Array>>{
          received.Finish().ValueOrDie(), happened.Finish().ValueOrDie(), rtype.Finish().ValueOrDie(),
          publisher.Finish().ValueOrDie(), instrument.Finish().ValueOrDie(), price.Finish().ValueOrDie(),
          sequence.Finish().ValueOrDie(), symbol.Finish().ValueOrDie(), date.Finish().ValueOrDie(),
          place.Finish().ValueOrDie()});
}

// Each with its key, in one order.
std::vector<std::string> Sorted(const SourceRanges& ranges) {
  std::vector<std::string> texts;
  for (const auto& json : RangesToJson(ranges)) texts.push_back(json.dump());
  std::sort(texts.begin(), texts.end());
  return texts;
}

// Whatever the batches are cut into, and in whatever order rows of one time stand, ranges are the same.
TEST(RangeCounterTest, DoesNotDependOnBatches) {
  std::mt19937 random(7);
  for (int run = 0; run < 200; ++run) {
    std::vector<Row> rows;
    const bool one_symbol = run % 3 == 0;
    for (int i = 0; i < 60; ++i) {
      const auto pick = [&](int n) { return static_cast<int64_t>(random() % static_cast<unsigned>(n)); };
      rows.push_back({one_symbol || pick(9) > 0 ? 1 + pick(12) : 0,
                      one_symbol ? "A" : std::string(1, static_cast<char>('A' + pick(3))),
                      static_cast<int32_t>(1 + (run % 2) * pick(2)), i, 1 + pick(3)});
      if (run % 4 == 0 && (one_symbol || rows.back().symbol == "B")) rows.back().symbol.reset();
    }
    std::map<std::tuple<RangeKey, int32_t, std::optional<int64_t>>, std::vector<int64_t>> times;
    for (const Row& row : rows) {
      RangeKey key{row.symbol, row.time == 0 ? std::optional<std::string>() : "1970-01-01"};
      const auto instrument = row.symbol ? std::nullopt : std::optional(row.instrument);
      times[{key, row.publisher, instrument}].push_back(row.time);
    }
    RangeCounter whole, cut;
    ASSERT_TRUE(whole.Add(*Batch(rows), one_symbol).ok());
    std::shuffle(rows.begin(), rows.end(), random);
    for (size_t at = 0; at < rows.size();) {
      const size_t size = std::min<size_t>(1 + random() % 20, rows.size() - at);
      const std::vector<Row> part(rows.begin() + static_cast<int64_t>(at),
                                  rows.begin() + static_cast<int64_t>(at + size));
      ASSERT_TRUE(cut.Add(*Batch(part), one_symbol).ok());
      at += size;
    }
    EXPECT_EQ(whole.symbols(), cut.symbols());
    EXPECT_EQ(whole.symbols(), one_symbol ? 1 : 3);
    size_t found = 0;
    for (const auto& [key, of_key] : whole.ranges()) {
      for (const SourceRange& range : of_key) {
        ++found;
        const auto& expected = times.at({key, *range.publisher, range.instrument});
        EXPECT_EQ(range.rows, static_cast<int64_t>(expected.size()));
        if (!key.second) {
          EXPECT_FALSE(range.has_times());
          continue;
        }
        const auto [first, last] = std::minmax_element(expected.begin(), expected.end());
        EXPECT_EQ(range.first_ns, *first);
        EXPECT_EQ(range.last_ns, *last);
        EXPECT_EQ(range.first_records.size(),
                  static_cast<size_t>(std::count(expected.begin(), expected.end(), *first)));
        EXPECT_EQ(range.last_records.size(),
                  static_cast<size_t>(std::count(expected.begin(), expected.end(), *last)));
        bool same = false;
        for (const SourceRange& other : cut.ranges().at(key)) {
          same = same || (other.publisher == range.publisher && other.instrument == range.instrument &&
                          other.rows == range.rows && other.first_ns == range.first_ns &&
                          other.last_ns == range.last_ns && other.first_records == range.first_records &&
                          other.last_records == range.last_records);
        }
        EXPECT_TRUE(same) << "run " << run;
      }
    }
    EXPECT_EQ(found, times.size());
  }
}

// A range holds the rows between two borders of its symbol, and the ends of none lie beyond one.
TEST(RangeCounterTest, NoRangeReachesAcrossWhatCameBefore) {
  std::mt19937 random(11);
  for (int run = 0; run < 300; ++run) {
    SCOPED_TRACE(run);
    const auto pick = [&](int n) { return static_cast<int64_t>(random() % static_cast<unsigned>(n)); };
    std::vector<dbn::Selection> held;
    for (int64_t i = pick(4); i > 0; --i) {
      dbn::Selection selection;
      if (pick(2) == 0) selection.symbols = {pick(2) == 0 ? "A" : "?"};
      if (pick(4) > 0) selection.start_ns = 1 + pick(20);
      if (pick(4) > 0) selection.end_ns = selection.start_ns.value_or(0) + 1 + pick(8);
      held.push_back(selection);
    }
    const auto is_held = [&](const Row& row) {
      return std::any_of(held.begin(), held.end(), [&](const dbn::Selection& selection) {
        return selection.HasSymbol(row.symbol) && selection.HasTime(row.time);
      });
    };
    std::vector<Row> rows;
    for (int i = 0; i < 40; ++i) {
      const Row row{1 + pick(30), pick(3) > 0 ? "A" : "BB", static_cast<int32_t>(1 + pick(2)), i};
      if (!is_held(row)) rows.push_back(row);
    }
    RangeCounter counter(BordersAround(held)), whole;
    for (size_t at = 0; at < rows.size(); at += 7) {
      const auto end = rows.begin() + static_cast<int64_t>(std::min(at + 7, rows.size()));
      const auto batch = Batch({rows.begin() + static_cast<int64_t>(at), end});
      ASSERT_TRUE(counter.Add(*batch, false).ok());
      ASSERT_TRUE(whole.Add(*batch, false).ok());
    }
    int64_t counted = 0;
    for (const auto& [key, of_key] : counter.ranges()) {
      for (const SourceRange& range : of_key) {
        counted += range.rows;
        int64_t rows_within = 0;
        for (const Row& row : rows) {
          rows_within += row.symbol == key.first && row.publisher == range.publisher &&
                         row.time >= range.first_ns && row.time <= range.last_ns;
        }
        EXPECT_EQ(range.rows, rows_within);
        EXPECT_FALSE(range.first_records.empty() || range.last_records.empty());
        for (int64_t time = range.first_ns; time <= range.last_ns; ++time) {
          EXPECT_FALSE(is_held({time, *key.first, *range.publisher, 0})) << time;
        }
      }
    }
    EXPECT_EQ(counted, static_cast<int64_t>(rows.size()));

    // Of ranges that were counted without, what selections hold is cut out, and no row with it.
    const SourceRanges outside = RangesOutside(whole.ranges(), held);
    counted = 0;
    for (const auto& [key, of_key] : outside) {
      for (const SourceRange& range : of_key) {
        counted += range.rows;
        for (int64_t time = range.first_ns; time <= range.last_ns; ++time) {
          EXPECT_FALSE(is_held({time, *key.first, *range.publisher, 0})) << time;
        }
      }
    }
    EXPECT_EQ(counted, static_cast<int64_t>(rows.size()));
    for (const Row& row : rows) {
      const auto& of_key = outside.at({row.symbol, "1970-01-01"});
      EXPECT_TRUE(std::any_of(of_key.begin(), of_key.end(), [&](const SourceRange& range) {
        return range.publisher == row.publisher && range.first_ns <= row.time && row.time <= range.last_ns;
      }));
    }
    // And what is whole already stays as it is.
    EXPECT_EQ(RangesToJson(RangesOutside(counter.ranges(), held)).dump(),
              RangesToJson(counter.ranges()).dump());
    // Counted again between the ranges that are there, they are the same.
    RangeCounter again(BordersBetween(counter.ranges()));
    ASSERT_TRUE(again.Add(*Batch(rows), false).ok());
    EXPECT_EQ(Sorted(again.ranges()), Sorted(counter.ranges()));
  }
}

TEST(RangeCounterTest, ManyRecordsOfOneTimeAreNotToldApart) {
  std::vector<Row> rows(300, Row{5, "A", 1, 1});
  RangeCounter counter;
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(counter.Add(*Batch(rows), true).ok());
  const SourceRange& range = counter.ranges().begin()->second.at(0);
  EXPECT_TRUE(range.first_records.empty() && range.last_records.empty());
  EXPECT_EQ(range.rows, 600);
  ASSERT_TRUE(counter.Add(*Batch({{6, "A", 1, 1}}), true).ok());
  EXPECT_EQ(range.last_records.size(), 1u);
  EXPECT_TRUE(range.first_records.empty());
}

// Each publisher that takes its turn is found at once, not by looking through those before it.
TEST(RangeCounterTest, AsManyPublishersAsThereAreTakeTurns) {
  constexpr int kPublishers = 65'536, kTurns = 3;
  RangeCounter counter;
  for (int turn = 0; turn < kTurns; ++turn) {
    std::vector<Row> rows;
    for (int32_t publisher = 0; publisher < kPublishers; ++publisher) {
      rows.push_back({1 + turn, "A", publisher, publisher});
    }
    ASSERT_TRUE(counter.Add(*Batch(rows), true).ok());
  }
  const auto& ranges = counter.ranges().begin()->second;
  ASSERT_EQ(ranges.size(), static_cast<size_t>(kPublishers));
  for (int32_t publisher = 0; publisher < kPublishers; ++publisher) {
    const SourceRange& range = ranges[static_cast<size_t>(publisher)];
    ASSERT_EQ(range.publisher, publisher);
    ASSERT_EQ(range.rows, kTurns);
    ASSERT_EQ(range.first_ns, 1);
    ASSERT_EQ(range.last_ns, kTurns);
  }
}

}  // namespace
}  // namespace marquet::ledger

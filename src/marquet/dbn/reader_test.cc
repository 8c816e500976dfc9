#include "marquet/dbn/reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "marquet/dbn/test_records.h"

namespace marquet::dbn {
namespace {

using ::testing::HasSubstr;

template <typename Array = arrow::Int64Array>
const Array& ColumnOf(const arrow::RecordBatch& rows, const char* name) {
  return static_cast<const Array&>(*rows.GetColumnByName(name));
}

void ExpectError(const ReadAll& all, ErrorKind kind, const std::string& text) {
  ASSERT_FALSE(all.status.ok());
  EXPECT_TRUE(IsKind(all.status, kind)) << OneLine(all.status);
  EXPECT_THAT(OneLine(all.status), HasSubstr(text));
  EXPECT_THAT(OneLine(all.status), HasSubstr("day.dbn"));
}

TEST(Reader, GivesColumnsAndWhereRecordsBelong) {
  const auto all = Read(Header() + Trade() + Trade(7, kNoon + 1'999) + Trade(8));
  ASSERT_TRUE(all.status.ok()) << all.status;
  const auto rows = all.rows(RecordKind::kTrades);
  ASSERT_EQ(rows->num_rows(), 3);
  EXPECT_TRUE(rows->schema()->Equals(*TableSchema(RecordKind::kTrades), true));
  EXPECT_EQ(ColumnOf(*rows, "price").Value(0), 5'000'000'000);
  EXPECT_EQ(ColumnOf<arrow::StringArray>(*rows, "action").GetView(0), "T");
  EXPECT_EQ(ColumnOf<arrow::StringArray>(*rows, "symbol").GetView(1), "ESH4");
  EXPECT_TRUE(rows->GetColumnByName("symbol")->IsNull(2));  // instrument 8 has no mapping
  EXPECT_EQ(ColumnOf<arrow::TimestampArray>(*rows, "ts").Value(1), static_cast<int64_t>(kNoon / 1000 + 1));
  EXPECT_EQ(ColumnOf<arrow::Date32Array>(*rows, "date").Value(0), kNoonDate);
  EXPECT_EQ(ColumnOf(*rows, "source_row").Value(2), 2);
  EXPECT_EQ(all.summary.records, 3);
  EXPECT_EQ(all.summary.rows.at(RecordKind::kTrades), 3);
  EXPECT_EQ(all.summary.unmapped_rows, 1);
  EXPECT_EQ(all.summary.bytes_decoded, static_cast<int64_t>(Header().size() + 3 * 48));
  EXPECT_TRUE(all.summary.identical_export);
}

TEST(Reader, UndefinedValuesAreNull) {
  std::string record = Trade(7, kNoon, INT64_MAX);
  Put<uint32_t>(record, 24, UINT32_MAX);
  Put<uint64_t>(record, 32, UINT64_MAX);  // ts_recv
  const auto all = Read(Header() + record + Trade());
  ASSERT_TRUE(all.status.ok()) << all.status;
  const auto rows = all.rows(RecordKind::kTrades);
  for (const char* name : {"price", "size", "ts_recv"}) {
    EXPECT_TRUE(rows->GetColumnByName(name)->IsNull(0)) << name;
    EXPECT_FALSE(rows->GetColumnByName(name)->IsNull(1)) << name;
  }
  // Without a receive time, the event's time says where the row belongs.
  EXPECT_EQ(ColumnOf<arrow::TimestampArray>(*rows, "ts").Value(0), static_cast<int64_t>(kNoon / 1000));
  EXPECT_EQ(ColumnOf<arrow::StringArray>(*rows, "symbol").GetView(0), "ESH4");
}

TEST(Reader, AFalseAlarmOnALevelNullsNothing) {
  std::string record = Record(80, 0x01);
  Put<uint64_t>(record, 32, kNoon);
  Put<int64_t>(record, 48, (int64_t{INT32_MAX} << 32) | 5);  // upper half like the undefined price's
  Put<int64_t>(record, 56, INT64_MAX);
  Put<uint32_t>(record, 64, UINT32_MAX);
  Put<uint32_t>(record, 72, UINT32_MAX);  // a count has no undefined value
  const auto all = Read(Header() + record);
  ASSERT_TRUE(all.status.ok()) << all.status;
  const auto rows = all.rows(RecordKind::kMbp1);
  EXPECT_EQ(ColumnOf(*rows, "bid_px_00").null_count(), 0);
  EXPECT_EQ(ColumnOf(*rows, "ask_px_00").null_count(), 1);
  EXPECT_EQ(ColumnOf(*rows, "bid_sz_00").null_count(), 1);
  EXPECT_EQ(ColumnOf(*rows, "ask_sz_00").null_count(), 0);
  EXPECT_EQ(ColumnOf(*rows, "bid_ct_00").Value(0), int64_t{UINT32_MAX});
}

TEST(Reader, BatchesAreAsLongAsAskedFor) {
  std::string bytes = Header();
  for (int i = 0; i < 5'000; ++i) bytes += Trade(7, kNoon + i, i);
  ReadOptions options;
  options.batch_rows = 1'500;
  const auto all = Read(bytes, options);
  ASSERT_TRUE(all.status.ok()) << all.status;
  int64_t next = 0;
  for (const Batch& batch : all.batches) {
    EXPECT_LE(batch.rows->num_rows(), 1'500);
    const auto& price = ColumnOf(*batch.rows, "price");
    for (int64_t i = 0; i < price.length(); ++i) ASSERT_EQ(price.Value(i), next++);
  }
  EXPECT_EQ(next, 5'000);
}

TEST(Reader, SplitsBySymbolAndDate) {
  std::string bytes = Header();
  for (int i = 0; i < 3'000; ++i) bytes += Trade(7 + i % 2, kNoon + (i >= 2'000) * 86'400'000'000'000, i);
  ReadOptions options;
  options.split_by_symbol_and_date = true;
  options.extra_mappings = {{"NQH4", {{kNoonDate, kNoonDate + 2, "8"}}}};
  const auto all = Read(bytes, options);
  ASSERT_TRUE(all.status.ok()) << all.status;
  std::map<std::pair<std::string, int32_t>, int64_t> groups;
  for (const Batch& batch : all.batches) {
    ASSERT_TRUE(batch.group && batch.group->date);
    const auto& symbols = ColumnOf<arrow::StringArray>(*batch.rows, "symbol");
    for (int64_t i = 0; i < batch.rows->num_rows(); ++i) {
      EXPECT_EQ(symbols.IsNull(i), !batch.group->symbol);
      if (batch.group->symbol) {
        EXPECT_EQ(symbols.GetView(i), *batch.group->symbol);
      }
      EXPECT_EQ(ColumnOf<arrow::Date32Array>(*batch.rows, "date").Value(i), *batch.group->date);
      if (i > 0) {
        EXPECT_LT(ColumnOf(*batch.rows, "source_row").Value(i - 1),
                  ColumnOf(*batch.rows, "source_row").Value(i));
      }
    }
    groups[{batch.group->symbol.value_or(""), *batch.group->date}] += batch.rows->num_rows();
  }
  EXPECT_EQ(groups, (std::map<std::pair<std::string, int32_t>, int64_t>{{{"ESH4", kNoonDate}, 1'000},
                                                                        {{"NQH4", kNoonDate}, 1'000},
                                                                        {{"", kNoonDate + 1}, 500},
                                                                        {{"NQH4", kNoonDate + 1}, 500}}));
}

TEST(Reader, ManyGroupsStayWithinTheBudget) {
  std::string bytes = Header();
  for (int i = 0; i < 40'000; ++i) bytes += Trade(i % 400, kNoon + i);
  ReadOptions options;
  options.split_by_symbol_and_date = true;
  options.max_held_bytes = 200'000;
  options.extra_mappings.resize(400);
  for (int i = 0; i < 400; ++i) {
    options.extra_mappings[i] = {fmt::format("S{}", i), {{kNoonDate, kNoonDate + 1, std::to_string(i)}}};
  }
  const auto all = Read(bytes, options);
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_GT(all.batches.size(), 400u);
  int64_t rows = 0;
  for (const Batch& batch : all.batches) rows += batch.rows->num_rows();
  EXPECT_EQ(rows, 40'000);
}

// ---- Live data ----

std::string MappingRecord(uint32_t instrument, const char* symbol, bool v1 = false) {
  std::string record = Record(v1 ? 80 : 176, 0x16, instrument);
  std::memcpy(record.data() + (v1 ? 38 : 89), symbol, std::strlen(symbol));
  return record;
}

TEST(Reader, SymbolMappingRecordsHoldFromTheirPlaceOn) {
  Metadata metadata = TestMetadata();
  metadata.schema.reset();
  metadata.mappings.clear();
  for (bool v1 : {false, true}) {
    const auto all = Read(Header(metadata) + Trade() + MappingRecord(7, "ESH4", v1) + Trade() +
                          Record(320, 0x17) + MappingRecord(7, "ESM4", v1) + Trade() + Record(320, 0x15));
    ASSERT_TRUE(all.status.ok()) << all.status;
    const auto rows = all.rows(RecordKind::kTrades);
    const auto& symbols = ColumnOf<arrow::StringArray>(*rows, "symbol");
    EXPECT_TRUE(symbols.IsNull(0));
    EXPECT_EQ(symbols.GetView(1), "ESH4");
    EXPECT_EQ(symbols.GetView(2), "ESM4");
    EXPECT_EQ(all.summary.control_records, 4);
    ASSERT_EQ(all.summary.kept_records.size(), 4u);
    EXPECT_EQ(all.summary.kept_records[0].source_row, 1);
    EXPECT_EQ(all.summary.kept_records[3].source_row, 6);
    EXPECT_EQ(all.summary.records, 7);
  }
}

TEST(Reader, UnknownRecordsAreCountedAndKeptOnRequest) {
  const std::string bytes = Header() + Trade() + Record(32, 0x77) + Trade() + Record(16, 0x77);
  auto all = Read(bytes);
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_EQ(all.summary.unknown_records, 2);
  EXPECT_EQ(all.summary.unknown_by_rtype.at(0x77), 2);
  EXPECT_TRUE(all.summary.kept_records.empty());
  EXPECT_FALSE(all.summary.identical_export);
  EXPECT_EQ(ColumnOf(*all.rows(RecordKind::kTrades), "source_row").Value(1), 2);

  ReadOptions keep;
  keep.keep_unknown = true;
  all = Read(bytes, keep);
  ASSERT_EQ(all.summary.kept_records.size(), 2u);
  EXPECT_EQ(all.summary.kept_records[0].bytes, Record(32, 0x77));
  EXPECT_TRUE(all.summary.identical_export);
  EXPECT_EQ(WriteBack(all), bytes);
}

TEST(Reader, MixedKindsComeInBatchesOfOneKindEach) {
  std::string mbo = Record(56, 0xA0);
  Put<uint64_t>(mbo, 16, UINT64_MAX - 1);  // an order_id of identity: kept bit for bit
  Put<uint64_t>(mbo, 40, kNoon);
  const std::string bytes = Header() + Trade() + mbo + Trade() + mbo;
  const auto all = Read(bytes);
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_EQ(all.rows(RecordKind::kTrades)->num_rows(), 2);
  EXPECT_EQ(ColumnOf(*all.rows(RecordKind::kMbo), "order_id").Value(0), -2);
  EXPECT_EQ(WriteBack(all), bytes);
}

// ---- Fragments ----

TEST(Reader, AFragmentsRecordsTellVersionAndTsOut) {
  const auto plain = Read(Trade() + Trade());
  ASSERT_TRUE(plain.status.ok()) << plain.status;
  EXPECT_FALSE(plain.summary.has_metadata);
  EXPECT_EQ(plain.summary.metadata.version, 3);
  EXPECT_EQ(plain.summary.unmapped_rows, 2);

  std::string record = Record(72, 0x18);  // statistics of version 1 or 2, with ts_out
  Put<uint64_t>(record, 64, kNoon + 5);
  const auto with_ts_out = Read(record);
  ASSERT_TRUE(with_ts_out.status.ok()) << with_ts_out.status;
  EXPECT_EQ(with_ts_out.summary.metadata.version, 2);
  EXPECT_TRUE(with_ts_out.summary.metadata.ts_out);
  EXPECT_EQ(ColumnOf(*with_ts_out.rows(RecordKind::kStatistics), "ts_out").Value(0),
            static_cast<int64_t>(kNoon + 5));
  EXPECT_EQ(WriteBack(with_ts_out), record);
}

TEST(Reader, RefusesAFragmentOfTwoVersions) {
  ExpectError(Read(Record(360, 0x13) + Record(520, 0x13)), ErrorKind::kCorruptData,
              "record 1 at byte 360 is of a wrong size for its type definition: 520 bytes; expected 360");
}

// ---- Bad input ----

TEST(Reader, RefusesWhatIsNotDbn) {
  ExpectError(Read(""), ErrorKind::kCorruptData, "is empty");
  ExpectError(Read("symbol,price\nESH4,5000.25\n"), ErrorKind::kCorruptData,
              "is not DBN: it starts with 'symbol,price");
  ExpectError(Read("PAR1"), ErrorKind::kCorruptData, "is not DBN");
  const auto zip = Read(std::string("PK\x03\x04") + std::string(30, 'x'));
  ExpectError(zip, ErrorKind::kCorruptData, "is not DBN");
  EXPECT_EQ(HintOf(zip.status), "it is a zip archive: unpack it, and name the folder");
  ExpectError(Read(std::string(40, '\0')), ErrorKind::kCorruptData, "is not DBN");
}

TEST(Reader, RefusesLegacyDbz) {
  const std::string skippable("P*M\x18\x90\0\0\0DBZ\x01GLBX.MDP3", 21);
  ExpectError(Read(skippable), ErrorKind::kUnsupported, "a legacy DBZ file");
  ExpectError(Read("DBZ\x01.........."), ErrorKind::kUnsupported, "a legacy DBZ file");
}

TEST(Reader, RefusesNewerVersions) {
  std::string bytes = Header();
  bytes[3] = 4;
  ExpectError(Read(bytes), ErrorKind::kUnsupported, "DBN version 4 at byte 3; versions 1 to 3 are known");
}

TEST(Reader, RefusesAHeaderCutShortAnywhere) {
  const std::string bytes = Header();
  for (size_t size = 3; size < bytes.size(); ++size) {
    ExpectError(Read(bytes.substr(0, size)), ErrorKind::kCorruptData, "the metadata header is cut short");
  }
}

TEST(Reader, RefusesHostileCountsBeforeAllocating) {
  const std::string good = Header();
  // The counts of symbols, partial, not found and mappings, and of the mapping's intervals.
  const size_t symbols = 8 + 104;
  const size_t partial = symbols + 4 + 71;
  for (size_t at : {symbols, partial, partial + 4, partial + 8, partial + 12 + 71}) {
    std::string bytes = good;
    Put<uint32_t>(bytes, at, UINT32_MAX);
    ExpectError(Read(bytes), ErrorKind::kCorruptData, "metadata header at byte " + std::to_string(at));
  }
  std::string length = good;
  Put<uint32_t>(length, 4, UINT32_MAX);
  ExpectError(Read(length), ErrorKind::kUnsupported, "claims 4,294,967,295 bytes");
  Put<uint32_t>(length, 4, 10);
  ExpectError(Read(length), ErrorKind::kCorruptData, "its length is given as 10 bytes");
  std::string narrow = good;
  Put<uint16_t>(narrow, 8 + 45, 0);  // symbol_cstr_len
  ExpectError(Read(narrow), ErrorKind::kCorruptData, "symbols of 0 bytes");
  std::string date = good;
  Put<uint32_t>(date, partial + 12 + 71 + 4, 20241399);
  ExpectError(Read(date), ErrorKind::kCorruptData, "20241399 is no date");
}

TEST(Reader, RefusesImpossibleRecordLengths) {
  const std::string good = Header() + Trade();
  for (int length : {0, 1, 3}) {
    std::string bytes = good + Trade();
    bytes[good.size()] = static_cast<char>(length);
    ExpectError(
        Read(bytes), ErrorKind::kCorruptData,
        fmt::format("record 1 at byte {} has length {}; expected at least 16", good.size(), length * 4));
  }
  std::string brief = Header() + Record(32, 0x00);
  ExpectError(Read(brief), ErrorKind::kCorruptData,
              "is too short for its type trades: 32 bytes; expected 48");
  ExpectError(Read(Header() + Record(52, 0x00)), ErrorKind::kCorruptData,
              "is of a wrong size for its type trades: 52 bytes; expected 48");
  ExpectError(Read(Header() + Record(16, 0x17)), ErrorKind::kCorruptData,
              "is too short for its type (rtype 0x17)");
  ExpectError(Read(Header() + Record(100, 0x16)), ErrorKind::kCorruptData,
              "is a symbol mapping of 100 bytes");
}

TEST(Reader, RefusesARecordCutShortUnlessToldNotTo) {
  const std::string bytes = Header() + Trade() + Trade();
  for (size_t missing : {size_t{1}, size_t{32}, size_t{47}}) {
    const std::string cut = bytes.substr(0, bytes.size() - missing);
    const auto refused = Read(cut);
    ExpectError(refused, ErrorKind::kCorruptData,
                fmt::format("is cut short: the stream ends after {} of its 48 bytes", 48 - missing));
    EXPECT_THAT(HintOf(refused.status), HasSubstr("--allow-truncated to take the 1 complete records"));

    ReadOptions options;
    options.allow_truncated = true;
    const auto taken = Read(cut, options);
    ASSERT_TRUE(taken.status.ok()) << taken.status;
    EXPECT_EQ(taken.summary.records, 1);
    EXPECT_EQ(taken.summary.truncated_records, 1);
    EXPECT_EQ(taken.summary.truncated_bytes, static_cast<int64_t>(48 - missing));
    EXPECT_FALSE(taken.summary.identical_export);
  }
}

TEST(Reader, RefusesTimesBeyondInt64OrCountsThem) {
  const std::string bytes = Header() + Trade() + Trade(7, uint64_t{1} << 63);
  ExpectError(
      Read(bytes), ErrorKind::kInvalidInput,
      fmt::format("record 1 at byte {} does not fit: ts_recv is 9223372036854775808", Header().size() + 48));
  ReadOptions options;
  options.on_time_overflow = OnTimeOverflow::kNull;
  const auto all = Read(bytes, options);
  ASSERT_TRUE(all.status.ok()) << all.status;
  EXPECT_EQ(all.summary.nulled_times, 2);  // ts_recv and ts_event
  EXPECT_FALSE(all.summary.identical_export);
  EXPECT_TRUE(all.rows(RecordKind::kTrades)->GetColumnByName("ts")->IsNull(1));
}

TEST(Reader, RefusesAVolumeBeyondInt64) {
  std::string record = Record(56, 0x21);
  Put<uint64_t>(record, 48, UINT64_MAX);
  ExpectError(Read(Header() + record), ErrorKind::kInvalidInput, "volume is 18446744073709551615");
}

// An input that hands out its bytes a few at a time, so that records straddle reads.
class Trickle final : public arrow::io::InputStream {
 public:
  Trickle(std::string bytes, int64_t at_once) : bytes_(std::move(bytes)), at_once_(at_once) {}
  arrow::Status Close() override { return arrow::Status::OK(); }
  bool closed() const override { return false; }
  arrow::Result<int64_t> Tell() const override { return at_; }
  arrow::Result<int64_t> Read(int64_t bytes, void* out) override {
    const int64_t take = std::min({bytes, at_once_, static_cast<int64_t>(bytes_.size()) - at_});
    std::memcpy(out, bytes_.data() + at_, take);
    at_ += take;
    return take;
  }
  arrow::Result<std::shared_ptr<arrow::Buffer>> Read(int64_t bytes) override {
    std::string piece(std::min({bytes, at_once_, static_cast<int64_t>(bytes_.size()) - at_}), '\0');
    ARROW_RETURN_NOT_OK(Read(static_cast<int64_t>(piece.size()), piece.data()));
    return arrow::Buffer::FromString(std::move(piece));
  }
  bool supports_zero_copy() const override { return true; }

 private:
  std::string bytes_;
  int64_t at_once_, at_ = 0;
};

TEST(Reader, RecordsMayStraddleReads) {
  std::string bytes = Header();
  for (int i = 0; i < 100; ++i) bytes += Trade(7, kNoon + i, i);
  for (int64_t at_once : {1, 7, 47, 48, 49, 1000}) {
    const auto all = ReadStream(std::make_shared<Trickle>(bytes, at_once));
    ASSERT_TRUE(all.status.ok()) << all.status;
    EXPECT_EQ(all.summary.bytes_decoded, static_cast<int64_t>(bytes.size()));
    EXPECT_EQ(WriteBack(all), bytes) << at_once;
  }
}

}  // namespace
}  // namespace marquet::dbn

#include "marquet/dbn/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "marquet/dbn/test_records.h"
#include "marquet/dbn/text_field.h"

namespace marquet::dbn {
namespace {

using ::testing::HasSubstr;

struct Known {
  RecordKind kind;
  uint8_t rtype;
};
constexpr Known kKnown[] = {
    {RecordKind::kTrades, 0x00},    {RecordKind::kMbo, 0xA0},        {RecordKind::kMbp1, 0x01},
    {RecordKind::kMbp10, 0x0A},     {RecordKind::kBbo, 0xC4},        {RecordKind::kCmbp1, 0xC2},
    {RecordKind::kCbbo, 0xC1},      {RecordKind::kOhlcv, 0x24},      {RecordKind::kStatus, 0x12},
    {RecordKind::kImbalance, 0x14}, {RecordKind::kStatistics, 0x18}, {RecordKind::kDefinition, 0x13}};

// Random bytes in every field, reserved ones too, come back: with undefined values, text that is no UTF-8 and
// text with something behind its end. Only times and volumes are held below 2^63.
TEST(Writer, EveryKindAndVersionComesBackByteForByte) {
  uint64_t state = 42;
  auto random = [&] {
    state = state * 6364136223846793005u + 1442695040888963407u;
    return state >> 33;
  };
  for (const Known& known : kKnown) {
    const KindLayout& layout = LayoutOf(known.kind);
    for (int version = 1; version <= kVersions; ++version) {
      for (bool ts_out : {false, true}) {
        Metadata metadata = TestMetadata(version);
        metadata.ts_out = ts_out;
        std::string bytes = Header(metadata);
        const int size = layout.sizes[version - 1] + (ts_out ? 8 : 0);
        for (int i = 0; i < 200; ++i) {
          std::string record = Record(size, known.rtype);
          const int mode = i % 4;
          for (int at = 16; at < size; ++at) {
            record[at] = static_cast<char>(mode == 0   ? 0
                                           : mode == 1 ? 0xFF
                                           : mode == 2 ? 0x41 + random() % 26
                                                       : random());
          }
          auto bound = [&](int offset) {
            if (mode != 1 || random() % 2) record[offset + 7] = static_cast<char>(record[offset + 7] & 0x7F);
          };
          for (const Column& column : layout.columns) {
            const Place& place = column.in(version);
            if (place.offset < 16) continue;
            if (column.role == Role::kTime) bound(place.offset);
            if (column.role == Role::kPlain && place.wire == Wire::kU64) record[place.offset + 7] = 0;
            if (column.role == Role::kPrice && mode == 1) record[place.offset + 7] = 0x7F;
          }
          if (ts_out) bound(size - 8);
          bytes += record;
        }
        const auto all = Read(bytes);
        ASSERT_TRUE(all.status.ok()) << KindName(known.kind) << version << all.status;
        ASSERT_EQ(all.summary.rows.at(known.kind), 200);
        ASSERT_EQ(WriteBack(all), bytes)
            << KindName(known.kind) << " version " << version << " ts_out " << ts_out;
      }
    }
  }
}

TEST(Writer, MetadataOfEveryVersionComesBack) {
  for (int version = 1; version <= 3; ++version) {
    Metadata m = TestMetadata(version);
    m.schema = 2;
    m.end = kNoon + 5;
    m.limit = 10;
    m.partial = {"A", "UD:1V: GN 2437"};
    m.not_found = {"B/C%"};
    const std::string bytes = Header(m);
    if (version == 3) {
      EXPECT_EQ(bytes.size() % 8, 0u);
    }
    const auto all = Read(bytes);
    ASSERT_TRUE(all.status.ok()) << all.status;
    const Metadata& back = all.summary.metadata;
    EXPECT_EQ(back.version, version);
    EXPECT_EQ(back.dataset, m.dataset);
    EXPECT_EQ(back.schema, m.schema);
    EXPECT_EQ(back.start, m.start);
    EXPECT_EQ(back.end, m.end);
    EXPECT_EQ(back.limit, m.limit);
    EXPECT_EQ(back.stype_in, m.stype_in);
    EXPECT_EQ(back.symbols, m.symbols);
    EXPECT_EQ(back.partial, m.partial);
    EXPECT_EQ(back.not_found, m.not_found);
    ASSERT_EQ(back.mappings.size(), 1u);
    EXPECT_EQ(back.mappings[0].intervals[0].start_date, kNoonDate);
    EXPECT_EQ(Header(back), bytes);
  }
  Metadata wide = TestMetadata(1);
  wide.symbols = {"a symbol of more than twenty-two bytes"};
  EXPECT_TRUE(IsKind(EncodeMetadata(wide).status(), ErrorKind::kInvalidInput));
}

// One trade as a batch, with a column replaced.
arrow::Status WriteTradeWith(const char* name, std::shared_ptr<arrow::Array> values) {
  auto rows = Read(Header() + Trade()).rows(RecordKind::kTrades);
  const int i = rows->schema()->GetFieldIndex(name);
  rows = values ? rows->SetColumn(i, arrow::field(name, values->type()), values).ValueOrDie()
                : rows->RemoveColumn(i).ValueOrDie();
  auto output = arrow::io::BufferOutputStream::Create().ValueOrDie();
  auto writer = Writer::Open(output, TestMetadata(), {}).ValueOrDie();
  return writer->Write(RecordKind::kTrades, *rows);
}
std::shared_ptr<arrow::Array> One(std::optional<int64_t> value,
                                  std::shared_ptr<arrow::DataType> type = arrow::int64()) {
  if (!value) return arrow::MakeArrayOfNull(type, 1).ValueOrDie();
  return arrow::MakeArrayFromScalar(*arrow::MakeScalar(type, *value).ValueOrDie(), 1).ValueOrDie();
}

TEST(Writer, NamesRowAndColumnOfWhatDoesNotFit) {
  auto error = [](const arrow::Status& status) { return OneLine(status); };
  EXPECT_THAT(error(WriteTradeWith("size", One(int64_t{1} << 32))),
              HasSubstr("row 0, column size: 4294967296 does not fit"));
  EXPECT_THAT(error(WriteTradeWith("size", One(UINT32_MAX))),
              HasSubstr("does not fit"));  // would come back as null
  EXPECT_THAT(error(WriteTradeWith("instrument_id", One(-1))), HasSubstr("does not fit"));
  EXPECT_THAT(error(WriteTradeWith("ts_event", One(-1))), HasSubstr("column ts_event: -1 does not fit"));
  EXPECT_THAT(error(WriteTradeWith("sequence", One(std::nullopt))),
              HasSubstr("is null, and the field has no undefined value"));
  EXPECT_THAT(
      error(WriteTradeWith("action", arrow::MakeArrayFromScalar(arrow::StringScalar("TT"), 1).ValueOrDie())),
      HasSubstr("'TT' is not one character"));
  EXPECT_TRUE(IsKind(WriteTradeWith("price", nullptr), ErrorKind::kSchema));
  EXPECT_THAT(error(WriteTradeWith("price", nullptr)), HasSubstr("column price of trades is missing"));
  EXPECT_THAT(error(WriteTradeWith("price", One(5, arrow::float64()))),
              HasSubstr("column price of trades is double; expected int64"));
  // What a scan gives: times as timestamps.
  EXPECT_TRUE(WriteTradeWith("ts_event", One(5, arrow::timestamp(arrow::TimeUnit::NANO, "UTC"))).ok());
}

TEST(Writer, RawRecordsMustBeRecords) {
  auto output = arrow::io::BufferOutputStream::Create().ValueOrDie();
  auto writer = Writer::Open(output, TestMetadata(), {}).ValueOrDie();
  EXPECT_TRUE(writer->WriteRaw(Record(320, 0x17)).ok());
  EXPECT_FALSE(writer->WriteRaw("").ok());
  EXPECT_FALSE(writer->WriteRaw(Record(320, 0x17).substr(1)).ok());
}

TEST(TextField, CharactersGoBothWays) {
  for (int byte = 0; byte < 256; ++byte) {
    EXPECT_EQ(EncodeChar(DecodeChar(static_cast<uint8_t>(byte))).ValueOrDie(), byte);
  }
  EXPECT_FALSE(EncodeChar("ab").ok());
  EXPECT_FALSE(EncodeChar("€").ok());
}

// Databento's own test files, uncompressed, equal what is written back of them.
TEST(Writer, PublicFilesComeBackByteForByte) {
  const char* folder = std::getenv("MARQUET_TEST_DATA");
  const std::filesystem::path files = std::filesystem::path(folder ? folder : "../shared/data") / "dbn";
  if (!std::filesystem::exists(files)) GTEST_SKIP() << "no test data at " << files;
  int count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(files)) {
    const std::string name = entry.path().filename();
    if (name.ends_with(".dbz") || name.ends_with(".zst")) continue;
    std::ifstream file(entry.path(), std::ios::binary);
    const std::string bytes((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
    const auto all = Read(bytes);
    ASSERT_TRUE(all.status.ok()) << all.status;
    EXPECT_EQ(WriteBack(all), bytes) << name;
    EXPECT_EQ(WriteBack(Read(WriteBack(all, true))), bytes) << name;
    ++count;
  }
  EXPECT_GT(count, 15);
}

}  // namespace
}  // namespace marquet::dbn

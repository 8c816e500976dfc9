#include "marquet/parquet/write/writer.h"

#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "arrow/io/file.h"
#include "arrow/io/memory.h"
#include "arrow/json/from_string.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/arrow/reader.h"
#include "parquet/arrow/writer.h"
#include "parquet/column_page.h"
#include "parquet/column_reader.h"
#include "parquet/file_reader.h"
#include "parquet/metadata.h"
#include "parquet/statistics.h"

namespace marquet::pq {
namespace {

using arrow::json::ArrayFromJSONString;

class WriterTest : public FileTest {
 protected:
  // One column, written and read back as it was.
  void ExpectRoundTrip(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
    const auto array = Value(ArrayFromJSONString(type, json));
    MQ_ASSERT_OK(array->ValidateFull());
    const auto table = arrow::Table::Make(arrow::schema({arrow::field("v", type)}), {array});
    const std::string path = Path("round-trip.parquet");
    std::filesystem::remove(path);
    WriteOptions options;
    options.verify = VerifyLevel::kFull;
    const WrittenFile written = Value(WriteTable(path, *table, options));
    EXPECT_EQ(written.rows, array->length());
    EXPECT_EQ(written.bytes, static_cast<int64_t>(std::filesystem::file_size(path)));
    EXPECT_EQ(written.digest, Xxh3Hex(Bytes(path)));
    const auto back = Value(ReadTable(path));
    MQ_ASSERT_OK(back->ValidateFull());
    // The names inside of a map or list are Parquet's ("key_value", "element"), so they are not compared.
    EXPECT_TRUE(back->Equals(*table, /*check_metadata=*/!arrow::is_nested(type->id())))
        << back->ToString() << table->ToString();
  }
};

TEST_F(WriterTest, EveryTypeComesBackAsItWas) {
  ExpectRoundTrip(arrow::boolean(), "[true, null, false, true]");
  ExpectRoundTrip(arrow::int8(), "[-128, null, 127, 0]");
  ExpectRoundTrip(arrow::int16(), "[-32768, null, 32767]");
  ExpectRoundTrip(arrow::int32(), "[-2147483648, null, 2147483647]");
  ExpectRoundTrip(arrow::int64(), "[-9223372036854775808, null, 9223372036854775807, 0]");
  ExpectRoundTrip(arrow::uint8(), "[0, null, 255]");
  ExpectRoundTrip(arrow::uint16(), "[0, null, 65535]");
  ExpectRoundTrip(arrow::uint32(), "[0, null, 4294967295]");
  ExpectRoundTrip(arrow::uint64(), "[0, null, 18446744073709551615]");
  ExpectRoundTrip(arrow::float32(), "[0.5, null, -1.25]");
  ExpectRoundTrip(arrow::float64(), "[0.5, null, -1e300]");
  ExpectRoundTrip(arrow::utf8(), R"(["", null, "ESH4", "größe", "ESH4"])");
  ExpectRoundTrip(arrow::binary(), R"(["", null, "ab"])");
  ExpectRoundTrip(arrow::fixed_size_binary(3), R"(["abc", null, "xyz"])");
  ExpectRoundTrip(arrow::date32(), "[0, null, 19800, -1]");
  ExpectRoundTrip(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "[0, null, 1703376000000000, -1]");
  ExpectRoundTrip(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"), "[0, null, 1703376000000000001]");
  ExpectRoundTrip(arrow::decimal128(9, 2), R"(["1.25", null, "-9999999.99"])");
  ExpectRoundTrip(arrow::decimal128(38, 9), R"(["1.250000000", null, "-12345678901234567890.000000001"])");
  ExpectRoundTrip(arrow::list(arrow::field("element", arrow::int64())), "[[1, 2], null, [], [null]]");
  ExpectRoundTrip(arrow::struct_({arrow::field("a", arrow::int64()), arrow::field("b", arrow::utf8())}),
                  R"([{"a": 1, "b": "x"}, null, {"a": null, "b": null}])");
  ExpectRoundTrip(arrow::map(arrow::utf8(), arrow::int64()), R"([[["a", 1], ["b", null]], null, []])");
  ExpectRoundTrip(arrow::float64(), "[null, null]");
  ExpectRoundTrip(arrow::utf8(), "[null, null]");
  ExpectRoundTrip(arrow::int64(), "[]");
  ExpectRoundTrip(arrow::list(arrow::field("element", arrow::utf8())), "[]");
}

constexpr uint64_t kWriterSeed = 11;

// Columns of every kind that is encoded here rather than by Arrow, with nulls or without, of few different
// values or of many.
std::shared_ptr<arrow::Table> RandomTable(int64_t rows, double null_share, uint64_t different) {
  std::mt19937_64 random(kWriterSeed);
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  const auto add = [&](const std::shared_ptr<arrow::DataType>& type, const auto& append) {
    const auto builder = Value(arrow::MakeBuilder(type));
    for (int64_t i = 0; i < rows; ++i) {
      const bool null = std::uniform_real_distribution(0.0, 1.0)(random) < null_share;
      if (!(null ? builder->AppendNull() : append(builder.get(), random() % different)).ok()) std::abort();
    }
    fields.push_back(arrow::field(fmt::format("c{}", fields.size()), type, /*nullable=*/null_share > 0));
    columns.push_back(Value(builder->Finish()));
  };
  const auto number = [&]<typename BuilderType>(BuilderType*) {
    return [](arrow::ArrayBuilder* builder, uint64_t value) {
      using T = typename BuilderType::value_type;
      // Spread over the whole range of the type, both signs included.
      return static_cast<BuilderType*>(builder)->Append(static_cast<T>(value * 0x9E3779B97F4A7C15));
    };
  };
  add(arrow::int8(), number(static_cast<arrow::Int8Builder*>(nullptr)));
  add(arrow::int16(), number(static_cast<arrow::Int16Builder*>(nullptr)));
  add(arrow::int32(), number(static_cast<arrow::Int32Builder*>(nullptr)));
  add(arrow::int64(), number(static_cast<arrow::Int64Builder*>(nullptr)));
  add(arrow::uint8(), number(static_cast<arrow::UInt8Builder*>(nullptr)));
  add(arrow::uint16(), number(static_cast<arrow::UInt16Builder*>(nullptr)));
  add(arrow::uint32(), number(static_cast<arrow::UInt32Builder*>(nullptr)));
  add(arrow::uint64(), number(static_cast<arrow::UInt64Builder*>(nullptr)));
  add(arrow::float32(), number(static_cast<arrow::FloatBuilder*>(nullptr)));
  add(arrow::float64(), number(static_cast<arrow::DoubleBuilder*>(nullptr)));
  add(arrow::date32(), number(static_cast<arrow::Date32Builder*>(nullptr)));
  add(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"), number(static_cast<arrow::TimestampBuilder*>(nullptr)));
  add(arrow::utf8(), [](arrow::ArrayBuilder* builder, uint64_t value) {
    return static_cast<arrow::StringBuilder*>(builder)->Append(std::string(value % 40, 'x') +
                                                               std::to_string(value));
  });
  add(arrow::utf8(), [](arrow::ArrayBuilder* builder, uint64_t value) {
    return static_cast<arrow::StringBuilder*>(builder)->Append(
        std::string(1, static_cast<char>(value % 128)));
  });
  add(arrow::large_binary(), [](arrow::ArrayBuilder* builder, uint64_t value) {
    return static_cast<arrow::LargeBinaryBuilder*>(builder)->Append(
        std::string_view(reinterpret_cast<const char*>(&value), sizeof value));
  });
  add(arrow::boolean(), [](arrow::ArrayBuilder* builder, uint64_t value) {
    return static_cast<arrow::BooleanBuilder*>(builder)->Append(value % 2 == 0);
  });
  return arrow::Table::Make(arrow::schema(std::move(fields)), std::move(columns));
}

class ArrowOracleTest : public WriterTest {
 protected:
  static std::unique_ptr<::parquet::arrow::FileReader> OpenByArrow(const std::string& path) {
    return Value(
        ::parquet::arrow::OpenFile(Value(arrow::io::ReadableFile::Open(path)), arrow::default_memory_pool()));
  }

  // Written here, read by Arrow: equal values, and the statistics that Arrow would have written.
  void ExpectArrowAgrees(const arrow::Table& table, const WriteOptions& options, int64_t batch_rows) {
    const std::string path = Path("ours.parquet");
    std::filesystem::remove(path);
    Value(WriteTable(path, table, options, batch_rows));
    const auto ours = OpenByArrow(path);
    const auto back = Value(ours->ReadTable());
    MQ_ASSERT_OK(back->ValidateFull());
    EXPECT_TRUE(back->Equals(table)) << "seed " << kWriterSeed;

    const auto sink = Value(arrow::io::BufferOutputStream::Create());
    const auto properties =
        ::parquet::WriterProperties::Builder().max_row_group_length(options.row_group_rows)->build();
    MQ_ASSERT_OK(::parquet::arrow::WriteTable(table, arrow::default_memory_pool(), sink,
                                              options.row_group_rows, properties));
    const auto theirs =
        ::parquet::ReadMetaData(std::make_shared<arrow::io::BufferReader>(Value(sink->Finish())));
    const auto& footer = *ours->parquet_reader()->metadata();
    ASSERT_EQ(footer.num_row_groups(), theirs->num_row_groups());
    for (int g = 0; g < footer.num_row_groups(); ++g) {
      for (int c = 0; c < footer.num_columns(); ++c) {
        const auto mine = footer.RowGroup(g)->ColumnChunk(c)->encoded_statistics();
        const auto other = theirs->RowGroup(g)->ColumnChunk(c)->encoded_statistics();
        ASSERT_EQ(mine->has_min, other->has_min) << "column " << c;
        EXPECT_EQ(mine->min(), other->min()) << "column " << c << ", seed " << kWriterSeed;
        EXPECT_EQ(mine->max(), other->max()) << "column " << c << ", seed " << kWriterSeed;
        EXPECT_EQ(mine->null_count, other->null_count) << "column " << c;
      }
    }
  }
};

TEST_F(ArrowOracleTest, ReadsEveryCodec) {
  const auto table = RandomTable(3000, 0.1, 500);
  for (const Codec codec :
       {Codec::kNone, Codec::kSnappy, Codec::kZstd, Codec::kGzip, Codec::kLz4, Codec::kBrotli}) {
    WriteOptions options;
    options.codec = codec;
    ExpectArrowAgrees(*table, options, 1000);
  }
}

TEST_F(ArrowOracleTest, ReadsEveryMixOfNullsAndRepetition) {
  for (const double null_share : {0.0, 0.02, 0.9, 1.0}) {
    for (const uint64_t different : {uint64_t{1}, uint64_t{2}, uint64_t{900}, uint64_t{1} << 60}) {
      ExpectArrowAgrees(*RandomTable(5000, null_share, different), {}, 1700);
    }
  }
}

TEST_F(ArrowOracleTest, ReadsManyPagesAndRowGroups) {
  // 140,000 rows: pages straight from batches, pages gathered from short ones, and a dictionary that some
  // columns outgrow on the way.
  const auto few = RandomTable(140'000, 0, 30'000);
  const auto nulls = RandomTable(140'000, 0.3, 70'000);
  for (const int64_t batch_rows : {999, 20'000, 140'000}) {
    WriteOptions options;
    options.row_group_rows = 100'000;
    ExpectArrowAgrees(*few, options, batch_rows);
    ExpectArrowAgrees(*nulls, options, batch_rows);
  }
}

TEST_F(ArrowOracleTest, RepetitionThatEndsLeavesTheDictionary) {
  // The first page has few different values; the later ones have nothing but.
  arrow::Int64Builder numbers;
  arrow::StringBuilder strings;
  for (int64_t i = 0; i < 300'000; ++i) {
    const int64_t value = i < 70'000 ? i % 7 * 1'000'003 : i * 7'777'777;
    MQ_ASSERT_OK(numbers.Append(value));
    MQ_ASSERT_OK(strings.Append(std::to_string(value)));
  }
  const auto table =
      arrow::Table::Make(arrow::schema({arrow::field("n", arrow::int64()), arrow::field("s", arrow::utf8())}),
                         {Value(numbers.Finish()), Value(strings.Finish())});
  ExpectArrowAgrees(*table, {}, 50'000);
  const auto footer = OpenByArrow(Path("ours.parquet"))->parquet_reader()->metadata();
  for (int c = 0; c < 2; ++c) {
    const auto chunk = footer->RowGroup(0)->ColumnChunk(c);
    EXPECT_TRUE(chunk->has_dictionary_page());
    std::set<::parquet::Encoding::type> encodings;
    for (const auto& stats : chunk->encoding_stats()) encodings.insert(stats.encoding);
    EXPECT_TRUE(encodings.contains(::parquet::Encoding::RLE_DICTIONARY));
    EXPECT_TRUE(
        encodings.contains(c == 0 ? ::parquet::Encoding::DELTA_BINARY_PACKED : ::parquet::Encoding::PLAIN));
  }
}

TEST_F(ArrowOracleTest, IndicesOfFeaturesTakeNoMoreBitsThanTheyNeed) {
  // Prices that walk by cents: 12 bits tell them apart, and no codec finds much in those. Integers that walk
  // alike are laid out to be small.
  std::mt19937_64 random(kWriterSeed);
  constexpr int64_t kRows = 100'000;
  arrow::DoubleBuilder prices;
  arrow::Int64Builder cents;
  int64_t walk = 10'000;
  for (int64_t i = 0; i < kRows; ++i) {
    walk = std::clamp<int64_t>(walk + static_cast<int64_t>(random() % 400) - 200, 9'000, 12'000);
    MQ_ASSERT_OK(prices.Append(static_cast<double>(walk) / 100));
    MQ_ASSERT_OK(cents.Append(walk * 999'999'937));
  }
  const auto table = arrow::Table::Make(
      arrow::schema({arrow::field("price", arrow::float64()), arrow::field("cents", arrow::int64())}),
      {Value(prices.Finish()), Value(cents.Finish())});
  ExpectArrowAgrees(*table, {}, kRows);
  const auto footer = OpenByArrow(Path("ours.parquet"))->parquet_reader()->metadata();
  const auto dictionary = int64_t{3'001} * 8;
  const int64_t packed = footer->RowGroup(0)->ColumnChunk(0)->total_uncompressed_size() - dictionary;
  const int64_t padded = footer->RowGroup(0)->ColumnChunk(1)->total_uncompressed_size() - dictionary;
  EXPECT_LT(packed, kRows * 13 / 8) << "seed " << kWriterSeed;
  EXPECT_GT(padded, kRows * 15 / 8) << "seed " << kWriterSeed;
}

TEST_F(ArrowOracleTest, SpecialFloatingNumbersComeBackBitByBit) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double inf = std::numeric_limits<double>::infinity();
  for (const std::vector<double>& values : std::vector<std::vector<double>>{
           {nan, 1.0, -0.0, 0.0, -inf, inf}, {nan, nan}, {0.0, 0.0}, {-0.0}, {nan, -1.5, 2.5}}) {
    arrow::DoubleBuilder builder;
    MQ_ASSERT_OK(builder.AppendValues(values));
    MQ_ASSERT_OK(builder.AppendNull());
    const auto array = Value(builder.Finish());
    const auto table = arrow::Table::Make(arrow::schema({arrow::field("v", arrow::float64())}), {array});
    const std::string path = Path("floating.parquet");
    std::filesystem::remove(path);
    const WrittenFile written = Value(WriteTable(path, *table));
    const auto back = Value(OpenByArrow(path)->ReadTable());
    const auto& read = static_cast<const arrow::DoubleArray&>(*back->column(0)->chunk(0));
    for (size_t i = 0; i < values.size(); ++i) {
      EXPECT_EQ(std::bit_cast<uint64_t>(read.Value(static_cast<int64_t>(i))),
                std::bit_cast<uint64_t>(values[i]));
    }
    const bool any_nan = std::any_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
    const bool only_nan = std::all_of(values.begin(), values.end(), [](double v) { return std::isnan(v); });
    ASSERT_EQ(written.columns.size(), 1u);
    EXPECT_EQ(written.columns[0].has_nan, any_nan);
    EXPECT_EQ(written.columns[0].null_count, 1);
    EXPECT_EQ(written.columns[0].min == nullptr, only_nan);
    EXPECT_EQ(written.columns[0].max == nullptr, only_nan);
  }
}

class PagesTest : public WriterTest {
 protected:
  // The bytes of every page of the only column.
  std::set<std::string> Pages(const std::string& path) {
    const auto file = ::parquet::ParquetFileReader::OpenFile(path);
    std::set<std::string> pages;
    for (int i = 0; i < file->metadata()->num_row_groups(); ++i) {
      const auto reader = file->RowGroup(i)->GetColumnPageReader(0);
      for (auto page = reader->NextPage(); page != nullptr; page = reader->NextPage()) {
        pages.emplace(reinterpret_cast<const char*>(page->data()), page->size());
      }
    }
    return pages;
  }

  std::shared_ptr<arrow::Table> Texts(int first, int last) {
    arrow::StringBuilder builder;
    for (int i = first; i < last; ++i) EXPECT_TRUE(builder.Append(Xxh3Hex(std::to_string(i))).ok());
    return arrow::Table::Make(arrow::schema({arrow::field("v", arrow::utf8())}), {Value(builder.Finish())});
  }
};

TEST_F(PagesTest, EndWhereTheirContentSays) {
  const auto shared = [&](WriteOptions options) {
    options.verify = VerifyLevel::kFull;
    EXPECT_TRUE(WriteTable(Path("all.parquet"), *Texts(0, 100'000), options).ok());
    EXPECT_TRUE(WriteTable(Path("without-one.parquet"), *Texts(1, 100'000), options).ok());
    EXPECT_EQ(Value(ReadTable(Path("all.parquet")))->num_rows(), 100'000);
    const auto all = Pages(Path("all.parquet")), without_one = Pages(Path("without-one.parquet"));
    size_t count = 0;
    for (const std::string& page : all) count += without_one.contains(page) ? 1 : 0;
    std::filesystem::remove(Path("all.parquet"));
    std::filesystem::remove(Path("without-one.parquet"));
    EXPECT_GT(all.size(), 10u);
    return static_cast<double>(count) / static_cast<double>(all.size());
  };
  EXPECT_LT(shared({.codec = Codec::kNone, .row_group_rows = 1'000}), 0.1);
  WriteOptions options{.codec = Codec::kNone};
  options.content_pages = {.min_bytes = 4 << 10, .max_bytes = 16 << 10, .norm_level = 0};
  EXPECT_GT(shared(options), 0.6);  // the others begin the column, and are indices into a dictionary
  options.content_pages->max_bytes = 1;
  const auto refused = WriteTable(Path("refused.parquet"), *Texts(0, 1), options).status();
  EXPECT_TRUE(IsKind(refused, ErrorKind::kInvalidInput)) << refused;
}

TEST_F(PagesTest, AnIndexOfThemMayBeLeftOut) {
  for (const bool page_index : {true, false}) {
    const std::string path = Path(page_index ? "with.parquet" : "without.parquet");
    WriteOptions options;
    options.page_index = page_index;
    options.verify = VerifyLevel::kFull;
    MQ_ASSERT_OK(WriteTable(path, *Texts(0, 100), options).status());
    const auto file = ::parquet::ParquetFileReader::OpenFile(path);
    const auto column = file->metadata()->RowGroup(0)->ColumnChunk(0);
    EXPECT_EQ(column->GetColumnIndexLocation().has_value(), page_index);
    EXPECT_EQ(column->GetOffsetIndexLocation().has_value(), page_index);
    EXPECT_TRUE(Value(ReadTable(path))->Equals(*Texts(0, 100)));
  }
}

TEST_F(WriterTest, ANullInARequiredColumnIsRefused) {
  const auto table =
      arrow::Table::Make(arrow::schema({arrow::field("v", arrow::int64(), /*nullable=*/false)}),
                         {Value(ArrayFromJSONString(arrow::int64(), "[1, null, 3]"))});
  const arrow::Status status = WriteTable(Path("required.parquet"), *table).status();
  EXPECT_TRUE(IsKind(status, ErrorKind::kSchema)) << status.ToString();
  EXPECT_NE(status.message().find("column 'v': row 1 is null"), std::string::npos) << status.ToString();
  EXPECT_TRUE(Names().empty());
}

// Encoders would cut them to what fits, wherever in the rows they are.
TEST_F(WriterTest, DatesAndTimesThatParquetLacksAreRefused) {
  const auto seconds = arrow::time32(arrow::TimeUnit::SECOND);
  struct Case {
    std::shared_ptr<arrow::DataType> type;
    const char* held;
    const char* lacking;  // in the third row
  };
  const std::vector<Case> cases = {
      {arrow::date64(), "[0, null, -86400000]", "[0, null, -1]"},
      {arrow::date64(), "[0, null, 185542587100800000]", "[0, null, 185542587187200000]"},
      {seconds, "[86399, null, 2147483]", "[86399, null, 2147484]"},
      {arrow::list(arrow::date64()), "[[0], null, [0, 86400000]]", "[[0], null, [0, 5]]"},
      {arrow::struct_({arrow::field("k", seconds)}), R"([{"k": 0}, null, {"k": 1}])",
       R"([{"k": 0}, null, {"k": -2147484}])"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.type->ToString());
    const auto write = [&](const char* json) {
      const auto table = arrow::Table::Make(arrow::schema({arrow::field("v", one.type)}),
                                            {Value(ArrayFromJSONString(one.type, json))});
      return WriteTable(Path("times.parquet"), *table).status();
    };
    const arrow::Status refused = write(one.lacking);
    EXPECT_TRUE(IsKind(refused, ErrorKind::kInvalidInput)) << refused.ToString();
    EXPECT_NE(refused.message().find("column 'v': row 2 holds a date, time or decimal"), std::string::npos)
        << refused.ToString();
    EXPECT_TRUE(Names().empty());
    const arrow::Status held = write(one.held);
    EXPECT_TRUE(held.ok()) << held.ToString();
    std::filesystem::remove(Path("times.parquet"));
  }
}

// What lies behind a null row is no value, whatever its bytes are.
TEST_F(WriterTest, TextAndTimesBehindNullRowsAreNotLookedAt) {
  arrow::StringBuilder texts;
  for (const char* const text : {"a", "\xFF", "b"}) MQ_ASSERT_OK(texts.Append(text));
  const auto text = Value(texts.Finish());
  const auto days = Value(ArrayFromJSONString(arrow::date64(), "[0, 1, 86400000]"));
  const auto offsets = Value(ArrayFromJSONString(arrow::int32(), "[0, 1, 2, 3]"));
  const auto lists = Value(arrow::ListArray::FromArrays(*offsets, *text));
  const auto inner = Value(arrow::StructArray::Make({lists}, {arrow::field("l", lists->type())}));
  for (const auto& part : arrow::ArrayVector{text, days, lists, inner}) {
    SCOPED_TRACE(part->type()->ToString());
    const auto write = [&](const char* valid) {
      const auto bits = Value(ArrayFromJSONString(arrow::boolean(), valid))->data()->buffers[1];
      const auto rows = Value(arrow::StructArray::Make({part}, {arrow::field("k", part->type())}, bits));
      const auto table = arrow::Table::Make(arrow::schema({arrow::field("v", rows->type())}), {rows});
      return WriteTable(Path("hidden.parquet"), *table).status();
    };
    const arrow::Status refused = write("[false, true, true]");
    EXPECT_TRUE(IsKind(refused, ErrorKind::kInvalidInput)) << refused;
    EXPECT_NE(refused.message().find("column 'v': row 1 holds"), std::string::npos) << refused;
    MQ_ASSERT_OK(write("[true, false, true]"));
    const auto read = Value(ReadTable(Path("hidden.parquet")))->column(0)->chunk(0);
    EXPECT_TRUE(read->IsValid(0) && read->IsNull(1) && read->IsValid(2)) << read->ToString();
    std::filesystem::remove(Path("hidden.parquet"));
  }
}

TEST_F(WriterTest, ANullBehindANullRowIsNone) {  // as Polars has them
  const auto part = arrow::field("k", arrow::int64(), /*nullable=*/false);
  const auto type = arrow::list(arrow::struct_({part}));
  auto data = Value(ArrayFromJSONString(arrow::list(arrow::struct_({part->WithNullable(true)})),
                                        R"([[{"k": 1}, null], null, [null, {"k": 2}]])"))
                  ->data();
  data->type = type;
  data->child_data[0]->type = type->field(0)->type();
  const auto table = arrow::Table::Make(arrow::schema({arrow::field("v", type)}), {arrow::MakeArray(data)});
  const auto written = WriteTable(Path("hidden.parquet"), *table);
  ASSERT_TRUE(written.ok()) << written.status();
  const auto read = Value(ReadTable(Path("hidden.parquet")));
  const auto expected = Value(ArrayFromJSONString(type, R"([[{"k": 1}, null], null, [null, {"k": 2}]])"));
  EXPECT_TRUE(read->column(0)->chunk(0)->Equals(*expected)) << read->ToString();
}

}  // namespace
}  // namespace marquet::pq

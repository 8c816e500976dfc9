#include "marquet/depth/book_buffer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>

#include "arrow/api.h"
#include "marquet/base/error.h"

namespace marquet::depth {
namespace {

constexpr TensorSpec kSpec{.features = kAllFeatures, .micro_pip = 10, .time_bins = 8, .ticks_per_bin = 5};

// The columns of a book by name, as plain values: the source of truth. Prices are null here and there, but
// not on the first level.
using BookValues = std::map<std::string, std::vector<int64_t>>;

BookValues RandomValues(int64_t rows, uint64_t seed, bool nulls) {
  std::mt19937_64 random(seed);
  BookValues book;
  for (const std::string& name : BookColumnNames(kAllFeatures)) {
    const int64_t level = std::stoi(name.substr(7));
    const int sign = name[0] == 'b' ? -1 : 1;
    auto& column = book[name];
    for (int64_t row = 0; row < rows; ++row) {
      const auto draw = static_cast<int64_t>(random() % 100);
      if (name[4] != 'p') {
        column.push_back(draw);
      } else if (nulls && level > 0 && draw < 10) {
        column.push_back(kUndefinedPrice);
      } else {
        column.push_back(100'000 + sign * (10 + 10 * level + draw % 3 * 10));
      }
    }
  }
  return book;
}

BookRows View(const BookValues& book, int64_t begin, int64_t count) {
  BookRows rows;
  rows.rows = count;
  for (int level = 0; level < kLevels; ++level) {
    const auto column = [&](const char* prefix) {
      return book.at(fmt::format("{}_{:02d}", prefix, level)).data() + begin;
    };
    rows.bid_px[level] = column("bid_px");
    rows.ask_px[level] = column("ask_px");
    rows.bid_sz[level] = column("bid_sz");
    rows.ask_sz[level] = column("ask_sz");
    rows.bid_ct[level] = column("bid_ct");
    rows.ask_ct[level] = column("ask_ct");
  }
  return rows;
}

std::vector<float> Expected(const BookValues& book, int64_t begin) {
  std::vector<float> out(kSpec.cells());
  const auto status = ComputeTensor(View(book, begin, kSpec.rows()), kSpec, out.data());
  EXPECT_TRUE(status.ok()) << status.ToString();
  return out;
}

// Sizes and counts as `integers`; below a null price lies a number that must not be looked at.
std::shared_ptr<arrow::RecordBatch> Batch(const BookValues& book,
                                          const std::shared_ptr<arrow::DataType>& integers) {
  arrow::FieldVector fields;
  arrow::ArrayVector columns;
  for (const auto& [name, values] : book) {
    arrow::Int64Builder builder;
    arrow::UInt32Builder narrow;
    const bool price = name[4] == 'p', is_narrow = !price && integers->id() == arrow::Type::UINT32;
    for (const int64_t value : values) {
      if (price && value == kUndefinedPrice) {
        EXPECT_TRUE(builder.AppendNull().ok());
      } else if (is_narrow) {
        EXPECT_TRUE(narrow.Append(static_cast<uint32_t>(value)).ok());
      } else {
        EXPECT_TRUE(builder.Append(value).ok());
      }
    }
    columns.push_back(is_narrow ? narrow.Finish().ValueOrDie() : builder.Finish().ValueOrDie());
    fields.push_back(arrow::field(name, columns.back()->type()));
  }
  const auto rows = columns[0]->length();
  return arrow::RecordBatch::Make(arrow::schema(fields), rows, std::move(columns));
}

TEST(BookBuffer, ReadsInt64RowsInPlace) {
  const auto batch = Batch(RandomValues(50, 1, false), arrow::int64());
  BookBuffer buffer(kVolume);
  ASSERT_TRUE(buffer.Append(*batch->Slice(5)).ok());
  ASSERT_EQ(buffer.end(), 45);
  const BookRows rows = buffer.Read(7, 20).ValueOrDie();
  EXPECT_EQ(rows.rows, 20);
  const auto values = [&](const char* name) {
    return static_cast<const arrow::Int64Array&>(*batch->GetColumnByName(name)).raw_values();
  };
  EXPECT_EQ(rows.bid_px[0], values("bid_px_00") + 12);
  EXPECT_EQ(rows.ask_px[9], values("ask_px_09") + 12);
  EXPECT_EQ(rows.bid_sz[3], values("bid_sz_03") + 12);
  EXPECT_EQ(rows.bid_ct[3], nullptr);  // not needed for volume
}

TEST(BookBuffer, ANullIsReadAsAnUndefinedPriceAndOnlyWhereItLies) {
  BookValues book = RandomValues(40, 2, false);
  book["ask_px_04"][17] = kUndefinedPrice;
  const auto batch = Batch(book, arrow::int64());
  const auto* values =
      static_cast<const arrow::Int64Array&>(*batch->GetColumnByName("ask_px_04")).raw_values();
  BookBuffer buffer(kVolume);
  ASSERT_TRUE(buffer.Append(*batch).ok());
  EXPECT_EQ(buffer.Read(10, 7).ValueOrDie().ask_px[4], values + 10);
  const BookRows rows = buffer.Read(15, 5).ValueOrDie();
  EXPECT_THAT(std::vector(rows.ask_px[4], rows.ask_px[4] + 5),
              testing::ElementsAre(values[15], values[16], kUndefinedPrice, values[18], values[19]));
}

TEST(BookBuffer, ChunksMayEndAnywhere) {
  // Two chunks with every border within the window, on and beside the borders of bins; and chunks of one row.
  for (const bool nulls : {false, true}) {
    const BookValues book = RandomValues(kSpec.rows(), 3, nulls);
    const auto expected = Expected(book, 0);
    for (const auto& integers : {arrow::int64(), arrow::uint32()}) {
      const auto batch = Batch(book, integers);
      for (int64_t step = 0; step <= kSpec.rows(); ++step) {
        BookBuffer buffer(kAllFeatures);
        if (step == 0) {
          for (int64_t row = 0; row < kSpec.rows(); ++row)
            ASSERT_TRUE(buffer.Append(*batch->Slice(row, 1)).ok());
        } else {
          ASSERT_TRUE(buffer.Append(*batch->Slice(0, step)).ok());
          ASSERT_TRUE(buffer.Append(*batch->Slice(step)).ok());  // no rows, the last time
        }
        std::vector<float> out(kSpec.cells());
        const auto status = ComputeTensor(buffer, kSpec, out.data());
        ASSERT_TRUE(status.ok()) << status.ToString();
        ASSERT_EQ(out, expected) << "border at " << step << ", nulls " << nulls << ", "
                                 << integers->ToString();
      }
    }
  }
}

TEST(BookBuffer, SlicesOfAnyOffsetGiveTheirRows) {
  const BookValues book = RandomValues(kSpec.rows() + 20, 4, true);
  const auto batch = Batch(book, arrow::uint32());
  for (int64_t offset = 0; offset <= 20; ++offset) {
    BookBuffer buffer(kAllFeatures);
    ASSERT_TRUE(buffer.Append(*batch->Slice(offset, kSpec.rows())).ok());
    std::vector<float> out(kSpec.cells());
    ASSERT_TRUE(ComputeTensor(buffer, kSpec, out.data()).ok());
    ASSERT_EQ(out, Expected(book, offset)) << "offset " << offset;
  }
}

TEST(BookBuffer, KeepsWhatItReadsFrom) {
  const BookValues book = RandomValues(kSpec.rows(), 5, false);
  BookBuffer buffer(kAllFeatures);
  ASSERT_TRUE(buffer.Append(*Batch(book, arrow::int64())).ok());  // nobody else holds the batch
  std::vector<float> out(kSpec.cells());
  ASSERT_TRUE(ComputeTensor(buffer, kSpec, out.data()).ok());
  EXPECT_EQ(out, Expected(book, 0));
}

TEST(BookBuffer, RowsComeAndGoUnderTheirNumbers) {
  const BookValues book = RandomValues(400, 6, true);
  const auto batch = Batch(book, arrow::int64());
  BookBuffer buffer(kAllFeatures);
  auto stream = TensorStream::Make(buffer, kSpec).ValueOrDie();
  std::vector<float> out(kSpec.cells());
  int64_t next = 0;
  for (int64_t begin = 0; begin + kSpec.rows() <= 400; begin += 10) {
    while (buffer.end() < begin + kSpec.rows()) {
      const int64_t count = std::min<int64_t>(33, 400 - next);
      ASSERT_TRUE(buffer.Append(*batch->Slice(next, count)).ok());
      next += count;
    }
    buffer.DropBefore(begin);
    EXPECT_EQ(buffer.begin(), begin);
    ASSERT_TRUE(stream->Compute(begin, out.data()).ok());
    ASSERT_EQ(out, Expected(book, begin)) << "begin " << begin;
  }
  for (const auto& [begin, count] : {std::pair<int64_t, int64_t>{359, 1}, {390, 11}, {400, 1}, {370, 0}}) {
    EXPECT_TRUE(IsKind(buffer.Read(begin, count).status(), ErrorKind::kInvalidInput));
  }
}

TEST(BookBuffer, ValuesThatLieAtOddAddressesAreRead) {
  const BookValues book = RandomValues(kSpec.rows(), 7, false);
  auto batch = Batch(book, arrow::int64());
  for (int i = 0; i < batch->num_columns(); ++i) {
    const auto& whole = *batch->column(i)->data()->buffers[1];
    const std::shared_ptr<arrow::Buffer> shifted = arrow::AllocateBuffer(whole.size() + 1).ValueOrDie();
    std::copy_n(whole.data(), whole.size(), shifted->mutable_data() + 1);
    const auto odd = arrow::ArrayData::Make(arrow::int64(), batch->num_rows(),
                                            {nullptr, arrow::SliceBuffer(shifted, 1, whole.size())}, 0);
    batch = batch->SetColumn(i, batch->schema()->field(i), arrow::MakeArray(odd)).ValueOrDie();
  }
  BookBuffer buffer(kAllFeatures);
  ASSERT_TRUE(buffer.Append(*batch).ok());
  EXPECT_EQ(reinterpret_cast<uintptr_t>(buffer.Read(0, 5).ValueOrDie().bid_px[0]) % sizeof(int64_t), 0u);
  std::vector<float> out(kSpec.cells());
  ASSERT_TRUE(ComputeTensor(buffer, kSpec, out.data()).ok());
  EXPECT_EQ(out, Expected(book, 0));
}

TEST(BookBuffer, RefusesColumnsThatDoNotFitAndStaysAsItWas) {
  const auto batch = Batch(RandomValues(20, 8, false), arrow::int64());
  BookBuffer buffer(kAllFeatures);
  ASSERT_TRUE(buffer.Append(*batch).ok());
  const int place = batch->schema()->GetFieldIndex("ask_sz_07");
  auto status = buffer.Append(*batch->RemoveColumn(place).ValueOrDie());
  EXPECT_TRUE(IsKind(status, ErrorKind::kSchema));
  EXPECT_THAT(status.message(), testing::HasSubstr("no column ask_sz_07"));
  const auto text = arrow::MakeArrayOfNull(arrow::utf8(), 20).ValueOrDie();
  status =
      buffer.Append(*batch->SetColumn(place, arrow::field("ask_sz_07", arrow::utf8()), text).ValueOrDie());
  EXPECT_TRUE(IsKind(status, ErrorKind::kSchema));
  EXPECT_THAT(status.message(), testing::HasSubstr("ask_sz_07 is of type string; expected an integer"));
  EXPECT_EQ(buffer.end(), 20);
}

TEST(BookBuffer, NamesTheRowOfAValueThatIsNoPrice) {
  auto batch = Batch(RandomValues(20, 9, false), arrow::int64());
  arrow::DoubleBuilder builder;
  for (int row = 0; row < 20; ++row) ASSERT_TRUE(builder.Append(row == 13 ? 1e300 : 1.5).ok());
  const int place = batch->schema()->GetFieldIndex("bid_px_02");
  batch = batch->SetColumn(place, arrow::field("bid_px_02", arrow::float64()), builder.Finish().ValueOrDie())
              .ValueOrDie();
  BookBuffer buffer(kVolume);
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(buffer.Append(*batch).ok());
  EXPECT_TRUE(buffer.Read(0, 13).ok());
  EXPECT_THAT(buffer.Read(30, 10).status().message(), testing::HasSubstr("bid_px_02 is 1e+300 in row 33"));
}

}  // namespace
}  // namespace marquet::depth

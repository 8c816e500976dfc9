// Files of Arrow's writer with a Bloom filter, as they are and cut.
#include "marquet/parquet/verify/bloom_filters_internal.h"

#include "arrow/io/memory.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/arrow/writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"

namespace marquet::pq {
namespace {

class BloomFiltersTest : public FileTest {
 protected:
  static std::string Filtered() {
    arrow::Int64Builder numbers;
    for (int64_t i = 0; i < 500; ++i) EXPECT_TRUE(numbers.Append(i).ok());
    const auto table =
        arrow::Table::Make(arrow::schema({arrow::field("n", arrow::int64())}), {Value(numbers.Finish())});
    const auto out = Value(arrow::io::BufferOutputStream::Create());
    ::parquet::WriterProperties::Builder properties;
    ::parquet::BloomFilterOptions filter;
    filter.ndv = 500;
    properties.disable_write_page_index()->enable_bloom_filter("n", filter);
    EXPECT_TRUE(
        ::parquet::arrow::WriteTable(*table, arrow::default_memory_pool(), out, 250, properties.build())
            .ok());
    return Value(out->Finish())->ToString();
  }

  static BloomFilters Read(const std::string& bytes) {
    arrow::io::BufferReader file(std::make_shared<arrow::Buffer>(bytes));
    const Footer footer = Value(ReadFooter(file, "f", static_cast<int64_t>(bytes.size())));
    return Value(ReadBloomFilters(file, footer, nullptr));
  }

  bool IsSound(const std::string& bytes, VerifyLevel level) const {
    PutBytes(Path("f.parquet"), bytes);
    const FileVerdict verdict = Value(VerifyFile(*fs_, Path("f.parquet"), level));
    return verdict.ok && verdict.odd.empty();
  }
};

TEST_F(BloomFiltersTest, ThoseThatAreWholeAreFoundWhereTheFooterHasThem) {
  const std::string file = Filtered();
  const BloomFilters found = Read(file);
  EXPECT_TRUE(found.faults.empty());
  ASSERT_EQ(found.whole.size(), 2u);  // one a row group
  for (const VerifyLevel level : {VerifyLevel::kCrc, VerifyLevel::kFull}) EXPECT_TRUE(IsSound(file, level));
}

TEST_F(BloomFiltersTest, AFilterThatWasCutOrMovedIsAFault) {
  const std::string file = Filtered();
  const std::vector<ByteRange> whole = Read(file).whole;
  for (const ByteRange& range : whole) {
    const auto begin = static_cast<size_t>(range.begin), length = static_cast<size_t>(range.length());
    for (size_t cut = 1; cut <= length; cut += 3) {
      const std::string shorter = file.substr(0, begin + length - cut) + file.substr(begin + length);
      EXPECT_FALSE(Read(shorter).faults.empty()) << cut;
      EXPECT_FALSE(IsSound(shorter, VerifyLevel::kCrc)) << cut;
      const std::string longer = file.substr(0, begin) + std::string(cut, 'x') + file.substr(begin);
      EXPECT_FALSE(Read(longer).faults.empty()) << cut;
      EXPECT_FALSE(IsSound(longer, VerifyLevel::kCrc)) << cut;
    }
  }
}

}  // namespace
}  // namespace marquet::pq

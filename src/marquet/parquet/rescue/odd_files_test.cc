// What other writers get wrong in a file of which every row can be read whole: odd, and no damage.
#include "arrow/io/memory.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/parquet/format/page_header_internal.h"
#include "marquet/parquet/rescue/rescue.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/arrow/writer.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

class OddFilesTest : public FileTest {
 protected:
  static std::shared_ptr<arrow::Table> Words() {
    arrow::StringBuilder words;
    for (int i = 0; i < 40; ++i) EXPECT_TRUE(words.Append(i % 2 == 0 ? "one" : "two").ok());
    return arrow::Table::Make(arrow::schema({arrow::field("word", arrow::utf8())}), {Value(words.Finish())});
  }

  // With dictionaries, by Arrow in the name of another writer.
  std::string Write(const std::string& created_by) const {
    const auto out = Value(arrow::io::BufferOutputStream::Create());
    ::parquet::WriterProperties::Builder properties;
    properties.created_by(created_by)->disable_write_page_index();
    EXPECT_TRUE(
        ::parquet::arrow::WriteTable(*Words(), arrow::default_memory_pool(), out, 40, properties.build())
            .ok());
    PutBytes(Path("odd.parquet"), Value(out->Finish())->ToString());
    return Path("odd.parquet");
  }

  void ExpectOdd(const std::string& message) const {
    const FileVerdict verdict = Value(VerifyFile(*fs_, Path("odd.parquet"), VerifyLevel::kFull));
    EXPECT_TRUE(verdict.ok) << verdict.damage[0].message;
    EXPECT_EQ(verdict.rows, 40);
    EXPECT_EQ(verdict.rows_intact, 40);
    ASSERT_EQ(verdict.odd.size(), 1u);
    EXPECT_EQ(verdict.odd[0].message, message);
    EXPECT_TRUE(Value(ReadTable(Path("odd.parquet")))->Equals(*Words()));
    EXPECT_EQ(Value(FileReader::Open(fs_, Path("odd.parquet")))->rows(), 40);
    const RescueReport report =
        Value(Rescue(fs_, Path("odd.parquet"), Path("out.parquet"),
                     []() -> arrow::Result<std::optional<RescueSchema>> { return std::nullopt; }));
    EXPECT_TRUE(report.intact);
  }
};

TEST_F(OddFilesTest, ANumberOfRowsThatWasLeftZero) {
  for (const std::string writer : {"someone version 1.0", "marquet version 0.1.0"}) {
    std::string file = Bytes(Write(writer));
    const size_t begin =
        file.size() - 8 - Value(FileReader::Open(fs_, Path("odd.parquet")))->footer()->size();
    const size_t rows =
        file.find("\x16\x50", begin);  // field 3: 40, zigzag; the schema before it has no numbers of 64 bits
    ASSERT_NE(rows, std::string::npos);
    file[rows + 1] = '\0';
    PutBytes(Path("odd.parquet"), file);
    if (writer.starts_with("someone")) {
      ExpectOdd("the footer says 0 rows; its row groups have 40");
    } else {
      EXPECT_FALSE(Value(VerifyFile(*fs_, Path("odd.parquet"), VerifyLevel::kFull)).ok);
      EXPECT_TRUE(IsKind(FileReader::Open(fs_, Path("odd.parquet")).status(), ErrorKind::kCorruptData));
    }
  }
}

// parquet-mr up to 1.2.8 left the header of the dictionary page out of a chunk's size.
TEST_F(OddFilesTest, ASizeWithoutTheDictionarysHeader) {
  for (const std::string writer : {"parquet-mr version 1.2.8", "parquet-mr version 1.8.0"}) {
    const std::string file = Bytes(Write(writer));
    const auto footer = Value(FileReader::Open(fs_, Path("odd.parquet")))->footer();
    const auto chunk = footer->RowGroup(0)->ColumnChunk(0);
    const int64_t begin = chunk->dictionary_page_offset();
    const PageHeader header = Value(ParsePageHeader(
        {reinterpret_cast<const uint8_t*>(file.data()) + begin, file.size() - static_cast<size_t>(begin)}));
    const int64_t size = chunk->total_compressed_size() - header.header_size;
    ::parquet::WriterProperties::Builder properties;
    const auto builder =
        ::parquet::FileMetaDataBuilder::Make(footer->schema(), properties.created_by(writer)->build());
    auto* const group = builder->AppendRowGroup();
    group->set_num_rows(40);
    group->NextColumnChunk()->Finish(40, begin, -1, chunk->data_page_offset(), size,
                                     chunk->total_uncompressed_size(), true, false, {}, {});
    group->Finish(size);
    const auto out = Value(arrow::io::BufferOutputStream::Create());
    EXPECT_TRUE(out->Write(file.substr(0, file.size() - 8 - footer->size())).ok());
    ::parquet::WriteFileMetaData(*builder->Finish(footer->key_value_metadata()), out.get());
    PutBytes(Path("odd.parquet"), Value(out->Finish())->ToString());
    if (writer == "parquet-mr version 1.2.8") {
      ExpectOdd(fmt::format("the pages take {} bytes; the footer says {}", size + header.header_size, size));
    } else {
      EXPECT_FALSE(Value(VerifyFile(*fs_, Path("odd.parquet"), VerifyLevel::kFull)).ok);
    }
  }
}

TEST_F(OddFilesTest, StatisticsMayBeMissing) {
  const auto out = Value(arrow::io::BufferOutputStream::Create());
  EXPECT_TRUE(
      ::parquet::arrow::WriteTable(*Words(), arrow::default_memory_pool(), out, 40,
                                   ::parquet::WriterProperties::Builder().disable_statistics()->build())
          .ok());
  PutBytes(Path("odd.parquet"), Value(out->Finish())->ToString());
  const FileVerdict verdict = Value(VerifyFile(*fs_, Path("odd.parquet"), VerifyLevel::kFull));
  EXPECT_TRUE(verdict.ok);
  EXPECT_TRUE(verdict.odd.empty());
}

}  // namespace
}  // namespace marquet::pq

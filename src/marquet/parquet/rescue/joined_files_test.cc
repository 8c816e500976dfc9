// Files that were joined, and files that something was put behind or before.
#include <algorithm>
#include <cerrno>

#include <cstring>

#include "arrow/io/memory.h"
#include "fmt/format.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/file/fault_file_system.h"
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

class JoinedFilesTest : public FileTest {
 protected:
  static std::shared_ptr<arrow::Table> Numbers(int64_t first) {
    arrow::Int64Builder numbers;
    arrow::DoubleBuilder halves;
    for (int64_t i = 0; i < 500; ++i) {
      EXPECT_TRUE(numbers.Append(first + i).ok());
      EXPECT_TRUE(halves.Append(static_cast<double>(first + i) / 2).ok());
    }
    return arrow::Table::Make(
        arrow::schema({arrow::field("n", arrow::int64()), arrow::field("v", arrow::float64())}),
        {Value(numbers.Finish()), Value(halves.Finish())});
  }

  // By Arrow, plain: pages of other files of the same shape lie at the same bytes.
  static std::string ArrowFile(const arrow::Table& table, bool dictionary = false, bool page_index = true) {
    const auto out = Value(arrow::io::BufferOutputStream::Create());
    ::parquet::WriterProperties::Builder properties;
    if (!dictionary) properties.disable_dictionary();
    if (!page_index) properties.disable_write_page_index();
    EXPECT_TRUE(
        ::parquet::arrow::WriteTable(table, arrow::default_memory_pool(), out, 500, properties.build()).ok());
    return Value(out->Finish())->ToString();
  }

  std::string MarquetFile(const arrow::Table& table) const {
    std::filesystem::remove(Path("whole.parquet"));
    Value(WriteTable(Path("whole.parquet"), table));
    return Bytes(Path("whole.parquet"));
  }

  FileVerdict Verify(const std::string& bytes, VerifyLevel level = VerifyLevel::kFull) const {
    PutBytes(Path("joined.parquet"), bytes);
    return Value(VerifyFile(*fs_, Path("joined.parquet"), level));
  }

  RescueReport RescueJoined() const {
    return Value(Rescue(fs_, Path("joined.parquet"), Path("out.parquet"),
                        []() -> arrow::Result<std::optional<RescueSchema>> { return std::nullopt; }));
  }
};

TEST_F(JoinedFilesTest, ARowThatIsReadForAnotherIsDamage) {
  for (const bool marquet : {false, true}) {
    const auto file = [&](int64_t first) {
      return marquet ? MarquetFile(*Numbers(first)) : ArrowFile(*Numbers(first));
    };
    const std::string first = file(0), second = file(5'000);
    for (const std::string& bytes : {first + second, first + first, first + second + second}) {
      const FileVerdict verdict = Verify(bytes);
      ASSERT_FALSE(verdict.ok);
      if (marquet) continue;  // pages whose sizes differ tell already
      const Damage& unclaimed = verdict.damage.back();
      EXPECT_EQ(unclaimed.region, "unclaimed");
      EXPECT_NE(unclaimed.message.find(fmt::format("a Parquet file ends among them, at byte {}",
                                                   WithCommas(static_cast<int64_t>(first.size())))),
                std::string::npos)
          << unclaimed.message;
      // The second one's statistics are not those of the first one's values.
      const auto of_statistics = [](const Damage& damage) { return damage.region == "statistics"; };
      EXPECT_EQ(std::ranges::any_of(verdict.damage, of_statistics), bytes != first + first);
      EXPECT_TRUE(Verify(bytes, VerifyLevel::kFooter).ok);
      EXPECT_FALSE(Verify(bytes, VerifyLevel::kCrc).ok);
    }
  }
}

// The second file's footer may have been made to fit where it lies now. The first one's rows are then lost.
TEST_F(JoinedFilesTest, PagesThatNoRowGroupHasAreDamage) {
  const std::string first = ArrowFile(*Numbers(0));
  PutBytes(Path("first.parquet"), first);
  const auto reader = Value(FileReader::Open(fs_, Path("first.parquet")));
  const auto group = reader->footer()->RowGroup(0);
  const int64_t begin = group->ColumnChunk(0)->data_page_offset();
  const int64_t end =
      group->ColumnChunk(1)->data_page_offset() + group->ColumnChunk(1)->total_compressed_size();
  const std::string pages = first.substr(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  const auto builder = ::parquet::FileMetaDataBuilder::Make(reader->footer()->schema(),
                                                            ::parquet::default_writer_properties());
  auto* const moved = builder->AppendRowGroup();
  moved->set_num_rows(500);
  for (int i = 0; i < 2; ++i) {
    const auto chunk = group->ColumnChunk(i);
    moved->NextColumnChunk()->Finish(
        500, -1, -1, chunk->data_page_offset() + static_cast<int64_t>(pages.size()),
        chunk->total_compressed_size(), chunk->total_uncompressed_size(), false, false, {}, {});
  }
  moved->Finish(0);
  const auto out = Value(arrow::io::BufferOutputStream::Create());
  EXPECT_TRUE(out->Write("PAR1" + pages + pages).ok());
  ::parquet::WriteFileMetaData(*builder->Finish(), out.get());
  const FileVerdict verdict = Verify(Value(out->Finish())->ToString());
  ASSERT_EQ(verdict.damage.size(), 1u);
  EXPECT_EQ(verdict.damage[0].region, "unclaimed");
  EXPECT_EQ(verdict.damage[0].offset, 4);
  EXPECT_EQ(verdict.damage[0].length, static_cast<int64_t>(pages.size()));
  EXPECT_EQ(Value(ReadTable(Path("joined.parquet")))->num_rows(), 500);
}

// The footer of the first of two row groups, behind the pages of both.
TEST_F(JoinedFilesTest, ARowGroupWithoutAPlaceInTheFooterIsDamage) {
  const auto both = Value(arrow::ConcatenateTables({Numbers(0), Numbers(500)}));
  for (const bool dictionary : {false, true}) {
    SCOPED_TRACE(dictionary);
    const std::string one = ArrowFile(*Numbers(0), dictionary, /*page_index=*/false);
    const std::string two = ArrowFile(*both, dictionary, /*page_index=*/false);
    const auto footer_of = [&](const std::string& bytes) {
      uint32_t length = 0;
      std::memcpy(&length, bytes.data() + bytes.size() - 8, sizeof length);
      return bytes.size() - 8 - length;
    };
    const size_t begin = footer_of(one), end = footer_of(two);
    ASSERT_TRUE(one.substr(0, begin) == two.substr(0, begin));
    const FileVerdict verdict = Verify(two.substr(0, end) + one.substr(begin));
    ASSERT_EQ(verdict.damage.size(), 1u);
    EXPECT_EQ(verdict.damage[0].region, "unclaimed");
    EXPECT_EQ(verdict.damage[0].offset, static_cast<int64_t>(begin));
    EXPECT_EQ(verdict.damage[0].length, static_cast<int64_t>(end - begin));
    EXPECT_EQ(verdict.rows, 500);
    const RescueReport report = RescueJoined();
    EXPECT_FALSE(report.intact);
    EXPECT_EQ(report.rows, 500);
    EXPECT_TRUE(report.more_rows_lost);
    EXPECT_EQ(report.bytes_unknown, static_cast<int64_t>(end - begin));
    std::filesystem::remove(Path("out.parquet"));
  }
}

// Another file that was joined, and cut: its rows are not those of the footer, and they are told of.
TEST_F(JoinedFilesTest, RowsBehindAFooterAreToldOf) {
  for (const bool dictionary : {false, true}) {
    const std::string first = ArrowFile(*Numbers(0), dictionary);
    const std::string second = ArrowFile(*Numbers(5'000), dictionary);
    for (const std::string& tail :
         {second.substr(0, second.size() - 20), second.substr(4, second.size() - 24),
          std::string("PAR1\0\0\0\0\0", 9) + second.substr(4, second.size() - 24)}) {
      const FileVerdict verdict = Verify(first + tail);
      EXPECT_FALSE(verdict.ok);
      ASSERT_EQ(verdict.damage.size(), 1u);
      EXPECT_EQ(verdict.damage[0].region, "tail");
      EXPECT_NE(verdict.damage[0].message.find("its rows are in no row group"), std::string::npos)
          << verdict.damage[0].message;
      const RescueReport report = RescueJoined();
      EXPECT_EQ(report.rows, 500);
      EXPECT_TRUE(report.more_rows_lost);
      ASSERT_EQ(report.losses.size(), 1u);
      EXPECT_GE(report.losses[0].offset, static_cast<int64_t>(first.size()));
      EXPECT_EQ(report.losses[0].offset + report.losses[0].bytes,
                static_cast<int64_t>(first.size() + tail.size()));
      EXPECT_EQ(report.bytes_unknown, report.losses[0].bytes);
      EXPECT_TRUE(Value(ReadTable(Path("out.parquet")))->Equals(*Numbers(0)));
      std::filesystem::remove(Path("out.parquet"));
    }
  }
}

// The first file ends before its footer does. Wherever that is, the second one's footer counts from its
// beginning.
TEST_F(JoinedFilesTest, AFirstFileThatWasCutIsDamage) {
  const std::string first = ArrowFile(*Numbers(0)), second = ArrowFile(*Numbers(5'000));
  for (size_t left = 1; left < first.size(); left += left + 50 < first.size() ? 37 : 1) {
    EXPECT_FALSE(Verify(first.substr(0, left) + second).ok) << left << " bytes are left";
    EXPECT_FALSE(Verify(first + second.substr(left)).ok) << left << " bytes are cut";
  }
}

// Of another writer: what it keeps for itself, and the footer that it had before it wrote a new one.
TEST_F(JoinedFilesTest, BytesThatAreNoRowsAreOdd) {
  const std::string file = ArrowFile(*Numbers(0));
  PutBytes(Path("first.parquet"), file);
  const auto footer = Value(FileReader::Open(fs_, Path("first.parquet")))->footer();
  const std::string tail = file.substr(file.size() - 8 - footer->size());
  const std::string data = file.substr(0, file.size() - tail.size());
  const FileVerdict noted = Verify(data + "an index of our own" + tail);
  EXPECT_TRUE(noted.ok);
  ASSERT_EQ(noted.odd.size(), 1u);
  EXPECT_EQ(noted.odd[0].message, "19 bytes are of nothing that the footer names");
  const FileVerdict twice = Verify(data + tail + tail);
  EXPECT_TRUE(twice.ok);
  ASSERT_EQ(twice.odd.size(), 1u);
  EXPECT_NE(twice.odd[0].message.find("they are another footer"), std::string::npos);
  EXPECT_TRUE(Verify(data + std::string(10'000, '\0') + tail).odd.empty());

  const std::string own = MarquetFile(*Numbers(0));
  PutBytes(Path("first.parquet"), own);
  const auto size = Value(FileReader::Open(fs_, Path("first.parquet")))->footer()->size() + size_t{8};
  EXPECT_FALSE(Verify(own.substr(0, own.size() - size) + "x" + own.substr(own.size() - size)).ok);
}

TEST_F(JoinedFilesTest, WhatLiesBehindAFooterIsNamedAndTheRowsAreRescued) {
  const auto table = Numbers(0);
  for (const std::string& file : {ArrowFile(*table), MarquetFile(*table)}) {
    for (const std::string& tail :
         {std::string("\n"), std::string("\r\n"), std::string(4096, '\0'), std::string(3 << 20, ' '),
          std::string("PAR1"), std::string("\x05\0\0\0PAR1 and so on", 18)}) {
      const FileVerdict verdict = Verify(file + tail);
      ASSERT_EQ(verdict.damage.size(), 1u);
      EXPECT_EQ(verdict.damage[0].region, "tail");
      EXPECT_EQ(verdict.damage[0].offset, static_cast<int64_t>(file.size()));
      EXPECT_EQ(verdict.damage[0].length, static_cast<int64_t>(tail.size()));
      EXPECT_EQ(verdict.rows, 500);
      EXPECT_EQ(verdict.rows_intact, 500);
      EXPECT_FALSE(FileReader::Open(fs_, Path("joined.parquet")).ok());
      const RescueReport report = RescueJoined();
      EXPECT_EQ(report.rows, 500);
      EXPECT_FALSE(report.intact);
      EXPECT_EQ(report.rows_lost, 0);
      EXPECT_FALSE(report.more_rows_lost);
      EXPECT_TRUE(Value(ReadTable(Path("out.parquet")))->Equals(*table));
      std::filesystem::remove(Path("out.parquet"));
    }
  }
}

// Each of these reads failing in turn, the error is told: whether files were joined is not known then.
TEST_F(JoinedFilesTest, AnErrorOfReadingWhereAFooterIsLookedForIsTold) {
  const std::string file = ArrowFile(*Numbers(0));
  PutBytes(Path("first.parquet"), file);
  const auto footer = Value(FileReader::Open(fs_, Path("first.parquet")))->footer();
  const size_t tail = file.size() - 8 - footer->size();
  const std::string joined = file + ArrowFile(*Numbers(5'000));
  const std::string rewritten = file.substr(0, tail) + file.substr(tail) + file.substr(tail);
  const std::string longer = file + "\n";  // whose footer is looked for inside of it
  for (const std::string& bytes : {joined, rewritten, longer}) {
    PutBytes(Path("joined.parquet"), bytes);
    int failures = 0;
    for (int64_t n = 1;; ++n) {
      const auto faulty = std::make_shared<file::FaultFileSystem>(fs_);
      faulty->FailAt({.operation = n, .error_number = EIO});
      const auto verdict =
          VerifyFile(*faulty, Path("joined.parquet"), VerifyLevel::kFull, {}, nullptr, /*parallel=*/false);
      if (faulty->operations() < n) break;
      ++failures;
      EXPECT_TRUE(IsKind(verdict.status(), ErrorKind::kStorage))
          << "operation " << n << ": " << verdict.status().ToString();
      EXPECT_EQ(ErrnoOf(verdict.status()), EIO) << "operation " << n;
    }
    EXPECT_GT(failures, 5);
  }
}

// A file that was not finished may hold another one in a column: its footer is not the file's own.
TEST_F(JoinedFilesTest, AFooterOfAFileInsideOfAPageIsNotTakenForTheFiles) {
  arrow::BinaryBuilder blobs;
  for (int i = 0; i < 3; ++i) MQ_ASSERT_OK(blobs.Append(ArrowFile(*Numbers(i))));
  const auto table =
      arrow::Table::Make(arrow::schema({arrow::field("blob", arrow::binary())}), {Value(blobs.Finish())});
  const std::string file = ArrowFile(*table);
  const size_t cut = file.rfind("PAR1", file.size() - 5);  // behind it the last blob has ended
  PutBytes(Path("joined.parquet"), file.substr(0, cut + 6));
  EXPECT_FALSE(Value(VerifyFile(*fs_, Path("joined.parquet"), VerifyLevel::kFull)).ok);
  const auto rescued = Rescue(fs_, Path("joined.parquet"), Path("out.parquet"),
                              []() -> arrow::Result<std::optional<RescueSchema>> { return std::nullopt; });
  EXPECT_TRUE(IsKind(rescued.status(), ErrorKind::kInvalidInput)) << rescued.status().ToString();
}

}  // namespace
}  // namespace marquet::pq

// What a rescue takes and refuses, one case each.
#include "marquet/base/error.h"
#include "marquet/file/fault_file_system.h"
#include "marquet/parquet/rescue/rescue_testing_internal.h"
#include "marquet/parquet/verify/verify.h"

#include "gmock/gmock.h"

namespace marquet::pq {
namespace {

using arrow::Compression;
using ::parquet::ParquetDataPageVersion;
using ::testing::HasSubstr;

class RescueCaseTest : public RescueTest {
 protected:
  // The file without its footer and page index.
  static std::string Pages(const std::string& whole) {
    return whole.substr(0, static_cast<size_t>(PageMap(whole).borders().back()));
  }

  static std::string ErrorOf(const arrow::Result<RescueReport>& report, ErrorKind kind) {
    EXPECT_TRUE(IsKind(report.status(), kind)) << report.status().ToString();
    return report.status().message();
  }
};

TEST_F(RescueCaseTest, FileWithoutItsFooterComesBackWhole) {
  const auto table = FlatTable(1'000);
  const std::string whole = PeerFile(*table, {});
  const auto report = RescueBytes(Pages(whole), SchemaOf(whole));
  ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, 1'000));
  EXPECT_FALSE(report->footer);
  EXPECT_EQ(report->schema_source, "the file whole.parquet");
  EXPECT_EQ(report->complete_row_groups, 3);
  EXPECT_EQ(report->rows_lost, 0);
  EXPECT_FALSE(report->more_rows_lost);
  EXPECT_TRUE(report->losses.empty()) << Losses(*report);
  EXPECT_EQ(report->bytes_recovered + 4, report->bytes);
  EXPECT_TRUE(Value(VerifyFile(*memory_, "out.parquet", VerifyLevel::kFull)).ok);
}

TEST_F(RescueCaseTest, FileWithADamagedFooterComesBackWhole) {
  const auto table = FlatTable(1'000);
  std::string whole = PeerFile(*table, {});
  const RescueSchema schema = SchemaOf(whole);
  for (size_t i = whole.size() - 40; i < whole.size() - 8; ++i) whole[i] = '\xff';
  const auto report = RescueBytes(whole, schema);
  ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, 1'000));
  EXPECT_EQ(report->bytes_unknown, 0);
  ASSERT_EQ(report->notes.size(), 1u) << Losses(*report);
  EXPECT_THAT(report->notes[0], HasSubstr("the page index and the footer, which is damaged"));
}

// All rows came back, so none is lost, and the old footer is no row group.
TEST_F(RescueCaseTest, AFooterThatIsCutOffIsToldFromRows) {
  const auto table = FlatTable(1'000);
  const std::string whole = PeerFile(*table, {});
  const RescueSchema schema = SchemaOf(whole);
  const size_t pages = Pages(whole).size();
  const auto footer = static_cast<size_t>(OpenPeer(whole)->metadata()->size());
  const size_t begin = whole.size() - 8 - footer;
  ASSERT_GT(begin, pages);
  for (size_t cut = begin + 1; cut < whole.size(); ++cut) {
    SCOPED_TRACE(fmt::format("cut at byte {} of {}", cut, whole.size()));
    const auto report = RescueBytes(whole.substr(0, cut), schema);
    ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, 1'000));
    ASSERT_EQ(report->rows_lost, 0);
    ASSERT_FALSE(report->more_rows_lost);
    ASSERT_TRUE(report->losses.empty()) << Losses(*report);
    ASSERT_EQ(report->bytes_lost + report->bytes_unknown, 0);
    ASSERT_EQ(report->bytes_other, static_cast<int64_t>(4 + cut - pages));
    ASSERT_THAT(report->notes, testing::Contains(HasSubstr("page index")));
  }
  // Behind a page that is cut out, the footer's count tells exactly what is lost.
  const auto locations =
      OpenPeer(whole)->GetPageIndexReader()->RowGroup(2)->GetOffsetIndex(0)->page_locations();
  std::string damaged = whole.substr(0, whole.size() - 20);
  damaged[static_cast<size_t>(locations[0].offset)] = '\x77';
  const auto report = RescueBytes(damaged, schema);
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->more_rows_lost);  // what lies before the footer is not its page index alone
  EXPECT_THAT(report->notes, testing::Contains(HasSubstr("the footer, whose end is cut off")));
  EXPECT_EQ(report->bytes_recovered + report->bytes_lost + report->bytes_unknown + report->bytes_other,
            static_cast<int64_t>(damaged.size()));
}

TEST_F(RescueCaseTest, TheSourceStaysAsItIs) {
  const auto table = FlatTable(500);
  const std::string whole = PeerFile(*table, {});
  const std::string pages = Pages(whole);
  ASSERT_TRUE(RescueBytes(pages, SchemaOf(whole)).ok());
  EXPECT_EQ(Value(file::ReadAll(*memory_, "broken.parquet")), pages);
}

TEST_F(RescueCaseTest, AnIntactFileNeedsNoRescue) {
  const auto report = RescueBytes(PeerFile(*FlatTable(500), {}), {});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_TRUE(report->intact);
  EXPECT_EQ(report->rows, 500);
  EXPECT_EQ(report->out, "");
  EXPECT_FALSE(Value(file::Exists(*memory_, "out.parquet")));
}

TEST_F(RescueCaseTest, WhatCannotBeDoneIsRefused) {
  const std::string whole = PeerFile(*FlatTable(500), {});
  const RescueSchema schema = SchemaOf(whole);
  Put("broken.parquet", Pages(whole));
  Put("taken.parquet", "mine");
  EXPECT_THAT(
      ErrorOf(Rescue(memory_, "broken.parquet", "taken.parquet", Known(schema)), ErrorKind::kAlreadyExists),
      HasSubstr("taken.parquet: is there already"));
  EXPECT_EQ(Value(file::ReadAll(*memory_, "taken.parquet")), "mine");
  EXPECT_THAT(
      ErrorOf(Rescue(memory_, "broken.parquet", "broken.parquet", Known(schema)), ErrorKind::kInvalidInput),
      HasSubstr("cannot replace the file they are in"));
  EXPECT_THAT(ErrorOf(Rescue(memory_, "broken.parquet", "out.csv", Known(schema)), ErrorKind::kInvalidInput),
              HasSubstr("must end in .parquet"));
  EXPECT_THAT(ErrorOf(Rescue(memory_, "broken.parquet", "out.parquet", Known({})), ErrorKind::kInvalidInput),
              HasSubstr("has no footer, and pages alone do not tell which columns they hold"));
  EXPECT_THAT(ErrorOf(Rescue(memory_, "nowhere.parquet", "out.parquet", Known(schema)), ErrorKind::kNotFound),
              HasSubstr("nowhere.parquet"));
  EXPECT_THAT(ErrorOf(RescueBytes("no Parquet at all", schema), ErrorKind::kCorruptData),
              HasSubstr("broken.parquet: not a Parquet file: it begins with 'no P'; expected 'PAR1'"));
}

TEST_F(RescueCaseTest, ThereMayBeNothingToRecover) {
  const std::string whole = PeerFile(*FlatTable(500), {});
  const RescueSchema schema = SchemaOf(whole);
  for (const size_t size : {0, 3, 4, 5, 30}) {
    const auto report = RescueBytes(whole.substr(0, size), schema);
    ASSERT_TRUE(report.ok()) << size << ": " << report.status().ToString();
    EXPECT_EQ(report->rows, 0);
    EXPECT_FALSE(Value(file::Exists(*memory_, "out.parquet")));
  }
  EXPECT_EQ(RescueBytes("", {})->losses.at(0).reason, "the file has 0 bytes");
}

TEST_F(RescueCaseTest, AnotherSchemaIsRefused) {
  const auto table = FlatTable(500);
  const std::string pages = Pages(PeerFile(*table, {}));
  // A column less, two columns changed over, a column of another type.
  const std::string fewer = PeerFile(*Value(table->RemoveColumn(3)), {});
  const std::string swapped = PeerFile(*Value(table->SelectColumns({3, 1, 2, 0, 4, 5, 6, 7})), {});
  const std::string other = PeerFile(*NestedTable(100), {});
  for (const std::string& whole : {fewer, swapped, other}) {
    EXPECT_THAT(
        ErrorOf(RescueBytes(pages, SchemaOf(whole)), ErrorKind::kSchema),
        HasSubstr("broken.parquet: the schema of the file whole.parquet is not that of the file's pages: "
                  "the page at byte "));
    EXPECT_FALSE(Value(file::Exists(*memory_, "out.parquet")));
  }
}

TEST_F(RescueCaseTest, TheCodecNeedNotBeThatOfTheSchema) {
  const auto table = FlatTable(600);
  for (const auto version : {ParquetDataPageVersion::V1, ParquetDataPageVersion::V2}) {
    for (const auto said : {Compression::UNCOMPRESSED, Compression::ZSTD, Compression::SNAPPY}) {
      const std::string sibling = PeerFile(*table, {.codec = said, .version = version});
      for (const auto codec : {Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP,
                               Compression::BROTLI, Compression::ZSTD, Compression::LZ4}) {
        SCOPED_TRACE(arrow::util::Codec::GetCodecAsString(codec));
        const std::string pages = Pages(PeerFile(*table, {.codec = codec, .version = version}));
        ASSERT_NO_FATAL_FAILURE(ExpectRows(RescueBytes(pages, SchemaOf(sibling)), *table, 600));
      }
    }
  }
}

TEST_F(RescueCaseTest, SingleColumns) {
  const auto flat = FlatTable(1'000);
  const auto nested = NestedTable(1'000);
  for (const auto& table :
       {Value(flat->SelectColumns({1})), Value(flat->SelectColumns({3})), Value(flat->SelectColumns({6})),
        Value(nested->SelectColumns({1})), Value(nested->SelectColumns({3}))}) {
    SCOPED_TRACE(table->schema()->ToString());
    for (const bool dictionary : {true, false}) {
      const std::string whole = PeerFile(*table, {.dictionary = dictionary});
      const auto report = RescueBytes(Pages(whole), SchemaOf(whole));
      // The last row of a list may go on in a page that is not there.
      const bool hidden = table->schema()->field(0)->type()->num_fields() > 0 &&
                          table->schema()->field(0)->type()->id() == arrow::Type::LIST;
      ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, hidden ? 999 : 1'000));
    }
  }
}

TEST_F(RescueCaseTest, RowGroupsWithoutRowsAndColumnsWithoutValues) {
  const auto schema = arrow::schema({arrow::field("a", arrow::int64()), arrow::field("b", arrow::utf8())});
  const auto nulls =
      arrow::Table::Make(schema, arrow::ArrayVector{Value(arrow::MakeArrayOfNull(arrow::int64(), 300)),
                                                    Value(arrow::MakeArrayOfNull(arrow::utf8(), 300))});
  for (const bool dictionary : {true, false}) {
    const std::string whole = PeerFile(*nulls, {.dictionary = dictionary, .row_group_rows = 100});
    ASSERT_NO_FATAL_FAILURE(ExpectRows(RescueBytes(Pages(whole), SchemaOf(whole)), *nulls, 300));
    const std::string empty = PeerFile(*nulls->Slice(0, 0), {.dictionary = dictionary});
    const auto report = RescueBytes(empty.substr(0, empty.size() - 8), SchemaOf(whole));
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_EQ(report->rows, 0);
  }
}

// Neighbours of one type, pages of one size, no dictionaries: nothing in the file tells a from b.
class AmbiguousColumnsTest : public RescueCaseTest {
 protected:
  static std::shared_ptr<arrow::Table> Numbers(int columns, int64_t rows) {
    std::mt19937_64 random(3);
    arrow::FieldVector fields;
    arrow::ArrayVector arrays;
    for (int i = 0; i < columns; ++i) {
      arrow::Int64Builder builder;
      for (int64_t row = 0; row < rows; ++row)
        EXPECT_TRUE(builder.Append(static_cast<int64_t>(random())).ok());
      fields.push_back(arrow::field(fmt::format("c{}", i), arrow::int64()));
      arrays.push_back(*builder.Finish());
    }
    return arrow::Table::Make(arrow::schema(fields), arrays);
  }
  static PeerFormat Plain(int64_t row_group_rows) {
    return {.dictionary = false, .row_group_rows = row_group_rows, .page_rows = 100};
  }
};

TEST_F(AmbiguousColumnsTest, AreNotGuessed) {
  const auto table = Numbers(2, 2'000);
  const std::string pages = Pages(PeerFile(*table, Plain(400)));
  // A schema alone, and a file of a single small row group, tell nothing of how rows are divided.
  for (const auto& schema : {Value(SchemaOfColumns(table->schema(), "columns")),
                             SchemaOf(PeerFile(*table->Slice(0, 10), Plain(400)))}) {
    const auto report = RescueBytes(pages, schema);
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_EQ(report->rows, 0);
    EXPECT_TRUE(report->more_rows_lost);
    ASSERT_EQ(report->losses.size(), 1u) << Losses(*report);
    EXPECT_EQ(report->losses[0].bytes, report->bytes - 4);
    EXPECT_THAT(report->losses[0].reason, HasSubstr("and nothing tells which is right"));
  }
}

TEST_F(AmbiguousColumnsTest, AreToldApartByAFileThatIsLaidOutAlike) {
  const auto table = Numbers(2, 2'000);
  const std::string whole = PeerFile(*table, Plain(400));
  const auto report = RescueBytes(Pages(whole), SchemaOf(whole));
  ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, 2'000));
  ASSERT_EQ(report->notes.size(), 1u);
  EXPECT_THAT(report->notes[0], HasSubstr("such as 400 rows"));
}

TEST_F(AmbiguousColumnsTest, NeverComeBackWrongWhereverTheFileIsCut) {
  for (const int columns : {2, 3, 5}) {
    const auto table = Numbers(columns, 1'500);
    const std::string whole = PeerFile(*table, Plain(400));
    const PageMap map(whole);
    for (const auto& schema : {SchemaOf(whole), Value(SchemaOfColumns(table->schema(), "columns"))}) {
      for (const int64_t cut : map.borders()) {
        SCOPED_TRACE(fmt::format("{} columns, cut at {}", columns, cut));
        const auto report = RescueBytes(whole.substr(0, static_cast<size_t>(cut)), schema);
        ASSERT_TRUE(report.ok()) << report.status().ToString();
        ASSERT_LE(report->rows, map.RowsOf(cut, false));
        ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, report->rows));
        // All complete row groups but, perhaps, the last.
        const int64_t least = schema.path.empty() ? 0 : map.RowsOf(cut, false) - 400;
        EXPECT_GE(report->rows, least);
      }
    }
  }
}

TEST_F(AmbiguousColumnsTest, AreToldApartByTheLayoutInLargeFilesToo) {
  const auto table = Numbers(20, 60'000);
  const std::string whole = PeerFile(*table, Plain(2'000));
  const auto report = RescueBytes(Pages(whole), SchemaOf(whole));
  ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, 60'000));
  EXPECT_THAT(report->notes.at(0), HasSubstr("such as 2,000 rows"));
}

// What lies between column chunks

TEST_F(RescueCaseTest, PaddingAndBloomFiltersArePassedOver) {
  const auto table = FlatTable(1'000);
  const std::string whole = PeerFile(*table, {});
  const RescueSchema schema = SchemaOf(whole);
  const int64_t second = OpenPeer(whole)->metadata()->RowGroup(1)->ColumnChunk(0)->dictionary_page_offset();
  const auto begin = static_cast<size_t>(second);
  // BloomFilterHeader: 32 bytes, split block, XXHASH, uncompressed.
  const std::string filter = std::string("\x15\x40\x1c\x1c\x00\x00\x1c\x1c\x00\x00\x1c\x1c\x00\x00\x00", 15) +
                             std::string(32, '\x5a');
  for (const std::string& between :
       {std::string(1, '\0'), std::string(100'000, '\0'), filter, filter + filter + std::string(7, '\0')}) {
    const std::string pages = Pages(whole);
    const auto report = RescueBytes(pages.substr(0, begin) + between + pages.substr(begin), schema);
    ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, 1'000));
  }
}

TEST_F(RescueCaseTest, BlocksThatWereNeverWrittenEndTheFile) {
  const auto table = FlatTable(1'000);
  const std::string whole = PeerFile(*table, {});
  const PageMap map(whole);
  const int64_t cut = map.borders()[map.borders().size() / 2];
  const auto report =
      RescueBytes(whole.substr(0, static_cast<size_t>(cut)) + std::string(9 << 20, '\0'), SchemaOf(whole));
  ASSERT_NO_FATAL_FAILURE(ExpectRows(report, *table, map.RowsOf(cut, false)));
  EXPECT_EQ(report->bytes_unknown, 9 << 20);
  EXPECT_THAT(report->losses.back().reason, HasSubstr("are zero, as blocks are that were never written"));
}

// Damage

TEST_F(RescueCaseTest, DamagedPagesAreLeftOutWithAndWithoutAFooter) {
  const auto table = FlatTable(1'000);
  for (const bool checksums : {true, false}) {
    const std::string whole = PeerFile(*table, {.codec = Compression::GZIP, .checksums = checksums});
    const RescueSchema schema = SchemaOf(whole);
    const auto reader = OpenPeer(whole);
    const auto index = reader->GetPageIndexReader();
    for (const int leaf : {0, 1, 3, 6}) {
      // Rows 150 to 300 of the second row group.
      const auto pages = index->RowGroup(1)->GetOffsetIndex(leaf)->page_locations();
      for (const bool footer : {true, false}) {
        SCOPED_TRACE(fmt::format("leaf {}, footer {}, checksums {}", leaf, footer, checksums));
        std::string bytes = footer ? whole : Pages(whole);
        const auto middle = static_cast<size_t>(pages[1].offset + pages[1].compressed_page_size - 12);
        for (size_t i = middle; i < middle + 4; ++i) bytes[i] = static_cast<char>(~bytes[i]);
        const auto report = RescueBytes(bytes, schema);
        ASSERT_TRUE(report.ok()) << report.status().ToString();
        const int64_t begin = 400 + pages[1].first_row_index, end = 400 + pages[2].first_row_index;
        EXPECT_EQ(report->footer, footer);
        EXPECT_EQ(report->rows, 1'000 - (end - begin)) << Losses(*report);
        EXPECT_EQ(report->rows_lost, end - begin);
        ASSERT_EQ(report->losses.size(), 1u) << Losses(*report);
        EXPECT_EQ(report->losses[0].row_group, 1);
        EXPECT_EQ(report->losses[0].page, 1);
        EXPECT_EQ(report->losses[0].offset, pages[1].offset);
        EXPECT_EQ(report->losses[0].bytes, pages[1].compressed_page_size);
        EXPECT_EQ(report->losses[0].rows, end - begin);
        EXPECT_EQ(report->losses[0].column, table->schema()->field(leaf)->name());
        EXPECT_THAT(report->losses[0].reason, HasSubstr(checksums ? "the CRC is" : "no codec makes"));
        const auto expected = Value(
            Value(arrow::ConcatenateTables({table->Slice(0, begin), table->Slice(end)}))->CombineChunks());
        EXPECT_TRUE(Recovered()->Equals(*expected));
      }
    }
  }
}

TEST_F(RescueCaseTest, DamagedPagesOfNestedColumnsCostNoOtherRows) {
  const auto table = NestedTable(1'200);
  for (const auto version : {ParquetDataPageVersion::V1, ParquetDataPageVersion::V2}) {
    const std::string whole =
        PeerFile(*table, {.version = version, .checksums = true, .row_group_rows = 1'200});
    const auto reader = OpenPeer(whole);
    const auto index = reader->GetPageIndexReader();
    for (int leaf = 0; leaf < reader->metadata()->num_columns(); ++leaf) {
      SCOPED_TRACE(fmt::format("leaf {}", leaf));
      const auto pages = index->RowGroup(0)->GetOffsetIndex(leaf)->page_locations();
      std::string bytes = whole;
      const auto middle = static_cast<size_t>(pages[2].offset + pages[2].compressed_page_size - 12);
      for (size_t i = middle; i < middle + 4; ++i) bytes[i] = static_cast<char>(~bytes[i]);
      const auto report = RescueBytes(bytes, {});
      ASSERT_TRUE(report.ok()) << report.status().ToString();
      const int64_t begin = pages[2].first_row_index, end = pages[3].first_row_index;
      EXPECT_EQ(report->rows, table->num_rows() - (end - begin)) << Losses(*report);
      EXPECT_EQ(report->rows_lost, end - begin);
      const auto expected = Value(
          Value(arrow::ConcatenateTables({table->Slice(0, begin), table->Slice(end)}))->CombineChunks());
      EXPECT_TRUE(Recovered()->Equals(*expected));
    }
  }
}

TEST_F(RescueCaseTest, ADamagedDictionaryCostsThePagesThatUseIt) {
  const auto table = FlatTable(1'000);
  const std::string whole = PeerFile(*table, {.codec = Compression::GZIP, .checksums = true});
  const auto chunk = OpenPeer(whole)->metadata()->RowGroup(1)->ColumnChunk(4);
  std::string bytes = whole;
  bytes[static_cast<size_t>(chunk->data_page_offset()) - 5] ^= 0x10;
  for (const std::string& broken : {bytes, bytes.substr(0, Pages(whole).size())}) {
    const auto report = RescueBytes(broken, SchemaOf(whole));
    ASSERT_TRUE(report.ok()) << report.status().ToString();
    EXPECT_EQ(report->rows, 600) << Losses(*report);
    EXPECT_EQ(report->rows_lost, 400);
    ASSERT_FALSE(report->losses.empty());
    EXPECT_THAT(report->losses[0].reason, HasSubstr("its dictionary page is damaged: the CRC is"));
    EXPECT_TRUE(Recovered()->Equals(
        *Value(Value(arrow::ConcatenateTables({table->Slice(0, 400), table->Slice(800)}))->CombineChunks())));
  }
}

TEST_F(RescueCaseTest, ADamagedHeaderIsPassedOverWhereTheOffsetIndexTellsTheNext) {
  const auto table = FlatTable(1'000);
  const std::string whole = PeerFile(*table, {});
  const auto pages = OpenPeer(whole)->GetPageIndexReader()->RowGroup(1)->GetOffsetIndex(2)->page_locations();
  std::string bytes = whole;
  bytes[static_cast<size_t>(pages[1].offset)] = '\x77';
  const auto report = RescueBytes(bytes, {});
  ASSERT_TRUE(report.ok()) << report.status().ToString();
  EXPECT_EQ(report->rows, 850) << Losses(*report);
  EXPECT_EQ(report->losses.at(0).rows, 150);
  // Without a footer, what is behind it belongs to nobody.
  const auto walked = RescueBytes(bytes.substr(0, Pages(whole).size()), SchemaOf(whole));
  ASSERT_NO_FATAL_FAILURE(ExpectRows(walked, *table, 400));
  EXPECT_TRUE(walked->more_rows_lost);
  EXPECT_GT(walked->bytes_unknown, 0);
}

TEST_F(RescueCaseTest, WhateverIsFlippedNothingComesBackThatWasNotThere) {
  const auto table = FlatTable(300);
  const std::string whole = PeerFile(*table, {.checksums = true, .row_group_rows = 100, .page_rows = 40});
  const RescueSchema schema = SchemaOf(whole);
  const std::string pages = Pages(whole);
  std::mt19937 random(11);
  for (int i = 0; i < 400; ++i) {
    const size_t at = 4 + random() % (pages.size() - 4);
    SCOPED_TRACE(fmt::format("byte {}, seed 11", at));
    std::string bytes = pages;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << (random() % 8)));
    const auto report = RescueBytes(bytes, schema);
    if (!report.ok()) {
      EXPECT_TRUE(IsKind(report.status(), ErrorKind::kSchema)) << report.status().ToString();
      continue;
    }
    ASSERT_LE(report->rows, 300);
    if (report->rows == 0) continue;
    // The rows have times that ascend and tell them.
    const auto found = Recovered();
    const auto times = std::static_pointer_cast<arrow::Int64Array>(found->column(0)->chunk(0));
    for (int64_t row = 0; row < found->num_rows(); ++row) {
      const int64_t original = (times->Value(row) - 1'700'000'000'000'000) / 1'000;
      ASSERT_TRUE(Value(found->Slice(row, 1)->CombineChunks())
                      ->Equals(*Value(table->Slice(original, 1)->CombineChunks())))
          << "row " << original;
    }
  }
}

// Claims

TEST_F(RescueCaseTest, WhatPagesClaimIsNotBelieved) {
  constexpr int64_t kTooMuch = int64_t{1} << 30;  // memory that no page of ten bytes may take
  const auto table = Value(FlatTable(10)->SelectColumns({1}));
  for (const auto codec : {Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP,
                           Compression::BROTLI, Compression::ZSTD, Compression::LZ4}) {
    const RescueSchema schema = SchemaOf(PeerFile(*table, {.codec = codec}));
    for (const int64_t values : {int64_t{0}, int64_t{1'000}, int64_t{INT32_MAX}}) {
      for (const int64_t levels : {int64_t{0}, int64_t{INT32_MAX}}) {
        const std::string first = Integers({0, INT32_MAX, 10}) + '\x2c' + Integers({values, 0, 3, 3});
        const std::string second =
            Integers({3, INT32_MAX, 10}) + '\x5c' + Integers({values, 0, values, 0, levels, 0}) + '\x11';
        for (const std::string& header : {first, second}) {
          const int64_t before = arrow::default_memory_pool()->max_memory();
          const auto report =
              RescueBytes("PAR1" + header + std::string(2, '\0') + std::string(10, '\x28'), schema);
          EXPECT_LT(arrow::default_memory_pool()->max_memory(), before + kTooMuch);
          if (report.ok()) {
            EXPECT_EQ(report->rows, 0);
          }
        }
      }
    }
  }
}

TEST_F(RescueCaseTest, ManyMorePagesThanMemoryAreNotHeld) {
  // Half a million pages without values, which belong to no row group.
  const std::string page = Integers({0, 0, 0}) + '\x2c' + Integers({1, 8, 3, 3}) + std::string(2, '\0');
  std::string bytes = "PAR1";
  for (int i = 0; i < 500'000; ++i) bytes += page;
  const auto schema = Value(SchemaOfColumns(FlatTable(1)->schema(), "columns"));
  const auto report = RescueBytes(bytes, schema);
  EXPECT_TRUE(IsKind(report.status(), ErrorKind::kSchema)) << report.status().ToString();
}

// Failures around it

TEST_F(RescueCaseTest, AFailureToWritePublishesNothing) {
  const auto table = FlatTable(1'000);
  const std::string whole = PeerFile(*table, {});
  const RescueSchema schema = SchemaOf(whole);
  const std::string pages = Pages(whole);
  for (int64_t n = 1;; ++n) {
    const auto base = std::make_shared<file::MemoryFileSystem>();
    const auto file = Value(base->CreateNew("broken.parquet"));
    MQ_ASSERT_OK(file->Append(pages.data(), static_cast<int64_t>(pages.size())));
    MQ_ASSERT_OK(file->Close());
    const auto fs = std::make_shared<file::FaultFileSystem>(base);
    std::string failed;
    fs->OnOperation([&](int64_t number, std::string_view name, const std::string&) {
      if (number == n) failed = name;
    });
    fs->FailAt({n, ENOSPC});
    RescueSchema plain = schema;
    plain.path.clear();
    const auto report = Rescue(fs, "broken.parquet", "out.parquet", Known(plain));
    if (fs->operations() < n) {
      ASSERT_TRUE(report.ok()) << report.status().ToString();
      EXPECT_EQ(report->rows, 1'000);
      break;
    }
    SCOPED_TRACE(fmt::format("{}, operation {}", failed, n));
    if (report.ok()) {
      // Bytes that cannot be read are lost, and said to be.
      EXPECT_EQ(failed, "read");
      EXPECT_FALSE(report->losses.empty());
      EXPECT_LT(report->rows, 1'000);
    } else {
      EXPECT_TRUE(IsKind(report.status(), ErrorKind::kStorage)) << report.status().ToString();
      EXPECT_FALSE(Value(file::Exists(*base, "out.parquet")));
    }
    for (const std::string& name : Value(base->ListNames("/"))) {
      EXPECT_TRUE(name == "broken.parquet" || name == "out.parquet") << name;
    }
  }
}

}  // namespace
}  // namespace marquet::pq

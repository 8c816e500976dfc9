// Files cut at every page's border and at places drawn at random: all that was complete comes back, and is
// what it was.
#include <set>

#include "marquet/base/error.h"
#include "marquet/parquet/rescue/rescue_testing_internal.h"

namespace marquet::pq {
namespace {

using arrow::Compression;
using ::parquet::ParquetDataPageVersion;

constexpr unsigned kTruncationSeed = 20240304;

class RescueTruncationTest : public RescueTest {
 protected:
  // `whole` cut at every border, beside it, and at `drawn` other places.
  void CutEverywhere(const std::string& whole, const arrow::Table& table, int drawn, bool hidden) {
    const PageMap map(whole);
    const RescueSchema schema = SchemaOf(whole);
    std::set<int64_t> cuts(map.borders().begin(), map.borders().end());
    for (const int64_t border : map.borders()) cuts.insert({border - 1, border + 1});
    std::mt19937 random(kTruncationSeed);
    for (int i = 0; i < drawn; ++i) cuts.insert(static_cast<int64_t>(random() % (whole.size() - 4)));
    for (const int64_t cut : cuts) {
      if (cut < 4) continue;
      SCOPED_TRACE(fmt::format("cut at byte {} of {}, seed {}", cut, whole.size(), kTruncationSeed));
      const auto report = RescueBytes(whole.substr(0, static_cast<size_t>(cut)), schema);
      ASSERT_NO_FATAL_FAILURE(ExpectRows(report, table, map.RowsOf(cut, hidden)));
      EXPECT_EQ(report->bytes, cut);
      EXPECT_EQ(report->bytes_recovered + report->bytes_lost + report->bytes_unknown + report->bytes_other,
                cut);
    }
  }
};

TEST_F(RescueTruncationTest, FlatColumnsOfEveryCodec) {
  const auto table = FlatTable(1'000);
  for (const auto codec :
       {Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP, Compression::BROTLI,
        Compression::ZSTD, Compression::LZ4, Compression::LZ4_HADOOP}) {
    SCOPED_TRACE(arrow::util::Codec::GetCodecAsString(codec));
    CutEverywhere(PeerFile(*table, {.codec = codec}), *table, 0, false);
    if (HasFatalFailure()) return;
  }
}

TEST_F(RescueTruncationTest, FlatColumnsInBothVersionsOfPages) {
  const auto table = FlatTable(1'000);
  for (const auto version : {ParquetDataPageVersion::V1, ParquetDataPageVersion::V2}) {
    for (const bool dictionary : {true, false}) {
      SCOPED_TRACE((version == ParquetDataPageVersion::V1 ? "v1" : "v2") +
                   std::string(dictionary ? ", dictionaries" : ", plain"));
      CutEverywhere(PeerFile(*table, {.version = version, .dictionary = dictionary, .checksums = dictionary}),
                    *table, 500, false);
      if (HasFatalFailure()) return;
    }
  }
}

TEST_F(RescueTruncationTest, NestedColumnsInBothVersionsOfPages) {
  const auto table = NestedTable(1'000);
  for (const auto version : {ParquetDataPageVersion::V1, ParquetDataPageVersion::V2}) {
    for (const bool dictionary : {true, false}) {
      SCOPED_TRACE((version == ParquetDataPageVersion::V1 ? "v1" : "v2") +
                   std::string(dictionary ? ", dictionaries" : ", plain"));
      CutEverywhere(
          PeerFile(*table, {.codec = Compression::ZSTD, .version = version, .dictionary = dictionary}),
          *table, 250, version == ParquetDataPageVersion::V1);
      if (HasFatalFailure()) return;
    }
  }
}

}  // namespace
}  // namespace marquet::pq

// Page headers that claim what cannot be: the reader and the verifier refuse them before they allocate
// memory.
#include "arrow/io/file.h"
#include "arrow/util/compression.h"
#include "marquet/base/error.h"
#include "marquet/parquet/format/page_header_internal.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/parquet/write/testing_internal.h"
#include "parquet/file_writer.h"
#include "parquet/metadata.h"
#include "parquet/properties.h"
#include "parquet/schema.h"

namespace marquet::pq {
namespace {

using arrow::Compression;
using ::parquet::Encoding;

constexpr int64_t kValues = 1000;
constexpr int64_t kTooMuch = int64_t{1} << 30;  // memory that no file of this test may take

// What is written into a header and a footer; all of it true unless a test says otherwise.
struct Claims {
  Compression::type codec = Compression::ZSTD;
  PageKind kind = PageKind::kData;
  int64_t uncompressed = kValues * 8;
  int64_t chunk_uncompressed = INT64_MAX;
  int64_t level_bytes = 0;
  bool values_compressed = true;
};

std::string Compressed(Compression::type type, const std::string& bytes) {
  if (type == Compression::UNCOMPRESSED) return bytes;
  const auto codec = Value(arrow::util::Codec::Create(type));
  const auto* data = reinterpret_cast<const uint8_t*>(bytes.data());
  const auto size = static_cast<int64_t>(bytes.size());
  std::string out(static_cast<size_t>(codec->MaxCompressedLen(size, data)), '\0');
  out.resize(static_cast<size_t>(Value(codec->Compress(size, data, static_cast<int64_t>(out.size()),
                                                       reinterpret_cast<uint8_t*>(out.data())))));
  return out;
}

std::string Header(const Claims& claims, int64_t stored) {
  std::string header = Integers({static_cast<int64_t>(claims.kind), claims.uncompressed, stored});
  if (claims.kind == PageKind::kDataV2) {
    header += '\x5c';  // field 8, a struct
    header += Integers({kValues, 0, kValues, Encoding::PLAIN, claims.level_bytes, 0});
    header += claims.values_compressed ? '\x11' : '\x12';
  } else {
    header += '\x2c';  // field 5
    header += Integers({kValues, Encoding::PLAIN, Encoding::RLE, Encoding::RLE});
  }
  return header + std::string(2, '\0');
}

class HostilePagesTest : public FileTest {
 protected:
  // A file of one row group and one column of int64 without nulls, in one page.
  std::string Write(const Claims& claims) const {
    const std::string path = Path("hostile.parquet");
    const std::string body = claims.values_compressed
                                 ? Compressed(claims.codec, std::string(kValues * 8, '\1'))
                                 : std::string(kValues * 8, '\1');
    const std::string page = Header(claims, static_cast<int64_t>(body.size())) + body;
    const auto properties = ::parquet::WriterProperties::Builder().compression(claims.codec)->build();
    ::parquet::SchemaDescriptor schema;
    schema.Init(
        ::parquet::schema::GroupNode::Make("schema", ::parquet::Repetition::REQUIRED,
                                           {::parquet::schema::Int64("a", ::parquet::Repetition::REQUIRED)}));
    const auto footer = ::parquet::FileMetaDataBuilder::Make(&schema, properties);
    auto* const group = footer->AppendRowGroup();
    group->set_num_rows(kValues);
    const auto size = static_cast<int64_t>(page.size());
    group->NextColumnChunk()->Finish(kValues, -1, -1, 4, size,
                                     std::min(claims.chunk_uncompressed, kTooMuch * 16), false, false, {},
                                     {{Encoding::PLAIN, 1}});
    group->Finish(size);
    const auto file = Value(arrow::io::FileOutputStream::Open(path));
    EXPECT_TRUE(file->Write("PAR1" + page).ok());
    ::parquet::WriteFileMetaData(*footer->Finish(), file.get());
    EXPECT_TRUE(file->Close().ok());
    return path;
  }

  void ExpectRefused(const Claims& claims, const std::string& what) const {
    const std::string path = Write(claims);
    const int64_t before = arrow::default_memory_pool()->max_memory();
    const auto rows = ReadTable(path);
    EXPECT_TRUE(IsKind(rows.status(), ErrorKind::kCorruptData)) << rows.status().ToString();
    for (const char* part : {"hostile.parquet: row group 0, column a: page 0: ", what.c_str()}) {
      EXPECT_NE(rows.status().message().find(part), std::string::npos) << rows.status().ToString();
    }
    const FileVerdict verdict = Value(VerifyFile(*fs_, path, VerifyLevel::kFull));
    ASSERT_EQ(verdict.damage.size(), 1u);
    EXPECT_NE(verdict.damage[0].message.find(what), std::string::npos) << verdict.damage[0].message;
    EXPECT_EQ(verdict.damage[0].column, "a");
    EXPECT_EQ(verdict.damage[0].page, 0);
    EXPECT_EQ(verdict.damage[0].offset, 4);
    EXPECT_LT(arrow::default_memory_pool()->max_memory(), before + kTooMuch);
  }
};

TEST_F(HostilePagesTest, TrueClaimsAreRead) {
  for (const PageKind kind : {PageKind::kData, PageKind::kDataV2}) {
    for (const auto codec : {Compression::UNCOMPRESSED, Compression::SNAPPY, Compression::GZIP,
                             Compression::BROTLI, Compression::ZSTD, Compression::LZ4}) {
      const std::string path = Write({.codec = codec, .kind = kind});
      EXPECT_EQ(Value(ReadTable(path))->num_rows(), kValues);
      EXPECT_TRUE(Value(VerifyFile(*fs_, path, VerifyLevel::kFull)).ok);
    }
    const std::string path = Write({.kind = PageKind::kDataV2, .values_compressed = false});
    EXPECT_EQ(Value(ReadTable(path))->num_rows(), kValues);
  }
}

// Brotli could make that much of so few bytes: only decompressing them tells.
TEST_F(HostilePagesTest, APageIsNotLargerThanItsBytesBecome) {
  ExpectRefused({.codec = Compression::BROTLI, .uncompressed = 60 << 20},
                "are said to become 62914560 uncompressed; they become 8000");
}

TEST_F(HostilePagesTest, APageMayBeLargerThanTheFooterSaysOfItsChunk) {
  const std::string path = Write({.chunk_uncompressed = 0});
  EXPECT_EQ(Value(ReadTable(path))->num_rows(), kValues);
  const FileVerdict verdict = Value(VerifyFile(*fs_, path, VerifyLevel::kFull));
  EXPECT_TRUE(verdict.ok);
  ASSERT_EQ(verdict.odd.size(), 1u);
  EXPECT_EQ(verdict.odd[0].column, "a");
  EXPECT_EQ(verdict.odd[0].message, "the pages take 8000 bytes uncompressed; the footer says 0");
}

TEST_F(HostilePagesTest, APageIsNotLargerThanItsCodecCanMakeIt) {
  for (const auto codec : {Compression::SNAPPY, Compression::GZIP, Compression::LZ4}) {
    ExpectRefused({.codec = codec, .uncompressed = INT32_MAX}, "are said to become 2147483647 uncompressed");
  }
}

TEST_F(HostilePagesTest, APageIsAsLargeAsItsZstdFrameSays) {
  ExpectRefused({.uncompressed = kValues * 8 + 1},
                "the page is said to be 8001 bytes uncompressed, its zstd frame 8000");
}

TEST_F(HostilePagesTest, AnUncompressedPageIsAsLargeAsItIs) {
  ExpectRefused({.codec = Compression::UNCOMPRESSED, .uncompressed = kValues * 8 - 1},
                "8000 bytes that are not compressed are said to be 7999");
  ExpectRefused({.kind = PageKind::kDataV2, .uncompressed = INT32_MAX, .values_compressed = false},
                "8000 bytes that are not compressed are said to be 2147483647");
}

TEST_F(HostilePagesTest, LevelsLieWithinTheirPage) {
  ExpectRefused({.kind = PageKind::kDataV2, .level_bytes = INT32_MAX},
                "the levels are said to be 2147483647 bytes of");
}

TEST_F(HostilePagesTest, AHeaderThatLacksAFieldIsBroken) {
  const std::string header =
      Integers({0, 10, 10}) + '\x2c' + Integers({5, Encoding::PLAIN}) + std::string(2, '\0');
  const auto parsed = ParsePageHeader({reinterpret_cast<const uint8_t*>(header.data()), header.size()});
  EXPECT_NE(parsed.status().message().find("the definition levels' encoding is -1"), std::string::npos)
      << parsed.status().ToString();
}

}  // namespace
}  // namespace marquet::pq

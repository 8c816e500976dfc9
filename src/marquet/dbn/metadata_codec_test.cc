#include "marquet/dbn/metadata_codec.h"

#include <gtest/gtest.h>

#include "marquet/base/error.h"
#include "marquet/dbn/test_records.h"

namespace marquet::dbn {
namespace {

std::string Body(const Metadata& metadata) {
  return EncodeMetadata(metadata).ValueOrDie().substr(kPreludeBytes);
}

TEST(MetadataCodec, TakesSymbolsOfAnyLength) {
  for (int version : {2, 3}) {
    for (uint16_t bytes : {4, 5, 15, 16, 22, 23, 71, 72, 1000, 65535}) {
      Metadata metadata = TestMetadata(version);
      metadata.symbol_cstr_len = bytes;
      const auto decoded = DecodeMetadata(version, Body(metadata), "day.dbn");
      ASSERT_TRUE(decoded.ok()) << decoded.status();
      EXPECT_EQ(decoded->symbol_cstr_len, bytes);
      EXPECT_EQ(decoded->symbols, metadata.symbols);
      ASSERT_EQ(decoded->mappings.size(), 1u);
      EXPECT_EQ(decoded->mappings[0].raw_symbol, "ESH4");
      EXPECT_EQ(decoded->mappings[0].intervals.at(0).symbol, "7");
    }
  }
}

TEST(MetadataCodec, SymbolsOfNoBytesAreNone) {
  Metadata metadata = TestMetadata(2);
  metadata.symbol_cstr_len = 0;
  metadata.symbols.clear();
  metadata.mappings.clear();
  EXPECT_TRUE(DecodeMetadata(2, Body(metadata), "day.dbn").ok());
  metadata.symbols = {""};
  EXPECT_TRUE(IsKind(DecodeMetadata(2, Body(metadata), "day.dbn").status(), ErrorKind::kCorruptData));
}

// Symbols of one byte each would take forty times the memory of their header.
TEST(MetadataCodec, RefusesMoreSymbolsThanAHeaderOfUsualOnesHolds) {
  Metadata metadata = TestMetadata(2);
  metadata.symbol_cstr_len = 1;
  metadata.mappings.clear();
  metadata.symbols = {"A"};
  std::string body = Body(metadata);
  constexpr uint32_t kCount = 5'000'000;
  Put<uint32_t>(body, 104, kCount);
  body.insert(body.begin() + 108, kCount, 'A');
  const auto decoded = DecodeMetadata(2, body, "day.dbn");
  EXPECT_TRUE(IsKind(decoded.status(), ErrorKind::kUnsupported)) << decoded.status();
}

}  // namespace
}  // namespace marquet::dbn

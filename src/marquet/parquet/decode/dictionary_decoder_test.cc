// Indices and dictionaries against what was encoded, and against the bits that the format prescribes.
#include "marquet/parquet/decode/dictionary_decoder_internal.h"

#include <random>

#include "gtest/gtest.h"
#include "marquet/parquet/encode/hybrid_encoding_internal.h"

namespace marquet::pq {
namespace {

constexpr uint64_t kDecoderSeed = 20240106;

// The decoder's values, asked for in pieces of up to `most`.
std::vector<uint32_t> DecodeAll(std::span<const uint8_t> bytes, int width, int64_t most) {
  HybridDecoder decoder;
  decoder.Reset(bytes, width);
  std::vector<uint32_t> values;
  while (true) {
    const HybridDecoder::Stretch stretch = decoder.Next(most);
    if (stretch.values == 0) return values;
    for (int64_t i = 0; i < stretch.values; ++i) {
      values.push_back(stretch.bytes != nullptr   ? stretch.bytes[i]
                       : stretch.pairs != nullptr ? LoadPair(stretch.pairs, i)
                       : stretch.words != nullptr ? stretch.words[i]
                                                  : stretch.repeated);
    }
  }
}

TEST(HybridDecoderTest, ReadsWhatIsWritten) {
  std::mt19937_64 random(kDecoderSeed);
  for (int width = 0; width <= 32; ++width) {
    for (const size_t count : {1, 7, 8, 9, 100, 1000, 5001}) {
      for (const uint64_t most_run : {1, 3, 20, 200}) {
        std::vector<uint32_t> values;
        std::vector<IndexRun> runs;
        while (values.size() < count) {
          const auto value = static_cast<uint32_t>(random() & ((uint64_t{1} << width) - 1));
          const size_t length = std::min<size_t>(1 + random() % most_run, count - values.size());
          values.insert(values.end(), length, value);
          runs.push_back({value, static_cast<uint32_t>(length)});
        }
        std::vector<uint8_t> bytes(static_cast<size_t>(MostHybridBytes(static_cast<int64_t>(count), width)));
        bytes.resize(
            static_cast<size_t>(EncodeHybrid(runs, static_cast<int64_t>(count), width, bytes.data())));
        for (const int64_t most : {int64_t{1}, int64_t{13}, int64_t{1'000'000}}) {
          auto found = DecodeAll(bytes, width, most);
          ASSERT_GE(found.size(), count);
          found.resize(count);  // the last group is filled up
          EXPECT_EQ(found, values) << "seed " << kDecoderSeed << ", width " << width << ", runs up to "
                                   << most_run;
        }
      }
    }
  }
}

// The example of Encodings.md: the numbers 0 to 7 in three bits each.
TEST(HybridDecoderTest, ReadsTheFormatsExample) {
  const std::vector<uint8_t> bytes = {0x03, 0b10001000, 0b11000110, 0b11111010};
  EXPECT_EQ(DecodeAll(bytes, 3, 100), (std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6, 7}));
}

TEST(HybridDecoderTest, APackedRunThatIsCutShortHoldsWhatIsThere) {
  const std::vector<uint8_t> bytes = {0x05, 0b10001000, 0b11000110, 0b11111010, 0b10001000};
  EXPECT_EQ(DecodeAll(bytes, 3, 100), (std::vector<uint32_t>{0, 1, 2, 3, 4, 5, 6, 7, 0, 1}));
}

TEST(HybridDecoderTest, ReadsNothingBeyondAnyBytes) {
  std::mt19937_64 random(kDecoderSeed);
  for (int round = 0; round < 20'000; ++round) {
    std::vector<uint8_t> bytes(random() % 40);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() % (round % 2 == 0 ? 16 : 256));
    HybridDecoder decoder;
    decoder.Reset(bytes, static_cast<int>(random() % 33));
    uint64_t sum = 0;
    for (int i = 0; i < 100; ++i) {
      const HybridDecoder::Stretch stretch = decoder.Next(1 + static_cast<int64_t>(random() % 50));
      if (stretch.values == 0) break;
      for (int64_t v = 0; v < stretch.values; ++v) {
        sum += stretch.bytes != nullptr   ? stretch.bytes[v]
               : stretch.pairs != nullptr ? LoadPair(stretch.pairs, v)
               : stretch.words != nullptr ? stretch.words[v]
                                          : stretch.repeated;
      }
    }
    EXPECT_LT(sum, uint64_t{1} << 60);  // keeps the reads
  }
}

TEST(DictionaryDecoderTest, LooksValuesUp) {
  const std::vector<double> dictionary = {1.5, -2.0, 3.25};
  DictionaryDecoder<double> decoder;
  ASSERT_TRUE(decoder.SetDictionary({reinterpret_cast<const uint8_t*>(dictionary.data()), 24}, 3).ok());
  for (const uint8_t width : {2, 8, 16}) {
    const std::vector<IndexRun> runs = {{2, 1}, {0, 20}, {1, 1}, {2, 2}};
    std::vector<uint8_t> bytes(static_cast<size_t>(MostHybridBytes(24, width)) + 1);
    bytes[0] = width;
    bytes.resize(static_cast<size_t>(EncodeHybrid(runs, 24, width, bytes.data() + 1)) + 1);
    ASSERT_TRUE(decoder.SetIndices(bytes).ok());
    std::vector<double> values(24);
    ASSERT_TRUE(decoder.Decode(values.data(), 24).ok());
    std::vector<double> expected(24, 1.5);
    expected[0] = expected[22] = expected[23] = 3.25;
    expected[21] = -2.0;
    EXPECT_EQ(values, expected) << "width " << int{width};
  }
}

TEST(DictionaryDecoderTest, RefusesWhatIsNotThere) {
  const std::vector<int32_t> dictionary = {1, 2, 3};
  const std::span<const uint8_t> bytes(reinterpret_cast<const uint8_t*>(dictionary.data()), 12);
  DictionaryDecoder<int32_t> decoder;
  EXPECT_FALSE(decoder.SetDictionary(bytes, 4).ok());
  ASSERT_TRUE(decoder.SetDictionary(bytes, 3).ok());
  std::vector<int32_t> out(8);
  for (const uint8_t width : {2, 8, 16, 32}) {
    for (const bool repeated : {false, true}) {
      std::vector<uint8_t> indices = {width, static_cast<uint8_t>(repeated ? 16 : 3), 3};
      indices.resize(40);
      ASSERT_TRUE(decoder.SetIndices(indices).ok());
      EXPECT_FALSE(decoder.Decode(out.data(), 8).ok()) << "width " << int{width};
    }
  }
  const std::vector<uint8_t> nothing = {2}, too_wide = {33, 2};
  ASSERT_TRUE(decoder.SetIndices(nothing).ok());
  EXPECT_FALSE(decoder.Decode(out.data(), 1).ok());
  EXPECT_FALSE(decoder.SetIndices(too_wide).ok());
}

}  // namespace
}  // namespace marquet::pq

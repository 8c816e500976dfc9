// Each encoding against Arrow's decoder of it.
#include <algorithm>
#include <cstring>
#include <limits>
#include <random>

#include "arrow/api.h"
#include "gtest/gtest.h"
#include "marquet/parquet/encode/bit_packing_internal.h"
#include "marquet/parquet/encode/changes_internal.h"
#include "marquet/parquet/encode/delta_encoding_internal.h"
#include "marquet/parquet/encode/hybrid_encoding_internal.h"
#include "parquet/column_reader.h"
#include "parquet/encoding.h"

namespace marquet::pq {
namespace {

constexpr uint64_t kEncodingSeed = 20240103;

template <typename T, typename ParquetType>
void ExpectDeltaRoundTrip(const std::vector<T>& values) {
  std::vector<uint8_t> bytes(
      static_cast<size_t>(MostDeltaBytes(static_cast<int64_t>(values.size()), sizeof(T))));
  const int64_t size = EncodeDelta(std::span<const T>(values), bytes.data());
  ASSERT_LE(size, static_cast<int64_t>(bytes.size()));
  const auto decoder =
      ::parquet::MakeTypedDecoder<ParquetType>(::parquet::Encoding::DELTA_BINARY_PACKED, /*descr=*/nullptr);
  decoder->SetData(static_cast<int>(values.size()), bytes.data(), static_cast<int>(size));
  std::vector<T> back(values.size());
  ASSERT_EQ(decoder->Decode(back.data(), static_cast<int>(back.size())), static_cast<int>(values.size()));
  EXPECT_EQ(back, values) << "seed " << kEncodingSeed;
}

template <typename T, typename ParquetType>
void ExpectDeltaRoundTrips() {
  using Limits = std::numeric_limits<T>;
  std::mt19937_64 random(kEncodingSeed);
  ExpectDeltaRoundTrip<T, ParquetType>({Limits::min(), Limits::max(), 0, -1, Limits::max(), Limits::min()});
  for (const size_t count : {1, 2, 31, 32, 33, 127, 128, 129, 130, 160, 161, 257, 1000, 5000}) {
    for (int width = 0; width <= static_cast<int>(sizeof(T)) * 8; ++width) {
      std::vector<T> values(count);
      for (T& value : values) {
        value = width == 0 ? T{7} : static_cast<T>(random() >> (64 - width));
      }
      ExpectDeltaRoundTrip<T, ParquetType>(values);
      std::sort(values.begin(), values.end());
      ExpectDeltaRoundTrip<T, ParquetType>(values);
    }
  }
}

TEST(DeltaEncodingTest, ArrowDecodesEveryWidthAndLength) {
  ExpectDeltaRoundTrips<int32_t, ::parquet::Int32Type>();
  ExpectDeltaRoundTrips<int64_t, ::parquet::Int64Type>();
}

TEST(DeltaEncodingTest, EqualStepsTakeNoBitsAValue) {
  std::vector<int64_t> values(12801);
  for (size_t i = 0; i < values.size(); ++i) values[i] = static_cast<int64_t>(i) * 1000;
  std::vector<uint8_t> bytes(static_cast<size_t>(MostDeltaBytes(static_cast<int64_t>(values.size()), 8)));
  // Per block of 128: the step, 1000, in two bytes and four widths of zero; and a header of seven bytes.
  EXPECT_LE(EncodeDelta(std::span<const int64_t>(values), bytes.data()), 100 * 6 + 7);
}

// Decoded as the values of a column of definition levels are, which takes widths up to 16.
std::vector<int16_t> DecodeLevels(const std::vector<uint8_t>& bytes, int64_t size, int width, int count) {
  ::parquet::LevelDecoder decoder;
  std::vector<uint8_t> page(static_cast<size_t>(size) + 4);
  const auto length = static_cast<uint32_t>(size);
  std::memcpy(page.data(), &length, 4);
  std::copy_n(bytes.begin(), size, page.begin() + 4);
  const auto most = static_cast<int16_t>((1 << width) - 1);
  decoder.SetData(::parquet::Encoding::RLE, most, count, page.data(), static_cast<int>(page.size()));
  std::vector<int16_t> levels(static_cast<size_t>(count));
  EXPECT_EQ(decoder.Decode(count, levels.data()), count);
  return levels;
}

TEST(HybridEncodingTest, ArrowDecodesRunsAndPackedValues) {
  std::mt19937_64 random(kEncodingSeed);
  for (int width = 1; width <= 15; ++width) {
    for (const int count : {1, 7, 8, 9, 15, 16, 17, 31, 32, 33, 100, 1000, 4099}) {
      for (const int most_run : {1, 3, 20, 200}) {
        std::vector<uint32_t> values;
        std::vector<IndexRun> runs;
        while (values.size() < static_cast<size_t>(count)) {
          const uint32_t value = static_cast<uint32_t>(random() % (uint64_t{1} << width));
          const size_t length = std::min(1 + random() % static_cast<uint64_t>(most_run),
                                         static_cast<size_t>(count) - values.size());
          values.insert(values.end(), length, value);
          runs.push_back({value, static_cast<uint32_t>(length)});
        }
        std::vector<uint8_t> bytes(static_cast<size_t>(MostHybridBytes(count, width)));
        const int64_t size = EncodeHybrid(runs, count, width, bytes.data());
        ASSERT_LE(size, static_cast<int64_t>(bytes.size()));
        const auto back = DecodeLevels(bytes, size, width, count);
        EXPECT_TRUE(std::equal(values.begin(), values.end(), back.begin()))
            << "seed " << kEncodingSeed << ", width " << width << ", count " << count << ", runs up to "
            << most_run;

        bytes.assign(static_cast<size_t>(RunBytes(runs, width)), 0);
        ASSERT_EQ(EncodeRuns(runs, width, bytes.data()), static_cast<int64_t>(bytes.size()));
        EXPECT_EQ(DecodeLevels(bytes, static_cast<int64_t>(bytes.size()), width, count), back);
      }
    }
  }
}

TEST(HybridEncodingTest, RunsOfEveryLengthTakeWhatIsSaidOfThem) {
  for (int bits = 0; bits < 31; ++bits) {
    for (const uint32_t length :
         {(uint32_t{1} << bits) - 1, uint32_t{1} << bits, (uint32_t{1} << bits) + 1}) {
      if (length == 0) continue;
      for (const int width : {0, 1, 8, 9, 16, 17, 32}) {
        const IndexRun runs[] = {{0, length}, {0, 1}};
        std::vector<uint8_t> bytes(64);
        EXPECT_EQ(EncodeRuns(runs, width, bytes.data()), RunBytes(runs, width)) << length << ", " << width;
      }
    }
  }
}

template <typename T>
void ExpectChangesMarked() {
  std::mt19937_64 random(kEncodingSeed);
  for (const size_t count : {1, 2, 63, 64, 65, 127, 128, 129, 1000}) {
    for (const uint64_t different : {1, 2, 1000}) {
      std::vector<T> numbers(count);
      // The upper half differs too, so that every byte is compared.
      for (T& number : numbers) number = static_cast<T>(random() % different * 0x0101010101010101);
      std::vector<uint64_t> words((count + 63) / 64, ~uint64_t{0});
      MarkChanges(std::span<const T>(numbers), words.data());
      for (size_t i = 0; i < words.size() * 64; ++i) {
        const bool expected = i < count && (i == 0 || numbers[i] != numbers[i - 1]);
        ASSERT_EQ((words[i / 64] >> i % 64 & 1) != 0, expected)
            << "seed " << kEncodingSeed << ", number " << i;
      }
    }
  }
}

TEST(ChangesTest, EveryChangeIsMarkedAndNothingElse) {
  ExpectChangesMarked<uint32_t>();
  ExpectChangesMarked<uint64_t>();
}

TEST(HybridEncodingTest, LevelsAreTheValidityBitmap) {
  std::mt19937_64 random(kEncodingSeed);
  for (const int rows : {1, 8, 9, 63, 64, 65, 1000}) {
    for (const int offset : {0, 1, 7, 13}) {
      std::vector<uint8_t> validity(static_cast<size_t>((rows + offset) / 8 + 1));
      for (uint8_t& byte : validity) byte = static_cast<uint8_t>(random());
      int64_t nulls = 0;
      for (int i = 0; i < rows; ++i) nulls += !arrow::bit_util::GetBit(validity.data(), offset + i);
      std::vector<uint8_t> bytes(static_cast<size_t>(MostLevelBytes(rows)));
      const int64_t size = EncodeLevels(validity.data(), offset, rows, nulls, bytes.data());
      ASSERT_LE(size, static_cast<int64_t>(bytes.size()));
      bytes.erase(bytes.begin(), bytes.begin() + 4);
      const auto levels = DecodeLevels(bytes, size - 4, 1, rows);
      for (int i = 0; i < rows; ++i) {
        EXPECT_EQ(levels[static_cast<size_t>(i)], arrow::bit_util::GetBit(validity.data(), offset + i));
      }
    }
  }
}

TEST(HybridEncodingTest, AllOrNoneNullIsOneRun) {
  std::vector<uint8_t> bytes(static_cast<size_t>(MostLevelBytes(100'000)));
  EXPECT_LE(EncodeLevels(nullptr, 0, 100'000, 0, bytes.data()), 4 + 4);
  EXPECT_EQ(DecodeLevels({bytes.begin() + 4, bytes.end()}, 4, 1, 100'000), std::vector<int16_t>(100'000, 1));
  EXPECT_LE(EncodeLevels(nullptr, 0, 100'000, 100'000, bytes.data()), 4 + 4);
  EXPECT_EQ(DecodeLevels({bytes.begin() + 4, bytes.end()}, 4, 1, 100'000), std::vector<int16_t>(100'000, 0));
}

}  // namespace
}  // namespace marquet::pq

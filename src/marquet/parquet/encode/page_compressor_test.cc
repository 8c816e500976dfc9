#include <random>
#include <thread>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/util/compression.h"
#include "gtest/gtest.h"
#include "marquet/parquet/encode/page_compressor_internal.h"
#include "marquet/parquet/encode/writer_properties_internal.h"
#include "marquet/parquet/format/codec_internal.h"
#include "parquet/types.h"

namespace marquet::pq {
namespace {

constexpr uint64_t kPagesSeed = 20240104;

// Columns are encoded by several threads, all with the compressor of their file.
TEST(PageCompressorTest, ThreadsShareOne) {
  for (const Codec codec : {Codec::kZstd, Codec::kSnappy, Codec::kLz4, Codec::kGzip, Codec::kBrotli}) {
    SCOPED_TRACE(CodecName(codec));
    const auto compressor = PageCompressor::Make(codec, std::nullopt).ValueOrDie();
    std::vector<std::thread> threads;
    std::vector<int> wrong(4);
    for (size_t thread = 0; thread < wrong.size(); ++thread) {
      threads.emplace_back([&, thread] {
        std::mt19937_64 random(kPagesSeed + thread);
        const auto arrow_codec = ::parquet::GetCodec(ParquetCodec(codec));
        for (int page = 0; page < 30; ++page) {
          std::vector<uint8_t> bytes(random() % 50'000 + 1);
          for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() >> (60 - page % 5));
          const auto compressed =
              compressor->Compress(bytes, page % 2 == 0 ? PageGoal::kSize : PageGoal::kReading);
          std::vector<uint8_t> back(bytes.size());
          const bool same = compressed.ok() &&
                            arrow_codec
                                ->Decompress(compressed->bytes->size(), compressed->bytes->data(),
                                             static_cast<int64_t>(back.size()), back.data())
                                .ok() &&
                            back == bytes;
          if (!same) ++wrong[thread];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(wrong.size())) << "seed " << kPagesSeed;
  }
}

TEST(PageCompressorTest, StoresWhatHardlyShrinksWhereReadingCounts) {
  std::mt19937_64 random(kPagesSeed);
  std::vector<uint8_t> noise(60'000), eighth_saved(60'000), half(60'000);
  for (uint8_t& byte : noise) byte = static_cast<uint8_t>(random());
  for (uint8_t& byte : eighth_saved) byte = static_cast<uint8_t>(random() % 110);
  for (uint8_t& byte : half) byte = static_cast<uint8_t>(random() % 16);
  const auto usual = PageCompressor::Make(Codec::kZstd, std::nullopt).ValueOrDie();
  const auto asked = PageCompressor::Make(Codec::kZstd, 1).ValueOrDie();
  const auto size = [](const PageCompressor& compressor, const std::vector<uint8_t>& bytes, PageGoal goal) {
    const auto made = compressor.Compress(bytes, goal).ValueOrDie();
    EXPECT_TRUE(!made.as_it_is || made.bytes->size() > static_cast<int64_t>(bytes.size()));
    return made.bytes->size();
  };
  EXPECT_LT(size(*usual, eighth_saved, PageGoal::kSize), 58'000);
  EXPECT_GT(size(*usual, eighth_saved, PageGoal::kReading), 60'000);
  EXPECT_LT(size(*asked, eighth_saved, PageGoal::kReading), 58'000) << "a level was asked for";
  EXPECT_LT(size(*usual, half, PageGoal::kReading), 31'000);
  EXPECT_LT(size(*usual, noise, PageGoal::kReading), 60'100);
}

}  // namespace
}  // namespace marquet::pq

#include <random>
#include <thread>
#include <vector>

#include "arrow/buffer.h"
#include "arrow/util/compression.h"
#include "gtest/gtest.h"
#include "marquet/parquet/page_compressor_internal.h"
#include "marquet/parquet/writer_properties_internal.h"
#include "parquet/types.h"

namespace marquet::pq {
namespace {

constexpr uint64_t kSeed = 20240104;

// Columns are encoded by several threads, all with the compressor of their file.
TEST(PageCompressorTest, ThreadsShareOne) {
  for (const Codec codec : {Codec::kZstd, Codec::kSnappy, Codec::kLz4, Codec::kGzip, Codec::kBrotli}) {
    SCOPED_TRACE(CodecName(codec));
    const auto compressor = PageCompressor::Make(codec, std::nullopt).ValueOrDie();
    std::vector<std::thread> threads;
    std::vector<int> wrong(4);
    for (size_t thread = 0; thread < wrong.size(); ++thread) {
      threads.emplace_back([&, thread] {
        std::mt19937_64 random(kSeed + thread);
        const auto arrow_codec = ::parquet::GetCodec(ParquetCodec(codec));
        for (int page = 0; page < 30; ++page) {
          std::vector<uint8_t> bytes(random() % 50'000 + 1);
          for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random() >> (60 - page % 5));
          const auto compressed = compressor->Compress(bytes);
          std::vector<uint8_t> back(bytes.size());
          const bool same = compressed.ok() &&
                            arrow_codec
                                ->Decompress((*compressed)->size(), (*compressed)->data(),
                                             static_cast<int64_t>(back.size()), back.data())
                                .ok() &&
                            back == bytes;
          if (!same) ++wrong[thread];
        }
      });
    }
    for (std::thread& thread : threads) thread.join();
    EXPECT_EQ(wrong, std::vector<int>(wrong.size())) << "seed " << kSeed;
  }
}

}  // namespace
}  // namespace marquet::pq

#include "marquet/base/crc32.h"

#include <random>
#include <vector>

#include <gtest/gtest.h>

#include "arrow/util/crc32.h"

namespace marquet {
namespace {

TEST(Crc32Test, OfTheCheckString) {
  const std::string_view text = "123456789";  // whose CRC every catalogue of them gives
  EXPECT_EQ(Crc32({reinterpret_cast<const uint8_t*>(text.data()), text.size()}), 0xCBF43926);
}

TEST(Crc32Test, IsArrowsForEveryLengthAndPlace) {
  constexpr uint64_t kSeed = 20240105;
  std::mt19937_64 random(kSeed);
  std::vector<uint8_t> bytes(70'000);
  for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
  for (size_t size = 0; size < 700; ++size) {
    const size_t begin = random() % 100;
    EXPECT_EQ(Crc32({bytes.data() + begin, size}), arrow::internal::crc32(0, bytes.data() + begin, size))
        << "seed " << kSeed << ", " << size << " bytes from " << begin;
  }
  EXPECT_EQ(Crc32(bytes), arrow::internal::crc32(0, bytes.data(), bytes.size())) << "seed " << kSeed;
}

}  // namespace
}  // namespace marquet

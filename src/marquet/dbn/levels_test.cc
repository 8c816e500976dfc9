// The levels of a book against each field by itself, out of its record.
#include <random>

#include "gtest/gtest.h"
#include "marquet/dbn/test_records.h"

namespace marquet::dbn {
namespace {

constexpr uint64_t kLevelsSeed = 20241201;

template <typename T>
T At(const std::string& bytes, size_t offset) {
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

TEST(Levels, EveryFieldOfAnyNumberOfRecords) {
  std::mt19937_64 random(kLevelsSeed);
  const KindLayout& layout = LayoutOf(RecordKind::kMbp10);
  const int size = layout.sizes[2];
  for (const int count : {1, 2, 3, 4, 5, 7, 8, 9, 100, 1'023, 1'024, 1'025, 3'000}) {
    for (const bool undefined : {false, true}) {
      std::string records;
      for (int i = 0; i < count; ++i) {
        std::string record = Record(size, 0x0A, 7, kNoon + static_cast<uint64_t>(i));
        for (const Column& column : layout.columns) {
          const Place& place = column.in(3);
          const auto at = static_cast<size_t>(place.offset);
          const bool is_undefined = undefined && random() % 16 == 0;
          if (column.role == Role::kTime) {
            if (place.offset >= 16) Put<uint64_t>(record, at, kNoon);
          } else if (place.wire == Wire::kI64) {
            Put<uint64_t>(record, at, is_undefined ? uint64_t{INT64_MAX} : random());
          } else if (place.wire == Wire::kU32 && place.offset >= 16) {
            Put<uint32_t>(record, at, is_undefined ? UINT32_MAX : static_cast<uint32_t>(random()));
          }
        }
        records += record;
      }
      const auto all = Read(Header() + records);
      ASSERT_TRUE(all.status.ok()) << all.status;
      const auto rows = all.rows(RecordKind::kMbp10);
      ASSERT_EQ(rows->num_rows(), count);
      for (const Column& column : layout.columns) {
        const Place& place = column.in(3);
        if (place.offset < 16 || (place.wire != Wire::kI64 && place.wire != Wire::kU32)) continue;
        const auto& values = static_cast<const arrow::Int64Array&>(*rows->GetColumnByName(column.name));
        for (int i = 0; i < count; ++i) {
          const size_t at =
              static_cast<size_t>(i) * static_cast<size_t>(size) + static_cast<size_t>(place.offset);
          const bool wide = place.wire == Wire::kI64;
          const int64_t expected = wide ? At<int64_t>(records, at) : int64_t{At<uint32_t>(records, at)};
          const bool null =
              column.role != Role::kPlain && expected == (wide ? INT64_MAX : int64_t{UINT32_MAX});
          ASSERT_EQ(values.IsNull(i), null) << column.name << " of record " << i << ", seed " << kLevelsSeed;
          if (null) continue;
          ASSERT_EQ(values.Value(i), expected)
              << column.name << " of record " << i << ", seed " << kLevelsSeed;
        }
      }
    }
  }
}

}  // namespace
}  // namespace marquet::dbn

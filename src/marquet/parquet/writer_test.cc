#include "marquet/parquet/writer.h"

#include <cmath>
#include <limits>

#include "arrow/json/from_string.h"
#include "marquet/base/error.h"
#include "marquet/base/hash.h"
#include "marquet/parquet/testing_internal.h"
#include "parquet/metadata.h"

namespace marquet::pq {
namespace {

using arrow::json::ArrayFromJSONString;

class WriterTest : public FileTest {
 protected:
  // One column, written and read back as it was.
  void ExpectRoundTrip(const std::shared_ptr<arrow::DataType>& type, const std::string& json) {
    const auto array = Value(ArrayFromJSONString(type, json));
    MQ_ASSERT_OK(array->ValidateFull());
    const auto table = arrow::Table::Make(arrow::schema({arrow::field("v", type)}), {array});
    const std::string path = Path("round-trip.parquet");
    std::filesystem::remove(path);
    WriteOptions options;
    options.verify = VerifyLevel::kFull;
    const WrittenFile written = Value(WriteTable(path, *table, options));
    EXPECT_EQ(written.rows, array->length());
    EXPECT_EQ(written.bytes, static_cast<int64_t>(std::filesystem::file_size(path)));
    EXPECT_EQ(written.digest, Xxh3Hex(Bytes(path)));
    const auto back = Value(ReadTable(path));
    MQ_ASSERT_OK(back->ValidateFull());
    // The names inside of a map or list are Parquet's ("key_value", "element"), so they are not compared.
    EXPECT_TRUE(back->Equals(*table, /*check_metadata=*/!arrow::is_nested(type->id())))
        << back->ToString() << table->ToString();
  }
};

TEST_F(WriterTest, EveryTypeComesBackAsItWas) {
  ExpectRoundTrip(arrow::boolean(), "[true, null, false, true]");
  ExpectRoundTrip(arrow::int8(), "[-128, null, 127, 0]");
  ExpectRoundTrip(arrow::int16(), "[-32768, null, 32767]");
  ExpectRoundTrip(arrow::int32(), "[-2147483648, null, 2147483647]");
  ExpectRoundTrip(arrow::int64(), "[-9223372036854775808, null, 9223372036854775807, 0]");
  ExpectRoundTrip(arrow::uint8(), "[0, null, 255]");
  ExpectRoundTrip(arrow::uint16(), "[0, null, 65535]");
  ExpectRoundTrip(arrow::uint32(), "[0, null, 4294967295]");
  ExpectRoundTrip(arrow::uint64(), "[0, null, 18446744073709551615]");
  ExpectRoundTrip(arrow::float32(), "[0.5, null, -1.25]");
  ExpectRoundTrip(arrow::float64(), "[0.5, null, -1e300]");
  ExpectRoundTrip(arrow::utf8(), R"(["", null, "ESH4", "größe", "ESH4"])");
  ExpectRoundTrip(arrow::binary(), R"(["", null, "ab"])");
  ExpectRoundTrip(arrow::fixed_size_binary(3), R"(["abc", null, "xyz"])");
  ExpectRoundTrip(arrow::date32(), "[0, null, 19800, -1]");
  ExpectRoundTrip(arrow::timestamp(arrow::TimeUnit::MICRO, "UTC"), "[0, null, 1703376000000000, -1]");
  ExpectRoundTrip(arrow::timestamp(arrow::TimeUnit::NANO, "UTC"), "[0, null, 1703376000000000001]");
  ExpectRoundTrip(arrow::decimal128(9, 2), R"(["1.25", null, "-9999999.99"])");
  ExpectRoundTrip(arrow::decimal128(38, 9), R"(["1.250000000", null, "-12345678901234567890.000000001"])");
  ExpectRoundTrip(arrow::list(arrow::field("element", arrow::int64())), "[[1, 2], null, [], [null]]");
  ExpectRoundTrip(arrow::struct_({arrow::field("a", arrow::int64()), arrow::field("b", arrow::utf8())}),
                  R"([{"a": 1, "b": "x"}, null, {"a": null, "b": null}])");
  ExpectRoundTrip(arrow::map(arrow::utf8(), arrow::int64()), R"([[["a", 1], ["b", null]], null, []])");
  ExpectRoundTrip(arrow::float64(), "[null, null]");
  ExpectRoundTrip(arrow::utf8(), "[null, null]");
  ExpectRoundTrip(arrow::int64(), "[]");
  ExpectRoundTrip(arrow::list(arrow::field("element", arrow::utf8())), "[]");
}

}  // namespace
}  // namespace marquet::pq

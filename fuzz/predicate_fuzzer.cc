// Any text as a filter: parsed, bound to a schema of every kind of column, evaluated over a few rows, and
// pruned by the statistics of those rows, which must not contradict what was evaluated.

#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "arrow/api.h"
#include "marquet/predicate/predicate.h"
#include "marquet/schema/column_statistics.h"

namespace {

using marquet::predicate::Predicate;
using marquet::predicate::Truth;
using marquet::schema::ColumnStatistics;

void Require(bool holds) {
  if (!holds) std::abort();
}

struct Rows {
  std::shared_ptr<arrow::RecordBatch> batch;
  std::map<std::string, ColumnStatistics> statistics;
};

template <typename T, typename Builder>
std::shared_ptr<arrow::Array> Add(Rows* rows, const std::string& name, Builder builder,
                                  const std::vector<std::optional<T>>& values, const std::optional<T>& min,
                                  const std::optional<T>& max, bool nan = false) {
  ColumnStatistics& statistics = rows->statistics[name];
  statistics.name = name;
  statistics.null_count = 0;
  statistics.has_nan = nan;
  for (const auto& value : values) {
    Require((value ? builder.Append(*value) : builder.AppendNull()).ok());
    if (!value) ++statistics.null_count;
  }
  const auto scalar = [&](const T& value) -> std::shared_ptr<arrow::Scalar> {
    if constexpr (std::is_same_v<T, std::string>) {
      return arrow::MakeScalar(value);
    } else {
      return arrow::MakeScalar(builder.type(), value).ValueOrDie();
    }
  };
  if (min) statistics.min = scalar(*min);
  if (max) statistics.max = scalar(*max);
  return builder.Finish().ValueOrDie();
}

const Rows& FewRows() {
  static const Rows rows = [] {
    Rows made;
    arrow::MemoryPool* pool = arrow::default_memory_pool();
    const auto unit = arrow::key_value_metadata({"unit"}, {"ns"});
    const auto ts = arrow::timestamp(arrow::TimeUnit::MICRO, "UTC");
    const auto decimal = arrow::decimal128(20, 3);
    const auto schema = arrow::schema({arrow::field("i", arrow::int64()), arrow::field("d", arrow::float64()),
                                       arrow::field("s", arrow::utf8()), arrow::field("b", arrow::boolean()),
                                       arrow::field("t", arrow::int64(), true, unit), arrow::field("ts", ts),
                                       arrow::field("date", arrow::date32()), arrow::field("dec", decimal),
                                       arrow::field("small", arrow::uint8())});
    arrow::ArrayVector columns;
    columns.push_back(Add<int64_t>(&made, "i", arrow::Int64Builder(), {INT64_MIN, 0, 5, INT64_MAX, {}},
                                   INT64_MIN, INT64_MAX));
    columns.push_back(
        Add<double>(&made, "d", arrow::DoubleBuilder(), {NAN, -0.0, 0.5, 1e300, {}}, -0.0, 1e300, true));
    columns.push_back(Add<std::string>(&made, "s", arrow::StringBuilder(), {"", "a", "a%b", "\xC3\xA9", {}},
                                       "", "\xC3\xA9"));
    columns.push_back(
        Add<bool>(&made, "b", arrow::BooleanBuilder(), {true, true, true, true, true}, true, true));
    columns.push_back(Add<int64_t>(&made, "t", arrow::Int64Builder(),
                                   {0, 1, -1, 1'704'153'600'000'000'000, {}}, -1, 1'704'153'600'000'000'000));
    columns.push_back(Add<int64_t>(&made, "ts", arrow::TimestampBuilder(ts, pool), {7, 7, 7, 7, 7}, 7, 7));
    columns.push_back(
        Add<int32_t>(&made, "date", arrow::Date32Builder(), {19'724, 19'725, 0, -1, {}}, -1, 19'725));
    columns.push_back(Add<arrow::Decimal128>(
        &made, "dec", arrow::Decimal128Builder(decimal, pool),
        {arrow::Decimal128(-1), arrow::Decimal128(100), arrow::Decimal128(2'500), arrow::Decimal128(0), {}},
        arrow::Decimal128(-1), arrow::Decimal128(2'500)));
    columns.push_back(Add<uint8_t>(&made, "small", arrow::UInt8Builder(), {{}, {}, {}, {}, {}}, {}, {}));
    made.batch = arrow::RecordBatch::Make(schema, 5, std::move(columns));
    return made;
  }();
  return rows;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto parsed = Predicate::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed.ok()) return 0;
  const Rows& rows = FewRows();
  const auto bound = parsed->Bind(*rows.batch->schema());
  if (!bound.ok()) return 0;
  std::vector<uint8_t> selected;
  Require(bound->Evaluate(*rows.batch, &selected).ok());
  const Truth truth = bound->Prune(
      [&](const std::string& name) -> const ColumnStatistics* {
        const auto found = rows.statistics.find(name);
        return found == rows.statistics.end() ? nullptr : &found->second;
      },
      rows.batch->num_rows());
  for (const uint8_t one : selected) {
    Require(!(truth == Truth::kNever && one != 0));
    Require(!(truth == Truth::kAlways && one == 0));
  }
  // The predicate's own text means the same.
  const auto again = Predicate::Parse(bound->ToString());
  if (again.ok()) {
    const auto bound_again = again->Bind(*rows.batch->schema());
    Require(bound_again.ok());
    std::vector<uint8_t> selected_again;
    Require(bound_again->Evaluate(*rows.batch, &selected_again).ok());
    Require(selected == selected_again);
  }
  return 0;
}

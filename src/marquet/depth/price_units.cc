#include "marquet/depth/price_units.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "marquet/depth/int64_columns.h"
#include "marquet/depth/tensor.h"

namespace marquet::depth {
namespace {

// In micro-pips. A tensor has 402 rows of one each: of prices that are all further apart it shows none but
// the last.
constexpr double kMostStep = 1e6;
// That can be kept, and as many units; see tensor.h.
constexpr double kMostUnits = 2305843009213693952.0;  // 2^61
constexpr double kUnitsOfOne = 1e9;
// Of units to prices, which is 1e9 between a price and itself, and 1 where both are units.
constexpr double kLeastRatio = 1e5;

template <typename ArrayType>
void AppendFinite(const arrow::Array& column, std::vector<double>* out) {
  const auto& values = static_cast<const ArrayType&>(column);
  for (int64_t i = 0; i < values.length(); ++i) {
    if (values.IsValid(i) && std::isfinite(values.Value(i))) {
      out->push_back(static_cast<double>(values.Value(i)));
    }
  }
}

bool IsFloats(const arrow::Array& column) {
  return column.type_id() == arrow::Type::DOUBLE || column.type_id() == arrow::Type::FLOAT;
}

// What is neither null nor NaN, which pandas has for null.
std::vector<double> FloatsOf(const arrow::Array& column) {
  std::vector<double> values;
  if (column.type_id() == arrow::Type::DOUBLE) AppendFinite<arrow::DoubleArray>(column, &values);
  if (column.type_id() == arrow::Type::FLOAT) AppendFinite<arrow::FloatArray>(column, &values);
  return values;
}

arrow::Status AppendUnits(const arrow::Array& column, const std::string& name, std::vector<double>* out) {
  std::vector<int64_t> units;
  ARROW_RETURN_NOT_OK(AppendIntegers(column, name, kUndefinedPrice, &units));
  for (const int64_t value : units) {
    if (value != kUndefinedPrice) out->push_back(static_cast<double>(value));
  }
  return arrow::Status::OK();
}

// Of absolute values; 0 for none.
double MedianSize(std::vector<double> values) {
  if (values.empty()) return 0;
  for (double& value : values) value = std::fabs(value);
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  if (values.size() % 2 == 1) return *middle;
  return (*std::max_element(values.begin(), middle) + *middle) / 2;
}

// "5,529,250,000,000", "0.25", "1e+18".
std::string FloatText(double value) {
  const std::string text = fmt::format("{:.15g}", value);
  const size_t end = std::min(text.find('.'), text.size());
  if (std::fabs(value) < 1'000 || text.find('e') != std::string::npos) return text;
  return WithCommas(static_cast<int64_t>(value)) + text.substr(end);
}

arrow::Status CanOnlyBeUnits(const std::string& found) {
  return InvalidInput(
      found +
          "; these floats can only be units of 1e-9, which integers beside a null become in pandas and NumPy",
      "Make the column anew: divide it by 1e9, or take the rows from scan().to_pandas() or to_arrow(), and "
      "read "
      "files with pd.read_parquet(path, dtype_backend='numpy_nullable').");
}

}  // namespace

bool IsBookPrice(std::string_view column) {
  return column.size() == 9 && (column.starts_with("bid_px_0") || column.starts_with("ask_px_0")) &&
         column.back() >= '0' && column.back() <= '9';
}

arrow::Status PriceUnits::Look(const arrow::RecordBatch& rows) {
  if (known_) return arrow::Status::OK();
  std::vector<double> integers;
  std::vector<int> floats;
  for (int i = 0; i < rows.num_columns(); ++i) {
    const std::string& name = rows.column_name(i);
    if (!IsBookPrice(name)) continue;
    if (IsFloats(*rows.column(i))) {
      floats.push_back(i);
    } else if (arrow::is_integer(rows.column(i)->type_id())) {
      ARROW_RETURN_NOT_OK(AppendUnits(*rows.column(i), name, &integers));
    }
  }
  for (const int i : floats) {
    if (known_) break;
    ARROW_RETURN_NOT_OK(LookAt(rows.column_name(i), FloatsOf(*rows.column(i)), integers));
  }
  return arrow::Status::OK();
}

arrow::Status PriceUnits::LookAt(const std::string& column, std::vector<double> floats,
                                 std::vector<double> integers) {
  if (floats.empty()) return arrow::Status::OK();
  const std::string such_as = "such as " + FloatText(floats.front());
  const double size = MedianSize(floats), units = MedianSize(std::move(integers));
  if (size > 0 && units > 0) {
    known_ = true;
    if (units / size >= kLeastRatio) return arrow::Status::OK();
    return CanOnlyBeUnits(
        fmt::format("{} holds floats {}, of the size of the integers beside it", column, such_as));
  }
  std::sort(floats.begin(), floats.end());
  floats.erase(std::unique(floats.begin(), floats.end()), floats.end());
  if (floats.size() < 2) return arrow::Status::OK();
  known_ = true;
  if (std::ranges::any_of(floats, [](double value) { return value != std::trunc(value); })) {
    return arrow::Status::OK();
  }
  const std::string found = fmt::format("{} holds whole numbers as floats, {}", column, such_as);
  if (size > kMostUnits / kUnitsOfOne) return CanOnlyBeUnits(found + ", beyond all prices");
  if (micro_pip_ == 0) return arrow::Status::OK();
  double least = std::numeric_limits<double>::infinity();
  for (size_t i = 1; i < floats.size(); ++i) least = std::min(least, floats[i] - floats[i - 1]);
  const double steps = least / (static_cast<double>(micro_pip_) / kUnitsOfOne);
  if (steps < kMostStep) return arrow::Status::OK();
  return CanOnlyBeUnits(
      fmt::format("{}, no two of them less than {} micro-pips apart", found, FloatText(std::round(steps))));
}

}  // namespace marquet::depth

#include "marquet/depth/book_buffer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "arrow/array.h"
#include "arrow/record_batch.h"
#include "arrow/type.h"
#include "arrow/util/decimal.h"
#include "marquet/base/error.h"
#include "marquet/base/text.h"

namespace marquet::depth {
namespace {

template <typename ArrayType>
void Widen(const arrow::Array& column, int64_t null_value, std::vector<int64_t>* out) {
  const auto& typed = static_cast<const ArrayType&>(column);
  const auto* values = typed.raw_values();
  const size_t old = out->size();
  out->insert(out->end(), values, values + typed.length());
  if (typed.null_count() == 0) return;
  for (int64_t i = 0; i < typed.length(); ++i) {
    if (typed.IsNull(i)) (*out)[old + i] = null_value;
  }
}

arrow::Status Misfit(const std::string& name, int64_t row, const std::string& value) {
  return InvalidInput(
      fmt::format("{} is {} in row {}, beyond the prices that can be kept", name, value, WithCommas(row)));
}

}  // namespace

std::vector<std::string> BookColumnNames(unsigned features) {
  std::vector<std::string> names;
  for (const char* what : {"px", "sz", "ct"}) {
    if (what[0] == 's' && !(features & (kVolume | kVariance))) continue;
    if (what[0] == 'c' && !(features & kTradeCounts)) continue;
    for (const char* side : {"bid", "ask"}) {
      for (int level = 0; level < kLevels; ++level) {
        names.push_back(fmt::format("{}_{}_{:02d}", side, what, level));
      }
    }
  }
  return names;
}

arrow::Status AppendPrices(const arrow::Array& column, const std::string& name, std::vector<int64_t>* out) {
  constexpr double kMost = 9.2e18;
  switch (column.type_id()) {
    case arrow::Type::INT64:
      Widen<arrow::Int64Array>(column, kUndefinedPrice, out);
      return arrow::Status::OK();
    case arrow::Type::DOUBLE: {
      const auto& typed = static_cast<const arrow::DoubleArray&>(column);
      for (int64_t i = 0; i < typed.length(); ++i) {
        if (typed.IsNull(i) || std::isnan(typed.Value(i))) {
          out->push_back(kUndefinedPrice);
          continue;
        }
        // The nearest multiple of 1e-9: a float of up to 15 digits comes back to the decimal it was made of.
        const double scaled = typed.Value(i) * 1e9;
        if (!(std::fabs(scaled) < kMost)) return Misfit(name, i, fmt::format("{}", typed.Value(i)));
        out->push_back(std::llround(scaled));
      }
      return arrow::Status::OK();
    }
    case arrow::Type::DECIMAL128: {
      const auto& typed = static_cast<const arrow::Decimal128Array&>(column);
      const int32_t scale = static_cast<const arrow::Decimal128Type&>(*column.type()).scale();
      for (int64_t i = 0; i < typed.length(); ++i) {
        if (typed.IsNull(i)) {
          out->push_back(kUndefinedPrice);
          continue;
        }
        const auto rescaled = arrow::Decimal128(typed.GetValue(i)).Rescale(scale, 9);
        const auto narrow = rescaled.ok() ? rescaled->ToInteger<int64_t>() : rescaled.status();
        if (!narrow.ok()) return Misfit(name, i, typed.FormatValue(i));
        out->push_back(*narrow);
      }
      return arrow::Status::OK();
    }
    case arrow::Type::NA:
      out->insert(out->end(), column.length(), kUndefinedPrice);
      return arrow::Status::OK();
    default:
      return SchemaError(
          fmt::format("{} is of type {}; expected int64 in units of 1e-9, float64 or decimal128", name,
                      column.type()->ToString()));
  }
}

arrow::Status AppendIntegers(const arrow::Array& column, const std::string& name, int64_t null_value,
                             std::vector<int64_t>* out) {
  switch (column.type_id()) {
    case arrow::Type::INT8:
      Widen<arrow::Int8Array>(column, null_value, out);
      break;
    case arrow::Type::INT16:
      Widen<arrow::Int16Array>(column, null_value, out);
      break;
    case arrow::Type::INT32:
      Widen<arrow::Int32Array>(column, null_value, out);
      break;
    case arrow::Type::INT64:
      Widen<arrow::Int64Array>(column, null_value, out);
      break;
    case arrow::Type::UINT8:
      Widen<arrow::UInt8Array>(column, null_value, out);
      break;
    case arrow::Type::UINT16:
      Widen<arrow::UInt16Array>(column, null_value, out);
      break;
    case arrow::Type::UINT32:
      Widen<arrow::UInt32Array>(column, null_value, out);
      break;
    case arrow::Type::UINT64:
      Widen<arrow::UInt64Array>(column, null_value, out);
      break;
    case arrow::Type::TIMESTAMP: {
      Widen<arrow::TimestampArray>(column, null_value, out);
      const auto unit = static_cast<const arrow::TimestampType&>(*column.type()).unit();
      const int64_t factor = unit == arrow::TimeUnit::NANO    ? 1
                             : unit == arrow::TimeUnit::MICRO ? 1'000
                             : unit == arrow::TimeUnit::MILLI ? 1'000'000
                                                              : 1'000'000'000;
      for (size_t i = out->size() - column.length(); factor != 1 && i < out->size(); ++i) {
        if ((*out)[i] == null_value) continue;
        if (__builtin_mul_overflow((*out)[i], factor, &(*out)[i])) {
          return InvalidInput(fmt::format("{} holds a time beyond what nanoseconds in int64 reach", name));
        }
      }
      break;
    }
    default:
      return SchemaError(
          fmt::format("{} is of type {}; expected an integer", name, column.type()->ToString()));
  }
  return arrow::Status::OK();
}

arrow::Status AppendTimes(const arrow::Array& column, const std::string& name, std::vector<int64_t>* out) {
  constexpr int64_t kNone = INT64_MIN;
  const size_t known = out->size();
  ARROW_RETURN_NOT_OK(AppendIntegers(column, name, kNone, out));
  for (size_t i = std::max<size_t>(known, 1); i < out->size(); ++i) {
    if ((*out)[i] == kNone) (*out)[i] = (*out)[i - 1];
  }
  return arrow::Status::OK();
}

BookBuffer::BookBuffer(unsigned features) : names_(BookColumnNames(features)), columns_(names_.size()) {}

arrow::Status BookBuffer::Append(const arrow::RecordBatch& batch) {
  for (size_t i = 0; i < names_.size(); ++i) {
    const auto column = batch.GetColumnByName(names_[i]);
    if (!column) {
      return SchemaError(fmt::format("there is no column {}", names_[i]),
                         "Depth tensors are computed from ten-level book rows (Databento's mbp-10).");
    }
    const bool price = i < 2 * kLevels;
    // -1 is refused by the tensor unless the price beside it is null, too.
    ARROW_RETURN_NOT_OK(price ? AppendPrices(*column, names_[i], &columns_[i])
                              : AppendIntegers(*column, names_[i], -1, &columns_[i]));
  }
  return arrow::Status::OK();
}

void BookBuffer::DropFront(int64_t rows) {
  for (auto& column : columns_) column.erase(column.begin(), column.begin() + rows);
}

BookRows BookBuffer::View() const {
  BookRows view;
  view.rows = rows();
  for (size_t i = 0; i < names_.size(); ++i) {
    const bool bid = names_[i][0] == 'b';
    const char what = names_[i][4];
    auto& columns = what == 'p'   ? (bid ? view.bid_px : view.ask_px)
                    : what == 's' ? (bid ? view.bid_sz : view.ask_sz)
                                  : (bid ? view.bid_ct : view.ask_ct);
    columns[i % kLevels] = columns_[i].data();
  }
  return view;
}

}  // namespace marquet::depth

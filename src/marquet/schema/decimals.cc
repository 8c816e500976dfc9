#include <algorithm>
#include <cstring>
#include <optional>

#include "arrow/array.h"
#include "arrow/array/builder_binary.h"
#include "arrow/array/util.h"
#include "arrow/type.h"
#include "arrow/type_traits.h"
#include "arrow/util/decimal.h"
#include "marquet/schema/decimals_internal.h"

namespace marquet::schema {
namespace {

using arrow::BasicDecimal256;
using arrow::Decimal256;

// Little-endian integers of any width: what decimals are made of, too.
class WholeNumbers {
 public:
  explicit WholeNumbers(const arrow::Array& array)
      : bytes_(array.type()->byte_width()),
        is_signed_(!arrow::is_unsigned_integer(array.type_id())),
        values_(array.data()->buffers[1]->data() + array.offset() * bytes_) {}

  Decimal256 At(int64_t i) const {
    const uint8_t* const value = values_ + i * bytes_;
    BasicDecimal256::WordArray words;
    words.fill(is_signed_ && value[bytes_ - 1] >= 0x80 ? ~uint64_t{0} : 0);
    std::memcpy(words.data(), value, static_cast<size_t>(bytes_));
    return Decimal256(words);
  }

 private:
  const int bytes_;
  const bool is_signed_;
  const uint8_t* const values_;
};

// The value with `more` digits behind its point, as one of `digits` digits. Nothing where it is none.
std::optional<Decimal256> Rescaled(const Decimal256& value, int more, int digits) {
  constexpr int kMostDigits = BasicDecimal256::kMaxPrecision;
  if (value == Decimal256(0)) return value;
  if (more >= 0) {
    if (more >= digits || !value.FitsInPrecision(digits - more)) return std::nullopt;
    return Decimal256(value * BasicDecimal256::GetScaleMultiplier(more));
  }
  if (-more > kMostDigits) return std::nullopt;
  BasicDecimal256 quotient, remainder;
  static_cast<const BasicDecimal256&>(value).Divide(BasicDecimal256::GetScaleMultiplier(-more), &quotient,
                                                    &remainder);
  if (remainder != BasicDecimal256(0) || !quotient.FitsInPrecision(digits)) return std::nullopt;
  return Decimal256(quotient);
}

}  // namespace

arrow::Result<std::shared_ptr<arrow::Array>> ToDecimals(const arrow::Array& array,
                                                        const std::shared_ptr<arrow::DataType>& to) {
  if (array.length() == array.null_count()) return arrow::MakeArrayOfNull(to, array.length());
  const auto& type = static_cast<const arrow::DecimalType&>(*to);
  const bool from_decimals = arrow::is_decimal(array.type_id());
  const int scale = from_decimals ? static_cast<const arrow::DecimalType&>(*array.type()).scale() : 0;
  arrow::FixedSizeBinaryBuilder builder(to);
  ARROW_RETURN_NOT_OK(builder.Reserve(array.length()));
  const WholeNumbers values(array);
  for (int64_t i = 0; i < array.length(); ++i) {
    if (array.IsNull(i)) {
      builder.UnsafeAppendNull();
      continue;
    }
    const Decimal256 value = values.At(i);
    const auto fitted = Rescaled(value, type.scale() - scale, type.precision());
    if (!fitted) {
      return arrow::Status::Invalid("row ", i, " holds ", value.ToString(scale), ", which ", type.ToString(),
                                    " does not hold");
    }
    const auto words = fitted->little_endian_array();
    builder.UnsafeAppend(reinterpret_cast<const uint8_t*>(words.data()));
  }
  std::shared_ptr<arrow::ArrayData> made;
  ARROW_RETURN_NOT_OK(builder.FinishInternal(&made));
  made->type = to;  // the builder's are bytes
  return arrow::MakeArray(std::move(made));
}

}  // namespace marquet::schema

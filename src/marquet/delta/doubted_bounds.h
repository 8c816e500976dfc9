// Bounds in the log that another writer made, widened by what writers are known to lose, or not believed.
// Internal to the room.
//
// - Numbers: deltalake takes decimals through a double, and those of scale 0 into 64 bits; engines in
//   JavaScript take every number through one, and some print only 15 digits of a double or 7 of a float. A
//   double's rounding does not reach whole numbers of up to 45 bits.
// - Times: Spark cut zone offsets of local mean times to minutes, others cut times to seconds or
//   milliseconds, of either bound. A time that should have a zone and has none may be of any.
// - Dates before 1582-10-15 and times before 1900: Spark may have written the rows by another calendar or
//   other zones than the bounds.
// - Text: cut, without rounding the maximum up; with U+FFFD for bytes that are not UTF-8; or in the order of
//   UTF-16 units, where the characters from U+E000 to U+FFFF come behind all others.
// - NaN and infinities are no JSON numbers: there is then no bound.
#pragma once

#include <memory>

#include "arrow/type_fwd.h"
#include "marquet/delta/json_document.h"

namespace marquet::delta {

// Null when there is nothing to believe: no value of the column's type, or one that may be too far off.
std::shared_ptr<arrow::Scalar> DoubtedBound(JsonValue value, const std::shared_ptr<arrow::DataType>& type,
                                            bool is_max);

}  // namespace marquet::delta

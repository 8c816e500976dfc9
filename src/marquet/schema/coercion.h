// Fits record batches to a schema that they were not made for, without losing or inventing a value.
//
// Columns are matched by name, in any order. A column that is absent and may be null becomes null. Types may
// differ where every value has the same meaning in the other type: integers of another width, float32 to
// float64, dictionaries and runs to their values and values to dictionaries, lists, strings and binary of
// another layout, lists of structs of key and value to maps, integers to decimals and decimals of another
// scale, dates, times of day and durations of another unit, and times of another unit, also into an int64
// column whose field metadata says unit=ns; a time without a zone is UTC. Nested types convert part by part,
// whole floating numbers inside of them to integers, and a struct's fields must all have their place. A value
// that does not fit (out of range, between two microseconds, a list of another length) is an error, never
// rounded. Extension types whose storage is their value (uuid, json ...) are taken for it.
//
// Immutable and thread safe.
#pragma once

#include <memory>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"

namespace marquet::schema {

class Coercion {
 public:
  // kSchema for a column of `from` that `to` lacks, for one that is required and absent, for a name that is
  // there twice, for types that do not convert, and for an extension type whose storage has no meaning
  // without it, each by name.
  static arrow::Result<Coercion> Make(std::shared_ptr<arrow::Schema> from, std::shared_ptr<arrow::Schema> to);

  const std::shared_ptr<arrow::Schema>& from() const { return from_; }
  const std::shared_ptr<arrow::Schema>& to() const { return to_; }

  // The batch in the schema `to`; columns that fit already are shared, not copied. kInvalidInput naming the
  // column for a value that does not fit, and for a null in a column, or a part of one, that must not have
  // it. What was converted is compared with what was given: a few rows, or with `check_all` every row;
  // kCorruptData where they differ.
  arrow::Result<std::shared_ptr<arrow::RecordBatch>> Apply(const arrow::RecordBatch& batch,
                                                           bool check_all = false) const;

 private:
  Coercion(std::shared_ptr<arrow::Schema> from, std::shared_ptr<arrow::Schema> to)
      : from_(std::move(from)), to_(std::move(to)) {}

  std::shared_ptr<arrow::Schema> from_;
  std::shared_ptr<arrow::Schema> to_;
  std::vector<int> sources_;  // by field of to_: the column of from_, or -1
};

// One column in the type of `field`, by the same rules, but any extension type is taken for its storage: of a
// table's file the log says what the values are. kSchema or kInvalidInput.
arrow::Result<std::shared_ptr<arrow::Array>> CoerceArray(const std::shared_ptr<arrow::Array>& array,
                                                         const arrow::Field& field);

// True when columns of `from` convert to `to` (some values may still not fit).
bool Convertible(const arrow::DataType& from, const arrow::Field& to);

}  // namespace marquet::schema

// Plain C++ values to plain Python ones. Needs the GIL.
#pragma once

#include <nanobind/nanobind.h>
#include <nanobind/stl/map.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <string>
#include <vector>

#include "marquet/parquet/format/options.h"
#include "marquet/parquet/verify/verify.h"
#include "marquet/table/table.h"

namespace marquet::python {

// Dictionaries with fixed keys, and lists of them, as the stub shows them.
using Record = nanobind::typed<nanobind::dict, nanobind::str, nanobind::any>;
using Records = nanobind::typed<nanobind::list, Record>;

// Text that may hold bytes which are no UTF-8, of files' names and of damaged files: these as \xNN.
nanobind::str Text(const std::string& text);

// None in place of an empty text or a negative number.
nanobind::object TextOrNone(const std::string& text);
nanobind::object NumberOrNone(int64_t value);
nanobind::object WideOrNone(std::optional<__int128> value);  // None for nothing

Record ToDict(const pq::Damage& damage);
Record ToDict(const pq::WrittenFile& file);

template <typename T>
Records ToList(const std::vector<T>& values) {
  Records list;
  for (const T& value : values) list.append(ToDict(value));
  return list;
}

// "append", "overwrite" or "error_if_exists".
table::AppendMode ToAppendMode(const std::string& mode);

// How a data file is written, out of a call's keyword arguments.
pq::WriteOptions ToWriteOptions(const std::string& compression, std::optional<int> level,
                                int64_t row_group_size, int64_t memory, const std::string& verify);

}  // namespace marquet::python

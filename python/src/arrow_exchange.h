// Arrow data in and out of Python by the PyCapsule protocol (arrow.apache.org/docs/format/CDataInterface), so
// that pyarrow, Polars, pandas, DuckDB and others are served alike and no Arrow binding library is linked.
//
// All functions need the GIL.
#pragma once

#include <nanobind/nanobind.h>

#include <memory>

#include "arrow/type_fwd.h"
#include "marquet/base/progress.h"

namespace marquet::python {

// Takes a stream out of an object with __arrow_c_stream__. Errors in Python (TypeError) are thrown.
std::shared_ptr<arrow::RecordBatchReader> ImportStream(nanobind::handle object);

// Takes a schema out of an object with __arrow_c_schema__.
std::shared_ptr<arrow::Schema> ImportSchema(nanobind::handle object);

// Python sees it as `_core.ArrowSchema`.
struct ArrowSchema {
  std::shared_ptr<arrow::Schema> schema;
};

// Python sees it as `_core.ArrowStream`: to be taken once through __arrow_c_stream__, or batch by batch
// through next(), which throws Marquet's own exceptions. `stop` is the flag that the producer looks at, kept
// alive with the stream, as is `owner`.
struct ArrowStream {
  std::shared_ptr<arrow::RecordBatchReader> reader;
  std::shared_ptr<StopFlag> stop;
  std::shared_ptr<const void> owner;
};

}  // namespace marquet::python

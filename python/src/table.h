// A table as Python sees it, shared by the files that bind it and what reads it.
#pragma once

#include <memory>

#include "marquet/table/table.h"

namespace marquet::python {

struct PyTable {
  std::shared_ptr<table::Table> table;
};

}  // namespace marquet::python

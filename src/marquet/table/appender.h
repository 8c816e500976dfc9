// Makes a Table's Appender. Internal to the room.
#pragma once

#include <memory>

#include "marquet/table/table.h"
#include "marquet/table/table_state.h"

namespace marquet::table {

arrow::Result<std::unique_ptr<Appender>> MakeAppender(std::shared_ptr<TableState> table,
                                                      AppendOptions options);

}  // namespace marquet::table

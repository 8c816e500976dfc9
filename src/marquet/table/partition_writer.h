// Writes the rows of many partitions into data files, on several threads, within a memory budget.
//
// Rows wait in a queue per partition until there are enough of them to be worth handing over; each partition
// is written by one thread at a time, in the order its rows came. Few rows start no threads, and where fewer
// can be had than are wanted, the caller's takes part.
//
// Of the budget, a quarter is for rows that wait and half for what open files hold in memory: pages,
// dictionaries, footers. Beyond that the row group of the file that holds most is ended, by the thread that
// finds it so and before it takes more rows. A file of which little would be free is closed instead, and its
// partition goes on in another. The last quarter is for what is between the two.
//
// Owned by one thread at a time. After an error every call returns it, until Abort().
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "arrow/result.h"
#include "arrow/type_fwd.h"
#include "marquet/parquet/format/options.h"
#include "marquet/table/table_state.h"

namespace marquet::table {

class PartitionWriter {
 public:
  struct Written {
    size_t partition = 0;
    std::string relative_path;
    pq::WrittenFile file;
  };

  // Memory that rows lie in. Rows of several partitions may share it: it is held until the last are written.
  struct SharedMemory {
    int64_t bytes = 0;
    int64_t rows = 1;     // of them all
    int64_t waiting = 0;  // batches in queues; the writer's
  };

  PartitionWriter(std::shared_ptr<TableState> table, std::shared_ptr<arrow::Schema> schema,
                  pq::WriteOptions options, int64_t max_rows_per_file, int max_threads,
                  std::function<void(const pq::WrittenFile&)> on_file);
  ~PartitionWriter();  // aborts what was not finished

  // Rows of partition `number`, which lives in `directory` (relative to the table). The batch is kept until
  // it is written: its buffers, which are part of `memory`, must not change.
  arrow::Status Write(size_t number, const std::function<std::string()>& directory,
                      std::shared_ptr<arrow::RecordBatch> rows, std::shared_ptr<SharedMemory> memory);

  // Closes all files: synced, verified, published.
  arrow::Result<std::vector<Written>> Finish();

  // Removes every file that was made, finished or not, and waits for the threads.
  arrow::Status Abort();

  // The finished files are part of the table from now on, or may be: Abort() and the end leave them.
  void Release() noexcept;
  // They are not, for certain: Abort() removes them as it did before Release().
  void TakeBack() noexcept;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace marquet::table

#include <nanobind/stl/pair.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>

#include "arrow/record_batch.h"
#include "arrow_exchange.h"
#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "interrupt.h"
#include "marquet/base/error.h"
#include "marquet/output/published_rows_internal.h"
#include "marquet/output/rolling_writer.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

using Values = std::map<std::string, std::string>;

struct PyRollingWriter {
  std::string folder;
  std::unique_ptr<output::RollingWriter> writer;
};

output::RowTarget Target(std::optional<int64_t> chunk, const Values& values) {
  return {chunk, output::TemplateValues(values.begin(), values.end())};
}

PyRollingWriter Open(const std::string& folder, const std::string& name_template, int rank, nb::object schema,
                     const std::string& compression, std::optional<int> compression_level,
                     int64_t row_group_size, int64_t max_file_size, int64_t max_rows_per_file,
                     int64_t records_per_chunk, const std::string& verify,
                     const std::string& on_schema_change, const std::string& empty, int64_t memory,
                     const std::string& input, bool take_over, const Values& metadata, bool page_index,
                     const std::vector<std::string>& late_columns,
                     std::optional<std::tuple<int64_t, int64_t, int>> content_pages) {
  output::RollingOptions options;
  options.folder = folder;
  options.name_template = name_template;
  options.rank = rank;
  if (!schema.is_none()) options.schema = ImportSchema(schema);
  options.file = ToWriteOptions(compression, compression_level, row_group_size, memory, verify);
  for (const auto& [key, value] : metadata) options.file.metadata.emplace_back(key, value);
  options.file.page_index = page_index;
  if (content_pages) {
    const auto [least, most, norm_level] = *content_pages;
    options.file.content_pages = {.min_bytes = least, .max_bytes = most, .norm_level = norm_level};
  }
  options.max_file_bytes = max_file_size;
  options.max_file_rows = max_rows_per_file;
  options.records_per_chunk = records_per_chunk;
  options.on_schema_change = Unwrap(output::ParseSchemaChange(on_schema_change));
  options.empty = Unwrap(output::ParseEmptyChunk(empty));
  options.input = input;
  options.take_over = take_over;
  options.late_columns = late_columns;
  return {folder, Unwrap(WithoutGil([&] {
                           return output::RollingWriter::Open(file::LocalFileSystem(), std::move(options));
                         }),
                         folder)};
}

// Rows taken. A batch is written whole or not at all when Ctrl-C comes.
int64_t Write(PyRollingWriter& self, nb::object rows, std::optional<int64_t> chunk, const Values& values) {
  StopFlag stop;
  const output::RowTarget target = Target(chunk, values);
  auto reader = ImportStream(rows);
  auto written = Interruptible(stop, [&]() -> arrow::Result<int64_t> {
    int64_t count = 0;
    std::shared_ptr<arrow::RecordBatch> batch;
    while (!stop.requested()) {
      ARROW_RETURN_NOT_OK(reader->ReadNext(&batch));
      if (batch == nullptr) break;
      ARROW_RETURN_NOT_OK(self.writer->Write(batch, target));
      count += batch->num_rows();
    }
    reader.reset();
    return count;
  });
  return Unwrap(std::move(written), self.folder);
}

Record ToDict(const output::PublishedFile& file) {
  Record dict;
  dict["name"] = file.name;
  dict["rows"] = file.rows;
  dict["bytes"] = file.bytes;
  dict["digest"] = file.digest;
  return dict;
}

Record ToDict(const output::RollingCounts& counts) {
  Record dict;
  dict["accepted"] = counts.accepted;
  dict["committed"] = counts.committed;
  dict["replayed"] = counts.replayed;
  dict["dropped"] = counts.dropped;
  dict["rejected"] = counts.rejected;
  return dict;
}

void Close(PyRollingWriter& self, nb::object done) {
  const output::RollingReport report = Unwrap(WithoutGil([&] { return self.writer->Close(); }), self.folder);
  Record dict = ToDict(report.counts);
  Records files;
  for (const output::PublishedFile& file : report.files) files.append(ToDict(file));
  dict["files"] = files;
  dict["files_before"] = report.files_before;
  nb::list changes;
  for (const std::string& name : report.schema_changes) changes.append(name);
  dict["schema_changes"] = changes;
  dict["bytes"] = report.bytes;
  done(dict);
}

template <typename Work>
void Do(const PyRollingWriter& self, Work&& work) {
  Check(WithoutGil([&] { return work(*self.writer); }), self.folder);
}

}  // namespace

void RegisterWriter(nb::module_& module) {
  module.def(
      "check_same_rows",
      [](const std::string& published, const std::string& again) {
        Check(WithoutGil([&] {
                return output::CheckSameRows(file::LocalFileSystem(), {published}, {again}, false);
              }),
              published);
      },
      nb::arg("published"), nb::arg("again"));
  nb::class_<PyRollingWriter>(module, "RollingWriter")
      .def_static("open", &Open, nb::arg("folder"), nb::arg("name_template"), nb::kw_only(), nb::arg("rank"),
                  nb::arg("schema").none(), nb::arg("compression"), nb::arg("compression_level").none(),
                  nb::arg("row_group_size"), nb::arg("max_file_size"), nb::arg("max_rows_per_file"),
                  nb::arg("records_per_chunk"), nb::arg("verify"), nb::arg("on_schema_change"),
                  nb::arg("empty"), nb::arg("memory"), nb::arg("input"), nb::arg("take_over"),
                  nb::arg("metadata"), nb::arg("page_index"), nb::arg("late_columns"),
                  nb::arg("content_pages").none())
      .def("write", &Write, nb::arg("rows"), nb::arg("chunk").none(), nb::arg("values"))
      .def(
          "drop",
          [](PyRollingWriter& self, int64_t records, std::optional<int64_t> chunk, const Values& values) {
            Do(self,
               [&](output::RollingWriter& writer) { return writer.Drop(records, Target(chunk, values)); });
          },
          nb::arg("records"), nb::arg("chunk").none(), nb::arg("values"))
      .def(
          "name_of",
          [](PyRollingWriter& self, std::optional<int64_t> chunk, const Values& values) {
            return Unwrap(WithoutGil([&] { return self.writer->NameOf(Target(chunk, values)); }),
                          self.folder);
          },
          nb::arg("chunk").none(), nb::arg("values"))
      .def(
          "check_target",
          [](const PyRollingWriter& self, std::optional<int64_t> chunk, const Values& values) {
            Check(self.writer->CheckTarget(Target(chunk, values)), self.folder);
          },
          nb::arg("chunk").none(), nb::arg("values"))
      .def(
          "room",
          [](const PyRollingWriter& self, std::optional<int64_t> chunk) { return self.writer->room(chunk); },
          nb::arg("chunk").none())
      .def("flush",
           [](PyRollingWriter& self) {
             Do(self, [](output::RollingWriter& writer) { return writer.Flush(); });
           })
      .def(
          "close_chunk",
          [](PyRollingWriter& self, int64_t chunk) {
            Do(self, [&](output::RollingWriter& writer) { return writer.CloseChunk(chunk); });
          },
          nb::arg("chunk"))
      .def(
          "close_file",
          [](PyRollingWriter& self, const std::string& name) {
            Do(self, [&](output::RollingWriter& writer) { return writer.CloseFile(name); });
          },
          nb::arg("name"))
      .def("close", &Close)
      .def("abort",
           [](PyRollingWriter& self) {
             Do(self, [](output::RollingWriter& writer) { return writer.Abort(); });
           })
      .def("resume", [](PyRollingWriter& self) { return Unwrap(self.writer->Resume(), self.folder); })
      .def_prop_ro("next_record", [](const PyRollingWriter& self) { return self.writer->next_record(); })
      .def_prop_ro("finished", [](const PyRollingWriter& self) { return self.writer->finished(); })
      .def_prop_ro("run", [](const PyRollingWriter& self) { return self.writer->run(); })
      .def_prop_ro("published_chunks",
                   [](const PyRollingWriter& self) { return self.writer->published_chunks(); })
      .def_prop_ro("counts", [](const PyRollingWriter& self) { return ToDict(self.writer->counts()); })
      .def_prop_ro("schema", [](const PyRollingWriter& self) -> std::optional<ArrowSchema> {
        auto schema = self.writer->schema();
        if (schema == nullptr) return std::nullopt;
        return ArrowSchema{std::move(schema)};
      });
}

}  // namespace marquet::python

#include "table.h"

#include "arrow_exchange.h"
#include "bindings.h"
#include "convert.h"
#include "errors.h"
#include "interrupt.h"
#include "marquet/base/error.h"
#include "marquet/jobs/check/verify.h"
#include "progress.h"

namespace nb = nanobind;

namespace marquet::python {
namespace {

PyTable Create(const std::string& path, nb::object schema, std::vector<std::string> partition_by,
               std::string name, std::string description, std::map<std::string, std::string> configuration) {
  const auto arrow_schema = ImportSchema(schema);
  table::CreateOptions options{std::move(partition_by), std::move(name), std::move(description),
                               std::move(configuration)};
  return {Unwrap(WithoutGil([&] {
                   return table::Table::Create(file::LocalFileSystem(), path, *arrow_schema,
                                               std::move(options));
                 }),
                 path)};
}

PyTable Open(const std::string& path, std::optional<int64_t> version, std::optional<int64_t> as_of_ns) {
  return {
      Unwrap(WithoutGil([&] { return table::Table::Open(file::LocalFileSystem(), path, version, as_of_ns); }),
             path)};
}

void Append(PyTable& self, nb::object rows, const std::string& mode, const std::string& compression,
            std::optional<int> compression_level, int64_t row_group_size, int64_t max_rows_per_file,
            int64_t memory, const std::string& verify, std::map<std::string, std::string> metadata,
            nb::object on_file, nb::object done) {
  StopFlag stop;
  table::AppendOptions options;
  options.mode = ToAppendMode(mode);
  options.file = ToWriteOptions(compression, compression_level, row_group_size, memory, verify);
  options.max_rows_per_file = max_rows_per_file;
  options.commit_metadata = std::move(metadata);
  options.stop = &stop;
  std::optional<nb::python_error> raised;
  if (!on_file.is_none()) {
    options.on_file = [&](const pq::WrittenFile& file) {
      nb::gil_scoped_acquire gil;
      if (raised) return;
      try {
        on_file(ToDict(file));
      } catch (nb::python_error& error) {
        raised.emplace(std::move(error));
        stop.Request();
      }
    };
  }
  auto reader = ImportStream(rows);
  auto ended = RunToEnd(stop, [&] {
    auto report = self.table->Append(*reader, std::move(options));
    reader.reset();
    return report;
  });
  if (raised && !ended.raised) ended.raised.emplace(*std::move(raised));
  const auto told = [](const table::AppendReport& report) {
    Record dict;
    dict["version"] = report.version;
    dict["rows"] = report.rows;
    dict["bytes"] = report.bytes;
    dict["files"] = ToList(report.files);
    dict["empty_as_null"] = report.empty_as_null;
    return dict;
  };
  Tell(done, std::move(ended), told, self.table->path());
}

Record Info(const PyTable& self) {
  const table::TableInfo info = WithoutGil([&] { return self.table->Info(); });
  nb::list partitions;
  for (const table::PartitionInfo& partition : info.partitions) {
    nb::dict one;
    one["values"] = partition.values;
    one["files"] = partition.files;
    one["rows"] = NumberOrNone(partition.rows);
    one["bytes"] = partition.bytes;
    partitions.append(one);
  }
  Record dict;
  dict["path"] = info.path;
  dict["version"] = info.version;
  dict["timestamp_ms"] = info.timestamp_ms;
  dict["id"] = info.id;
  dict["name"] = TextOrNone(info.name);
  dict["description"] = TextOrNone(info.description);
  dict["partition_columns"] = info.partition_columns;
  dict["files"] = info.files;
  dict["rows"] = NumberOrNone(info.rows);
  dict["bytes"] = info.bytes;
  dict["latest_timestamp_ns"] = WideOrNone(info.latest_timestamp_ns);
  dict["partitions"] = partitions;
  return dict;
}

Records History(PyTable& self, std::optional<int64_t> limit) {
  const auto entries = Unwrap(WithoutGil([&] { return self.table->History(limit); }), self.table->path());
  Records list;
  for (const delta::CommitEntry& entry : entries) {
    Record dict;
    dict["version"] = entry.version;
    dict["timestamp_ms"] = entry.timestamp_ms;
    dict["operation"] = TextOrNone(entry.info.operation);
    dict["operation_parameters"] = entry.info.operation_parameters;
    dict["is_blind_append"] = entry.info.is_blind_append;
    dict["engine_info"] = TextOrNone(entry.info.engine_info);
    dict["extra"] = entry.info.extra;
    list.append(dict);
  }
  return list;
}

Records Files(const PyTable& self) {
  const auto snapshot = self.table->snapshot();
  Records list;
  for (const auto& file : snapshot->files) {
    Record dict;
    dict["path"] = file->path;
    dict["partition_values"] = file->partition_values;
    dict["bytes"] = file->size;
    dict["modified_ms"] = file->modification_time_ms;
    dict["stats"] = TextOrNone(file->stats);
    dict["tags"] = file->tags;
    list.append(dict);
  }
  return list;
}

Record Verify(const PyTable& self, const std::string& level, int jobs, nb::object progress) {
  const auto verify_level = Unwrap(pq::ParseVerifyLevel(level));
  StopFlag stop;
  ProgressReport report(std::move(progress), stop);
  auto result = Interruptible(stop, [&] {
    return jobs::VerifyTable(*file::LocalFileSystem(), *self.table, verify_level, jobs, report.callback(),
                             &stop);
  });
  report.Rethrow();
  const table::TableVerdict verdict = Unwrap(std::move(result), self.table->path());
  Record dict;
  dict["ok"] = verdict.ok;
  dict["files"] = verdict.files;
  dict["rows"] = verdict.rows;
  dict["rows_intact"] = verdict.rows_intact;
  dict["bytes"] = verdict.bytes;
  dict["damage"] = ToList(verdict.damage);
  dict["odd"] = ToList(verdict.odd);
  dict["missing"] = verdict.missing;
  dict["orphans"] = verdict.orphans;
  return dict;
}

}  // namespace

void RegisterTable(nb::module_& module) {
  nb::class_<PyTable>(module, "Table", "One version of a table; see marquet.Table.")
      .def_static("create", &Create, nb::arg("path"), nb::arg("schema"), nb::arg("partition_by"),
                  nb::arg("name"), nb::arg("description"), nb::arg("configuration"))
      .def_static("open", &Open, nb::arg("path"), nb::arg("version").none(), nb::arg("as_of_ns").none())
      .def_prop_ro("path", [](const PyTable& self) { return self.table->path(); })
      .def_prop_ro("version", [](const PyTable& self) { return self.table->version(); })
      .def_prop_ro("schema", [](const PyTable& self) { return ArrowSchema{self.table->schema()}; })
      .def_prop_ro("partition_columns",
                   [](const PyTable& self) { return self.table->snapshot()->metadata.partition_columns; })
      .def(
          "refresh",
          [](PyTable& self) { Check(WithoutGil([&] { return self.table->Refresh(); }), self.table->path()); })
      .def("append", &Append, nb::arg("rows"), nb::arg("mode"), nb::arg("compression"),
           nb::arg("compression_level").none(), nb::arg("row_group_size"), nb::arg("max_rows_per_file"),
           nb::arg("memory"), nb::arg("verify"), nb::arg("metadata"), nb::arg("on_file").none(),
           nb::arg("done"), "Gives `done` the report.")
      .def("info", &Info)
      .def("history", &History, nb::arg("limit").none())
      .def("files", &Files)
      .def(
          "latest_timestamp",
          [](const PyTable& self, const std::string& column) {
            return WideOrNone(
                Unwrap(WithoutGil([&] { return self.table->LatestTimestamp(column); }), self.table->path()));
          },
          nb::arg("column"), "Nanoseconds since 1970, or None.")
      .def("verify", &Verify, nb::arg("level"), nb::arg("jobs"), nb::arg("progress").none());
}

}  // namespace marquet::python

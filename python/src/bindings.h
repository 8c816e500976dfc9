// What the extension `marquet._core` is made of: each file adds one room's functions and classes.
//
// The extension is the private half of the package: it takes plain values and gives plain values, and the
// Python modules beside it make them pleasant. Everything that works for more than a moment releases the GIL.
#pragma once

#include <nanobind/nanobind.h>

namespace marquet::python {

void RegisterArrow(nanobind::module_& module);     // arrow_exchange.cc
void RegisterTable(nanobind::module_& module);     // table.cc
void RegisterScan(nanobind::module_& module);      // scan.cc
void RegisterVerify(nanobind::module_& module);    // verify.cc
void RegisterWriter(nanobind::module_& module);    // writer.cc
void RegisterIngest(nanobind::module_& module);    // ingest.cc
void RegisterExport(nanobind::module_& module);    // export.cc
void RegisterRescue(nanobind::module_& module);    // rescue.cc
void RegisterClean(nanobind::module_& module);     // clean.cc
void RegisterDbn(nanobind::module_& module);       // dbn.cc
void RegisterDepth(nanobind::module_& module);     // depth.cc
void RegisterLock(nanobind::module_& module);      // lock.cc
void RegisterSampling(nanobind::module_& module);  // sampling.cc

}  // namespace marquet::python

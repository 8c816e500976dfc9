// One output of rolling writers, held by one of them: what was begun there before, and the right to go on.
#pragma once

#include <memory>
#include <string>

#include "arrow/result.h"
#include "marquet/file/file_system.h"
#include "marquet/output/output_template.h"
#include "marquet/output/rolling_options.h"
#include "marquet/output/writer_fence_internal.h"
#include "marquet/output/writer_manifest.h"

namespace marquet::output {

struct HeldOutput {
  std::string id;                        // of the manifest and what lies beside it
  std::unique_ptr<file::FileLock> lock;  // a null pointer where the output is taken from one who has it
  Fence fence;                           // of the attempt that comes next
  WriterManifest manifest;               // of that one, which is not claimed yet
};

// Makes the folder and its directory of manifests, and compares what was begun there with the options.
// `known`: the template's values that all names of this writer share. Errors as of RollingWriter::Open.
arrow::Result<HeldOutput> HoldOutput(const std::shared_ptr<file::FileSystem>& fs,
                                     const RollingOptions& options, const OutputTemplate& name_template,
                                     const TemplateValues& known);

}  // namespace marquet::output

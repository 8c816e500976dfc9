#include "marquet/delta/checkpoint_columns_internal.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "marquet/base/error.h"
#include "marquet/base/text.h"
#include "parquet/schema.h"

namespace marquet::delta {
namespace {

using ::parquet::schema::GroupNode;
using Names = std::vector<std::string_view>;

struct ActionColumns {
  std::string_view name;
  Names required;
  Names optional;
};

// Actions that a checkpoint holds; of those that are not read here, no field is looked at.
const std::vector<ActionColumns>& Actions() {
  static const std::vector<ActionColumns> actions = {
      {"txn", {"appId", "version"}, {"lastUpdated"}},
      {"add",
       {"path", "partitionValues", "size"},
       {"modificationTime", "dataChange", "stats", "tags", "deletionVector", "baseRowId",
        "defaultRowCommitVersion", "clusteringProvider", "partitionValues_parsed", "stats_parsed"}},
      {"remove",
       {"path"},
       {"deletionTimestamp", "dataChange", "extendedFileMetadata", "partitionValues", "size", "stats", "tags",
        "deletionVector", "baseRowId", "defaultRowCommitVersion"}},
      {"metaData",
       {"id", "schemaString", "partitionColumns"},
       {"name", "description", "format", "configuration", "createdTime"}},
      {"protocol", {"minReaderVersion", "minWriterVersion"}, {"readerFeatures", "writerFeatures"}},
      {"sidecar", {"path"}, {"sizeInBytes", "modificationTime", "tags"}},
  };
  return actions;
}

// Actions that are known, and not read out of checkpoints.
constexpr std::string_view kOthers[] = {"cdc", "commitInfo", "domainMetadata", "checkpointMetadata"};

bool Has(const GroupNode& group, std::string_view name) { return group.FieldIndex(std::string(name)) >= 0; }

// Alike but for one character, as damage to a name leaves it and no writer names another thing.
bool IsDamaged(std::string_view name, std::string_view known) {
  if (name.size() != known.size()) return false;
  const auto [here, there] = std::mismatch(name.begin(), name.end(), known.begin());
  return here != name.end() && std::equal(here + 1, name.end(), there + 1);
}

// Looks for damaged ones among the names that are known.
arrow::Status CheckNames(const GroupNode& group, const Names& known, const std::string& prefix) {
  for (int i = 0; i < group.field_count(); ++i) {
    const std::string& name = group.field(i)->name();
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const auto meant = std::find_if(known.begin(), known.end(), [&](std::string_view each) {
      return IsDamaged(name, each) && !Has(group, each);
    });
    if (meant == known.end()) continue;
    return CorruptData(fmt::format("the column {} is of no action, and {}{} is missing",
                                   Quoted(prefix + name), prefix, *meant));
  }
  return arrow::Status::OK();
}

}  // namespace

arrow::Status CheckCheckpointColumns(const ::parquet::SchemaDescriptor& schema) {
  const GroupNode& root = *schema.group_node();
  Names known(std::begin(kOthers), std::end(kOthers));
  for (const ActionColumns& action : Actions()) known.push_back(action.name);
  ARROW_RETURN_NOT_OK(CheckNames(root, known, {}));
  bool any = false;
  for (const ActionColumns& action : Actions()) {
    const int place = root.FieldIndex(std::string(action.name));
    if (place < 0) continue;
    any = true;
    const auto& node = root.field(place);
    if (!node->is_group() || node->is_repeated()) {
      return CorruptData(fmt::format("the column {} is no struct", action.name));
    }
    const auto& fields = static_cast<const GroupNode&>(*node);
    for (const std::string_view required : action.required) {
      if (Has(fields, required)) continue;
      return CorruptData(fmt::format("the column {}.{} is missing", action.name, required));
    }
    Names all = action.required;
    all.insert(all.end(), action.optional.begin(), action.optional.end());
    ARROW_RETURN_NOT_OK(CheckNames(fields, all, std::string(action.name) + "."));
  }
  if (!any) return CorruptData("none of its columns is one of a checkpoint");
  return arrow::Status::OK();
}

}  // namespace marquet::delta

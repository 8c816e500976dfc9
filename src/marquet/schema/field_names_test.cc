#include "marquet/schema/field_names.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "arrow/type.h"
#include "marquet/base/error.h"

namespace marquet::schema {
namespace {

using arrow::field;
using testing::HasSubstr;

std::shared_ptr<arrow::DataType> Pair() {
  return arrow::struct_({field("bid", arrow::int64()), field("Bid", arrow::int64())});
}

TEST(FieldNamesTest, ColumnsMustDifferByMoreThanCase) {
  EXPECT_TRUE(CheckFieldNames({field("a", arrow::int64()), field("b", arrow::int64())}).ok());
  const auto status = CheckFieldNames({field("a", arrow::int64()), field("A", arrow::int64())});
  EXPECT_TRUE(IsKind(status, ErrorKind::kSchema));
  EXPECT_THAT(status.message(), HasSubstr("there are two columns 'a' and 'A'"));
}

TEST(FieldNamesTest, FieldsOfStructsMustToo) {
  for (const auto& type :
       {Pair(), arrow::list(Pair()), arrow::large_list(Pair()), arrow::map(arrow::utf8(), Pair()),
        arrow::struct_({field("x", arrow::list(Pair()))}), arrow::fixed_size_list(Pair(), 2)}) {
    for (const auto& status :
         {CheckFieldNames({field("q", type)}), CheckStructNames({field("q", type), field("Q", type)})}) {
      EXPECT_TRUE(IsKind(status, ErrorKind::kSchema)) << type->ToString();
      EXPECT_THAT(status.message(), HasSubstr("column 'q"));
      EXPECT_THAT(status.message(), HasSubstr("there are two fields 'bid' and 'Bid'"));
    }
  }
}

TEST(FieldNamesTest, EqualNamesInDifferentStructsAreTwoNames) {
  const auto one = arrow::struct_({field("bid", arrow::int64())});
  EXPECT_TRUE(CheckFieldNames({field("a", one), field("b", one), field("bid", arrow::int64())}).ok());
}

TEST(FieldNamesTest, ColumnsOfPlainFilesMayDifferByCase) {
  EXPECT_TRUE(CheckStructNames({field("a", arrow::int64()), field("A", arrow::int64())}).ok());
}

}  // namespace
}  // namespace marquet::schema

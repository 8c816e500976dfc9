#include <gtest/gtest.h>

#include "marquet/jobs/ingest/ingest.h"

namespace marquet::jobs {
namespace {

TEST(IngestReportTest, TellsOfAFailedSourceWhatBecameOfIt) {
  IngestReport report;
  SourceReport& source = report.sources.emplace_back();
  source.source = "a.dbn";
  source.status = "failed";
  EXPECT_EQ(ToText(report), "a.dbn: failed; nothing of it was committed\n");
  source.parts.push_back({"trades", "t/trades", 3, 2});
  EXPECT_EQ(ToText(report),
            "a.dbn: failed; a part of it was committed\n  2 trades rows into t/trades, version 3\n");
  source.parts.clear();
  source.commit_unknown = true;
  EXPECT_EQ(ToText(report), "a.dbn: failed; whether its last rows were committed could not be learnt\n");
}

TEST(IngestReportTest, TellsWhatWasNotSelected) {
  IngestReport report;
  report.unmatched_symbols = {"CL*"};
  SourceReport& source = report.sources.emplace_back();
  source.source = "a.dbn";
  source.status = "ingested";
  source.records = 10;
  source.rows = 4;
  source.rows_not_selected = 6;
  source.rows_held = 2;
  EXPECT_EQ(ToText(report),
            "a.dbn: ingested 4 rows out of 10 records\n"
            "  6 rows not selected; 2 of them came with an earlier selection\n"
            "warning: no row in the times selected has a symbol that matches 'CL*'\n");
  source.rows = 1;
  source.rows_not_selected = 9;
  source.rows_there = 3;
  report.unmatched_symbols.clear();
  EXPECT_EQ(ToText(report),
            "a.dbn: ingested 1 row out of 10 records\n"
            "  3 rows that other tables of the split held already\n"
            "  6 rows not selected; 2 of them came with an earlier selection\n");
}

}  // namespace
}  // namespace marquet::jobs

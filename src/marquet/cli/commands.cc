#include "marquet/cli/command.h"

namespace marquet::cli {

const std::vector<Command>& Commands() {
  static const std::vector<Command> commands = {
      {"ingest", "Put market data files into a table, each exactly once",
       "  marquet ingest day.dbn.zst --into book\n"
       "  marquet ingest batch-folder/ --into book --jobs 4 --memory 2GB\n"
       "  cat day.dbn | marquet ingest - --into book\n"
       "  marquet ingest corrected.dbn.zst --into book --replace\n"
       "  marquet ingest days/ --into book --symbols 'ES*,NQH4' --start 2024-03-04T14:30 --end "
       "2024-03-04T21:00",
       DeclareIngest},
      {"scan", "Print or save rows of a table",
       "  marquet scan book --where \"symbol = 'ESH4' and price > '4750'\" --limit 10\n"
       "  marquet scan book --columns ts_event,bid_px_00,ask_px_00 --start 2024-03-04 --format csv\n"
       "  marquet scan book --as-of 2024-03-01 --format parquet -o march.parquet\n\n"
       "PREDICATE of --where:\n"
       "  tests      COLUMN = != <> < <= > >= VALUE or COLUMN, [not] in (VALUE, ...), [not] between VALUE "
       "and VALUE,\n"
       "             [not] like 'a%', is [not] null, is [not] nan\n"
       "  joined by  and, or, not, ( )\n"
       "  values     numbers, 'text', '2024-03-04T14:30' (UTC), true, false\n"
       "  columns    as they are named, or in \"double quotes\"",
       DeclareScan},
      {"info", "Show a table's version, schema, size and partitions",
       "  marquet info book\n"
       "  marquet info book --json",
       DeclareInfo},
      {"history", "List a table's commits, newest first",
       "  marquet history book --limit 5\n"
       "  marquet history book --json",
       DeclareHistory},
      {"check", "Check that a table is there, fresh and full, for cron and monitoring",
       "  marquet check book --max-age 1d --min-rows 1000\n"
       "  marquet check book --max-age 30m --column ts_event --quiet || page-somebody\n"
       "  marquet check book --max-age 1d --metrics > /var/lib/node_exporter/book.prom\n"
       "  marquet check book --min-rows 1 --json",
       DeclareCheck},
      {"ls", "List the tables in a directory and below it",
       "  marquet ls data/\n"
       "  marquet ls data/ --json",
       DeclareLs},
      {"export", "Turn a table back into DBN, CSV, JSON Lines or Parquet",
       "  marquet export book --to dbn -o day.dbn.zst\n"
       "  marquet export book --to dbn -o days/\n"
       "  marquet export book --to csv --where \"symbol = 'ESH4'\" -o es.csv\n"
       "  marquet export book --to jsonl -o - | jq .price",
       DeclareExport},
      {"verify", "Check every byte of files and tables",
       "  marquet verify book\n"
       "  marquet verify book/symbol=ESH4/date=2024-03-04/*.parquet --level crc\n"
       "  marquet verify book --json",
       DeclareVerify},
      {"rescue", "Bring back rows of a Parquet file that has no footer or damaged pages",
       "  marquet rescue broken.parquet -o rows.parquet --schema day-before.parquet\n"
       "  marquet rescue book/.part-0.parquet.1f3-0-9c0de2a4b5f60718.tmp -o rows.parquet\n"
       "  marquet rescue broken.parquet -o rows.parquet --table book --json",
       DeclareRescue},
      {"clean", "Remove temporary files of writers that are gone",
       "  marquet clean book\n"
       "  marquet clean book --yes\n"
       "  marquet clean data/ --older-than 2d --json",
       DeclareClean},
      {"depth", "Labelled market-depth samples out of order-book rows",
       "  marquet depth book --into samples --micro-pip 0.25 --fit-end 2024-03-04T19:00\n"
       "  marquet depth book --into samples --micro-pip 0.25 --mode append\n"
       "  marquet depth book --into es --symbol ESH4 --features volume,variance --definitions definitions\n"
       "  marquet depth book --into tested --micro-pip 0.25 --labels samples",
       DeclareDepth},
      {"completion", "A script by which bash, zsh or fish complete marquet's words",
       "  source <(marquet completion bash)\n"
       "  source <(marquet completion zsh)\n"
       "  marquet completion fish > ~/.config/fish/completions/marquet.fish",
       DeclareCompletion},
  };
  return commands;
}

}  // namespace marquet::cli

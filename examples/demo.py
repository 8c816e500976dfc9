"""From a day of order-book data to a trained network, with nothing but Marquet, Polars, deltalake and PyTorch.

Writes a simulated MBP-10 day of two symbols as DBN, ingests it into a table, looks at it, verifies it, reads it back
with two other engines, builds labelled depth samples, trains a small network on those of one symbol before 19:00, tests
it on those of the other from then on, and draws one depth tensor. Run by `make demo`; every step prints what it ran and
how long it took.
"""

from __future__ import annotations

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
SEED = 20240304
TRAINED, TESTED = "ESH4", "NQH4"
CUT = "2024-03-04T19:00"  # trained on before, tested from then on: no boundary of a label has seen a price of the test
MICRO_PIP = 0.25
# A tensor is a picture of 5,000 book updates; the day is short, so a bin holds 10 of them in place of 100. Its label
# compares the mean mid price of the 500 updates after it with that of its own.
SAMPLES = {
    "micro_pip": MICRO_PIP,
    "ticks_per_bin": 10,
    "hop": 100,
    "nbins": 3,
    "lookback": 5_000,
    "lookforward": 500,
    "offset": 0,
}
CLASSES = ["falls", "stays", "rises"]
EPOCHS = 5
NEAR = 32  # price rows on each side of the mid price that the network looks at

timings: list[tuple[str, float, str]] = []


@contextmanager
def step(title: str) -> Iterator[list[str]]:
    """Announces a step and keeps how long it took; the body may append a remark for the closing table."""
    print(f"\n\033[1m{title}\033[0m" if sys.stdout.isatty() else f"\n{title}", flush=True)
    remark: list[str] = []
    started = time.perf_counter()
    yield remark
    timings.append((title, time.perf_counter() - started, "; ".join(remark)))


def command(*words: str | pathlib.Path) -> None:
    """Shows and runs one command."""
    text = [str(word) for word in words]
    print("$ " + " ".join([os.path.relpath(text[0]), *text[1:]]), flush=True)
    subprocess.run(text, check=True)


def train(samples: pathlib.Path, later: pathlib.Path, book: pathlib.Path) -> str:
    """Trains a small network on one symbol, tests it on later samples of another; returns what came of it."""
    import marquet.torch
    import torch
    from torch.nn.functional import cross_entropy

    torch.manual_seed(SEED)
    model = torch.nn.Sequential(
        torch.nn.AvgPool2d((2, 10)),
        torch.nn.Conv2d(1, 8, 5, stride=(2, 3)),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.LazyLinear(len(CLASSES)),
    )

    def logits(depth: torch.Tensor) -> torch.Tensor:
        return model(depth[:, None, 201 - NEAR : 201 + NEAR])

    other = marquet.torch.DepthDataset(later, book, symbols=TESTED, shuffle=False)

    def test() -> tuple[float, float]:
        loss = right = seen = 0.0
        with torch.no_grad():
            for depth, labels in other:
                guesses = logits(depth)
                loss += cross_entropy(guesses, labels, reduction="sum").item()
                right += (guesses.argmax(dim=1) == labels).sum().item()
                seen += len(labels)
        return loss / seen, right / seen

    loss_before, right_before = test()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    dataset = marquet.torch.DepthDataset(samples, book, symbols=TRAINED, batch_size=32, seed=SEED)
    for epoch in range(EPOCHS):
        total = seen = 0.0
        for depth, labels in dataset:
            loss = cross_entropy(logits(depth), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(labels)
            seen += len(labels)
        print(f"epoch {epoch + 1}: {seen:,.0f} samples of {TRAINED}, cross entropy {total / seen:.3f}", flush=True)
    loss_after, right_after = test()
    guessing = 1 / len(CLASSES)
    print(
        f"on {TESTED} from {CUT} on, which neither the network nor the labels' boundaries have seen: cross entropy "
        f"{loss_before:.3f} -> {loss_after:.3f}, "
        f"right {right_before:.0%} -> {right_after:.0%} (guessing among {len(CLASSES)} classes: {guessing:.0%})\n"
        f"The market is simulated, and what there is to learn is simple: a price stays near where it was last."
    )
    return f"{right_after:.0%} right on {TESTED}; guessing: {guessing:.0%}"


def draw(samples: pathlib.Path, book: pathlib.Path, picture: pathlib.Path) -> None:
    """Draws the depth tensor of the sample with the largest move, where it is not empty."""
    import matplotlib

    import marquet

    matplotlib.use("Agg")
    import numpy
    from matplotlib import pyplot

    found = (
        marquet.open_table(samples).scan(filter=f"symbol = '{TRAINED}' and label is not null").to_arrow().to_pylist()
    )
    sample = max(found, key=lambda row: abs(row["move"]))
    rows = (
        marquet.open_table(book)
        .scan(
            filter=[
                ("symbol", "==", TRAINED),
                ("source_row", "between", (sample["first_source_row"], sample["last_source_row"])),
            ],
            sort_by=["source_row"],
        )
        .to_arrow()
    )
    ticks = sample["ticks_per_bin"]
    depth = marquet.depth.tensor(rows, micro_pip=MICRO_PIP, ticks_per_bin=ticks)
    bid, ask = (rows[f"{side}_px_00"].to_numpy() / 1e9 for side in ("bid", "ask"))
    mid = ((bid + ask) / 2)[ticks - 1 :: ticks]
    times = rows["ts_event"].to_numpy()[::ticks]
    lowest = (round((bid[-1] + ask[-1]) / MICRO_PIP) - 401) // 2  # of docs/depth.md, in micro-pips
    changes = numpy.flatnonzero((depth[1:] != depth[:-1]).any(axis=1))
    prices = (lowest + 401 - numpy.array([changes[-1] + 3, changes[0] - 2])) * MICRO_PIP

    figure, axes = pyplot.subplots(figsize=(10, 5.5), layout="constrained")
    bins = depth.shape[1]
    image = axes.imshow(
        depth,
        aspect="auto",
        cmap="RdBu_r",
        vmin=-1,
        vmax=1,
        interpolation="nearest",
        extent=(0, bins, (lowest - 0.5) * MICRO_PIP, (lowest + 401.5) * MICRO_PIP),
    )
    axes.plot(numpy.arange(bins) + 0.5, mid, color="black", linewidth=0.8, label="mid price")
    axes.set_ylim(*prices)
    axes.yaxis.set_major_formatter("{x:,.2f}")
    places = numpy.linspace(0, bins - 1, 6).astype(int)
    axes.set_xticks(places, [str(times[place].astype("datetime64[s]")).partition("T")[2] for place in places])
    axes.set_xlabel(f"UTC, {str(times[0])[:10]}; {bins} bins of {ticks} book updates")
    axes.set_ylabel(f"price ({len(depth)} rows of {MICRO_PIP} in the tensor, these have depth)")
    axes.set_title(
        f"Market depth of {TRAINED}, feature {sample['features']}\n"
        f"Class {sample['label']} of 0 to {len(CLASSES) - 1}: the price {CLASSES[sample['label']]}. "
        f"The mean of the next {SAMPLES['lookforward']} updates is {sample['move'] * 1e4:+.1f} bp from that of these",
        fontsize="medium",
    )
    axes.legend(loc="lower left")
    figure.colorbar(image, label="depth up to a price: asks +, bids -, of the largest")
    figure.savefig(picture, dpi=110)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=pathlib.Path, default=pathlib.Path("demo"), help="made anew each time")
    parser.add_argument("--records", type=int, default=400_000)
    arguments = parser.parse_args()
    out: pathlib.Path = arguments.out
    if out.exists():
        if any(out.iterdir()) and not (out / ".marquet-demo").exists():
            sys.exit(f"{out} exists and was not made by this demo; choose another --out")
        shutil.rmtree(out)
    out.mkdir(parents=True)
    (out / ".marquet-demo").touch()
    source, book, picture = out / "day.dbn.zst", out / "book", out / "depth.png"
    samples, later = out / "samples", out / "later_samples"

    with step("Write a day of order-book data as DBN") as remark:
        command(
            *(
                BIN / "marquet_generate",
                "--kind",
                "mbp-10",
                "--symbols",
                f"{TRAINED},{TESTED}",
                "--records",
                str(arguments.records),
            ),
            *("--seed", str(SEED), "--date", "2024-03-04", "--out", source),
        )
        remark.append(f"{arguments.records:,} records, {source.stat().st_size / 2**20:.1f} MiB")
    with step("Ingest it into a table"):
        command(BIN / "marquet", "ingest", source, "--into", book)
    with step("Look at the table"):
        command(BIN / "marquet", "info", book)
    with step("Verify every byte"):
        command(BIN / "marquet", "verify", book)
    with step("Read it with Polars") as remark:
        import polars

        shape = polars.scan_delta(str(book)).select("symbol", "ts", "bid_px_00", "ask_px_00").collect().shape
        print(f"polars.scan_delta: {shape[0]:,} rows")
        remark.append(f"{shape[0]:,} rows")
        assert shape[0] == arguments.records
    with step("Read it with deltalake") as remark:
        import deltalake

        rows = deltalake.DeltaTable(str(book)).to_pyarrow_table(columns=["symbol", "ts"]).num_rows
        print(f"deltalake: {rows:,} rows")
        remark.append(f"{rows:,} rows")
        assert rows == arguments.records
    with step("Build labelled depth samples"):
        import marquet

        print(marquet.depth.build_samples(book, samples, where=f"ts_recv < '{CUT}'", **SAMPLES), end="")
        boundaries = marquet.depth.load_labels(samples)
        print(
            marquet.depth.build_samples(book, later, where=f"ts_recv >= '{CUT}'", labels=boundaries, **SAMPLES), end=""
        )
    with step("Train on one symbol, test on the other") as remark:
        remark.append(train(samples, later, book))
    with step("Draw a depth tensor") as remark:
        draw(samples, book, picture)
        print(picture)
        remark.append(str(picture))

    print(f"\n{'step':<42}{'seconds':>8}")
    for title, seconds, text in timings:
        print(f"{title:<42}{seconds:>8.2f}  {text}")
    print(f"{'all':<42}{sum(seconds for _, seconds, _ in timings):>8.2f}")


if __name__ == "__main__":
    main()

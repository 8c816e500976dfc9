"""From a day of order-book data to a trained network, with nothing but Marquet, Polars, deltalake and PyTorch.

Writes a realistic MBP-10 day of two symbols as DBN, ingests it into a table, looks at it, verifies it, reads it back
with two other engines, builds labelled depth samples, trains a small network on them for a few seconds, and draws one
depth tensor. Run by `make demo`; every step prints what it ran and how long it took.
"""

from __future__ import annotations

import argparse
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
SYMBOLS = "ESH4,NQH4"
TIME_BINS, TICKS_PER_BIN, HOP = 250, 20, 500

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
    print("$ " + " ".join([pathlib.Path(text[0]).name, *text[1:]]), flush=True)
    subprocess.run(text, check=True)


def train(samples: pathlib.Path, book: pathlib.Path, seconds: float) -> tuple[int, int, list[float]]:
    """Trains a small convolutional network for a while; returns batches, samples and the losses."""
    import marquet.torch
    import torch

    torch.manual_seed(SEED)
    dataset = marquet.torch.DepthDataset(samples, book, batch_size=16, seed=SEED)
    model = torch.nn.Sequential(
        torch.nn.AvgPool2d(2),
        torch.nn.Conv2d(1, 8, 5, stride=3),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d((8, 8)),
        torch.nn.Flatten(),
        torch.nn.Linear(8 * 8 * 8, 13),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    losses: list[float] = []
    seen = epoch = 0
    until = time.perf_counter() + seconds
    while time.perf_counter() < until:
        dataset.set_epoch(epoch)
        for depth, labels in dataset:
            loss = torch.nn.functional.cross_entropy(model(depth[:, None]), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
            seen += len(labels)
            if time.perf_counter() > until:
                break
        epoch += 1
    return len(losses), seen, losses


def draw(samples: pathlib.Path, book: pathlib.Path, picture: pathlib.Path) -> None:
    """Draws the depth tensor of one sample."""
    import matplotlib

    matplotlib.use("Agg")
    import marquet.torch
    from matplotlib import pyplot

    depth, labels = next(iter(marquet.torch.DepthDataset(samples, book, batch_size=1, seed=SEED)))
    figure, axes = pyplot.subplots(figsize=(9, 5), layout="constrained")
    image = axes.imshow(depth[0].numpy(), aspect="auto", cmap="RdBu_r", vmin=-1, vmax=1, interpolation="nearest")
    axes.set_xlabel(f"time bin ({TICKS_PER_BIN} book updates each)")
    axes.set_ylabel("price row (highest price first)")
    axes.set_title(f"Market depth, class {int(labels[0])} of 13")
    figure.colorbar(image, label="cumulative depth: ask side +, bid side -")
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
    source, book, samples, picture = out / "day.dbn.zst", out / "book", out / "samples", out / "depth.png"

    with step("Write a day of order-book data as DBN") as remark:
        command(
            *(BIN / "marquet_generate", "--kind", "mbp-10", "--symbols", SYMBOLS, "--records", str(arguments.records)),
            *("--seed", str(SEED), "--date", "2024-03-04", "--out", source),
        )
        remark.append(f"{arguments.records:,} records, {source.stat().st_size / 1e6:.1f} MB")
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

        report = marquet.depth.build_samples(
            book,
            samples,
            hop=HOP,
            time_bins=TIME_BINS,
            ticks_per_bin=TICKS_PER_BIN,
            micro_pip=0.25,
        )
        print(report)
    with step("Train a network for five seconds") as remark:
        batches, seen, losses = train(samples, book, seconds=5)
        tenth = max(1, len(losses) // 10)
        before, after = sum(losses[:tenth]) / tenth, sum(losses[-tenth:]) / tenth
        print(f"{batches} batches, {seen} samples, cross entropy {before:.3f} -> {after:.3f}")
        remark.append(f"{seen:,} samples")
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

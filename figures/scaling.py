"""Time against devices, and a sweep against slots: from the record of `python -m empirical.run plan`."""

from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.ticker import StrMethodFormatter

from figures.palette import BLUE, INK, REFERENCE, Look, looks
from figures.style import figure, set_panel_title, set_title
from figures.theory_record import TheoryFigure, TheoryRecord

_HOUR = 3600.0


def draw_scaling(record: dict[str, Any], path: Path) -> None:
    """Draw an epoch's time against the number of devices, and a sweep's against slots. Writes `path`.svg and .png."""
    settings, curves, sweep = record["settings"], record["scaling"], record["sweep"]
    rate = ""
    if settings["images_per_second"]:
        rate = (
            f"Stated device: {settings['images_per_second']:g} images a second beside {settings['overhead_ms']:g} ms a "
            "step. "
        )
    first = curves[0]
    caption = (
        f"{first['title']}, batches of {first['batch']}, {first['steps']:,} steps an epoch; {record['about']['data']}; "
        f"seed {record['about']['seed']}. Measured: this machine, one {record['about']['environment']['processor']}, "
        f"{record['about']['environment']['threads']} thread{record['about']['load']}. {rate}"
        f"Interconnect, stated: {settings['bandwidth_gbps']:g} Gbit/s, {settings['latency_us']:g} us; "
        f"{first['gradient_bytes'] / 1e6:.0f} MB all-reduced by a ring. Simulated: means of epochs, compute varying by "
        f"{settings['variation']:.0%}. Sweep: {sweep['runs']:,} runs, {sweep['source']}; start-up "
        f"{sweep['interruptions']['start_up']:.0f} s, measured."
    )
    with figure(path, caption, width=11.4, height=4.8) as drawing:
        epochs, slots = drawing.subplots(1, 2)
        for curve, look in zip(curves, looks(len(curves)), strict=True):
            _draw_epochs(epochs, curve, look)
        handles, _ = epochs.get_legend_handles_labels()
        for name, style in (
            ("all-reduce overlapped", {"linestyle": "--"}),
            ("simulated", {"linestyle": "", "marker": "o", "markersize": 4}),
            ("in proportion to the devices", {"linestyle": ":", "linewidth": 1}),
        ):
            handles.append(Line2D([], [], color=REFERENCE, label=name, **style))
        set_panel_title(epochs, "an epoch, every batch shared by the devices")
        epochs.set(xlabel="devices", ylabel="hours", xscale="log", yscale="log")
        drawing.legend(handles=handles, loc="outside right upper", fontsize=8)
        _draw_sweep(slots, sweep)
        set_panel_title(slots, f"a sweep of {sweep['runs']:,} runs")
        slots.set(xlabel="slots, one run each at a time", ylabel="hours", xscale="log", yscale="log")
        slots.legend(loc="lower left", fontsize=8)
        for axes in (epochs, slots):
            axes.xaxis.set_major_formatter(StrMethodFormatter("{x:,.0f}"))
            axes.yaxis.set_major_formatter(StrMethodFormatter("{x:,g}"))
        set_title(drawing, "Where training and a sweep stop scaling")


def _draw_epochs(axes: Axes, curve: dict[str, Any], look: Look) -> None:
    color = look.color
    rows = curve["rows"]
    devices, hours = [row["devices"] for row in rows], [row["epoch"] / _HOUR for row in rows]
    half = curve["limits"]["in sequence"]["inefficient"]
    name = f"{curve['compute']} compute" + (
        "" if half is None else f",\nefficiency below one half\nfrom {half} devices on"
    )
    axes.plot(devices, hours, "-", color=color, label=name)
    axes.plot(devices, [row["epoch_overlapped"] / _HOUR for row in rows], "--", color=color)
    axes.plot(devices, [row["simulated"] / _HOUR for row in rows], look.marker, color=color, markersize=4)
    axes.plot(devices, [hours[0] * devices[0] / n for n in devices], ":", color=color, linewidth=1)
    if half is not None and half <= devices[-1]:
        axes.axvline(half, color=color, linewidth=0.8, alpha=0.6)


def _draw_sweep(axes: Axes, sweep: dict[str, Any]) -> None:
    rows = sweep["rows"]
    slots = [row["slots"] for row in rows]
    axes.plot(slots, [row["bound"] / _HOUR for row in rows], "-", color=INK, label="max(total/K, longest)")
    axes.plot(slots, [row["makespan"] / _HOUR for row in rows], "o", color=BLUE, label="simulated")
    axes.axvline(sweep["useful_slots"], color=REFERENCE, linewidth=0.8)
    axes.annotate(
        f"{sweep['useful_slots']:,} slots:\nthe longest run\ndecides",
        (sweep["useful_slots"], max(row["makespan"] for row in rows) / _HOUR),
        fontsize=7.5,
        ha="right",
        va="top",
    )


SCALING = TheoryRecord(
    "scaling",
    {"scaling": TheoryFigure(draw_scaling, ("settings", "scaling", "sweep"), ())},
    "python -m benchmarks.scaling PLAN.json --devices N ... --slots K ... --record scaling.json",
)

"""The README's chart: the time of one authentication, for light and for dark pages."""

from pathlib import Path

from matplotlib import pyplot as plt

from benches.comparison.measure import Measured

THEMES = {"light": ("#1f2328", "#b35900", "#8c959f"), "dark": ("#e6edf3", "#f0883e", "#6e7681")}


def draw(measured: dict[str, Measured], folder: Path) -> None:
    """Write ``comparison-light.svg`` and ``comparison-dark.svg`` into ``folder``."""
    # A file that is the same for the same figures.
    plt.rcParams["svg.hashsalt"] = "irontoken"
    contestants = sorted(measured.values(), key=lambda each: -each.median)
    for theme, (ink, ours, others) in THEMES.items():
        figure, axes = plt.subplots(figsize=(8, 3))
        colours = [ours if each.name == "irontoken" else others for each in contestants]
        names = [each.name for each in contestants]
        bars = axes.barh(names, [each.median * 1e6 for each in contestants], color=colours)
        axes.bar_label(bars, fmt="%.0f", padding=4, color=ink)
        axes.set_xlabel("microseconds to authenticate one request, less is better", color=ink)
        axes.tick_params(colors=ink, length=0)
        for side in ("top", "right", "left", "bottom"):
            axes.spines[side].set_visible(False)
        axes.set_xticks([])
        path = folder / f"comparison-{theme}.svg"
        figure.savefig(path, transparent=True, bbox_inches="tight", metadata={"Date": None})
        plt.close(figure)

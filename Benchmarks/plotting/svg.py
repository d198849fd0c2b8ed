# SPDX-License-Identifier: Apache-2.0
# SPDX-FileCopyrightText: 2026 The Roost authors
"""A plot with logarithmic axes as SVG, from nothing but text."""
import math
from html import escape

WIDTH, HEIGHT = 720, 400
LEFT, RIGHT, TOP, BOTTOM = 70, 170, 40, 50
COLORS = ("#0b6e99", "#b5532a", "#4b7f3a", "#7a4b9a")


def label(value):
    """1000000 as 1M, 0.05 as 0.05."""
    for size, name in ((1e6, "M"), (1e3, "k")):
        if value >= size:
            return f"{value / size:g}{name}"
    return f"{value:g}"


class Axis:
    """A logarithmic scale from pixels `start` to `end` that holds all values."""

    def __init__(self, values, start, end):
        low, high = min(values), max(values)
        self.low, self.high = 10 ** math.floor(math.log10(low)), 10 ** math.ceil(math.log10(high))
        if self.low == self.high:
            self.high *= 10
        self.start, self.end = start, end

    def place(self, value):
        share = math.log10(value / self.low) / math.log10(self.high / self.low)
        return self.start + share * (self.end - self.start)

    def ticks(self):
        tick, decades = self.low, math.log10(self.high / self.low)
        while tick <= self.high * 1.001:
            for step in (1,) if decades > 3 else (1, 2, 5):
                if self.low <= tick * step <= self.high * 1.001:
                    yield tick * step
            tick *= 10


def plot(title, x_title, y_title, series):
    """`series`: a dictionary of names to lists of (x, y)."""
    points = [point for line in series.values() for point in line]
    x_axis = Axis([x for x, _ in points], LEFT, WIDTH - RIGHT)
    y_axis = Axis([y for _, y in points], HEIGHT - BOTTOM, TOP)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" font-family="sans-serif" '
           'font-size="12">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
           f'<text x="{LEFT}" y="22" font-size="15">{escape(title)}</text>']
    for tick in x_axis.ticks():
        x = x_axis.place(tick)
        out.append(f'<line x1="{x:.1f}" y1="{TOP}" x2="{x:.1f}" y2="{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        out.append(f'<text x="{x:.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label(tick)}</text>')
    for tick in y_axis.ticks():
        y = y_axis.place(tick)
        out.append(f'<line x1="{LEFT}" y1="{y:.1f}" x2="{WIDTH - RIGHT}" y2="{y:.1f}" stroke="#ddd"/>')
        out.append(f'<text x="{LEFT - 8}" y="{y + 4:.1f}" text-anchor="end">{label(tick)}</text>')
    out.append(f'<text x="{(LEFT + WIDTH - RIGHT) / 2}" y="{HEIGHT - 10}" text-anchor="middle">{escape(x_title)}</text>')
    out.append(f'<text transform="translate(16 {(TOP + HEIGHT - BOTTOM) / 2}) rotate(-90)" '
               f'text-anchor="middle">{escape(y_title)}</text>')
    for index, (name, line) in enumerate(series.items()):
        color = COLORS[index % len(COLORS)]
        places = [(x_axis.place(x), y_axis.place(y)) for x, y in line]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        out.append(f'<polyline points="{path}" fill="none" stroke="{color}" stroke-width="2"/>')
        out += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{color}"/>' for x, y in places]
        y = TOP + 14 + index * 20
        out.append(f'<line x1="{WIDTH - RIGHT + 12}" y1="{y - 4}" x2="{WIDTH - RIGHT + 32}" y2="{y - 4}" '
                   f'stroke="{color}" stroke-width="2"/>')
        out.append(f'<text x="{WIDTH - RIGHT + 38}" y="{y}">{escape(name)}</text>')
    return "\n".join([*out, "</svg>", ""])

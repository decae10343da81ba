// Charts of the last minutes, each with the same numbers as a table for those who do not see them.

import { el, fill, freshId } from "./dom.js";
import { clock, NOTHING } from "./format.js";
import { t } from "./i18n.js";

const HEIGHT = 170;
const TABLE_ROWS = 10;


// `light-dark(...)` is resolved only where it is used as a colour.
function resolved(names) {
  const probe = el("span");
  document.body.append(probe);
  const found = names.map((name) => {
    probe.style.color = `var(${name})`;
    return getComputedStyle(probe).color;
  });
  probe.remove();
  return found;
}

// `series`: [{label, unit, of: point => number, show: number => text}]; `marks`: point => whether a line stands there.
export class Chart {
  constructor({ title, series, marks = () => false, markLabel = "" }) {
    this.series = series;
    this.marks = marks;
    this.points = [];
    this.colours = resolved(series.map((_, place) => `--series-${place + 1}`));
    const id = freshId("chart");
    this.place = el("div", { class: "plot", role: "img", "aria-labelledby": id, "aria-describedby": `${id}-now` });
    this.now = el("p", { class: "legend", id: `${id}-now` });
    this.table = el("tbody");
    this.element = el(
      "figure",
      { class: "card" },
      el("figcaption", { id }, title),
      this.now,
      this.place,
      el("details", {}, el("summary", {}, t("chart.table")), this.tableOf(title)),
    );
    this.markLabel = markLabel;
  }

  tableOf(title) {
    const heads = [t("chart.time"), ...this.series.map((each) => each.label + (each.unit && ` (${each.unit})`))];
    return el(
      "div",
      { class: "scroll", tabindex: 0, role: "region", "aria-label": title },
      el("table", {}, el("thead", {}, el("tr", {}, heads.map((head) => el("th", { scope: "col" }, head)))), this.table),
    );
  }

  // Once it stands in the page: its width is known only there.
  begin(signal) {
    this.plot = new window.uPlot(this.options(), this.data(), this.place);
    this.observer = new ResizeObserver(() => this.plot.setSize({ width: this.place.clientWidth, height: HEIGHT }));
    this.observer.observe(this.place);
    signal.addEventListener("abort", () => {
      this.observer.disconnect();
      this.plot.destroy();
    });
  }

  update(points) {
    this.points = points;
    this.plot?.setData(this.data());
    fill(this.now, this.series.map((each, place) => this.legend(each, place)));
    fill(this.table, points.slice(-TABLE_ROWS).reverse().map((point) => this.row(point)));
  }

  data() {
    const times = this.points.map((point) => point.at / 1000);
    return [times, ...this.series.map((each) => this.points.map((point) => each.of(point) ?? null))];
  }

  legend(each, place) {
    const last = this.points.at(-1);
    const text = last ? each.show(each.of(last)) : NOTHING;
    return el(
      "span",
      { class: `series series-${place + 1}` },
      el("span", { class: "key", "aria-hidden": "true" }),
      `${each.label} `,
      el("b", {}, `${text} ${text === NOTHING ? "" : each.unit}`),
    );
  }

  row(point) {
    const cells = this.series.map((each) => el("td", { class: "number" }, each.show(each.of(point))));
    return el("tr", {}, el("th", { scope: "row" }, clock(point.at), this.marks(point) && ` ${this.markLabel}`), cells);
  }

  options() {
    const [muted, line] = resolved(["--muted", "--line"]);
    const axis = { stroke: muted, grid: { stroke: line, width: 1 }, ticks: { stroke: line, width: 1 }, font: "11px system-ui" };
    return {
      width: this.place.clientWidth || 300,
      height: HEIGHT,
      legend: { show: false },
      cursor: { y: false, drag: { x: false, y: false } },
      padding: [8, 6, 0, 0],
      scales: { y: { range: (_, least, most) => [Math.min(0, least ?? 0), (most ?? 1) * 1.1 || 1] } },
      axes: [
        { ...axis, size: 30, values: (_, splits) => splits.map((at) => clock(at * 1000)), space: 70 },
        { ...axis, size: 48, values: (_, splits) => splits.map((value) => this.series[0].tick?.(value) ?? this.series[0].show(value)) },
      ],
      series: [
        {},
        ...this.series.map((each, place) => ({
          label: each.label,
          stroke: this.colours[place],
          width: 1.75,
          dash: place ? [5, 3] : undefined, // not by colour alone
          points: { show: false },
          spanGaps: false,
        })),
      ],
      hooks: { draw: [(plot) => this.drawMarks(plot)] },
    };
  }

  drawMarks(plot) {
    const [bad] = resolved(["--bad"]);
    plot.ctx.save();
    plot.ctx.strokeStyle = bad;
    plot.ctx.setLineDash([]);
    plot.ctx.lineWidth = window.devicePixelRatio;
    for (const point of this.points.filter(this.marks)) {
      const x = Math.round(plot.valToPos(point.at / 1000, "x", true)) + 0.5;
      plot.ctx.beginPath();
      plot.ctx.moveTo(x, plot.bbox.top);
      plot.ctx.lineTo(x, plot.bbox.top + plot.bbox.height);
      plot.ctx.stroke();
    }
    plot.ctx.restore();
  }
}
